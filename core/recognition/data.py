"""Corpora -> utterances (log-mel and text), and which of them are held out.

Reads LJSpeech's layout (metadata.csv beside wavs/ or flac/), the TSP database (files FA01_01 …, or a folder for each
speaker, and metadata.csv), the Free Spoken Digit Dataset (recordings/7_theo_31.wav, or opus.tar), and a folder of
telephone prompts with a list of what they say (Asterisk's core sounds, G.722 or WAV). Spectrograms are computed once
and kept in the run's folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import audio
from core.errors import DataError, TextError
from core.recognition_metrics import as_read
from core.wavenet.data import HELD_OUT, SUFFIXES, sound_files
from core.whole import whole

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
UNSEEN_DIGIT_SPEAKERS = ("theo", "lucas")  # of FSDD; never trained on
UNSEEN_VOICES = ("MD",)  # of TSP; never trained on
LAST = 6  # sentences of each other TSP voice, which watch the training
PROMPT_EVERY = 20  # one prompt of so many is held out
WATCH_EVERY = 40  # one sentence of the first corpus of so many watches the training
MOST_SECONDS = 24.0
LEAST_SECONDS = 0.15
PARTS = ("train", "watch", "test")
GAP_S = 0.2  # between the digits of a string, and around
DIGITS_IN_STRING = 4


@dataclass(frozen=True, eq=False)
class Utterance:
    """What somebody said. source: the corpus.  speaker: who.  text: a to z, apostrophes and spaces.
    mel: float16 [80, F]; audio: float32 [T] at 16 kHz, levelled, where it was asked for."""

    name: str
    source: str
    speaker: str
    text: str
    mel: Tensor
    audio: Tensor | None = None

    @property
    def frames(self) -> int:
        return self.mel.shape[1]


@dataclass(frozen=True)
class Sound:
    """An utterance that is not decoded yet: where its sound is, or its bytes."""

    name: str
    source: str
    speaker: str
    text: str
    at: Path | bytes


def part_of(sound: Sound, names: Iterable[str] = ()) -> str:
    """ "train", "watch" (seen now and then while training) or "test" (never seen before the end).

    Args:
        names: all of the sound's corpus, for LJSpeech's layout: one without any of the project's held-out names gives
            up its last 60 sentences, or a twentieth of a small one.
    """
    if sound.source == "digits":
        return "test" if sound.speaker in UNSEEN_DIGIT_SPEAKERS else "train"
    if sound.source == "voices" and sound.speaker in UNSEEN_VOICES:
        return "test"
    place = list(names).index(sound.name)
    if sound.source == "prompts":
        return "test" if place % PROMPT_EVERY == PROMPT_EVERY - 1 else "train"
    ordered = list(names)
    if sound.source == "voices":
        return "watch" if place >= len(ordered) - LAST else "train"
    held = set(ordered) & HELD_OUT or set(ordered[-max(1, min(60, len(ordered) // 20)) :])
    if sound.name in held:
        return "test"
    return "watch" if place % WATCH_EVERY == WATCH_EVERY - 1 else "train"


def transcripts(path: Path) -> dict[str, str]:
    """name|text|as read, or Asterisk's "name: text": name -> text, in the last column's form.

    Raises:
        DataError: no such file, or nothing in it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        raise DataError(f"{path} cannot be read; it lists what the recordings say, name|text.") from None
    found = {}
    for line in lines:
        fields = line.split("|") if "|" in line else line.split(": ", 1)
        if len(fields) > 1 and not line.startswith(";"):
            found[fields[0].strip()] = fields[-1].strip()
    if not found:
        raise DataError(f"{path} has no lines name|text.")
    return found


def sentences(folder: Path) -> list[Sound]:
    """One speaker in LJSpeech's layout."""
    texts = transcripts(folder / "metadata.csv")
    return [Sound(p.stem, "sentences", folder.name, texts[p.stem], p) for p in sound_files(folder) if p.stem in texts]


def voices(folder: Path) -> list[Sound]:
    """TSP's speakers: names begin with the speaker's letters."""
    texts = transcripts(folder / "metadata.csv")
    out = []
    for path in sound_files(folder):
        speaker = re.match(r"[A-Za-z]+", path.stem)
        if path.stem in texts and speaker:
            out.append(Sound(path.stem, "voices", speaker.group(), texts[path.stem], path))
    return out


def digits(folder: Path) -> list[Sound]:
    """FSDD: files, or an archive of them, called like 7_theo_31."""
    found: dict[str, Path | bytes] = {}
    archive = folder / "opus.tar"
    if archive.is_file():
        with tarfile.open(archive) as opened:
            for member in opened:
                content = opened.extractfile(member) if member.isfile() else None
                if content:
                    found[Path(member.name).stem] = content.read()
    else:
        found = {path.stem: path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES}
    out = []
    for name, at in sorted(found.items()):
        if match := re.fullmatch(r"(\d)_([a-z]+)_(\d+)", name):
            out.append(Sound(name, "digits", match[2], DIGITS[int(match[1])], at))
    if not out:
        raise DataError(f"No recordings called like 7_theo_31 below {folder}: point --digits at FSDD.")
    return out


def prompts(folder: Path, texts: Path) -> list[Sound]:
    """Telephone prompts: `digits__7` in the list is the file digits/7.g722 (or .wav) somewhere below the folder."""
    said = transcripts(texts)
    suffixes = (".g722", *SUFFIXES)
    places = {p.as_posix().rpartition(".")[0]: p for p in sorted(folder.rglob("*")) if p.suffix.lower() in suffixes}
    root = min((p.parent for p in places.values()), key=lambda p: len(p.parts), default=folder)
    out = []
    for name, text in said.items():
        path = places.get((root / name.replace("__", "/")).as_posix())
        if path is not None and text:
            out.append(Sound(name, "prompts", "prompts", text, path))
    if not out:
        raise DataError(f"None of the prompts of {texts} is below {folder}: point --prompts at Asterisk's sounds.")
    return out


def decode(at: Path | bytes) -> Tensor:
    """A sound at the project's rate, mono and levelled: float32 [T]."""
    import soundfile

    if isinstance(at, Path) and at.suffix.lower() == ".g722":
        command = ["ffmpeg", "-v", "error", "-f", "g722", "-i", str(at), "-f", "s16le", "-ac", "1", "-ar", "16000", "-"]
        try:
            content = subprocess.run(command, capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise DataError(f"{at} needs ffmpeg, which decodes G.722: install it ({error}).") from None
        x, rate = torch.from_numpy(np.frombuffer(content, np.int16).astype(np.float32) / 32768), 16_000
    else:
        samples, rate = soundfile.read(io.BytesIO(at) if isinstance(at, bytes) else str(at), always_2d=True)
        x = torch.from_numpy(samples.astype(np.float32)).mean(dim=1)
    return audio.level_to(audio.resample(x, rate, audio.SAMPLE_RATE_HZ))


def hear(sound: Sound, *, keep_audio: bool = False) -> Utterance | None:
    """Decode one sound; None for what cannot be learned from: no text in it, too short, too long."""
    try:
        text = as_read(sound.text)
    except TextError:
        return None
    x = decode(sound.at)
    if not text or not LEAST_SECONDS < len(x) / audio.SAMPLE_RATE_HZ < MOST_SECONDS:
        return None
    mel = audio.mel(x).half()
    return Utterance(sound.name, sound.source, sound.speaker, text, mel, x if keep_audio else None)


def joined(parts: Sequence[Utterance]) -> Utterance:
    """Recordings one after the other, with pauses of faint noise between them and around."""
    generator = torch.Generator().manual_seed(len(parts))
    pause = lambda: 1e-3 * torch.randn(round(GAP_S * audio.SAMPLE_RATE_HZ), generator=generator)
    pieces = [pause()]
    for one in parts:
        assert one.audio is not None
        pieces += [one.audio, pause()]
    sound = torch.cat(pieces)
    first = parts[0]
    text = " ".join(one.text for one in parts)
    return Utterance(" ".join(one.name for one in parts), first.source, first.speaker, text, audio.mel(sound), sound)


def of_part(sounds: Sequence[Sound], part: str) -> list[Sound]:
    """The sounds of a corpus that belong to "train", "watch" or "test"."""
    names: dict[tuple[str, str], list[str]] = {}
    for one in sounds:
        names.setdefault((one.source, one.speaker), []).append(one.name)
    return [one for one in sounds if part_of(one, names[one.source, one.speaker]) == part]


def load(sounds: Sequence[Sound], *, cache: Path | None = None) -> list[Utterance]:
    """Utterances of these sounds; spectrograms come from the cache where it has them."""
    if cache is None:
        return [found for one in sounds if (found := hear(one))]
    key = hashlib.sha256("\n".join(f"{one.source} {one.name} {one.text}" for one in sounds).encode()).hexdigest()[:16]
    stored = cache / f"{sounds[0].source if sounds else 'none'}-{key}"
    if not stored.with_suffix(".json").exists():
        keep(stored, (found for one in sounds if (found := hear(one))))
    return kept(stored)


def keep(stored: Path, utterances: Iterable[Utterance]) -> None:
    """Write `stored`.npy, all frames one after the other, float16 [F, 80], and `stored`.json, what they are."""
    rows: list[dict[str, Any]] = []
    blocks = []
    for one in utterances:
        rows.append({"name": one.name, "source": one.source, "speaker": one.speaker, "text": one.text,
                     "frames": one.frames})  # fmt: skip
        blocks.append(one.mel.T.numpy())
    with whole(stored.with_suffix(".npy")) as part:
        np.save(part, np.concatenate(blocks) if blocks else np.zeros((0, 80), np.float16))
    with whole(stored.with_suffix(".json")) as part:
        part.write_text(json.dumps(rows), encoding="utf-8")


def kept(stored: Path) -> list[Utterance]:
    """What `keep` wrote."""
    frames = torch.from_numpy(np.load(stored.with_suffix(".npy")))
    out, at = [], 0
    for row in json.loads(stored.with_suffix(".json").read_text(encoding="utf-8")):
        count = row.pop("frames")
        out.append(Utterance(**row, mel=frames[at : at + count].T))
        at += count
    return out


def noises(folder: Path, *, only: Sequence[str] = (), seconds: float = 10.0) -> Iterator[tuple[str, Tensor]]:
    """Sounds without speech below a folder, in pieces: (name, float32 [T]), levelled.

    Stems of songs are summed without their voice: every folder that has drums, bass and other.
    """
    songs: dict[Path, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or (only and not any(one in path.as_posix() for one in only)):
            continue
        stem = path.stem.lower()
        if stem in ("drums", "bass", "other"):
            songs.setdefault(path.parent, []).append(path)
        elif stem != "vocals":
            yield path.stem, decode(path)
    for song, stems in songs.items():
        parts = [audio.read(path)[0].mean(dim=0) for path in stems]
        rate = audio.read(stems[0])[1]
        mixed = audio.resample(torch.stack([p[: min(map(len, parts))] for p in parts]).sum(dim=0), rate, 16_000)
        for place, piece in enumerate(mixed.split(round(seconds * audio.SAMPLE_RATE_HZ))):
            if float(piece.square().mean()) > 1e-6 and len(piece) > 16_000:
                yield f"{song.name}-{place}", audio.level_to(piece)
