"""What may follow what in a row of the composer, and where a piece can be taken up again.

A network learns most of this by itself; the grammar is an option of sampling that makes it sure.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from core.musenet import vocabulary as v


class State:
    """What a row has declared and what sounds at its end; `allowed` says which tokens may come next.

    After <start> or <middle>: a note begins only if it does not sound, and ends only if it does; <end> comes when
    nothing sounds; a wait shorter than 1 s is not followed by a wait, nor a volume by a volume.
    """

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self.composer = -1
        self.instruments: list[int] = []
        self.begun = self.ended = False
        self.sounding: dict[int, int] = {}  # the token that began a note -> its volume
        self.since: dict[int, int] = {}  # the same -> when, in steps
        self.volume = v.DEFAULT_VOLUME
        self.last = -1
        self.steps = 0  # of 20 ms, since <start>
        self._notes = v.IS_ON.copy()  # note tokens that fit what sounds
        self._foreign = v.IS_ON & False
        for token in ids:
            self.push(int(token))

    def push(self, token: int) -> None:
        """Go on by one token; one that is not allowed does what `decode` makes of it."""
        if token == v.END:
            self.ended = True
        elif token in (v.START, v.MIDDLE):
            self.begun = True
        elif token < v.INSTRUMENT:
            self.composer = token - v.COMPOSER
        elif token < v.VOLUME:
            self._declare(token - v.INSTRUMENT)
        elif token < v.WAIT:
            self.volume = token - v.VOLUME
        elif token < v.NOTE:
            self.steps += token - v.WAIT + 1
        elif v.IS_OFF[token]:
            began = int(v.OTHER[token])
            self.sounding.pop(began, None)
            self.since.pop(began, None)
            self._notes[began], self._notes[token] = True, False
        elif v.OTHER[token] >= 0:  # a beginning; a drum has no end
            self.sounding[token], self.since[token] = self.volume, self.steps
            self._notes[token], self._notes[v.OTHER[token]] = False, True
        self.last = token

    def _declare(self, instrument: int) -> None:
        self.instruments.append(instrument)
        self._foreign = v.IS_ON & ~np.isin(v.INSTRUMENT_OF, self.instruments)

    def allowed(self, *, declared_only: bool = True, end: bool = True) -> NDArray[np.bool_]:
        """Which tokens may come next, bool [V].

        Args:
            declared_only: no note begins on an instrument that the header does not name.
            end: whether the piece may end.
        """
        if not self.begun:
            return self._header()
        if self.ended:
            return np.zeros(v.VOCABULARY, bool)
        may = self._notes.copy()
        if declared_only:
            may &= ~self._foreign
        after_volume, first = v.VOLUME <= self.last < v.WAIT, self.last == v.START
        may[v.VOLUME : v.WAIT] = not after_volume
        may[v.VOLUME + self.volume] = self.last in (v.START, v.MIDDLE)
        may[v.WAIT : v.NOTE] = not (first or v.WAIT <= self.last < v.NOTE - 1)
        may[v.END] = end and not (self.sounding or after_volume or first)
        return may

    def overdue(self, longest_s: float) -> list[int]:
        """The tokens that end the notes which have sounded for so long."""
        first = self.steps - longest_s / v.STEP_S
        return [int(v.OTHER[token]) for token, step in self.since.items() if step <= first]

    def _header(self) -> NDArray[np.bool_]:
        may = np.zeros(v.VOCABULARY, bool)
        if self.composer < 0:
            may[v.COMPOSER : v.INSTRUMENT] = True
            return may
        may[v.INSTRUMENT + max(self.instruments, default=-1) + 1 : v.VOLUME] = True
        may[[v.START, v.MIDDLE]] = bool(self.instruments)
        return may


def faults(ids: Iterable[int], *, declared_only: bool = True) -> int:
    """How many tokens of a row the grammar would not have let through."""
    state, count = State(), 0
    for token in ids:
        count += not state.allowed(declared_only=declared_only)[token]
        state.push(int(token))
    return count


def resumed(state: State) -> list[int]:
    """The beginning of a row that goes on where `state` stands: header, <middle>, what sounds, the volume.

    The notes that sound are begun anew in it, each behind its volume, so that the grammar, and a network that has
    learned from rows cut in the same way, knows what there is to end.
    """
    ids = [v.COMPOSER + state.composer, *(v.INSTRUMENT + one for one in sorted(state.instruments)), v.MIDDLE]
    return ids + preamble(state.sounding, state.volume)


def preamble(sounding: dict[int, int], volume: int) -> list[int]:
    """Volumes and beginnings of the notes that sound, by volume and token; last, the volume of the next note."""
    ids: list[int] = []
    current = -1
    for token, loud in sorted(sounding.items(), key=lambda pair: (pair[1] == volume, pair[1], pair[0])):
        if loud != current:
            ids.append(v.VOLUME + loud)
            current = loud
        ids.append(token)
    return ids if current == volume else [*ids, v.VOLUME + volume]
