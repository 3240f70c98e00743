"""Pitch by autocorrelation: a periodic sound is most like itself when it is shifted by one period.

Step 1 of de Cheveigné and Kawahara 2002, "YIN, a fundamental frequency estimator for speech and music" (JASA 111,
1917-1930), from which the other steps start; the method itself is older (Licklider 1951; Rabiner 1977).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.mir.frames import LOWEST_HZ, SAMPLE_RATE_HZ, WINDOW_SAMPLES, lags

__all__ = ["autocorrelation", "autocorrelation_by_definition", "normalised", "pick", "tapered", "track"]


def autocorrelation_by_definition(frame: NDArray, *, window: int = WINDOW_SAMPLES) -> NDArray:
    """r(tau) = sum over j < W of x[j] x[j + tau] (YIN, equation 1), as it is written there.

    Args:
        frame: float [W + L], L the longest lag.
    Returns:
        float64 [L + 1], for the lags 0 to L.
    """
    longest = len(frame) - window
    return np.array([np.dot(frame[:window], frame[lag : lag + window]) for lag in range(longest + 1)])


def autocorrelation(frames: NDArray, *, window: int = WINDOW_SAMPLES) -> NDArray:
    """The same for many frames at once: a product of spectra instead of a sum for every lag.

    Args:
        frames: float [F, W + L].
    Returns:
        float64 [F, L + 1].
    """
    length = frames.shape[1]
    longest = length - window
    size = 1 << int(np.ceil(np.log2(length)))  # no lag up to L wraps around in that many samples
    whole = np.fft.rfft(frames, size)
    first = np.fft.rfft(frames[:, :window], size)
    return np.fft.irfft(first.conj() * whole, size)[:, : longest + 1]


def energies(frames: NDArray, *, window: int = WINDOW_SAMPLES) -> NDArray:
    """The energy of the window at every shift: r_{t + tau}(0) for tau from 0 to L.

    Args:
        frames: float [F, W + L].
    Returns:
        float64 [F, L + 1].
    """
    total = np.cumsum(np.square(frames, dtype=np.float64), axis=1)
    total = np.pad(total, ((0, 0), (1, 0)))
    return np.maximum(total[:, window:] - total[:, : total.shape[1] - window], 0.0)


def normalised(frames: NDArray, *, window: int = WINDOW_SAMPLES) -> NDArray:
    """Autocorrelation as a correlation, in [-1, 1]: divided by the loudness of both windows; silence gives 0.

    Args:
        frames: float [F, W + L].
    Returns:
        float64 [F, L + 1].
    """
    energy = energies(frames, window=window)
    scale = np.sqrt(energy[:, :1] * energy)
    return np.where(scale > 1e-9, autocorrelation(frames, window=window) / np.maximum(scale, 1e-9), 0.0)


def tapered(frames: NDArray) -> NDArray:
    """r'(tau): the whole frame against itself, over ever fewer samples (YIN, equation 2): it falls with the lag.

    A period's multiples are as good as the period in r; in r' they are worse, and the period wins.

    Args:
        frames: float [F, N].
    Returns:
        float64 [F, N], for the lags 0 to N - 1.
    """
    size = 1 << int(np.ceil(np.log2(2 * frames.shape[1])))
    return np.fft.irfft(np.square(np.abs(np.fft.rfft(frames, size))), size)[:, : frames.shape[1]]


def pick(r: NDArray, *, shortest: int, longest: int) -> NDArray:
    """The lag of the highest peak between two lags; where there is no peak, of the highest value: int64 [F]."""
    inner = r[:, shortest : longest + 1]
    peak = (inner >= r[:, shortest - 1 : longest]) & (inner > r[:, shortest + 1 : longest + 2])
    found = np.where(peak, inner, -np.inf)
    best = np.where(peak.any(axis=1), found.argmax(axis=1), inner.argmax(axis=1))
    return shortest + best


def track(frames: NDArray, *, lowest_hz: float = LOWEST_HZ) -> tuple[NDArray, NDArray]:
    """Pitch of every frame: one over the lag of the highest peak of r', whole samples only.

    Args:
        frames: float [F, W + L], as from `core.mir.frames.pitch_frames`.
    Returns:
        f0 in Hz, float64 [F], and the correlation at that lag, float64 [F], in [-1, 1].
    """
    shortest, longest = lags(lowest_hz)
    lag = pick(tapered(frames), shortest=shortest, longest=longest)
    return SAMPLE_RATE_HZ / lag, normalised(frames)[np.arange(len(frames)), lag]
