"""CRN: convolutions over neighbouring frequencies, a recurrent network over time, and out of it a complex mask.

Tan and Wang 2018, "A convolutional recurrent neural network for real-time speech enhancement" (Interspeech), with the
grouped LSTM of their GCRN (2020, IEEE/ACM TASLP 28, section III.C), smaller, and able to go on where it stopped, so
that it runs as the sound comes in.

    spectrum -> 129 bands -> conv 1 -> conv 2 -> conv 3 -> LSTM in groups -> deconv 3 -> deconv 2 -> deconv 1 -> mask
                               |         |         +-------------(+)----------+           |          |
                               |         +-----------------------(+)----------------------+          |
                               +---------------------------------(+)---------------------------------+
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.enhancement import spectrum as spectral
from core.errors import AudioError

State = dict[str, Tensor]  # what the network remembers between two calls


@dataclass(frozen=True)
class CRNConfig:
    """A network.

    channels: feature maps behind each convolution, each of which halves the bands.
    squeezed: maps that go on to the LSTM.  groups, layers: of the LSTM.
    compression: exponent of the magnitudes that the network sees.
    """

    channels: tuple[int, ...] = (16, 32, 48)
    squeezed: int = 16
    groups: int = 2
    layers: int = 2
    compression: float = 0.3

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))

    @property
    def bands(self) -> tuple[int, ...]:
        """Bands before the first convolution and behind each."""
        found = [spectral.BANDS]
        for _ in self.channels:
            found.append((found[-1] + 1) // 2)
        return tuple(found)


PRESETS = {"small": CRNConfig(), "tiny": CRNConfig(channels=(4, 6, 8), squeezed=2)}


class Block(nn.Module):
    """A convolution over two frames, this one and the last, and five bands; then batch normalisation and ReLU.

    Only what is past is seen, so that nothing has to be waited for (CRN, section 2.2). up: it doubles the bands.
    """

    def __init__(self, inputs: int, outputs: int, *, up: bool = False, last: bool = False) -> None:
        super().__init__()
        self.convolution: nn.Module
        if up:  # the padding in time cuts off the frames that lack a neighbour
            self.convolution = nn.ConvTranspose2d(inputs, outputs, (2, 5), stride=(1, 2), padding=(1, 2), bias=last)
        else:
            self.convolution = nn.Conv2d(inputs, outputs, (2, 5), stride=(1, 2), padding=(0, 2), bias=last)
        self.norm = None if last else nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """The next maps, and what to give as `before` the next time.

        Args:
            x: float [B, C, T, F].  before: [B, C, 1, F], the frame before x.
        Returns:
            [B, C', T, F'] and [B, C, 1, F].
        """
        x = torch.cat([before.to(x.dtype), x], dim=2)
        out = self.convolution(x)
        return (out if self.norm is None else F.relu(self.norm(out))), x[:, :, -1:]


class GroupedLSTM(nn.Module):
    """Layers of LSTMs that share the features among them: with G groups a G-th of the weights of a whole one.

    Between two layers the features are dealt out anew, as cards are, so that every group hears of every other
    (GCRN, figure 4; after Gao et al. 2018).
    """

    def __init__(self, features: int, *, groups: int, layers: int) -> None:
        super().__init__()
        self.groups, width = groups, features // groups
        self.layers = nn.ModuleList(
            nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(groups)) for _ in range(layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(features) for _ in range(layers))

    def forward(self, x: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
        """float [B, T, D] and the states [2, layers * groups, B, D / groups] -> the same shapes."""
        after: list[Tensor] = []
        for index, norm in enumerate(self.norms):
            outputs = []
            for part, lstm in zip(x.chunk(self.groups, dim=-1), list(self.layers[index].children())):
                h, c = states[:, len(after), None]  # [1, B, D / groups]
                output, (h, c) = lstm(part.contiguous(), (h.contiguous(), c.contiguous()))
                outputs.append(output)
                after.append(torch.stack([h[0], c[0]]).float())
            x = norm(torch.cat(outputs, dim=-1))
            if index + 1 < len(self.layers):
                x = x.unflatten(-1, (self.groups, -1)).transpose(-1, -2).flatten(-2)  # [B, T, D] dealt out
        return x, torch.stack(after, dim=1)


class CRN(nn.Module):
    """Spectrum -> mask, frame by frame.

    Differs from the papers: it looks at 129 bands of the compressed spectrum and not at all bins; three convolutions
    for five, shortcuts that are added; the mask is complex and bounded (Hu et al. 2020, DCCRN, arXiv:2008.00264,
    equation 8) where CRN estimates the magnitude; and each frame is asked whether somebody speaks, as in RNNoise
    (Valin 2018, arXiv:1709.08243).
    """

    weights: Tensor

    def __init__(self, config: CRNConfig) -> None:
        super().__init__()
        self.config = config
        widths = (3, *config.channels)
        self.encoder = nn.ModuleList(Block(a, b) for a, b in zip(widths, widths[1:]))
        self.squeeze = nn.Conv2d(widths[-1], config.squeezed, 1)
        features = config.squeezed * config.bands[-1]
        self.lstm = GroupedLSTM(features, groups=config.groups, layers=config.layers)
        self.expand = nn.Conv2d(config.squeezed, widths[-1], 1)
        downs = (2, *config.channels)
        self.decoder = nn.ModuleList(
            Block(b, a, up=True, last=a == 2) for a, b in reversed(list(zip(downs, downs[1:])))
        )
        self.speech = nn.Linear(features, 1)
        self.register_buffer("weights", spectral.band_weights(), persistent=False)
        with torch.no_grad():
            last = list(self.decoder.parameters())[-1]
            last.copy_(torch.tensor([1.0, 0.0]))  # it begins by letting the sound through

    def start(self, batch: int = 1) -> State:
        """What it remembers when nothing has been heard yet: silence."""
        config, device = self.config, self.weights.device
        widths, bands = (3, *config.channels), config.bands
        state = {f"encoder{i}": torch.zeros(batch, c, 1, bands[i], device=device) for i, c in enumerate(widths[:-1])}
        for i, channels in enumerate(reversed(config.channels)):
            state[f"decoder{i}"] = torch.zeros(batch, channels, 1, bands[-1 - i], device=device)
        width = config.squeezed * bands[-1] // config.groups
        state["lstm"] = torch.zeros(2, config.layers * config.groups, batch, width, device=device)
        return state

    def forward(self, spectrum: Tensor, state: State | None = None) -> tuple[Tensor, Tensor, State]:
        """Masks of the frames, which depend on these and earlier frames only.

        Args:
            spectrum: complex [B, T, 257], of `core.enhancement.spectrum.analyse`, a voice at about -25 dBFS.
            state: what the last call returned, when these frames follow those; None at the beginning.
        Returns:
            mask: complex64 [B, T, 257], |mask| < 1; times the spectrum it is the voice's.
            speech: float [B, T], the logit of somebody speaking.
            state: for the frames that follow.
        Raises:
            AudioError: another shape.
        """
        if spectrum.dim() != 3 or spectrum.shape[2] != spectral.BINS or not spectrum.is_complex():
            raise AudioError(f"The network wants complex [B, frames, {spectral.BINS}], got {list(spectrum.shape)}.")
        state = self.start(spectrum.shape[0]) if state is None else state
        after: State = {}
        x = self.features(spectrum)  # [B, 3, T, 129]
        shortcuts = []
        for i, block in enumerate(self.encoder):
            x, after[f"encoder{i}"] = block(x, state[f"encoder{i}"])
            shortcuts.append(x)
        squeezed = self.squeeze(x)  # [B, S, T, 17]
        flat = squeezed.transpose(1, 2).flatten(2)  # [B, T, S * 17]
        found, after["lstm"] = self.lstm(flat, state["lstm"])
        x = self.expand(found.unflatten(2, (self.config.squeezed, -1)).transpose(1, 2))
        for i, (block, shortcut) in enumerate(zip(self.decoder, reversed(shortcuts))):
            x, after[f"decoder{i}"] = block(x + shortcut, state[f"decoder{i}"])
        return self.mask(x.float()), self.speech(found)[..., 0].float(), after

    def features(self, spectrum: Tensor) -> Tensor:
        """Compressed magnitude, real and imaginary part in bands: complex [B, T, 257] -> float [B, 3, T, 129].

        |X|^0.3 and the same with X's phase: soft sounds count beside loud ones, much as they do to the ear.
        """
        magnitude = spectrum.abs().clamp(min=1e-6)
        compressed = magnitude**self.config.compression
        turned = spectrum * (compressed / magnitude)
        x = torch.stack([compressed, turned.real, turned.imag], dim=1)
        norm = self.weights / self.weights.sum(dim=1, keepdim=True)  # [129, 257]
        low = x[..., : spectral.LOW_BINS]
        return torch.cat([low, x[..., spectral.LOW_BINS :] @ norm[spectral.LOW_BINS :, spectral.LOW_BINS :].T], -1)

    def mask(self, x: Tensor) -> Tensor:
        """Two numbers a band, float [B, 2, T, 129] -> complex [B, T, 257]: tanh |m| with the phase of m."""
        low = x[..., : spectral.LOW_BINS]
        high = x[..., spectral.LOW_BINS :] @ self.weights[spectral.LOW_BINS :, spectral.LOW_BINS :]
        x = torch.cat([low, high], dim=-1)  # [B, 2, T, 257]
        size = (x.square().sum(dim=1, keepdim=True) + 1e-8).sqrt()
        x = x * (torch.tanh(size) / size)
        return torch.complex(x[:, 0].contiguous(), x[:, 1].contiguous())
