"""Our events beside note-seq's performance encoder and MidiTok's MIDI-like tokens, on the same files in one run.

    python -m benchmarks.midi_events --data PATH [--files 30]

Both peers are optional: `pip install miditok`; note-seq 0.0.5 is old and wants its parts by name:
`pip install --no-deps note-seq && pip install absl-py protobuf pandas pydub intervaltree bokeh ipython`.

note-seq: its velocity bin b holds 4b + 1 to 4b + 4 and ours 4b to 4b + 3, so it is given every velocity one higher for
this comparison. What is left:
- events of one step: note-seq keeps the order of the unrounded times, we sort by pitch ("same once sorted");
- one key struck while it is down (two voices, two instruments): note-seq writes both NOTE_ONs and both NOTE_OFFs, of
  which the first ends both; we end the earlier note where the later begins, or make one of the two;
- a note shorter than the grid: note-seq lengthens it at its end, so that its end may move by 15 ms; we let it begin on
  the step before, so that neither end moves by more than 10 ms.
MidiTok counts time in parts of a beat and not of a second, names the velocity before every note, has 32 velocities
spread over 1 to 127, and a token of its own for the pedal, which then holds no note; so its rows cannot be equal to
ours. What can be compared is the NOTE_ONs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core import midi
from core.errors import MidiError
from core.midi import collection, events, pedal


def note_seq_encoder() -> Callable[[bytes], list[int]] | None:
    """A MIDI file to our ids by note-seq, the pedal applied; None where it is not installed."""
    os.environ.setdefault("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")  # its messages are of an old protobuf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, kind in (("object", object), ("bool", bool), ("int", int), ("float", float)):
            if not hasattr(np, name):  # NumPy had them when note-seq was written
                setattr(np, name, kind)
        try:
            from note_seq import midi_io, performance_lib, sequences_lib
        except ImportError:
            return None

    def encode(data: bytes) -> list[int]:
        sequence = midi_io.midi_to_note_sequence(data)
        for note in [note for note in sequence.notes if note.is_drum]:
            sequence.notes.remove(note)
        for note in sequence.notes:
            note.velocity = min(note.velocity + 1, 127)
        held = sequences_lib.apply_sustain_control_changes(sequence)
        steps = sequences_lib.quantize_note_sequence_absolute(held, 100)
        performance = performance_lib.Performance(steps, num_velocity_bins=32, max_shift_steps=100)
        first = {1: events.NOTE_ON, 2: events.NOTE_OFF, 3: events.TIME_SHIFT - 1, 4: events.SET_VELOCITY - 1}
        return [first[event.event_type] + event.event_value for event in performance]

    return encode


def miditok_encoder() -> Callable[[bytes], list[str]] | None:
    """A MIDI file to MidiTok's words; None where it is not installed."""
    try:
        import miditok
    except ImportError:
        return None
    tokenizer = miditok.MIDILike(miditok.TokenizerConfig(num_velocities=32, pitch_range=(0, 127), use_programs=False))

    def encode(data: bytes) -> list[str]:
        with tempfile.NamedTemporaryFile(suffix=".mid") as file:
            file.write(data)
            file.flush()
            found = tokenizer(file.name)
        rows: list[Any] = found if isinstance(found, list) else [found]
        return [word for row in rows for word in row.tokens]

    return encode


def struck(ids: list[int]) -> list[int]:
    """The pitches of a row's NOTE_ONs, sorted within a time."""
    trace = events.trace(ids)
    ons = np.flatnonzero(np.array(ids) < events.NOTE_OFF)
    return [ids[i] for i in sorted(ons.tolist(), key=lambda i: (trace.time_s[i], ids[i]))]


def compare(path: Path, most: int) -> tuple[Counter[str], Counter[str]]:
    """What was counted, and the seconds that each took, over files spread evenly over a collection."""
    theirs, miditok = note_seq_encoder(), miditok_encoder()
    every = list(collection.files(path))
    count: Counter[str] = Counter()
    took: Counter[str] = Counter()
    for _, data in every[:: max(1, len(every) // most)][:most]:
        try:
            score = midi.read(data)
        except MidiError:
            continue
        if score.repairs:  # the peers read the file as it came
            continue
        count["files"] += 1
        began = time.perf_counter()
        notes = pedal.played(score.midi)
        ours = events.encode_notes(*notes._replace(velocity=notes.velocity.clip(max=126))).tolist()
        took["ours"] += time.perf_counter() - began
        count["events"] += len(ours)
        if theirs:
            began = time.perf_counter()
            row = theirs(data)
            took["note-seq"] += time.perf_counter() - began
            count["note-seq: the same"] += row == ours
            count["note-seq: the same once sorted and repaired"] += again(row) == ours
            missing = Counter(struck(ours)) - Counter(struck(row))
            count["note-seq: our NOTE_ONs that it has not"] += sum(missing.values())
        if miditok:
            began = time.perf_counter()
            words = miditok(data)
            took["miditok"] += time.perf_counter() - began
            pitches = Counter(int(word.split("_")[1]) for word in words if word.startswith("NoteOn"))
            count["miditok: our NOTE_ONs that it has not"] += sum((Counter(struck(ours)) - pitches).values())
        count["our NOTE_ONs"] += len(struck(ours))
    return count, took


def again(row: list[int]) -> list[int]:
    """A row as our encoder writes what it means."""
    return events.encode_notes(*events.decode_notes(row)).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with MIDI files or archives of them")
    parser.add_argument("--files", type=int, default=30, help="how many, spread evenly")
    options = parser.parse_args()
    count, took = compare(options.data, options.files)
    for what, number in count.items():
        print(f"{what:48s} {number}")
    for what, seconds in took.items():
        reads = "" if what == "ours" else " (reading the file included)"
        print(f"{what:12s} {60 * count['events'] / seconds:14,.0f} of our events a minute{reads}")


if __name__ == "__main__":
    main()
