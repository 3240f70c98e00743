"""Which recordings there are below a folder, whose they are, and what each is for: training, watching it, or the test.

Collections are known by their own layouts, however deep they lie below --data:

    voices  Kathleen or any LJSpeech-like voice · TSP speech · Free Spoken Digit Dataset · VoiceBank-DEMAND's
            clean_trainset_…wav and clean_testset_wav
    noises  ESC-10 as 16 kHz clips with metadata.csv · ESC-50's audio/ with meta/esc50.csv · UrbanSound8K's audio/ with
            metadata/UrbanSound8K.csv, or flat with index.csv
    music   songs in stems, of which the vocals are left out · MIR-1K's accompaniments

Never trained on: TSP's speaker MD, theo of the digits, Kathleen's b0480 to b0539, fold 10 of UrbanSound8K, fold 5 of
ESC-50, every fifth source of ESC-10, the song 5-rubidium, MIR-1K's test clips.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from core.enhancement.spectrum import SAMPLE_RATE_HZ
from core.errors import DataError
from core.wavenet.data import HELD_OUT, SUFFIXES

TEST_SPEAKERS = frozenset({"tsp-MD", "fsdd-theo"})
TEST_FOLDS = {"urbansound8k": "10", "esc50": "5"}
HELD_OUT_SONG = "5-rubidium"
STEMS = ("drums", "bass", "other")  # of a song, without its vocals


@dataclass(frozen=True)
class Item:
    """One recording.

    kind: "voice", "noise" or "music".  group: the speaker, or the class of noise.
    part: "train", "validation" or "test".
    paths: files that are added up.  member: inside a tar archive.  channel: the only one that counts.
    """

    kind: str
    group: str
    part: str
    paths: tuple[Path, ...]
    member: str = ""
    channel: int | None = None

    @property
    def name(self) -> str:
        return f"{self.group}/{self.member or self.paths[0].stem}"


def found(folder: Path, prompts: list[Path] | None = None) -> list[Item]:
    """All recordings below a folder; `prompts`: further voices, each a folder of sounds or of folders of speakers.

    Raises:
        DataError: no such folder, or no collection in it that we know.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Point --data at a folder with corpora of speech and of noise.")
    items = [item for place in [folder, *_folders(folder)] for item in _collection(place)]
    for place in prompts or []:
        items += _speakers(place)
    for kind, examples in (("voice", "TSP, VoiceBank-DEMAND"), ("noise", "ESC-50, UrbanSound8K")):
        if not any(item.kind == kind for item in items):
            raise DataError(f"No corpus of {kind}s below {folder}: we know {examples} and others; see --help.")
    return _watched(items)


def _watched(items: list[Item]) -> list[Item]:
    """Where a kind has nothing to watch the training with, every twentieth of its recordings is for that."""
    for kind in ("voice", "noise"):
        ours = [i for i, item in enumerate(items) if item.kind == kind and item.part != "test"]
        if len(ours) > 1 and all(items[i].part == "train" for i in ours):
            for i in ours[::20]:
                items[i] = dataclasses.replace(items[i], part="validation")
    return items


def _folders(folder: Path, depth: int = 3) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield path
            if depth > 1:
                yield from _folders(path, depth - 1)


def _sounds(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in (*SUFFIXES, ".g722") and "silence" not in p.parts)


def _collection(folder: Path) -> Iterator[Item]:
    """What a folder itself is, if it is a collection."""
    if (folder / "meta/esc50.csv").exists():
        yield from _esc50(folder)
    elif (folder / "metadata/UrbanSound8K.csv").exists() or _header(folder / "index.csv").startswith("file,fold,"):
        yield from _urbansound(folder)
    elif _header(folder / "metadata.csv").startswith("file|class|"):
        yield from _esc10(folder)
    elif re.match(r"clean_(train|test)set.*wav$", folder.name):
        yield from _voicebank(folder)
    elif (folder / "opus.tar").exists() or (folder / "recordings").is_dir():
        yield from _digits(folder)
    elif (folder / "metadata.csv").exists():
        yield from _voices(folder)
    elif folder.name == "mir1k" or (folder / "Wavfile").is_dir():
        yield from _mir1k(folder)
    elif stems := [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES and p.stem in STEMS]:
        part = "test" if folder.name == HELD_OUT_SONG else "train"
        yield Item("music", f"song-{folder.name}", part, tuple(stems))


def _header(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open(encoding="utf-8") as file:
        return file.readline().strip()


def _esc10(folder: Path) -> Iterator[Item]:
    """Every fifth source of a class is for the test, the one after it watches the training."""
    with (folder / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="|"))
    for kind in sorted({row["class"] for row in rows}):
        sources = sorted({row["source"] for row in rows if row["class"] == kind})
        for row in rows:
            if row["class"] == kind:
                order = sources.index(row["source"])
                part = "test" if order % 5 == 0 else "validation" if order % 10 == 1 else "train"
                path = next(p for p in folder.glob(f"*/{row['file']}.*"))
                yield Item("noise", kind, part, (path,))


def _esc50(folder: Path) -> Iterator[Item]:
    human = {"laughing", "crying_baby", "coughing", "sneezing", "breathing"}
    with (folder / "meta/esc50.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["category"] not in human:
                part = "test" if row["fold"] == TEST_FOLDS["esc50"] else "train"
                yield Item("noise", row["category"], part, (folder / "audio" / row["filename"],))


def _urbansound(folder: Path) -> Iterator[Item]:
    flat = (folder / "index.csv").exists()
    path = folder / ("index.csv" if flat else "metadata/UrbanSound8K.csv")
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            source = row["freesound_id"] if flat else row["fsID"]
            part = "test" if row["fold"] == TEST_FOLDS["urbansound8k"] else "train"
            if part == "train" and int(source) % 12 == 0:
                part = "validation"
            sound = folder / row["file"] if flat else folder / f"audio/fold{row['fold']}" / row["slice_file_name"]
            yield Item("noise", row["class"], part, (sound,))


def _voicebank(folder: Path) -> Iterator[Item]:
    part = "test" if "testset" in folder.name else "train"
    for path in _sounds(folder):
        yield Item("voice", f"voicebank-{path.stem.split('_')[0]}", part, (path,))


def _digits(folder: Path) -> Iterator[Item]:
    """Of the digits: 6 men; the ones numbered 0 to 4 are the published test set."""
    archive = folder / "opus.tar"
    if archive.exists():
        with tarfile.open(archive) as tar:
            members = sorted(m.name for m in tar.getmembers() if m.isfile())
        files = [(archive, name) for name in members]
    else:
        files = [(path, "") for path in _sounds(folder / "recordings")]
    for path, member in files:
        _, speaker, index = Path(member or path.name).stem.split("_")
        group = f"fsdd-{speaker}"
        part = "test" if group in TEST_SPEAKERS else "validation" if int(index) < 5 else "train"
        yield Item("voice", group, part, (path,), member)


def _voices(folder: Path) -> Iterator[Item]:
    """TSP by its names, such as MD24_10; else one voice, as LJSpeech is."""
    for path in _sounds(folder):
        if tsp := re.match(r"([FM][A-L])(\d\d)_(\d\d)$", path.stem):
            group = f"tsp-{tsp[1]}"
            part = "test" if group in TEST_SPEAKERS else "validation" if int(tsp[2]) % 6 == 0 else "train"
            yield Item("voice", group, part, (path,))
        else:
            yield Item("voice", folder.name, "test" if path.stem in HELD_OUT else "train", (path,))


def _speakers(folder: Path) -> Iterator[Item]:
    """Prompts of telephone systems and the like: each folder with sounds deeper in it is a speaker."""
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    loose = any(path.suffix.lower() in (*SUFFIXES, ".g722") for path in folder.iterdir())
    for place in [folder] if loose or not inner else inner:
        for path in _sounds(place):
            yield Item("voice", place.name, "train", (path,))


def _mir1k(folder: Path) -> Iterator[Item]:
    """The accompaniment is the left channel."""
    for path in _sounds(folder):
        part = "train" if path.stem.split("_")[0] in ("abjones", "amy") else "test"
        yield Item("music", f"mir1k-{path.stem.split('_')[0]}", part, (path,), channel=0)


def decode(item: Item) -> np.ndarray:
    """int16 [T] at 16 kHz, mono.

    Raises:
        DataError: a file that is none, or for which ffmpeg is wanted and missing.
    """
    parts = [_read(path, item) for path in item.paths]
    whole = np.zeros(max(map(len, parts)), np.float32)
    for part in parts:
        whole[: len(part)] += part
    return np.round(np.clip(whole, -1, 1) * 32767).astype(np.int16)


def _read(path: Path, item: Item) -> np.ndarray:
    if path.suffix == ".g722":
        return _g722(path)
    source = io.BytesIO(_member(path, item.member)) if item.member else str(path)
    try:
        samples, rate = soundfile.read(source, dtype="float32", always_2d=True)
    except soundfile.SoundFileError:
        raise DataError(f"{item.name} cannot be read: copy the corpus again.") from None
    mono = samples.mean(axis=1) if item.channel is None else samples[:, item.channel]
    return mono if rate == SAMPLE_RATE_HZ else soxr.resample(mono, rate, SAMPLE_RATE_HZ)


_archives: dict[Path, dict[str, bytes]] = {}


def _member(path: Path, name: str) -> bytes:
    """A file of a tar archive, which is read whole the first time."""
    if path not in _archives:
        with tarfile.open(path) as tar:
            _archives[path] = {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}  # type: ignore[union-attr]
    return _archives[path][name]


_prompts: dict[Path, np.ndarray] = {}


def _g722(path: Path) -> np.ndarray:
    """Telephone prompts in G.722, which ffmpeg knows: float32 [T] at 16 kHz.

    A byte stands for two samples. All prompts of a folder are decoded in one go, as starting ffmpeg takes longer than
    its work: what the decoder remembers of the prompt before is gone within milliseconds.
    """
    if path not in _prompts:
        files = sorted(path.parent.glob("*.g722"))
        contents = [file.read_bytes() for file in files]
        command = ["ffmpeg", "-nostdin", "-v", "error", "-f", "g722", "-i", "pipe:0", "-f", "s16le", "pipe:1"]
        try:
            decoded = subprocess.run(command, input=b"".join(contents), capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            raise DataError(f"{path} is in G.722, which ffmpeg cannot decode here: install ffmpeg.") from None
        samples = np.frombuffer(decoded, np.int16).astype(np.float32) / 32768
        ends = np.cumsum([2 * len(content) for content in contents])
        _prompts.update(zip(files, np.split(samples, ends[:-1])))
    return _prompts[path]
