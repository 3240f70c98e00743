"""The shipped MelNets: better than what knows no neighbours, in every tier; a voice's spectrum; tiers that agree."""

import numpy as np
import pytest
import torch

from core import audio, held_out, weights
from core.melnet import measure, sample

NAMES = [name for name in weights.names() if name.startswith("melnet-")]


@pytest.fixture(scope="module")
def mel():
    """Ten held-out sentences in a row, log-mel [N, 80]."""
    return torch.cat([audio.mel(held_out.load(prompt)).T for prompt in list(held_out.sentences())[:10]])


@pytest.fixture(scope="module")
def speech():
    return weights.load("melnet-speech")


def test_all_three_are_here():
    assert NAMES == ["melnet-one-tier", "melnet-piano", "melnet-speech"]


def test_every_tier_knows_more_than_a_gaussian_for_each_band(speech, mel):
    tiers, whole = measure.nats(speech, mel)
    plain, plain_whole = measure.gaussian_nats(speech, mel)
    assert [one < other - 0.8 for one, other in zip(tiers, plain)] == [True] * 5
    assert tiers == sorted(tiers, reverse=True)  # the finer, the less is left to guess
    assert whole < plain_whole - 1.8


def test_the_gaussian_for_each_band_is_scipys(speech, mel):
    from scipy import stats

    x, mean, std = mel.numpy(), speech.mean.numpy(), speech.std.numpy()
    expected = -stats.norm.logpdf(x, mean, std)
    tiers, whole = measure.gaussian_nats(speech, mel)
    assert np.isclose(whole, expected.mean(), rtol=1e-4)
    assert np.isclose(tiers[0], expected[:, ::4].mean(), rtol=1e-4)
    assert np.isclose(tiers[1], expected[:, 2::4].mean(), rtol=1e-4)
    assert np.isclose(tiers[3], expected[:, 1::2].mean(), rtol=1e-4)


def test_what_is_drawn_has_the_voices_spectrum_and_moves_like_it(speech, mel):
    drawn = torch.cat([measure.draw(speech, seed, 3)[0] for seed in range(4)])
    assert float((drawn.mean(dim=0) - mel.mean(dim=0)).abs().mean()) < 0.8  # nepers: 7 dB
    assert 0.6 < float(drawn.std(dim=0).mean() / mel.std(dim=0).mean()) < 1.3
    near, far = measure.autocorrelation(drawn, 41)[[4, 40]]
    assert near > 0.3 and abs(far) < 0.25  # alike within 50 ms, forgotten after half a second


def test_a_coarse_tier_is_the_outline_of_the_whole(speech):
    looks = list(sample.generate(speech, 3, frames=160))
    whole = looks[-1].merged
    errors = [float((sample.enlarge(look.merged, 160) - whole).abs().mean()) for look in looks]
    assert errors == sorted(errors, reverse=True) and errors[-1] == 0
    assert np.corrcoef(sample.enlarge(looks[0].merged, 160).flatten(), whole.flatten())[0, 1] > 0.7


@pytest.mark.parametrize("name", NAMES)
def test_the_card_agrees_with_the_table(name):
    rows = {row["name"]: row["value"] for row in weights.card(name)["metrics"]}
    table = measure.figures()[name]
    assert rows["nats a bin, all tiers"] == pytest.approx(table["nats"], abs=6e-4)
    assert rows["nats a bin, all tiers"] < rows["nats a bin, all tiers, of a Gaussian for each band"] - 1


def test_autocorrelation_of_a_known_sound():
    """Noise forgets at once; a slow sine comes back after its period."""
    noise = torch.randn(4000, 80, generator=torch.Generator().manual_seed(0))
    curve = measure.autocorrelation(noise, 20)
    assert np.isclose(curve[0], 1) and np.abs(curve[1:]).max() < 0.02
    sine = torch.sin(torch.arange(800.0) * 2 * torch.pi / 40)[:, None].expand(800, 80)
    curve = measure.autocorrelation(sine, 41)
    assert np.isclose(curve[20], -1, atol=0.05) and np.isclose(curve[40], 1, atol=0.05)
