"""Forced alignment: when each phone of a known text is said in a recording, by pocketsphinx.

    python -m core.text.alignment --data PATH --out runs/alignment-kathleen.json

aligns every recording of a corpus (metadata.csv beside wavs/ or flac/) and writes one JSON file, which `read` gives
back as {name: Alignment}. In the file, times in seconds from the beginning of the recording, which is unchanged but
for its level:

    {"recordings": {"arctic_a0001": {
        "text": "Author of the danger trail, Philip Steels, etc.", "seconds": 3.56,
        "words": [["author", [0, 6], ["AO1", "TH", "ER0"], "dictionary", ""], ...],     fields of english.Word
        "segments": [["SIL", 0.0, 0.04, -1], ["AO1", 0.04, 0.17, 0], ...]}}}            fields of Segment

The pronunciations that compete are those of our own front end and CMUdict's others, so the words carry the phones,
with stress, that fit the sound best: "the" may be DH AH0 or DH IY0. This needs the package pocketsphinx
(tests/requirements.txt); whoever reads the file does not.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import AudioError, DataError, PackageError
from core.text import english
from core.text.articulation import SILENCE, bare
from core.text.english import Word
from core.text.phones import Phones, variants

__all__ = ["Alignment", "Segment", "align", "read", "texts", "write"]

RATE_HZ = 16_000
FRAME_S = 0.01
PADDING_S = 0.2  # of the recording's own noise before and after it, so that its silence is found as such
MIN_PAUSE_S = 0.05  # a shorter silence within a sentence is the closure of a stop
_STOPS = frozenset("P T K B D G CH JH".split())


@dataclass(frozen=True)
class Segment:
    """phone: ARPABET with stress, or SIL.  start_s, end_s: in the recording.  word: its index, -1 in silence."""

    phone: str
    start_s: float
    end_s: float
    word: int


@dataclass(frozen=True)
class Alignment:
    """One recording: words as they were said, and its segments from 0 to its end without gaps.

    The first and the last segment are SIL, of length 0 if the speaker leaves no silence there; so the segments are
    one to one with `context.contexts(words, pauses)`.
    """

    words: tuple[Word, ...]
    segments: tuple[Segment, ...]

    @property
    def pauses(self) -> frozenset[int]:
        """The words after which the speaker pauses, but the last."""
        pairs = zip(self.segments, self.segments[1:-1])
        return frozenset(a.word for a, b in pairs if b.phone == SILENCE and a.word >= 0)


def align(samples: np.ndarray, words: Sequence[Word]) -> Alignment:
    """Find each phone of the words in the recording.

    Args:
        samples: float [T] at 16 kHz, levelled.  words: as from `english.words`, what is said in it.
    Returns:
        the alignment, its times multiples of 10 ms but for the recording's end.
    Raises:
        AudioError: the sound is not [T], or does not match the words.
        PackageError: pocketsphinx is not installed.
    """
    x = np.asarray(samples, np.float32)
    if x.ndim != 1 or len(x) < RATE_HZ // 10 or not np.isfinite(x).all():
        raise AudioError(f"Alignment takes at least 0.1 s of sound [T] at 16 kHz, got {list(x.shape)}.")
    entries = _entries(words)
    found = _decode(_padded(x), entries, [f"w{i}" for i in range(len(words))])
    said, segments = list(words), []
    for name, phones in found:
        if not name.startswith("w"):  # <sil>, <s>, </s>, noises
            segments.append(Segment(SILENCE, phones[0][1], phones[-1][2], -1))
            continue
        index = int(name[1:].partition("(")[0])
        said[index] = replace(words[index], phones=entries[name])
        segments += [Segment(p, a, b, index) for p, (_, a, b) in zip(entries[name], phones)]
    if [k for k, _ in groupby(s.word for s in segments if s.word >= 0)] != list(range(len(words))):
        raise AudioError("The recording does not match its text: correct the text, or leave the recording out.")
    return Alignment(tuple(said), _tidied(segments, len(x) / RATE_HZ))


def _entries(words: Sequence[Word]) -> dict[str, Phones]:
    """The dictionary: "w3" and "w3(2)" -> phones with stress; sounds that differ in stress alone are one entry."""
    entries = {}
    for i, word in enumerate(words):
        sounds: dict[tuple[str, ...], Phones] = {}
        for phones in (word.phones, *(variants(word.text) if word.source == "dictionary" else ())):
            sounds.setdefault(tuple(bare(p) for p in phones), tuple(phones))
        for k, phones in enumerate(sounds.values()):
            entries[f"w{i}({k + 1})" if k else f"w{i}"] = phones
    return entries


def _padded(x: np.ndarray) -> np.ndarray:
    """The recording between two stretches of noise at the level of its quietest tenth, as 16-bit samples."""
    frames = x[: len(x) // 160 * 160].reshape(-1, 160)
    level = float(np.quantile(np.sqrt((frames**2).mean(axis=1)), 0.02)) + 1e-5
    noise = np.random.default_rng(0).normal(0, level, (2, round(PADDING_S * RATE_HZ)))
    return (np.concatenate([noise[0], x, noise[1]]).clip(-1, 1) * 32767).astype("<i2")


def _decode(pcm: np.ndarray, entries: dict[str, Phones], words: list[str]) -> list[tuple[str, list]]:
    """What pocketsphinx finds: (dictionary key, [(phone, start, end in seconds of the unpadded sound)])."""
    try:
        from pocketsphinx import Decoder, get_model_path
    except ImportError as error:
        raise PackageError(
            "The package pocketsphinx is not installed: `pip install -r tests/requirements.txt`."
        ) from error
    with tempfile.NamedTemporaryFile("w", suffix=".dict") as file:
        file.writelines(f"{key} {' '.join(bare(p) for p in phones)}\n" for key, phones in entries.items())
        file.flush()
        decoder = Decoder(
            hmm=get_model_path("en-us/en-us"), lm=None, dict=file.name, loglevel="FATAL",
            bestpath=False, wbeam=1e-48,  # a best path through the lattice may hold words too short for their phones
        )  # fmt: skip
    decoder.set_align_text(" ".join(words))
    for again in (False, True):  # words first, then their phones
        if again:
            if decoder.hyp() is None:
                return []
            decoder.set_alignment()
        decoder.start_utt()
        decoder.process_raw(pcm.tobytes(), full_utt=True)
        decoder.end_utt()

    def times(phone: Any) -> tuple[str, float, float]:
        return phone.name, phone.start * FRAME_S - PADDING_S, (phone.start + phone.duration) * FRAME_S - PADDING_S

    return [(word.name, [times(phone) for phone in word]) for word in decoder.get_alignment() or ()]


def _tidied(segments: list[Segment], seconds: float) -> tuple[Segment, ...]:
    """Within [0, seconds], one silence at a time, none too short, one at each end."""
    parts: list[Segment] = [Segment(SILENCE, 0.0, 0.0, -1)]
    for s in [*segments, Segment(SILENCE, seconds, seconds, -1)]:
        start, end = (round(min(max(t, 0.0), seconds), 4) for t in (s.start_s, s.end_s))
        if s.phone == parts[-1].phone == SILENCE:
            parts[-1] = replace(parts[-1], end_s=end)
        else:
            parts.append(replace(s, start_s=start, end_s=end))
    for i in range(len(parts) - 2, 0, -1):
        gap = parts[i]
        if gap.phone == SILENCE and gap.end_s - gap.start_s < MIN_PAUSE_S - 1e-6:
            middle = gap.start_s if bare(parts[i + 1].phone) in _STOPS else (gap.start_s + gap.end_s) / 2
            parts[i + 1] = replace(parts[i + 1], start_s=middle)
            parts[i - 1] = replace(parts[i - 1], end_s=middle)
            del parts[i]
    for i in range(1, len(parts) - 1):  # a phone heard in the padding keeps one frame
        start = max(parts[i].start_s, parts[i - 1].end_s)
        parts[i] = replace(parts[i], start_s=start, end_s=max(parts[i].end_s, start + FRAME_S))
    return (*parts[:-1], replace(parts[-1], start_s=min(parts[-2].end_s, seconds)))


def texts(folder: Path) -> dict[str, str]:
    """The sentences of a corpus: name -> text, from metadata.csv (name|text|...).

    Raises:
        DataError: no metadata.csv there, or nothing in it.
    """
    try:
        lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    except OSError:
        raise DataError(f"{folder} has no metadata.csv (name|text): point --data at a corpus.") from None
    found = {fields[0]: fields[1] for line in lines if len(fields := line.split("|")) > 1}
    if not found:
        raise DataError(f"{folder}/metadata.csv has no lines name|text.")
    return found


def write(path: Path, alignments: dict[str, Alignment], sentences: dict[str, str]) -> None:
    """The file that the head of this module describes."""
    recordings = {
        name: {
            "text": sentences[name],
            "seconds": found.segments[-1].end_s,
            "words": [astuple(word) for word in found.words],
            "segments": [astuple(segment) for segment in found.segments],
        }
        for name, found in alignments.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"recordings": recordings}, ensure_ascii=False), encoding="utf-8")


def read(path: Path) -> dict[str, Alignment]:
    """What `write` wrote.

    Raises:
        DataError: no such file, or not one of ours.
    """
    try:
        recordings = json.loads(path.read_text(encoding="utf-8"))["recordings"]
        return {
            name: Alignment(
                tuple(Word(text, tuple(span), tuple(phones), *rest) for text, span, phones, *rest in one["words"]),
                tuple(Segment(*fields) for fields in one["segments"]),
            )
            for name, one in recordings.items()
        }  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} holds no alignments ({type(error).__name__}): python -m core.text.alignment writes them."
        ) from None


def of_corpus(folder: Path, *, limit: int | None = None) -> tuple[dict[str, Alignment], dict[str, str]]:
    """Align every recording of a corpus that has a text; the names of those that fail are printed."""
    from core.wavenet import data

    sentences, alignments = texts(folder), {}
    files = [path for path in data.sound_files(folder) if path.stem in sentences][:limit]
    for i, path in enumerate(files):
        try:
            alignments[path.stem] = align(data.read(path).audio.numpy(), english.words(sentences[path.stem]))
        except AudioError as error:
            print(f"{path.stem}: {error}")
        if i % 100 == 99:
            print(f"{i + 1} of {len(files)}", flush=True)
    return alignments, sentences


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--limit", type=int, help="only so many recordings")
    options = parser.parse_args(arguments)
    alignments, sentences = of_corpus(options.data, limit=options.limit)
    write(options.out, alignments, sentences)
    phones = sum(len(found.segments) for found in alignments.values())
    print(f"{len(alignments)} recordings, {phones:,} segments: {options.out}")


if __name__ == "__main__":
    main()
