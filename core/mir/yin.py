"""YIN: pitch as the lag at which a sound differs least from itself, in the six steps of the paper.

de Cheveigné and Kawahara 2002, "YIN, a fundamental frequency estimator for speech and music" (JASA 111, 1917-1930),
sections II-A to II-F. Each step is a function, so that every intermediate result can be looked at:

    1 autocorrelation               core.mir.autocorrelation
    2 difference function           difference
    3 cumulative mean normalised    cumulative_mean_normalised
    4 absolute threshold            absolute_threshold
    5 parabolic interpolation       parabolic
    6 best local estimate           best_local

`track` runs them over all frames, `yin_steps` over one and keeps everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from core.mir.autocorrelation import autocorrelation, energies, pick
from core.mir.frames import (
    HOP_SAMPLES,
    LOWEST_HZ,
    SAMPLE_RATE_HZ,
    WINDOW_SAMPLES,
    count,
    lags,
    mono,
    pitch_frames,
    times,
)

__all__ = [
    "THRESHOLD", "YinSteps", "absolute_threshold", "best_local", "cumulative_mean_normalised", "difference",
    "difference_by_definition", "parabolic", "track", "yin_steps",
]  # fmt: skip

THRESHOLD = 0.15  # 0.1 in section II-D; see assets/tables/mir.md for what it changes
NEIGHBOURHOOD_MS = 25.0  # Tmax of section II-F, the longest period
NEAR = 0.2  # the share by which step 6 may leave the neighbour's lag


def difference_by_definition(frame: NDArray, *, window: int = WINDOW_SAMPLES) -> NDArray:
    """d(tau) = sum over j < W of (x[j] - x[j + tau])^2 (equation 6), as it is written there.

    Args:
        frame: float [W + L].
    Returns:
        float64 [L + 1], for the lags 0 to L.
    """
    longest = len(frame) - window
    return np.array([np.square(frame[:window] - frame[lag : lag + window]).sum() for lag in range(longest + 1)])


def difference(frames: NDArray, *, window: int = WINDOW_SAMPLES) -> NDArray:
    """Step 2 for many frames: d_t(tau) = r_t(0) + r_{t+tau}(0) - 2 r_t(tau) (equation 7).

    Args:
        frames: float [F, W + L].
    Returns:
        float64 [F, L + 1], never negative.
    """
    energy = energies(frames, window=window)
    d = energy[:, :1] + energy - 2 * autocorrelation(frames, window=window)
    # What is left where the terms cancel is rounding: a perfectly periodic sound has zeros there.
    return np.where(d > 1e-12 * energy[:, :1], d, 0.0)


def cumulative_mean_normalised(d: NDArray) -> NDArray:
    """Step 3 (equation 8): d'(0) = 1, d'(tau) = d(tau) over the mean of d(1) … d(tau); silence gives 1.

    The zero at lag 0 is gone, a formant's dip at short lags too, and there is a scale: 0 is a perfect period.

    Args:
        d: float [F, L + 1] or [L + 1].
    Returns:
        float64 of the same shape.
    """
    total = np.cumsum(d[..., 1:], axis=-1)
    lag = np.arange(1, d.shape[-1])
    rest = np.where(total > 0, d[..., 1:] * lag / np.maximum(total, 1e-300), 1.0)
    return np.concatenate([np.ones((*d.shape[:-1], 1)), rest], axis=-1)


@njit(cache=True, nogil=True)
def absolute_threshold(normalised: NDArray, threshold: float, shortest: int, longest: int) -> int:
    """Step 4: the first dip of d' that is deeper than the threshold; with no such dip, the lowest place of all.

    Args:
        normalised: float64 [L + 1], d' of one frame.  shortest, longest: lags to search; longest < L.
    Returns:
        a lag.
    """
    lowest = shortest
    for lag in range(shortest, longest + 1):
        here = normalised[lag]
        if here < threshold and here < normalised[lag - 1] and here <= normalised[lag + 1]:
            return lag
        if here < normalised[lowest]:
            lowest = lag
    return lowest


@njit(cache=True, nogil=True)
def parabolic(d: NDArray, lag: int) -> float:
    """Step 5: the lowest point of the parabola through d at a lag and its two neighbours, a lag between samples.

    On d and not on d', whose division by a growing mean would move the dip (section II-E).

    Args:
        d: float64 [L + 1].  lag: at least 1, below L.
    Returns:
        a lag, within half a sample of the given one; the given one where d has no dip.
    """
    before, here, after = d[lag - 1], d[lag], d[lag + 1]
    bend = before - 2 * here + after
    if bend <= 0:
        return float(lag)
    return lag + min(0.5, max(-0.5, 0.5 * (before - after) / bend))


@njit(cache=True, nogil=True)
def _first_estimates(normalised: NDArray, d: NDArray, threshold: float, shortest: int, longest: int) -> NDArray:
    """Steps 4 and 5 in every frame. Returns rows of the whole lag, the lag between samples, d' there: [3, F]."""
    out = np.empty((3, len(d)))
    for frame in range(len(d)):
        lag = absolute_threshold(normalised[frame], threshold, shortest, longest)
        out[0, frame], out[1, frame], out[2, frame] = lag, parabolic(d[frame], lag), normalised[frame, lag]
    return out


@njit(cache=True, nogil=True)
def best_local(
    normalised: NDArray, d: NDArray, lag: NDArray, value: NDArray, reach: int, shortest: int, longest: int
) -> NDArray:
    """Step 6: of the frames nearby, take the one that is most periodic, and search anew around its lag.

    Args:
        normalised, d: float64 [F, L + 1].
        lag, value: float64 [F], the whole lag of each frame by step 4 and d' there.
        reach: frames on either side.
    Returns:
        float64 [3, F]: as the first estimates, the whole lag, the lag between samples, d' there.
    """
    out = np.empty((3, len(d)))
    for frame in range(len(d)):
        best = frame
        for near in range(max(0, frame - reach), min(len(d), frame + reach + 1)):
            if value[near] < value[best]:
                best = near
        begin = max(shortest, int(np.ceil(lag[best] * (1 - NEAR))))
        end = min(longest, int(np.floor(lag[best] * (1 + NEAR))))
        chosen = begin
        for other in range(begin, end + 1):
            if normalised[frame, other] < normalised[frame, chosen]:
                chosen = other
        out[0, frame], out[1, frame], out[2, frame] = chosen, parabolic(d[frame], chosen), normalised[frame, chosen]
    return out


def track(
    frames: NDArray, *, threshold: float = THRESHOLD, steps: int = 6, hop_samples: int = HOP_SAMPLES,
    lowest_hz: float = LOWEST_HZ,
) -> tuple[NDArray, NDArray]:  # fmt: skip
    """Pitch of every frame by the first `steps` steps of the paper.

    Args:
        frames: float [F, W + L], as from `core.mir.frames.pitch_frames`.
        steps: 2 takes the lowest dip of d itself, 3 that of d', 4 adds the threshold, 5 the parabola, 6 the
            neighbours.
    Returns:
        f0 in Hz, float64 [F], and the aperiodicity d' at its lag, float64 [F]: 0 for a perfect period.
    Differs from the paper: frames 10 ms apart, so that step 6 compares few; sound at 16 kHz.
    """
    if not 2 <= steps <= 6:
        raise ValueError("YIN's steps over frames are 2 to 6; step 1 is core.mir.autocorrelation.track")
    shortest, longest = lags(lowest_hz)
    d = difference(frames)
    normalised = cumulative_mean_normalised(d)
    if steps <= 3:
        lag = pick(-(d if steps == 2 else normalised), shortest=shortest, longest=longest)
        return SAMPLE_RATE_HZ / lag, normalised[np.arange(len(lag)), lag]
    found = _first_estimates(normalised, d, threshold, shortest, longest)
    if steps == 6:
        reach = int(NEIGHBOURHOOD_MS / 2 * SAMPLE_RATE_HZ / 1000 / hop_samples)
        found = best_local(normalised, d, found[0], found[2], reach, shortest, longest)
    return SAMPLE_RATE_HZ / found[0 if steps == 4 else 1], found[2]


@dataclass(frozen=True, eq=False)
class YinSteps:
    """One frame with everything that YIN computes of it. Lags count samples of 16 kHz; curves are float64 [L + 1].

    frame: float64 [W + L].  at_s: its moment.  lag_range: searched.  threshold: of step 4.
    autocorrelation, difference, normalised: steps 1, 2, 3, for the lags 0 to L.
    peak, lowest: the lag that the autocorrelation alone would choose, and d alone.
    dip: the lag of step 4.  below: whether its dip is deeper than the threshold.
    interpolated: of step 5.  aperiodicity: d' at the dip.
    neighbours_s, neighbours_aperiodicity: the frames of step 6, [N].  local: its lag between samples.
    """

    frame: NDArray
    at_s: float
    lag_range: tuple[int, int]
    threshold: float
    autocorrelation: NDArray
    difference: NDArray
    normalised: NDArray
    peak: int
    lowest: int
    dip: int
    below: bool
    interpolated: float
    aperiodicity: float
    neighbours_s: NDArray
    neighbours_aperiodicity: NDArray
    local: float

    @property
    def f0_hz(self) -> float:
        """What YIN answers, after step 6."""
        return SAMPLE_RATE_HZ / self.local


def yin_steps(
    audio: Any, sample_rate_hz: int, at_s: float, *, threshold: float = THRESHOLD, lowest_hz: float = LOWEST_HZ
) -> YinSteps:
    """All steps for the frame nearest to a moment.

    Args:
        audio: float [T] or [C, T].  at_s: in seconds; outside the sound, its first or last frame is taken.
    Raises:
        AudioError: as `core.mir.frames.mono`.
    """
    x = mono(audio, sample_rate_hz)
    shortest, longest = lags(lowest_hz)
    total = count(len(x))
    at = int(np.clip(round(at_s * SAMPLE_RATE_HZ / HOP_SAMPLES), 0, total - 1))
    reach = int(NEIGHBOURHOOD_MS / 2 * SAMPLE_RATE_HZ / 1000 / HOP_SAMPLES)
    near = np.arange(max(0, at - reach), min(total, at + reach + 1))
    frames = pitch_frames(x, lowest_hz=lowest_hz)[near]
    d = difference(frames)
    normalised = cumulative_mean_normalised(d)
    first = _first_estimates(normalised, d, threshold, shortest, longest)
    local = best_local(normalised, d, first[0], first[2], reach, shortest, longest)
    here = at - near[0]
    r = autocorrelation(frames[here : here + 1])
    return YinSteps(
        frame=np.array(frames[here]), at_s=float(times(total)[at]), lag_range=(shortest, longest), threshold=threshold,
        autocorrelation=r[0], difference=d[here], normalised=normalised[here],
        peak=int(pick(r, shortest=shortest, longest=longest)[0]),
        lowest=int(pick(-d[here : here + 1], shortest=shortest, longest=longest)[0]),
        dip=int(first[0, here]), below=bool(first[2, here] < threshold),
        interpolated=float(first[1, here]), aperiodicity=float(first[2, here]),
        neighbours_s=times(total)[near], neighbours_aperiodicity=first[2], local=float(local[1, here]),
    )  # fmt: skip
