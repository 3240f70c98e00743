"""Clicks over the music, so that beats can be heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["click", "with_clicks"]

CLICK_HZ = 1_500.0
SECONDS = 0.06
DECAY_S = 0.012


def click(sample_rate_hz: int, *, hz: float = CLICK_HZ) -> NDArray:
    """A short struck tone, peak about 1: float32 [60 ms]."""
    t = np.arange(int(SECONDS * sample_rate_hz)) / sample_rate_hz
    return (np.sin(2 * np.pi * hz * t) * np.exp(-t / DECAY_S)).astype(np.float32)


def with_clicks(
    audio: NDArray, sample_rate_hz: int, times_s: NDArray, *, level: float = 0.4, peak: float = 0.95
) -> NDArray:
    """The sound with a click beginning at each of the times.

    Args:
        audio: float [T] or [C, T].  times_s: those outside the sound are not heard.
        level: the clicks' amplitude relative to the sound's peak.  peak: the result is turned down to it if louder.
    Returns:
        float32, as the sound came.
    """
    x = np.array(audio, dtype=np.float32)
    tick = click(sample_rate_hz) * (level * max(float(np.abs(x).max(initial=0.0)), 0.05))
    for begin in np.round(np.asarray(times_s) * sample_rate_hz).astype(int):
        if 0 <= begin < x.shape[-1]:
            x[..., begin : begin + len(tick)] += tick[: x.shape[-1] - begin]
    loudest = float(np.abs(x).max(initial=0.0))
    return x * (peak / loudest) if loudest > peak else x
