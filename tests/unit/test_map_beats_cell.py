"""The cell `beats` of the map: beats, why they are where they are, tempo, clicks, and what has no beat."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
import soundfile
from sounds import UNUSABLE, unusable

from core.errors import AudioError
from core.mir.clicks import click
from demos import _stored
from demos._map import beats as cell
from demos._map import beats_figures, sound
from demos._tab import LANGUAGES, strings

RATE = 16_000
SENTENCE = str(sound.EXAMPLES[sound.FIRST])


def words(language: str = "en", name: str = "beats"):
    return strings("map", language).cell(name)


def drums(path, times_s: np.ndarray, seconds: float) -> str:
    """Struck tones at known times over a little noise."""
    x = 0.001 * np.random.default_rng(0).standard_normal(int(seconds * RATE))
    for begin in np.round(times_s * RATE).astype(int):
        stroke = 0.5 * click(RATE, hz=400.0)[: len(x) - begin]
        x[begin : begin + len(stroke)] += stroke
    soundfile.write(path, x, RATE)
    return str(path)


@pytest.fixture(scope="module")
def steady(tmp_path_factory) -> str:
    """120 a minute, from 0.2 s on."""
    return drums(tmp_path_factory.mktemp("beats") / "steady.wav", np.arange(0.2, 5.9, 0.5), 6)


def figure_of(value: dict) -> dict:
    assert len(value["figure"]) < 200_000 and value["summary"]
    return json.loads(value["figure"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_drums_give_every_output(language: str, steady: str) -> None:
    t = words(language)
    envelope, said, tracks, link, why, tempogram, period = cell.show(t, steady, 0, *cell.USUAL)
    assert len(figure_of(envelope)["data"]) == 7 and len(figure_of(period)["data"]) == 5
    assert figure_of(tempogram)["data"][0]["type"] == "heatmap" and len(figure_of(link)["data"]) == 4
    assert "120.0" in said and why.startswith("**")
    sounds = [soundfile.read(io.BytesIO(base64.b64decode(track["wav"])))[0] for track in tracks]
    assert len(sounds) == 4 and len({len(x) for x in sounds}) == 1
    assert all(not np.array_equal(sounds[0], x) for x in sounds[1:])
    if kept := _stored.first(t, (SENTENCE, 0, *cell.USUAL), [*sound.USUAL, *cell.USUAL]):
        assert len(kept) == 7 and [type(one) for one in kept] == [dict, str, list, dict, str, dict, dict]


def test_beats_are_where_the_drums_are(steady: str) -> None:
    view = cell.looked(steady, 0, *cell.USUAL)
    true = np.arange(0.2, 5.9, 0.5)
    assert len(view.found.beats_s) == len(true)
    assert np.abs(view.found.beats_s - true).max() < 0.03
    said = cell.answer(words(name="field"), sound.load(steady, 0))
    assert said.fits and said.sure >= 0.5 and said.text.startswith("120 beats a minute, 12")


def test_a_band_slows_down(tmp_path) -> None:
    """Steps of 0.5 s growing to 0.65: loose beats stay with the drums, tight ones do not."""
    true = 0.2 + np.concatenate([[0], np.cumsum(np.linspace(0.5, 0.65, 15))])
    path = drums(tmp_path / "slower.wav", true, 9.5)
    far = {}
    for power in (1, 4):
        found = cell.looked(path, 0, power, *cell.USUAL[1:]).found.beats_s
        far[power] = np.abs(true[:, None] - found).min(axis=1).max()
    assert far[1] < 0.05 < 0.1 < far[4]


def test_a_moment_is_explained_by_the_recurrence(steady: str) -> None:
    """C*(t) = O(t) + C*(s) - cost, in the numbers that the page writes; a click near a beat means the beat."""
    t = words()
    _, _, why = cell.at_moment(t, steady, 0, 2, 110, 2.26, "fourier")
    assert why.startswith(("**2.19", "**2.2"))
    score, local, inherited, cost = (float(n) for n in re.search(
        r"([\d.]+) = ([\d.]+) \+ ([\d.]+) \(.*\) − ([\d.]+)", why).groups())  # fmt: skip
    assert score == pytest.approx(local + inherited - cost, abs=0.02)
    _, _, between = cell.at_moment(t, steady, 0, 2, 110, 2.45, "fourier")
    assert "is no beat" in between and "is a beat" in why


def test_the_beat_before_has_the_highest_sum(steady: str) -> None:
    view = cell.looked(steady, 0, 2, 110, 2.2, "autocorrelation")
    figure = beats_figures.link(view.found, view.at, view.period, words=dict.fromkeys(
        ("before", "penalty", "score", "total", "best", "title_penalty", "title_total"), "x"))  # fmt: skip
    total, best = figure.data[2], figure.data[3]
    place = int(np.argmax(total.y))
    assert total.x[place] == best.x[0] == pytest.approx(int(view.found.back[view.at]) / view.found.envelope.rate_hz)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_no_beat_is_said(tmp_path, language: str) -> None:
    t, field = words(language), words(language, "field")
    path = str(tmp_path / "hiss.wav")
    soundfile.write(path, 0.1 * np.random.default_rng(1).standard_normal(5 * RATE), RATE)
    assert cell.show(t, path, 0, *cell.USUAL)[1].startswith(t("verdict_none", bpm="", other="", sure="")[:6])
    assert cell.answer(field, sound.load(path, 0)) == (field("tempo_none"), pytest.approx(0.2, abs=0.3), False)
    short = t("verdict_short", least="", bpm="", other="")[:10]
    assert cell.show(t, SENTENCE, 0, *cell.USUAL)[1].startswith(short)
    assert not cell.answer(field, sound.load(SENTENCE, 0)).fits


def test_a_sound_of_a_tenth_of_a_second_is_drawn(tmp_path) -> None:
    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(1700), RATE)
    out = cell.show(words(), str(tmp_path / "a.wav"), 0, 2, 110, 9, "fourier")
    assert len(out) == 7 and all(figure_of(out[k]) for k in (0, 3, 5, 6))


def test_controls_out_of_range_are_taken_to_the_nearest(steady: str) -> None:
    odd = cell.looked(steady, 0, None, "x", float("nan"), "no such kind")
    usual = cell.looked(steady, 0, *cell.USUAL)
    assert (odd.found.tightness, odd.start_bpm, odd.at, odd.kind) == (100, 110, usual.at, "autocorrelation")
    far = cell.looked(steady, 0, 99, 1e9, 1e9, "fourier")
    assert far.found.tightness == 10_000 and far.start_bpm == 240 and far.at < len(far.found.local)
    assert len(cell.tracks(words(), far)) == 3  # the tightest search once


@pytest.mark.parametrize("bad", UNUSABLE)
def test_bad_sounds_are_refused_with_a_remedy(tmp_path, bad: str) -> None:
    path = unusable(tmp_path, bad)
    with pytest.raises(AudioError) as said:
        cell.show(words(), path, 0, *cell.USUAL)
    assert len(str(said.value)) > 20


def test_measured_numbers_come_from_the_table(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cell, "MEASURED", tmp_path / "mir.json")
    assert cell.measured(words()) == "" and set(cell.quality().values()) == {"–"}
    scores = dict.fromkeys(cell.SCORES, 0.777)
    kinds = {kind: {"pieces": 31, **dict.fromkeys(cell.METHODS, scores)} for kind in ("piano", "bands")}
    (tmp_path / "mir.json").write_text(json.dumps({"beats": kinds}))
    for language in LANGUAGES:
        table = cell.measured(words(language))
        assert table.count("0.78") == 24 and table.count("31") == 2
    assert set(cell.quality().values()) == {"0.78"}
