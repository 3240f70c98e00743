"""A pitch curve made audible: a tone that follows it, so that an octave error is heard as an octave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["tone"]

HARMONICS = (1.0, 0.5, 0.25)  # a small loudspeaker does not give back the lowest pitches, but their harmonics
LEVEL = 0.1  # root mean square while it sounds
FADE_S = 0.01


def tone(times_s: NDArray, f0_hz: NDArray, voiced: NDArray, samples: int, sample_rate_hz: int) -> NDArray:
    """The sum of a few harmonics of the curve, silent where it is unvoiced.

    The phase is the sum of the frequency: 2 pi f0 / rate a sample. Between frames the frequency moves by ratio, and
    jumps where the voice begins.

    Args:
        times_s: float [F], rising.  f0_hz: float [F], positive where voiced.  voiced: bool [F].
        samples: length of the result.
    Returns:
        float32 [samples]; harmonics above half the rate are left out.
    """
    heard = np.asarray(voiced, dtype=bool)
    if not heard.any():
        return np.zeros(samples, dtype=np.float32)
    t = np.arange(samples) / sample_rate_hz
    hz = np.exp(np.interp(t, times_s[heard], np.log(f0_hz[heard])))
    phase = 2 * np.pi * np.cumsum(hz) / sample_rate_hz
    wave = sum(size * np.sin(k * phase) * (k * hz < sample_rate_hz / 2) for k, size in enumerate(HARMONICS, start=1))
    between = (times_s[1:] + times_s[:-1]) / 2
    nearest = np.searchsorted(between, t)
    gate = np.convolve(heard[nearest], np.hanning(round(FADE_S * sample_rate_hz) + 2), mode="same")
    gate /= max(float(gate.max()), 1e-9)
    return (LEVEL * np.sqrt(2 / np.square(HARMONICS).sum()) * gate * wave).astype(np.float32)
