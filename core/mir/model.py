"""CREPE: pitch from the waveform by a convolutional network, as a classification into bins of 20 cents.

Kim, Salamon, Li and Bello 2018, "CREPE: a convolutional representation for pitch estimation" (arXiv:1802.06182).

    1024 samples at 16 kHz -> six blocks (convolution, ReLU, normalisation, halving) -> 360 sigmoids
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import AudioError

__all__ = ["BINS", "CENTS_PER_BIN", "Crepe", "CrepeConfig", "PRESETS", "bin_cents"]

BINS, CENTS_PER_BIN = 360, 20.0  # six octaves; equation 2
FIRST_CENTS = 1997.3794084376191  # of the lowest bin, above 10 Hz: 31.7 Hz (C1 is 32.7; so the published networks are)


@dataclass(frozen=True)
class CrepeConfig:
    """filters, widths: of the six convolutions; the first has a stride of `stride`, each block halves the length."""

    filters: tuple[int, ...]
    widths: tuple[int, ...] = (512, 64, 64, 64, 64, 64)
    stride: int = 4
    window_samples: int = 1024
    sample_rate_hz: int = 16_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "filters", tuple(self.filters))
        object.__setattr__(self, "widths", tuple(self.widths))

    @property
    def features(self) -> int:
        """What the last block hands to the classifier: filters times the length that is left."""
        return self.filters[-1] * (self.window_samples // self.stride >> len(self.filters))


PRESETS = {
    "paper": CrepeConfig((1024, 128, 128, 128, 256, 512)),  # "full": 22.2 million parameters
    "tiny": CrepeConfig((128, 16, 16, 16, 32, 64)),  # its authors' smallest, an eighth as wide: 0.49 million
}


def bin_cents() -> Tensor:
    """The middle of each bin in cents above 10 Hz: float64 [360]."""
    return FIRST_CENTS + CENTS_PER_BIN * torch.arange(BINS, dtype=torch.float64)


class Crepe(nn.Module):
    """The network. Source: section 2.1 and figure 1.

    Differs from the paper: normalisation stands behind the ReLU, as in the networks that its authors published.
    """

    def __init__(self, config: CrepeConfig) -> None:
        super().__init__()
        self.config = config
        before = (1, *config.filters[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv1d(n, m, width, stride=config.stride if i == 0 else 1)
            for i, (n, m, width) in enumerate(zip(before, config.filters, config.widths))
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(m, eps=1e-3) for m in config.filters)
        self.classifier = nn.Linear(config.features, BINS)

    def forward(self, frames: Tensor) -> Tensor:
        """How strongly each pitch is heard.

        Args:
            frames: float [B, 1024] at 16 kHz, each with mean 0 and deviation 1 (`prepared`).
        Returns:
            float [B, 360] in (0, 1); their sum is not one.
        Raises:
            AudioError: frames of another length.
        """
        if frames.dim() != 2 or frames.shape[1] != self.config.window_samples:
            raise AudioError(f"CREPE wants [B, {self.config.window_samples}], got {list(frames.shape)}.")
        x = frames[:, None]  # [B, 1, T]
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms)):
            width, stride = self.config.widths[i], self.config.stride if i == 0 else 1
            x = F.pad(x, ((width - stride) // 2, (width - stride + 1) // 2))  # as long as before, over the stride
            x = F.max_pool1d(norm(F.relu(convolution(x))), 2)  # [B, C, T / 2]
        # Time before channels, as the published classifier has its columns.
        return torch.sigmoid(self.classifier(x.transpose(1, 2).flatten(1)))

    @staticmethod
    def prepared(frames: Tensor) -> Tensor:
        """Mean 0 and deviation 1 in every frame; silence stays zero: float [B, T] -> [B, T]."""
        centred = frames - frames.mean(dim=1, keepdim=True)
        return centred / centred.std(dim=1, keepdim=True).clamp(min=1e-10)
