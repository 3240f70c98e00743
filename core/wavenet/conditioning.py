"""The condition of a stretch of samples, so that a long mel never has to be projected as a whole."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.wavenet.model import WaveNet

CONTEXT_FRAMES = 2  # the conditioner's two convolutions of width 3 look two frames to either side


class Room:
    """Memory for the frames of one stretch after another: what is allocated anew each time ends up scattered over the
    heap, and a minute of sound took hundreds of MB more than a second."""

    def __init__(self) -> None:
        self.memory = torch.empty(0)

    def for_shape(self, *shape: int) -> Tensor:
        """float32 of that shape, uninitialised; what was given before is overwritten."""
        count = math.prod(shape)
        if self.memory.numel() < count:
            self.memory = torch.empty(count)
        return self.memory[:count].view(shape)


@torch.no_grad()
def frames_between(
    model: WaveNet, mel: Tensor | None, start: int, samples: int, room: Room | None = None
) -> Tensor | None:
    """The projected frames that samples start … start + samples - 1 are mixtures of.

    Equal to a slice of `model.condition.frames(mel)`, but only the neighbourhood of the slice is computed: 60 s of
    projected frames would take 40 MB, ten minutes 400 MB.

    Args:
        mel: float [B, M, F] with F * hop_samples >= start + samples, or None; for a network with harmonics better
            one that `MelConditioner.prepare` has been over, or its clock runs anew from the start in every call.
        start, samples: in samples; samples at least 1.
        room: memory of a caller that is done with the frames before it asks for the next.
    Returns:
        float32 [B, f, L * G], beginning with moment start // condition_hop; None without a mel.
    """
    if mel is None or model.condition is None:
        return None
    hop, moments = model.config.condition_hop, model.config.moments
    first, last = start // hop, (start + samples - 1) // hop + 1  # a sample lies between two moments
    left = max(first // moments - CONTEXT_FRAMES, 0)
    right = min(last // moments + 2 + CONTEXT_FRAMES, mel.shape[2])
    near = model.condition.prepare(mel)[:, :, left:right]
    out = None
    if room is not None and near.device.type == "cpu":
        width = model.config.layers * model.config.gate_channels
        out = room.for_shape(near.shape[0], (right - left) * moments + 1, width)
    frames = model.condition.frames(near.float(), out=out)  # [B, (right - left) * moments + 1, L * G]
    return frames[:, first - left * moments : last + 1 - left * moments]


def condition_at(upsample: Tensor, frames: Tensor, position: int, first: int) -> Tensor:
    """What one sample adds to all gates: a mixture of the two frames it lies between.

    Args:
        upsample: float [hop, 2], the learned weights of a sample's place.
        frames: float [B, f, L * G], of which the first is moment number `first`.
    Returns:
        float [B, L * G].
    """
    frame, place = divmod(position, upsample.shape[0])
    before, after = frames[:, frame - first], frames[:, frame - first + 1]
    return upsample[place, 0] * before + upsample[place, 1] * after
