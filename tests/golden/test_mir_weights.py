"""CREPE's shipped weights and the shipped examples: pitch and beats that are known, above their floors."""

import json
from pathlib import Path

import numpy as np
import pytest

from core import audio, weights
from core.mir import beats, truth
from core.mir.pitch import pitch

pytestmark = pytest.mark.golden
SOUNDS = Path(__file__).resolve().parents[2] / "assets/audio"


@pytest.fixture(scope="module")
def voice():
    """A held-out sentence whose pitch WORLD was given."""
    return truth.voices([SOUNDS / "held_out/b0481.opus"])[0]


@pytest.mark.parametrize(("method", "least"), [("crepe", 0.8), ("pyin", 0.75), ("yin", 0.75)])
def test_pitch_of_a_voice(voice, method, least):
    found = pitch(voice.x, 16_000, method=method)
    voiced = (voice.f0_hz > 0) & voice.judged
    cents = np.abs(1200 * np.log2(found.f0_hz[voiced] / voice.f0_hz[voiced]))
    assert (cents < 50).mean() > least
    assert (found.voiced == (voice.f0_hz > 0))[voice.judged].mean() > 0.85
    assert found.verdict == "one"


@pytest.mark.parametrize("method", ["pyin", "crepe"])
def test_notes_and_tempo_of_the_rendered_melody(method):
    x, rate = audio.read(SOUNDS / "map/mir-melody.opus")
    about = json.loads((SOUNDS / "map/mir.json").read_text(encoding="utf-8"))["mir-melody"]
    found = pitch(x, rate, method=method).notes()
    assert [one.midi for one in found] == [one["midi"] for one in about["notes"]]
    assert np.abs([one.begin_s - known["begin_s"] for one, known in zip(found, about["notes"])]).max() < 0.08
    assert max(abs(one.cents) for one in found) < 20
    assert beats.beats(x, rate).bpm == pytest.approx(about["bpm"], rel=0.02)


def test_the_song_has_a_beat_and_the_voice_a_pitch():
    song, rate = audio.read(SOUNDS / "map/mir-song.opus")
    assert beats.beats(song, rate).steady and pitch(song, rate).verdict != "one"
    sung, rate = audio.read(SOUNDS / "map/mir-sung.opus")
    assert pitch(sung, rate).verdict == "one"
    speech, rate = audio.read(SOUNDS / "held_out/b0487.opus")
    assert not beats.beats(speech, rate).steady


def test_card_says_where_the_weights_come_from():
    card = weights.card("map-crepe")
    assert card["license"] == "mit" and card["parameters"] == 486_552 and card["bits"] == 8
    assert "marl/crepe" in card["data"][0]["source"]
