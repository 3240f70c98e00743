"""Recordings with their texts -> ids, mels and, where the phones have been aligned, who is said when.

Reads the layout of LJSpeech and of KSS: `metadata.csv` or `transcript*.txt` (path or name|text|...) beside the sounds.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core import audio
from core.errors import DataError, TextError
from core.text import alignment
from core.text.articulation import SILENCE
from core.text.tokens import BOUNDARY, END, START, table, tokens
from core.wavenet import data as corpus

FRAME_S = audio.HOP_SAMPLES / audio.SAMPLE_RATE_HZ
LEAD_S, TRAIL_S = 0.1, 0.2  # of the silence around a sentence that is kept
LEAST_S = 0.012  # that a boundary between two words is looked at
TIMINGS = "timings.json"  # written by core.tacotron2.teacher beside its sounds
UNSEEN_NAME = "unseen"  # how the names of its held-out sentences begin
HELD_OUT_SHARE = 200  # of a Korean corpus without such names, about one recording in so many
SILENT_DB = 40.0  # below a recording's loudest 12.5 ms, there is no speech any more at its ends
DECIBELS = 20 / float(np.log(10))  # of a log-mel of one
SILENT_LOG_MEL = float(np.log(audio.MEL_FLOOR))


@dataclass(frozen=True, eq=False)
class Example:
    """One sentence. ids int64 [N].  mel float32 [80, F].  starts_s float64 [N + 1]: when each token begins in the
    mel, the last one its end; None without an alignment."""

    name: str
    ids: Tensor
    mel: Tensor
    starts_s: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Batch:
    """ids int64 [B, N], lengths int64 [B], mel float [B, 80, F], frames int64 [B], alignment float [B, S, N] or None.

    Beyond the lengths: id 0, silence, rows of zeros.
    """

    ids: Tensor
    lengths: Tensor
    mel: Tensor
    frames: Tensor
    alignment: Tensor | None


def timed_tokens(found: alignment.Alignment) -> tuple[list[str], np.ndarray]:
    """The symbols of `core.text.tokens` for the phones that were really said, and when each begins.

    Silence belongs to the start, the end, a mark, or the boundary between two words. What has no time of its own
    takes a little from its neighbours, so that attention may visit it.

    Returns:
        symbols [N], seconds [N + 1].
    """
    segments = found.segments
    parts: list[tuple[str, float]] = [(START, segments[0].start_s)]
    i = 1
    for number, word in enumerate(found.words):
        while i < len(segments) and segments[i].word == number:
            parts.append((segments[i].phone, segments[i].start_s))
            i += 1
        silent = i < len(segments) and segments[i].phone == SILENCE
        until = segments[i].start_s if i < len(segments) else segments[-1].end_s
        last = number + 1 == len(found.words)
        if word.break_after:
            parts.append((word.break_after, until))
        if last:
            parts.append((END, until))
        else:
            after = segments[i].end_s if silent and word.break_after else until
            parts.append((BOUNDARY, after))
        i += silent
    starts = np.array([start for _, start in parts] + [segments[-1].end_s])
    return [symbol for symbol, _ in parts], with_room(starts)


def with_room(starts_s: np.ndarray) -> np.ndarray:
    """Starts [N + 1] that do not fall, with a little time for the tokens that have none."""
    starts = starts_s.copy()
    for k in range(1, len(starts) - 1):
        if starts[k + 1] - starts[k] < LEAST_S:
            starts[k] = max(starts[k - 1], starts[k] - LEAST_S / 2)
            starts[k + 1] = max(starts[k + 1], starts[k] + LEAST_S)
    return np.maximum.accumulate(starts)


def spoken(recording: corpus.Recording, found: alignment.Alignment) -> tuple[int, int]:
    """The frames from the first of the speech, and a little silence, to the last: low, high."""
    _, starts = timed_tokens(found)
    first = max(0.0, starts[1] - LEAD_S)
    last = min(starts[-1], starts[-2] + TRAIL_S)
    return round(first / FRAME_S), min(recording.mel.shape[1], round(last / FRAME_S) + 1)


def aligned(recording: corpus.Recording, found: alignment.Alignment, *, language: str = "en") -> Example:
    """A recording whose phones are known, without the long silences around it."""
    symbols, starts = timed_tokens(found)
    ids = torch.tensor([table(language, "phones").index(symbol) for symbol in symbols])
    low, high = spoken(recording, found)
    starts = np.clip(starts - low * FRAME_S, 0.0, (high - low) * FRAME_S)
    return Example(recording.name, ids, recording.mel[:, low:high].contiguous(), starts)


def load(
    folder: Path, aligned_by: Path, *, held_out: bool = False, limit: int | None = None, language: str = "en"
) -> list[Example]:
    """All recordings of the training part, or those held out, that have an alignment (core.text.alignment).

    Raises:
        DataError: no corpus, no alignment, or none of its recordings in the corpus.
    """
    known = alignment.read(aligned_by)
    recordings = corpus.load(folder, held_out=held_out, limit=limit)
    found = [aligned(one, known[one.name], language=language) for one in recordings if one.name in known]
    if not found:
        raise DataError(f"{aligned_by} has no recording of {folder}: align that corpus by core.text.alignment.")
    return found


def texts(folder: Path) -> dict[str, str]:
    """The sentences of a corpus: name -> text, as it is read aloud where the corpus has that too.

    From metadata.csv (LJSpeech: name|text|read) or transcript*.txt (KSS: 1/1_0000.wav|text|read|...).

    Raises:
        DataError: neither file is there, or has such lines.
    """
    files = [folder / "metadata.csv", *sorted(folder.glob("transcript*.txt"))]
    path = next((path for path in files if path.is_file()), None)
    if path is None:
        raise DataError(f"{folder} has no metadata.csv (name|text) or transcript*.txt: point --data at a corpus.")
    lines = (line.split("|") for line in path.read_text(encoding="utf-8-sig").splitlines())
    found = {
        fields[0].rpartition("/")[2].removesuffix(".wav"): fields[2] if fields[2:3] > [""] else fields[1]
        for fields in lines if len(fields) > 1
    }  # fmt: skip
    if not found:
        raise DataError(f"{path} has no lines name|text.")
    return found


def trimmed(recording: corpus.Recording) -> Tensor:
    """The mel [80, F'] without the long silences around the speech."""
    hops = recording.audio[: recording.audio.shape[0] // audio.HOP_SAMPLES * audio.HOP_SAMPLES]
    level = hops.reshape(-1, audio.HOP_SAMPLES).square().mean(dim=1)  # [F - 1]
    loud = torch.nonzero(level > level.max() * 10 ** (-SILENT_DB / 10))[:, 0]
    low = max(0, int(loud[0]) - round(LEAD_S / FRAME_S))
    high = int(loud[-1]) + 1 + round(TRAIL_S / FRAME_S)
    return recording.mel[:, low:high].contiguous()


def load_korean(folder: Path, *, held_out: bool = False, limit: int | None = None) -> list[Example]:
    """All sentences of the training part of a Korean corpus, or those held out, as sounds (core.text.korean).

    Reads what core.tacotron2.teacher wrote, with its times, and KSS, without. Texts that cannot be read are left
    out. Held out are the names that begin with "unseen"; in a corpus without them, about one in 200 by its name.

    Raises:
        DataError: no corpus; no text for its sounds; times that are not those of its texts.
    """
    sentences = texts(folder)
    known = {}
    if (folder / TIMINGS).is_file():
        known = json.loads((folder / TIMINGS).read_text(encoding="utf-8"))["starts_s"]
    files = [path for path in corpus.sound_files(folder) if path.stem in sentences]
    held = {path.stem for path in files if path.stem.startswith(UNSEEN_NAME)}
    held = held or {path.stem for path in files if zlib.crc32(path.stem.encode()) % HELD_OUT_SHARE == 0}
    held = held or {path.stem for path in files[-1:]}
    found = []
    for path in [path for path in files if (path.stem in held) == held_out][:limit]:
        try:
            ids = torch.tensor(tokens(sentences[path.stem], "ko", unit="sounds").ids)
        except TextError:
            continue
        starts = known.get(path.stem)
        if starts is not None and len(starts) != len(ids) + 1:
            raise DataError(f"{folder / TIMINGS} does not fit “{path.stem}”: run core.tacotron2.teacher again.")
        recording = corpus.read(path)
        mel = recording.mel if starts is not None else trimmed(recording)
        found.append(Example(path.stem, ids, mel, None if starts is None else np.array(starts)))
    if not found:
        raise DataError(f"{folder} has no sounds with a Korean text: point --data at a corpus.")
    return found


def weights(starts_s: np.ndarray, steps: int, frames_per_step: int) -> Tensor:
    """Where a decoder should look: the share of each step's time that belongs to each token.

    Args:
        starts_s: [N + 1], when each token begins; the last one its end.
        steps: S.  frames_per_step: r; step s makes frames s r to s r + r - 1, each 12.5 ms around its centre.
    Returns:
        float32 [S, N], rows that sum to 1.
    """
    width = frames_per_step * FRAME_S
    begins = (np.arange(steps) * width - FRAME_S / 2)[:, None]
    ends = np.array(starts_s, dtype=np.float64)
    ends[0], ends[-1] = -np.inf, np.inf  # before and after, there is silence
    overlap = np.minimum(begins + width, ends[None, 1:]) - np.maximum(begins, ends[None, :-1])
    share = np.maximum(overlap, 0.0) / width
    return torch.from_numpy((share / share.sum(axis=1, keepdims=True)).astype(np.float32))


def collate(examples: Sequence[Example], frames_per_step: int) -> Batch:
    """One batch, its frames a multiple of the decoder's."""
    lengths = torch.tensor([len(one.ids) for one in examples])
    frames = torch.tensor([one.mel.shape[1] for one in examples])
    steps = -(-frames // frames_per_step)
    most, longest = int(steps.max()), int(lengths.max())
    ids = torch.zeros(len(examples), longest, dtype=torch.int64)
    mel = torch.full((len(examples), audio.MEL_BANDS, most * frames_per_step), SILENT_LOG_MEL)
    looks = torch.zeros(len(examples), most, longest)
    for i, one in enumerate(examples):
        ids[i, : lengths[i]] = one.ids
        mel[i, :, : frames[i]] = one.mel
        if one.starts_s is not None:
            looks[i, : steps[i], : lengths[i]] = weights(one.starts_s, int(steps[i]), frames_per_step)
    known = all(one.starts_s is not None for one in examples)
    return Batch(ids, lengths, mel, frames, looks if known else None)


def batches(examples: Sequence[Example], *, batch: int, frames_per_step: int, seed: int = 0) -> Iterator[Batch]:
    """Batches of sentences of like length, without end, each sentence once before any comes again."""
    generator = np.random.default_rng(seed)
    lengths = np.array([one.mel.shape[1] for one in examples])
    while True:
        order = np.argsort(lengths * generator.uniform(0.85, 1.15, len(lengths)))
        groups = [order[i : i + batch] for i in range(0, len(order), batch)]
        for group in generator.permutation(len(groups)):
            yield collate([examples[i] for i in groups[group]], frames_per_step)
