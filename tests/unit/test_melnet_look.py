"""Takes as bytes, places of bins, and what a bin sees: by brute force and by the network's own gradients."""

import numpy as np
import pytest
import torch

from core.errors import MelError
from core.melnet import look, sample, take
from core.melnet.model import PRESETS, MelNet
from core.melnet.tiers import shapes, split_tiers


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    net = MelNet(PRESETS["tiny"]).eval()
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(2.0)
        net.mean.copy_(torch.linspace(-6, -2, 8))
        net.std.copy_(torch.linspace(0.5, 2, 8))
    return net


@pytest.mark.parametrize("tiers", [1, 2, 3, 5])
def test_a_place_is_where_the_splitting_puts_the_bin(tiers):
    whole = torch.arange(8 * 16).view(1, 8, 16)
    parts = split_tiers(whole, tiers)
    for frame in range(8):
        for band in range(16):
            tier, i, j = look.place_of(frame, band, tiers)
            assert int(parts[tier - 1][0, i, j]) == int(whole[0, frame, band])


@pytest.mark.parametrize("at", [(0, 0), (4, 4), (6, 2), (4, 3), (5, 6), (7, 7)])
def test_what_may_be_seen_is_what_has_a_gradient(model, at):
    mel = torch.randn(8, 8, generator=torch.Generator().manual_seed(0)) - 4
    found = look.visible(*at, 8, 8, 3)
    gradient = look.influence(copy_in_double(model), mel.double(), *at)
    seen = np.any([found[stack] for stack in look.STACKS], axis=0)
    assert not (gradient[~seen] != 0).any()
    tier = look.place_of(*at, 3)[0]
    if len(model.tiers[tier - 1].time_delayed) > 1:
        assert (gradient[seen] != 0).all()


def copy_in_double(model):
    import copy

    return copy.deepcopy(model).double()


def test_the_stacks_share_nothing_but_the_centralised_one(model):
    one = look.visible(8, 4, 16, 8, 3)  # tier 1
    assert look.place_of(8, 4, 3)[0] == 1 and one["before"].sum() == 0
    assert np.array_equal(one["centralised"], one["time_delayed"]) and one["time_delayed"].sum() == 4 * 4
    assert one["frequency_delayed"].sum() == 2
    last = look.visible(9, 4, 16, 8, 3)
    assert last["before"].sum() == 64 and last["centralised"].sum() == 0 and last["time_delayed"].sum() == 4 * 8


def test_influence_is_the_finite_difference(model):
    """Move one input bin a little: the mixture's mean moves by the gradient."""
    net = copy_in_double(model)
    mel = (torch.randn(8, 8, generator=torch.Generator().manual_seed(1)) - 4).double()
    gradient = look.influence(net, mel, 5, 4)

    def mean(values):
        parts = split_tiers(net.standardise(values[None]), 3)
        tier, i, j = look.place_of(5, 4, 3)
        found = net.tiers[tier - 1](parts[tier - 1], look.interleave(parts[: tier - 1]))
        return (found.log_weight.exp() * found.mean).sum(dim=-1)[0, i, j].item()

    for at in ((4, 4), (3, 1), (5, 2)):
        moved = mel.clone()
        moved[at] += 1e-5 * float(net.std[at[1]])
        assert abs(mean(moved) - mean(mel)) / 1e-5 == pytest.approx(float(gradient[at]), rel=1e-3, abs=1e-7)


def test_a_bin_outside_is_refused(model):
    with pytest.raises(MelError, match="outside"):
        look.influence(model, torch.zeros(8, 8), 8, 0)


def test_lengths_are_those_of_the_first_tier():
    assert look.lengths(240, 80, 5) == {"time": 60, "frequency": 20, "draws": 19200}
    assert look.lengths(240, 80, 1) == {"time": 240, "frequency": 80, "draws": 19200}
    assert sum(t * f for t, f in shapes(240, 80, 5)) == 19200


def test_a_take_keeps_what_was_drawn_and_can_be_frozen(model):
    looks = [one for one in sample.generate(model, seed=1, frames=16) if one.complete]
    parts = tuple(take.pack(take.own_log_mel(one)) for one in looks)
    kept = take.Take(parts, 16, 3, seed=1)
    inside = (looks[-1].merged > take.LOW) & (looks[-1].merged < take.HIGH)
    step = (take.HIGH - take.LOW) / 255
    assert float((kept.merged() - looks[-1].merged)[inside].abs().max()) <= step / 2 + 1e-5
    given = take.as_given(model, parts[:2], 16)
    for own, look_ in zip(given, looks):
        near = take.own_log_mel(look_)
        fits = (near > take.LOW) & (near < take.HIGH)
        assert float((own - look_.own)[fits].abs().max()) <= step / 2 / 0.5 + 1e-5
    again = list(sample.generate(model, seed=9, frames=16, given=given))
    assert [one.tier for one in again] == [3]
    even = take.pack(again[-1].merged[0::2])
    assert np.array_equal(even, take.pack(kept.merged(2)))  # the frozen rows are the same bytes again
    assert kept.large(1).shape == (16, 8) and kept.large().shape == (16, 8)


def test_a_real_mel_is_cut_to_what_divides():
    mel = torch.randn(27, 80, generator=torch.Generator().manual_seed(2)) - 5
    found = take.split(mel, 5)
    assert found.frames == 24 and found.complete and len(found.parts) == 5
    assert np.array_equal(take.pack(found.merged()), take.pack(mel[:24]))
    with pytest.raises(MelError, match="shorter than 4 frames"):
        take.split(mel[:3], 5)
