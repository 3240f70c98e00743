"""What an attention did: the terms of one step's energies, and whether a text was read in order and to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.errors import SamplingError
from core.tacotron2.model import Tacotron2
from core.tacotron2.sample import Decoded
from core.text.tokens import BOUNDARY, END, MARKS, PAD, START

VISITED = 0.25  # of a step's attention: a phone shorter than a step shares it with its neighbours


@dataclass(frozen=True, eq=False)
class Terms:
    """Energies of one decoder step over N tokens, taken apart. A attention units.

    query: float32 [A], W s, the same for every token.  keys: float32 [N, A], V h_j.
    location: float32 [N, A], U f_j; zeros without location features.  v: float32 [A].
    energies, weights: float32 [N], as they were.
    energies_without, weights_without: the same, had the location term been left out of this one step.
    """

    query: Tensor
    keys: Tensor
    location: Tensor
    v: Tensor
    energies: Tensor
    weights: Tensor
    energies_without: Tensor
    weights_without: Tensor


@torch.no_grad()
def terms(model: Tacotron2, said: Decoded, step: int) -> Terms:
    """e_j = v' tanh(W s + V h_j + U f_j) of one step, from the query and the weights that were kept.

    Source: Chorowski et al. 2015 (arXiv:1506.07503), equations 8 and 9; Shen et al. 2018, section 2.2.

    Args:
        said: what this model decoded.  step: in [0, S).
    Raises:
        SamplingError: no such step.
    """
    if not 0 <= step < len(said.stop):
        raise SamplingError(f"The decoder took {len(said.stop)} steps: choose one from 0 to {len(said.stop) - 1}.")
    attention = model.attention
    state = model.begin(torch.tensor([said.tokens.ids]))
    none = torch.zeros(1, len(said.tokens))
    before = said.alignment[step - 1][None] if step else none
    past = said.alignment[:step].sum(dim=0)[None]
    found = attention.terms(said.queries[step][None], state.keys, before, past)
    query, keys = found["query"][0], found["memory"][0]  # [1, A], [N, A]
    location = found["location"][0] if "location" in found else torch.zeros_like(keys)
    v = attention.energy.weight[0].detach()
    energies = torch.tanh(query + keys + location) @ v
    without = torch.tanh(query + keys) @ v
    return Terms(
        query[0], keys, location, v, energies, torch.softmax(energies, dim=0), without, torch.softmax(without, dim=0)
    )


@dataclass(frozen=True)
class Reading:
    """How a text was read.

    in_order: share of its sounds that were visited, each after the ones before it.
    skipped: runs of at least two sounds that were never looked at, as (first, last) token.
    missed: how many sounds these runs have together.
    repeats: steps at which the focus jumped back, by two tokens or more.
    stopped: whether the network ended by itself.
    """

    in_order: float
    skipped: tuple[tuple[int, int], ...]
    repeats: tuple[int, ...]
    stopped: bool
    missed: int = 0

    @property
    def faultless(self) -> bool:
        return self.stopped and not self.skipped and not self.repeats


def is_sound(symbol: str) -> bool:
    """Phones, letters and jamo; no marks, boundaries, start and end, which may be passed over unseen."""
    return symbol not in (PAD, START, END, BOUNDARY, "(", ")", "'", *MARKS)


def longest_increasing(values: Sequence[int]) -> int:
    """Length of the longest subsequence that never falls (patience sorting, Fredman 1975)."""
    piles: list[int] = []
    for value in values:
        at = int(np.searchsorted(piles, value, side="right"))
        piles[at : at + 1] = [value]
    return len(piles)


def reading(alignment: Tensor, symbols: Sequence[str], *, stopped: bool = True) -> Reading:
    """Judge an alignment.

    A sound is visited if some step gives it at least a quarter of its attention; its time is the step that gives it
    most. Those in order are the longest sequence of visited sounds whose times never fall.

    Args:
        alignment: float [S, N], rows sum to 1.  symbols: N.
    """
    weights = alignment.detach().float().numpy()
    sounds = [j for j, symbol in enumerate(symbols) if is_sound(symbol)]
    visited = [j for j in sounds if weights[:, j].max() >= VISITED]
    times = [int(weights[:, j].argmax()) for j in visited]
    missed = [j for j in sounds if j not in set(visited)]
    runs: list[list[int]] = []
    for j in missed:
        between = range(runs[-1][-1] + 1, j) if runs else ()
        if runs and not any(k in visited for k in between):
            runs[-1].append(j)
        else:
            runs.append([j])
    focus = weights.argmax(axis=1)
    back = tuple(int(s) for s in np.flatnonzero(focus[1:] <= focus[:-1] - 2) + 1)
    share = longest_increasing(times) / max(1, len(sounds))
    gaps = [run for run in runs if len(run) >= 2]
    return Reading(share, tuple((run[0], run[-1]) for run in gaps), back, stopped, sum(map(len, gaps)))
