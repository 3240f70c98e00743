"""Linear quantisation against NumPy and its closed form."""

import numpy as np
import pytest
import torch

from core.errors import AudioError
from core.quantisation import linear_quantise
from core.speech_metrics import signal_to_noise_db


@pytest.mark.parametrize("levels", [2, 3, 16, 256, 1000])
def test_nearest_of_equally_spaced_levels(levels: int) -> None:
    x = np.random.default_rng(levels).uniform(-1, 1, 2000).astype(np.float32)
    grid = np.linspace(-1, 1, levels)
    nearest = grid[np.abs(x[:, None] - grid[None]).argmin(axis=1)]
    y = linear_quantise(torch.from_numpy(x), levels=levels).numpy()
    # Where two levels are equally near, either is right: compare the distance, then the values away from ties.
    np.testing.assert_allclose(np.abs(y - x), np.abs(nearest - x), atol=1e-6)
    assert np.abs(y[:, None] - grid[None]).min(axis=1).max() < 1e-6


def test_six_decibels_a_bit() -> None:
    """Full-scale uniform: power 1/3, noise step^2 / 12 with step 2 / (L - 1), so SNR = 20 log10(L - 1)."""
    x = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, 200_000)).float()
    for levels in (17, 65, 257):
        assert signal_to_noise_db(x, linear_quantise(x, levels=levels)) == pytest.approx(
            20 * np.log10(levels - 1), abs=0.1
        )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: linear_quantise(torch.zeros(3), levels=1), "at least 2 levels"),
        (lambda: linear_quantise(torch.tensor([float("nan")])), "NaN"),
        (lambda: linear_quantise(torch.tensor([1.5])), "leaves"),
    ],
)
def test_bad_input(call, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        call()
