"""The shipped WaveNets on held-out sentences: what their cards promise, within a margin."""

import statistics
from pathlib import Path

import numpy as np
import pytest
import torch

from core import audio, weights
from core.wavenet import data, generate
from core.wavenet.train import evaluate

pytestmark = pytest.mark.golden

SOUNDS = Path(__file__).resolve().parents[2] / "assets" / "audio"


@pytest.fixture(scope="module")
def sentences():
    """The held-out sentences that are shipped with the site."""
    found = [data.read(path) for path in sorted(SOUNDS.glob("kathleen_b0*.flac"))]
    assert len(found) >= 3
    return found


def promised(name: str, metric: str) -> float:
    return next(one["value"] for one in weights.card(name)["metrics"] if one["name"] == metric)


@pytest.mark.parametrize("name", ["wavenet-vocoder", "wavenet-speech"])
def test_bits_per_sample_are_those_of_the_card(name, sentences):
    """Sentences differ by a few tenths of a bit; an untrained network needs 8 bits."""
    bits = evaluate(weights.load(name), sentences[:3])["held_out_bits_per_sample"]
    assert bits == pytest.approx(promised(name, "held-out bits per sample"), abs=0.35)


def test_the_vocoder_says_what_the_mel_says(sentences):
    """The mel of what it says is nearer to the mel it was given than to that of any other sentence."""
    model = weights.load("wavenet-vocoder")
    given, count = sentences[0].mel[:, :120], 24_000
    codes = generate(model, mel=given[None], samples=count, seed=0, temperature=0.9)
    said = audio.mel(audio.mu_law_decode(codes[0]))[:, :110]

    def distance(mel: torch.Tensor) -> float:
        return float((said - mel[:, :110]).abs().mean())

    others = [distance(one.mel) for one in sentences[1:]]
    assert distance(given) < 0.7 * min(others)


def test_the_speech_network_has_the_level_and_the_spectrum_of_the_voice(sentences):
    model = weights.load("wavenet-speech")
    codes = generate(model, samples=48_000, seed=1, temperature=0.9)  # at 1.0 it still drifts into noise
    said = audio.mu_law_decode(codes[0])
    rms_db = 20 * np.log10(float(said.square().mean().sqrt()) + 1e-9)
    assert -45 < rms_db < -8 and float(said.abs().max()) <= 1.0
    voice = statistics_of(torch.cat([one.audio for one in sentences]))
    noise = statistics_of(torch.randn(48_000) * 0.1)
    babble = statistics_of(said)
    assert np.corrcoef(babble, voice)[0, 1] > 0.6 > np.corrcoef(noise, voice)[0, 1]


def statistics_of(x: torch.Tensor) -> np.ndarray:
    """Long-term average log-mel spectrum of the louder half of the frames, [80]."""
    mel = audio.mel(x)
    loud = mel.mean(0) >= statistics.median(mel.mean(0).tolist())
    return mel[:, loud].mean(1).numpy()
