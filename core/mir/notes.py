"""Frequencies as notes: names in English and Korean, deviations in cents, and notes out of a pitch curve."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log2

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONCERT_HZ", "Note", "cents_off", "hz_of", "midi_of", "name", "notes"]

CONCERT_HZ = 440.0  # A4, MIDI note 69 (ISO 16)
NAMES = {
    "en": ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"),
    "ko": ("도", "도♯", "레", "레♯", "미", "파", "파♯", "솔", "솔♯", "라", "라♯", "시"),
}
SHORTEST_S = 0.08
SMOOTHING_FRAMES = 7  # a median over so many frames, before notes are told apart
LEAVES = 0.7  # semitones from a note's middle, beyond which it is another note
STRUCK = 3.0  # times as loud as 40 ms before, on the same pitch: the note is struck again
STRUCK_FRAMES = 4


def midi_of(f0_hz: float) -> float:
    """The note number, with its fraction: 69 + 12 log2(f / 440)."""
    return 69 + 12 * log2(f0_hz / CONCERT_HZ)


def hz_of(midi: float) -> float:
    """The frequency of a note number."""
    return CONCERT_HZ * 2 ** ((midi - 69) / 12)


def cents_off(f0_hz: float) -> float:
    """How far above the nearest note, in cents: -50 to 50."""
    place = midi_of(f0_hz)
    return 100 * (place - round(place))


def name(f0_hz: float, *, language: str = "en") -> str:
    """The nearest note: "A4" (scientific pitch notation, C4 is the middle C), in Korean "라4" (fixed do).

    Returns:
        "" for a pitch that is not positive or not finite.
    """
    if not isfinite(f0_hz) or f0_hz <= 0:
        return ""
    number = round(midi_of(f0_hz))
    return f"{NAMES[language][number % 12]}{number // 12 - 1}"


@dataclass(frozen=True)
class Note:
    """begin_s, end_s: where it sounds.  midi: its number.  f0_hz: the median pitch.  cents: above the exact note."""

    begin_s: float
    end_s: float
    midi: int
    f0_hz: float
    cents: float

    def name(self, language: str = "en") -> str:
        return name(hz_of(self.midi), language=language)


def notes(times_s: NDArray, f0_hz: NDArray, voiced: NDArray, level: NDArray | None = None) -> list[Note]:
    """A pitch curve cut into notes: a new one begins where the voice does, moves by 0.7 semitones, or is struck again.

    Args:
        times_s: float [F], evenly spaced.  f0_hz: float [F].  voiced: bool [F].
        level: float [F], how loud; without it, nothing is said about notes struck again on the same pitch.
    Returns:
        notes of at least 80 ms, in order.
    """
    from scipy.ndimage import median_filter

    if len(times_s) < 2:
        return []
    hop_s = float(times_s[1] - times_s[0])
    place = 69 + 12 * np.log2(np.maximum(f0_hz, 1e-3) / CONCERT_HZ)
    struck = np.zeros(len(times_s), dtype=bool) if level is None else _struck(np.asarray(level))
    out = []
    for begin, end in _runs(np.asarray(voiced, dtype=bool)):
        smooth = median_filter(place[begin:end], SMOOTHING_FRAMES, mode="nearest")
        start = 0
        for i in range(1, end - begin + 1):
            middle = round(float(np.median(smooth[start:i])))
            if i < end - begin and abs(smooth[i] - middle) < LEAVES and not struck[begin + i]:
                continue
            if (i - start) * hop_s >= SHORTEST_S:
                f0 = float(np.median(f0_hz[begin + start : begin + i]))
                nearest = round(midi_of(f0))
                began = float(times_s[begin + start])
                out.append(Note(began, began + (i - start) * hop_s, nearest, f0, 100 * (midi_of(f0) - nearest)))
            start = i
    return out


def _struck(level: NDArray) -> NDArray:
    """Where the level has become three times as high within 40 ms, the first frame of each such rise: bool [F]."""
    before = np.concatenate([np.full(STRUCK_FRAMES, np.inf), level[:-STRUCK_FRAMES]])
    rising = level > STRUCK * np.maximum(before, 1e-9)
    return rising & ~np.concatenate([[False], rising[:-1]])


def _runs(flags: NDArray) -> list[tuple[int, int]]:
    """Where a run of True begins and ends."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))
