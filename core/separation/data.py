"""Songs in parts -> batches of random mixtures.

Reads MIR-1K (stereo clips, accompaniment left, voice right) in the split of Huang et al.: train/, dev/, test/; or as it
is published, all clips in one folder, where the singers abjones and amy are the train part (175 clips). And folders of
songs, each with vocals, drums, bass and other as sound files: MUSDB18-HQ, DSD100's like, `core.separation.render`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core import audio
from core.errors import DataError
from core.separation import remix
from core.wavenet.data import SUFFIXES

TRAIN_SINGERS = ("abjones", "amy")
HELD_OUT = "5-rubidium"  # of "Everything is Free": never trained on, and what the pages play
VALIDATION_SONG, VALIDATION_S = "7-francium", 45.0  # its beginning watches the training
MUSDB_VALIDATION = (  # as the musdb package has them
    "Actions - One Minute Smile", "Clara Berry And Wooldog - Waltz For My Victims", "Johnny Lokke - Promises & Lies",
    "Patrick Talbot - A Reason To Leave", "Triviul - Angelsaint", "Alexander Ross - Goodbye Bolero",
    "Fergessen - Nos Palpitants", "Leaf - Summerghost", "Skelpolu - Human Mistakes", "Young Griffo - Pennies",
    "ANiMAL - Rockshow", "James May - On The Line", "Meaxic - Take A Step", "Traffic Experiment - Sirens",
)  # fmt: skip
VALIDATION = ("abjones_5_08", "abjones_5_09", "amy_9_08", "amy_9_09")  # of the train part: never trained on


@dataclass(frozen=True, eq=False)
class Song:
    """One piece in its parts: float32 [S, C, N]; the mixture is their sum."""

    name: str
    parts: Tensor
    sample_rate_hz: int

    def track(self, weight: float = 1.0) -> remix.Track:
        """The same for a `Remixer`."""
        return remix.Track(self.name, tuple(remix.Recording(x) for x in self.parts), self.sample_rate_hz, weight)


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


def load_stems(
    folder: Path, sources: Sequence[str], sample_rate_hz: int, *, part: str = "train", weight: float = 1.0
) -> list[remix.Track]:  # fmt: skip
    """Songs below a folder that have files called like the sources, such as vocals.wav; not all have all.

    Below MUSDB18's train/ and test/, "train" means the songs of train/ without the fourteen that are for validation.
    Elsewhere all songs but HELD_OUT are for training, less the first VALIDATION_S seconds of VALIDATION_SONG.

    Args:
        part: "train", "validation" or "test".
    Raises:
        DataError: no folder, no such songs, or another sample rate.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Point --data at songs, each with vocals.wav, drums.wav …")
    files: dict[Path, dict[str, Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.stem in sources:
            files.setdefault(path.parent, {})[path.stem] = path
    tracks = [_track(song, found, sources, weight) for song, found in files.items() if part in parts_of(song, folder)]
    if not tracks:
        raise DataError(f"No songs of the {part} part below {folder}: each is a folder with {', '.join(sources)}.")
    other = next((track for track in tracks if track.sample_rate_hz != sample_rate_hz), None)
    if other:
        raise DataError(f"{other.name} has {other.sample_rate_hz} Hz; the network wants {sample_rate_hz} Hz.")
    return [_between(track, part) for track in tracks]


def parts_of(song: Path, folder: Path) -> tuple[str, ...]:
    """Which parts a song of `load_stems` belongs to."""
    if "test" in song.relative_to(folder).parts[:-1] or song.name == HELD_OUT:
        return ("test",)
    if "train" in song.relative_to(folder).parts[:-1]:
        return ("validation",) if song.name in MUSDB_VALIDATION else ("train",)
    return ("train", "validation") if song.name == VALIDATION_SONG else ("train",)


def _track(song: Path, files: dict[str, Path], sources: Sequence[str], weight: float) -> remix.Track:
    """Ogg files are read at once, as jumping about in them is slow; others when they are wanted."""
    import soundfile

    def stem(path: Path) -> remix.Stem:
        if path.suffix.lower() in (".wav", ".flac"):
            return remix.RecordingFile(path)
        return remix.Recording(torch.from_numpy(soundfile.read(str(path), dtype="int16", always_2d=True)[0].T.copy()))

    stems = tuple(stem(files[source]) if source in files else None for source in sources)
    rate = soundfile.info(str(next(iter(files.values())))).samplerate
    return remix.Track(song.name, stems, rate, weight)


def _between(track: remix.Track, part: str) -> remix.Track:
    """Of the song that watches the training, its beginning or all but that."""
    if track.name != VALIDATION_SONG:
        return track
    cut = round(VALIDATION_S * track.sample_rate_hz)
    keep = slice(0, cut) if part == "validation" else slice(cut, None)
    stems = tuple(remix.Recording(stem.read(0, stem.samples)[:, keep]) if stem else None for stem in track.stems)
    return remix.Track(track.name, stems, track.sample_rate_hz, track.weight)


def whole(track: remix.Track, *, seconds: float | None = None) -> Song:
    """A track with all that it has, or its first seconds: a source that is missing is silent."""
    samples = track.samples if seconds is None else min(track.samples, round(seconds * track.sample_rate_hz))
    stems = [stem.read(0, samples) if stem else None for stem in track.stems]
    channels = max(x.shape[0] for x in stems if x is not None)
    parts = [torch.zeros(channels, samples) if x is None else x.expand(channels, -1) for x in stems]
    return Song(track.name, torch.stack(parts), track.sample_rate_hz)


def voices(folder: Path, sources: Sequence[str], sample_rate_hz: int, *, weight: float = 1.0) -> list[remix.Track]:
    """The voices alone of MIR-1K's train part, for remixing with other songs' music: nothing above 8 kHz in them."""
    found = []
    for song in load_mir1k(folder, part="train"):
        voice = audio.resample(song.parts[0], song.sample_rate_hz, sample_rate_hz)
        stem = remix.Recording((voice.clamp(-1, 1) * 32767).to(torch.int16))
        stems = tuple(stem if source == "vocals" else None for source in sources)
        found.append(remix.Track(song.name, stems, sample_rate_hz, weight))
    return found


def at_zero_db(parts: Tensor) -> Tensor:
    """Voice and accompaniment [2, C, N] at the same energy, as the literature mixes MIR-1K."""
    energy = parts.square().sum(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    return parts * (energy[:1] / energy).sqrt()


def batches(
    songs: Sequence[Song], *, batch: int, samples: int, seed: int = 0, gain_db: float = remix.GAIN_DB
) -> Iterator[Tensor]:  # fmt: skip
    """Random mixtures of songs that are in memory: see `core.separation.remix`.

    Yields:
        float32 [batch, S, C, samples]; their sum over S is the mixture, at about -20 dBFS.
    """
    tracks = [song.track() for song in songs]
    channels = songs[0].parts.shape[1] if songs else 1
    remixer = remix.Remixer(tracks, samples, seed=seed, gain_db=gain_db, channels=channels)
    yield from remix.batches(remixer, batch=batch)
