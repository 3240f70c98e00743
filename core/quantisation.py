"""Quantisation with equal steps, and the measure of what any quantisation costs."""

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


def signal_to_noise_db(x: Tensor, y: Tensor) -> float:
    """Power of x over the power of y - x, in decibels.

    Args:
        x: float [..., T], the original.  y: float [..., T], what became of it.
    Returns:
        decibels; infinity when they are equal.
    Raises:
        AudioError: the shapes differ, or x is silent.
    """
    if x.shape != y.shape:
        raise AudioError(f"The two sounds differ in shape: {list(x.shape)} and {list(y.shape)}.")
    signal = x.double().square().sum()
    if float(signal) == 0.0:
        raise AudioError("The sound is silent, so it has no signal-to-noise ratio; record it again, louder.")
    noise = (y.double() - x.double()).square().sum()
    return float(10 * torch.log10(signal / noise)) if float(noise) > 0 else float("inf")
