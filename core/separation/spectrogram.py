"""The short-time Fourier transform of the separators, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from core.separation.model import MMDenseLSTMConfig


def analyse(x: Tensor, config: MMDenseLSTMConfig) -> Tensor:
    """Sound -> complex spectrogram.

    A Hann window, centred frames, silence beyond the ends. The scale, 4 over the square root of the window's length,
    brings music at usual levels to the order of one.

    Args:
        x: float [..., C, N].
    Returns:
        complex [..., C, T, bins] with T = 1 + N // hop.
    """
    window = torch.hann_window(config.window_samples, device=x.device)
    flat = x.reshape(-1, x.shape[-1])
    out = torch.stft(
        flat, config.window_samples, config.hop_samples, window=window, return_complex=True, pad_mode="constant"
    )  # [.., bins, T]
    return out.transpose(1, 2).reshape(*x.shape[:-1], out.shape[2], out.shape[1]) * _scale(config)


def synthesise(spectrogram: Tensor, samples: int, config: MMDenseLSTMConfig) -> Tensor:
    """Complex spectrogram [..., C, T, bins] -> sound float [..., C, samples], the inverse of `analyse`."""
    window = torch.hann_window(config.window_samples, device=spectrogram.device)
    flat = spectrogram.reshape(-1, *spectrogram.shape[-2:]).transpose(1, 2) / _scale(config)
    out = torch.istft(flat, config.window_samples, config.hop_samples, window=window, length=samples)
    return out.reshape(*spectrogram.shape[:-2], samples)


def _scale(config: MMDenseLSTMConfig) -> float:
    return 4.0 / config.window_samples**0.5
