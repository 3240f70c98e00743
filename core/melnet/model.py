"""MelNet (Vasquez and Lewis 2019, arXiv:1906.01083): bins of a spectrogram, one after the other, tier by tier.

Everything is laid out [B, T, F, C]: batch, frames, bands, channels. A bin x_ij (frame i, band j) is predicted from all
earlier frames and from the lower bands of its own frame:

    time-delayed stack       frames 0 … i - 1, every band          h^t_ij
    centralised stack        frames 0 … i - 1, each as a whole     h^c_i
    frequency-delayed stack  frame i, bands 0 … j - 1; the others  h^f_ij  ->  mixture of Gaussians

With tiers, x^1 is a coarse spectrogram made like this; each further tier is made like this too, given all before it,
which a feature extraction network reads in every direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import MelError
from core.melnet.mixture import Mixture, mixture
from core.melnet.tiers import divisors, interleave, split_tiers


@dataclass(frozen=True)
class MelNetConfig:
    """Sizes. layers, width: of every tier's stacks, the coarsest tier first; as many as there are tiers.

    extraction_layers: of the networks that read the tiers before (tier 1 has none).  mixtures: Gaussians a bin.
    """

    bands: int = 80
    layers: Sequence[int] = (4, 3, 2, 2, 2)
    width: Sequence[int] = (72, 64, 56, 48, 40)
    extraction_layers: int = 1
    mixtures: int = 10

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "width", tuple(self.width))
        if len(self.layers) != len(self.width) or min(*self.layers, *self.width, self.mixtures) < 1:
            raise ValueError("layers and width need one positive number for every tier")
        divisors(self.tiers)

    @property
    def tiers(self) -> int:
        return len(self.layers)


PRESETS = {
    "speech": MelNetConfig(),
    "piano": MelNetConfig(),
    "one-tier": MelNetConfig(layers=(6,), width=(92,)),  # as many parameters as the five tiers have together
    "tiny": MelNetConfig(bands=8, layers=(2, 1, 1), width=(8, 6, 5), mixtures=3),
}


def along_time(rnn: nn.LSTM, h: Tensor) -> Tensor:
    """Run an LSTM over the frames of every band: [B, T, F, C] -> [B, T, F, H], H = 2 C if it runs both ways."""
    batch, time, bands, channels = h.shape
    out, _ = rnn(h.transpose(0, 1).reshape(time, batch * bands, channels))  # [T, B * F, C]
    return out.view(time, batch, bands, -1).transpose(0, 1)


def along_frequency(rnn: nn.LSTM, h: Tensor) -> Tensor:
    """Run an LSTM over the bands of every frame: [B, T, F, C] -> [B, T, F, H]."""
    batch, time, bands, channels = h.shape
    out, _ = rnn(h.permute(2, 0, 1, 3).reshape(bands, batch * time, channels))  # [F, B * T, C]
    return out.view(bands, batch, time, -1).permute(1, 2, 0, 3)


class TimeDelayedLayer(nn.Module):
    """h^t[l] = W^t_l [time, up, down](h^t[l-1]) + h^t[l-1]: three one-dimensional LSTMs, concatenated.

    One runs over the frames of every band, two run over the bands of every frame, upwards and downwards. The input is
    delayed by a frame, so that running both ways over a frame looks at nothing that is to come.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.time = nn.LSTM(width, width)
        self.frequency = nn.LSTM(width, width, bidirectional=True)
        self.project = nn.Linear(3 * width, width)

    def forward(self, h: Tensor) -> Tensor:
        """float [B, T, F, C] -> float [B, T, F, C]."""
        both = torch.cat([along_time(self.time, h), along_frequency(self.frequency, h)], dim=-1)  # [B, T, F, 3 C]
        return h + self.project(both)


class CentralisedLayer(nn.Module):
    """h^c[l] = W^c_l LSTM(h^c[l-1]) + h^c[l-1]: one state for a whole frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.time = nn.LSTM(width, width, batch_first=True)
        self.project = nn.Linear(width, width)

    def forward(self, h: Tensor) -> Tensor:
        """float [B, T, C] -> float [B, T, C]."""
        return h + self.project(self.time(h)[0])


class FrequencyDelayedLayer(nn.Module):
    """h^f[l] = W^f_l LSTM(h^f[l-1] + h^t[l] + h^c[l]) + h^f[l-1]: over the bands of a frame, upwards."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frequency = nn.LSTM(width, width)
        self.project = nn.Linear(width, width)

    def forward(self, h: Tensor, context: Tensor) -> Tensor:
        """h, and context = h^t + h^c, float [B, T, F, C] -> float [B, T, F, C]."""
        return h + self.project(along_frequency(self.frequency, h + context))


class FeatureExtraction(nn.Module):
    """Reads all tiers before, x^{<g}, in every direction: four LSTMs a layer, both ways along both axes -> z."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.enter = nn.Linear(1, width)
        self.time = nn.ModuleList(nn.LSTM(width, width, bidirectional=True) for _ in range(layers))
        self.frequency = nn.ModuleList(nn.LSTM(width, width, bidirectional=True) for _ in range(layers))
        self.project = nn.ModuleList(nn.Linear(4 * width, width) for _ in range(layers))

    def forward(self, before: Tensor) -> Tensor:
        """float [B, T, F] -> float [B, T, F, C]."""
        h = self.enter(before[..., None])
        for time, frequency, project in zip(self.time, self.frequency, self.project):
            every = [along_time(cast(nn.LSTM, time), h), along_frequency(cast(nn.LSTM, frequency), h)]
            h = h + project(torch.cat(every, dim=-1))  # [B, T, F, 4 C] -> [B, T, F, C]
        return h


class Tier(nn.Module):
    """p(x^g | x^{<g}): one tier, as a network over standardised values.

    Differs from the paper: sizes; as in public re-implementations only the first tier has a centralised stack.
    """

    def __init__(self, config: MelNetConfig, index: int) -> None:
        super().__init__()
        self.index = index  # 0 for tier 1
        width, layers = config.width[index], config.layers[index]
        bands = config.bands // divisors(config.tiers)[1]
        self.enter_time = nn.Linear(1, width)
        self.enter_frequency = nn.Linear(1, width)
        self.time_delayed = nn.ModuleList(TimeDelayedLayer(width) for _ in range(layers))
        self.frequency_delayed = nn.ModuleList(FrequencyDelayedLayer(width) for _ in range(layers))
        self.enter_centralised = nn.Linear(bands, width) if index == 0 else None
        self.centralised = nn.ModuleList(CentralisedLayer(width) for _ in range(layers if index == 0 else 0))
        self.extraction = FeatureExtraction(width, config.extraction_layers) if index else None
        self.condition_time = nn.Linear(width, width, bias=False) if index else None
        self.condition_frequency = nn.Linear(width, width, bias=False) if index else None
        self.theta = nn.Linear(width, 3 * config.mixtures)
        with torch.no_grad():
            self.theta.bias[: config.mixtures].copy_(torch.linspace(-2, 2, config.mixtures))  # means apart

    def features(self, before: Tensor | None) -> Tensor | None:
        """z of the tiers before, or None for the first tier."""
        if (before is None) != (self.extraction is None):
            raise MelError("The first tier has nothing before it, and every other tier has: pass what belongs.")
        return None if self.extraction is None else self.extraction(before)

    def forward(self, x: Tensor, before: Tensor | None = None) -> Mixture:
        """The distribution of every bin, given the bins before it (teacher forcing).

        Args:
            x: float [B, T, F], this tier.  before: float [B, T, F], all tiers before it, interleaved.
        Returns:
            mixture of [B, T, F, K]; that of bin (i, j) has seen frames < i, bands < j of frame i, and `before`.
        """
        z = self.features(before)
        last_frame = F.pad(x, (0, 0, 1, 0))[:, :-1]  # x_{i-1, j}
        last_band = F.pad(x, (1, 0))[..., :-1]  # x_{i, j-1}
        h_time = self.enter_time(last_frame[..., None])
        h_frequency = self.enter_frequency(last_band[..., None])
        if z is not None:
            h_time = h_time + cast(nn.Module, self.condition_time)(z)
            h_frequency = h_frequency + cast(nn.Module, self.condition_frequency)(z)
        h_central = None if self.enter_centralised is None else self.enter_centralised(last_frame)  # [B, T, C]
        for index, (time, frequency) in enumerate(zip(self.time_delayed, self.frequency_delayed)):
            h_time = time(h_time)
            context = h_time
            if h_central is not None:
                h_central = self.centralised[index](h_central)
                context = h_time + h_central[:, :, None]
            h_frequency = frequency(h_frequency, context)
        return mixture(self.theta(h_frequency))


class MelNet(nn.Module):
    """All tiers: p(x) = product over g of p(x^g | x^{<g}).

    `mean` and `std` standardise each band; they are the corpus', set by the trainer.
    """

    mean: Tensor
    std: Tensor
    tiers: Sequence[Tier]

    def __init__(self, config: MelNetConfig) -> None:
        super().__init__()
        self.config = config
        self.tiers = nn.ModuleList(  # type: ignore[assignment]
            Tier(config, index) for index in range(config.tiers)
        )
        self.register_buffer("mean", torch.zeros(config.bands))
        self.register_buffer("std", torch.ones(config.bands))

    def standardise(self, mel: Tensor) -> Tensor:
        """Log-mel [B, T, F] -> zero mean and unit variance in every band."""
        return (mel - self.mean) / self.std

    def restore(self, x: Tensor) -> Tensor:
        """The inverse of `standardise`."""
        return x * self.std + self.mean

    def forward(self, mel: Tensor) -> list[Tensor]:
        """-log p of every bin, in nats of log-mel values.

        Args:
            mel: float [B, T, F], T divisible as `tiers.divisors` says.
        Returns:
            of every tier float [B, T_g, F_g].
        Raises:
            MelError: another shape, or values that are not finite.
        """
        self.check(mel)
        parts = split_tiers(self.standardise(mel), self.config.tiers)
        scales = split_tiers(self.std.log().expand(mel.shape), self.config.tiers)
        found = []
        for index, tier in enumerate(self.tiers):
            before = interleave(parts[:index]) if index else None
            found.append(tier(parts[index], before).nats(parts[index]) + scales[index])
        return found

    def check(self, mel: Tensor) -> None:
        """Raise MelError unless mel is finite [B, T, bands]."""
        if mel.dim() != 3 or mel.shape[2] != self.config.bands:
            raise MelError(f"MelNet takes [batch, frames, {self.config.bands}], got {list(mel.shape)}.")
        if not bool(torch.isfinite(mel).all()):
            raise MelError("The mel contains NaN or infinity: check the audio it was made from.")
