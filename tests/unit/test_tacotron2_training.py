"""What Tacotron 2 learns from: tokens with times, where to look, batches; and that it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_tacotron import SMALL, TEXT, spoken

from core import training
from core.tacotron2 import data, train
from core.tacotron2.model import Tacotron2
from core.text.tokens import table, tokens


def test_timed_tokens_are_those_of_the_front_end():
    symbols, starts = data.timed_tokens(spoken())
    assert symbols == list(tokens(TEXT, "en").symbols)
    assert len(starts) == len(symbols) + 1 and bool((np.diff(starts) >= 0).all())
    at = dict(zip(symbols, zip(starts, starts[1:])))
    assert at["^"] == (0.0, 0.25) and at["EH1"] == pytest.approx((0.35, 0.45))
    assert at[","][1] - at[","][0] == pytest.approx(0.3, abs=0.02)  # the mark has the pause
    assert at["~"][1] - at["~"][0] == pytest.approx(0.5, abs=0.02)
    widths = np.diff(starts)
    assert widths.min() >= data.LEAST_S / 2 - 1e-9  # every token can be visited


def test_looks_are_the_share_of_each_step():
    """Against counting: a thousand instants of each step, each belonging to one token."""
    starts = np.array([0.0, 0.11, 0.13, 0.4, 0.62])
    steps, r = 9, 5
    looks = data.weights(starts, steps, r).numpy()
    for s in range(steps):
        instants = (np.arange(1000) + 0.5) / 1000 * r * 0.0125 + s * r * 0.0125 - 0.00625
        owner = np.clip(np.searchsorted(starts, instants, side="right") - 1, 0, 3)
        assert np.allclose(looks[s], np.bincount(owner, minlength=4) / 1000, atol=2e-3)


def example(seed: int = 0, frames: int = 60) -> data.Example:
    found = spoken(phone_s=0.04, pause_s=0.1)
    symbols, starts = data.timed_tokens(found)
    ids = torch.tensor([table("en", "phones").index(s) for s in symbols])
    starts = np.minimum(starts, frames * data.FRAME_S)
    mel = torch.randn(80, frames, generator=torch.Generator().manual_seed(seed)) * 2 - 5
    return data.Example(f"e{seed}", ids, mel, starts)


def test_batches_are_padded_and_every_sentence_comes_once():
    short, long = replace(example(0), mel=example(0).mel[:, :41]), example(1)
    batch = data.collate([short, long], 3)
    assert batch.mel.shape == (2, 80, 60) and batch.frames.tolist() == [41, 60]
    assert float(batch.mel[0, :, 41:].max()) == pytest.approx(np.log(1e-5))
    assert batch.alignment is not None
    sums = batch.alignment.sum(dim=2)
    assert torch.allclose(sums[0, :14], torch.ones(14)) and float(sums[0, 14:].abs().max()) == 0.0
    many = [example(seed) for seed in range(7)]
    stream = data.batches(many, batch=2, frames_per_step=3)
    seen = [len(next(stream).ids) for _ in range(4)]
    assert sum(seen) == 7


@pytest.mark.parametrize("own_attention", [False, True])
def test_padding_costs_nothing(own_attention):
    """A sentence alone and beside a longer one has the same loss, dropout and batch statistics apart."""
    torch.manual_seed(0)
    model = Tacotron2(SMALL).eval()
    short, long = replace(example(0), mel=example(0).mel[:, :42]), example(1)
    alone, both = data.collate([short], 3), data.collate([short, long], 3)
    with torch.no_grad():
        outs = []
        for batch in (alone, both):
            if own_attention:
                outs.append(model(batch.ids, batch.lengths, batch.mel, prenet_dropout=0.0))
            else:
                outs.append(model.teach(batch.ids, batch.lengths, batch.mel, batch.alignment, prenet_dropout=0.0))
    assert torch.allclose(outs[0].before[0], outs[1].before[0, :, :42], atol=1e-5)
    assert torch.allclose(outs[0].alignment[0], outs[1].alignment[0, :14], atol=1e-5)


def test_one_batch_is_learnt_and_attention_follows(tmp_path):
    torch.manual_seed(0)
    batch = data.collate([example(0), example(1)], 3)
    model = Tacotron2(SMALL).train()
    state = training.fit(
        model, iter(lambda: batch, None), train.step_loss, folder=tmp_path,
        schedule=training.Schedule(steps=120, learning_rate=5e-3, warmup_steps=5, ema=0.9, log_every=10),
    )  # fmt: skip
    assert state["step"] == 120
    found = train.evaluate(model.eval(), [example(0), example(1)])
    assert found["attention_right"] > 0.9  # a random one is right in one of thirteen
    log = (tmp_path / "log.jsonl").read_text().splitlines()
    first, last = (float(line.split('"loss": ')[1].split(",")[0]) for line in (log[0], log[-1]))
    assert last < 0.6 * first


def test_the_command_needs_an_alignment(tmp_path):
    from core.errors import DataError

    with pytest.raises(DataError, match="alignment"):
        data.load(tmp_path, tmp_path / "none.json")
