"""Speaking with a voice of units: python -m core.unit_selection.sample "Will we ever forget it?" --out said.wav"""

from __future__ import annotations

import argparse
import functools
import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from core import weights
from core.audio import SAMPLE_RATE_HZ, Synthesis
from core.errors import SamplingError
from core.text import context, english
from core.text.english import Word
from core.unit_selection import search
from core.unit_selection.costs import JoinWeights, TargetWeights
from core.unit_selection.data import CEPSTRA, COLUMN
from core.unit_selection.joins import Piece, concatenate
from core.unit_selection.model import Voice
from core.unit_selection.search import Lattice
from core.unit_selection.search import Path as BestPath

__all__ = ["Join", "Unit", "UnitSynthesis", "respeak", "synthesize", "voice"]

NAME = "unit-selection"
MAX_CANDIDATES = 400


@dataclass(frozen=True)
class Unit:
    """A unit that was chosen, and where it comes from.

    label: "AH-N".  span: the characters of the text it speaks, (0, 0) in the silence before any.
    recording: its number in `voice.recordings`.  start_s, stop_s: in that recording.  word: the one it was cut from,
    "" in silence.  at_s, until_s: in the output.  joined: a join precedes it; False where it simply goes on.
    backed_off: a half, or a stand-in for a phone that the corpus lacks.
    """

    label: str
    span: tuple[int, int]
    recording: int
    start_s: float
    stop_s: float
    word: str
    at_s: float
    until_s: float
    joined: bool
    backed_off: bool


@dataclass(frozen=True)
class Join:
    """Two pieces meet. column: of the unit that begins here.  at_s: in the output.  cost: of the join, unweighted."""

    column: int
    at_s: float
    cost: float
    lag_samples: int


@dataclass(frozen=True, eq=False)
class UnitSynthesis(Synthesis):
    """A sentence with everything that led to it.

    words: as spoken.  lattice: targets, candidates and costs.  path: the choice.  units: one a column.
    joins: where pieces of different places meet.
    """

    words: tuple[Word, ...]
    lattice: Lattice
    path: BestPath
    units: tuple[Unit, ...]
    joins: tuple[Join, ...]


@functools.lru_cache(maxsize=1)
def voice(name: str = NAME) -> Voice:
    """The shipped voice, loaded once.

    Raises:
        WeightsError: it is missing or damaged.
    """
    return cast(Voice, weights.load(name))


def synthesize(
    text: str, *, target_weight: float = 1.0, join_weight: float = 1.0, candidates: int = 50,
    exclude: Collection[str] = (), speaker: Voice | None = None, target_weights: TargetWeights | None = None,
    join_weights: JoinWeights | None = None,
) -> UnitSynthesis:  # fmt: skip
    """Say a text with units of the corpus.

    Source: Hunt and Black 1996.

    Args:
        text: English, at most 600 characters.
        target_weight, join_weight: what the two costs count, at least 0. Without joins the units fit their targets
            and hiss and jump at every seam; without targets long stretches come out that say something else well.
        candidates: how many a target keeps, 1 … 400, before those that continue a neighbour are added.
        exclude: names of recordings that may not be used.  speaker: another voice than the shipped one.
        target_weights, join_weights: of the sub-costs.
    Returns:
        the sound at 16 kHz with its lattice; the same for the same arguments.
    Raises:
        TextError: nothing to say, too long, another script.  SamplingError: an option out of range.
        WeightsError: the shipped voice is missing or damaged.
    Differs from the paper: the weights are tuned by measures of the sound (mel-cepstral distance, F0, roughness at
        joins; core.unit_selection.tune) and not by regression on the distance of units; durations and F0 are
        predicted by a network and never imposed on the sound; candidates that continue a kept neighbour survive the
        pruning.
    """
    _check(target_weight, join_weight, candidates)
    words = english.words(text)
    speaker = speaker or voice()
    words = [as_the_speaker_says(word, speaker) for word in words]
    lattice = search.build(
        speaker, context.contexts(words), candidates=candidates, exclude=exclude,
        target_weights=target_weights, join_weights=join_weights,
    )  # fmt: skip
    return _speak(speaker, tuple(words), lattice, target_weight, join_weight)


def respeak(
    said: UnitSynthesis, *, target_weight: float = 1.0, join_weight: float = 1.0, speaker: Voice | None = None
) -> UnitSynthesis:
    """Search the lattice of a sentence again, with other weights of the two costs: much quicker than anew.

    Raises:
        SamplingError: a weight below 0 or not finite.
    """
    _check(target_weight, join_weight, 1)
    return _speak(speaker or voice(), said.words, said.lattice, target_weight, join_weight)


def as_the_speaker_says(word: Word, speaker: Voice) -> Word:
    """Little words the way this speaker mostly says them: "to" is T IH0."""
    phones = speaker.pronunciations.get(word.text) if word.source == "dictionary" else None
    return replace(word, phones=phones) if phones else word


def _check(target_weight: float, join_weight: float, candidates: int) -> None:
    for name, value in (("target", target_weight), ("join", join_weight)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0 <= value < math.inf):
            raise SamplingError(f"The {name} weight must be a number of at least 0, got {value!r}; 1 is usual.")
    if isinstance(candidates, bool) or not isinstance(candidates, int) or not 1 <= candidates <= MAX_CANDIDATES:
        raise SamplingError(f"candidates must be a whole number from 1 to {MAX_CANDIDATES}, got {candidates!r}.")


def _speak(
    speaker: Voice, words: tuple[Word, ...], lattice: Lattice, target_weight: float, join_weight: float
) -> UnitSynthesis:
    """Search, then cut and join the sound."""
    path = search.cheapest(lattice, target_weight=target_weight, join_weight=join_weight)
    ends = [(int(c.left[k]), int(c.right[k])) for c, k in zip(lattice.columns, path.rows)]
    begins = [i for i, (left, _) in enumerate(ends) if i == 0 or ends[i - 1][1] != left]  # columns of new pieces
    pieces = [_piece(speaker, ends[a][0], ends[b - 1][1]) for a, b in zip(begins, [*begins[1:], len(ends)])]
    sound, placed = concatenate(pieces, speaker.sound)
    sound /= max(1.0, float(np.abs(sound).max()) / 0.99)
    which = np.searchsorted(begins, np.arange(len(ends)), side="right") - 1  # the piece of each column
    units = []
    for i, (left, right) in enumerate(ends):
        piece, place = pieces[which[i]], placed[which[i]]
        shift = place.start - piece.start - place.lag
        units.append(_unit(speaker, words, lattice, i, left, right, shift, i in begins[1:]))
    joins = [
        Join(column, placed[k].start / SAMPLE_RATE_HZ, path.join_costs[column - 1], placed[k].lag)
        for k, column in enumerate(begins) if k
    ]  # fmt: skip
    return UnitSynthesis(torch.from_numpy(sound), SAMPLE_RATE_HZ, words, lattice, path, tuple(units), tuple(joins))


def _piece(speaker: Voice, left: int, right: int) -> Piece:
    """The sound between two points of one recording."""
    points, there = speaker.arrays["points"], speaker.arrays["joins"]
    periods = [
        round(SAMPLE_RATE_HZ / math.exp(there[p, CEPSTRA + 1])) if there[p, -1] > 0.5 else 0 for p in (left, right)
    ]
    owner = int(speaker.arrays["owner"][right // 2])
    return Piece(owner, int(points[left]), int(points[right]), *periods)


def _unit(
    speaker: Voice,
    words: tuple[Word, ...],
    lattice: Lattice,
    i: int,
    left: int,
    right: int,
    shift: int,
    joined: bool,
) -> Unit:
    column = lattice.columns[i]
    owner = int(speaker.arrays["owner"][right // 2])
    start, stop = (int(speaker.arrays["points"][p]) for p in (left, right))
    spoken = [x.word for x in lattice.contexts[column.at : column.at + len(column.wanted)] if not x.is_pause]
    spans = [words[w].span for w in spoken]
    from_word = int(speaker.arrays["codes"][right // 2, COLUMN["word"]])
    return Unit(
        label=column.label, span=(spans[0][0], spans[-1][1]) if spans else (0, 0), recording=owner,
        start_s=start / SAMPLE_RATE_HZ, stop_s=stop / SAMPLE_RATE_HZ,
        word=speaker.recordings[owner].words[from_word] if from_word >= 0 else "",
        at_s=(start + shift) / SAMPLE_RATE_HZ, until_s=(stop + shift) / SAMPLE_RATE_HZ, joined=joined,
        backed_off=column.backed_off,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--out", type=Path, required=True, help="WAV file to write")
    parser.add_argument("--target-weight", type=float, default=1.0)
    parser.add_argument("--join-weight", type=float, default=1.0)
    parser.add_argument("--candidates", type=int, default=50)
    options = parser.parse_args(arguments)
    said = synthesize(
        options.text, target_weight=options.target_weight, join_weight=options.join_weight,
        candidates=options.candidates,
    )  # fmt: skip
    for unit in said.units:
        source = voice().recordings[unit.recording].name
        print(f"{unit.at_s:6.2f} s {'|' if unit.joined else ' '} {unit.label:7s} {source} {unit.word}")
    options.out.write_bytes(said.wav())
    print(f"{said.seconds:.2f} s, {len(said.joins)} joins, cost {said.path.total:.1f}: {options.out}")


if __name__ == "__main__":
    main()
