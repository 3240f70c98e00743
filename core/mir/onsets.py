"""How strongly something begins at each moment: the onset envelope, by spectral flux.

Ellis 2007, "Beat tracking by dynamic programming" (Journal of New Music Research 36, 51-60), section 3.1. Spectral flux
in general: Böck, Krebs and Schedl 2012, "Evaluating the online capabilities of onset detection methods" (ISMIR).

    8 kHz -> spectra every 4 ms -> 40 mel bands in decibels -> rises only, summed -> slow drift off, smoothed
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.mir.frames import count, framed, mono

__all__ = ["Envelope", "envelope", "flux", "mel_decibels", "peaks"]

SAMPLE_RATE_HZ = 8_000
WINDOW_SAMPLES, HOP_SAMPLES = 256, 32  # 32 ms, 4 ms
RATE_HZ = SAMPLE_RATE_HZ / HOP_SAMPLES  # 250 values a second
MEL_BANDS = 40
RANGE_DB = 80.0  # below the loudest bin, all is silence
SILENT = 1e-4  # amplitude under which nothing is heard: -80 dBFS
DRIFT_HZ = 0.4
SMOOTHING_S = 0.02  # standard deviation of the Gaussian


@dataclass(frozen=True, eq=False)
class Envelope:
    """strength: float64 [N], `rate_hz` values a second, in units of its own deviation; value n belongs to n / rate_hz.

    mel: float64 [N, 40], the decibels it was made from.
    """

    strength: NDArray
    rate_hz: float
    mel: NDArray

    @property
    def times_s(self) -> NDArray:
        return np.arange(len(self.strength)) / self.rate_hz


@functools.lru_cache(maxsize=1)
def _filters() -> NDArray:
    """Triangles on the mel scale: float64 [40, 129]."""
    import librosa

    return librosa.filters.mel(
        sr=SAMPLE_RATE_HZ, n_fft=WINDOW_SAMPLES, n_mels=MEL_BANDS, fmin=0.0, norm=None, dtype=np.float64
    )


def mel_decibels(x: NDArray) -> NDArray:
    """Energy in 40 mel bands, every 4 ms, in decibels below the loudest: [-80, 0]; silence is -80.

    Args:
        x: float [T] at 8 kHz.
    Returns:
        float64 [N, 40] with N = 1 + T // 32.
    """
    half = WINDOW_SAMPLES // 2
    mirrored = np.pad(x, half, mode="reflect")  # with silence around it, every sound would have an onset at its edges
    frames = framed(mirrored, WINDOW_SAMPLES, hop_samples=HOP_SAMPLES, ahead=0)[: count(len(x), HOP_SAMPLES)]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(WINDOW_SAMPLES), axis=1)))  # [N, 129]
    bands = power @ _filters().T
    loudest = max(float(bands.max()), (SILENT * WINDOW_SAMPLES / 4) ** 2)
    return 10 * np.log10(np.maximum(bands / loudest, 10 ** (-RANGE_DB / 10)))


def flux(decibels: NDArray) -> NDArray:
    """The rises from each frame to the next, summed over the bands; falls count nothing.

    Args:
        decibels: float [N, B].
    Returns:
        float64 [N], the first value 0.
    """
    rise = np.maximum(np.diff(decibels, axis=0), 0.0).sum(axis=1)
    return np.concatenate([[0.0], rise])


def envelope(audio: Any, sample_rate_hz: int, *, max_seconds: float = 60.0) -> Envelope:
    """The onset envelope of a sound: half-wave rectified flux, without its drift, smoothed, over its deviation.

    Args:
        audio: float [T] or [C, T].
    Raises:
        AudioError: as `core.mir.frames.mono`.
    Differs from the paper: nothing below zero is kept after the drift is taken off, so that no moment counts against
    a beat.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import butter, sosfiltfilt

    decibels = mel_decibels(mono(audio, sample_rate_hz, to_hz=SAMPLE_RATE_HZ, max_seconds=max_seconds))
    rises = flux(decibels)
    drift = butter(1, DRIFT_HZ, btype="highpass", fs=RATE_HZ, output="sos")
    level = sosfiltfilt(drift, rises) if len(rises) > 30 else rises - rises.mean()
    smooth = np.maximum(gaussian_filter1d(level, SMOOTHING_S * RATE_HZ), 0.0)
    deviation = float(smooth.std())
    return Envelope(smooth / deviation if deviation > 1e-6 else np.zeros_like(smooth), RATE_HZ, decibels)


def peaks(found: Envelope, *, above: float = 1.0, apart_s: float = 0.05) -> NDArray:
    """Onsets: the local maxima of the envelope above a height, the higher of two that are too near: seconds [K]."""
    from scipy.signal import find_peaks

    at, _ = find_peaks(found.strength, height=above, distance=max(1, round(apart_s * found.rate_hz)))
    return at / found.rate_hz
