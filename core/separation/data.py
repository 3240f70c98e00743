"""Songs in parts -> batches of random mixtures.

Reads MIR-1K (stereo clips, accompaniment left, voice right) in the split of Huang et al.: train/, dev/, test/; or as it
is published, all clips in one folder, where the singers abjones and amy are the train part (175 clips).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core import audio
from core.errors import DataError
from core.wavenet.data import SUFFIXES

TRAIN_SINGERS = ("abjones", "amy")
VALIDATION = ("abjones_5_08", "abjones_5_09", "amy_9_08", "amy_9_09")  # of the train part: never trained on
QUIET_RMS = 1e-3  # a crop of a part below -60 dBFS is silence
GAIN_DB = 6.0  # each part of a random mixture is up to so much louder or softer
SPEEDS = (0.9, 1.0, 1.1)  # pitch and tempo of a part, moved together by resampling


@dataclass(frozen=True, eq=False)
class Song:
    """One piece in its parts: float32 [S, C, N]; the mixture is their sum."""

    name: str
    parts: Tensor
    sample_rate_hz: int


def load_mir1k(folder: Path, *, part: str, limit: int | None = None) -> list[Song]:
    """Clips of MIR-1K, sources voice and accompaniment, mono.

    Args:
        part: "train" (175 clips less four), "validation" (those four) or "test" (what is there of the other 825).
    Raises:
        DataError: no folder, no clips of that part, or a clip that is not stereo.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Point --data at MIR-1K: train/, dev/ and test/, or Wavfile/.")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    chosen = [path for path in files if _part_of(path) == part][:limit]
    if not chosen:
        raise DataError(f"No clips of the {part} part of MIR-1K below {folder}: they are called like amy_1_01.wav.")
    return [_read(path) for path in chosen]


def _part_of(path: Path) -> str:
    if path.stem.split("_")[0] not in TRAIN_SINGERS:
        return "test"
    return "validation" if path.stem in VALIDATION else "train"


def _read(path: Path) -> Song:
    import soundfile

    samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    if samples.shape[1] != 2:
        raise DataError(f"{path} has {samples.shape[1]} channel(s); MIR-1K has the music left and the voice right.")
    both = torch.from_numpy(samples.T.copy())
    return Song(path.stem, both.flip(0)[:, None], rate)  # [S, 1, N]: voice, accompaniment


def at_zero_db(parts: Tensor) -> Tensor:
    """Voice and accompaniment [2, C, N] at the same energy, as the literature mixes MIR-1K."""
    energy = parts.square().sum(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    return parts * (energy[:1] / energy).sqrt()


def batches(songs: Sequence[Song], *, batch: int, samples: int, seed: int = 0) -> Iterator[Tensor]:
    """Random crops of each part, every part from another song half of the time, at random speeds, gains and signs.

    Remixing of parts across songs: Uhlich et al. 2017, "Improving music source separation based on deep neural
    networks through data augmentation and network blending", section 2.

    Yields:
        float32 [batch, S, C, samples]; their sum over S is the mixture, at about -20 dBFS.
    """
    generator = torch.Generator().manual_seed(seed)
    longest = max(song.parts.shape[-1] for song in songs)
    if longest < samples:
        raise DataError(f"No song is as long as a crop of {samples} samples: use shorter ones.")
    sped = [[_sped(song.parts, speed) for speed in SPEEDS] for song in songs]
    lengths = torch.tensor([float(song.parts.shape[-1]) for song in songs])
    count = songs[0].parts.shape[0]

    def draw(n: int) -> int:
        return int(torch.randint(n, (1,), generator=generator))

    def crop(song: int, speed: int, source: int, start: float) -> Tensor:
        x = sped[song][speed][source]
        if x.shape[-1] < samples:
            x = torch.nn.functional.pad(x, (0, samples - x.shape[-1]))
        at = int(start * (x.shape[-1] - samples + 1))
        return x[:, at : at + samples]

    while True:
        out = []
        for _ in range(batch):
            song = int(torch.multinomial(lengths, 1, generator=generator))
            speed, start = draw(len(SPEEDS)), float(torch.rand(1, generator=generator))
            remixed = draw(2)
            parts = []
            for source in range(count):
                if remixed and source:
                    song = int(torch.multinomial(lengths, 1, generator=generator))
                    speed, start = draw(len(SPEEDS)), float(torch.rand(1, generator=generator))
                parts.append(crop(song, speed, source, start))
            mixed = torch.stack(parts)
            loudness = mixed.square().mean(dim=(1, 2), keepdim=True).sqrt()
            if remixed:  # of other songs: about as loud as each other, unless silent
                mixed = torch.where(loudness > QUIET_RMS, mixed / loudness.clamp(min=QUIET_RMS), mixed)
            gains = 10 ** ((2 * torch.rand(count, 1, 1, generator=generator) - 1) * GAIN_DB / 20)
            signs = 2.0 * torch.randint(2, (count, 1, 1), generator=generator) - 1
            mixed = mixed * gains * signs
            whole = mixed.sum(dim=0).square().mean().sqrt()
            out.append(mixed * (0.1 / whole.clamp(min=QUIET_RMS)))
        yield torch.stack(out)


def _sped(parts: Tensor, speed: float) -> Tensor:
    """Played faster or slower: [S, C, N] -> [S, C, N / speed]."""
    if speed == 1.0:
        return parts
    flat = parts.flatten(0, 1)
    return torch.stack([audio.resample(x, round(1000 * speed), 1000) for x in flat]).unflatten(0, parts.shape[:2])
