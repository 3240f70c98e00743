"""Reading to a listener: steps before sound, sentence after sentence, the same sound as in one go."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_tacotron import network

from core import audio
from core.tacotron2 import live, sample
from core.tacotron2.model import Tacotron2
from core.text.tokens import tokens
from core.wavenet import PRESETS as WAVENETS
from core.wavenet import WaveNet


@pytest.fixture(scope="module")
def model() -> Tacotron2:
    return network(stop_bias=-0.2)  # stops, but not at once


def test_griffin_lim_says_each_sentence_after_its_last_step(model):
    parts = sample.sentences(tokens("Yes, the cat. No!", "en"))
    updates = list(live.speak(parts, model=model, update_s=0.0))
    assert [u.sentence for u in updates] == sorted(u.sentence for u in updates)
    for number, part in enumerate(parts):
        mine = [u for u in updates if u.sentence == number]
        made = sample.decode(part, model=model)
        assert torch.equal(torch.cat([s.frames for u in mine for s in u.steps], dim=1), made.mel_before)
        (decoded,) = [u.decoded for u in mine if u.decoded is not None]
        torch.testing.assert_close(decoded.mel, made.mel)
        sound = torch.cat([u.sound for u in mine if u.sound is not None])
        assert len(sound) == made.mel.shape[1] * audio.HOP_SAMPLES
        kinds = ["sound" if u.sound is not None else "steps" for u in mine]
        assert kinds == sorted(kinds, reverse=True)  # all steps, then the sound
    assert updates[-1].drawn == sum(len(u.sound) for u in updates if u.sound is not None)


def test_a_wavenet_speaks_in_pieces_that_fit(model):
    torch.manual_seed(0)
    vocoder = WaveNet(replace(WAVENETS["tiny"], mel_channels=80, condition_channels=8)).eval()
    part = sample.sentences(tokens("No!", "en"))
    updates = list(live.speak(part, model=model, vocoder=vocoder))
    sound = torch.cat([u.sound for u in updates if u.sound is not None])
    frames = next(u.decoded for u in updates if u.decoded is not None).mel.shape[1]
    assert len(sound) == frames * audio.HOP_SAMPLES and bool(torch.isfinite(sound).all())
    assert float(sound.abs().max()) <= 1 and updates[-1].real_time > 0
