"""The terms of an energy against NumPy, and how alignments are judged against ones made by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_tacotron import network

from core.errors import SamplingError
from core.tacotron2 import sample
from core.tacotron2.attention import longest_increasing, reading, terms
from core.tacotron2.model import Tacotron2
from core.text.tokens import tokens

TEXT = tokens("Yes, the cat sat.", "en")


@pytest.fixture(scope="module", params=["location", "content"])
def model(request) -> Tacotron2:
    return network(stop_bias=-5.0, attention=request.param)


def test_the_terms_are_those_of_the_equation_and_their_sum_led_to_the_weights(model):
    said = sample.decode(TEXT, model=model, max_seconds=0.5)
    step = 4
    found = terms(model, said, step)
    a = model.attention
    with torch.no_grad():
        memory = model.encoder(torch.tensor([TEXT.ids]), torch.tensor([len(TEXT)]))[0].double().numpy()
    w, v, e = (layer.weight.detach().double().numpy() for layer in (a.query, a.memory, a.energy))
    total = w @ said.queries[step].double().numpy() + memory @ v.T  # [N, A]
    energies_without = np.tanh(total) @ e[0]
    if model.config.attention == "location":
        u, filters = a.spread.weight.detach().double().numpy(), a.filters.weight.detach().double().numpy()
        inputs = np.stack([said.alignment[step - 1].double().numpy(), said.alignment[:step].double().sum(0).numpy()])
        reach = filters.shape[2] // 2
        f = np.array([
            [sum(np.correlate(np.pad(inputs[c], reach), filters[k, c], "valid")[j] for c in range(2)) for k in range(8)]
            for j in range(len(TEXT))
        ])  # fmt: skip
        total = total + f @ u.T
    else:
        assert float(found.location.abs().max()) == 0
    energies = np.tanh(total) @ e[0]
    np.testing.assert_allclose(found.energies.numpy(), energies, atol=2e-5)
    np.testing.assert_allclose(found.energies_without.numpy(), energies_without, atol=2e-5)
    softmax = np.exp(energies) / np.exp(energies).sum()
    np.testing.assert_allclose(said.alignment[step].numpy(), softmax, atol=1e-5)
    np.testing.assert_allclose(found.weights.numpy(), softmax, atol=1e-5)
    with pytest.raises(SamplingError, match="choose one from 0 to"):
        terms(model, said, len(said.stop))


def looking(path: list[int], count: int) -> torch.Tensor:
    """An alignment that looks at one token a step."""
    return torch.nn.functional.one_hot(torch.tensor(path), count).float()


SYMBOLS = ("^", "K", "AE1", "T", " ", "S", "AE1", "T", ".", "~")  # 6 sounds


@pytest.mark.parametrize(
    ("path", "in_order", "skipped", "repeats"),
    [
        (range(10), 1.0, (), ()),
        ([0, 1, 1, 2, 3, 5, 6, 7, 9], 1.0, (), ()),  # boundaries and marks may be passed over
        ([0, 1, 2, 7, 8], 3 / 6, ((3, 6),), ()),
        ([0, 1, 2, 3, 6, 7], 5 / 6, (), ()),  # one sound alone is too short to tell
        ([1, 2, 3, 1, 2, 3, 5, 6, 7], 1.0, (), (3,)),  # said twice: all there, but not once
        ([7, 6, 5, 3, 2, 1], 1 / 6, (), (3,)),
        ([0, 0, 0], 0.0, ((1, 7),), ()),
    ],
)
def test_alignments_made_by_hand(path, in_order, skipped, repeats):
    found = reading(looking(list(path), 10), SYMBOLS)
    assert found.in_order == pytest.approx(in_order)
    assert (found.skipped, found.repeats) == (skipped, repeats)
    assert found.faultless is (not skipped and not repeats)
    assert not reading(looking(list(path), 10), SYMBOLS, stopped=False).faultless


def test_a_sound_that_shares_a_step_is_visited():
    alignment = torch.tensor([[0.7, 0.3, 0.0], [0.0, 0.2, 0.8]])
    assert reading(alignment, ("K", "T", "S")).in_order == 1.0
    assert reading(alignment[:, [0, 2, 1]], ("K", "S", "T")).in_order == pytest.approx(2 / 3)


def test_longest_increasing_against_every_subsequence():
    rng = np.random.default_rng(0)
    for _ in range(30):
        values = rng.integers(0, 5, 7).tolist()
        best = 0
        for mask in range(1 << 7):
            chosen = [v for i, v in enumerate(values) if mask >> i & 1]
            best = max(best, len(chosen) if chosen == sorted(chosen) else 0)
        assert longest_increasing(values) == best
