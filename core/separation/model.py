"""MMDenseLSTM: spectrograms in, masks out, by dense blocks at many scales, for each band and for all of them.

Takahashi, Goswami, Mitsufuji 2018 (arXiv:1805.02410), on top of MMDenseNet: Takahashi, Mitsufuji 2017
(arXiv:1706.09588).

    mixture -> bands -> MDenseLSTM each -> side by side --+
       |                                                  +-> dense block -> 1 x 1 -> softmax over the sources
       +------------> MDenseLSTM of the full band --------+
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import AudioError


@dataclass(frozen=True)
class BandConfig:
    """One MDenseLSTM. Its rows go down the scales, through the lowest, and up again: an odd number of entries.

    bins: of the spectrum, from where the last band ended; the full band has all of them.
    channels: feature maps of the first convolution.  growth: k of each dense block.  layers: L of each.
    lstm: units of the LSTM block behind each dense block, both directions together; 0 for none.
    """

    bins: int
    channels: int
    growth: tuple[int, ...]
    layers: tuple[int, ...]
    lstm: tuple[int, ...]

    @classmethod
    def read(cls, given: BandConfig | dict[str, Any]) -> BandConfig:
        """From what a JSON file gives."""
        if isinstance(given, BandConfig):
            return given
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        return cls(**fields)


@dataclass(frozen=True)
class MMDenseLSTMConfig:
    """A network and the spectrograms it reads. bands: from low to high; full: all of them once more."""

    sources: tuple[str, ...]
    bands: tuple[BandConfig, ...]
    full: BandConfig
    final_growth: int
    final_layers: int
    sample_rate_hz: int = 16_000
    window_samples: int = 1024
    hop_samples: int = 256
    channels: int = 1  # of the sound: 1 mono, 2 stereo

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", tuple(self.sources))
        object.__setattr__(self, "bands", tuple(BandConfig.read(band) for band in self.bands))
        object.__setattr__(self, "full", BandConfig.read(self.full))

    @property
    def bins(self) -> int:
        return self.window_samples // 2 + 1


def _same(value: int, count: int) -> tuple[int, ...]:
    return (value,) * count


def _at(count: int, **units: int) -> tuple[int, ...]:
    """Zeros, but `_at(7, b3=64)` has 64 at index 3."""
    return tuple(units.get(f"b{i}", 0) for i in range(count))


PRESETS = {
    # The sizes of arXiv:1805.02410 as public implementations have them: 44.1 kHz, stereo. There it is one network a
    # source; ours gives all sources at once, and begins the full band with 32 maps too.
    "paper": MMDenseLSTMConfig(
        sources=("vocals", "drums", "bass", "other"),
        bands=(
            BandConfig(380, 32, _same(14, 7), _same(5, 7), _at(7, b3=128, b5=128)),
            BandConfig(644, 32, _same(4, 7), _same(4, 7), _at(7, b3=32)),
            BandConfig(1025, 32, _same(2, 5), _same(1, 5), _at(5, b2=8)),
        ),
        full=BandConfig(2049, 32, _same(7, 9), (3, 3, 4, 5, 5, 5, 4, 3, 3), _at(9, b4=128, b7=128)),
        final_growth=12, final_layers=3, sample_rate_hz=44_100, window_samples=4096, hop_samples=1024, channels=2,
    ),
    "vocals": MMDenseLSTMConfig(
        sources=("vocals", "accompaniment"),
        bands=(
            BandConfig(192, 24, _same(12, 7), _same(4, 7), _at(7, b3=128, b5=128)),
            BandConfig(321, 12, _same(6, 5), _same(2, 5), _at(5, b2=32)),
        ),
        full=BandConfig(513, 16, _same(7, 9), (2, 2, 3, 4, 4, 4, 3, 2, 2), _at(9, b4=128, b6=128)),
        final_growth=12, final_layers=3,
    ),
    "4stems": MMDenseLSTMConfig(
        sources=("vocals", "drums", "bass", "other"),
        bands=(
            BandConfig(380, 16, _same(10, 7), _same(4, 7), _at(7, b3=128, b5=128)),
            BandConfig(644, 8, _same(4, 7), _same(3, 7), _at(7, b3=32)),
            BandConfig(1025, 4, _same(2, 5), _same(1, 5), _at(5)),
        ),
        full=BandConfig(2049, 6, (3, 4, 6, 7, 7, 7, 6, 4, 3), (1, 2, 3, 4, 4, 4, 3, 2, 1), _at(9, b4=128, b6=128)),
        final_growth=8, final_layers=2, sample_rate_hz=44_100, window_samples=4096, hop_samples=1024, channels=2,
    ),
    "tiny": MMDenseLSTMConfig(
        sources=("vocals", "accompaniment"),
        bands=(BandConfig(20, 4, _same(3, 3), _same(2, 3), _at(3, b1=8)),
               BandConfig(45, 4, _same(2, 3), _same(1, 3), _at(3))),
        full=BandConfig(65, 4, _same(3, 5), _same(2, 5), _at(5, b2=8)),
        final_growth=4, final_layers=2, window_samples=128, hop_samples=32,
    ),
}  # fmt: skip


class DenseBlock(nn.Module):
    """L layers, each of which sees all that came before: x_l = H_l([x_{l-1}, …, x_0]) (arXiv:1706.09588).

    H is batch normalisation, ReLU, a 3 x 3 convolution with k maps. The block gives the last layer's k maps.
    """

    def __init__(self, channels: int, growth: int, layers: int) -> None:
        super().__init__()
        widths = [channels + i * growth for i in range(layers)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.convolutions = nn.ModuleList(nn.Conv2d(width, growth, 3, padding=1, bias=False) for width in widths)

    def forward(self, x: Tensor) -> Tensor:
        """float [B, C, T, F] -> [B, k, T, F]."""
        seen = x
        for i, (norm, convolution) in enumerate(zip(self.norms, self.convolutions)):
            x = convolution(F.relu(norm(seen)))
            if i + 1 < len(self.norms):
                seen = torch.cat([seen, x], dim=1)
        return x


class LSTMBlock(nn.Module):
    """What comes before and after, however far: 1 x 1 to one map, a bidirectional LSTM over time whose features are
    the frequencies, a linear layer back to them (arXiv:1805.02410)."""

    def __init__(self, channels: int, bins: int, units: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, 1, 1)
        self.lstm = nn.LSTM(bins, units // 2, batch_first=True, bidirectional=True)
        self.back = nn.Linear(units, bins)

    def forward(self, x: Tensor) -> Tensor:
        """float [B, C, T, F] -> [B, 1, T, F]."""
        found, _ = self.lstm(self.squeeze(x)[:, 0])  # [B, T, units]
        return F.relu(self.back(found))[:, None]


class Scale(nn.Module):
    """A dense block and, at some scales, an LSTM block whose one map is put beside its k."""

    def __init__(self, channels: int, growth: int, layers: int, units: int, bins: int) -> None:
        super().__init__()
        self.dense = DenseBlock(channels, growth, layers)
        self.lstm = LSTMBlock(growth, bins, units) if units else None
        self.channels = growth + (1 if units else 0)

    def forward(self, x: Tensor) -> Tensor:
        """float [B, C, T, F] -> [B, k (+ 1), T, F]."""
        x = self.dense(x)
        return x if self.lstm is None else torch.cat([x, self.lstm(x)], dim=1)


class MDenseLSTM(nn.Module):
    """Dense blocks at falling and rising scales, with a short cut from each on the way down to its pair on the way up
    (arXiv:1706.09588)."""

    def __init__(self, config: BandConfig, channels: int) -> None:
        super().__init__()
        depth = len(config.growth) // 2
        self.multiple = 2**depth  # frames and bins are filled up to a multiple of this
        self.bins = config.bins
        padded = -(-config.bins // self.multiple) * self.multiple
        self.first = nn.Conv2d(channels, config.channels, 3, padding=1)
        self.down, self.up, self.grow = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        rows = list(zip(config.growth, config.layers, config.lstm))
        width, kept = config.channels, []
        for i, (growth, layers, units) in enumerate(rows[: depth + 1]):
            scale = Scale(width, growth, layers, units, padded >> i)
            self.down.append(scale)
            width = scale.channels
            kept.append(width)
        for i, (growth, layers, units) in enumerate(rows[depth + 1 :]):
            self.grow.append(nn.ConvTranspose2d(width, width, 2, stride=2))
            scale = Scale(width + kept[depth - 1 - i], growth, layers, units, padded >> (depth - 1 - i))
            self.up.append(scale)
            width = scale.channels
        self.channels = width

    def forward(self, x: Tensor) -> Tensor:
        """float [B, C, T, bins] -> [B, channels, T, bins]."""
        frames, bins = x.shape[2:]
        x = F.pad(x, (0, -bins % self.multiple, 0, -frames % self.multiple))
        x = self.first(x)
        kept = []
        for i, scale in enumerate(self.down):
            x = scale(x if i == 0 else F.avg_pool2d(x, 2))
            kept.append(x)
        for grow, scale, shortcut in zip(self.grow, self.up, reversed(kept[:-1])):
            x = scale(torch.cat([grow(x), shortcut], dim=1))
        return x[:, :, :frames, :bins]


class MMDenseLSTM(nn.Module):
    """Multi-scale, multi-band: one MDenseLSTM for each band and one for the whole, then a dense block over both.

    Differs from the paper: all sources at once, as masks that sum to one, where it trains a network for each source's
    magnitude; the input is compressed (log 1 + magnitude) and normalised by bin.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: MMDenseLSTMConfig) -> None:
        super().__init__()
        if sum(band.bins for band in config.bands) != config.bins or config.full.bins != config.bins:
            raise AudioError(f"The bands must add up to {config.bins} bins, and the full band have as many.")
        self.config = config
        self.register_buffer("mean", torch.zeros(config.bins))
        self.register_buffer("deviation", torch.ones(config.bins))
        bands = [MDenseLSTM(band, config.channels) for band in config.bands]
        width = max(band.channels for band in bands)
        self.bands = nn.ModuleList(bands)
        self.match = nn.ModuleList(nn.Conv2d(band.channels, width, 1) for band in bands)  # to lie side by side
        self.full = MDenseLSTM(config.full, config.channels)
        self.final = DenseBlock(width + self.full.channels, config.final_growth, config.final_layers)
        self.masks = nn.Conv2d(config.final_growth, len(config.sources) * config.channels, 1)

    def set_statistics(self, magnitudes: Sequence[Tensor]) -> None:
        """Mean and deviation of every bin of the compressed training mixtures; each float [C, T, bins]."""
        seen = torch.cat([torch.log1p(x).mean(dim=0) for x in magnitudes])
        self.mean.copy_(seen.mean(dim=0))
        self.deviation.copy_(seen.std(dim=0).clamp(min=1e-3))

    def forward(self, magnitude: Tensor) -> Tensor:
        """Masks of a mixture.

        Args:
            magnitude: float [B, C, T, bins], of what `core.separation.spectrogram.analyse` gives.
        Returns:
            float [B, S, C, T, bins] in [0, 1]; over the S sources they sum to one.
        Raises:
            AudioError: another number of channels or bins.
        """
        config = self.config
        if magnitude.dim() != 4 or magnitude.shape[1] != config.channels or magnitude.shape[3] != config.bins:
            raise AudioError(
                f"MMDenseLSTM wants [B, {config.channels}, T, {config.bins}], got {list(magnitude.shape)}."
            )
        x = (torch.log1p(magnitude) - self.mean) / self.deviation
        parts = torch.split(x, [band.bins for band in config.bands], dim=3)
        found = [match(band(part)) for match, band, part in zip(self.match, self.bands, parts)]
        both = torch.cat([torch.cat(found, dim=3), self.full(x)], dim=1)
        out = self.masks(F.relu(self.final(both)))  # [B, S C, T, bins]
        return out.unflatten(1, (len(config.sources), config.channels)).softmax(dim=1)
