"""pYIN: YIN under many thresholds at once gives candidates with probabilities; a hidden Markov model chooses a path.

Mauch and Dixon 2014, "pYIN: a fundamental frequency estimator using probabilistic threshold distributions"
(ICASSP, 659-663).

    thresholds s_1 … s_N with prior P(s)  ->  candidates (pitch, probability) of each frame      section 2.1
    pitch bins x {voiced, unvoiced}, small jumps  ->  the most probable path (Viterbi)           section 2.2
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from core.mir import yin
from core.mir.frames import HIGHEST_HZ, HOP_SAMPLES, LOWEST_HZ, SAMPLE_RATE_HZ, lags
from core.mir.viterbi import banded, jumps

__all__ = ["Candidates", "Lattice", "candidates", "candidates_by_definition", "lattice", "observations", "prior"]

THRESHOLDS = 100  # s = 0.01, 0.02, … 1
BETA = (2.0, 34 / 3)  # the prior's shape: mean 0.15, the default of the authors' program
TRUST_OF_THE_LOWEST = 0.01  # p_a: the share that the lowest dip gets of the thresholds which no dip passes
TRUST_OF_VOICING = 0.5
BINS_PER_SEMITONE = 10
CHANGE_OF_VOICING = 0.01
SEMITONES_PER_S = 430.0  # 2.5 semitones in the paper's hop of 256 samples at 44.1 kHz
NEGLIGIBLE = 1e-9  # candidates less probable are dropped
MOST = 48  # candidates of a frame that are kept; there are as many as dips, mostly under ten


@functools.lru_cache(maxsize=4)
def prior(a: float = BETA[0], b: float = BETA[1], thresholds: int = THRESHOLDS) -> NDArray:
    """P(s_i) of the thresholds i / N: a beta distribution, cut into N pieces that sum to one: float64 [N].

    Its density is x^(a-1) (1-x)^(b-1) up to a factor; the piece at i/N is the mass between (i-1)/N and i/N.
    """
    from scipy.stats import beta

    return np.diff(beta.cdf(np.linspace(0, 1, thresholds + 1), a, b))


@dataclass(frozen=True, eq=False)
class Candidates:
    """frame: int64 [N], of each candidate, ascending.  f0_hz, probability: float64 [N].  frames: how many."""

    frame: NDArray
    f0_hz: NDArray
    probability: NDArray
    frames: int

    def voiced_probability(self) -> NDArray:
        """The sum over the candidates of each frame: float64 [F]."""
        return np.bincount(self.frame, weights=self.probability, minlength=self.frames)


def candidates_by_definition(normalised: NDArray, weights: NDArray, shortest: int, longest: int) -> dict[int, float]:
    """Lag -> probability in one frame: YIN's step 4 once for each threshold (section 2.1, equation 4).

    Args:
        normalised: float64 [L + 1].  weights: float64 [N], P(s_i) of the thresholds i / N.
    """
    found: dict[int, float] = {}
    if normalised[shortest : longest + 1].min() >= 1:
        return found  # silence has no candidates
    for i, weight in enumerate(weights):
        threshold = (i + 1) / len(weights)
        lag = int(yin.absolute_threshold(normalised, threshold, shortest, longest))
        trust = 1.0 if normalised[lag] < threshold else TRUST_OF_THE_LOWEST
        found[lag] = found.get(lag, 0.0) + trust * float(weight)
    return found


@njit(cache=True, nogil=True)
def _candidates(
    normalised: NDArray, d: NDArray, cumulated: NDArray, shortest: int, longest: int, most: int
) -> tuple[NDArray, NDArray, NDArray]:
    """Every frame in one pass over its lags: a dip is chosen by the thresholds between it and all dips before it.

    cumulated: float64 [N + 1], the mass of the thresholds s_1 … s_i; a dip of depth y is passed by s > y.
    Returns lags float64 [F, most], probabilities [F, most], how many [F].
    """
    frames, pieces = len(d), len(cumulated) - 1
    lag_of, mass, number = np.zeros((frames, most)), np.zeros((frames, most)), np.zeros(frames, dtype=np.int64)
    for frame in range(frames):
        row, lowest, open_pieces = normalised[frame], shortest, pieces  # thresholds that no dip has passed so far
        for lag in range(shortest, longest + 1):
            if row[lag] < row[lowest]:
                lowest = lag
            if row[lag] < row[lag - 1] and row[lag] <= row[lag + 1] and number[frame] < most - 1:
                under = 0  # thresholds at or below the dip's depth
                while under < open_pieces and (under + 1) / pieces <= row[lag]:
                    under += 1
                if under < open_pieces:
                    at = number[frame]
                    lag_of[frame, at] = yin.parabolic(d[frame], lag)
                    mass[frame, at] = cumulated[open_pieces] - cumulated[under]
                    number[frame] += 1
                    open_pieces = under
        if row[lowest] >= 1.0:
            continue  # silence has no candidates
        rest = TRUST_OF_THE_LOWEST * cumulated[open_pieces]
        here = yin.parabolic(d[frame], lowest)
        at = number[frame]
        if at and lag_of[frame, at - 1] == here:
            mass[frame, at - 1] += rest
        elif rest > 0:
            lag_of[frame, at], mass[frame, at] = here, rest
            number[frame] += 1
    return lag_of, mass, number


def candidates(frames: NDArray, *, lowest_hz: float = LOWEST_HZ, weights: NDArray | None = None) -> Candidates:
    """Pitch candidates of every frame, with their probabilities.

    Args:
        frames: float [F, W + L], as from `core.mir.frames.pitch_frames`.
        weights: float64 [N], the prior of the thresholds; `prior()` if not given.
    """
    shortest, longest = lags(lowest_hz)
    d = yin.difference(frames)
    cumulated = np.concatenate([[0.0], np.cumsum(prior() if weights is None else weights)])
    lag, mass, number = _candidates(yin.cumulative_mean_normalised(d), d, cumulated, shortest, longest, MOST)
    kept = (np.arange(MOST) < number[:, None]) & (mass > NEGLIGIBLE)  # [F, MOST]
    frame, _ = np.nonzero(kept)
    return Candidates(frame, SAMPLE_RATE_HZ / lag[kept], mass[kept], len(frames))


def bins(lowest_hz: float = LOWEST_HZ) -> int:
    """M: bins of 10 cents from the lowest pitch to the highest."""
    return int(round(12 * BINS_PER_SEMITONE * np.log2(HIGHEST_HZ / lowest_hz))) + 1


def bin_of(f0_hz: NDArray, lowest_hz: float = LOWEST_HZ) -> NDArray:
    """The bin of each pitch: int64."""
    place = np.round(12 * BINS_PER_SEMITONE * np.log2(f0_hz / lowest_hz)).astype(np.int64)
    return np.clip(place, 0, bins(lowest_hz) - 1)


def hz_of(index: NDArray, lowest_hz: float = LOWEST_HZ) -> NDArray:
    """The pitch in the middle of each bin."""
    return lowest_hz * 2.0 ** (index / (12 * BINS_PER_SEMITONE))


def observations(found: Candidates, *, lowest_hz: float = LOWEST_HZ) -> NDArray:
    """What the frames say of the states: half the candidates' mass in the voiced ones, what is left in the others.

    Source: section 2.2, with the half as the trust in voicing.
    Differs from the paper: the unvoiced mass is shared out among the M unvoiced bins, as the authors' program does.

    Returns:
        float64 [F, 2, M]: voiced, unvoiced; every frame sums to one.
    """
    total = bins(lowest_hz)
    voiced = np.zeros((found.frames, total))
    np.add.at(voiced, (found.frame, bin_of(found.f0_hz, lowest_hz)), TRUST_OF_VOICING * found.probability)
    unvoiced = np.repeat((1 - voiced.sum(axis=1, keepdims=True)) / total, total, axis=1)
    return np.stack([voiced, unvoiced], axis=1)


@dataclass(frozen=True, eq=False)
class Lattice:
    """A sound's candidates and the path through them.

    times_s: float64 [F].  candidates: of all frames.  voiced_probability: float64 [F], before the path is chosen.
    path_bin: int64 [F], bins of 10 cents from `lowest_hz`.  voiced: bool [F].  f0_hz: float64 [F], the candidate on the
    path, or the bin's middle where no candidate lies there; where unvoiced, the likeliest one.
    log_probability: of the path.
    """

    times_s: NDArray
    candidates: Candidates
    voiced_probability: NDArray
    path_bin: NDArray
    voiced: NDArray
    f0_hz: NDArray
    log_probability: float


def lattice(frames: NDArray, *, hop_samples: int = HOP_SAMPLES, lowest_hz: float = LOWEST_HZ,
            weights: NDArray | None = None) -> Lattice:  # fmt: skip
    """Candidates, then the most probable path.

    Args:
        frames: float [F, W + L], as from `core.mir.frames.pitch_frames`.
    Differs from the paper: 55 to 1760 Hz (there 55 to 880), frames every 10 ms (5.8), at 16 kHz (44.1); the widest jump
    is the same in semitones a second.
    """
    found = candidates(frames, lowest_hz=lowest_hz, weights=weights)
    total = bins(lowest_hz)
    reach = int(round(SEMITONES_PER_S * BINS_PER_SEMITONE * hop_samples / SAMPLE_RATE_HZ))
    stay, change = np.log(1 - CHANGE_OF_VOICING), np.log(CHANGE_OF_VOICING)
    switch = np.array([[stay, change], [change, stay]])
    with np.errstate(divide="ignore"):
        log_observation = np.log(observations(found, lowest_hz=lowest_hz))
    start = np.full((2, total), -np.log(2.0 * total))
    voicing, path, score = banded(log_observation, jumps(total, reach), switch, start)
    return Lattice(
        times_s=np.arange(len(frames)) * (hop_samples / SAMPLE_RATE_HZ), candidates=found,
        voiced_probability=found.voiced_probability(), path_bin=path, voiced=voicing == 0,
        f0_hz=_on_path(found, path, voicing == 0, lowest_hz), log_probability=float(score),
    )  # fmt: skip


def _on_path(found: Candidates, path: NDArray, voiced: NDArray, lowest_hz: float) -> NDArray:
    """The likeliest candidate in each frame's bin, else the bin's middle; unvoiced, the likeliest of all: [F]."""
    f0 = hz_of(path, lowest_hz)
    taken = (bin_of(found.f0_hz, lowest_hz) == path[found.frame]) | ~voiced[found.frame]
    order = np.flatnonzero(taken)[np.argsort(found.probability[taken], kind="stable")]
    f0[found.frame[order]] = found.f0_hz[order]  # later ones, more probable, stay
    return f0
