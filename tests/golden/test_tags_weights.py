"""musicnn's weights in our network, on sounds whose kind is known."""

from __future__ import annotations

import time

import pytest
import torch

from core import audio, held_out, weights
from core.events import examples
from core.tags import convert
from core.tags.sample import NOT_MUSIC, evidence, genre, tags

NAME = convert.NAME
pytestmark = [
    pytest.mark.golden, pytest.mark.skipif(NAME not in weights.names(), reason="the weights are not here yet")
]  # fmt: skip


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return weights.load(NAME)


def stored(key: str) -> torch.Tensor:
    x, rate = audio.read(examples.FOLDER / f"heard-{key}.ogg")
    return audio.resample(x.mean(dim=0), rate, audio.SAMPLE_RATE_HZ)


def test_a_piano_is_a_piano(model):
    found = tags(model, stored("piano"))
    assert found.top(1)[0][0] == "piano" and "classical" in dict(found.top(4))
    kind = genre(model, found)
    assert kind.verdict == "classical" and kind.music > 0.5


def test_an_electronic_song_is_techno_or_the_like(model):
    found = tags(model, stored("electronic"))
    assert dict(found.top(5)).keys() & {"techno", "electronic", "dance", "synth"}
    assert genre(model, found).verdict in ("techno", "electronic", "dance", "ambient")


def test_speech_and_sirens_are_not_music(model):
    prompts = list(held_out.sentences())[:6]
    assert [genre(model, held_out.load(prompt)).verdict for prompt in prompts].count(NOT_MUSIC) >= 5
    assert genre(model, torch.zeros(20_000)).verdict == NOT_MUSIC


def test_evidence_for_the_piano_lies_in_the_picture(model):
    """To first order the logit falls by the evidence when the energy is taken away."""
    x = stored("piano")[: 4 * 16_000]
    found = evidence(model, x, "piano")
    assert found.shape == (1 + len(x) // 256, 96) and float(found.sum()) > 0


def test_the_card_says_what_it_was_trained_on_and_how_well_it_tells():
    card = weights.card(NAME)
    assert any("MagnaTagATune" in one["name"] for one in card["data"]) and card["license"] == "isc"
    found = {one["name"]: one["value"] for one in card["metrics"]}
    assert found["music and the rest told apart (%)"] >= 85
    assert found["piano called classical (%)"] >= 80
    assert found["seconds for 10 s of sound, 1 thread"] < 1


def test_ten_seconds_take_less_than_one(model):
    x = stored("electronic")
    started = time.process_time()
    tags(model, x)
    assert time.process_time() - started < 1.2
