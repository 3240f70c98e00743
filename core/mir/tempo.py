"""How fast: the onset envelope is compared with itself shifted by every beat period one might hear.

Global tempo: Ellis 2007, "Beat tracking by dynamic programming", section 3.2. Tempograms, which show the tempo over
time: Grosche, Müller and Kurth 2010, "Cyclic tempogram" (ICASSP), section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Tempo", "Tempogram", "autocorrelation", "autocorrelation_tempogram", "estimate", "fourier_tempogram", "prior",
]  # fmt: skip

SLOWEST_BPM, FASTEST_BPM = 30.0, 300.0
START_BPM = 110.0
OCTAVES = 0.7  # the prior's deviation
WINDOW_S = 8.0
STEP_S = 0.1


@dataclass(frozen=True, eq=False)
class Tempogram:
    """strength: float64 [B, F] of `bpm` [B] (rising) at `times_s` [F]; from 0 to 1."""

    strength: NDArray
    bpm: NDArray
    times_s: NDArray


@dataclass(frozen=True, eq=False)
class Tempo:
    """bpm: the answer.  other_bpm: the second best, another way to tap.

    curve_bpm: float64 [B], rising.  curve: the autocorrelation of the whole envelope there, from -1 to 1.
    weighted: with the prior and the rule; its highest point is the answer.
    clarity: the autocorrelation at the answer, 0 where nothing repeats.
    """

    bpm: float
    other_bpm: float
    curve_bpm: NDArray
    curve: NDArray
    weighted: NDArray
    clarity: float


def prior(bpm: NDArray, *, start_bpm: float = START_BPM, octaves: float = OCTAVES) -> NDArray:
    """W(tau) = exp(-1/2 (log2(tau / tau0) / sigma)^2) (equation 6): people tap near two beats a second.

    Differs from the paper, which has 120 beats a minute and 1.4 octaves.
    """
    return np.exp(-0.5 * np.square(np.log2(np.asarray(bpm) / start_bpm) / octaves))


def autocorrelation(strength: NDArray, longest: int) -> NDArray:
    """Of the envelope about its mean, for the lags 0 to `longest`, over its value at 0: float64 [longest + 1].

    Sums over fewer products at longer lags are not made up for: shorter periods are seen more often.
    """
    x = strength - strength.mean()
    size = 1 << int(np.ceil(np.log2(max(2, len(x) + longest))))
    r = np.fft.irfft(np.square(np.abs(np.fft.rfft(x, size))), size)[: longest + 1]
    return r / r[0] if r[0] > 1e-9 else np.zeros(longest + 1)


def estimate(
    strength: NDArray, rate_hz: float, *, start_bpm: float = START_BPM, octaves: float = OCTAVES, rule: str = "divided"
) -> Tempo:
    """One tempo for all of it: the period whose autocorrelation, with that of related periods, is highest.

    Source: Ellis 2007, section 3.2: the autocorrelation under a prior, with help from other levels of the metre.

    Args:
        strength: float [N], an onset envelope.  rate_hz: its values a second.
        start_bpm: where the prior is highest.  octaves: how wide it is.
        rule: "ellis" as the paper, see `_by_ellis`; "divided": a beat is as a rule divided in two, so half of what
            half the period has is added.
    Differs from the paper: in the rule, unless "ellis"; the answer lies between the envelope's values (a parabola).
    """
    slowest, fastest = int(np.ceil(60 * rate_hz / SLOWEST_BPM)), int(60 * rate_hz / FASTEST_BPM)
    r = autocorrelation(strength, 3 * slowest + 1)
    lag = np.arange(fastest, slowest + 1)
    bpm = 60 * rate_hz / lag
    weight = prior(60 * rate_hz / np.maximum(np.arange(len(r)), 1), start_bpm=start_bpm, octaves=octaves)
    weighted = _by_ellis(r * weight, lag) if rule == "ellis" else weight[lag] * (r[lag] + 0.5 * r[lag // 2])
    best = int(weighted.argmax())
    far = np.abs(np.log2(bpm / bpm[best])) > 0.2
    other = int(np.where(far & _is_peak(weighted), weighted, -np.inf).argmax())
    return Tempo(
        bpm=60 * rate_hz / _between(r, int(lag[best])), other_bpm=60 * rate_hz / _between(r, int(lag[other])),
        curve_bpm=bpm[::-1], curve=r[lag][::-1], weighted=weighted[::-1], clarity=max(0.0, float(r[lag[best]])),
    )  # fmt: skip


def _by_ellis(strengths: NDArray, lag: NDArray) -> NDArray:
    """Equations 7 and 8, then the better of two levels.

    The fast level is where a period and its double (duple metre) or its triple (triple metre) are strongest together;
    of it and the slow one, two or three times as long, the stronger is the tempo: everything far from it is set to 0.

    Args:
        strengths: float64, TPS of all lags from 0 on.  lag: int [B], those to choose from.
    Returns:
        float64 [B].
    """
    s = strengths
    duple = s[lag] + 0.5 * s[2 * lag] + 0.25 * (s[2 * lag - 1] + s[2 * lag + 1])
    triple = s[lag] + (s[3 * lag] + s[3 * lag - 1] + s[3 * lag + 1]) / 3
    times = 2 if duple.max() >= triple.max() else 3
    fast = int(lag[(duple if times == 2 else triple).argmax()])
    near = [np.where(np.abs(lag / level - 1) <= 0.04, s[lag], -np.inf) for level in (fast, times * fast)]
    return np.where(np.isfinite(chosen := max(near, key=np.max)), chosen, 0.0)


def _is_peak(x: NDArray) -> NDArray:
    inner = (x[1:-1] > x[:-2]) & (x[1:-1] >= x[2:])
    return np.concatenate([[False], inner, [False]])


def _between(r: NDArray, lag: int) -> float:
    """The highest point of the parabola through r at a lag and its neighbours, if there is one."""
    before, here, after = r[lag - 1 : lag + 2]
    bend = before - 2 * here + after
    return lag + float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else float(lag)


def _windows(strength: NDArray, rate_hz: float, window_s: float) -> tuple[NDArray, NDArray]:
    """Stretches of the envelope about its mean under a Hann window [F, W], and their middles in seconds [F]."""
    length = int(window_s * rate_hz)
    step = int(STEP_S * rate_hz)
    padded = np.pad(strength - strength.mean(), length // 2)
    cut = np.lib.stride_tricks.sliding_window_view(padded, length)[::step]
    return cut * np.hanning(length), np.arange(len(cut)) * step / rate_hz


def autocorrelation_tempogram(
    strength: NDArray, rate_hz: float, *, window_s: float = WINDOW_S, bpm: NDArray | None = None
) -> Tempogram:
    """Local autocorrelation: also high at halves of a tempo, whose periods are multiples.

    Args:
        strength: float [N], an onset envelope.  bpm: where to look, rising; by default 30 to 300, evenly by octaves.
    """
    bpm = _grid() if bpm is None else bpm
    windows, times_s = _windows(strength, rate_hz, window_s)
    size = 1 << int(np.ceil(np.log2(2 * windows.shape[1])))
    r = np.fft.irfft(np.square(np.abs(np.fft.rfft(windows, size, axis=1))), size)  # [F, size]
    r = np.where(r[:, :1] > 1e-9, r / np.maximum(r[:, :1], 1e-9), 0.0)
    lag = 60 * rate_hz / bpm
    whole = np.floor(lag).astype(int)
    share = lag - whole
    return Tempogram(np.maximum((1 - share) * r[:, whole] + share * r[:, whole + 1], 0).T, bpm, times_s)


def fourier_tempogram(
    strength: NDArray, rate_hz: float, *, window_s: float = WINDOW_S, bpm: NDArray | None = None
) -> Tempogram:
    """How much of a sine of each tempo is in the envelope: also high at multiples of a tempo.

    Args:
        as `autocorrelation_tempogram`.
    """
    bpm = _grid() if bpm is None else bpm
    windows, times_s = _windows(strength, rate_hz, window_s)
    moment = np.arange(windows.shape[1]) / rate_hz
    wave = np.exp(-2j * np.pi * bpm[:, None] / 60 * moment)  # [B, W]
    found = np.abs(windows @ wave.T).T  # [B, F]
    top = float(found.max(initial=0.0))
    return Tempogram(found / top if top > 1e-9 else found, bpm, times_s)


def _grid() -> NDArray:
    """160 tempi from 30 to 300, equally far apart by ratio."""
    return np.geomspace(SLOWEST_BPM, FASTEST_BPM, 160)
