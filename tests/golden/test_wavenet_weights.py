"""The shipped WaveNets on held-out sentences: what their cards promise, within a margin."""

import statistics
from pathlib import Path

import numpy as np
import pytest
import torch

from core import audio, postfilter, weights
from core.speech_metrics import gross_pitch_error, pesq_wideband
from core.wavenet import data, generate
from core.wavenet.examples import TEMPERATURE
from core.wavenet.train import evaluate, with_clock

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
    """The card is about 60 sentences; these six cost both networks 0.08 bits more. A free clock costs 0.35 besides."""
    model = weights.load(name)
    clocked = with_clock(model, sentences, fit=False)
    bits = evaluate(model, clocked)["held_out_bits_per_sample"]
    assert bits == pytest.approx(promised(name, "held-out bits per sample"), abs=0.15)


def test_the_vocoder_as_it_is_heard_is_better_than_filtered_noise(sentences):
    """PESQ through the post-filter: of drawings 2.9 on average (each 2.7 to 3.3, hence six), of white noise 2.4."""
    model, one = weights.load("wavenet-vocoder"), sentences[0]
    mels = one.mel.expand(6, -1, -1)
    codes = generate(model, mel=mels, samples=len(one.audio), seed=0, temperature=TEMPERATURE)
    heard = [postfilter.correct(x, one.mel).clamp(-1, 1) for x in audio.mu_law_decode(codes)]
    noise = [postfilter.filtered_noise(one.mel, len(one.audio), seed=seed) for seed in range(6)]
    voice, hiss = (statistics.mean(pesq_wideband(one.audio, x) for x in sounds) for sounds in (heard, noise))
    assert voice > 2.6 > hiss


def test_the_vocoder_speaks_at_the_pitch_of_the_mel(sentences):
    """Most of its voiced frames have the pitch of the recording that the mel was made of; without a clock half had."""
    model = weights.load("wavenet-vocoder")
    wrong = []
    for one in sentences[:2]:
        codes = generate(model, mel=one.mel[None], samples=len(one.audio), seed=0, temperature=0.7)
        wrong.append(gross_pitch_error(one.audio, audio.mu_law_decode(codes[0])))
    assert statistics.mean(wrong) < 0.2


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
