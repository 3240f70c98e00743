"""MelNet's parts against oracles: splitting, causality in both axes, the mixture, one batch, the trainer."""

import copy
import itertools

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from core.errors import DataError, MelError
from core.melnet import data, train
from core.melnet.mixture import draw, mixture
from core.melnet.model import PRESETS, MelNet
from core.melnet.tiers import interleave, merge, shapes, split_tiers


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MelNet(PRESETS["tiny"]).eval()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2))
def test_interleaving_is_the_inverse_of_splitting(tiers, time, bands, batch):
    x = torch.arange(batch * time * 8 * bands * 8, dtype=torch.float32).view(batch, time * 8, bands * 8)
    parts = split_tiers(x, tiers)
    assert [tuple(part.shape[1:]) for part in parts] == shapes(time * 8, bands * 8, tiers)
    assert torch.equal(interleave(parts), x)
    assert sum(part.numel() for part in parts) == x.numel()


def test_tiers_alternate_between_frequency_and_time():
    """Written out by hand for 4 x 4 bins: tier 2 brings the odd bands, tier 3 the odd frames, tier 4 odd bands."""
    x = np.arange(16).reshape(4, 4)
    one, two, three = split_tiers(torch.from_numpy(x)[None], 3)
    assert np.array_equal(three[0], x[1::2])
    assert np.array_equal(two[0], x[0::2, 1::2])
    assert np.array_equal(one[0], x[0::2, 0::2])
    four = split_tiers(torch.from_numpy(x)[None], 4)
    assert np.array_equal(four[3][0], x[:, 1::2])
    assert np.array_equal(four[2][0], x[1::2, 0::2])


@pytest.mark.parametrize(
    "bad", [torch.zeros(3, 4), torch.zeros(1, 5, 8), torch.zeros(1, 8, 7), torch.zeros(1, 0, 8)]
)
def test_what_cannot_be_split_is_refused(bad):
    with pytest.raises(MelError, match="cut the sound|batch, frames, bands"):
        split_tiers(bad, 3)


def test_tiers_that_do_not_belong_together_are_refused():
    with pytest.raises(MelError, match="as large as all tiers before"):
        merge(torch.zeros(1, 2, 2), torch.zeros(1, 2, 3), 2)
    with pytest.raises(MelError, match="no tier"):
        interleave([])


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_bin_sees_exactly_what_lies_before_it(model, index):
    """Change one bin: of the same tier only later bins may change. With two layers or more all of them do; a single
    layer cannot carry another band's past over more than one frame."""
    tier = copy.deepcopy(model.tiers[index]).double().requires_grad_(False)  # faint influences count too
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 6, 4, generator=generator).double()
    before = torch.randn(1, 6, 4, generator=generator).double() if index else None
    found = tier(x, before)
    for i, j in itertools.product((0, 2, 5), (0, 1, 3)):
        other = x.clone()
        other[0, i, j] += 1.0
        moved = (tier(other, before).mean - found.mean).abs().amax(dim=-1)[0]  # [T, F]
        later = torch.zeros(6, 4, dtype=torch.bool)
        later[i, j + 1 :] = True
        later[i + 1 :] = True
        assert float(moved[~later].max()) == 0, (i, j)
        if bool(later.any()) and len(tier.time_delayed) > 1:
            assert float(moved[later].min()) > 0, (i, j)


@pytest.mark.parametrize("index", [1, 2])
def test_every_bin_sees_every_bin_of_the_tiers_before(model, index):
    generator = torch.Generator().manual_seed(2)
    x, before = torch.randn(1, 6, 4, generator=generator), torch.randn(1, 6, 4, generator=generator)
    before.requires_grad_()
    for i, j in ((0, 0), (5, 3), (3, 1)):
        (gradient,) = torch.autograd.grad(model.tiers[index](x, before).mean[0, i, j].sum(), before)
        assert bool((gradient != 0).all()), (i, j)


def test_the_likelihood_integrates_to_one_and_is_scipys():
    theta = torch.randn(12, generator=torch.Generator().manual_seed(3))
    found = mixture(theta)
    weights, means = found.log_weight.exp().numpy(), found.mean.numpy()
    sigmas = found.log_sigma.exp().numpy()
    x = np.linspace(-3, 3, 13)
    expected = sum(w * stats.norm.pdf(x, m, s) for w, m, s in zip(weights, means, sigmas))
    ours = found.density(torch.from_numpy(x).float())
    assert np.allclose(ours.numpy(), expected, rtol=1e-4)
    total, _ = integrate.quad(lambda v: float(found.density(torch.tensor(v, dtype=torch.float64))), -200, 200,
                              points=list(means), limit=400)  # fmt: skip
    assert abs(total - 1) < 1e-5


def test_draws_follow_the_mixture():
    theta = torch.tensor([-2.0, 1.0, 3.0, -1.0, -0.5, 0.3, 0.2, 0.9, -0.4])
    found = mixture(theta)
    uniforms = torch.rand(20_000, 2, generator=torch.Generator().manual_seed(4)).clamp(1e-6, 1 - 1e-6)
    values = draw(mixture(theta.expand(20_000, 9)), uniforms).numpy()
    weights, means = found.log_weight.exp().numpy(), found.mean.numpy()
    sigmas = found.log_sigma.exp().numpy()
    cdf = lambda v: sum(w * stats.norm.cdf(v, m, s) for w, m, s in zip(weights, means, sigmas))  # noqa: E731
    assert stats.kstest(values, cdf).pvalue > 1e-3


def test_nats_count_the_standardisation(model):
    """The same mel in other units: a std twice as large costs log 2 nats more a bin, for the same network."""
    net = MelNet(PRESETS["tiny"]).eval()
    net.load_state_dict(model.state_dict())
    mel = torch.randn(1, 8, 8)
    one = torch.cat([n.flatten() for n in net(mel)])
    net.std.mul_(2)
    net.mean.mul_(2)
    two = torch.cat([n.flatten() for n in net(mel * 2)])
    assert torch.allclose(two - one, torch.full_like(one, float(np.log(2))), atol=1e-4)


def test_one_batch_overfits_below_a_gaussian():
    torch.manual_seed(0)
    net = MelNet(PRESETS["tiny"])
    mel = torch.sin(torch.arange(16.0)[:, None] * 0.7 + torch.arange(8.0) * 0.9)[None]
    for index, tier in enumerate(net.tiers):
        batch = train.parts_of(net, mel, index)
        optimizer = torch.optim.Adam(tier.parameters(), lr=1e-2)
        losses = []
        for _ in range(50):
            optimizer.zero_grad()
            losses.append(train.step_loss(tier, batch))
            optimizer.step()
        gaussian = 0.5 * np.log(2 * np.pi * np.e * float(batch[0].var()))
        assert min(losses) < gaussian - 0.5, (index, losses, gaussian)


def test_bad_mels_are_refused(model):
    with pytest.raises(MelError, match="MelNet takes"):
        model(torch.zeros(1, 8, 9))
    with pytest.raises(MelError, match="NaN"):
        model(torch.full((1, 8, 8), float("inf")))


def test_a_step_of_the_trainer_and_its_data(tmp_path):
    """One step a tier on generated sounds, in folders; held-out sounds stay apart."""
    random = np.random.default_rng(0)
    for part, names in (("train", "ab"), ("held-out", "c")):
        (tmp_path / "sounds" / part).mkdir(parents=True)
        for name in names:
            x = 0.1 * random.standard_normal(60_000)
            soundfile.write(str(tmp_path / "sounds" / part / f"{name}.wav"), x, 16_000)
    corpus = data.load(tmp_path / "sounds", cache=tmp_path / "mels.npz")
    assert corpus.sounds == (2, 1) and corpus.train.shape[0] == 2 * 301 and corpus.held_out.shape[0] == 301
    again = data.load(tmp_path / "nowhere", cache=tmp_path / "mels.npz")
    assert torch.allclose(again.train, corpus.train, atol=0.01)  # kept in half precision
    run = tmp_path / "run"
    train.main(["--preset", "speech", "--data", str(tmp_path / "sounds"), "--run", str(run), "--tier", "5",
                "--steps", "1", "--threads", "1", "--limit", "2"])  # fmt: skip
    assert (run / "tier-5" / "average.safetensors").exists()


def test_too_little_sound_is_refused():
    with pytest.raises(DataError, match="shorter crops"):
        next(data.crops(torch.zeros(10, 80), batch=1, frames=20))
