"""The melody of a piano piece, as far as it lies on top: the skyline."""

from __future__ import annotations

import numpy as np

from core.midi.events import Notes


def skyline(notes: Notes, *, lowest: int = 55, together_s: float = 0.05) -> Notes:
    """One voice: of all that is struck at one time the highest note, unless a higher one still sounds.

    Source: Uitdenbogerd and Zobel 1998, "Manipulation of music for melody matching", the skyline of all channels.

    Args:
        notes: as the pedal or the fingers hold them.
        lowest: pitches below are left out, so that the bass is no melody where the right hand rests.
        together_s: what is struck within so many seconds is one chord.
    Returns:
        Notes in the order of their onsets; each ends at the latest when the next begins.
    """
    order = np.lexsort((-notes.pitch, notes.start_s))
    chosen: list[int] = []
    for i in order:
        if notes.pitch[i] < lowest:
            continue
        if chosen:
            last = chosen[-1]
            if notes.start_s[i] - notes.start_s[last] < together_s:  # one chord
                if notes.pitch[i] > notes.pitch[last]:
                    chosen[-1] = int(i)
                continue
            if notes.pitch[i] < notes.pitch[last] - 12 and notes.end_s[last] > notes.start_s[i] + together_s:
                continue  # far below what still sounds: another voice
        chosen.append(int(i))
    start = notes.start_s[chosen]
    end = notes.end_s[chosen].copy()
    if len(chosen) > 1:
        end[:-1] = np.minimum(end[:-1], start[1:])
    return Notes(start, np.maximum(end, start + 0.01), notes.pitch[chosen], notes.velocity[chosen])
