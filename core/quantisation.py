"""Quantisation with equal steps, what mu-law is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from core.errors import AudioError


def linear_quantise(x: Tensor, *, levels: int = 256) -> Tensor:
    """Round audio to `levels` equally spaced amplitudes, -1 and 1 among them.

    The same grid as the codes of `core.audio.mu_law_encode`, without the companding.

    Args:
        x: float [..., T], amplitude in [-1, 1].
        levels: number of amplitudes, at least 2.
    Returns:
        float32 [..., T].
    Raises:
        AudioError: x is not finite, or leaves [-1, 1]; levels below 2.
    """
    if levels < 2:
        raise AudioError(f"Quantisation needs at least 2 levels, got {levels}.")
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    if x.numel() and float(x.abs().max()) > 1.0 + 1e-4:
        raise AudioError("The sound leaves [-1, 1]; scale it down before quantising.")
    codes = ((x.float() + 1) / 2 * (levels - 1) + 0.5).floor().clamp(0, levels - 1)
    return 2 * codes / (levels - 1) - 1
