"""The two networks and their trainer on generated data; no corpus, no shipped weights."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import soundfile
import torch

from core import training
from core.errors import DataError
from core.parametric import data, train
from core.parametric.data import Utterance
from core.parametric.model import (
    FEATURES,
    STATIC,
    AcousticModel,
    AcousticModelConfig,
    DurationModel,
    DurationModelConfig,
    positions,
)
from core.text import alignment, context, english

SMALL = AcousticModelConfig(hidden=16, width=32, layers=2, dropout=0.0)


def utterance(seed: int, phones: int = 9) -> Utterance:
    """A sentence of chance, with pauses at its ends; the first has no length."""
    rng = np.random.default_rng(seed)
    features = (rng.uniform(size=(phones, FEATURES)) < 0.1).astype(np.float32)
    features[:, context.feature_names().index("c=SIL")] = 0
    features[[0, -1], context.feature_names().index("c=SIL")] = 1
    durations = rng.integers(2, 15, phones)
    durations[0] = 0
    frames = durations.sum()
    static = np.cumsum(rng.normal(size=(frames, STATIC)), axis=0).astype(np.float32) * 0.1
    static[:, -2] = 5 + 0.1 * np.sin(np.arange(frames) / 5)
    return Utterance(f"u{seed:02d}", features, durations, static, rng.uniform(size=frames) < 0.6)


@pytest.fixture
def sentences() -> list[Utterance]:
    return [utterance(seed, phones=7 + seed) for seed in range(4)]


def test_positions_by_hand() -> None:
    found = positions(torch.tensor([2, 0, 1]))
    expected = [
        [0.25, 0.75, 0.75, 0.0, 1 / 11, 0.1 * math.log(2)],
        [0.75, 0.25, 0.75, 1 / 11, 0.0, 0.1 * math.log(2)],
        [0.5, 0.5, 1.0, 0.0, 0.0, 0.0],
    ]
    assert torch.allclose(found, torch.tensor(expected))


def test_a_sentence_is_said_alike_alone_and_in_a_batch(sentences: list[Utterance]) -> None:
    torch.manual_seed(0)
    acoustic, lasting = AcousticModel(SMALL).eval(), DurationModel().eval()
    train.standardise(acoustic, sentences)
    batch = data.collate(sentences)
    together = acoustic(batch.features, batch.durations, batch.phones)
    log_mean, at = lasting(batch.features, batch.phones), 0
    for row, one in zip(log_mean, sentences):
        means, voicing = acoustic.predict(one.features, one.durations)
        part = together[at : at + len(one.static)].double()
        assert np.allclose(part[:, -1].sigmoid().detach().numpy(), voicing, atol=1e-6)
        scaled = part[:, :-1].detach().numpy() * acoustic.deviation.numpy() + acoustic.mean.numpy()
        assert np.allclose(scaled, means, atol=1e-4)
        assert np.allclose(row[: len(one.features)].exp().detach(), lasting.predict(one.features), rtol=1e-4)
        at += len(one.static)
    chosen = torch.tensor([3, 0, 30])
    assert torch.allclose(
        acoustic(batch.features, batch.durations, batch.phones, chosen), together[chosen], atol=1e-6
    )  # fmt: skip


def test_standardised_targets_have_mean_0_and_deviation_1(sentences: list[Utterance]) -> None:
    model = AcousticModel(SMALL)
    train.standardise(model, sentences)
    rows = np.concatenate([data.targets(one)[:, :-1] for one in sentences])
    scaled = (rows - model.mean.numpy()) / model.deviation.numpy()
    assert np.allclose(scaled.mean(axis=0), 0, atol=1e-3) and np.allclose(scaled.std(axis=0), 1, atol=1e-3)
    spoken = [one.static[train.speech(one)][:, 3].var() for one in sentences]
    assert model.global_variance[3] == pytest.approx(np.mean(spoken), rel=1e-3)
    assert (~train.speech(sentences[0])).sum() == sentences[0].durations[-1]


def test_gamma_loss_is_least_at_the_mean() -> None:
    """One phone, durations 4 and 16: the likelihood of any gamma shape is greatest at 10."""
    model = DurationModel(DurationModelConfig(hidden=4, dropout=0.0))
    features, phones = torch.zeros(2, 1, FEATURES), torch.ones(2, dtype=torch.long)
    batch = data.Batch(features, torch.tensor([[4], [16]]), phones, torch.zeros(0, 0))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        train.step_loss(model, batch)
        optimizer.step()
    assert model.predict(np.zeros((1, FEATURES)))[0] == pytest.approx(10, rel=0.02)


def test_one_batch_is_learnt_by_heart(sentences: list[Utterance]) -> None:
    torch.manual_seed(0)
    model = AcousticModel(AcousticModelConfig(hidden=32, width=64, layers=2, dropout=0.0))
    train.standardise(model, sentences)
    batch = data.collate(sentences)
    optimizer = train.optimizer_for(model, 3e-3)
    before = train.acoustic_loss(model, batch, 1.0).item()
    for _ in range(200):
        optimizer.zero_grad()
        train.acoustic_loss(model, batch, 1.0).backward()
        optimizer.step()
    assert before > 1.5 and train.acoustic_loss(model, batch, 1.0).item() < 0.35 * before


def test_boundaries_become_frames_that_add_up() -> None:
    parts = (("SIL", 0, 0, -1), ("AA1", 0, 0.1, 0), ("T", 0.1, 0.13, 0), ("SIL", 0.13, 0.2, -1))
    found = alignment.Alignment((), tuple(alignment.Segment(*part) for part in parts))
    assert data.durations(found, 42).tolist() == [0, 20, 6, 16]


@pytest.fixture
def corpus(tmp_path):
    """A corpus of four sentences of noise and tones, with an alignment that cuts each into equal parts."""
    (tmp_path / "wavs").mkdir()
    texts = ["Will we ever forget it?", "God bless them.", "And you always want to see it.", "Gad, your letter."]
    found, sentences, rng = {}, {}, np.random.default_rng(0)
    for number, text in enumerate(texts):
        name, words = f"s{number}", english.words(text)
        contexts = context.contexts(words, frozenset())
        x = 0.2 * np.sin(2 * np.pi * 150 * np.arange(16_000) / 16_000) + 0.01 * rng.normal(size=16_000)
        soundfile.write(tmp_path / "wavs" / f"{name}.wav", x, 16_000)
        ends = np.round(np.linspace(0, 1, len(contexts) + 1), 2).tolist()
        segments = tuple(
            alignment.Segment(c.phone, a, b, c.word if c.c != "SIL" else -1)
            for c, a, b in zip(contexts, ends, ends[1:])
        )  # fmt: skip
        found[name], sentences[name] = alignment.Alignment(tuple(words), segments), text
    alignment.write(tmp_path / "alignment.json", found, sentences)
    return tmp_path


@pytest.mark.parametrize("kind", ["acoustic", "duration"])
def test_the_trainer_runs_and_continues(corpus, kind: str) -> None:
    pytest.importorskip("pyworld")
    arguments = [
        "--model", kind, "--data", str(corpus), "--alignment", str(corpus / "alignment.json"),
        "--cache", str(corpus / "cache.npz"), "--run", str(corpus / "run"), "--batch", "2",
    ]  # fmt: skip
    train.main([*arguments, "--steps", "2"])
    train.main([*arguments, "--steps", "1"])
    assert training.Checkpoint(corpus / "run").steps() == 3
    state = json.loads((corpus / "run" / "state.json").read_text())
    assert all(math.isfinite(value) for value in state["evaluation"].values())
    assert f"--model {kind} --data PATH" in state["command"]


def test_the_cache_gives_back_what_was_analysed(corpus) -> None:
    pytest.importorskip("pyworld")
    options = {"cache": corpus / "cache.npz"}
    made = data.prepare(corpus, corpus / "alignment.json", **options)
    restored = data.prepare(corpus, corpus / "alignment.json", **options)
    assert sorted(made) == sorted(restored) == ["s0", "s1", "s2", "s3"]
    for name, one in made.items():
        assert np.array_equal(one.static, restored[name].static)
        assert np.allclose(one.features, restored[name].features, atol=1e-3)
        assert one.durations.sum() == len(one.static) == 201
    learnt, held_out = data.split(made)
    assert {one.name for one in learnt} | {one.name for one in held_out} == set(made) and len(held_out) == 1


def test_no_alignment_of_this_corpus(corpus, tmp_path) -> None:
    with pytest.raises(DataError):
        data.prepare(corpus, tmp_path / "absent.json")
    alignment.write(tmp_path / "other.json", {}, {})
    with pytest.raises(DataError, match="align that corpus"):
        data.prepare(corpus, tmp_path / "other.json")
