"""The best path through a lattice of states (Viterbi 1967): plain, and fast where the path can only move a little."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["banded", "jumps", "viterbi"]


def viterbi(log_observation: NDArray, log_transition: NDArray, log_start: NDArray) -> tuple[NDArray, float]:
    """The most probable sequence of states, for any transitions: the reference.

    Args:
        log_observation: float [F, S].  log_transition: float [S, S], from a state (row) to a state.
        log_start: float [S].
    Returns:
        the path, int64 [F], and its log probability.
    """
    score = log_start + log_observation[0]
    back = np.zeros(log_observation.shape, dtype=np.int64)
    for frame in range(1, len(log_observation)):
        arriving = score[:, None] + log_transition  # [from, to]
        back[frame] = arriving.argmax(axis=0)
        score = arriving.max(axis=0) + log_observation[frame]
    path = np.zeros(len(log_observation), dtype=np.int64)
    path[-1] = score.argmax()
    for frame in range(len(path) - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    return path, float(score.max())


def jumps(bins: int, reach: int) -> NDArray:
    """How probable a jump of d bins is: a triangle around staying, cut off at the ends of the range.

    Args:
        reach: a jump of so many bins is impossible, all smaller ones are possible.
    Returns:
        float64 [bins, 2 * reach - 1]: row i holds the log probabilities of i - reach + 1 … i + reach - 1.
    """
    jump = np.arange(-reach + 1, reach)
    weight = np.where((0 <= (there := np.arange(bins)[:, None] + jump)) & (there < bins), reach - np.abs(jump), 0.0)
    with np.errstate(divide="ignore"):
        return np.log(weight / weight.sum(axis=1, keepdims=True))


@njit(cache=True, nogil=True)
def banded(
    log_observation: NDArray, log_jump: NDArray, log_switch: NDArray, log_start: NDArray
) -> tuple[NDArray, NDArray, float]:
    """The most probable path where a state is a voicing v and a bin m, and the bin moves a little at a time.

    The same as `viterbi` over the V * M states with log_transition = log_switch[v, v'] + log_jump[m, m' - m], in
    time proportional to the width of a jump instead of the number of bins. On the way forth only the scores are kept;
    where the best path came from is looked up on the way back.

    Args:
        log_observation: float64 [F, V, M].  log_jump: float64 [M, 2R - 1], as from `jumps`.
        log_switch: float64 [V, V].  log_start: float64 [V, M].
    Returns:
        v of every frame, int64 [F]; m, int64 [F]; the log probability.
    """
    frames, voicings, bins = log_observation.shape
    reach = (log_jump.shape[1] + 1) // 2
    by_jump = np.ascontiguousarray(log_jump.T)  # [2R - 1, M], so that the innermost loop runs along the bins
    score = np.empty((frames, voicings, bins))
    score[0] = log_start + log_observation[0]
    nearest = np.empty((voicings, bins))  # the best way to arrive in a bin from each voicing
    for frame in range(1, frames):
        for v in range(voicings):
            nearest[v] = -np.inf
            for jump in range(-reach + 1, reach):
                for i in range(max(0, -jump), min(bins, bins - jump)):
                    here = score[frame - 1, v, i] + by_jump[jump + reach - 1, i]
                    nearest[v, i + jump] = here if here > nearest[v, i + jump] else nearest[v, i + jump]
        for v in range(voicings):
            for m in range(bins):
                best = -np.inf
                for u in range(voicings):
                    best = max(best, nearest[u, m] + log_switch[u, v])
                score[frame, v, m] = best + log_observation[frame, v, m]
    last = np.argmax(score[frames - 1])
    total = score[frames - 1].flat[last]
    voicing, pitch = np.zeros(frames, dtype=np.int64), np.zeros(frames, dtype=np.int64)
    voicing[-1], pitch[-1] = last // bins, last % bins
    for frame in range(frames - 2, -1, -1):
        v, m, best = voicing[frame + 1], pitch[frame + 1], -np.inf
        for u in range(voicings):
            for i in range(max(0, m - reach + 1), min(bins, m + reach)):
                here = score[frame, u, i] + log_jump[i, m - i + reach - 1] + log_switch[u, v]
                if here > best:
                    best, voicing[frame], pitch[frame] = here, u, i
    return voicing, pitch, total
