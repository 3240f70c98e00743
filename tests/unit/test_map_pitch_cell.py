"""The cell `pitch` of the map: curves, a frame step by step, tones, notes, and what it says of other sounds."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import soundfile
from sounds import UNUSABLE, unusable

from core.errors import AudioError
from core.mir.tones import FADE_S, HARMONICS, tone
from demos import _stored
from demos._map import pitch as cell
from demos._map import pitch_figures, sound
from demos._map.pitch_figures import Curve
from demos._tab import LANGUAGES, ROOT, strings

RATE = 16_000
SENTENCE = str(sound.EXAMPLES[sound.FIRST])


def words(language: str = "en", name: str = "pitch"):
    return strings("map", language).cell(name)


def written(path, x: np.ndarray) -> str:
    soundfile.write(path, x, RATE)
    return str(path)


def voice(*pitches: float, seconds: float = 0.5) -> np.ndarray:
    """Notes with six harmonics, one after the other, with short rests."""
    t = np.arange(int(seconds * RATE)) / RATE
    rest = np.zeros(RATE // 10)
    notes = [sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 7)) for hz in pitches]
    return 0.2 * np.concatenate([part for note in notes for part in (note, rest)])


def figure_of(value: dict) -> dict:
    assert len(value["figure"]) < 200_000 and value["summary"]
    return json.loads(value["figure"])


def heard(track: dict) -> tuple[np.ndarray, int]:
    return soundfile.read(io.BytesIO(base64.b64decode(track["wav"])))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_gives_every_output(language: str) -> None:
    t = words(language)
    curves, said, tracks, frame, steps, lattice, notes = cell.show(t, SENTENCE, 0, *cell.USUAL)
    assert [trace["type"] for trace in figure_of(curves)["data"]] == ["heatmap"] + ["scatter"] * 4
    assert figure_of(frame)["data"][pitch_figures.NORMALISED]["name"] == t("normalised")
    assert len(figure_of(lattice)["data"]) == 2
    assert said.startswith("**") and steps.count("\n|") == 7 and notes.count("\n|") > 3
    sounds = [heard(track) for track in tracks]
    assert len(tracks) == 5 and len({round(len(x) / rate, 1) for x, rate in sounds}) == 1
    assert all(np.abs(x).max() > 0.05 for x, _ in sounds)
    if kept := _stored.first(t, (SENTENCE, 0, *cell.USUAL), [*sound.USUAL, *cell.USUAL]):
        assert len(kept) == 7 and [type(one) for one in kept] == [dict, str, list, dict, str, dict, str]


def test_known_notes_are_followed_named_and_sung_again(tmp_path) -> None:
    """A3 (220 Hz) and E4, 20 cents too high."""
    high = 440 * 2 ** ((64 - 69 + 0.2) / 12)
    path = written(tmp_path / "a.wav", voice(220, high))
    view = cell.looked(path, 0, 0.15, 0.25, "pyin")
    for method, curve in view.curves.items():
        inside = curve.voiced & (curve.times_s > 0.1) & (curve.times_s < 0.4)
        assert inside.sum() > 10, method
        assert np.median(1200 * np.log2(curve.f0_hz[inside] / 220)) == pytest.approx(0, abs=35), method
    for language, first, second in (("en", "A3", "E4"), ("ko", "라3 (A3)", "미4 (E4)")):
        out = cell.show(words(language), path, 0, 0.15, 0.25, "crepe")
        rows = [line for line in out[6].splitlines() if line.startswith("| ")][1:]
        assert [row.split(" | ")[2] for row in rows] == [first, second]
        assert float(rows[1].rstrip(" |").split("|")[-1]) == pytest.approx(20, abs=5)
    x, rate = heard(out[2][3])  # the tone after pYIN
    spectrum = np.abs(np.fft.rfft(x[int(0.1 * rate) : int(0.4 * rate)], rate))
    assert spectrum.argmax() == pytest.approx(220, abs=3)
    assert cell.answer(words(name="field"), sound.load(path, 0)).text.startswith("A3 to E4")


def test_curves_are_those_of_core() -> None:
    """The cell goes round `core.mir.pitch.pitch`, which is slower; it must answer the same."""
    from core.mir.pitch import pitch

    view = cell.looked(SENTENCE, 0, 0.3, 1, "pyin")
    for method in ("autocorrelation", "yin", "pyin"):
        found = pitch(view.heard.x, RATE, method=method, threshold=0.3)
        assert np.array_equal(found.f0_hz, view.curves[method].f0_hz), method
        assert np.array_equal(found.voiced, view.curves[method].voiced), method


def test_the_steps_of_a_frame_say_what_each_would_answer(tmp_path) -> None:
    path = written(tmp_path / "a.wav", voice(200))
    _, _, steps, _ = cell.at_moment(words(), path, 0, 0.15, 0.25, "pyin")
    lags = [float(line.split("|")[2]) for line in steps.splitlines()[2:] if line.startswith("| ")]
    assert all(lag / 80 == pytest.approx(round(lag / 80), abs=0.02) for lag in lags)  # multiples of 16000 / 200
    assert lags[3] == 80 and lags[4] == pytest.approx(80, abs=0.1)


def test_what_has_no_single_pitch_is_said_and_drawn(tmp_path) -> None:
    t, field = words(), words(name="field")
    hiss = np.random.default_rng(0).standard_normal(RATE) * 0.1
    both = voice(220, seconds=1) + voice(311.1, seconds=1)  # a tritone: no common period
    for name, x, said, told in (
        ("hiss.wav", hiss, "No pitch", field("pitch_none")),
        ("both.wav", 0.5 * both, "No ", None),
    ):
        path = written(tmp_path / name, x)
        out = cell.show(t, path, 0, *cell.USUAL)
        assert out[1].startswith(f"**{said}") and out[6] == t("notes_none") and figure_of(out[0])["data"]
        found = cell.answer(field, sound.load(path, 0))
        assert not found.fits and found.sure < 0.5 and told in (None, found.text)


def test_controls_out_of_range_are_taken_to_the_nearest() -> None:
    usual = cell.looked(SENTENCE, 0, *cell.USUAL)
    odd = cell.looked(SENTENCE, 0, None, "x", "no such kind")
    assert (odd.steps.threshold, odd.steps.at_s, odd.kind) == (usual.steps.threshold, usual.steps.at_s, "pyin")
    far = cell.looked(SENTENCE, None, 99, 1e9, None)
    assert far.steps.threshold == cell.THRESHOLDS[1] and far.steps.at_s == pytest.approx(far.seconds, abs=0.01)
    assert cell.looked(SENTENCE, 0, float("nan"), -1, "crepe").steps.at_s == 0


@pytest.mark.parametrize("bad", UNUSABLE)
def test_bad_sounds_are_refused_with_a_remedy(tmp_path, bad: str) -> None:
    path = unusable(tmp_path, bad)
    with pytest.raises(AudioError) as said:
        cell.show(words(), path, 0, *cell.USUAL)
    assert len(str(said.value)) > 20


def test_measured_numbers_come_from_the_table(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cell, "MEASURED", tmp_path / "mir.json")
    assert cell.measured(words()) == "" and set(cell.quality().values()) == {"–"}
    rows = {method: {"raw pitch accuracy": 0.123} for method in (*cell.METHODS, "librosa pyin")}
    kinds = {kind: dict.fromkeys(cell.NOISES, rows) for kind in ("melodies", "voices")}
    (tmp_path / "mir.json").write_text(json.dumps({"pitch": {"sounds": {"melodies": 18, "voices": 40}, **kinds}}))
    for language in LANGUAGES:
        table = cell.measured(words(language))
        assert table.count("12.3") == 30 and "18" in table and "40" in table
    assert set(cell.quality().values()) == {"12"}


def test_the_shipped_table_fits() -> None:
    file = ROOT / "assets/tables/mir.json"
    if "pitch" not in (json.loads(file.read_text()) if file.exists() else {}):
        pytest.skip("not measured yet")
    assert cell.measured(words()).count("\n|") == 7


def test_a_tone_is_the_sum_of_its_harmonics() -> None:
    """200 Hz throughout, against sines; after 0.5 s it is unvoiced."""
    times = np.arange(101) / 100
    found = tone(times, np.full(101, 200.0), times < 0.5, 8000, 8000)
    assert found.dtype == np.float32 and len(found) == 8000
    t = np.arange(1, 8001) / 8000
    wave = sum(size * np.sin(2 * np.pi * 200 * k * t) for k, size in enumerate(HARMONICS, start=1))
    inside = slice(int(FADE_S * 8000), 3900)
    scale = 0.1 / np.sqrt(np.sum(np.square(HARMONICS)) / 2)
    assert np.allclose(found[inside], scale * wave[inside], atol=1e-3)
    assert np.abs(found[4200:]).max() == 0 and np.sqrt(np.mean(found[inside] ** 2)) == pytest.approx(0.1, rel=0.03)


def test_a_tone_leaves_out_what_its_rate_cannot_hold() -> None:
    times = np.arange(101) / 100
    found = tone(times, np.full(101, 1500.0), np.ones(101, dtype=bool), 8000, 8000)
    spectrum = np.abs(np.fft.rfft(found * np.hanning(8000)))
    assert spectrum.argmax() == 1500 and spectrum[3000] > 0.3 * spectrum[1500]
    rest = np.delete(spectrum, [*range(1490, 1511), *range(2990, 3011)])
    assert rest.max() < 0.01 * spectrum.max()  # 4500 Hz would come back as 3500
    assert not tone(times, np.full(101, 200.0), np.zeros(101, dtype=bool), 800, 8000).any()


def test_the_loudest_semitone_is_the_one_that_sounds() -> None:
    x = 0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    levels, step_s = pitch_figures.loudness(x, 57, 81)
    assert levels.shape[0] == 25 and levels.shape[1] * step_s == pytest.approx(1, abs=0.02)
    assert set(levels[:, 5:-5].argmax(axis=0)) == {69 - 57}


def test_the_picture_shows_the_notes_that_are_there() -> None:
    times = np.arange(50) / 100
    curve = Curve(times, np.full(50, 880.0), np.ones(50, dtype=bool))
    silent = Curve(times, np.full(50, 100.0), np.zeros(50, dtype=bool))
    low, high = pitch_figures.span({"a": curve, "b": silent})
    assert low < 81 < high and high - low >= 24
    assert pitch_figures.span({"b": silent}) == (42, 72)
