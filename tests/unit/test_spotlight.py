"""A sound split by a picture, against tones whose place is known and against NumPy."""

from __future__ import annotations

import numpy as np
import torch

from core.events.spectrogram import Bands, triangles
from core.spotlight import brightest, enlarged, shuffled, split

BANDS = Bands()
T = torch.arange(16_000) / 16_000


def tone(hz: float) -> torch.Tensor:
    return 0.1 * torch.sin(2 * torch.pi * hz * T)


def db(x: torch.Tensor) -> float:
    return 10 * float(torch.log10(x[1600:-1600].square().mean()))


def test_the_brightest_places_are_those_that_numpy_sorts_first():
    picture = torch.randn(13, 7, generator=torch.Generator().manual_seed(1))
    mask = brightest(picture, 0.2)
    first = np.argsort(-picture.numpy().ravel())[: round(0.2 * 91)]
    assert sorted(np.flatnonzero(mask.numpy())) == sorted(first)
    assert brightest(picture, 1e-9).sum() == 1 and brightest(torch.zeros(4, 5), 0.3).sum() == 6  # ties
    assert brightest(picture, 1.0).all()


def test_as_many_places_at_random():
    mask = brightest(torch.arange(100.0).view(10, 10), 0.3)
    other = shuffled(mask, seed=0)
    assert other.sum() == 30 and not torch.equal(other, mask) and torch.equal(other, shuffled(mask, seed=0))
    assert not torch.equal(other, shuffled(mask, seed=1))


def test_a_coarse_mask_is_linear_between_the_middles_of_its_places():
    row = np.array([0.0, 1.0, 1.0, 0.0, 0.5])
    fine = enlarged(torch.from_numpy(row).float()[:, None].expand(5, 3), 8, 37)
    wanted = np.interp(np.arange(37), np.arange(5) * 8 + 3.5, row)
    assert fine.shape == (37, 24)
    np.testing.assert_allclose(fine.numpy(), np.repeat(wanted[:, None], 24, axis=1), atol=1e-6)


def test_both_parts_are_the_sound_and_each_has_its_tone():
    low, high = tone(300), tone(3000)
    x, frames = low + high, BANDS.frames(len(T))
    gain = (BANDS.centres_hz() < 1000).float().expand(frames, BANDS.bands)
    lit, rest = split(x, gain, triangles(BANDS), hop_samples=BANDS.hop_samples)
    torch.testing.assert_close(lit + rest, x)
    assert db(lit - low) < db(low) - 40 and db(rest - high) < db(high) - 40


def test_a_moment_is_cut_out():
    x, frames = tone(1000), BANDS.frames(len(T))
    gain = (torch.arange(frames)[:, None] < frames / 2).float().expand(frames, BANDS.bands)
    lit, _ = split(x, gain, triangles(BANDS), hop_samples=BANDS.hop_samples)
    assert db(lit[:8000]) > -24 and float(lit[9000:].abs().max()) < 1e-4


def test_all_or_nothing():
    x = torch.randn(5000, generator=torch.Generator().manual_seed(0))
    ones = torch.ones(BANDS.frames(5000), BANDS.bands)
    lit, rest = split(x, ones, triangles(BANDS), hop_samples=BANDS.hop_samples)
    torch.testing.assert_close(lit, x, atol=1e-5, rtol=0)  # frequencies below and above all bands, too
    lit, rest = split(x, 0 * ones, triangles(BANDS), hop_samples=BANDS.hop_samples)
    assert float(lit.abs().max()) < 1e-6 and torch.equal(rest, x - lit)
