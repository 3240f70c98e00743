"""A spectrogram as tiers: a coarse one first, then the rows and columns that were left out, finer and finer.

Source: Vasquez and Lewis 2019 (arXiv:1906.01083), section on multiscale modelling and its figures of interleaved tiers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.errors import MelError

TIME, FREQUENCY = 1, 2  # axes of [B, T, F]
MAX_TIERS = 7


def axis_of(tier: int) -> int:
    """Along which axis tier number `tier`, from 2, lies between the rows or columns of all tiers before it.

    Tier 2 brings frequencies, tier 3 moments, and so on in turn.
    """
    return FREQUENCY if tier % 2 == 0 else TIME


def divisors(tiers: int) -> tuple[int, int]:
    """By what the frames and the bands must be divisible, to be split into so many tiers: (time, frequency).

    Raises:
        MelError: a number of tiers that cannot be.
    """
    if isinstance(tiers, bool) or not isinstance(tiers, int) or not 1 <= tiers <= MAX_TIERS:
        raise MelError(f"Ask for 1 to {MAX_TIERS} tiers, got {tiers!r:.40}.")
    axes = [axis_of(tier) for tier in range(2, tiers + 1)]
    return 2 ** axes.count(TIME), 2 ** axes.count(FREQUENCY)


def shapes(frames: int, bands: int, tiers: int) -> list[tuple[int, int]]:
    """(T, F) of every tier of a spectrogram of so many frames and bands, the coarsest first.

    Raises:
        MelError: frames or bands that do not divide.
    """
    by_time, by_frequency = divisors(tiers)
    if frames < by_time or frames % by_time or bands < by_frequency or bands % by_frequency:
        raise MelError(
            f"{tiers} tiers need frames in steps of {by_time} and bands in steps of {by_frequency}, got {frames} x "
            f"{bands}: cut the sound to a multiple of {by_time} frames of 12.5 ms."
        )
    time, frequency = frames // by_time, bands // by_frequency
    found = [(time, frequency)]
    for tier in range(2, tiers + 1):
        found.append((time, frequency))  # as large as everything before it
        if axis_of(tier) == TIME:
            time *= 2
        else:
            frequency *= 2
    return found


def split_tiers(x: Tensor, tiers: int) -> list[Tensor]:
    """A spectrogram taken apart: every second row or column is the last tier, of the rest again, and so on.

    Source: arXiv:1906.01083, multiscale modelling: x^g and x^{<g} are the odd and even slices along the tier's axis.

    Args:
        x: [B, T, F].  tiers: at least 1.
    Returns:
        `tiers` tensors, the coarsest first; their sizes are `shapes(T, F, tiers)`.
    Raises:
        MelError: another shape, or one that does not divide.
    """
    if x.dim() != 3:
        raise MelError(f"A spectrogram to split is [batch, frames, bands], got {list(x.shape)}.")
    shapes(x.shape[1], x.shape[2], tiers)
    found = []
    for tier in range(tiers, 1, -1):
        if axis_of(tier) == TIME:
            found.append(x[:, 1::2])  # x^g: the odd moments
            x = x[:, 0::2]  # x^{<g}: the even ones, all tiers before
        else:
            found.append(x[:, :, 1::2])
            x = x[:, :, 0::2]
    return [x, *reversed(found)]


def merge(before: Tensor, own: Tensor, tier: int) -> Tensor:
    """interleave(x^{<g}, x^g) = x^{<g+1}: two [B, T, F] -> one that is twice as long along the tier's axis."""
    if before.shape != own.shape or before.dim() != 3:
        raise MelError(
            f"Tier {tier} must be as large as all tiers before it together, got {list(own.shape)} after "
            f"{list(before.shape)}."
        )
    axis = axis_of(tier)
    return torch.stack([before, own], dim=axis + 1).flatten(axis, axis + 1)


def interleave(tiers: Sequence[Tensor]) -> Tensor:
    """The spectrogram of all these tiers, or of the first of them: the inverse of `split_tiers`.

    Args:
        tiers: of each [B, T, F], the coarsest first.
    Returns:
        [B, T', F'], each tier after the first doubling one side.
    Raises:
        MelError: no tier, or sizes that do not belong together.
    """
    if not tiers:
        raise MelError("There is no tier to interleave: give the first one at least.")
    x = tiers[0]
    for number, own in enumerate(tiers[1:], start=2):
        x = merge(x, own, number)
    return x
