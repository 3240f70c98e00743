"""Unit selection, against brute force, closed forms and recordings that must come out as they went in."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import small_voice
import torch
from small_voice import RATE_HZ, TEXTS

from core.errors import SamplingError, TextError
from core.text import context, english
from core.unit_selection import costs, data, joins, respeak, search, synthesize, tune, viterbi
from core.unit_selection.costs import TargetWeights
from core.unit_selection.model import Voice


@pytest.fixture(scope="module")
def utterances() -> list[data.Utterance]:
    return small_voice.recordings()


@pytest.fixture(scope="module")
def voice(utterances, tmp_path_factory) -> Voice:
    pytest.importorskip("pyworld")
    return small_voice.shipped(utterances, tmp_path_factory.mktemp("weights"))


@pytest.fixture
def exact(voice, utterances, monkeypatch) -> Voice:
    """The same voice with its sound as it was before the codec."""
    monkeypatch.setattr(voice, "sound", small_voice.exactly(utterances))
    return voice


# The search


@pytest.mark.parametrize("seed", range(20))
def test_viterbi_finds_what_enumeration_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, rng.integers(1, 7))
    targets = [rng.integers(0, 6, n).astype(np.float32) for n in sizes]
    edges = [rng.integers(0, 6, (a, b)).astype(np.float32) for a, b in zip(sizes, sizes[1:])]
    w, v = rng.choice([0.0, 0.5, 1.0, 3.0], 2)

    def cost(path: tuple[int, ...]) -> float:
        nodes = sum(float(t[k]) for t, k in zip(targets, path))
        return w * nodes + v * sum(float(m[a, b]) for m, a, b in zip(edges, path, path[1:]))

    every = {path: cost(path) for path in itertools.product(*map(range, sizes))}
    path, total = viterbi(targets, edges, target_weight=w, join_weight=v)
    assert total == pytest.approx(min(every.values())) and every[tuple(path)] == pytest.approx(total)


def test_lattice_is_what_its_path_says(voice) -> None:
    said = synthesize("The man sat on a mat.", speaker=voice, target_weight=0.7, join_weight=2.0)
    lattice, path = said.lattice, said.path
    assert [m.shape for m in lattice.joins] == [
        (len(a.total), len(b.total)) for a, b in zip(lattice.columns, lattice.columns[1:])
    ]
    assert path.target_costs == tuple(float(c.total[k]) for c, k in zip(lattice.columns, path.rows))
    assert path.total == pytest.approx(0.7 * sum(path.target_costs) + 2.0 * sum(path.join_costs))
    wanted = np.array(list(vars(TargetWeights()).values()))
    for column in lattice.columns:
        assert np.allclose(column.parts @ wanted, column.total, atol=1e-5)
        assert (np.diff(column.total) >= 0).all()
    codes, c = voice.arrays["codes"], data.COLUMN["c"]
    for column in lattice.columns:
        if column.kind == "diphone":
            for k, name in enumerate(column.used):
                assert {context.PHONES[i] for i in codes[column.left // 2 + k, c]} == {name}


def test_without_joins_every_target_takes_its_cheapest(voice) -> None:
    said = synthesize("The man sat on a mat.", speaker=voice, join_weight=0)
    assert said.path.rows == (0,) * len(said.lattice.columns)
    free = synthesize("The man sat on a mat.", speaker=voice, target_weight=0)
    assert sum(free.path.join_costs) <= sum(said.path.join_costs)
    nothing = synthesize("The man sat on a mat.", speaker=voice, target_weight=0, join_weight=0)
    assert nothing.path.total == 0 and nothing.seconds > 0.5


def test_pruning_keeps_what_continues_a_neighbour(voice) -> None:
    sentence = context.contexts(english.words(TEXTS[2]))
    narrow, wide = (search.build(voice, sentence, candidates=k) for k in (1, 400))
    assert all(len(a.total) <= 3 for a in narrow.columns)
    assert max(len(b.total) for b in wide.columns) > 3
    for a, b in itertools.pairwise(narrow.columns):
        assert set(a.right[:1]) & set(wide.columns[narrow.columns.index(b)].left) <= set(b.left)
    assert search.cheapest(wide).total <= search.cheapest(narrow).total


# What comes out


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_a_sentence_of_the_corpus_comes_out_as_it_was_recorded(exact, utterances, number: int) -> None:
    said = synthesize(TEXTS[number], speaker=exact, target_weights=TargetWeights(duration=0, pitch=0))
    assert {unit.recording for unit in said.units} == {number} and not said.joins
    assert sum(said.path.join_costs) == 0
    assert sum(said.path.target_costs) == pytest.approx(0, abs=1e-4)
    start, end = (
        exact.arrays["points"][p] for p in (said.lattice.columns[0].left[0], said.lattice.columns[-1].right[0])
    )
    expected = utterances[number].audio[start:end]
    inside = slice(joins.EDGE_FADE_SAMPLES, -joins.EDGE_FADE_SAMPLES)
    assert np.array_equal(said.audio.numpy()[inside], expected[inside])


def test_an_excluded_recording_is_not_used(voice) -> None:
    said = synthesize(TEXTS[0], speaker=voice, exclude={"r0"})
    assert 0 not in {unit.recording for unit in said.units} and said.joins


def test_where_units_come_from_and_go(exact, utterances) -> None:
    said = synthesize("Ten men met a dog, and sat.", speaker=exact)
    assert said.units[0].at_s == 0 and said.units[-1].until_s == pytest.approx(said.seconds)
    for a, b in itertools.pairwise(said.units):
        assert (a.until_s == pytest.approx(b.at_s)) if not b.joined else abs(a.until_s - b.at_s) < 0.005
        assert b.joined == ((a.recording, a.stop_s) != (b.recording, b.start_s))
    assert [join.column for join in said.joins] == [i for i, unit in enumerate(said.units) if unit.joined]
    for unit in said.units:  # in the middle of a long unit the output is the recording
        middle, half = (unit.start_s + unit.stop_s) / 2, 40
        there = round(middle * RATE_HZ)
        here = there + round((unit.at_s - unit.start_s) * RATE_HZ)
        if unit.stop_s - unit.start_s > 0.07:
            x = utterances[unit.recording].audio[there - half : there + half]
            assert np.abs(said.audio.numpy()[here - half : here + half] - x).max() < 1e-4
        assert unit.word in ("", *exact.recordings[unit.recording].words)


def test_searching_again_is_speaking_anew(voice) -> None:
    text = "Sam can stand on the sand."
    first = synthesize(text, speaker=voice)
    again = respeak(first, target_weight=0.2, join_weight=3, speaker=voice)
    anew = synthesize(text, speaker=voice, target_weight=0.2, join_weight=3)
    assert again.path == anew.path and torch.equal(again.audio, anew.audio)
    assert torch.equal(synthesize(text, speaker=voice).audio, first.audio)


def test_what_the_corpus_lacks_is_backed_off_and_shown(voice) -> None:
    assert "ZH" not in voice.inventory and "OY" not in voice.inventory
    said = synthesize("A vision of joy.", speaker=voice)
    shown = {unit.label for unit in said.units if unit.backed_off}
    stand_ins = {c.wanted: c.used for c in said.lattice.columns if c.wanted != c.used}
    assert any(label.endswith("-") for label in shown) and any(label.startswith("-") for label in shown)
    assert any("ZH" in wanted for wanted in stand_ins) and any("OY" in wanted for wanted in stand_ins)
    assert all(set(used) <= voice.inventory for used in stand_ins.values())
    halves = [c.kind for c in said.lattice.columns if c.kind != "diphone"]
    assert halves[::2] == ["first half"] * (len(halves) // 2) and halves[1::2] == ["second half"] * (
        len(halves) // 2
    )


# Costs


def test_join_costs_by_their_definition() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (4, 15)), rng.normal(0, 1, (3, 15))
    a[:, 14], b[:, 14] = [1, 1, 0, 0], [1, 0, 0]
    b[2] = a[2]
    found = costs.join_costs(a, b, np.zeros((4, 3), bool))
    for i, j in itertools.product(range(4), range(3)):
        assert found[0, i, j] == pytest.approx(np.sqrt(np.mean((a[i, :12] - b[j, :12]) ** 2)), abs=1e-3)
        voiced = bool(a[i, 14]), bool(b[j, 14])
        pitch = abs(a[i, 13] - b[j, 13]) / costs.PITCH_DEVIATION if all(voiced) else float(any(voiced))
        assert found[1, i, j] == pytest.approx(pitch, rel=1e-5)
        assert found[2, i, j] == pytest.approx(abs(a[i, 12] - b[j, 12]), rel=1e-5)
    assert not costs.join_costs(a, b, np.ones((4, 3), bool)).any()


def test_target_costs_are_zero_for_the_target_itself_and_grow_with_what_differs() -> None:
    sentence = context.contexts(english.words("Seven men sing, and then they stand."))
    codes = data.codes(sentence)
    targets = costs.Targets(codes, np.full(len(codes), -2.5), np.full(len(codes), 5.2))
    measured = np.tile([-2.5, 5.2], (len(codes), 1))
    for at in range(len(codes)):
        own = costs.phone_costs(targets, at, codes, measured, np.ones(2))
        assert not own[at].any()
        near = costs.context_costs(targets, at, codes, left=1.0, right=1.0)
        assert near[at] == 0 and near.max() > 0.5
    longer = measured + [[1.0, 0.0]]
    higher = measured + [[0.0, 0.5]]
    parts = [costs.phone_costs(targets, 3, codes, m, np.array([0.5, 0.25]))[3] for m in (longer, higher)]
    assert parts[0].tolist() == [0, 0, 0, 0, 2.0, 0] and parts[1].tolist() == [0, 0, 0, 0, 0, 2.0]


# Tuning


def test_what_tuning_measures(exact, utterances) -> None:
    frames = [data.frames(u.audio) for u in utterances[:2]]
    assert tune.distance(frames[0], frames[0]) == (0.0, 0.0)
    slow = data.Frames(*(np.repeat(x, 2, axis=0) for x in vars(frames[0]).values()))
    assert tune.distance(frames[0], slow)[0] < 0.3 * tune.distance(frames[0], frames[1])[0]
    higher = data.Frames(
        frames[0].cepstra, frames[0].energy, np.where(frames[0].log_f0 > 0, frames[0].log_f0 + 0.25, 0)
    )
    assert tune.distance(frames[0], higher) == pytest.approx((0.0, 0.25))
    perfect = TargetWeights(duration=0, pitch=0)
    assert tune.roughness(synthesize(TEXTS[0], speaker=exact, target_weights=perfect), exact) == 0
    patched = synthesize(TEXTS[0], speaker=exact, exclude={"r0"})
    weighted = np.array(list(vars(costs.JoinWeights()).values()))
    assert tune.roughness(patched, exact) * weighted.max() >= sum(patched.path.join_costs) / len(patched.units)
    assert tune.total(np.array([1.0, 0.2, 0.5])) == pytest.approx(2.5)


# What cannot be


@pytest.mark.parametrize(
    "text",
    ["", "  \n", "?!…", "word " * 2000, "🙂🙃", "Привет, мир", "안녕하세요", "a" * 601],
    ids=lambda t: t[:6],
)
def test_texts_that_cannot_be_said(voice, text: str) -> None:
    with pytest.raises(TextError):
        synthesize(text, speaker=voice)


@pytest.mark.parametrize(
    "text", ["12345", "I paid $1,234.56 on 3/4/2021 at 5:07pm, Dr. O'Neil!", "x", "ok 👍 fine", "A, b, c."]
)
def test_texts_that_can(voice, text: str) -> None:
    said = synthesize(text, speaker=voice)
    assert said.seconds > 0.1 and bool(said.audio.isfinite().all()) and float(said.audio.abs().max()) <= 1
    assert all(0 <= a < b <= len(text) for a, b in (unit.span for unit in said.units) if b)


@pytest.mark.parametrize(
    "options",
    [{"target_weight": -1}, {"join_weight": math.nan}, {"join_weight": math.inf}, {"target_weight": "1"},
     {"candidates": 0}, {"candidates": 2.5}, {"candidates": 10_000}, {"join_weight": True}],
)  # fmt: skip
def test_options_out_of_range(voice, options) -> None:
    with pytest.raises(SamplingError):
        synthesize("Yes.", speaker=voice, **options)
