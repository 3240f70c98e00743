"""Changing a mel spectrogram before a vocoder speaks it: blur and transpose, to hear what the mel carries."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.audio import HOP_SAMPLES, MEL_BANDS, MEL_FLOOR, SAMPLE_RATE_HZ
from core.errors import MelError

__all__ = ["MAX_BLUR_BANDS", "MAX_BLUR_MS", "MAX_SEMITONES", "band_centres_hz", "blur", "edit", "transpose"]

FRAME_MS = 1000 * HOP_SAMPLES / SAMPLE_RATE_HZ
MAX_BLUR_BANDS = 20.0
MAX_BLUR_MS = 400.0
MAX_SEMITONES = 12.0
SILENCE = math.log(MEL_FLOOR)


def edit(mel: Tensor, *, blur_bands: float = 0.0, blur_ms: float = 0.0, semitones: float = 0.0) -> Tensor:
    """Blur over frequency, blur over time, then transpose.

    Args:
        mel: float [80, F] or [B, 80, F], natural logarithm, as from `core.audio.mel`.
        blur_bands: standard deviation over frequency, in bands.  blur_ms: over time, in milliseconds.
        semitones: upwards (negative: downwards).
    Returns:
        float, of the same shape; equal to the input where all three are 0.
    Raises:
        MelError: another shape, not finite, or a setting out of its range.
    """
    limits = (("blur_bands", blur_bands, 0, MAX_BLUR_BANDS), ("blur_ms", blur_ms, 0, MAX_BLUR_MS))
    for name, value, low, high in (*limits, ("semitones", semitones, -MAX_SEMITONES, MAX_SEMITONES)):
        if not (math.isfinite(value) and low <= value <= high):
            raise MelError(f"{name} must lie between {low:g} and {high:g}, got {value}.")
    mel = blur(mel, blur_bands, axis=-2)
    mel = blur(mel, blur_ms / FRAME_MS, axis=-1)
    return transpose(mel, semitones)


def blur(mel: Tensor, sigma: float, *, axis: int) -> Tensor:
    """A Gaussian average of the log magnitudes along one axis, the edges repeated.

    w[k] = exp(-k^2 / (2 sigma^2)) for |k| <= 4 sigma, divided by their sum.

    Args:
        mel: float [80, F] or [B, 80, F].
        sigma: standard deviation in bands or frames; 0 changes nothing.
        axis: -2 for frequency, -1 for time.
    Returns:
        float, of the same shape.
    """
    check(mel)
    if sigma <= 0:
        return mel
    reach = max(1, math.ceil(4 * sigma))
    steps = torch.arange(-reach, reach + 1, dtype=torch.float32)
    weights = torch.exp(-steps.square() / (2 * sigma**2))
    moved = mel.float().movedim(axis, -1)
    flat = moved.reshape(-1, 1, moved.shape[-1])  # [B * other axis, 1, N]
    padded = F.pad(flat, (reach, reach), mode="replicate")
    out = F.conv1d(padded, (weights / weights.sum()).view(1, 1, -1))
    return out.reshape(moved.shape).movedim(-1, axis).contiguous()


def transpose(mel: Tensor, semitones: float) -> Tensor:
    """Multiply every frequency by r = 2^(semitones / 12): out[f] = mel[f / r], interpolated between band centres.

    Above 1 kHz, where mel bands are equally wide in octaves, this is a shift by 1.5 bands a semitone; below, where
    they are equally wide in hertz, it moves the harmonics apart. Pitch and formants move together, time does not.

    Args:
        mel: float [80, F] or [B, 80, F].
        semitones: upwards, or downwards when negative, when what comes from above 8 kHz is silence.
    Returns:
        float, of the same shape.
    """
    check(mel)
    if semitones == 0:
        return mel
    centres = band_centres_hz()
    sources = centres / 2 ** (semitones / 12)  # where each band looks
    place = np.interp(sources, centres, np.arange(len(centres)))  # band numbers, with fractions
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(centres) - 1)
    part = torch.from_numpy((place - below).astype(np.float32))[:, None]  # [80, 1]
    out = (1 - part) * mel[..., below, :].float() + part * mel[..., above, :].float()
    out[..., sources > centres[-1], :] = SILENCE
    return out


@functools.lru_cache(maxsize=1)
def band_centres_hz() -> np.ndarray:
    """Where the triangles of `core.audio.mel` peak: float64 [80], in hertz."""
    import librosa

    return librosa.mel_frequencies(MEL_BANDS + 2, fmin=0.0, fmax=SAMPLE_RATE_HZ / 2)[1:-1]


def check(mel: Tensor) -> None:
    """Raise MelError unless mel is finite, [80, F] or [B, 80, F]."""
    if mel.dim() not in (2, 3) or mel.shape[-2] != MEL_BANDS or mel.shape[-1] < 1:
        raise MelError(f"The mel must be [80, frames] or [batch, 80, frames], got {list(mel.shape)}.")
    if not bool(torch.isfinite(mel).all()):
        raise MelError("The mel contains NaN or infinity: check the audio it was made from.")
