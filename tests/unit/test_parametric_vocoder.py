"""The vocoder on a made-up vowel, whose pitch and resonances are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from core.errors import AudioError, SamplingError
from core.parametric import vocoder

pytest.importorskip("pyworld")
SECONDS, FORMANT_HZ, RATE_HZ = 1.0, 1500.0, 16_000


def vowel(f0_hz: float | np.ndarray = 160.0) -> torch.Tensor:
    """Pulses through resonances at 500 and 1500 Hz, with a breath of noise: float32 [16000]."""
    count = int(SECONDS * RATE_HZ)
    phase = np.cumsum(np.broadcast_to(f0_hz, (count,))) / RATE_HZ
    x = np.diff(np.floor(phase), prepend=0.0) + 0.001 * np.random.default_rng(0).normal(size=count)
    for hz, width in ((500.0, 80.0), (FORMANT_HZ, 100.0)):
        radius = math.exp(-math.pi * width / RATE_HZ)
        x = lfilter([1.0], [1.0, -2 * radius * math.cos(2 * math.pi * hz / RATE_HZ), radius**2], x)
    return torch.from_numpy(0.5 * x / np.abs(x).max()).float()


def pitch_hz(x: torch.Tensor) -> float:
    """The strongest lag of the autocorrelation of the middle of a sound: no part of WORLD."""
    middle = x.numpy()[len(x) // 4 : 3 * len(x) // 4]
    lags = np.correlate(middle, middle, mode="full")[len(middle) - 1 :]
    low, high = RATE_HZ // 500, RATE_HZ // 60
    best = [lag for lag in range(low, high) if lags[lag] > 0.9 * lags[low:high].max()][0]
    best += int(np.argmax(lags[best : best + 6]))
    return RATE_HZ / best


def resonance_hz(x: torch.Tensor, low: float = 1000.0, high: float = 3000.0) -> float:
    """Where the power spectrum, smoothed over 300 Hz, is greatest."""
    power = np.abs(np.fft.rfft(x.numpy())) ** 2
    hz = np.fft.rfftfreq(len(x), 1 / RATE_HZ)
    width = int(300 / hz[1])
    smooth = np.convolve(power, np.hanning(width), mode="same")
    inside = (hz > low) & (hz < high)
    return float(hz[inside][smooth[inside].argmax()])


def test_the_ruler_measures_what_it_should() -> None:
    assert pitch_hz(vowel()) == pytest.approx(160, rel=0.01)
    assert resonance_hz(vowel()) == pytest.approx(FORMANT_HZ, rel=0.06)


def test_analysis_finds_the_pitch_and_synthesis_keeps_it() -> None:
    parts = vocoder.analyse(vowel().numpy())
    inner = slice(20, -20)
    assert parts.voiced[inner].all() and np.allclose(parts.f0_hz[inner], 160, rtol=0.01)
    assert parts.cepstra.shape == (201, vocoder.CEPSTRA) and parts.aperiodicity.shape == (201, 1)
    said = vocoder.resynthesize(vowel())
    assert pitch_hz(said.audio) == pytest.approx(160, rel=0.01)
    assert resonance_hz(said.audio) == pytest.approx(FORMANT_HZ, rel=0.06)
    assert len(said.audio) == pytest.approx(16_000, abs=80)


def test_an_octave_up_doubles_the_pitch_and_leaves_the_resonance() -> None:
    said = vocoder.resynthesize(vowel(), f0_shift_semitones=12)
    assert pitch_hz(said.audio) == pytest.approx(320, rel=0.02)
    assert resonance_hz(said.audio) == pytest.approx(FORMANT_HZ, rel=0.1)


def test_twice_the_rate_is_half_the_length_at_the_same_pitch() -> None:
    said = vocoder.resynthesize(vowel(), rate=2.0)
    assert len(said.audio) == pytest.approx(8000, abs=80)
    assert pitch_hz(said.audio) == pytest.approx(160, rel=0.02)


@pytest.mark.parametrize("scale", [0.8, 1.25])
def test_formant_scale_moves_the_resonance_alone(scale: float) -> None:
    said = vocoder.resynthesize(vowel(90.0), formant_scale=scale)  # harmonics close together show it better
    assert resonance_hz(said.audio) == pytest.approx(FORMANT_HZ * scale, abs=90)
    assert pitch_hz(said.audio) == pytest.approx(90, rel=0.01)


def test_flat_pitch_has_no_melody() -> None:
    gliding = vowel(np.linspace(120, 240, RATE_HZ))
    natural, flat = (vocoder.resynthesize(gliding, f0_scale=scale).after for scale in (1.0, 0.0))
    assert np.ptp(natural.log_f0) > 0.5 and np.ptp(flat.log_f0) < 1e-9
    deeper = vocoder.change_f0(natural, f0_scale=2.0)
    assert np.ptp(deeper.log_f0) == pytest.approx(2 * np.ptp(natural.log_f0))
    assert flat.log_f0[0] == pytest.approx(natural.log_f0[natural.voiced].mean())


def test_cepstra_of_an_envelope_that_they_can_say_come_back() -> None:
    wanted = np.random.default_rng(0).normal(size=(3, vocoder.CEPSTRA)) / np.arange(1, vocoder.CEPSTRA + 1)
    assert np.allclose(vocoder.cepstrum(vocoder.envelope(wanted)), wanted, atol=1e-9)


def test_the_warped_axis_is_the_phase_of_the_all_pass() -> None:
    w = np.linspace(0, np.pi, 513)
    z = np.exp(-1j * w)
    phase = -np.unwrap(np.angle((z - vocoder.WARPING) / (1 - vocoder.WARPING * z)))
    assert np.allclose(vocoder._warped(), phase, atol=1e-9)


def test_the_same_sound_gives_the_same_sound() -> None:
    assert torch.equal(vocoder.resynthesize(vowel()).audio, vocoder.resynthesize(vowel()).audio)


def test_a_sound_without_a_voice_is_spoken_as_noise() -> None:
    noise = 0.1 * torch.randn(RATE_HZ, generator=torch.Generator().manual_seed(0))
    said = vocoder.resynthesize(noise, f0_shift_semitones=5, formant_scale=0.7)
    assert said.before.voiced.mean() < 0.3 and bool(torch.isfinite(said.audio).all())
    silent = vocoder.resynthesize(torch.zeros(RATE_HZ))
    assert float(silent.audio.abs().max()) < 1e-3


@pytest.mark.parametrize(
    "bad",
    [
        {"rate": 0.0}, {"rate": -1.0}, {"rate": 100.0}, {"rate": math.nan}, {"rate": "fast"}, {"rate": True},
        {"f0_scale": -0.1}, {"f0_scale": math.inf}, {"f0_shift_semitones": 25}, {"formant_scale": 0.1},
    ],
)  # fmt: skip
def test_controls_out_of_range_are_named_with_their_limits(bad: dict) -> None:
    with pytest.raises(SamplingError, match=f"{next(iter(bad))} must be a number from"):
        vocoder.resynthesize(vowel(), **bad)


@pytest.mark.parametrize(
    "bad", [torch.zeros(0), torch.zeros(100), torch.zeros(2, 16_000), torch.full((16_000,), math.nan),
            torch.zeros(31 * RATE_HZ)]
)  # fmt: skip
def test_sounds_that_cannot_be_used(bad: torch.Tensor) -> None:
    with pytest.raises(AudioError):
        vocoder.resynthesize(bad)


@pytest.mark.parametrize("name", vocoder.LIMITS)
def test_every_control_works_at_its_limits(name: str) -> None:
    for value in vocoder.LIMITS[name]:
        said = vocoder.resynthesize(vowel(), **{name: value})
        assert bool(torch.isfinite(said.audio).all()) and float(said.audio.abs().max()) <= 1.0
