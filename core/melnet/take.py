"""What a generation leaves behind, small enough to be stored and sent to a page: every tier as bytes of log-mel.

A step of a byte is 0.4 dB, which cannot be seen. `as_given` turns stored tiers back into what `generate` takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import MelError
from core.melnet.model import MelNet
from core.melnet.sample import Drawn, enlarge
from core.melnet.tiers import interleave, split_tiers

LOW, HIGH = -11.6, 1.4  # natural logarithms at bytes 0 and 255: silence is -11.5, a levelled voice stays below 1.4


def pack(mel: Tensor) -> NDArray[np.uint8]:
    """Log-mel -> bytes of the same shape; what leaves the range is cut."""
    levels = (mel.float() - LOW) * (255 / (HIGH - LOW))
    return levels.round().clamp(0, 255).to(torch.uint8).numpy()


def unpack(levels: NDArray[np.uint8]) -> Tensor:
    """The inverse of `pack`, to half a step."""
    return torch.from_numpy(levels.astype(np.float32)) * ((HIGH - LOW) / 255) + LOW


@dataclass(frozen=True, eq=False)
class Take:
    """A spectrogram in tiers. parts: of each tier that was drawn uint8 [T_g, F_g].  frames: of the whole."""

    parts: tuple[NDArray[np.uint8], ...]
    frames: int
    tiers: int
    seed: int = 0
    temperature: float = 1.0

    @property
    def complete(self) -> bool:
        return len(self.parts) == self.tiers

    def merged(self, tiers: int | None = None) -> Tensor:
        """The first so many tiers together: float32 [T', F'] log-mel."""
        count = min(tiers or len(self.parts), len(self.parts))
        return interleave([unpack(part)[None] for part in self.parts[:count]])[0]

    def large(self, tiers: int | None = None) -> Tensor:
        """The same at full size, lines between the bins: float32 [frames, bands], to be heard."""
        bands = self.parts[0].shape[1] * 2 ** (self.tiers // 2)
        return enlarge(self.merged(tiers), self.frames, bands)


def own_log_mel(look: Drawn) -> Tensor:
    """The tier that is being drawn, as log-mel: float32 [T_g, F_g], NaN where it is not drawn yet."""
    return split_tiers(look.merged[None], look.tier)[-1][0]


def split(mel: Tensor, tiers: int) -> Take:
    """A real log-mel [T, F] as a take; the last frames are cut off where T does not divide.

    Raises:
        MelError: it is too short.
    """
    by_time = 2 ** ((tiers - 1) // 2)
    frames = mel.shape[0] // by_time * by_time
    if frames == 0:
        raise MelError(f"The sound is shorter than {by_time} frames of 12.5 ms: record something longer.")
    parts = split_tiers(mel[None, :frames], tiers)
    return Take(tuple(pack(part[0]) for part in parts), frames, tiers)


def as_given(model: MelNet, parts: Sequence[NDArray[np.uint8]], frames: int) -> list[Tensor]:
    """Tiers that are to stay, for `generate(given=)`: standardised float32 [T_g, F_g]."""
    shape = (1, frames, model.config.bands)
    means = split_tiers(model.mean.expand(shape), model.config.tiers)
    stds = split_tiers(model.std.expand(shape), model.config.tiers)
    return [(unpack(part) - mean[0]) / std[0] for part, mean, std in zip(parts, means, stds)]
