"""Looking into a MelNet: where a bin stands among the tiers, which bins it may see, and how much each of them does."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import MelError
from core.melnet.model import MelNet
from core.melnet.tiers import TIME, axis_of, divisors, interleave, split_tiers

STACKS = ("time_delayed", "centralised", "frequency_delayed", "before")


def place_of(frame: int, band: int, tiers: int) -> tuple[int, int, int]:
    """(tier, i, j): to which tier a bin of the whole spectrogram belongs, from 1, and where it stands in that tier.

    The last tier has the odd rows of its axis; among the even ones the tier before has the odd ones of its own.
    """
    for tier in range(tiers, 1, -1):
        if axis_of(tier) == TIME:
            if frame % 2:
                return tier, frame // 2, band
            frame //= 2
        else:
            if band % 2:
                return tier, frame, band // 2
            band //= 2
    return 1, frame, band


def spread(parts: list[NDArray], tiers: int) -> NDArray:
    """Arrays of each tier [T_g, F_g] -> one [T, F], every value at its place; absent last tiers count as zeros."""
    whole = [torch.from_numpy(np.ascontiguousarray(part))[None] for part in parts]
    while len(whole) < tiers:
        shape = interleave(whole)[0].shape
        whole.append(torch.zeros(1, *shape, dtype=whole[0].dtype))
    return interleave(whole)[0].numpy()


def visible(frame: int, band: int, frames: int, bands: int, tiers: int) -> dict[str, NDArray[np.bool_]]:
    """Which bins are read while one bin is drawn, by the stack that reads them: bool [frames, bands] of each.

    Source: Vasquez and Lewis 2019 (arXiv:1906.01083), the four networks of a tier.
    """
    tier, i, j = place_of(frame, band, tiers)
    found = {stack: np.zeros((frames, bands), dtype=bool) for stack in STACKS}
    for t in range(frames):
        for f in range(bands):
            other, m, n = place_of(t, f, tiers)
            if other < tier:
                found["before"][t, f] = True  # the feature extraction network reads it, in every direction
            elif other == tier and m < i:
                found["time_delayed"][t, f] = True
                found["centralised"][t, f] = tier == 1  # only the first tier has a centralised stack here
            elif other == tier and m == i and n < j:
                found["frequency_delayed"][t, f] = True
    return found


def influence(model: MelNet, mel: Tensor, frame: int, band: int) -> NDArray[np.float32]:
    """|d mean / d x| of one bin's mixture with respect to every bin, both standardised: float32 [T, F].

    The mean is that of the whole mixture, the sum of weights times means. Teacher forcing: one run of the bin's tier.

    Args:
        mel: float [T, F], log-mel.  frame, band: of the bin.
    Raises:
        MelError: the bin lies outside, or the frames do not divide.
    """
    if not (0 <= frame < mel.shape[0] and 0 <= band < mel.shape[1]):
        raise MelError(f"The bin ({frame}, {band}) lies outside the spectrogram of {mel.shape[0]} x {mel.shape[1]}.")
    tiers = model.config.tiers
    tier, i, j = place_of(frame, band, tiers)
    parts = split_tiers(model.standardise(mel[None]), tiers)
    own = parts[tier - 1].clone().requires_grad_()
    before = interleave(parts[: tier - 1]).clone().requires_grad_() if tier > 1 else None
    found = model.tiers[tier - 1](own, before)
    mean = (found.log_weight[0, i, j].exp() * found.mean[0, i, j]).sum()
    inputs = [own] if before is None else [own, before]
    gradients = [one.abs().detach() for one in torch.autograd.grad(mean, inputs)]
    earlier = split_tiers(gradients[1], tier - 1) if before is not None else []
    return spread([one[0].numpy() for one in [*earlier, gradients[0]]], tiers)


def lengths(frames: int, bands: int, tiers: int) -> dict[str, int]:
    """How far apart the ends of a spectrogram are for the network that sees them first.

    Returns:
        time, frequency: steps that the first tier's states are carried along either axis.  draws: numbers drawn in all.
    """
    by_time, by_frequency = divisors(tiers)
    return {"time": frames // by_time, "frequency": bands // by_frequency, "draws": frames * bands}
