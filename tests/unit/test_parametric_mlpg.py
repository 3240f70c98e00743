"""Parameter generation against the dense equations, and global variance against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from core.parametric import mlpg

RNG = np.random.default_rng(0)


def test_dynamics_are_those_of_a_line_and_a_parabola() -> None:
    t = np.arange(20.0)[:, None]
    found = mlpg.with_dynamics(np.concatenate([3 * t, t**2], axis=1))[1:-1]  # but for the ends
    assert np.allclose(found[:, 2:4], np.concatenate([np.full((18, 1), 3.0), 2 * t[1:-1]], axis=1))
    assert np.allclose(found[:, 4:6], [0.0, 2.0])


def test_the_matrix_of_the_paper_does_what_the_windows_do() -> None:
    static = RNG.normal(size=(9, 1))
    dense = (mlpg.windows_matrix(9) @ static).reshape(9, 3)
    assert np.allclose(dense, mlpg.with_dynamics(static))


@pytest.mark.parametrize("frames", [1, 2, 3, 50])
@pytest.mark.parametrize("by_frame", [False, True])
def test_banded_generation_is_the_dense_solution(frames: int, by_frame: bool) -> None:
    means = RNG.normal(size=(frames, 6))
    variances = RNG.uniform(0.01, 2, size=(frames, 6) if by_frame else 6)
    found = mlpg.generate(means, variances)
    w = mlpg.windows_matrix(frames)
    precision = (1 / np.broadcast_to(variances, means.shape)).reshape(frames, 3, 2)
    for d in range(2):
        u = np.diag(precision[:, :, d].ravel())
        dense = np.linalg.solve(w.T @ u @ w, w.T @ u @ means.reshape(frames, 3, 2)[:, :, d].ravel())
        assert np.allclose(found[:, d], dense, atol=1e-10)


def test_a_trajectory_that_fits_its_dynamics_comes_back() -> None:
    static = RNG.normal(size=(40, 3))
    assert np.allclose(mlpg.generate(mlpg.with_dynamics(static), np.full(9, 0.3)), static)


def test_sure_dynamics_smooth_unsure_statics_do_not() -> None:
    static = RNG.normal(size=(200, 1))
    means = np.concatenate([static, np.zeros((200, 2))], axis=1)
    steps = [np.abs(np.diff(mlpg.generate(means, np.array([1.0, v, v]))[:, 0])).mean() for v in (1e6, 1.0, 0.01)]
    assert steps[0] == pytest.approx(np.abs(np.diff(static[:, 0])).mean(), rel=1e-3)
    assert steps[0] > 2 * steps[1] > 4 * steps[2]


def test_global_variance_is_restored_and_the_mean_kept() -> None:
    smooth = RNG.normal(size=(300, 4)) * 0.5 + np.arange(4)
    speech = np.arange(300) > 60
    wanted = np.array([1.0, 4.0, 0.25, 0.01])
    found = mlpg.scale_variance(smooth, wanted, speech=speech)
    assert np.allclose(found[speech].var(axis=0), wanted)
    assert np.allclose(found[speech].mean(axis=0), smooth[speech].mean(axis=0))


def test_a_constant_stays_finite() -> None:
    assert np.isfinite(mlpg.scale_variance(np.ones((5, 2)), np.ones(2))).all()
