"""The lecture's vocabulary of 388 events: a performance becomes a row of integers, and a row becomes a performance.

    0..127    NOTE_ON<0..127>          this key goes down, with the velocity set last
    128..255  NOTE_OFF<0..127>         this key goes up
    256..355  TIME_SHIFT<10..1000>     milliseconds pass before the next event
    356..387  SET_VELOCITY<0..124>     32 bins of 4; from here on keys are struck with it

    ids = encode(pretty_midi.PrettyMIDI("piece.mid"))
    [name(i) for i in ids]             # ["SET_VELOCITY<80>", "NOTE_ON<60>", "TIME_SHIFT<500>", ...]
    decode(ids).write("again.mid")

    python -m core.midi.events --data PATH      # there and back with every MIDI file below PATH, and in its archives

Sources: Huang et al. 2018, Music Transformer (arXiv:1809.04281), the performance encoding and its worked example;
Oore et al. 2018, This Time with Feeling (arXiv:1808.03715), where the encoding comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MidiError

if TYPE_CHECKING:
    import pretty_midi

NOTE_ON, NOTE_OFF, TIME_SHIFT, SET_VELOCITY = 0, 128, 256, 356  # the first id of each kind
VOCABULARY = 388
STEP_MS = 10  # the grid of time
LONGEST_SHIFT_STEPS = 100  # 1 s
VELOCITY_BIN = 4  # bin b holds the MIDI velocities 4b to 4b + 3 and is named, and played, as 4b
DEFAULT_VELOCITY = 64  # of a NOTE_ON before any SET_VELOCITY; encode never writes one
KINDS = {  # name -> first id, how many, the value of the first, the step between values
    "NOTE_ON": (NOTE_ON, 128, 0, 1),
    "NOTE_OFF": (NOTE_OFF, 128, 0, 1),
    "TIME_SHIFT": (TIME_SHIFT, LONGEST_SHIFT_STEPS, STEP_MS, STEP_MS),
    "SET_VELOCITY": (SET_VELOCITY, 32, 0, VELOCITY_BIN),
}
LONGEST_S = 36_000.0  # 10 hours: beyond it a score is a mistake, and its time shifts fill the memory


class Notes(NamedTuple):
    """Notes in the order of their onsets, then pitches: `encode_notes(*notes)` takes one as it is."""

    start_s: NDArray[np.float64]  # [K]
    end_s: NDArray[np.float64]  # [K]
    pitch: NDArray[np.int64]  # [K], 0 to 127
    velocity: NDArray[np.int64]  # [K], 1 to 127


class Trace(NamedTuple):
    """What each token of a row did: the times of all, and the notes with the tokens that began and ended them."""

    notes: Notes
    on: NDArray[np.int64]  # [K], place of the NOTE_ON in the row
    off: NDArray[np.int64]  # [K], place of what ended it: a NOTE_OFF, or the next NOTE_ON of its pitch; -1: nothing
    time_s: NDArray[np.float64]  # [N], when the event happens; for a TIME_SHIFT, when it begins


def name(event: int) -> str:
    """The event as the slide writes it, such as "TIME_SHIFT<500>".

    Raises:
        MidiError: the id is not in [0, 388).
    """
    event = int(checked([event])[0])
    for kind, (first, count, value, step) in KINDS.items():
        if event < first + count:
            return f"{kind}<{value + (event - first) * step}>"
    raise AssertionError(event)


def parse(text: str) -> int:
    """The id of one event as `name` writes it; case and spaces around do not matter.

    Raises:
        MidiError: no such kind, no number, or a number that this kind has not.
    """
    written = text.strip()
    kind, bracket, rest = written.upper().partition("<")
    if not bracket or not rest.endswith(">") or kind not in KINDS or not _is_number(rest[:-1]):
        raise MidiError(
            f"{written[:40]!r} is not a token: write NOTE_ON<60>, NOTE_OFF<60>, TIME_SHIFT<500> or SET_VELOCITY<80>."
        )
    first, count, lowest, step = KINDS[kind]
    value, highest = int(rest[:-1]), lowest + (count - 1) * step
    if not lowest <= value <= highest:
        raise MidiError(f"{written[:40]}: {kind} goes from {lowest} to {highest}.")
    if (value - lowest) % step:
        below = value - (value - lowest) % step
        raise MidiError(f"{written[:40]}: {kind} goes in steps of {step}; write {below} or {below + step}.")
    return first + (value - lowest) // step


def encode_notes(start_s: ArrayLike, end_s: ArrayLike, pitch: ArrayLike, velocity: ArrayLike) -> NDArray[np.int64]:
    """Notes to events.

    Times fall on a grid of 10 ms. At one time the keys that go up come before those that go down; both in the order in
    which their notes began, then of pitch. SET_VELOCITY stands only where the bin changes; silence is as many
    TIME_SHIFT<1000> as fit, then the rest.

    One key can be down only once, and for no less than 10 ms. So a note that is still sounding when its key is struck
    again ends there; of notes that strike one key within the same 10 ms, one remains, as loud as the loudest and as
    long as the longest; a shorter note, or one that ends before it begins, is made 10 ms long.

    Args:
        start_s, end_s: seconds, float [K], in any order; what lies before 0 is moved to 0.
        pitch: int [K], 0 to 127.
        velocity: int [K], 0 to 127.
    Returns:
        int64 [N], ids in [0, 388).
    Raises:
        MidiError: lengths differ, a pitch or velocity outside 0..127, a time that is not finite, over 10 hours.
    Differs from the paper: a velocity bin holds 4b to 4b + 3 and not, as in Magenta's code, 4b - 3 to 4b.
    """
    start, end, key, strength = _on_grid(start_s, end_s, pitch, velocity)
    count = len(key)
    # Every note is two events; `which` numbers the notes in the order of their onsets, then pitches.
    which = np.tile(np.arange(count), 2)
    begins = np.repeat([True, False], count)
    step = np.concatenate([start, end])
    order = np.lexsort((which, begins, step))
    which, begins, step = which[order], begins[order], step[order]
    # How many TIME_SHIFTs and SET_VELOCITYs come before each event.
    wait = np.diff(step, prepend=0)
    whole, rest = np.divmod(wait, LONGEST_SHIFT_STEPS)
    louder = np.zeros(2 * count, bool)
    louder[begins] = np.diff(strength, prepend=-1) != 0
    place = np.cumsum(whole + (rest > 0) + louder + 1) - 1  # [2K], where each note event stands
    # Fill the row with the longest shift; everything else is written over it.
    ids = np.full(place[-1] + 1 if count else 0, TIME_SHIFT + LONGEST_SHIFT_STEPS - 1, np.int64)
    ids[place] = np.where(begins, NOTE_ON, NOTE_OFF) + key[which]
    ids[place[louder] - 1] = SET_VELOCITY + strength[which[louder]]
    short = rest > 0
    ids[(place - louder)[short] - 1] = TIME_SHIFT + rest[short] - 1
    return ids


def trace(ids: ArrayLike) -> Trace:
    """Events to notes, with the tokens that made each note.

    Never fails on what the grammar does not foresee: a NOTE_OFF whose key is up does nothing, a NOTE_ON whose key is
    down ends the note before it, notes never ended end with the row, and a note for which no time passes is left out.
    `core.midi.grammar.problems` names each.

    Args:
        ids: int [N].
    Raises:
        MidiError: an id outside [0, 388).
    """
    row = checked(ids)
    shift = np.where((row >= TIME_SHIFT) & (row < SET_VELOCITY), row - TIME_SHIFT + 1, 0)
    step = np.cumsum(shift) - shift  # [N], when each event begins
    last = int(shift.sum())
    # The velocity in force: the latest SET_VELOCITY at or before each place.
    latest = np.maximum.accumulate(np.where(row >= SET_VELOCITY, np.arange(len(row)), -1))
    loud = np.where(latest >= 0, np.maximum((row[latest] - SET_VELOCITY) * VELOCITY_BIN, 1), DEFAULT_VELOCITY)
    # Key by key, in the order of the row: whatever comes next for a key ends the note before it.
    played = np.flatnonzero(row < TIME_SHIFT)
    by_key = played[np.argsort(row[played] % 128, kind="stable")]
    key = row[by_key] % 128
    off = np.full(len(by_key), -1)
    off[:-1] = np.where(key[1:] == key[:-1], by_key[1:], -1)
    is_on = row[by_key] < NOTE_OFF
    on, off = by_key[is_on], off[is_on]
    start, end = step[on], np.where(off >= 0, step[off], last)
    kept = end > start
    on, off, start, end = on[kept], off[kept], start[kept], end[kept]
    order = np.lexsort((row[on], start))
    on, off, start, end = on[order], off[order], start[order], end[order]
    notes = Notes(start * STEP_MS / 1000, end * STEP_MS / 1000, row[on], loud[on])
    return Trace(notes, on, off, step * STEP_MS / 1000)


def decode_notes(ids: ArrayLike) -> Notes:
    """Events to notes; see `trace` for what happens to rows that no encoder would write.

    Raises:
        MidiError: an id outside [0, 388).
    """
    return trace(ids).notes


def encode(midi: pretty_midi.PrettyMIDI, *, pedal: bool = True) -> list[int]:
    """A score or performance to events: all instruments but the drums, as one player.

    Args:
        midi: as `core.midi.read` or pretty_midi gives it.
        pedal: let the sustain pedal (control change 64, down from 64 on) hold the notes: one that ends while it is down
            sounds until it is released, or until the same key is struck.
    Raises:
        MidiError: a time that is not finite, over 10 hours.
    """
    from core.midi.pedal import played

    return encode_notes(*played(midi, pedal=pedal)).tolist()


def decode(ids: Sequence[int] | NDArray, *, program: int = 0) -> pretty_midi.PrettyMIDI:
    """Events to a PrettyMIDI with one instrument, the piano unless `program` says otherwise.

    Its resolution makes a MIDI tick one millisecond, so that writing it to a file moves nothing.

    Raises:
        MidiError: an id outside [0, 388).
    """
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(resolution=500, initial_tempo=120.0)
    player = pretty_midi.Instrument(program)
    columns = [column.tolist() for column in decode_notes(ids)]
    player.notes = [pretty_midi.Note(loud, key, start, end) for start, end, key, loud in zip(*columns)]
    midi.instruments.append(player)
    return midi


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 9


def checked(ids: ArrayLike) -> NDArray[np.int64]:
    """The ids as int64 [N]."""
    row = np.asarray(ids)
    if row.size == 0:
        return np.zeros(0, np.int64)
    if row.ndim != 1 or row.dtype.kind not in "iu":
        raise MidiError("Tokens are whole numbers from 0 to 387, in one row.")
    wrong = np.flatnonzero((row < 0) | (row >= VOCABULARY))
    if len(wrong):
        raise MidiError(f"Token {int(wrong[0]) + 1} is {int(row[wrong[0]])}; tokens go from 0 to {VOCABULARY - 1}.")
    return row.astype(np.int64)


def _on_grid(start_s: ArrayLike, end_s: ArrayLike, pitch: ArrayLike, velocity: ArrayLike) -> tuple[NDArray, ...]:
    """Start and end in steps, pitch, velocity bin: int64 [K'] each, by onset and pitch, every key down only once."""
    start, end = np.asarray(start_s, float), np.asarray(end_s, float)
    key, loud = np.asarray(pitch, np.int64), np.asarray(velocity, np.int64)
    if not len(start) == len(end) == len(key) == len(loud):
        raise MidiError("Notes need as many starts as ends, pitches and velocities.")
    if not (np.isfinite(start).all() and np.isfinite(end).all()):
        raise MidiError("A note's time is not a finite number; export the MIDI file again.")
    if np.any((key < 0) | (key > 127) | (loud < 0) | (loud > 127)):
        raise MidiError("Pitches and velocities go from 0 to 127.")
    if len(end) and max(end.max(), start.max()) > LONGEST_S:
        raise MidiError(f"The piece lasts over {LONGEST_S / 3600:.0f} hours; cut it first.")
    start = np.maximum(start, 0) * (1000 / STEP_MS)
    end = np.maximum(end * (1000 / STEP_MS), start)
    first, last = np.floor(start + 0.5).astype(np.int64), np.floor(end + 0.5).astype(np.int64)
    # A note that the grid would swallow begins on the step before it and lasts one step: both ends within 10 ms.
    swallowed = last <= first
    first[swallowed] = np.floor(start[swallowed])
    last[swallowed] = first[swallowed] + 1
    order = np.lexsort((first, key))
    first, last, key, strength = first[order], last[order], key[order], loud[order] // VELOCITY_BIN
    # Of notes that strike one key in the same step, one remains.
    fresh = np.ones(len(key), bool)
    fresh[1:] = (key[1:] != key[:-1]) | (first[1:] != first[:-1])
    heads = np.flatnonzero(fresh)
    if len(heads):
        last, strength = np.maximum.reduceat(last, heads), np.maximum.reduceat(strength, heads)
        first, key = first[heads], key[heads]
        # Struck again while it sounds: the earlier note ends at the later onset.
        again = key[1:] == key[:-1]
        last[:-1] = np.where(again, np.minimum(last[:-1], first[1:]), last[:-1])
    order = np.lexsort((key, first))
    return first[order], last[order], key[order], strength[order]


if __name__ == "__main__":
    from core.midi.measure import main

    main()
