"""How close one voice is to another: log-mel distance, signal-to-noise ratio, pitch, PESQ and STOI.

PESQ and STOI come from the packages `pesq` and `pystoi`, which the tests need and the site does not: without them
the two functions raise a `PackageError` that says what to install.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from core import audio
from core.errors import AudioError, MelError, PackageError
from core.packages import imported

__all__ = [
    "available", "gross_pitch_error", "log_mel_distance_db", "mel_distance_db", "pesq_wideband", "signal_to_noise_db",
    "stoi",
]  # fmt: skip

DECIBELS_PER_NEPER = 20 / math.log(10)  # 20 log10(x) = 8.686 ln(x)
PESQ_RATE_HZ = 16_000


def log_mel_distance_db(reference: Tensor, output: Tensor) -> float:
    """Root-mean-square difference of the mel spectra in decibels, over all bands and frames.

    d = sqrt(mean over (band, frame) of (20 log10 M_reference - 20 log10 M_output)^2), with M of `core.audio.mel`,
    whose floor of 1e-5 (-100 dB) keeps silence from being infinitely far from near-silence.

    Args:
        reference, output: float [T] at 16 kHz, of one length, at least 513 samples.
    Returns:
        Decibels, 0 for identical sounds.
    Raises:
        AudioError: lengths differ; not [T]; not finite; too short.
    """
    reference, output = _pair(reference, output)
    return mel_distance_db(audio.mel(reference), audio.mel(output))


def mel_distance_db(reference: Tensor, output: Tensor) -> float:
    """`log_mel_distance_db` between two mels that exist already, such as the one a vocoder was given.

    Args:
        reference, output: float [80, F], natural logarithm.
    Raises:
        MelError: the shapes differ.
    """
    if reference.shape != output.shape or reference.numel() == 0:
        raise MelError(
            f"Two mels of one shape are compared, got {list(reference.shape)} and {list(output.shape)}."
        )
    difference = (reference.double() - output.double()) * DECIBELS_PER_NEPER
    return float(difference.square().mean().sqrt())


def signal_to_noise_db(reference: Tensor, output: Tensor) -> float:
    """10 log10 of the energy of the reference over the energy of what the output adds to it.

    It compares sample by sample, so that a shifted or re-synthesised voice has a bad ratio however good it sounds.

    Args:
        reference, output: float [T], of one length.
    Returns:
        Decibels; infinity for identical sounds.
    Raises:
        AudioError: lengths differ; not [T]; not finite; the reference is silent.
    """
    reference, output = _pair(reference, output)
    signal = float(reference.double().square().sum())
    noise = float((output.double() - reference.double()).square().sum())
    if signal == 0.0:
        raise AudioError("The reference is silent: a signal-to-noise ratio needs a signal.")
    return 10 * math.log10(signal / noise) if noise else math.inf


def gross_pitch_error(reference: Tensor, output: Tensor) -> float:
    """Share of the frames, of those voiced in both sounds, in which F0 differs by more than a fifth.

    F0 by WORLD's Harvest, every 5 ms (pyworld).

    Args:
        reference, output: float [T] at 16 kHz, of one length.
    Returns:
        0 (every pitch is right) to 1; NaN when no frame is voiced in both.
    Raises:
        AudioError: lengths differ; not [T]; not finite.
    """
    import pyworld

    sounds = (np.ascontiguousarray(x.double().numpy()) for x in _pair(reference, output))
    f0, other = (pyworld.harvest(x, audio.SAMPLE_RATE_HZ, f0_floor=60.0, f0_ceil=600.0)[0] for x in sounds)
    both = (f0 > 0) & (other > 0)
    return float(np.mean(np.abs(other[both] / f0[both] - 1) > 0.2)) if both.any() else math.nan


def pesq_wideband(reference: Tensor, output: Tensor, sample_rate_hz: int = PESQ_RATE_HZ) -> float:
    """Predicted opinion of listeners, 1.0 (bad) to 4.64 (as the reference), of wide-band telephony.

    Source: ITU-T recommendation P.862.2 (2007), as the package `pesq` implements it.

    Args:
        reference, output: float [T]; other rates than 16 kHz are resampled.
    Raises:
        PackageError: `pesq` is not installed.
        AudioError: lengths differ; not finite; no speech in the sound, or shorter than a quarter of a second.
    """
    package = imported("pesq")
    x, y = (audio.resample(s, sample_rate_hz, PESQ_RATE_HZ).numpy() for s in _pair(reference, output))
    try:
        return float(package.pesq(PESQ_RATE_HZ, x, y, "wb"))
    except package.PesqError as error:
        raise AudioError(
            "PESQ finds too little speech in this sound: use at least half a second of somebody speaking."
        ) from error


def stoi(reference: Tensor, output: Tensor, sample_rate_hz: int = PESQ_RATE_HZ) -> float:
    """Short-time objective intelligibility, about 0 (nothing is understood) to 1 (all that the reference lets).

    Source: Taal et al. 2011, "An algorithm for intelligibility prediction", as the package `pystoi` implements it.

    Args:
        reference, output: float [T].
    Raises:
        PackageError: `pystoi` is not installed.
        AudioError: lengths differ; not finite; less than 0.4 s that is not silent.
    """
    package = imported("pystoi")
    x, y = (s.double().numpy() for s in _pair(reference, output))
    short = "STOI needs at least 0.4 s of speech that is not silent: use a longer recording."
    if not np.any(x):
        raise AudioError(short)
    score = float(package.stoi(x, y, sample_rate_hz, extended=False))
    if score <= 1e-5:  # what pystoi returns, with a warning, where it has too few frames
        raise AudioError(short)
    return score


def available() -> dict[str, bool]:
    """Which of the packages `pesq` and `pystoi` can be imported here."""
    found = {}
    for name in ("pesq", "pystoi"):
        try:
            imported(name)
            found[name] = True
        except PackageError:
            found[name] = False
    return found


def _pair(reference: Tensor, output: Tensor) -> tuple[Tensor, Tensor]:
    """Both as float32 [T] on the CPU, or a typed error."""
    for x in (reference, output):
        if x.dim() != 1 or x.numel() == 0:
            raise AudioError(f"A metric compares two sounds [T], got {list(x.shape)}.")
        if not bool(torch.isfinite(x).all()):
            raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    if reference.shape != output.shape:
        raise AudioError(
            f"The two sounds have {reference.shape[0]} and {output.shape[0]} samples: cut both to the shorter one."
        )
    return reference.detach().cpu().float(), output.detach().cpu().float()
