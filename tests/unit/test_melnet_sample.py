"""Sampling: cached equals recomputed on the same uniforms; priming, freezing, and what is refused."""

import numpy as np
import pytest
import torch

from core.errors import MelError, SamplingError
from core.melnet import recompute, sample
from core.melnet.model import PRESETS, MelNet
from core.melnet.tiers import interleave, shapes, split_tiers


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    net = MelNet(PRESETS["tiny"]).eval()
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(2.0)  # so that every path matters
        net.mean.copy_(torch.linspace(-6, -2, 8))
        net.std.copy_(torch.linspace(0.5, 2, 8))
    return net


def test_cached_sampling_equals_full_recomputation_on_the_same_uniforms(model):
    frames = 12
    uniforms = [sample.uniforms_of(7, g + 1, s) for g, s in enumerate(shapes(frames, 8, 3))]
    looks = list(sample.generate(model, frames=frames, uniforms=uniforms, temperature=0.9))
    drawn = []
    for index, tier in enumerate(model.tiers):
        before = interleave([one[None] for one in drawn])[0] if drawn else None
        drawn.append(recompute.draw_tier(tier, uniforms[index], before, 0.9))
        assert torch.allclose(looks[index].own, drawn[index], atol=2e-4), index
    whole = interleave([one[None] for one in drawn])[0]
    assert torch.allclose(looks[-1].merged, whole * model.std + model.mean, atol=1e-3)


def test_each_tier_is_yielded_and_grows(model):
    looks = list(sample.generate(model, seed=1, frames=16, every=2))
    assert [look.tier for look in looks if look.complete] == [1, 2, 3]
    assert [tuple(look.merged.shape) for look in looks if look.complete] == [(8, 4), (8, 8), (16, 8)]
    first = looks[0]
    assert first.done == 2 and not first.complete
    assert torch.isfinite(first.own[:2]).all() and torch.isnan(first.own[2:]).all()


def test_a_prime_stays_and_what_follows_depends_on_it(model):
    generator = torch.Generator().manual_seed(0)
    prime = torch.randn(6, 8, generator=generator)
    other = prime.clone()
    other[0, 0] += 2
    a = list(sample.generate(model, seed=4, frames=16, prime=prime))[-1].merged
    b = list(sample.generate(model, seed=4, frames=16, prime=other))[-1].merged
    assert torch.allclose(a[:6], prime, atol=1e-4)
    assert not torch.allclose(a[6:], b[6:], atol=1e-4)


def test_a_primed_tier_equals_the_teacher_forced_reference(model):
    """The states after a prime are those of a network that drew it: check against full recomputation."""
    frames, prime = 12, torch.randn(8, 8, generator=torch.Generator().manual_seed(5))
    look = next(sample.generate(model, seed=2, frames=frames, prime=prime, tiers=1))
    known = split_tiers(model.standardise(prime[None]), 3)[0][0]
    uniforms = sample.uniforms_of(2, 1, shapes(frames, 8, 3)[0])
    x = torch.zeros(uniforms.shape[:2])
    x[: known.shape[0]] = known
    for i in range(known.shape[0], x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = recompute.next_bin(model.tiers[0], x, None, i, j, uniforms[i, j])
    assert torch.allclose(look.own, x, atol=2e-4)


def test_frozen_tiers_stay_and_only_the_later_are_drawn_anew(model):
    first = list(sample.generate(model, seed=1, frames=8))
    kept = [look.own for look in first[:2]]
    again = list(sample.generate(model, seed=[1, 1, 99], frames=8, given=kept))
    assert [look.tier for look in again] == [3]
    assert torch.equal(again[0].merged[0::2], first[2].merged[0::2])  # tier 3 brings every second moment
    assert not torch.allclose(again[0].merged[1::2], first[2].merged[1::2])


def test_the_same_seed_gives_the_same_sound_and_temperature_narrows_it(model):
    def spread(temperature):
        runs = [
            list(sample.generate(model, seed=s, frames=8, temperature=temperature))[-1].merged for s in range(8)
        ]
        return torch.stack(runs).std(dim=0).mean()

    one, two = (list(sample.generate(model, seed=11, frames=8))[-1].merged for _ in range(2))
    assert torch.equal(one, two)
    assert spread(0.1) < 0.6 * spread(1.0)


def test_enlarged_tiers_pass_through_their_own_values():
    x = torch.randn(5, 4)
    big = sample.enlarge(x, 20, 8)
    assert big.shape == (20, 8)
    assert torch.equal(big[::4, ::2], x)
    expected = np.interp(np.arange(17), np.arange(0, 17, 4), x[:, 0].numpy())
    assert np.allclose(big[:17, 0].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"temperature": 0.0}, SamplingError), ({"temperature": float("nan")}, SamplingError),
        ({"temperature": "hot"}, SamplingError), ({"seed": -1}, SamplingError), ({"seed": 2**40}, SamplingError),
        ({"tiers": 0}, SamplingError), ({"tiers": 4}, SamplingError), ({"frames": 0}, SamplingError),
        ({"frames": 10**6}, SamplingError), ({"frames": 7}, MelError), ({"prime": torch.zeros(1, 8)}, SamplingError),
        ({"prime": torch.full((4, 8), float("nan"))}, MelError), ({"prime": torch.zeros(40, 8)}, SamplingError),
        ({"given": [torch.zeros(3, 3)]}, SamplingError), ({"seed": [1]}, SamplingError),
    ],
)  # fmt: skip
def test_bad_options_are_refused_with_a_sentence(model, options, error):
    with pytest.raises(error, match=r"[a-z]{3,} .+"):
        list(sample.generate(model, **{"frames": 16, **options}))
