"""A visitor's song, ready to be taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from core import audio, sound_file
from core.errors import AudioError

MAX_SECONDS = 720.0
MIN_SECONDS = 0.1
RATES_HZ = (44_100, 48_000)  # kept; anything else becomes the first, which every browser plays
QUIET = 1e-5  # a song below -100 dBFS is silence


@dataclass(frozen=True, eq=False)
class Song:
    """x: float32 [1 or 2, T].  channels, file_rate_hz: as they were in the file."""

    x: Tensor
    sample_rate_hz: int
    channels: int
    file_rate_hz: int

    @property
    def seconds(self) -> float:
        return self.x.shape[1] / self.sample_rate_hz


def load(path: str | Path | None, *, max_seconds: float = MAX_SECONDS) -> Song:
    """Read a song; more than two channels are folded into two, odd ones left and even ones right.

    Raises:
        AudioError: whatever `core.sound_file.read` refuses; shorter than a tenth of a second; silent.
    """
    x, rate_hz = sound_file.read(path or "", max_seconds=max_seconds)
    channels = x.shape[0]
    if x.shape[1] < MIN_SECONDS * rate_hz:
        raise AudioError(f"The song lasts {x.shape[1] / rate_hz:.2f} s: choose one of at least {MIN_SECONDS} s.")
    if channels > 2:
        x = _folded(x)
    x -= x.mean(dim=1, keepdim=True)  # a constant is no sound, and would count as loudness
    if float(x.abs().max()) < QUIET:
        raise AudioError("The song is silent: check that the right track was exported, or choose another one.")
    to_hz = rate_hz if rate_hz in RATES_HZ else RATES_HZ[0]
    return Song(audio.resample(x, rate_hz, to_hz), to_hz, channels, rate_hz)


def _folded(x: Tensor) -> Tensor:
    import torch

    return torch.stack([x[0::2].mean(dim=0), x[1::2].mean(dim=0)])
