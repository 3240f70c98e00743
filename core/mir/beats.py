"""Beats by dynamic programming: times where something begins, as evenly apart as a tightness asks.

Ellis 2007, "Beat tracking by dynamic programming" (Journal of New Music Research 36, 51-60), section 2.

    C({t_i}) = sum O(t_i) + alpha * sum F(t_i - t_{i-1}, tau_p)             equation 1
    F(dt, tau) = -(log(dt / tau))^2                                         equation 2
    C*(t) = O(t) + max over tau of alpha F(t - tau, tau_p) + C*(tau)        equation 3
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from core.mir import onsets, tempo
from core.mir.onsets import Envelope
from core.mir.tempo import Tempo, Tempogram

__all__ = [
    "TIGHTNESS", "Beats", "backtrace", "beats", "cumulative_score", "cumulative_score_by_definition", "steadiness",
    "total", "warm",
]  # fmt: skip

TIGHTNESS = 100.0  # alpha; librosa's default, too
LEAST_BPM, MOST_BPM = 30.0, 300.0
STEADY = 0.13  # found on speech, noises, songs, piano and bands other than those of the card


def total(strength: NDArray, at: NDArray, period: float, tightness: float) -> float:
    """C of some beats (equation 1). at: int [K], places in `strength`, rising."""
    steps = np.diff(at)
    return float(strength[at].sum() - tightness * np.square(np.log(steps / period)).sum())


def reach(period: float) -> tuple[int, int]:
    """The shortest and the longest step between beats: half and twice the period, in whole values."""
    return max(1, int(round(period / 2))), max(2, int(round(2 * period)))


def cumulative_score_by_definition(strength: NDArray, period: float, tightness: float) -> tuple[NDArray, NDArray]:
    """Equation 3, from the first moment to the last: the plain reference.

    A beat may also be the first one; then nothing is added to O(t).

    Args:
        strength: float [N], an onset envelope, nowhere negative.  period: tau_p, in values of the envelope.
        tightness: alpha.
    Returns:
        C*, float64 [N], and where each best sequence has its beat before, int64 [N], -1 for none.
    """
    shortest, longest = reach(period)
    score, back = np.array(strength, dtype=np.float64), np.full(len(strength), -1)
    for t in range(len(strength)):
        best = 0.0
        for before in range(max(0, t - longest), t - shortest + 1):
            candidate = score[before] - tightness * np.log((t - before) / period) ** 2
            if candidate > best:
                best, back[t] = candidate, before
        score[t] += best
    return score, back


@njit(cache=True, nogil=True)
def _cumulative(strength: NDArray, penalty: NDArray, shortest: int) -> tuple[NDArray, NDArray]:
    """penalty: float64 [S], alpha F of the steps shortest, shortest + 1, …"""
    score, back = strength.copy(), np.full(len(strength), -1)
    for t in range(len(strength)):
        best = 0.0
        for step in range(min(shortest + len(penalty) - 1, t), shortest - 1, -1):
            candidate = score[t - step] + penalty[step - shortest]
            if candidate > best:
                best, back[t] = candidate, t - step
        score[t] += best
    return score, back


def cumulative_score(strength: NDArray, period: float, tightness: float) -> tuple[NDArray, NDArray]:
    """The same, compiled, with the logarithms taken once: see `cumulative_score_by_definition`."""
    shortest, longest = reach(period)
    penalty = -tightness * np.square(np.log(np.arange(shortest, longest + 1) / period))
    return _cumulative(np.ascontiguousarray(strength, dtype=np.float64), penalty, shortest)


def backtrace(score: NDArray, back: NDArray, period: float) -> NDArray:
    """From the best end in the last period back to the first beat: int64 [K], rising."""
    begin = max(0, len(score) - max(1, int(round(period))))
    at = [begin + int(score[begin:].argmax())]
    while back[at[-1]] >= 0:
        at.append(int(back[at[-1]]))
    return np.array(at[::-1], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Beats:
    """What is heard, and everything that led to it. N values of the envelope, `envelope.rate_hz` a second.

    beats_s: float64 [K].  tempo: of the whole sound, where the search began.  tempogram: tempo over time.
    local: float64 [N], O(t), the envelope smoothed by a 32nd of a period.  score: float64 [N], C*(t).
    back: int64 [N], backlinks, -1 for none.  at: int64 [K], the beats as places in `local`.
    tightness: alpha.  confidence: that there is a beat to tap to, 0 to 1; `steady` from 0.5 on.
    """

    beats_s: NDArray
    tempo: Tempo
    tempogram: Tempogram
    envelope: Envelope
    local: NDArray
    score: NDArray
    back: NDArray
    at: NDArray
    tightness: float
    confidence: float

    @property
    def steady(self) -> bool:
        return self.confidence >= 0.5

    @property
    def bpm(self) -> float:
        """60 over the median step between the beats found; the tempo's, where there are fewer than two."""
        return float(60 / np.median(np.diff(self.beats_s))) if len(self.beats_s) > 1 else self.tempo.bpm


def local_score(strength: NDArray, period: float) -> NDArray:
    """O(t): the envelope under a Gaussian of a 32nd of a period, as in the author's program: float64 [N]."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(strength, period / 32)


def steadiness(strength: NDArray, period: float) -> float:
    """How much the envelope is like itself one, two and four beats later: the mean correlation, at most 1.

    Speech has a rhythm of syllables, too, but not one that still fits after four of them.
    """
    found = []
    r = tempo.autocorrelation(strength, min(len(strength) - 1, int(4.1 * period) + 2))
    for beats_later in (1, 2, 4):
        begin, end = int(0.98 * beats_later * period), int(1.02 * beats_later * period) + 2
        if end <= min(len(r), 0.8 * len(strength)):  # else too little is left to compare
            found.append(float(r[begin:end].max()) * len(strength) / (len(strength) - begin))
    return float(np.clip(np.mean(found), 0, 1)) if found else 0.0


def trimmed(at: NDArray, local: NDArray) -> NDArray:
    """Without the beats before the first and after the last that something begins at."""
    strong = np.flatnonzero(local[at] > 0.5 * np.sqrt(np.mean(np.square(local[at]))))
    return at[strong[0] : strong[-1] + 1] if len(strong) else at[:0]


def beats(
    audio: Any, sample_rate_hz: int, *, tightness: float = TIGHTNESS, start_bpm: float = tempo.START_BPM,
    bpm: float | None = None,
) -> Beats:  # fmt: skip
    """Where one would tap along.

    Args:
        audio: float [T] or [C, T], at most 60 s.
        tightness: alpha, how much an uneven step costs; near 0 the beats go wherever something begins.
        start_bpm: the tempo to look around.  bpm: a tempo to take instead of the estimate.
    Raises:
        AudioError: as `core.mir.frames.mono`.
    """
    envelope = onsets.envelope(audio, sample_rate_hz)
    found = tempo.estimate(envelope.strength, envelope.rate_hz, start_bpm=start_bpm)
    period = 60 * envelope.rate_hz / float(np.clip(bpm or found.bpm, LEAST_BPM, MOST_BPM))
    local = local_score(envelope.strength, period)
    score, back = cumulative_score(local, period, tightness)
    at = trimmed(backtrace(score, back, period), local)
    return Beats(
        beats_s=at / envelope.rate_hz, tempo=found,
        tempogram=tempo.autocorrelation_tempogram(envelope.strength, envelope.rate_hz), envelope=envelope,
        local=local, score=score, back=back, at=at, tightness=tightness,
        confidence=min(1.0, 0.5 * steadiness(envelope.strength, period) / STEADY),
    )  # fmt: skip


def warm() -> None:
    """Compile what numba compiles, so that a visitor does not wait for it."""
    beats(np.tile(np.concatenate([np.ones(200), np.zeros(7_800)]), 4), 16_000)
