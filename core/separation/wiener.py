"""The multichannel Wiener filter, by the norbert package.

Each source has, at every point, a power and, at every frequency, a covariance of the channels: where in the room it
is. Both are estimated from the parts, and the parts again from both (expectation and maximisation). Source: Nugraha,
Liutkus, Vincent 2016, "Multichannel audio source separation with deep neural networks"; arXiv:1805.02410
applies such a filter.
"""

from __future__ import annotations

import torch
from torch import Tensor


def wiener(parts: Tensor, mixture: Tensor, *, iterations: int = 1) -> Tensor:
    """Parts that agree with where each source stands.

    Args:
        parts: complex [S, C, T, F], such as masks times the mixture.  mixture: complex [C, T, F].
        iterations: of expectation and maximisation.
    Returns:
        complex64 [S, C, T, F], of the same frequencies; their sum is the mixture but for regularisation.
    """
    import norbert

    scale = float(mixture.abs().max()) / 10 or 1.0  # as norbert.wiener does: below it, powers fall under its epsilon
    y = (parts / scale).permute(2, 3, 1, 0).numpy()  # [T, F, C, S]
    x = (mixture / scale).permute(1, 2, 0).numpy()  # [T, F, C]
    found, _, _ = norbert.expectation_maximization(y, x, iterations)
    return torch.from_numpy(found).permute(3, 2, 0, 1).to(torch.complex64) * scale
