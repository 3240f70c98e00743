"""Tempo without pitch: a phase vocoder (Flanagan, Golden 1966, "Phase vocoder")."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import AudioError, PackageError

WINDOW_SAMPLES = 2048
HOP_SAMPLES = 512


def stretch(x: Tensor, rate: float) -> Tensor:
    """Play `rate` times as fast at the same pitch; with a rate of 1 this is the sound itself.

    Short-time spectra are read at steps of `rate` frames, their phases turned on by what the sound's own phase turns
    by in one hop. Attacks are smeared a little, which resampling does not do.

    Args:
        x: float [C, N].  rate: above zero.
    Returns:
        float [C, N / rate], rounded.
    Raises:
        AudioError: the rate is not above zero.  PackageError: torchaudio cannot be loaded.
    """
    if not rate > 0:
        raise AudioError(f"A sound is played at a rate above zero, got {rate}.")
    samples = round(x.shape[-1] / rate)
    if rate == 1 or not samples:
        return x[:, :samples]
    try:
        from torchaudio.functional import phase_vocoder
    except (ImportError, OSError, RuntimeError) as error:
        raise PackageError("torchaudio cannot be loaded here: run `make setup`, or train with --apart 0.") from error
    window = torch.hann_window(WINDOW_SAMPLES, device=x.device)
    advance = torch.linspace(0, torch.pi * HOP_SAMPLES, WINDOW_SAMPLES // 2 + 1, device=x.device)[:, None]  # [bins, 1]
    spectra = torch.stft(
        x, WINDOW_SAMPLES, HOP_SAMPLES, window=window, return_complex=True, pad_mode="constant"
    )  # [C, bins, T]
    found = torch.istft(phase_vocoder(spectra, rate, advance), WINDOW_SAMPLES, HOP_SAMPLES, window=window)
    return F.pad(found[:, :samples], (0, max(0, samples - found.shape[-1])))
