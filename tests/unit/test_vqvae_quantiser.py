"""The bottlenecks against brute force, closed forms and the papers' equations."""

import math

import numpy as np
import pytest
import torch

from core.errors import SamplingError
from core.vqvae.quantiser import ArgmaxQuantiser, VectorQuantiser, diversity, nearest, perplexity, simplex


def some(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_nearest_code_is_that_of_brute_force():
    z, codebook = some(3, 50, 7), some(20, 7, seed=1)
    distances = ((z.numpy()[:, :, None] - codebook.numpy()) ** 2).sum(axis=-1)  # [3, 50, 20]
    assert np.array_equal(nearest(z, codebook).numpy(), distances.argmin(axis=-1))


def test_a_code_is_its_own_nearest_code():
    codebook = some(64, 5)
    assert torch.equal(nearest(codebook, codebook), torch.arange(64))


def test_the_decoder_gets_the_codes_vector_and_embed_gives_the_same():
    net = VectorQuantiser(16, 4, update="loss", restart=False)
    with torch.no_grad():
        net.codebook.copy_(some(16, 4))
    out = net.eval()(some(2, 9, 4, seed=1))
    assert torch.allclose(out.vectors, net.codebook[out.codes], atol=1e-6)
    assert torch.equal(net.embed(out.codes), net.codebook[out.codes])


@pytest.mark.parametrize("update", ["loss", "ema"])
def test_the_gradient_passes_straight_through(update):
    """d loss / d z_e is what d loss / d z_q is, plus the commitment's 2 β (z - e) / (count of numbers)."""
    net = VectorQuantiser(16, 4, update=update, commitment=0.7, restart=False).eval()
    z = some(2, 9, 4, seed=1).requires_grad_()
    weight = some(2, 9, 4, seed=2)
    out = net(z)
    ((out.vectors * weight).sum() + out.losses["commitment"]).backward()
    expected = weight + 2 * 0.7 * (z.detach() - net.codebook.detach()[out.codes]) / z.numel()
    assert torch.allclose(z.grad, expected, atol=1e-6)


def test_the_codebooks_gradient_is_closed_form():
    """Of mean ||sg[z] - e||²: 2 / numel * sum over its vectors of (e - z); the decoder's gradient does not reach it."""
    net = VectorQuantiser(8, 3, update="loss", restart=False)
    with torch.no_grad():
        net.codebook.copy_(some(8, 3))
    z = some(1, 40, 3, seed=1)
    out = net(z)
    (out.losses["codebook"] + out.losses["commitment"] + out.vectors.sum()).backward()
    expected = np.zeros((8, 3))
    for place, code in enumerate(out.codes[0].tolist()):
        expected[code] += 2 * (net.codebook[code].detach().numpy() - z[0, place].numpy()) / z.numel()
    assert np.allclose(net.codebook.grad.numpy(), expected, atol=1e-6)


def test_moving_averages_are_those_of_the_appendix_over_several_steps():
    """N_t = γ N_{t-1} + (1 - γ) n_t, m_t = γ m_{t-1} + (1 - γ) Σ z, e = m / N, in NumPy's double precision."""
    gamma = 0.8
    net = VectorQuantiser(6, 3, update="ema", decay=gamma, restart=False).train()
    with torch.no_grad():
        net.codebook.copy_(some(6, 3))
    count, total = np.ones(6), net.codebook.numpy().astype(float).copy()
    for step in range(5):
        z = some(2, 30, 3, seed=10 + step)
        book = total / count[:, None]
        rows = z.reshape(-1, 3).numpy().astype(float)
        codes = ((rows[:, None] - book) ** 2).sum(axis=-1).argmin(axis=-1)
        net(z)
        for k in range(6):
            mine = rows[codes == k]
            count[k] = gamma * count[k] + (1 - gamma) * len(mine)
            total[k] = gamma * total[k] + (1 - gamma) * mine.sum(axis=0)
        assert np.allclose(net.counts.numpy(), count, atol=1e-4)
        assert np.allclose(net.codebook.numpy(), total / count[:, None], atol=1e-4)


def test_listening_does_not_move_the_codebook():
    net = VectorQuantiser(6, 3).eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    net(some(2, 30, 3))
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_codes_that_nobody_uses_become_encoder_outputs():
    net = VectorQuantiser(32, 3, restart=True, restart_after=4).train()
    with torch.no_grad():
        net.codebook.copy_(some(32, 3) * 0.01)
        net.codebook[5:] += 1000.0  # out of reach
    z = some(4, 100, 3, seed=3)
    seen = {tuple(row) for row in z.reshape(-1, 3).tolist()}
    for step in range(4):
        far = net.codebook[5:].abs().min() > 100
        assert far == (step < 4)
        net(z)
    assert all(tuple(row) in seen for row in net.codebook[5:].tolist())
    for _ in range(200):
        codes = net(z).codes
    assert len(codes.unique()) >= 31


def test_without_restarts_they_stay_dead():
    net = VectorQuantiser(32, 3, restart=False).train()
    with torch.no_grad():
        net.codebook[5:] += 1000.0
    for _ in range(200):
        codes = net(some(4, 100, 3, seed=3)).codes
    assert int(codes.max()) < 5
    assert bool(torch.isfinite(net.codebook).all())


def test_the_query_is_relu_divided_by_its_sum():
    z = torch.tensor([[3.0, -1.0, 1.0, 0.0], [-1.0, -2.0, -3.0, -4.0]])
    q = simplex(z)
    assert torch.allclose(q[0], torch.tensor([0.75, 0.0, 0.25, 0.0]), atol=1e-5)
    assert torch.allclose(q[1], torch.full((4,), 0.25))  # no channel fires: the centre
    assert torch.allclose(simplex(some(50, 9)).sum(dim=-1), torch.ones(50))


def test_the_argmax_autoencoder_takes_the_largest_channel():
    net = ArgmaxQuantiser(12, 5)
    z = some(2, 30, 12)
    z[..., 0] += 3  # so that each query has a positive channel
    out = net(z)
    assert np.array_equal(out.codes.numpy(), z.numpy().argmax(axis=-1))
    assert torch.allclose(out.vectors, net.embedding.weight.T[out.codes], atol=1e-5)
    assert torch.equal(net.embed(out.codes), net.embedding.weight.T[out.codes])


def test_the_corner_is_replaced_and_the_gradient_is_the_querys():
    """The decoder's gradient reaches the query as if it had not been replaced by its corner."""
    net = ArgmaxQuantiser(6, 4, weight=0.0, commitment=0.0)
    z, weight = some(1, 7, 6, seed=1).requires_grad_(), some(1, 7, 4, seed=2)
    (net(z).vectors * weight).sum().backward()
    other = z.detach().clone().requires_grad_()
    (net.embedding(simplex(other)) * weight).sum().backward()
    assert torch.allclose(z.grad, other.grad, atol=1e-6)


def test_diversity_is_zero_for_equal_use_and_greatest_for_one_code():
    even = torch.eye(8)[None]  # every code once
    assert float(diversity(even)) == pytest.approx(0.0, abs=1e-6)
    one = torch.zeros(1, 10, 8)
    one[..., 3] = 1.0
    assert float(diversity(one)) == pytest.approx(7.0)  # ((8 - 1)² + 7) / 8


def test_with_ranks_every_code_can_win():
    """One channel above all others takes every place by value; by rank it takes a share."""
    z = some(4, 200, 16) + 10
    z[..., 2] += 100
    plain, ranked = ArgmaxQuantiser(16, 4), ArgmaxQuantiser(16, 4, rank=True).train()
    assert plain(z).codes.unique().tolist() == [2]
    codes = ranked(z).codes
    assert len(codes.unique()) == 16
    assert float(perplexity(codes, 16)) > 14


def test_ranks_are_those_of_numpy_and_are_remembered():
    net = ArgmaxQuantiser(3, 2, rank=True).train()
    z = some(2, 40, 3) * torch.tensor([1.0, 5.0, 0.1]) + torch.tensor([0.0, 9.0, -3.0])
    order = z.reshape(-1, 3).numpy().argsort(axis=0).argsort(axis=0) / 79
    assert np.allclose(net.ranks(z).reshape(-1, 3).numpy(), order, atol=1e-6)
    net.eval()
    remembered = net.ranks(z).reshape(-1, 3).numpy()
    assert np.abs(remembered - order).max() < 0.05


def test_perplexity_is_one_for_one_code_and_k_for_equal_use():
    assert float(perplexity(torch.zeros(2, 10, dtype=torch.int64), 8)) == pytest.approx(1.0)
    assert float(perplexity(torch.arange(8).repeat(3), 8)) == pytest.approx(8.0)
    p = np.array([0.5, 0.25, 0.25])
    codes = torch.tensor([0, 0, 1, 2])
    assert float(perplexity(codes, 8)) == pytest.approx(math.exp(-(p * np.log(p)).sum()), rel=1e-5)


@pytest.mark.parametrize(
    "codes",
    [
        torch.tensor([[0, 16]]),
        torch.tensor([[-1]]),
        torch.tensor([0]),
        torch.zeros(1, 3),
        torch.zeros(1, 0).long(),
    ],
)
def test_codes_that_are_none_are_refused(codes):
    for net in (VectorQuantiser(16, 4), ArgmaxQuantiser(16, 4)):
        with pytest.raises(SamplingError):
            net.embed(codes)


def test_an_unknown_way_of_learning_is_refused():
    with pytest.raises(ValueError, match="loss, ema"):
        VectorQuantiser(4, 2, update="magic")
