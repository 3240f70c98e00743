"""Recordings of one voice -> batches of mu-law codes and mel frames.

Reads the layout of LJSpeech and its many followers: `metadata.csv` (name|text|...) beside a folder of sounds called
`wavs`, `wav` or `flac`; failing that, every sound file below the folder. Folders called `train` and `held-out` are
taken at their word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core import audio
from core.errors import DataError

SUFFIXES = (".flac", ".wav", ".ogg", ".opus", ".mp3")
HELD_OUT = frozenset(f"arctic_b{number:04d}" for number in range(480, 540))  # never trained on, by any model


@dataclass(frozen=True)
class Recording:
    """One sentence, levelled: audio float32 [T], codes uint8 [T], log-mel [80, F] with F = 1 + T // 200."""

    name: str
    audio: Tensor
    codes: Tensor
    mel: Tensor


def sound_files(folder: Path) -> list[Path]:
    """The sounds of a corpus, sorted by name.

    Raises:
        DataError: no such folder, or no sounds in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Point --data at a corpus: metadata.csv beside wavs/ or flac/.")
    for name in ("wavs", "wav", "flac"):
        if (folder / name).is_dir():
            folder = folder / name
            break
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"No sound files ({', '.join(SUFFIXES)}) below {folder}.")
    return files


def load(folder: Path, *, held_out: bool = False, limit: int | None = None) -> list[Recording]:
    """All recordings of the training part, or those held out: see `files_of`."""
    return [read(path) for path in files_of(folder, held_out=held_out)[:limit]]


def files_of(folder: Path, *, held_out: bool) -> list[Path]:
    """The sounds of a part: of the folder `train` or `held-out` if there is one, else by their names.

    A corpus without any of the project's held-out names gives up its last 60 recordings, or a twentieth of a
    small one, instead.
    """
    part = folder / ("held-out" if held_out else "train")
    if part.is_dir():
        return sound_files(part)
    files = sound_files(folder)
    names = {path.stem for path in files} & HELD_OUT
    held = names or {path.stem for path in files[-max(1, min(60, len(files) // 20)) :]}
    return [path for path in files if (path.stem in held) == held_out]


def read(path: Path) -> Recording:
    """One file at the project's rate and level, as codes and mel."""
    import soundfile

    samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    x = torch.from_numpy(samples).mean(dim=1)
    if rate != audio.SAMPLE_RATE_HZ:
        x = audio.resample(x, rate, audio.SAMPLE_RATE_HZ)
    x = audio.level_to(x)
    return Recording(path.stem, x, audio.mu_law_encode(x).to(torch.uint8), audio.mel(x))


def batches(
    recordings: list[Recording], *, batch: int, frames: int, seed: int = 0, context_frames: int = 2
) -> Iterator[tuple[Tensor, Tensor]]:
    """Random crops without end, every moment of the corpus equally likely.

    Yields:
        codes int64 [batch, frames * 200] and mel float [batch, 80, frames + context_frames]: the conditioner
        looks a little ahead, so it gets a little more.
    """
    generator = torch.Generator().manual_seed(seed)
    usable = [r for r in recordings if r.codes.shape[0] // audio.HOP_SAMPLES >= frames + context_frames]
    if not usable:
        raise DataError(f"No recording is longer than {(frames + context_frames) / 80:.2f} s; use fewer frames.")
    spans = torch.tensor([r.codes.shape[0] // audio.HOP_SAMPLES - frames - context_frames + 1 for r in usable])
    while True:
        picks = torch.multinomial(spans.double(), batch, replacement=True, generator=generator)
        codes, mels = [], []
        for pick in picks.tolist():
            start = int(torch.randint(int(spans[pick]), (1,), generator=generator))
            at = start * audio.HOP_SAMPLES
            codes.append(usable[pick].codes[at : at + frames * audio.HOP_SAMPLES].long())
            mels.append(usable[pick].mel[:, start : start + frames + context_frames])
        yield torch.stack(codes), torch.stack(mels)
