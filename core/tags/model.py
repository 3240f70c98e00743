"""musicnn: filters shaped like timbres and like rhythms, then layers that see all that came before, then a mean.

Pons and Serra 2019, "musicnn: pre-trained convolutional neural networks for music audio tagging" (arXiv:1909.06654),
and the network behind it: Pons et al. 2018, "End-to-end learning for music audio tagging at scale"
(arXiv:1711.02520). The sizes are those of the published weights MTT_musicnn.

    log-mel -> timbral: 7 frames x 0.4 and 0.7 of the bands, maximum over the bands --+
       |                                                                             +-> 561 features a frame
       +----> temporal: 128, 64 and 32 frames x one band, maximum over the bands -----+
    561 -> three convolutions of 7 frames, added up; all beside each other: 753
    753 -> maximum and mean over time -> 200 -> 50 tags, each between 0 and 1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import AudioError

TAGS = (  # the 50 most frequent of MagnaTagATune, in the order of the outputs
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano", "ambient",
    "beat", "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing", "vocals", "no vocals",
    "harpsichord", "loud", "quiet", "flute", "woman", "male vocal", "no vocal", "pop", "soft", "sitar", "solo", "man",
    "classic", "choir", "voice", "new age", "dance", "male voice", "female vocal", "beats", "harp", "cello",
    "no voice", "weird", "country", "metal", "female voice", "choral",
)  # fmt: skip


@dataclass(frozen=True)
class MusicnnConfig:
    """timbral: maps of each of the two shapes, timbral_bands of the bands high.  temporal: maps of each length.

    filters: of each layer in the middle.  hidden: units before the tags.  window: frames that are heard in one go.
    """

    tags: tuple[str, ...] = TAGS
    bands: int = 96
    timbral: int = 204
    timbral_bands: tuple[float, ...] = (0.4, 0.7)
    timbral_frames: int = 7
    temporal: int = 51
    temporal_frames: tuple[int, ...] = (128, 64, 32)
    filters: int = 64
    layers: int = 3
    hidden: int = 200
    sample_rate_hz: int = 16_000
    window_samples: int = 512
    hop_samples: int = 256
    window_frames: int = 187

    def __post_init__(self) -> None:
        for name in ("tags", "timbral_bands", "temporal_frames"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def front(self) -> int:
        """Features of a frame behind the front end."""
        return self.timbral * len(self.timbral_bands) + self.temporal * len(self.temporal_frames)

    @property
    def window_seconds(self) -> float:
        return self.window_frames * self.hop_samples / self.sample_rate_hz


PRESETS = {
    "musicnn": MusicnnConfig(),
    "tiny": MusicnnConfig(
        tags=("low", "high"), bands=10, timbral=3, timbral_frames=3, temporal=2, temporal_frames=(8, 4, 2), filters=4,
        hidden=5, window_frames=20,
    ),
}  # fmt: skip


def norm(channels: int) -> nn.BatchNorm1d:
    """Batch normalisation with TensorFlow's epsilon."""
    return nn.BatchNorm1d(channels, eps=1e-3, momentum=0.01)


class TimbralFilters(nn.Module):
    """A few frames long and many bands high: a timbre, wherever it lies. The maximum over the heights forgets where.

    Source: arXiv:1711.02520, section 2.2: vertical filters.
    """

    def __init__(self, channels: int, frames: int, bands: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, channels, (frames, bands), padding=(frames // 2, 0))
        self.norm = norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """float [B, T, F] -> [B, C, T]."""
        return highest(self.convolution(x[:, None]), self.norm)  # of [B, C, T, F - bands + 1]


class TemporalFilters(nn.Module):
    """One band high and up to two seconds long: a rhythm, in whichever band it is.

    Source: arXiv:1711.02520, section 2.2: horizontal filters.
    """

    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.before = (frames - 1) // 2  # an even filter has one frame more after than before
        self.after = frames - 1 - self.before
        self.convolution = nn.Conv1d(1, channels, frames)
        self.norm = norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """float [B, T, F] -> [B, C, T]."""
        count, _, bands = x.shape
        rows = F.pad(x.transpose(1, 2), (self.before, self.after)).reshape(count * bands, 1, -1)  # [B F, 1, T + .]
        found = self.convolution(rows).unflatten(0, (count, bands))  # [B, F, C, T]
        return highest(found.permute(0, 2, 3, 1), self.norm)


def highest(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """ReLU, batch normalisation, then the maximum over the bands: float [B, C, T, F] -> [B, C, T].

    Once trained, a norm is a line a x + b for each channel, so the maximum of it lies at the maximum of x, or at the
    minimum where a is negative: `normed_extremes` looks there first and norms one band in place of all.
    """
    if not norm.training:
        return normed_extremes(x, norm)
    return norm(F.relu(x).flatten(2)).unflatten(2, x.shape[2:]).amax(dim=3)


def normed_extremes(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """What `highest` gives, for a norm that no longer learns: float [B, C, T, F] -> [B, C, T]."""
    rising = (norm.weight >= 0)[:, None]
    return norm(F.relu(torch.where(rising, x.amax(dim=3), x.amin(dim=3))))


class Middle(nn.Module):
    """Convolutions over time. From the second on, what a layer finds is added to what it was given.

    Source: arXiv:1909.06654, section 2, "mid-end": residual connections, and all layers side by side at the end.
    """

    def __init__(self, inputs: int, channels: int, layers: int) -> None:
        super().__init__()
        widths = [inputs] + [channels] * (layers - 1)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, channels, 7, padding=3) for width in widths)
        self.norms = nn.ModuleList(norm(channels) for _ in widths)

    def forward(self, x: Tensor) -> Tensor:
        """float [B, C, T] -> [B, C + layers * channels, T]."""
        seen = [x]
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms)):
            found = norm(F.relu(convolution(seen[-1])))
            seen.append(found if i == 0 else found + seen[-1])
        return torch.cat(seen, dim=1)


class Musicnn(nn.Module):
    """Log-mels of three seconds in, 50 logits out.

    Differs from the paper: a convolution that covers all features at once is written as one over time, which is the
    same; `music`, one number from the 50 logits, is ours and is learned by `core.tags.train`.
    """

    def __init__(self, config: MusicnnConfig) -> None:
        super().__init__()
        self.config = config
        self.input_norm = norm(1)  # one mean and one deviation for all bands
        self.timbral = nn.ModuleList(
            TimbralFilters(config.timbral, config.timbral_frames, int(share * config.bands))
            for share in config.timbral_bands
        )
        self.temporal = nn.ModuleList(TemporalFilters(config.temporal, frames) for frames in config.temporal_frames)
        self.middle = Middle(config.front, config.filters, config.layers)
        pooled = 2 * (config.front + config.layers * config.filters)
        self.pooled_norm = norm(pooled)
        self.dropout = nn.Dropout(0.5)
        self.hidden = nn.Linear(pooled, config.hidden)
        self.hidden_norm = norm(config.hidden)
        self.tags = nn.Linear(config.hidden, len(config.tags))
        self.music = nn.Linear(len(config.tags), 1)  # ours: from all the tags, whether it is music at all
        nn.init.zeros_(self.music.weight)
        nn.init.zeros_(self.music.bias)

    def features(self, log_mel: Tensor) -> Tensor:
        """What is found in each frame: float [B, T, F] -> [B, C, T].

        Raises:
            AudioError: another shape.
        """
        if log_mel.dim() != 3 or log_mel.shape[2] != self.config.bands or log_mel.shape[1] == 0:
            raise AudioError(f"Musicnn wants [B, frames, {self.config.bands}], got {list(log_mel.shape)}.")
        x = self.input_norm(log_mel.flatten(1)[:, None]).view_as(log_mel)
        front: Sequence[nn.Module] = [*self.timbral, *self.temporal]
        return self.middle(torch.cat([filters(x) for filters in front], dim=1))

    def forward(self, log_mel: Tensor) -> Tensor:
        """Logits; their sigmoid is how likely each tag is.

        Args:
            log_mel: float [B, T, F] from `core.tags.data.log_mel`; the weights were trained with T = 187.
        Returns:
            float [B, K].
        """
        x = self.features(log_mel)
        pooled = torch.stack([x.amax(dim=2), x.mean(dim=2)], dim=2).flatten(1)  # [B, 2 C], a feature's two together
        found = F.relu(self.hidden(self.dropout(self.pooled_norm(pooled))))
        return self.tags(self.dropout(self.hidden_norm(found)))
