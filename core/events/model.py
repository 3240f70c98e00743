"""A convolutional network that says what sounds, and whose answer is a sum over places in the spectrogram.

The layers are those of a small VGG, as in PANNs' CNN6 to CNN14 (Kong et al. 2020, arXiv:1912.10211). The end is that of
Zhou et al. 2016, "Learning deep features for discriminative localization" (arXiv:1512.04150): the mean over all places,
then one linear layer. Both are linear, so they may change places: the linear layer at every place first, then the mean.
What it says at a place is the class-activation map, and the answer is its sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import AudioError
from core.events.spectrogram import Bands

URBAN = (  # the ten of UrbanSound8K, in its order
    "air_conditioner", "car_horn", "children_playing", "dog_bark", "drilling", "engine_idling", "gun_shot",
    "jackhammer", "siren", "street_music",
)  # fmt: skip
NONE = "none_of_these"


@dataclass(frozen=True)
class EventCNNConfig:
    """classes: outputs in order; NONE is taught with sounds of no class.

    threshold: what the likeliest class must reach to be named; `core.events.measure` finds it.

    stem: channels of the first convolution, 5 x 5, which looks at every other frame and band.
    blocks: channels of the convolutions of each block; before each block the picture is halved both ways.
    """

    classes: tuple[str, ...] = (*URBAN, NONE)
    stem: int = 24
    blocks: tuple[tuple[int, ...], ...] = ((64, 64), (128, 128, 192))
    dropout: float = 0.2
    threshold: float = 0.5
    bands: Bands = field(default_factory=Bands)

    def __post_init__(self) -> None:
        given: Any = self.bands
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "blocks", tuple(tuple(map(int, block)) for block in self.blocks))
        object.__setattr__(self, "bands", given if isinstance(given, Bands) else Bands(**given))

    @property
    def shrink(self) -> int:
        """Frames (and bands) to one place of the last layer."""
        return 2 ** (len(self.blocks) + 1)


PRESETS = {
    "urban": EventCNNConfig(),
    "tiny": EventCNNConfig(stem=4, blocks=((8,), (16,)), dropout=0.0, bands=Bands(fft_samples=512, bands=16)),
}


class Convolution(nn.Module):
    """A convolution, batch normalisation, ReLU: float [B, C, T, F] -> [B, C', T / stride, F / stride]."""

    def __init__(self, inputs: int, channels: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, channels, size, stride, padding=size // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.convolution(x)))


class EventCNN(nn.Module):
    """Log-mels in, one number for each class out, and the map it is the sum of.

    Differs from the paper: the network before the mean is smaller, and its picture has one colour.
    """

    def __init__(self, config: EventCNNConfig) -> None:
        super().__init__()
        self.config = config
        self.input_norm = nn.BatchNorm1d(config.bands.bands)  # each band by its own mean, as PANNs' bn0
        self.stem = Convolution(1, config.stem, size=5, stride=2)
        self.blocks = nn.ModuleList()
        width = config.stem
        for widths in config.blocks:
            pairs = zip((width, *widths), widths)
            self.blocks.append(nn.Sequential(*(Convolution(a, b) for a, b in pairs)))
            width = widths[-1]
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(width, len(config.classes))

    def features(self, log_mel: Tensor) -> Tensor:
        """What the last layer sees at each place.

        Args:
            log_mel: float [B, T, F] in dB from `core.events.spectrogram.log_mel`.
        Returns:
            float [B, C, T', F'], T' = T / 8 rounded up and F' = F / 8 for two blocks.
        Raises:
            AudioError: another shape.
        """
        bands = self.config.bands
        if log_mel.dim() != 3 or log_mel.shape[2] != bands.bands or log_mel.shape[1] == 0:
            raise AudioError(f"EventCNN wants [B, frames, {bands.bands}], got {list(log_mel.shape)}.")
        x = F.pad(log_mel, (0, 0, 0, -log_mel.shape[1] % self.config.shrink), value=bands.floor_db)
        x = self.input_norm(x.transpose(1, 2)).transpose(1, 2)[:, None]  # [B, 1, T, F]
        x = self.stem(x)  # [B, C, T / 2, F / 2]
        for block in self.blocks:
            x = block(F.avg_pool2d(x, 2))
        return x

    def forward(self, log_mel: Tensor) -> Tensor:
        """Logits: float [B, T, F] -> [B, K]."""
        pooled = self.features(log_mel).mean(dim=(2, 3))  # [B, C]
        return self.linear(self.dropout(pooled))

    @torch.no_grad()
    def activation_map(self, log_mel: Tensor) -> Tensor:
        """M_k(t, f) = (w_k . x(t, f) + b_k) / (T' F') (Zhou et al. 2016, equation 2): its sum is the logit of k.

        Args:
            log_mel: float [B, T, F].
        Returns:
            float [B, K, T', F'].
        Differs from the paper: which sums without dividing, and leaves the bias out.
        """
        x = self.features(log_mel)
        places = x.shape[2] * x.shape[3]
        found = torch.einsum("kc,bctf->bktf", self.linear.weight, x) + self.linear.bias[:, None, None]
        return found / places
