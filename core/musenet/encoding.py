"""Music to tokens and back.

    ids = encode(pretty_midi.PrettyMIDI("piece.mid"), "chopin")
    decode(ids).write("again.mid")

The tokens and their difference from MuseNet's are told in core/musenet/vocabulary.py, what may follow what in
core/musenet/grammar.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from core.errors import MidiError
from core.midi.pedal import played
from core.musenet import vocabulary as v

if TYPE_CHECKING:
    import pretty_midi

MAX_SECONDS = 36_000.0  # 10 hours: beyond it a score is a mistake
DRUM_S = 0.1  # how long a drum's note lasts when it is written to MIDI


class Note(NamedTuple):
    """One note: instrument as its place in `vocabulary.INSTRUMENTS`, MIDI pitch, MIDI velocity 1 to 127, seconds."""

    instrument: int
    pitch: int
    velocity: int
    start_s: float
    end_s: float


def instrument_of(program: int, *, is_drum: bool = False) -> int | None:
    """The instrument that a General MIDI program (from 0) is read as; None for sound effects, which are left out."""
    if is_drum:
        return v.DRUMS
    found = (i for i, one in enumerate(v.INSTRUMENTS) if any(program in some for some in one.programs))
    return next(found, None)


def notes(midi: pretty_midi.PrettyMIDI, *, pedal: bool = True) -> list[Note]:
    """The notes of a PrettyMIDI, pitches outside an instrument's range moved by octaves, held by the sustain pedal.

    Raises:
        MidiError: no note at all, or a time that is not finite, or beyond 10 hours.
    """
    found: list[Note] = []
    for part in midi.instruments:
        number = instrument_of(part.program, is_drum=part.is_drum)
        if number is None:
            continue
        one = v.INSTRUMENTS[number]
        if one.is_drum:
            rows = [(n.start, n.end, n.pitch, n.velocity) for n in part.notes if one.lowest <= n.pitch <= one.highest]
        else:
            held = played(cast("pretty_midi.PrettyMIDI", SimpleNamespace(instruments=[part])), pedal=pedal)
            rows = list(zip(*(column.tolist() for column in held)))
        for start, end, pitch, velocity in rows:
            if velocity > 0:
                found.append(Note(number, within(pitch, one), velocity, start, end))
    if not found:
        raise MidiError("There are no notes of these instruments in this MIDI file: choose one with notes.")
    if not all(0 <= n.start_s <= MAX_SECONDS and n.end_s <= MAX_SECONDS for n in found):  # catches NaN too
        raise MidiError("A note lies beyond 10 hours, or its time is not a number: cut the piece, or export it again.")
    return found


def within(pitch: int, instrument: v.Instrument) -> int:
    """The pitch, moved by octaves into the instrument's range."""
    if pitch < instrument.lowest:
        return pitch + 12 * -(-(instrument.lowest - pitch) // 12)
    if pitch > instrument.highest:
        return pitch - 12 * -(-(pitch - instrument.highest) // 12)
    return pitch


def encode_notes(
    given: Iterable[Note], composer: str, instruments: Sequence[str] | None = None, *, end: bool = True
) -> list[int]:
    """Notes to a row of tokens.

    Time begins with the first note and falls on a grid of 20 ms. At one time the notes that end come first, by
    instrument and pitch; then those that begin, by instrument, volume and pitch, so that volume changes seldom. A note
    struck again while it sounds is ended first, and what it was to last longer is given to the new one.

    Args:
        composer: one of `vocabulary.COMPOSERS`.
        instruments: names to declare; None declares those that play. Notes of others are left out.
        end: write <end> last.
    Returns:
        composer, instruments, <start>, music, <end>.
    Raises:
        MidiError: an unknown composer or instrument; nothing to play.
    """
    given = list(given)
    if instruments is not None:
        v.instrument_tokens(list(instruments))  # complains of unknown ones
        given = [n for n in given if v.NAMES[n.instrument] in instruments]
    if not given:
        raise MidiError("Nothing is left to encode: declare an instrument that plays in this piece.")
    names = list(instruments) if instruments is not None else sorted({v.NAMES[n.instrument] for n in given})
    ids = v.header(composer, names)
    clock, volume = 0, -1
    for step, order, token in _events(_on_grid(given)):
        while clock < step:
            wait = min(step - clock, v.WAITS)
            ids.append(v.WAIT + wait - 1)
            clock += wait
        if order[0] and order[2] != volume:
            volume = order[2]
            ids.append(v.VOLUME + volume)
        ids.append(token)
    return [*ids, v.END] if end else ids


def _on_grid(given: list[Note]) -> list[tuple[int, int, int, int, int]]:
    """(start, end, instrument, pitch, volume), in steps, with no two notes of one key sounding at once."""
    zero = min(n.start_s for n in given)
    keys: dict[tuple[int, int], list[list[int]]] = {}
    for n in sorted(given, key=lambda n: n.start_s):
        start = int((n.start_s - zero) / v.STEP_S + 0.5)
        stop = max(start + 1, int((n.end_s - zero) / v.STEP_S + 0.5))
        volume = min(n.velocity, 127) // v.VOLUME_STEP
        row = keys.setdefault((n.instrument, n.pitch), [])
        if row and row[-1][0] == start:  # twice at one time
            row[-1][1:] = [max(row[-1][1], stop), max(row[-1][2], volume)]
        else:
            if row and row[-1][1] > start:
                stop, row[-1][1] = max(stop, row[-1][1]), start
            row.append([start, stop, volume])
    return [(start, stop, *key, volume) for key, row in keys.items() for start, stop, volume in row]


def _events(rows: list[tuple[int, int, int, int, int]]) -> list[tuple[int, tuple[int, int, int, int], int]]:
    """(step, order within the step, token), sorted: ends before beginnings."""
    events = []
    for start, stop, instrument, pitch, volume in rows:
        events.append((start, (1, instrument, volume, pitch), v.ON[instrument, pitch]))
        if instrument != v.DRUMS:
            events.append((stop, (0, instrument, 0, pitch), v.OFF[instrument, pitch]))
    return sorted(events)


def encode(
    score: pretty_midi.PrettyMIDI, composer: str, instruments: Sequence[str] | None = None, *, pedal: bool = True
) -> list[int]:
    """A score or performance to tokens, the sustain pedal holding the notes. See `notes` and `encode_notes`."""
    return encode_notes(notes(score, pedal=pedal), composer, instruments)


def checked(ids: Iterable[int]) -> list[int]:
    """The row as integers.

    Raises:
        MidiError: an id that is no token.
    """
    row = [int(token) for token in ids]
    wrong = next((token for token in row if not 0 <= token < v.VOCABULARY), None)
    if wrong is not None:
        raise MidiError(f"Token {wrong} is not one of 0 to {v.VOCABULARY - 1}: take it out.")
    return row


def decode_notes(ids: Iterable[int]) -> list[Note]:
    """A row of tokens to notes, by start, instrument and pitch.

    What is out of order does no harm: the end of a note that does not sound is passed over, a note begun twice is ended
    first, a note never ended lasts to the end of the row, and what comes after <end> is not read.

    Raises:
        MidiError: an id that is no token.
    """
    clock, velocity = 0, _velocity(v.DEFAULT_VOLUME)
    sounding: dict[int, tuple[int, int]] = {}  # token that began it -> step, velocity
    found: list[Note] = []

    def stop(token: int) -> None:
        began, loud = sounding.pop(token)
        instrument, pitch, _ = v.NOTES[token - v.NOTE]
        last = max(clock, began + 1) * v.STEP_S
        found.append(Note(instrument, pitch, loud, began * v.STEP_S, last))

    for token in checked(ids):
        if token == v.END:
            break
        if v.WAIT <= token < v.NOTE:
            clock += token - v.WAIT + 1
        elif v.VOLUME <= token < v.WAIT:
            velocity = _velocity(token - v.VOLUME)
        elif v.IS_OFF[token] and int(v.OTHER[token]) in sounding:
            stop(int(v.OTHER[token]))
        elif v.IS_ON[token]:
            instrument, pitch, _ = v.NOTES[token - v.NOTE]
            if instrument == v.DRUMS:
                found.append(Note(instrument, pitch, velocity, clock * v.STEP_S, clock * v.STEP_S + DRUM_S))
                continue
            if token in sounding:
                stop(token)
            sounding[token] = clock, velocity
    for token in list(sounding):
        stop(token)
    return sorted(found, key=lambda n: (n.start_s, n.instrument, n.pitch))


def _velocity(volume: int) -> int:
    return volume * v.VOLUME_STEP + v.VOLUME_STEP // 2


def decode(ids: Iterable[int]) -> pretty_midi.PrettyMIDI:
    """A row of tokens to a PrettyMIDI with a part for each instrument that is declared or plays. See `decode_notes`."""
    row = checked(ids)
    return to_midi(decode_notes(row), [t - v.INSTRUMENT for t in row if v.INSTRUMENT <= t < v.VOLUME])


def to_midi(given: Iterable[Note], declared: Iterable[int] = ()) -> pretty_midi.PrettyMIDI:
    """Notes to a PrettyMIDI; its parts bear our instruments' names."""
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(resolution=500, initial_tempo=120.0)  # a tick is one millisecond
    rows = list(given)
    for number in sorted({*declared, *(n.instrument for n in rows)}):
        one = v.INSTRUMENTS[number]
        part = pretty_midi.Instrument(one.program, is_drum=one.is_drum, name=one.name)
        part.notes = [
            pretty_midi.Note(n.velocity, n.pitch, n.start_s, n.end_s) for n in rows if n.instrument == number
        ]
        midi.instruments.append(part)
    return midi


def declared(ids: Iterable[int]) -> tuple[str | None, list[str]]:
    """The composer and the instruments that a row names in its header."""
    composer, names = None, []
    for token in ids:
        if v.COMPOSER <= token < v.INSTRUMENT:
            composer = v.COMPOSERS[token - v.COMPOSER]
        elif v.INSTRUMENT <= token < v.VOLUME:
            names.append(v.NAMES[token - v.INSTRUMENT])
        elif token in (v.START, v.MIDDLE):
            break
    return composer, names


def arrays(given: Sequence[Note]) -> dict[str, np.ndarray]:
    """Notes as columns: "instrument", "pitch", "velocity" int64 [K], "start_s", "end_s" float64 [K]."""
    columns = list(zip(*given)) or [()] * 5
    kinds = (np.int64, np.int64, np.int64, np.float64, np.float64)
    return {key: np.array(column, kind) for key, column, kind in zip(Note._fields, columns, kinds)}
