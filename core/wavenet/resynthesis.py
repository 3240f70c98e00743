"""A voice, what mu-law leaves of it, and what vocoders make of its mel: sounds of one length, and their scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from core import audio, speech_metrics
from core.errors import AudioError, PackageError

__all__ = ["fit", "references", "scores"]

METRICS = {"pesq": speech_metrics.pesq_wideband, "stoi": speech_metrics.stoi}


def fit(x: Tensor, samples: int) -> Tensor:
    """Cut a sound [T], or add silence at its end, so that it has `samples` samples."""
    return F.pad(x, (0, max(0, samples - x.shape[0])))[:samples]


def references(x: Tensor, mel: Tensor, *, iterations: int = 60) -> dict[str, Tensor]:
    """What a WaveNet is compared with: the voice, the voice in 256 mu-law codes, Griffin-Lim from the given mel.

    Args:
        x: float [T] in [-1, 1].  mel: float [80, F], of x or of what has been made of it.
    Returns:
        "original", "mu_law", "griffin_lim" -> float32 [T].
    """
    inverted = audio.griffin_lim(mel, iterations=iterations)
    return {
        "original": x,
        "mu_law": audio.mu_law_decode(audio.mu_law_encode(x)),
        "griffin_lim": fit(inverted, x.shape[0]).clamp(-1, 1),
    }


def scores(original: Tensor, outputs: Mapping[str, Tensor], given: Tensor) -> list[dict[str, Any]]:
    """Every output against the original, and its mel against the mel that the vocoders were given.

    Args:
        original: float [T].  outputs: name -> float [T]; "original" is left out.
        given: float [80, F].
    Returns:
        for each output: name, pesq, stoi, snr_db and log_mel_db (to the original), given_mel_db (to the given mel).
        PESQ and STOI are None where their package is absent, or the sound is too short or too quiet for them.
    """
    rows = []
    for name, output in outputs.items():
        if name == "original":
            continue
        row: dict[str, Any] = {"name": name}
        for metric, function in METRICS.items():
            try:
                row[metric] = round(function(original, output), 3)
            except (PackageError, AudioError):
                row[metric] = None
        row["snr_db"] = round(speech_metrics.signal_to_noise_db(original, output), 1)
        row["log_mel_db"] = round(speech_metrics.log_mel_distance_db(original, output), 2)
        mel = audio.mel(output)
        frames = min(mel.shape[-1], given.shape[-1])
        row["given_mel_db"] = round(speech_metrics.mel_distance_db(given[:, :frames], mel[:, :frames]), 2)
        rows.append(row)
    return rows
