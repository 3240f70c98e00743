"""Spectral gating: the way without learning, in a dozen lines. Each frequency is a gate with a threshold of its own.

As in the package noisereduce (Sainburg and others), and in audio editors since the 1990s.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.enhancement import spectrum as spectral
from core.enhancement.mixing import check


def spectral_gating(
    audio: Tensor, noise: Tensor | None = None, *, deviations: float = 1.5, floor_db: float = -20.0
) -> tuple[Tensor, Tensor]:
    """Learn how loud the noise is at each frequency, and let pass what is louder.

    Args:
        audio: float [T] at 16 kHz.  noise: float [N], the noise alone; None takes the softest tenth of the frames.
        deviations: how many standard deviations (of decibels) above the noise's mean the gate opens.
        floor_db: what a closed gate still lets through.
    Returns:
        float32 [T], and the mask, float [F', 257].
    Raises:
        AudioError: a sound that is not [T], is empty or not finite.
    """
    check(audio)
    heard = spectral.analyse(audio)
    decibels = 20 * torch.log10(heard.abs() + 1e-6)  # [F', 257]
    if noise is None:
        softest = decibels.mean(dim=1).argsort()[: max(4, len(decibels) // 10)]
        profile = decibels[softest]
    else:
        check(noise)
        profile = 20 * torch.log10(spectral.analyse(noise).abs() + 1e-6)
    threshold = profile.mean(dim=0) + deviations * profile.std(dim=0)  # [257]
    gate = (decibels > threshold).float()
    gate = F.avg_pool2d(gate[None], (5, 9), stride=1, padding=(2, 4), count_include_pad=False)[0]  # no musical noise
    floor = 10 ** (floor_db / 20)
    mask = floor + (1 - floor) * gate
    return spectral.synthesise(mask * heard, len(audio)), mask
