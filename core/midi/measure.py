"""Every MIDI file of a collection there and back: how much moves, and how fast.

    python -m core.midi.events --data PATH
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import MidiError
from core.midi import collection, events, files, pedal


@dataclass(frozen=True)
class Trip:
    """What a round trip did to the notes of one file."""

    notes: int
    merged: int  # notes that strike one key within the same 10 ms as another, and became one with it
    shortened: int  # notes that end where their key is struck again
    onset_error_s: float  # the largest
    end_error_s: float  # the largest, of notes that are neither merged nor shortened
    bin_error: int  # the largest difference of velocity bins, of notes that are not merged


def round_trip(notes: events.Notes, ids: NDArray[np.int64]) -> Trip:
    """Compare notes with what their events decode to, note by note, without the encoder's arithmetic.

    Each note is looked for among the decoded ones of its pitch: the one whose onset is nearest.
    """
    back = events.decode_notes(ids)
    merged = shortened = bins = 0
    onset = end = 0.0
    for key in np.unique(notes.pitch):
        mine, theirs = np.flatnonzero(notes.pitch == key), np.flatnonzero(back.pitch == key)
        if len(theirs) == 0:
            return Trip(len(notes.pitch), 0, 0, float("inf"), float("inf"), 32)
        mine = mine[np.argsort(notes.start_s[mine], kind="stable")]
        starts = np.maximum(notes.start_s[mine], 0)
        right = np.clip(np.searchsorted(back.start_s[theirs], starts), 1, max(len(theirs) - 1, 1))
        near = np.stack([right - 1, np.minimum(right, len(theirs) - 1)])
        nearest = np.abs(back.start_s[theirs][near] - starts).argmin(axis=0)
        chosen = theirs[np.where(nearest == 0, near[0], near[1])]
        onset = max(onset, float(np.abs(back.start_s[chosen] - starts).max()))
        many = np.isin(chosen, chosen[:-1][chosen[1:] == chosen[:-1]])  # several notes became one
        merged += int(many.sum()) - len(np.unique(chosen[many]))
        apart = (back.velocity[chosen] // 4 - notes.velocity[mine] // 4)[~many]
        bins = max(bins, int(np.abs(apart).max(initial=0)))
        following = np.append(back.start_s[theirs], np.inf)[np.searchsorted(theirs, chosen) + 1]
        cut = (notes.end_s[mine] > following + 0.005) & ~many
        shortened += int(cut.sum())
        late = np.abs(back.end_s[chosen] - np.maximum(notes.end_s[mine], starts))[~many & ~cut]
        end = max(end, float(late.max(initial=0.0)))
    return Trip(len(notes.pitch), merged, shortened, onset, end, bins)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with MIDI files or archives of them")
    parser.add_argument("--no-pedal", action="store_true", help="do not let the sustain pedal hold the notes")
    options = parser.parse_args(arguments)
    refused: Counter[str] = Counter()
    mended: Counter[str] = Counter()
    trips, count, took_s = [], 0, 0.0
    for name, data in collection.files(options.data):
        try:
            score = files.read(data)
        except MidiError as error:
            refused[str(error)] += 1
            continue
        mended.update(repair.rstrip("0123456789.: ") for repair in score.repairs)
        began = time.perf_counter()
        ids = events.encode(score.midi, pedal=not options.no_pedal)
        took_s += time.perf_counter() - began
        count += len(ids)
        trip = round_trip(pedal.played(score.midi, pedal=not options.no_pedal), np.array(ids))
        if max(trip.onset_error_s, trip.end_error_s) > 0.01 + 1e-9 or trip.bin_error > 1:
            print(f"{name}: {trip}")
        trips.append(trip)
    for text, times in refused.items():
        print(f"refused, {times}: {text}")
    for text, times in mended.items():
        print(f"mended, {times}: {text}")
    if not trips:
        return
    notes = sum(trip.notes for trip in trips)
    print(f"files                 {len(trips)}")
    print(f"notes                 {notes}")
    print(f"events                {count}")
    print(f"events per minute     {60 * count / took_s:.0f}")
    print(f"worst onset error     {1000 * max(trip.onset_error_s for trip in trips):.2f} ms")
    print(f"worst end error       {1000 * max(trip.end_error_s for trip in trips):.2f} ms")
    print(f"worst velocity error  {max(trip.bin_error for trip in trips)} bins")
    print(f"doubled notes made one        {sum(trip.merged for trip in trips)}")
    print(f"ended at the next stroke      {sum(trip.shortened for trip in trips)}")
