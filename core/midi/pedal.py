"""The notes of a PrettyMIDI as arrays, held by the sustain pedal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.midi.events import Notes

if TYPE_CHECKING:
    import pretty_midi

SUSTAIN = 64  # the control change of the right pedal
DOWN_FROM = 64  # its value from which the pedal is down


def played(midi: pretty_midi.PrettyMIDI, *, pedal: bool = True) -> Notes:
    """All notes but the drums', in the order of the instruments.

    Args:
        pedal: let the sustain pedal of each instrument hold its notes.
    """
    players = [one for one in midi.instruments if not one.is_drum]
    parts = [_notes(one) for one in players]
    if pedal and any(control.number == SUSTAIN for one in players for control in one.control_changes):
        # As note-seq does: a pedal never released lets go with the last event of all.
        ends = [part.end_s.max(initial=0.0) for part in parts]
        times = [c.time for one in players for c in one.control_changes if c.number == SUSTAIN]
        last = max(ends + times)
        parts = [part._replace(end_s=_held(part.end_s, one, last)) for part, one in zip(parts, players)]
    if not parts:
        return Notes(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Notes(*(np.concatenate(column) for column in zip(*parts)))


def _notes(player: pretty_midi.Instrument) -> Notes:
    return Notes(
        np.array([note.start for note in player.notes], float),
        np.array([note.end for note in player.notes], float),
        np.array([note.pitch for note in player.notes], np.int64),
        np.array([note.velocity for note in player.notes], np.int64),
    )


def _held(end_s: NDArray, player: pretty_midi.Instrument, last_s: float) -> NDArray:
    """The ends of an instrument's notes as its pedal holds them.

    A note whose key goes up while the pedal is down lasts until the pedal goes up. That it also ends when its key is
    struck again is left to the encoder, for which no key is ever down twice.

    Source: the sustain of note-seq (apply_sustain_control_changes), with which Music Transformer's data were made;
    at one and the same time a pedal that goes up is heard after one that goes down, and both before a key goes up.
    """
    changes = [(c.time, c.value < DOWN_FROM) for c in player.control_changes if c.number == SUSTAIN]
    if not changes:
        return end_s
    changes.sort()
    time = np.array([when for when, _ in changes])
    is_up = np.array([up for _, up in changes])
    latest = np.searchsorted(time, end_s, side="right") - 1  # the last movement of the pedal by each note's end
    down = (latest >= 0) & ~is_up[latest]
    releases = np.append(time[is_up], last_s)
    release = releases[np.searchsorted(releases[:-1], end_s, side="right")]
    return np.where(down, np.maximum(release, end_s), end_s)
