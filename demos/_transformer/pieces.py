"""The pieces that a network goes on from: those that the site ships, and what a visitor brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demos import _widgets as w
from demos._tab import ROOT, Strings

FOLDER = ROOT / "assets/midi"
FIRST = "rondo-alla-turca"
NAMES = (FIRST, "bach-prelude-bwv862", "beethoven-pathetique-adagio", "chopin-nocturne-op9-2",
         "schumann-foreign-lands", "joplin-entertainer")  # fmt: skip
OWN, NOTHING = "own", "nothing"


def choices(t: Strings) -> list[tuple[str, str]]:
    """(title in the page's language, name) of every piece."""
    return [(t(f"pieces.{name}"), name) for name in NAMES]


def path(name: str) -> Path:
    """A shipped piece; the first one for a name that is none."""
    return FOLDER / f"{name if name in NAMES else FIRST}.mid"


def events_of(t: Strings, piece: Any, own: str | None) -> tuple[list[int], str]:
    """The events of what was chosen, and what had to be repaired in it.

    Raises:
        MidiError: the upload cannot be read.
    """
    from core import midi

    if piece == NOTHING:
        return [], ""
    score = midi.read((own or "") if piece == OWN else path(str(piece)))
    said = "; ".join(w.translate(one, t.language) for one in score.repairs)
    return midi.encode(score.midi), t("repairs", repairs=said) if said else ""
