"""The skewing trick, arrested at every step: on numbers, and on labels that say where each came from.

Source: Huang et al. 2018, figure 1, bottom (arXiv:1809.04281).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Steps(NamedTuple):
    """One array after each operation; the last one is S_rel, to be covered by a causal mask above the diagonal."""

    product: Tensor  # [L, L], Q E_r^T: columns are distances, -(L - 1) … 0
    padded: Tensor  # [L, L + 1], a column on the left
    reshaped: Tensor  # [L + 1, L], the same memory in rows that are one shorter
    sliced: Tensor  # [L, L], without the first row: columns are positions


def steps(product: Tensor, *, filler: float = 0.0) -> Steps:
    """What `core.transformer.attention.skew` does, operation by operation.

    Args:
        product: [L, L], any type.  filler: what the new column holds.
    """
    length = len(product)
    padded = F.pad(product, (1, 0), value=filler)
    reshaped = padded.reshape(length + 1, length)
    return Steps(product, padded, reshaped, reshaped[1:])


def labels(length: int) -> Steps:
    """`steps` of numbers that name the cells: L i + r of the product's row i and column r; -1 for the new column."""
    return steps(torch.arange(length * length).reshape(length, length), filler=-1)


def reachable(length: int) -> Tensor:
    """bool [L, L]: which cells of the product belong to a pair of positions; the others reach before the first."""
    return torch.ones(length, length, dtype=torch.bool).tril().flip(-1)
