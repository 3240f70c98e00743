"""Forced alignment, against the sound itself: where it is loud, where it hisses, and what moves when it is moved."""

from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest

from core import audio
from core.errors import AudioError, DataError, PackageError
from core.text import alignment, context, english
from core.text.articulation import FEATURES, bare

SOUNDS = Path(__file__).resolve().parents[2] / "assets/audio"
TEXT = "Beyond refusing to sell us food, they left us to ourselves."


def words() -> list[english.Word]:
    return english.words(TEXT)


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return audio.load_voice(SOUNDS / "kathleen_b0488.flac").numpy()


@pytest.fixture(scope="module")
def found(samples: np.ndarray) -> alignment.Alignment:
    pytest.importorskip("pocketsphinx")
    return alignment.align(samples, words())


def test_segments_cover_the_recording_in_the_order_of_the_words(found, samples) -> None:
    parts = found.segments
    assert parts[0].start_s == 0 and parts[-1].end_s == pytest.approx(len(samples) / 16_000, abs=1e-3)
    assert all(a.end_s == b.start_s for a, b in zip(parts, parts[1:]))
    assert all(s.end_s > s.start_s for s in parts[1:-1])
    assert [w.text for w in found.words] == [w.text for w in words()]
    for i, word in enumerate(found.words):
        assert tuple(s.phone for s in parts if s.word == i) == word.phones
    sentence = context.contexts(found.words, found.pauses)
    assert [x.phone for x in sentence] == [s.phone for s in parts]


def test_it_hears_the_pause_at_the_comma(found) -> None:
    assert found.pauses == {5}  # "food,"


def test_phones_sound_as_they_should(found, samples) -> None:
    """Hissing sounds have their energy high, vowels low and plenty of it, silences none: no aligner needed to know."""

    def mean(feature: str, measure) -> float:
        cuts = [
            samples[round(s.start_s * 16_000) : round(s.end_s * 16_000)]
            for s in found.segments if bare(s.phone) in FEATURES[feature] and s.end_s - s.start_s >= 0.03
        ]  # fmt: skip
        return float(np.mean([measure(x) for x in cuts]))

    def decibels(x: np.ndarray) -> float:
        return 10 * np.log10(np.mean(x**2) + 1e-12)

    def centroid(x: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(x)) ** 2
        return float((power * np.fft.rfftfreq(len(x), 1 / 16_000)).sum() / power.sum())

    assert mean("vowel", decibels) > mean("silence", decibels) + 15
    assert mean("sibilant", centroid) > 3000 > 1500 > mean("vowel", centroid)


def test_what_is_moved_is_found_later(found, samples) -> None:
    silence = np.random.default_rng(1).normal(0, 1e-3, 4800).astype(np.float32)
    moved = alignment.align(np.concatenate([silence, samples]), words())
    assert [s.phone for s in moved.segments] == [s.phone for s in found.segments]
    shifts = [b.start_s - a.start_s for a, b in zip(found.segments[2:], moved.segments[2:])]
    assert np.median(shifts) == pytest.approx(0.3, abs=0.011)
    assert np.mean(np.abs(np.array(shifts) - 0.3) < 0.035) > 0.9


def test_the_pronunciation_that_was_said_is_chosen(samples) -> None:
    """The recording says "they left us"; a word whose first entry is wrong is still found by its second."""
    pytest.importorskip("pocketsphinx")
    wrong = [
        english.Word(w.text, w.span, ("EY1",) if w.text == "to" else w.phones, w.source, w.break_after)
        for w in words()
    ]
    said = alignment.align(samples, wrong)
    assert all(w.phones[0] == "T" for w in said.words if w.text == "to")


def test_another_text_or_no_sound_is_refused(samples) -> None:
    pytest.importorskip("pocketsphinx")
    for bad in (samples[:100], samples[None], np.full(16_000, np.nan, np.float32)):
        with pytest.raises(AudioError, match="at least"):
            alignment.align(bad, words())
    with pytest.raises(AudioError, match="does not match"):
        alignment.align(samples[:8000], english.words(" ".join(["extraordinarily"] * 20)))


def test_it_is_written_and_read(tmp_path: Path, found) -> None:
    alignment.write(tmp_path / "runs/a.json", {"b0488": found}, {"b0488": TEXT})
    assert alignment.read(tmp_path / "runs/a.json") == {"b0488": found}
    (tmp_path / "b.json").write_text('{"recordings": {"x": []}}')
    for missing in ("b.json", "c.json"):
        with pytest.raises(DataError, match="holds no alignments"):
            alignment.read(tmp_path / missing)
    with pytest.raises(DataError, match=r"metadata\.csv"):
        alignment.texts(tmp_path)


def test_without_the_recogniser_it_says_what_to_install(monkeypatch, samples) -> None:
    real = builtins.__import__

    def absent(name: str, *rest, **named):
        if name == "pocketsphinx":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(PackageError, match="pip install"):
        alignment.align(samples, words())
