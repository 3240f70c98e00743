"""From what a network says of each frame to a smooth trajectory: dynamic features, parameter generation, variance.

A network that predicts frame by frame jumps. It is therefore also asked how fast each number changes (delta) and
how that changes (delta-delta), with a variance for each answer; the trajectory is the one that all these answers
together make most likely. It is smooth, and too smooth: its ups and downs are smaller than in speech. Global variance
gives them back.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

WINDOWS = ((1.0,), (-0.5, 0.0, 0.5), (1.0, -2.0, 1.0))  # static, delta, delta-delta: of the frames t - 1, t, t + 1


def with_dynamics(static: np.ndarray) -> np.ndarray:
    """Append delta and delta-delta; beyond its ends the trajectory stays as it is there.

    Source: Furui 1986; the windows of HTS and Merlin.

    Args:
        static: float [T, D].
    Returns:
        float [T, 3 D]: static, delta, delta-delta.
    """
    padded = np.concatenate([static[:1], static, static[-1:]])
    before, after = padded[:-2], padded[2:]
    return np.concatenate([static, 0.5 * (after - before), before - 2 * static + after], axis=1)


def windows_matrix(frames: int) -> np.ndarray:
    """W of the paper for one dimension, dense, for reading and for tests: float64 [3 T, T].

    Row 3 t + k is window k at frame t; the first and last frame stand in for those beyond the ends.
    """
    w = np.zeros((3 * frames, frames))
    for t in range(frames):
        for k, window in enumerate(WINDOWS):
            for offset, value in enumerate(window, start=-(len(window) // 2)):
                w[3 * t + k, min(max(t + offset, 0), frames - 1)] += value
    return w


def generate(means: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """The most likely trajectory: solves W' U^-1 W c = W' U^-1 mu.

    Each dimension is by itself, and W' U^-1 W has two diagonals beside the main one, so a banded Cholesky
    factorisation takes time linear in T.

    Source: Tokuda et al. 2000, "Speech parameter generation algorithms for HMM-based speech synthesis", equation 12.

    Args:
        means: float [T, 3 D], mu: static, delta, delta-delta.
        variances: float [3 D], above 0, the diagonal of U, the same in every frame; or [T, 3 D].
    Returns:
        float64 [T, D].
    Differs from the paper: in nothing; the variances are those of the training data or of the network's errors, as
    in Merlin, where the paper has those of the states of an HMM.
    """
    frames, dimensions = means.shape[0], means.shape[1] // 3
    mu = np.asarray(means, np.float64).reshape(frames, 3, dimensions)
    precision = 1 / np.broadcast_to(np.asarray(variances, np.float64), means.shape).reshape(frames, 3, dimensions)
    out = np.empty((frames, dimensions))
    for d in range(dimensions):
        bands, right = _normal_equations(mu[..., d], precision[..., d])
        out[:, d] = solveh_banded(bands, right, lower=True, overwrite_ab=True, overwrite_b=True)
    return out


def _normal_equations(mu: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower bands [3, T] of W' U^-1 W, and W' U^-1 mu [T], of one dimension; mu and precision are [T, 3].

    Adds up, window by window, what each pair of its coefficients contributes, with the frames clamped to the ends.
    """
    frames = len(mu)
    t = np.arange(frames)
    bands, right = np.zeros((3, frames)), np.zeros(frames)
    for k, window in enumerate(WINDOWS):
        taps = [
            (np.clip(t + offset, 0, frames - 1), value)
            for offset, value in enumerate(window, start=-(len(window) // 2))
            if value
        ]
        for i, a in taps:
            np.add.at(right, i, a * precision[:, k] * mu[:, k])
            for j, b in taps:
                lower = i >= j
                np.add.at(bands, ((i - j)[lower], j[lower]), (a * b * precision[:, k])[lower])
    return bands, right


def scale_variance(trajectory: np.ndarray, wanted: np.ndarray, *, speech: np.ndarray | None = None) -> np.ndarray:
    """Give each dimension the global variance that it has in natural sentences.

    y' = mean + sqrt(wanted / variance) (y - mean), for each sentence and each dimension.

    Source: Toda, Black, Tokuda 2007, "Voice conversion based on maximum-likelihood estimation of spectral parameter
    trajectory" (IEEE Trans. ASLP 15), equation 58, where it is the starting point of a gradient ascent; Silén et al.
    2012, "Ways to implement global variance in statistical speech synthesis", who stop there: variance scaling.

    Args:
        trajectory: float [T, D].  wanted: float [D], mean variance within a sentence.
        speech: bool [T], the frames to measure; None takes all.
    Returns:
        float64 [T, D].
    Differs from Toda, Black, Tokuda: in their ascent, which is left out. It weighs how likely the global variance is
        (a Gaussian; Toda and Tokuda 2007, IEICE Trans. E90-D, do the same for synthesis) against how likely the
        trajectory is; here every sentence gets just the mean variance. Measured are the frames of `speech` alone,
        theirs are all; the frames outside are scaled by the same line.
    """
    measured = trajectory if speech is None or speech.sum() < 2 else trajectory[speech]
    mean, variance = measured.mean(axis=0), measured.var(axis=0)
    return mean + np.sqrt(wanted / np.maximum(variance, 1e-12)) * (trajectory - mean)
