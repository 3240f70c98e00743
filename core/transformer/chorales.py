"""JSB Chorales: four voices on a grid of sixteenth notes, and the row of tokens that the Music Transformer reads.

    chorales = read(Path("runs/chorales.json"))          # {"train": [...], "valid": [...], "test": [...]}
    ids = serialise(chorales["test"][0].steps)           # soprano, alto, tenor, bass; then the next sixteenth
    to_midi(deserialise(ids)).write("chorale.mid")

Source: Huang et al. 2018, Music Transformer (arXiv:1809.04281), the section on JSB Chorales: the score is read voice
after voice within a step of the grid, then step after step; a token is the pitch that sounds, with no sign of whether
it is held or struck again. The standard split in train, valid and test is that of Boulanger-Lewandowski et al. 2012
(arXiv:1206.6392).
Differs from the paper: a rest is a token of its own, and a token EDGE stands before the beginning and after the end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import DataError, MidiError

if TYPE_CHECKING:
    import pretty_midi
    from torch import Tensor

PUBLISHED = {"absolute": 0.417, "relative": 0.357, "Music Transformer": 0.335}  # arXiv:1809.04281, its table on JSB
VOICES = ("soprano", "alto", "tenor", "bass")
SPLITS = ("train", "valid", "test")
STEPS_PER_QUARTER = 4
LOWEST, HIGHEST = 36, 81  # C2 to A5: no voice of the corpus leaves it
REST = HIGHEST - LOWEST + 1
EDGE = REST + 1
VOCABULARY = EDGE + 1
SILENT = -1  # in steps
LONGEST_STEPS = 4096  # of one chorale: 64 bars of common time are 1024
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SIGNS = {None: 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
WORD = re.compile(r"([A-Ga-grR])([#♯b♭])?(-?\d)?(?::(\d{1,4}(?:\.\d{1,4})?))?", re.ASCII)
IGNORED = -100  # as in torch's cross_entropy


@dataclass(frozen=True)
class Chorale:
    """name: its number in the catalogue of Bach's works, "bwv269". steps: int64 [T, 4], MIDI pitch or SILENT."""

    name: str
    steps: NDArray[np.int64]


def serialise(steps: ArrayLike) -> NDArray[np.int64]:
    """Voice after voice, step after step.

    Args:
        steps: int [T, 4], MIDI pitches in [36, 81] or SILENT.
    Returns:
        int64 [4 T], tokens in [0, REST].
    Raises:
        MidiError: not four voices, or a pitch out of range.
    """
    grid = np.asarray(steps)
    if grid.ndim != 2 or grid.shape[1] != len(VOICES) or not np.issubdtype(grid.dtype, np.integer):
        raise MidiError(f"A chorale is a table of whole numbers, {len(VOICES)} to a row; this one is {grid.shape}.")
    return pitch_tokens(grid.reshape(-1))  # [T, 4] -> [4 T]


def pitch_tokens(pitches: ArrayLike) -> NDArray[np.int64]:
    """MIDI pitches in [36, 81], or SILENT, as tokens, in the same shape.

    Raises:
        MidiError: a pitch out of range.
    """
    given = np.asarray(pitches, dtype=np.int64)
    wrong = given[(given != SILENT) & ((given < LOWEST) | (given > HIGHEST))]
    if wrong.size:
        raise MidiError(f"Pitch {int(wrong[0])} is outside the chorales' range of {LOWEST} to {HIGHEST}: transpose.")
    return np.where(given == SILENT, REST, given - LOWEST)


def deserialise(ids: ArrayLike) -> NDArray[np.int64]:
    """The steps [T, 4] of a row of tokens [4 T]; EDGE at its ends is dropped.

    Raises:
        MidiError: a token out of range, EDGE in the middle, or a last step that is not whole.
    """
    row = np.asarray(ids, dtype=np.int64)
    if row.size and row[0] == EDGE:
        row = row[1:]
    if row.size and row[-1] == EDGE:
        row = row[:-1]
    if row.size and not (row.min() >= 0 and row.max() <= REST):
        raise MidiError(f"Tokens of a chorale are 0 to {REST}; {EDGE} stands at the ends only.")
    if row.size % len(VOICES):
        raise MidiError(f"{row.size} tokens are not a whole number of steps of {len(VOICES)} voices.")
    return np.where(row == REST, SILENT, row + LOWEST).reshape(-1, len(VOICES))  # [4 T] -> [T, 4]


def framed(steps: ArrayLike) -> NDArray[np.int64]:
    """`serialise` with EDGE at both ends: int64 [4 T + 2]."""
    return np.concatenate([[EDGE], serialise(steps), [EDGE]])


def to_midi(steps: ArrayLike, *, quarters_per_minute: float = 80.0, program: int = 19) -> pretty_midi.PrettyMIDI:
    """Four voices as four instruments; equal neighbours are one note, as the tokens say nothing of striking again.

    Args:
        steps: int [T, 4].  program: of General MIDI, counted from 0; 19 is a church organ.
    """
    import pretty_midi

    grid = np.asarray(steps, dtype=np.int64).reshape(-1, len(VOICES))
    step_s = 60 / quarters_per_minute / STEPS_PER_QUARTER
    score = pretty_midi.PrettyMIDI(initial_tempo=quarters_per_minute)
    for voice, name in enumerate(VOICES):
        instrument = pretty_midi.Instrument(program=program, name=name)
        for pitch, first, end in runs(grid[:, voice]):
            if pitch != SILENT:
                instrument.notes.append(pretty_midi.Note(80, pitch, first * step_s, end * step_s))
        score.instruments.append(instrument)
    return score


def runs(line: ArrayLike) -> list[tuple[int, int, int]]:
    """Equal neighbours of a line [T] as (value, first, one after the last)."""
    row = np.asarray(line)
    cuts = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist(), len(row)]
    return [(int(row[a]), a, b) for a, b in zip(cuts, cuts[1:]) if b > a]


def note_name(pitch: int) -> str:
    """"C4" for 60, "r" for SILENT."""
    return "r" if pitch == SILENT else f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def line_text(line: ArrayLike) -> str:
    """A voice [T] in letters, such as "G4 F#4:0.5 r:2": note, octave, quarters (1 if not said); r is a rest."""
    words = []
    for pitch, first, end in runs(line):
        quarters = (end - first) / STEPS_PER_QUARTER
        words.append(note_name(pitch) + ("" if quarters == 1 else f":{quarters:g}"))
    return " ".join(words)


def parse_line(text: str, *, most_steps: int = LONGEST_STEPS) -> NDArray[np.int64]:
    """`line_text` back to the steps [T] of a voice. Sharps and flats, large and small letters, commas are understood.

    Raises:
        MidiError: nothing there, a word that is no note, a length that is not of sixteenths, too long a line.
    """
    line: list[int] = []
    for word in text.replace(",", " ").replace("|", " ").split():
        found = WORD.fullmatch(word)
        if not found:
            raise MidiError(
                f'"{word[:20]}" is not a note: write its letter, octave and quarters, such as F#4:1.5; r is a rest.'
            )
        letter, sign, octave, length = found.groups()
        steps = float(length or 1) * STEPS_PER_QUARTER
        if not steps.is_integer() or not 0 < steps <= most_steps:
            raise MidiError(f'"{word[:20]}" must last a multiple of 0.25 quarters, such as F#4:1.5.')
        if letter in "rR" and octave or letter not in "rR" and not octave:
            raise MidiError(f'"{word[:20]}" needs an octave, as in C5 (C4 is the middle C); a rest, r, has none.')
        pitch = SILENT if letter in "rR" else SEMITONES[letter.upper()] + SIGNS[sign] + 12 * (int(octave) + 1)
        line += [pitch] * int(steps)
        if len(line) > most_steps:
            raise MidiError(f"The melody is longer than {most_steps // STEPS_PER_QUARTER} quarters: shorten it.")
    if not line or set(line) == {SILENT}:
        raise MidiError("There is no melody: write at least one note, such as C5.")
    pitch_tokens(line)
    return np.array(line)


def read(path: Path) -> dict[str, list[Chorale]]:
    """A corpus in the layout of Jsb16thSeparated.json, the public data set's file.

    That is an object of "train", "valid" and "test", each a list of chorales, a chorale a list of steps, a step four
    pitches; -1 or NaN is silence. "names", if there, gives the names of the chorales in the same order.

    Raises:
        DataError: no such file, or not in this layout.
    """
    if path.suffix == ".npz" or path.suffix == ".pkl":
        raise DataError(f"{path.name} is pickled, which we do not open: take Jsb16thSeparated.json beside it.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read ({type(error).__name__}): write it with `python -m "
            "core.transformer.chorales_corpus --out FILE`, or take Jsb16thSeparated.json of JSB-Chorales-dataset."
        ) from None
    if not isinstance(found, dict) or not all(isinstance(found.get(split), list) for split in SPLITS):
        raise DataError(f"{path.name} is not an object of {', '.join(SPLITS)}: take Jsb16thSeparated.json.")
    names = found.get("names", {})
    return {
        split: [_chorale(one, _name(names, split, i), path) for i, one in enumerate(found[split])] for split in SPLITS
    }


def _name(names: Any, split: str, place: int) -> str:
    try:
        return str(names[split][place])
    except (KeyError, IndexError, TypeError):
        return f"{split} {place}"


def _chorale(steps: Any, name: str, path: Path) -> Chorale:
    """One chorale of a file, checked."""
    try:
        grid = np.asarray(steps, dtype=np.float64)
    except (TypeError, ValueError):
        grid = np.zeros(0)
    if grid.ndim != 2 or grid.shape[1] != len(VOICES) or not 0 < len(grid) <= LONGEST_STEPS:
        raise DataError(f"{name} in {path.name} is not a list of steps of four pitches: take Jsb16thSeparated.json.")
    whole = np.where(np.isnan(grid), SILENT, grid).astype(np.int64)
    if not ((whole == SILENT) | ((whole >= LOWEST) & (whole <= HIGHEST))).all():
        raise DataError(f"{name} in {path.name} has a pitch outside {LOWEST} to {HIGHEST}: transpose it.")
    return Chorale(name, whole)


def ranges(chorales: Sequence[Chorale]) -> NDArray[np.int64]:
    """The lowest and the highest pitch of each voice: int64 [2, 4]."""
    stacked = np.concatenate([one.steps for one in chorales])
    low = np.where(stacked == SILENT, HIGHEST, stacked).min(axis=0)
    return np.stack([low, stacked.max(axis=0)])


def shifts(steps: NDArray[np.int64], limits: NDArray[np.int64]) -> list[int]:
    """By how many semitones a chorale may be transposed, from 5 down to 6 up, with every voice within its limits."""
    low, high = ranges([Chorale("", steps)])
    return [k for k in range(-5, 7) if k == 0 or ((low + k >= limits[0]) & (high + k <= limits[1])).all()]


def transposed(steps: NDArray[np.int64], semitones: int) -> NDArray[np.int64]:
    """The same chorale in another key."""
    return np.where(steps == SILENT, SILENT, steps + semitones)


def crop(row: NDArray[np.int64], length: int, first: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Inputs and targets of `length` positions from a framed row, from position `first` on; EDGE and IGNORED behind."""
    inputs, targets = np.full(length, EDGE), np.full(length, IGNORED)
    piece = row[first : first + length + 1]
    inputs[: len(piece) - 1], targets[: len(piece) - 1] = piece[:-1], piece[1:]
    return inputs, targets


def batches(
    chorales: Sequence[Chorale], *, batch: int, length: int, transpose: bool = True, seed: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless random batches: every chorale once in each round, in a random key, neighbours in length together.

    One longer than `length` is cut at a random quarter note, so that a position always means the same voice and the
    same part of a quarter; it comes as often as its tokens ask for.

    Yields:
        inputs and targets, int64 [batch, N], N at most `length`; targets are IGNORED behind a chorale's end.
    """
    import torch

    rng, limits = np.random.default_rng(seed), ranges(chorales)
    allowed = [shifts(one.steps, limits) if transpose else [0] for one in chorales]
    sizes = np.array([one.steps.size + 1 for one in chorales])
    often = np.repeat(np.arange(len(chorales)), np.ceil(sizes / length).astype(int))
    quarter = STEPS_PER_QUARTER * len(VOICES)
    while True:
        order = rng.permutation(often)
        order = order[np.argsort(np.minimum(sizes[order], length), kind="stable")]
        groups = [order[i : i + batch] for i in range(0, len(order) - batch + 1, batch)]
        for place in rng.permutation(len(groups)):
            width, rows = min(length, int(sizes[groups[place]].max())), []
            for one in groups[place]:
                row = framed(transposed(chorales[one].steps, int(rng.choice(allowed[one]))))
                beyond = max(0, len(row) - 1 - width)
                first = int(rng.integers(0, -(-beyond // quarter) + 1)) * quarter
                rows.append(crop(row, width, first))
            yield torch.from_numpy(np.stack([a for a, _ in rows])), torch.from_numpy(np.stack([b for _, b in rows]))


def windows(steps: NDArray[np.int64], *, length: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """A whole chorale for measuring: every token of its four voices is a target once, EDGE never.

    The first window has `length` positions; each further one begins half a length later, and its first half is
    context only, so that a token has all that is before it, or at least half a length, to be predicted from.
    """
    row = framed(steps)
    half = length // 2
    found = []
    for first in range(0, max(1, len(row) - 2 - half), half):
        inputs, targets = crop(row, length, first)
        if first:
            targets[:half] = IGNORED
        targets[targets == EDGE] = IGNORED
        used = min(length, len(row) - 1 - first)
        found.append((inputs[:used], targets[:used]))
    return found
