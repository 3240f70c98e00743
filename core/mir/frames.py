"""A sound as the methods of this folder take it: mono, 16 kHz, cut into overlapping frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import AudioError

__all__ = [
    "HIGHEST_HZ", "HOP_SAMPLES", "LOWEST_HZ", "SAMPLE_RATE_HZ", "WINDOW_SAMPLES", "count", "framed", "lags", "mono",
    "pitch_frames", "times",
]  # fmt: skip

SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 160  # 10 ms
WINDOW_SAMPLES = 512  # W of YIN: 32 ms, nearly two periods of the lowest pitch
LOWEST_HZ, HIGHEST_HZ = 55.0, 1760.0  # A1 to A6: a bass's lowest notes to a soprano's highest
MIN_SECONDS = 0.1
MAX_SECONDS = 60.0
AHEAD_SAMPLES = 288  # a pitch frame begins so long before its moment: then it is centred for a lag of 64, 250 Hz


def mono(audio: Any, sample_rate_hz: int, *, to_hz: int = SAMPLE_RATE_HZ, max_seconds: float = MAX_SECONDS) -> NDArray:
    """One channel at `to_hz`.

    Args:
        audio: float [T] or [C, T], a tensor or an array; the channels' mean is taken.
    Returns:
        float64 [T'].
    Raises:
        AudioError: nothing, not finite, shorter than 0.1 s, longer than `max_seconds`.
    """
    x = np.asarray(audio, dtype=np.float64)
    if x.ndim == 2:
        x = x.mean(axis=0)
    if x.ndim != 1 or x.size == 0 or sample_rate_hz <= 0:
        raise AudioError("There is no sound: record one, upload one or choose a sample first.")
    if not np.isfinite(x).all():
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    seconds = x.size / sample_rate_hz
    if seconds < MIN_SECONDS:
        raise AudioError(f"The sound lasts {seconds:.3f} s; at least {MIN_SECONDS} s are needed here.")
    if seconds > max_seconds:
        raise AudioError(f"The sound lasts {seconds:.0f} s; at most {max_seconds:.0f} s are analysed: cut out a part.")
    if sample_rate_hz == to_hz:
        return x
    import soxr

    return soxr.resample(x, sample_rate_hz, to_hz, quality="HQ")


def count(samples: int, hop_samples: int = HOP_SAMPLES) -> int:
    """Frames of a sound: one at its beginning, then one a hop."""
    return 1 + samples // hop_samples


def times(frames: int, *, hop_samples: int = HOP_SAMPLES, sample_rate_hz: int = SAMPLE_RATE_HZ) -> NDArray:
    """The moment of each frame in seconds: float64 [F]."""
    return np.arange(frames) * (hop_samples / sample_rate_hz)


def framed(x: NDArray, length: int, *, hop_samples: int, ahead: int) -> NDArray:
    """Frame f holds `length` samples from f * hop - ahead on; before and after the sound there is silence.

    Args:
        x: float [T].
    Returns:
        float [F, length] with F = 1 + T // hop; a view, not to be written to.
    """
    frames = count(len(x), hop_samples)
    behind = max(0, (frames - 1) * hop_samples + length - ahead - len(x))
    padded = np.pad(x, (ahead, behind))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::hop_samples][:frames]


def lags(lowest_hz: float = LOWEST_HZ, highest_hz: float = HIGHEST_HZ) -> tuple[int, int]:
    """The shortest and the longest lag in samples that are searched."""
    return int(SAMPLE_RATE_HZ / highest_hz), int(np.ceil(SAMPLE_RATE_HZ / lowest_hz))


def pitch_frames(x: NDArray, *, hop_samples: int = HOP_SAMPLES, lowest_hz: float = LOWEST_HZ) -> NDArray:
    """Frames long enough to shift a window of W samples by the longest lag, and by one more for a parabola.

    Args:
        x: float [T] at 16 kHz, as from `mono`.
    Returns:
        float [F, W + longest lag + 1].
    """
    longest = lags(lowest_hz)[1] + 1
    return framed(x, WINDOW_SAMPLES + longest, hop_samples=hop_samples, ahead=AHEAD_SAMPLES)
