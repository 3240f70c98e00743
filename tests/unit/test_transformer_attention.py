"""Attention against NumPy and torch's own; relative position against the direct form; forward, learn and step agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import SamplingError
from core.transformer.attention import (
    MultiHeadAttention,
    Past,
    attention,
    causal_mask,
    relative,
    relative_direct,
    sinusoids,
    skew,
)
from core.transformer.model import MusicTransformer, MusicTransformerConfig

CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def by_hand(q, k, v, bias, allowed) -> tuple[np.ndarray, np.ndarray]:
    """Equation 1 of arXiv:1706.03762 in loops, for one head."""
    values, weights = np.zeros((len(q), v.shape[1])), np.zeros((len(q), len(k)))
    for i in range(len(q)):
        logits = [(sum(q[i] * k[j]) + bias[i, j]) / len(q[i]) ** 0.5 for j in range(len(k))]
        powers = [math.exp(one) if allowed[i, j] else 0.0 for j, one in enumerate(logits)]
        for j in range(len(k)):
            weights[i, j] = powers[j] / sum(powers)
            values[i] += weights[i, j] * v[j]
    return values, weights


def pairs(q: Tensor, embeddings: Tensor) -> np.ndarray:
    """S_rel pair by pair, equation 3 of arXiv:1809.04281: q_i . E_r of the distance j - i; 0 above the diagonal."""
    batch, heads, length, _ = q.shape
    found = np.zeros((batch, heads, length, length))
    for b, h, i in np.ndindex(batch, heads, length):
        for j in range(i + 1):
            found[b, h, i, j] = float(q[b, h, i] @ embeddings[h, embeddings.shape[1] - 1 + (j - i)])
    return found


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_the_formula_in_loops(causal: bool) -> None:
    q, k, v, bias = draw(5, 4), draw(5, 4, seed=1), draw(5, 3, seed=2), draw(5, 5, seed=3)
    mask = causal_mask(5) if causal else None
    values, weights = attention(q, k, v, bias=bias, mask=mask)
    allowed = np.tri(5, dtype=bool) if causal else np.ones((5, 5), dtype=bool)
    wanted = by_hand(q.numpy(), k.numpy(), v.numpy(), bias.numpy(), allowed)
    np.testing.assert_allclose(values, wanted[0], **CLOSE)
    np.testing.assert_allclose(weights, wanted[1], **CLOSE)


@pytest.mark.parametrize(("queries", "keys"), [(6, 6), (2, 7)])
def test_attention_is_torchs(queries: int, keys: int) -> None:
    q, k, v = draw(2, 3, queries, 8), draw(2, 3, keys, 8, seed=1), draw(2, 3, keys, 8, seed=2)
    mask = causal_mask(queries, keys)
    ours = attention(q, k, v, mask=mask)
    torch.testing.assert_close(ours.values, F.scaled_dot_product_attention(q, k, v, attn_mask=mask), **CLOSE)
    if queries == keys:
        torch.testing.assert_close(ours.values, F.scaled_dot_product_attention(q, k, v, is_causal=True), **CLOSE)
    torch.testing.assert_close(ours.weights.sum(-1), torch.ones(2, 3, queries, dtype=torch.float64), **CLOSE)


def test_relative_attention_is_torchs_with_the_bias_given_to_it() -> None:
    q, k, v, embeddings = (
        draw(2, 3, 6, 8),
        draw(2, 3, 6, 8, seed=1),
        draw(2, 3, 6, 8, seed=2),
        draw(3, 9, 8, seed=3),
    )
    ours = attention(q, k, v, bias=relative(q, embeddings), mask=causal_mask(6)).values
    bias = torch.from_numpy(pairs(q, embeddings)) / math.sqrt(8)
    bias = bias.masked_fill(~causal_mask(6), float("-inf"))
    torch.testing.assert_close(ours, F.scaled_dot_product_attention(q, k, v, attn_mask=bias), **CLOSE)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 32])
@pytest.mark.parametrize("more", [0, 5])
def test_skewing_gives_the_direct_form(length: int, more: int) -> None:
    q, embeddings = draw(2, 3, length, 4), draw(3, length + more, 4, seed=1)
    seen = causal_mask(length)
    direct = relative_direct(q, embeddings[:, -length:])
    np.testing.assert_allclose(direct, pairs(q, embeddings), **CLOSE)
    torch.testing.assert_close(relative(q, embeddings)[..., seen], direct[..., seen], **CLOSE)


def test_both_forms_have_the_same_gradients() -> None:
    found = []
    for form in (relative, relative_direct):
        q, embeddings = draw(1, 2, 6, 4).requires_grad_(), draw(2, 6, 4, seed=1).requires_grad_()
        k, v = draw(1, 2, 6, 4, seed=2), draw(1, 2, 6, 4, seed=3)
        values = attention(q, k, v, bias=form(q, embeddings), mask=causal_mask(6)).values
        (values**3).sum().backward()
        found.append((q.grad, embeddings.grad))
    for ours, direct in zip(*found):
        assert float(direct[..., 1:, :].abs().min()) > 0  # only the first query has nothing to choose from
        torch.testing.assert_close(ours, direct, **CLOSE)


def test_skew_on_numbers_that_say_where_they_came_from() -> None:
    rows = 10 * torch.arange(4)[:, None] + torch.arange(-3, 1)[None]  # 10 i + distance
    skewed = skew(rows.double())
    for i in range(4):
        assert skewed[i, : i + 1].tolist() == [10 * i + (j - i) for j in range(i + 1)]


def test_relative_logits_stay_when_everything_moves_and_absolute_ones_do_not() -> None:
    x, embeddings = draw(1, 1, 4, 8), draw(1, 12, 8, seed=1)
    waves = sinusoids(12, 8).double()
    later = torch.cat((draw(1, 1, 5, 8, seed=2), x), dim=2)
    torch.testing.assert_close(
        relative(later, embeddings)[0, 0, 5:, 5:].tril(), relative(x, embeddings)[0, 0].tril(), **CLOSE
    )
    first, moved = x + waves[:4], x + waves[5:9]
    change = first @ first.transpose(-1, -2) - moved @ moved.transpose(-1, -2)
    assert float(change.abs().max()) > 0.1


def test_sinusoids_are_the_closed_form() -> None:
    found = sinusoids(50, 6).numpy()
    for n in range(50):
        for i in range(3):
            angle = n / 10_000 ** (2 * i / 6)
            np.testing.assert_allclose(found[n, 2 * i : 2 * i + 2], [math.sin(angle), math.cos(angle)], atol=1e-5)


@pytest.mark.parametrize("shift", [1, 7, 40])
def test_a_shift_of_sinusoids_is_one_rotation_for_all_positions(shift: int) -> None:
    """PE(n + k) = R(k) PE(n), with R from k alone (arXiv:1706.03762, section 3.5)."""
    waves = sinusoids(200, 16).double().numpy()
    rotation = np.zeros((16, 16))
    for i in range(8):
        angle = shift / 10_000 ** (2 * i / 16)
        c, s = math.cos(angle), math.sin(angle)
        rotation[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, s], [-s, c]]
    np.testing.assert_allclose(waves[shift:], waves[:-shift] @ rotation.T, atol=1e-4)
    near, far = waves[10] @ waves[10 + shift], waves[120] @ waves[120 + shift]
    assert near == pytest.approx(far, abs=1e-4)  # the product of two depends on their distance alone


def layer(relative_position: bool, length: int = 12) -> MultiHeadAttention:
    torch.manual_seed(1)
    made = MultiHeadAttention(8, 2, length, relative_position=relative_position).double()
    if made.embeddings is not None:
        torch.nn.init.normal_(made.embeddings)  # as large as the rest, so that a wrong one would show
    return made


both = pytest.mark.parametrize("relative_position", [True, False])


@both
def test_the_future_does_not_change_the_past(relative_position: bool) -> None:
    made, x = layer(relative_position), draw(2, 9, 8)
    changed = x.clone()
    changed[:, 5:] = draw(2, 4, 8, seed=9)
    before, after = made(x), made(changed)
    torch.testing.assert_close(before.values[:, :5], after.values[:, :5], **CLOSE)
    assert float((before.values[:, 5:] - after.values[:, 5:]).detach().abs().amin(dim=-1).min()) > 1e-6
    assert float(before.weights.triu(1).abs().max()) == 0.0


@both
def test_heads_are_attentions_on_their_own_part_of_the_width(relative_position: bool) -> None:
    made, x = layer(relative_position), draw(1, 7, 8)
    weight, bias = made.qkv.weight.detach().numpy(), made.qkv.bias.detach().numpy()
    projected = x[0].numpy() @ weight.T + bias  # [N, 3 D]: all q, all k, all v
    allowed, mixed = np.tri(7, dtype=bool), []
    for head in range(2):
        q, k, v = (projected[:, 8 * part + 4 * head : 8 * part + 4 * head + 4] for part in range(3))
        s_rel = np.zeros((7, 7))
        if made.embeddings is not None:
            s_rel = pairs(torch.from_numpy(q)[None, None], made.embeddings[head : head + 1].detach())[0, 0]
        values, weights = by_hand(q, k, v, s_rel, allowed)
        np.testing.assert_allclose(made(x).weights[0, head].detach(), weights, **CLOSE)
        mixed.append(values)
    wanted = np.concatenate(mixed, axis=1) @ made.out.weight.detach().numpy().T + made.out.bias.detach().numpy()
    np.testing.assert_allclose(made(x).values[0].detach(), wanted, **CLOSE)


@both
@pytest.mark.parametrize("blocks", [(1,) * 9, (4, 1, 3, 1), (9,), (2, 7)])
def test_learning_and_steps_give_what_forward_gives(relative_position: bool, blocks: tuple[int, ...]) -> None:
    made, x = layer(relative_position), draw(2, 9, 8)
    whole = made(x)
    torch.testing.assert_close(made.learn(x), whole.values, **CLOSE)
    past = Past(torch.zeros(2, 2, 12, 4).double(), torch.zeros(2, 2, 12, 4).double())
    done = 0
    for size in blocks:
        one = made.step(x[:, done : done + size], past, done)
        torch.testing.assert_close(one.values, whole.values[:, done : done + size], **CLOSE)
        torch.testing.assert_close(one.weights, whole.weights[:, :, done : done + size, : done + size], **CLOSE)
        done += size


def transformer(position: str) -> MusicTransformer:
    torch.manual_seed(2)
    config = MusicTransformerConfig(
        vocabulary=20, width=16, layers=2, heads=2, hidden=32, length=14, position=position
    )
    made = MusicTransformer(config).double().eval()
    for one in made.layers:
        if one.attention.embeddings is not None:
            torch.nn.init.normal_(one.attention.embeddings, std=0.5)
    return made


@pytest.mark.parametrize("position", ["relative", "absolute"])
def test_the_whole_model_step_by_step(position: str) -> None:
    made = transformer(position)
    ids = torch.from_numpy(np.random.default_rng(3).integers(0, 20, (2, 11)))
    with torch.inference_mode():
        logits = made(ids)
    seen, weights = made.look(ids)
    torch.testing.assert_close(seen, logits, **CLOSE)
    assert weights.shape == (2, 2, 2, 11, 11)  # layers, batch, heads, N, N
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 2, 11).double(), **CLOSE)
    past, done = made.empty(2), 0
    for size in (3, 1, 1, 4, 2):
        last = made.step(ids[:, done : done + size], past, done)
        done += size
        torch.testing.assert_close(last, logits[:, done - 1], **CLOSE)


def test_absolute_position_is_added_and_relative_is_not() -> None:
    ids = torch.full((1, 6), 7)  # six times the same event: only a position could tell them apart
    for position, same in (("relative", True), ("absolute", False)):
        x = transformer(position).embed(ids)
        assert bool((x == x[:, :1]).all()) is same
    with pytest.raises(SamplingError, match="15 events are more than the 14"):
        transformer("relative")(torch.zeros(1, 15, dtype=torch.long))


class Held(torch.utils._python_dispatch.TorchDispatchMode):
    """The largest tensor that any operation gives, in numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, tuple | list) else (out,):
            if isinstance(one, Tensor):
                self.largest = max(self.largest, one.untyped_storage().nbytes() // one.element_size())
        return out


@pytest.mark.parametrize("length", [16, 32])
def test_skewing_never_lays_out_an_embedding_for_every_pair(length: int) -> None:
    q, embeddings = draw(1, 2, length, 64), draw(2, length, 64, seed=1)
    largest = {}
    for form in (relative, relative_direct):
        with Held() as held:
            form(q, embeddings)
        largest[form] = held.largest
    assert largest[relative_direct] >= 2 * length * length * 64  # R, of the size H L^2 D
    assert largest[relative] <= max(2 * length * (length + 1), 2 * length * 64)  # the padded logits, or E_r
