"""Recordings with their alignments -> what a voice of units is made of: points, what the sound is like there, contexts.

Every phone has two points, numbered through a recording: 2i is the middle of phone i, 2i + 1 its end, which is the
beginning of the next. A unit is the sound between two points: a diphone runs from 2i to 2i + 2, middle to middle.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft

from core.audio import SAMPLE_RATE_HZ
from core.errors import DataError
from core.text import alignment, articulation, context
from core.text.alignment import Alignment
from core.text.articulation import INDEX, SILENCE
from core.text.context import PLACES, PUNCTUATION, PhoneContext
from core.wavenet.data import HELD_OUT, read, sound_files

FRAME_SAMPLES = 80  # 5 ms
WINDOW_SAMPLES = 400  # 25 ms
CEPSTRA = 12
F0_RANGE_HZ = (80.0, 400.0)
EDGE_S = 0.15  # the most silence that a unit takes from the ends of a recording
_STOPS = frozenset("P T K B D G CH JH".split())

# The columns of `codes`: fields of PhoneContext as integers.
CODES = (
    "ll", "l", "c", "r", "rr", "stress", "stress_before", "stress_after", "place", "phone_in_syllable",
    "phones_after_in_syllable", "syllable_in_word", "syllables_after_in_word", "syllable_in_phrase",
    "syllables_after_in_phrase", "word_in_phrase", "words_after_in_phrase", "phrase_in_utterance", "phrases_after",
    "punctuation", "function_word", "word",
)  # fmt: skip
COLUMN = {name: i for i, name in enumerate(CODES)}


@dataclass(frozen=True, eq=False)
class Frames:
    """A recording every 5 ms. cepstra [F, 12], energy [F] (natural log of the RMS), log_f0 [F], 0 where unvoiced."""

    cepstra: np.ndarray
    energy: np.ndarray
    log_f0: np.ndarray


@dataclass(frozen=True, eq=False)
class Utterance:
    """One recording: audio float32 [T] at 16 kHz, its alignment, and the contexts of its phones, one a segment."""

    name: str
    text: str
    audio: np.ndarray
    alignment: Alignment
    contexts: tuple[PhoneContext, ...]


@functools.lru_cache(maxsize=1)
def _mel_filters() -> np.ndarray:
    import librosa

    return librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=512, n_mels=26, fmin=60, fmax=7600)  # [26, 257]


def frames(x: np.ndarray) -> Frames:
    """Mel cepstra 1 … 12, energy and F0 of a sound, in frames centred on samples 0, 80, 160, …

    Source: Davis and Mermelstein 1980 for the cepstra; F0 by DIO and StoneMask (Morise et al. 2009), as in pyworld.

    Args:
        x: float [T] at 16 kHz.
    Returns:
        1 + T // 80 frames.
    """
    import pyworld

    padded = np.pad(np.asarray(x, np.float64), WINDOW_SAMPLES // 2)
    cut = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::FRAME_SAMPLES]  # [F, 400]
    power = np.abs(np.fft.rfft(cut * np.hamming(WINDOW_SAMPLES), 512)) ** 2  # [F, 257]
    cepstra = scipy.fft.dct(np.log(power @ _mel_filters().T + 1e-8), norm="ortho")[:, 1 : CEPSTRA + 1]
    energy = 0.5 * np.log((cut**2).mean(axis=1) + 1e-8)
    floor, ceiling = F0_RANGE_HZ
    signal = np.asarray(x, np.float64)
    rough, times = pyworld.dio(signal, SAMPLE_RATE_HZ, f0_floor=floor, f0_ceil=ceiling, frame_period=5.0)
    f0 = pyworld.stonemask(signal, rough, times, SAMPLE_RATE_HZ)[: len(cut)]
    f0 = np.pad(f0, (0, len(cut) - len(f0)))
    voiced = (f0 >= floor) & (f0 <= ceiling)
    return Frames(cepstra, energy, np.where(voiced, np.log(np.where(voiced, f0, 1.0)), 0.0))


def points(found: Alignment, measured: Frames) -> np.ndarray:
    """The sample of every point: int64 [2 N], point 2i the middle of segment i, 2i + 1 its end.

    "Middle" is where a cut is least heard: of a stop its quietest moment (the closure), of other phones the moment
    between 30 and 70 % at which the spectrum changes least, of silence at the ends up to 0.15 s away from speech.
    """
    change = np.linalg.norm(np.gradient(measured.cepstra, axis=0), axis=1)  # [F]
    change = np.convolve(change, np.ones(5) / 5, mode="same")
    out = []
    for i, segment in enumerate(found.segments):
        start, end = segment.start_s * SAMPLE_RATE_HZ, segment.end_s * SAMPLE_RATE_HZ
        if i == 0:
            middle = max(start, end - EDGE_S * SAMPLE_RATE_HZ)
        elif i == len(found.segments) - 1:
            end = middle = min(end, start + EDGE_S * SAMPLE_RATE_HZ)
        else:
            stop = articulation.bare(segment.phone) in _STOPS
            low, high = (0.1, 0.6) if stop else (0.3, 0.7)
            first, last = (round((start + share * (end - start)) / FRAME_SAMPLES) for share in (low, high))
            measure = measured.energy if stop or segment.phone == SILENCE else change
            middle = (first + int(np.argmin(measure[first : last + 1]))) * FRAME_SAMPLES
            middle = min(max(middle, start), end)
        out += [round(middle), round(end)]
    return np.array(out, np.int64)


def at_points(measured: Frames, where: np.ndarray) -> np.ndarray:
    """What the sound is like at points: float [N, 15] of 12 cepstra, energy, log F0 (0 if unvoiced), voiced or not.

    Args:
        where: samples, int [N].
    """
    nearest = np.clip((where + FRAME_SAMPLES // 2) // FRAME_SAMPLES, 0, len(measured.energy) - 1)
    log_f0 = measured.log_f0[nearest]
    columns = [measured.cepstra[nearest], measured.energy[nearest, None], log_f0[:, None], (log_f0 > 0)[:, None]]
    return np.concatenate(columns, axis=1)


def prosody_of(found: Alignment, measured: Frames) -> np.ndarray:
    """Of every segment: float [N, 2], natural log of its duration in seconds (at least 10 ms) and of its median F0.

    The second is 0 where fewer than 3 frames of the segment are voiced.
    """
    out = []
    for segment in found.segments:
        first, last = (round(t * SAMPLE_RATE_HZ / FRAME_SAMPLES) for t in (segment.start_s, segment.end_s))
        inside = measured.log_f0[first : last + 1]
        voiced = inside[inside > 0]
        median = float(np.median(voiced)) if len(voiced) >= 3 and segment.phone != SILENCE else 0.0
        out.append((np.log(max(segment.end_s - segment.start_s, 0.01)), median))
    return np.array(out)


def codes(sentence: Sequence[PhoneContext]) -> np.ndarray:
    """The contexts as integers, for the target cost: int16 [N, 22], columns as `CODES`; "word" is -1 before any."""
    rows = []
    for x in sentence:
        values = {name: getattr(x, name) for name in CODES}
        values.update({name: INDEX[values[name]] for name in ("ll", "l", "c", "r", "rr")})
        values["place"] = PLACES.index(x.place)
        values["punctuation"] = PUNCTUATION.index(x.punctuation)
        rows.append([int(values[name]) for name in CODES])
    return np.array(rows, np.int16).reshape(len(rows), len(CODES))


def load(
    folder: Path, alignments: dict[str, Alignment], *, held_out: bool = False, limit: int | None = None
) -> list[Utterance]:
    """The recordings of a corpus that are aligned: those of the training part, or those held out.

    Raises:
        DataError: no corpus there, or none of its recordings is aligned.
    """
    sentences = alignment.texts(folder)
    paths = [path for path in sound_files(folder) if path.stem in alignments and path.stem in sentences]
    chosen = [path for path in paths if (path.stem in HELD_OUT) == held_out][:limit]
    if not chosen:
        raise DataError(
            f"None of the recordings in {folder} is aligned: python -m core.text.alignment aligns them."
        )
    out = []
    for path in chosen:
        found = alignments[path.stem]
        sentence = tuple(context.contexts(found.words, found.pauses))
        out.append(Utterance(path.stem, sentences[path.stem], read(path).audio.numpy(), found, sentence))
    return out
