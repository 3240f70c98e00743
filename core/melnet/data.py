"""Recordings -> one long log-mel spectrogram, and crops of it.

Speech: the corpus of core.wavenet.data, sentence after sentence. Anything else: a folder of sounds, such as piano
(`python -m core.melnet.piano` renders one). A crop may begin anywhere, so the network learns sentences and the pauses
between them, and its splitting into tiers falls on every frame in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core import audio
from core.errors import DataError
from core.wavenet import data as voice
from core.whole import whole

DITHER = 3e-5  # rendered piano is digitally silent between pieces: noise of -90 dBFS keeps the logarithm off its floor


@dataclass(frozen=True)
class Corpus:
    """mel float32 [N, 80] of all sounds in a row, train and held out; how many sounds are in each."""

    train: Tensor
    held_out: Tensor
    sounds: tuple[int, int]


def load(folder: Path, *, limit: int | None = None, cache: Path | None = None) -> Corpus:
    """The mels of a corpus, from `cache` if that file exists, else computed and kept there.

    Raises:
        DataError: no sounds, or too few to hold any out.
    """
    if cache is not None and cache.exists():
        found = np.load(cache)
        return Corpus(
            torch.from_numpy(found["train"].astype(np.float32)), torch.from_numpy(found["held_out"].astype(np.float32)),
            (int(found["sounds"][0]), int(found["sounds"][1])),
        )  # fmt: skip
    parts, counts = [], []
    for held_out in (False, True):
        mels = [mel_of(path) for path in voice.files_of(folder, held_out=held_out)[:limit]]
        if not mels:
            raise DataError(f"{folder} holds too few sounds to train on some and keep others apart: add recordings.")
        parts.append(torch.cat(mels))
        counts.append(len(mels))
    if cache is not None:
        with whole(cache) as part:
            np.savez(part, train=parts[0].half().numpy(), held_out=parts[1].half().numpy(), sounds=counts)
    return Corpus(parts[0], parts[1], (counts[0], counts[1]))


def mel_of(path: Path) -> Tensor:
    """One sound, levelled: float32 [F, 80]. Sounds below half a window give no frame."""
    import soundfile

    samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    x = torch.from_numpy(samples).mean(dim=1)
    if rate != audio.SAMPLE_RATE_HZ:
        x = audio.resample(x, rate, audio.SAMPLE_RATE_HZ)
    if x.shape[0] <= audio.WINDOW_SAMPLES:
        return torch.zeros(0, audio.MEL_BANDS)
    x = audio.level_to(x)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)) * DITHER
    return audio.mel(x + noise).T.contiguous()


def crops(mel: Tensor, *, batch: int, frames: int, seed: int = 0) -> Iterator[Tensor]:
    """Random stretches without end: float [batch, frames, 80].

    Raises:
        DataError: the corpus is shorter than a crop.
    """
    if mel.shape[0] < frames:
        raise DataError(f"The corpus has {mel.shape[0]} frames, a crop {frames}: use shorter crops or more sound.")
    generator = torch.Generator().manual_seed(seed)
    while True:
        starts = torch.randint(mel.shape[0] - frames + 1, (batch,), generator=generator).tolist()
        yield torch.stack([mel[start : start + frames] for start in starts])


def rows(mel: Tensor, *, frames: int, limit: int | None = None) -> Tensor:
    """The corpus cut into stretches side by side, for evaluation: [n, frames, 80]; the rest is left out."""
    count = min(mel.shape[0] // frames, limit or mel.shape[0])
    return mel[: count * frames].view(count, frames, -1)
