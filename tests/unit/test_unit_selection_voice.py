"""What a voice of units is made of, and its joins, against closed forms: a sine in pieces, counts, rules to learn."""

from __future__ import annotations

import dataclasses
import itertools
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import small_voice
from small_voice import RATE_HZ, TEXTS

from core import weights
from core.errors import DataError, WeightsError
from core.text import context, english
from core.text.alignment import Alignment
from core.unit_selection import data, joins, prosody, train
from core.unit_selection.model import Voice


@pytest.fixture(scope="module")
def utterances() -> list[data.Utterance]:
    return small_voice.recordings()


@pytest.fixture(scope="module")
def voice(utterances, tmp_path_factory) -> Voice:
    pytest.importorskip("pyworld")
    return small_voice.shipped(utterances, tmp_path_factory.mktemp("weights"))


# Joins


@pytest.mark.parametrize("seed", range(8))
def test_pieces_of_a_sine_cut_anywhere_join_to_that_sine(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hertz = rng.uniform(120, 300)
    period = round(RATE_HZ / hertz)
    sine = np.sin(2 * np.pi * hertz * np.arange(60_000) / RATE_HZ).astype(np.float32)
    cuts = [int(c) for c in rng.integers(2000, 50_000, 12)]
    pieces = [joins.Piece(0, c, c + int(rng.integers(300, 1500)), period, period) for c in cuts]
    sound, placed = joins.concatenate(pieces, lambda _, a, b: sine[a:b])
    body = sound[200:-200].astype(np.float64)
    t = np.arange(len(body)) / RATE_HZ
    amplitude = np.abs(body + 1j * np.imag(analytic(body)))
    assert abs(amplitude[200:-200] - 1).max() < 0.05
    turned = np.unwrap(np.angle(analytic(body)))[200:-200]
    slope = np.diff(turned).mean() * RATE_HZ / (2 * np.pi)
    assert slope == pytest.approx(hertz, rel=0.01)
    straight = np.polyval(np.polyfit(t[200:-200], turned, 1), t[200:-200])
    assert np.abs(turned - straight).max() < 2 * np.pi * 12 / period / 2 + 0.3  # half a sample of lag a join
    assert all(abs(p.lag) <= period // 2 for p in placed)


def analytic(x: np.ndarray) -> np.ndarray:
    import scipy.signal

    return scipy.signal.hilbert(x)


def test_noise_does_not_dip_at_a_join() -> None:
    rng = np.random.default_rng(0)
    power = []
    for _ in range(300):
        a, b = rng.normal(0, 1, (2, 160))
        power.append(joins.crossfade(a, b) ** 2)
    assert np.mean(power, axis=0)[60:100].mean() == pytest.approx(1, abs=0.1)
    same = rng.normal(0, 1, 160)
    assert np.allclose(joins.crossfade(same, same), same)


@pytest.mark.parametrize("lag", [-30, -7, 0, 12, 40])
def test_the_lag_of_a_shifted_sound_is_found(lag: int) -> None:
    x = np.random.default_rng(1).normal(0, 1, 600)
    assert joins.best_lag(x[200:360], x[200 - lag - 40 : 360 - lag + 40], 40) == lag


def test_neighbours_are_one_piece_and_short_pieces_do_no_harm() -> None:
    sound = np.random.default_rng(2).normal(0, 0.1, 4000).astype(np.float32)

    def read(_: int, a: int, b: int) -> np.ndarray:
        return np.pad(sound, 1000)[a + 1000 : b + 1000]

    out, _ = joins.concatenate([joins.Piece(0, 100, 3000)], read)
    assert np.array_equal(out[80:-80], sound[180:2920])
    out, placed = joins.concatenate(
        [joins.Piece(0, k, k + n, 80, 80) for k, n in ((0, 900), (2000, 1), (50, 3), (9, 700))], read
    )
    assert np.isfinite(out).all() and len(out) == placed[-1].stop


# What a voice is made of


def test_frames_hear_pitch_and_level() -> None:
    pytest.importorskip("pyworld")
    t = np.arange(RATE_HZ) / RATE_HZ
    x = sum(np.sin(2 * np.pi * 180 * k * t) / k for k in range(1, 20)) * 0.1
    found = data.frames(np.concatenate([np.zeros(4000), x]))
    assert len(found.energy) == 1 + 20_000 // 80 == len(found.cepstra) == len(found.log_f0)
    assert not found.log_f0[:40].any() and np.exp(np.median(found.log_f0[100:200])) == pytest.approx(180, rel=0.01)
    assert found.energy[150] == pytest.approx(np.log(np.sqrt(np.mean(x**2))), abs=0.05)


def test_points_are_in_order_and_within_their_phones(utterances) -> None:
    for one in utterances:
        where = data.points(one.alignment, data.frames(one.audio))
        assert (np.diff(where) >= 0).all() and len(where) == 2 * len(one.alignment.segments)
        ends = [round(s.end_s * RATE_HZ) for s in one.alignment.segments[:-1]]
        assert np.array_equal(where[1:-2:2], ends)


def test_codes_go_back_to_their_contexts(utterances) -> None:
    for x, row in zip(utterances[2].contexts, data.codes(utterances[2].contexts)):
        assert context.PHONES[row[data.COLUMN["c"]]] == x.c and row[data.COLUMN["word"]] == x.word
        assert context.PUNCTUATION[row[data.COLUMN["punctuation"]]] == x.punctuation


def test_coverage_counts_diphones(voice, utterances) -> None:
    pairs = [(a.c, b.c) for u in utterances for a, b in itertools.pairwise(u.contexts)]
    coverage = voice.coverage()
    assert coverage.sum() == len(pairs)
    for a, b in {("DH", "AH"), ("SIL", "DH"), ("AE", "T"), ("ZH", "AH")}:
        assert coverage[context.INDEX[a], context.INDEX[b]] == pairs.count((a, b)) == len(voice.diphones(a, b))


def test_sound_is_read_exactly_where_it_is(voice, utterances) -> None:
    for recording in (0, 3, 5):
        whole = voice.sound(recording)
        original = utterances[recording].audio
        assert len(whole) == len(original) and np.corrcoef(whole, original)[0, 1] > 0.8
        assert np.array_equal(voice.sound(recording, 777, 1234), whole[777:1234])
        beyond = voice.sound(recording, -50, len(original) + 60)
        assert not beyond[:50].any() and not beyond[-60:].any() and np.array_equal(beyond[50:-60], whole)


def test_the_speaker_says_little_words_her_way(utterances) -> None:
    said = [dataclasses.replace(u, alignment=_reduced(u.alignment)) for u in utterances for _ in range(3)]
    assert train.pronunciations(said)["on"] == ("AO1", "N")
    assert not train.pronunciations(list(utterances))
    assert "the" not in train.pronunciations(said)


def _reduced(found: Alignment) -> Alignment:
    words = [dataclasses.replace(w, phones=("AO1", "N")) if w.text == "on" else w for w in found.words]
    return Alignment(tuple(words), found.segments)


def test_places_fill_the_files_evenly() -> None:
    where = train.places([1000, 2000, 3000, 4000, 5000, 6000], 2)
    for file in (0, 1):
        own = where[where[:, 0] == file]
        assert own[0, 1] == 0 and (np.diff(own[:, 1]) == own[:-1, 2] + train.GAP_SAMPLES).all()
    assert np.array_equal(np.unique(where[:, 0]), [0, 1])


# Prosody


def test_prosody_learns_what_depends_on_the_context(tmp_path: Path) -> None:
    """Durations made by a rule: vowels of stressed syllables are long; the network must find it."""
    sentences = [context.contexts(english.words(text)) for text in TEXTS * 8]
    rule = [
        np.array([[-2.0 if x.stress == 1 else -3.0, 5.3 if x.phone[-1].isdigit() else 0.0] for x in s])
        for s in sentences
    ]
    model, state = prosody.train(sentences, rule, folder=tmp_path, steps=150)
    assert state["step"] == 150 and state["evaluation"]["duration_explained"] > 0.9
    found = model.predict(sentences[0])
    vowels = [i for i, x in enumerate(sentences[0]) if x.place == "nucleus"]
    for i in vowels:
        expected = math.exp(-2 if sentences[0][i].stress == 1 else -3)
        assert found.seconds[i] == pytest.approx(expected, rel=0.3)
    assert all(found.f0_hz[i] == pytest.approx(200, rel=0.1) for i in vowels) and found.f0_hz[0] == 0


def test_statistics_lean_on_the_mean_of_all_where_a_phone_is_rare() -> None:
    phones = np.array([1] * 990 + [2] * 10)
    measured = np.stack([np.where(phones == 1, -2.0, -3.0), np.where(phones == 1, 5.0, 0.0)], axis=1)
    mean, _, voiced = prosody.statistics(phones, measured)
    assert mean[2, 0] == pytest.approx((-3.0 - 2.01) / 2) and mean[1, 0] == pytest.approx(-2.0, abs=1e-3)
    assert voiced.tolist()[:4] == [0, 1, 0, 0] and mean[5, 0] == pytest.approx(-2.01)


def test_a_voice_with_a_damaged_file_is_refused(utterances, tmp_path: Path) -> None:
    pytest.importorskip("pyworld")
    (tmp_path / "good").mkdir()
    small_voice.shipped(utterances, tmp_path / "good")
    for name, mend in {
        "audio-0.ogg": lambda b: b[:-1], "index.json": lambda b: b + b" ", "audio-1.ogg": lambda b: None,
    }.items():  # fmt: skip
        folder = tmp_path / name
        shutil.copytree(tmp_path / "good/small", folder / "small")
        content = mend((folder / "small" / name).read_bytes())
        (folder / "small" / name).unlink() if content is None else (folder / "small" / name).write_bytes(content)
        with pytest.raises(WeightsError, match=name):
            weights.load("small", folder=folder)
    config = folder / "small/config.json"
    config.write_text(config.read_text().replace('"audio-0.ogg":', '"../audio-0.ogg":'))
    with pytest.raises(WeightsError, match="cannot be"):
        weights.load("small", folder=folder)


def test_a_corpus_without_alignments_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("a|Hello.\n")
    (tmp_path / "wavs").mkdir()
    with pytest.raises(DataError):
        data.load(tmp_path, {})
