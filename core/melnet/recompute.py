"""Drawing a tier the plain way: the whole network runs anew for every bin, and nothing is kept.

Public re-implementations sample like this. The cost of a spectrogram grows with the square of its bins. It is kept as
the reference that `core.melnet.session` must agree with, and as the peer in `python -m benchmarks.melnet`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.melnet.mixture import Mixture, draw
from core.melnet.model import Tier


@torch.no_grad()
def next_bin(
    tier: Tier, x: Tensor, before: Tensor | None, i: int, j: int, uniforms: Tensor, temperature: float = 1.0
) -> Tensor:
    """Draw bin (i, j) of x [T, F], of which all earlier bins are there; the later ones are not looked at."""
    found = tier(x[None], None if before is None else before[None])
    one = Mixture(found.mean[0, i, j], found.log_sigma[0, i, j], found.log_weight[0, i, j])  # [K] each
    return draw(one, uniforms, temperature)


@torch.no_grad()
def draw_tier(tier: Tier, uniforms: Tensor, before: Tensor | None = None, temperature: float = 1.0) -> Tensor:
    """A whole tier, one run of the network a bin.

    Args:
        uniforms: float [T, F, 2].  before: float [T, F], all tiers before it, or None for the first.
    Returns:
        float32 [T, F], standardised.
    """
    x = torch.zeros(uniforms.shape[:2])
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = next_bin(tier, x, before, i, j, uniforms[i, j], temperature)
    return x
