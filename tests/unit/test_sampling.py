"""core.sampling against NumPy, one token at a time, and against what the options promise."""

import math

import numpy as np
import pytest
import torch

from core.errors import SamplingError
from core.sampling import Options, check_uniforms, distribution, draw, uniforms_of


def by_hand(logits, temperature, top_k, top_p, allowed):
    """The same distribution, by sorting tokens in Python."""
    logits = [float(x) for x in logits]
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))  # likeliest first, ties by number
    order = [i for i in order if allowed is None or allowed[i]][: top_k or len(logits)]
    weights = {i: math.exp((logits[i] - logits[order[0]]) / temperature) for i in order}
    total = sum(weights.values())
    kept, held = [], 0.0
    for i in order:
        if top_p is not None and held >= top_p:
            break
        kept.append(i)
        held += weights[i] / total
    out = np.zeros(len(logits))
    for i in kept:
        out[i] = weights[i] / sum(weights[j] for j in kept)
    return out


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("top_k", [None, 1, 5, 99])
@pytest.mark.parametrize("top_p", [None, 0.2, 0.73, 1.0])
@pytest.mark.parametrize("masked", [False, True])
def test_the_distribution_is_the_one_by_hand(temperature, top_k, top_p, masked):
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(6, 23)) * 2
    allowed = rng.random((6, 23)) < 0.4 if masked else None
    found = distribution(
        torch.from_numpy(logits), Options(temperature, top_k, top_p),
        None if allowed is None else torch.from_numpy(allowed),
    )  # fmt: skip
    for row in range(6):
        expected = by_hand(logits[row], temperature, top_k, top_p, None if allowed is None else allowed[row])
        np.testing.assert_allclose(found[row].numpy(), expected, atol=2e-6)


def test_of_equal_tokens_the_first_stay():
    found = distribution(torch.zeros(8), Options(top_k=3))
    np.testing.assert_allclose(found.numpy(), [1 / 3] * 3 + [0] * 5, atol=1e-6)


def test_drawing_is_the_inverse_of_the_cumulative_distribution():
    rng = np.random.default_rng(2)
    probabilities = rng.dirichlet(np.full(11, 0.3), size=400).astype(np.float32)
    uniforms = rng.random(400).astype(np.float32)
    tokens = draw(torch.from_numpy(probabilities), torch.from_numpy(uniforms)).numpy()
    for p, u, token in zip(probabilities.astype(float), uniforms.astype(float), tokens):
        edges = np.concatenate([[0.0], np.cumsum(p)]) / p.sum()
        assert edges[token] <= u < edges[token + 1]


def test_a_token_of_probability_zero_never_comes():
    probabilities = torch.tensor([0.0, 0.5, 0.0, 0.5, 0.0])
    uniforms = torch.tensor([0.0, 0.25, 0.5, 1 - 2**-24])
    assert draw(probabilities.expand(4, 5), uniforms).tolist() == [1, 1, 3, 3]
    tenth = torch.full((7,), 0.1)  # sums to 0.7: as if rounding had lost a lot
    assert draw(torch.cat([tenth, torch.zeros(3)]), torch.tensor(1 - 2**-24)).item() == 6


def test_frequencies_follow_the_distribution():
    probabilities = torch.tensor([0.1, 0.6, 0.3])
    tokens = draw(probabilities.expand(20000, 3), uniforms_of(3, 20000)[0])
    np.testing.assert_allclose(np.bincount(tokens.numpy()) / 20000, probabilities.numpy(), atol=0.02)


def test_a_seed_is_a_row_that_longer_rows_begin_with():
    long, short = uniforms_of(5, 50, 2), uniforms_of(5, 20, 2)
    assert torch.equal(long[:, :20], short) and not torch.equal(long[0], long[1])
    assert not torch.equal(uniforms_of(6, 20, 2), short)
    assert uniforms_of(-1, 4).shape == (1, 4)


@pytest.mark.parametrize(
    "bad",
    [{"temperature": 0}, {"temperature": -1}, {"temperature": math.nan}, {"temperature": math.inf},
     {"temperature": "1"}, {"temperature": True}, {"top_k": 0}, {"top_k": 2.5}, {"top_k": True}, {"top_p": 0},
     {"top_p": 1.01}, {"top_p": math.nan}],
)  # fmt: skip
def test_options_out_of_range_say_how_to_mend_them(bad):
    with pytest.raises(SamplingError, match="must be"):
        Options(**bad)


def test_what_cannot_be_drawn_from_says_so():
    with pytest.raises(SamplingError, match="allows no token"):
        distribution(torch.zeros(2, 3), allowed=torch.tensor([[True, False, False], [False] * 3]))
    with pytest.raises(SamplingError, match="not finite"):
        distribution(torch.tensor([0.0, math.nan]))
    with pytest.raises(SamplingError, match="whole number"):
        uniforms_of(1.5, 3)
    with pytest.raises(SamplingError, match="at least 1"):
        uniforms_of(1, 0)
    for bad in (torch.tensor([[1.0]]), torch.tensor([[-0.1]]), torch.tensor([[math.nan]]), torch.zeros(3)):
        with pytest.raises(SamplingError, match="Uniforms must"):
            check_uniforms(bad)
