"""Clips of UrbanSound8K by fold, and sounds of none of its classes.

Reads `index.csv` (file, fold, class, freesound_id) beside the sounds, or the set as it is given out:
metadata/UrbanSound8K.csv and audio/fold1/ … fold10/. The folds are those of its authors: no freesound recording, of
which there are several clips, is in two of them. Splitting at random would test on recordings that were learned.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from core import audio
from core.errors import DataError
from core.events.model import URBAN
from core.separation.data import HELD_OUT as HELD_OUT_SONG
from core.separation.data import TRAIN_SINGERS
from core.wavenet.data import HELD_OUT as HELD_OUT_PROMPTS
from core.wavenet.data import SUFFIXES
from core.whole import whole

SECONDS = 4.0  # the longest clip
SAMPLES = round(SECONDS * audio.SAMPLE_RATE_HZ)
HELD_OUT_SPEAKER = "MD"
HELD_OUT_NOISES = "3"  # the fold of ESC-10
CODED = 0.945  # soundfile's scale for Opus: about 14 kbit/s, like our copy of UrbanSound8K


@dataclass(frozen=True, eq=False)
class Clips:
    """Sounds of one label each.

    sound: int16 [N, 64000], zeros after the end.  samples: int64 [N], how many are there.  labels: int64 [N].
    folds: int64 [N].  groups: of each the recording it was cut from.
    """

    sound: np.ndarray
    samples: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def of(self, folds: Iterable[int]) -> Clips:
        """Those of some folds.

        Raises:
            DataError: there are none.
        """
        wanted = np.flatnonzero(np.isin(self.folds, list(folds)))
        if not len(wanted):
            raise DataError(f"There are no clips of fold {', '.join(map(str, folds))}; folds there: {self.there()}.")
        return Clips(
            self.sound[wanted], self.samples[wanted], self.labels[wanted], self.folds[wanted],
            tuple(self.groups[i] for i in wanted),
        )  # fmt: skip

    def there(self) -> str:
        return ", ".join(map(str, sorted(set(self.folds.tolist()))))


def joined(parts: Sequence[Clips]) -> Clips:
    """All of them, one after another."""
    return Clips(
        np.concatenate([part.sound for part in parts]), np.concatenate([part.samples for part in parts]),
        np.concatenate([part.labels for part in parts]), np.concatenate([part.folds for part in parts]),
        tuple(group for part in parts for group in part.groups),
    )  # fmt: skip


def load(folder: Path, *, cache: Path | None = None) -> Clips:
    """All clips of UrbanSound8K below a folder, by fold.

    Args:
        cache: a folder that keeps the decoded sounds; None to decode anew.
    Raises:
        DataError: not that set; a recording is in two folds.
    """
    rows = _rows(folder)
    paths, labels, folds, groups = zip(*rows)
    owner: dict[str, int] = {}
    for group, fold in zip(groups, folds):
        if owner.setdefault(group, fold) != fold:
            raise DataError(
                f"Recording {group} is in folds {owner[group]} and {fold}: this is not the published split."
            )
    sound, samples = _kept(cache, "urban", lambda: decoded(paths))
    if len(sound) != len(rows):
        raise DataError(f"{cache} holds {len(sound)} clips and {folder} has {len(rows)}: delete the former.")
    return Clips(sound, samples, np.array(labels), np.array(folds), tuple(groups))


def _rows(folder: Path) -> list[tuple[Path, int, int, str]]:
    """File, label, fold and recording of each clip."""
    for root in (folder, folder / "UrbanSound8K"):
        if (root / "index.csv").is_file():
            with (root / "index.csv").open(encoding="utf-8") as file:
                return [
                    (root / row["file"], URBAN.index(row["class"]), int(row["fold"]), row["freesound_id"])
                    for row in csv.DictReader(file)
                ]
        if (root / "metadata/UrbanSound8K.csv").is_file():
            with (root / "metadata/UrbanSound8K.csv").open(encoding="utf-8") as file:
                return [
                    (root / f"audio/fold{row['fold']}" / row["slice_file_name"], int(row["classID"]),
                     int(row["fold"]), row["fsID"])
                    for row in csv.DictReader(file)
                ]  # fmt: skip
    raise DataError(
        f"{folder} is not UrbanSound8K: it has neither index.csv nor metadata/UrbanSound8K.csv. Point --data at it."
    )


def decoded(paths: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """The first 4 s of each file, int16 [N, 64000], and how many samples are there, int64 [N]."""
    sound = np.zeros((len(paths), SAMPLES), np.int16)
    samples = np.zeros(len(paths), np.int64)
    for i, path in enumerate(paths):
        x = mono(path)[:SAMPLES]
        sound[i, : len(x)] = as_int16(x)
        samples[i] = len(x)
    return sound, samples


def _kept(cache: Path | None, name: str, make) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays from the cache, or made and put there."""
    if cache is None:
        return make()
    files = [cache / f"{name}-{part}.npy" for part in ("sound", "samples")]
    if not all(file.is_file() for file in files):
        for file, array in zip(files, make()):
            with whole(file) as part:
                np.save(part, array)
    return np.load(files[0]), np.load(files[1])


def as_int16(x: np.ndarray) -> np.ndarray:
    return (np.clip(x, -1, 1) * 32767).round().astype(np.int16)


def mono(path: Path) -> np.ndarray:
    """The mean of a file's channels at 16 kHz: float32 [T]."""
    x, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    return audio.resample(torch.from_numpy(x.mean(axis=1)), rate, audio.SAMPLE_RATE_HZ).numpy()


# --- Sounds of none of the classes ---------------------------------------------------------------------------------

def load_others(
    *, speech: Path | None = None, music: Path | None = None, noise: Path | None = None, part: str = "train",
    cache: Path | None = None,
) -> Clips | None:  # fmt: skip
    """Pieces of 4 s of speech, music and ESC-10's noises, coded like our copy of UrbanSound8K. Label: NONE.

    Coded, as otherwise the network would tell the coder's traces apart and not the sounds.

    Args:
        speech: a folder of corpora: Kathleen, TSP.  music: songs in parts; MIR-1K.  noise: ESC-10's noises.
        part: "train", in folds 1 and 2 by turns, or "held-out", in fold 10: other recordings, as the project has them.
    Returns:
        Clips with groups "speech", "music" and "noise"; None if no folder is given.
    """
    found = []
    readers = {"speech": (speech, speech_pieces), "music": (music, music_pieces), "noise": (noise, noise_pieces)}
    for kind, (folder, read) in readers.items():
        if folder is None:
            continue

        def make(folder: Path = folder, read=read) -> tuple[np.ndarray, np.ndarray]:
            pieces = read(folder, part)
            if not pieces:
                raise DataError(f"There are no sounds of the part {part} below {folder}.")
            sound = np.stack([np.pad(as_int16(coded(x)[:SAMPLES]), (0, max(0, SAMPLES - len(x)))) for x in pieces])
            return sound, np.array([min(len(x), SAMPLES) for x in pieces])

        sound, samples = _kept(cache, f"{kind}-{part}", make)
        count = len(sound)
        halves = np.arange(count) * 2 // count + 1  # the first half in fold 1: other songs and sentences than in 2
        found.append(
            Clips(
                sound, samples, np.full(count, len(URBAN)), halves if part == "train" else np.full(count, 10),
                (kind,) * count,
            )
        )  # fmt: skip
    return joined(found) if found else None


def coded(x: np.ndarray) -> np.ndarray:
    """The sound after Opus at about 14 kbit/s: float32 [T] -> [T]."""
    file = io.BytesIO()
    soundfile.write(file, x, audio.SAMPLE_RATE_HZ, format="OGG", subtype="OPUS", compression_level=CODED)
    file.seek(0)
    out = soundfile.read(file, dtype="float32")[0]
    return np.pad(out[: len(x)], (0, max(0, len(x) - len(out))))


def _pieces(x: np.ndarray, apart: float = SECONDS) -> list[np.ndarray]:
    """Pieces of 4 s, their beginnings `apart` seconds apart; of a shorter sound, itself. Silent ones are left out."""
    step = round(apart * audio.SAMPLE_RATE_HZ)
    starts = range(0, max(1, len(x) - SAMPLES + 1), step)
    return [piece for piece in (x[at : at + SAMPLES] for at in starts) if np.square(piece).mean() > 1e-6]


def _sounds(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def speech_pieces(folder: Path, part: str) -> list[np.ndarray]:
    """The first 4 s of sentences of Kathleen and of TSP's speakers, each float32 [T]."""
    kathleen = [path for path in _sounds(folder) if path.stem.startswith("arctic_")]
    tsp = [path for path in _sounds(folder) if path.stem[:2] in ("FA", "FB", "MC", "MD")]
    if part == "held-out":
        chosen = [path for path in kathleen if path.stem in HELD_OUT_PROMPTS]
        chosen += [path for path in tsp if path.stem.startswith(HELD_OUT_SPEAKER)]
    else:
        chosen = [path for path in kathleen if path.stem not in HELD_OUT_PROMPTS][::5]
        chosen += [path for path in tsp if not path.stem.startswith(HELD_OUT_SPEAKER)]
    return [piece for path in chosen for piece in _pieces(mono(path))[:1]]


def music_pieces(folder: Path, part: str) -> list[np.ndarray]:
    """Pieces of 4 s of songs in parts, which are summed, and the first 4 s of MIR-1K's clips, voice and all."""
    found = []
    songs = sorted({path.parent for path in folder.rglob("drums.*") if path.with_stem("vocals").is_file()})
    for song in songs:
        if (song.name == HELD_OUT_SONG) == (part == "held-out"):
            found += _pieces(mixture(song), SECONDS if part == "held-out" else 10.0)
    clips = [path for path in _sounds(folder) if path.stem.count("_") == 2 and path.stem.split("_")[1].isdigit()]
    for path in clips:
        if (path.stem.split("_")[0] not in TRAIN_SINGERS) == (part == "held-out"):
            found += _pieces(mono(path))[:1]
    return found


def mixture(song: Path) -> np.ndarray:
    """The sum of a song's parts, mono at 16 kHz: float32 [T]."""
    total: np.ndarray | None = None
    for path in _sounds(song):
        x, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
        length = len(x) if total is None else min(len(x), len(total))
        total = x[:length] if total is None else total[:length] + x[:length]
    if total is None:
        raise DataError(f"{song} holds no sounds.")
    return audio.resample(torch.from_numpy(total.mean(axis=1)), rate, audio.SAMPLE_RATE_HZ).numpy()


def noise_pieces(folder: Path, part: str) -> list[np.ndarray]:
    """ESC-10's, whose file names begin with the fold: chainsaw_5-171653-A. Its folds keep recordings apart, too."""
    sounds = [(path, path.stem.split("_")[-1].split("-")[0]) for path in _sounds(folder)]
    chosen = [path for path, fold in sounds if (fold == HELD_OUT_NOISES) == (part == "held-out")]
    return [piece for path in chosen for piece in _pieces(mono(path))[:1]]
