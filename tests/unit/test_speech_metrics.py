"""Metrics against NumPy, librosa and closed forms, and the packages that they wrap."""

from __future__ import annotations

import importlib
import math

import librosa
import numpy as np
import pytest
import torch

from core import speech_metrics
from core.errors import AudioError, MelError, PackageError


@pytest.fixture(scope="module")
def speechlike() -> torch.Tensor:
    """Two seconds of pulses at 120 Hz through moving resonances, on and off as syllables are: float [32000]."""
    time = np.arange(32_000) / 16_000
    pulses = (np.diff(np.floor(time * 120), prepend=0) > 0).astype(float)
    sound = np.zeros_like(pulses)
    for low, high, rate in ((500, 800, 2.1), (1200, 1800, 1.3), (2500, 2700, 0.7)):
        frequency = low + (high - low) * (0.5 + 0.5 * np.sin(2 * np.pi * rate * time))
        sound += np.convolve(pulses, np.exp(-np.arange(400) / 60))[: len(time)] * np.sin(
            2 * np.pi * np.cumsum(frequency) / 16_000
        )
    syllables = (np.sin(2 * np.pi * 3 * time) > -0.6).astype(float)
    sound = sound * np.convolve(syllables, np.ones(320) / 320, mode="same")
    return torch.from_numpy(0.5 * sound / np.abs(sound).max()).float()


def noisy(x: torch.Tensor, level: float) -> torch.Tensor:
    return x + level * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))


def test_log_mel_distance_is_that_of_librosas_spectrogram(speechlike):
    def decibels(x: torch.Tensor) -> np.ndarray:
        spectrum = librosa.feature.melspectrogram(
            y=x.numpy(), sr=16_000, n_fft=1024, hop_length=200, n_mels=80, fmin=0, fmax=8000, power=1.0,
            pad_mode="reflect",
        )  # fmt: skip
        return 20 * np.log10(np.maximum(spectrum, 1e-5))

    other = noisy(speechlike, 0.01)
    expected = math.sqrt(np.mean((decibels(speechlike) - decibels(other)) ** 2))
    assert speech_metrics.log_mel_distance_db(speechlike, other) == pytest.approx(expected, rel=1e-3)
    assert expected > 5


def test_a_gain_moves_every_band_by_its_decibels():
    noise = noisy(torch.zeros(16_000), 0.1)  # far above the floor in every band
    assert speech_metrics.log_mel_distance_db(noise, noise * 10 ** (-6 / 20)) == pytest.approx(6.0, abs=1e-3)
    one = torch.zeros(80, 5)
    assert speech_metrics.mel_distance_db(one, one + math.log(10)) == pytest.approx(20.0, abs=1e-5)
    with pytest.raises(MelError, match="one shape"):
        speech_metrics.mel_distance_db(one, one[:, :4])


def test_signal_to_noise_in_closed_form():
    x = torch.sin(torch.arange(16_000) * 0.1)
    assert speech_metrics.signal_to_noise_db(x, 0.9 * x) == pytest.approx(20.0, abs=1e-3)  # noise is x / 10
    assert speech_metrics.signal_to_noise_db(x, x) == math.inf
    assert speech_metrics.signal_to_noise_db(x, torch.zeros_like(x)) == pytest.approx(0.0, abs=1e-6)


def test_gross_pitch_error_counts_the_wrong_half(speechlike):
    """The sound beside itself has none; beside one whose second half is a fifth higher, half of the frames."""
    assert speech_metrics.gross_pitch_error(speechlike, speechlike) == 0.0
    time = np.arange(32_000) / 16_000
    sounds = []
    for second in (120.0, 180.0):
        f0 = np.where(time < 1.0, 120.0, second)
        phase = 2 * np.pi * np.cumsum(f0) / 16_000
        sounds.append(torch.from_numpy(sum(np.cos(k * phase) / k for k in range(1, 12)) * 0.1).float())
    assert speech_metrics.gross_pitch_error(*sounds) == pytest.approx(0.5, abs=0.03)
    quiet = torch.zeros(8_000)
    assert math.isnan(speech_metrics.gross_pitch_error(quiet, quiet))


def test_pesq_is_the_packages_wide_band_score(speechlike):
    pesq = pytest.importorskip("pesq")
    other = noisy(speechlike, 0.02)
    expected = pesq.pesq(16_000, speechlike.numpy(), other.numpy(), "wb")
    assert speech_metrics.pesq_wideband(speechlike, other) == pytest.approx(expected, abs=1e-6)
    assert 1.0 <= expected < speech_metrics.pesq_wideband(speechlike, speechlike) == pytest.approx(4.644, abs=1e-3)


def test_stoi_is_the_packages_score_and_resampling_changes_it_little(speechlike):
    pystoi = pytest.importorskip("pystoi")
    other = noisy(speechlike, 0.05)
    expected = pystoi.stoi(speechlike.numpy(), other.numpy(), 16_000)
    assert speech_metrics.stoi(speechlike, other) == pytest.approx(expected, abs=1e-6)
    assert expected < speech_metrics.stoi(speechlike, noisy(speechlike, 0.01)) < 1
    assert speech_metrics.stoi(speechlike, speechlike) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    "metric",
    [
        speech_metrics.log_mel_distance_db,
        speech_metrics.signal_to_noise_db,
        speech_metrics.pesq_wideband,
        speech_metrics.stoi,
    ],
)
@pytest.mark.parametrize(
    ("reference", "output", "says"),
    [
        (torch.ones(9000), torch.ones(8999), "cut both"),
        (torch.ones(2, 9000), torch.ones(2, 9000), "two sounds"),
        (torch.ones(0), torch.ones(0), "two sounds"),
        (torch.full((9000,), math.nan), torch.ones(9000), "NaN"),
    ],
)
def test_what_cannot_be_compared_is_refused(metric, reference, output, says):
    if metric in (speech_metrics.pesq_wideband, speech_metrics.stoi):
        pytest.importorskip("pesq")
        pytest.importorskip("pystoi")
    with pytest.raises(AudioError, match=says):
        metric(reference, output)


def test_silence_and_scraps_are_refused(speechlike):
    silence = torch.zeros(16_000)
    with pytest.raises(AudioError, match="silent"):
        speech_metrics.signal_to_noise_db(silence, noisy(silence, 0.1))
    pytest.importorskip("pesq")
    pytest.importorskip("pystoi")
    for x in (silence, speechlike[:2000]):
        with pytest.raises(AudioError, match="speech"):
            speech_metrics.pesq_wideband(x, noisy(x, 0.1))
        with pytest.raises(AudioError, match="STOI needs"):
            speech_metrics.stoi(x, noisy(x, 0.1))


def test_an_absent_package_is_named_with_the_command_that_brings_it(monkeypatch):
    def absent(name: str):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    x = torch.ones(16_000)
    for metric, name in ((speech_metrics.pesq_wideband, "pesq"), (speech_metrics.stoi, "pystoi")):
        with pytest.raises(PackageError, match=f"{name} is not installed.*pip install"):
            metric(x, x)
    assert speech_metrics.available() == {"pesq": False, "pystoi": False}
