"""Sound in and out, and the one definition of each representation that the project uses.

16 kHz mono; log-mel spectrograms of 80 bands from 0 to 8 kHz, window 1024, hop 200 (12.5 ms); mu-law codes.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from core.errors import AudioError

SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 200  # 12.5 ms
WINDOW_SAMPLES = 1024
MEL_BANDS = 80
MEL_FLOOR = 1e-5  # log(1e-5) = -11.5 is silence


def mu_law_encode(x: Tensor, *, levels: int = 256) -> Tensor:
    """Quantise audio by mu-law companding.

    Source: van den Oord et al. 2016, section 2.2 (arXiv:1609.03499): f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu).

    Args:
        x: float [..., T], amplitude in [-1, 1].
        levels: number of codes, at least 2; mu = levels - 1.
    Returns:
        int64 [..., T], codes in [0, levels). levels // 2 is silence.
    Raises:
        AudioError: x is not finite, or leaves [-1, 1]; levels below 2.
    Differs from the paper: in nothing.
    """
    if levels < 2:
        raise AudioError(f"Mu-law needs at least 2 levels, got {levels}.")
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    if x.numel() and float(x.abs().max()) > 1.0 + 1e-4:
        raise AudioError("The sound leaves [-1, 1]; scale it down before mu-law coding.")
    mu = levels - 1
    companded = torch.sign(x) * torch.log1p(mu * x.abs()) / torch.log1p(torch.tensor(float(mu)))
    return ((companded + 1) / 2 * mu + 0.5).floor().clamp(0, mu).long()


def mu_law_decode(codes: Tensor, *, levels: int = 256) -> Tensor:
    """The amplitude in the middle of each mu-law code: the inverse of `mu_law_encode` up to quantisation.

    Args:
        codes: int64 [..., T] in [0, levels).
    Returns:
        float32 [..., T] in [-1, 1].
    """
    mu = levels - 1
    y = 2 * codes.float() / mu - 1
    return torch.sign(y) * torch.expm1(y.abs() * torch.log1p(torch.tensor(float(mu)))) / mu


@functools.lru_cache(maxsize=1)
def _mel_transform() -> torch.nn.Module:
    import torchaudio  # heavy, and absent in some environments: loaded on first use

    return torchaudio.transforms.MelSpectrogram(
        sample_rate=SAMPLE_RATE_HZ, n_fft=WINDOW_SAMPLES, hop_length=HOP_SAMPLES, n_mels=MEL_BANDS,
        f_min=0.0, f_max=8000.0, power=1.0, norm="slaney", mel_scale="slaney",
    )  # fmt: skip


def mel(x: Tensor) -> Tensor:
    """Log-mel spectrogram, the project's only one; frame f is centred on sample f * 200.

    Source: Shen et al. 2018, section 2.2 (arXiv:1712.05884): magnitudes, 80 bands, log after a floor.

    Args:
        x: float [B, T] or [T] at 16 kHz, T at least 513 (half a window, for the reflected edges).
    Returns:
        float [B, 80, F] or [80, F] with F = 1 + T // 200, natural logarithm.
    Raises:
        AudioError: x is shorter than half a window, or not finite.
    Differs from the paper: 0 to 8 kHz at 16 kHz with a 64 ms window, where the paper has 125 Hz to 7.6 kHz at
    24 kHz with 50 ms; floor 1e-5 as in public implementations (the paper: 0.01).
    """
    if x.shape[-1] <= WINDOW_SAMPLES // 2:
        raise AudioError(f"{x.shape[-1]} samples are too short for a spectrogram; use at least 0.04 s.")
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    return torch.log(torch.clamp(_mel_transform()(x.float()), min=MEL_FLOOR))


def level_to(x: Tensor, *, dbfs: float = -20.0, peak: float = 0.95) -> Tensor:
    """Scale to a root-mean-square level, but never above a peak: how every voice enters our models.

    Args:
        x: float [T].  dbfs: wanted RMS over the whole sound.  peak: largest allowed amplitude.
    Returns:
        float [T]; silence comes back as it is.
    """
    rms = float(x.square().mean().sqrt()) if x.numel() else 0.0
    if rms < 1e-6:
        return x
    gain = min(10 ** (dbfs / 20) / rms, peak / float(x.abs().max()))
    return x * gain
