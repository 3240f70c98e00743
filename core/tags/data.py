"""What musicnn hears: log-mels of 96 bands, as its authors made them for MagnaTagATune.

The network is not trained here, so this is all of `data`: the transform has to be theirs to the letter.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from core.errors import AudioError
from core.tags.model import MusicnnConfig


@functools.lru_cache(maxsize=4)
def mel_filters(sample_rate_hz: int, window_samples: int, bands: int) -> Tensor:
    """Slaney's triangles, each of area one, as librosa has them: float32 [bins, bands]."""
    import librosa

    return torch.from_numpy(librosa.filters.mel(sr=sample_rate_hz, n_fft=window_samples, n_mels=bands).T.copy())


def log_mel(x: Tensor, config: MusicnnConfig) -> Tensor:
    """log10(1 + 10000 m) of the power m in each mel band.

    Source: arXiv:1909.06654, section 2; extractor.py of the package musicnn.

    Args:
        x: float [T] at the config's rate, T > 0; silence is assumed beyond the ends.
    Returns:
        float32 [1 + T // hop, bands]; frame f is centred on sample f * hop.
    Raises:
        AudioError: there is no sample, or one is not finite.
    Differs from the package: which rounds the power to half precision.
    """
    if x.dim() != 1 or x.numel() == 0:
        raise AudioError("There is no sound: record one, upload one or choose a sample first.")
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    window = torch.hann_window(config.window_samples)
    spectrum = torch.stft(
        x.float(), config.window_samples, config.hop_samples, window=window, return_complex=True, pad_mode="constant"
    )  # [bins, T]
    power = spectrum.abs().square().T @ mel_filters(config.sample_rate_hz, config.window_samples, config.bands)
    return torch.log10(1 + 10_000 * power)


def windows(picture: Tensor, config: MusicnnConfig, hop_frames: int) -> tuple[Tensor, list[int]]:
    """Stretches of the length that the network was trained with.

    Args:
        picture: float [T, bands]; what is shorter than a window is repeated until it fills one.
    Returns:
        float [W, window_frames, bands], and the frame at which each begins; the last ends with the sound.
    """
    size = config.window_frames
    if len(picture) < size:
        picture = picture.repeat(-(-size // len(picture)), 1)[:size]
    last = len(picture) - size
    starts = sorted({*range(0, last + 1, hop_frames), last})
    return torch.stack([picture[start : start + size] for start in starts]), starts
