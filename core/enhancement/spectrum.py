"""The short-time spectrum of the enhancer, frame by frame, and the bands in which its network looks at it.

A frame is 512 samples (32 ms) long and begins 256 samples (16 ms) after the last one. Analysis and synthesis both
weight it by the square root of a Hann window, and the Hann windows of neighbours add up to one, so that a spectrum
that is left alone gives the sound back.

    samples   0        256       512       768       1024
    frame 0   |--------|---------|
    frame 1            |---------|---------|
    frame 2                      |---------|---------|

Sample 256 is in frames 0 and 1, so that it is known once sample 767 has been heard: 511 samples later, that is
32 ms. This is all the look-ahead there is.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW_SAMPLES = 512
HOP_SAMPLES = 256
BINS = WINDOW_SAMPLES // 2 + 1
SAMPLE_RATE_HZ = 16_000
LOOK_AHEAD_SAMPLES = WINDOW_SAMPLES - 1  # an output sample depends on input up to this much later, and no further
LOW_BINS = 65  # up to 2 kHz, where single harmonics matter, each bin is a band of its own
HIGH_BANDS = 64
BANDS = LOW_BINS + HIGH_BANDS


def window(*, like: Tensor | None = None) -> Tensor:
    """The square root of a periodic Hann window: float32 [512]."""
    found = torch.hann_window(WINDOW_SAMPLES).sqrt()
    return found if like is None else found.to(like.device)


def analyse(x: Tensor) -> Tensor:
    """Sound -> spectrum, after 256 samples of silence so that the first samples are in two frames too.

    Args:
        x: float [..., T].
    Returns:
        complex64 [..., F', 257] with F' = 1 + ceil(T / 256): frame f covers samples 256 (f - 1) to 256 (f + 1).
    """
    samples = x.shape[-1]
    frames = 1 + math.ceil(samples / HOP_SAMPLES)
    padded = F.pad(x.float(), (HOP_SAMPLES, frames * HOP_SAMPLES - samples))
    return spectra(padded.unfold(-1, WINDOW_SAMPLES, HOP_SAMPLES))


def spectra(frames: Tensor) -> Tensor:
    """Frames of samples float [..., 512] -> complex64 [..., 257]."""
    return torch.fft.rfft(frames * window(like=frames))


def frames_of(spectrum: Tensor) -> Tensor:
    """Complex [..., 257] -> weighted frames of samples float [..., 512], ready to be overlapped and added."""
    return torch.fft.irfft(spectrum, WINDOW_SAMPLES) * window(like=spectrum)


def synthesise(spectrum: Tensor, samples: int) -> Tensor:
    """Spectrum -> sound, the inverse of `analyse`: the second half of each frame plus the first half of the next.

    Args:
        spectrum: complex [..., F', 257].  samples: length of the sound.
    Returns:
        float32 [..., samples].
    """
    halves = frames_of(spectrum).unflatten(-1, (2, HOP_SAMPLES))  # [..., F', 2, 256]
    added = halves[..., :-1, 1, :] + halves[..., 1:, 0, :]  # [..., F' - 1, 256]
    return added.flatten(-2)[..., :samples]


def erb_number(hz: np.ndarray) -> np.ndarray:
    """On the scale of the ear's bandwidths: 21.4 log10(1 + 0.00437 f) (Glasberg and Moore 1990, equation 4)."""
    return 21.4 * np.log10(1 + 0.00437 * hz)


def band_weights() -> Tensor:
    """How much of each bin belongs to each band: float32 [129, 257]; the bands of a bin sum to one.

    Up to 2 kHz a band is a bin. Above, 64 bands equally spaced in ERB numbers have triangles for weights (as
    Rong et al. 2024, GTCRN, ICASSP, do).
    """
    hz = np.arange(BINS) * SAMPLE_RATE_HZ / WINDOW_SAMPLES
    numbers = erb_number(hz)
    centres = np.linspace(numbers[LOW_BINS], numbers[-1], HIGH_BANDS)
    found = np.zeros((BANDS, BINS), np.float32)
    found[np.arange(LOW_BINS), np.arange(LOW_BINS)] = 1
    distance = np.abs(numbers[None, LOW_BINS:] - centres[:, None]) / (centres[1] - centres[0])
    found[LOW_BINS:, LOW_BINS:] = np.maximum(0, 1 - distance)
    return torch.from_numpy(found)
