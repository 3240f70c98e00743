"""A sound split in two by a picture: what lies where the picture is bright, and all the rest.

A network says which places of a spectrogram speak for its answer. Turn the sound of those places off and ask it again:
if the answer stays, they were not the reason. As holes make any sound strange, the same number of places is turned off
at random too (Samek et al. 2017, "Evaluating the visualization of what a deep neural network has learned",
arXiv:1509.06321).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def brightest(picture: Tensor, share: float) -> Tensor:
    """The places with the largest values: any shape -> the same, 1 there and 0 elsewhere.

    Args:
        share: of all places, in (0, 1]; at least one place.
    """
    count = max(1, round(share * picture.numel()))
    chosen = picture.flatten().argsort(descending=True, stable=True)[:count]
    return torch.zeros(picture.numel()).index_fill(0, chosen, 1.0).view_as(picture)


def shuffled(mask: Tensor, *, seed: int = 0) -> Tensor:
    """As many places, anywhere."""
    order = torch.randperm(mask.numel(), generator=torch.Generator().manual_seed(seed))
    return mask.flatten()[order].view_as(mask)


def enlarged(mask: Tensor, shrink: int, frames: int) -> Tensor:
    """A coarse mask on the grid of frames and bands, linear between the middles of its places.

    Args:
        mask: float [T', F'].  shrink: frames, and bands, to a place.  frames: how many are wanted.
    Returns:
        float [frames, F' * shrink].
    """
    fine = F.interpolate(mask[None, None], scale_factor=shrink, mode="bilinear", align_corners=False)[0, 0]
    return fine[:frames]


def split(x: Tensor, gain: Tensor, filters: Tensor, *, hop_samples: int) -> tuple[Tensor, Tensor]:
    """Multiply the spectrum by the gain of the bands that each frequency lies in; what is missing is the rest.

    Args:
        x: float [T].
        gain: float [1 + T // hop, bands] in [0, 1].
        filters: float [bins, bands], the bands' triangles; the window has 2 (bins - 1) samples.
    Returns:
        (lit, rest), float [T] each; their sum is x.
    """
    at_bins = _by_bin(gain, filters)  # [frames, bins]
    length = 2 * (filters.shape[0] - 1)
    window = torch.hann_window(length)
    spectrum = torch.stft(x, length, hop_samples, window=window, return_complex=True, pad_mode="constant")
    lit = torch.istft(spectrum * at_bins.T, length, hop_samples, window=window, length=x.shape[0])
    return lit, x - lit


def _by_bin(gain: Tensor, filters: Tensor) -> Tensor:
    """The mean of the gains of the bands over a frequency; beyond the outermost, that of the outermost."""
    total = filters.sum(dim=1)
    inside = (total > 1e-9).nonzero()[:, 0]
    found = (gain @ filters.T) / total.clamp(min=1e-9)  # [frames, bins]
    first, last = int(inside[0]), int(inside[-1])
    found[:, :first] = found[:, first : first + 1]
    found[:, last + 1 :] = found[:, last : last + 1]
    return found
