"""Rows of events that no performance gives: what is odd about them, and a text of tokens to ids."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import MidiError
from core.midi import events

MOST_TOKENS = 100_000  # of a text
TEXTS = {  # what `decode` did about it
    "up already": "{token} has no effect: this key is up.",
    "down already": "{token} strikes a key that is down: the note before it ends here.",
    "no time": "{token} is not heard: no time passes before the key goes up or is struck again.",
    "never ends": "{token} is never ended: it lasts until the end of the row.",
    "no velocity": "{token} stands before any SET_VELOCITY: it is played with velocity 64.",
}


@dataclass(frozen=True)
class Problem:
    """One oddity of a row: `place` counts from 0, `kind` is a key of TEXTS."""

    place: int
    kind: str
    token: str

    def __str__(self) -> str:
        return f"Token {self.place + 1}: " + TEXTS[self.kind].format(token=self.token)


def problems(ids: ArrayLike) -> list[Problem]:
    """What `decode` had to decide by itself, in the order of the row; empty for what `encode` writes.

    Args:
        ids: int [N].
    Raises:
        MidiError: an id outside [0, 388).
    """
    row = events.checked(ids)
    down: dict[int, int] = {}  # key -> place of its NOTE_ON
    moved: dict[int, bool] = {}  # has time passed since?
    found: list[tuple[int, str]] = []
    loud = False
    for place, event in enumerate(row.tolist()):
        if event >= events.SET_VELOCITY:
            loud = True
        elif event >= events.TIME_SHIFT:
            moved = dict.fromkeys(down, True)
        else:
            key = event % 128
            if event >= events.NOTE_OFF and key not in down:
                found.append((place, "up already"))
            if key in down:
                if event < events.NOTE_OFF:
                    found.append((place, "down already"))
                if not moved[key]:
                    found.append((down[key], "no time"))
                del down[key]
            if event < events.NOTE_OFF:
                down[key], moved[key] = place, False
                if not loud:
                    found.append((place, "no velocity"))
    found += [(place, "never ends" if moved[key] else "no time") for key, place in down.items()]
    return [Problem(place, kind, events.name(int(row[place]))) for place, kind in sorted(found)]


def read_text(text: str) -> NDArray[np.int64]:
    """Tokens written in a row, with spaces, commas or line ends between them, to ids: int64 [N].

    Raises:
        MidiError: the first word that is no token, with its place; over 100,000 tokens.
    """
    ids: list[int] = []
    for found in re.finditer(r"[^\s,;]+", text):
        if len(ids) == MOST_TOKENS:
            raise MidiError(f"There are over {MOST_TOKENS} tokens; at most {MOST_TOKENS} are taken.")
        try:
            ids.append(events.parse(found.group()))
        except MidiError as error:
            line = text.count("\n", 0, found.start()) + 1
            raise MidiError(f"Token {len(ids) + 1} (line {line}): {error}") from None
    return np.array(ids, np.int64)


def write_text(ids: ArrayLike) -> str:
    """The tokens of a row, one line per TIME_SHIFT.

    Raises:
        MidiError: an id outside [0, 388).
    """
    words = [events.name(event) for event in events.checked(ids).tolist()]
    return re.sub(r"(TIME_SHIFT<\d+>)(?: |$)", r"\1\n", " ".join(words)).strip()
