"""What the network looks at: the energy in mel bands in decibels, and the same of a sound played faster or higher.

The triangles are written out here, as training wants them at other frequencies: the spectrum of a sound that is p
times higher, read through the triangles, is the spectrum of the sound itself read through triangles p times lower. A
sound that lasts 1/s as long is one whose frames lie s times as far apart. So both can be had without resampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import AudioError


@dataclass(frozen=True)
class Bands:
    """Frames of window_samples every hop_samples; `bands` triangles from low_hz to high_hz; floor_db is silence.

    fft_samples: each frame is filled up with zeros to so many, that low triangles have bins to stand on.
    """

    sample_rate_hz: int = 16_000
    window_samples: int = 512  # 32 ms: a longer one smears the blows of a jackhammer
    fft_samples: int = 1024
    hop_samples: int = 256
    bands: int = 64
    low_hz: float = 50.0
    high_hz: float = 8000.0
    floor_db: float = -80.0

    def frames(self, samples: int) -> int:
        """Frames of a sound of so many samples."""
        return 1 + samples // self.hop_samples

    def centres_hz(self) -> Tensor:
        """float [bands]."""
        return edges_hz(self)[1:-1]


def edges_hz(bands: Bands) -> Tensor:
    """Where the triangles begin, peak and end: float64 [bands + 2], equally spaced in mel = 2595 log10(1 + f / 700).

    Source: O'Shaughnessy 1987, as in HTK; Davis and Mermelstein 1980 for the triangles.
    """
    ends = 2595 * torch.log10(1 + torch.tensor([bands.low_hz, bands.high_hz], dtype=torch.float64) / 700)
    mels = torch.linspace(float(ends[0]), float(ends[1]), bands.bands + 2, dtype=torch.float64)
    return 700 * (10 ** (mels / 2595) - 1)


def triangles(bands: Bands, higher: Tensor | None = None) -> Tensor:
    """The filters, each of which peaks at one.

    Args:
        higher: float [B]; how many times higher each sound should seem; None for as it is.
    Returns:
        float32 [bins, bands], or [B, bins, bands], bins = 1 + fft / 2.
    """
    edges = edges_hz(bands)
    if higher is not None:
        edges = edges / higher.double()[:, None]  # [B, bands + 2]
    hz = torch.arange(bands.fft_samples // 2 + 1, dtype=torch.float64)[:, None]
    hz = hz * bands.sample_rate_hz / bands.fft_samples  # [bins, 1]
    left, peak, right = (edges[..., None, i : i + bands.bands] for i in range(3))  # [(B,) 1, bands]
    rising, falling = (hz - left) / (peak - left), (right - hz) / (right - peak)
    return torch.minimum(rising, falling).clamp(min=0).float()


def power(x: Tensor, bands: Bands, *, faster: float = 1.0) -> Tensor:
    """The power spectrum, a full-scale sine having about one: float [..., T] -> [..., frames, bins].

    Args:
        faster: how many times; frames lie so much farther apart.
    """
    window = torch.hann_window(bands.window_samples)
    hop = max(1, round(bands.hop_samples * faster))
    spectrum = torch.stft(
        x, bands.fft_samples, hop, bands.window_samples, window, return_complex=True, pad_mode="constant"
    )  # [..., bins, frames]
    squares = spectrum.real.square() + spectrum.imag.square()  # several times as fast as .abs()
    return (squares * (2 / float(window.sum())) ** 2).transpose(-1, -2)


def log_mel(x: Tensor, bands: Bands, *, faster: float = 1.0, higher: Tensor | None = None) -> Tensor:
    """The network's input.

    Args:
        x: float [B, T] or [T] at the bands' rate; silence is assumed beyond its ends.
        faster: all sounds' tempo.  higher: float [B], each sound's transposition as a factor.
    Returns:
        float [B, frames, bands] or [frames, bands] in dB, at least floor_db; frame f is centred on sample f * hop.
    Raises:
        AudioError: there is no sample, or one is not finite.
    """
    if x.shape[-1] == 0:
        raise AudioError("There is no sound: record one, upload one or choose a sample first.")
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    energy = power(x.float(), bands, faster=faster) @ triangles(bands, higher)
    return 10 * torch.log10(energy.clamp(min=10 ** (bands.floor_db / 10)))
