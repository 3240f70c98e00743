"""A piano roll as a cell: notes that appear while a network plays, a play head, arcs (assets/site/transformer/roll.js).

    roll = Roll(("Primer", "Continuation"))
    yield roll.show(notes, parts)                   # notes: core.midi.events.Notes; the part of each
    yield roll.end(facts)

Several takes of one piece share a roll, one of which is seen: `roll.show_takes([(notes, parts), ...], names)`. The take
that the followed player plays is shown, and a take chosen here is played there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos import _numbers
from demos._tab import Strings

if TYPE_CHECKING:
    from core.midi.events import Notes

__all__ = ["Roll", "piano_roll", "with_arcs"]

_LOAD = """
import('/site/transformer/roll.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear' and 'select'
"""
WORDS = ("label", "idle", "running", "done", "stopped", "hint", "note", "head", "png", "csv")


def piano_roll(t: Strings, name: str, *, follows: Iterable[str] = (), clickable: bool = False) -> gr.HTML:
    """The cell; its values come from `Roll`. Events: `.appear`; `.select` with the number of a note.

    Args:
        follows: ids of the players whose position the play head shows.
        clickable: whether a click on a note does something.
    """
    return gr.HTML(
        None, html_template="<div class='roll-host'></div>", js_on_load=_LOAD, apply_default_css=False,
        words={key: t(f"roll.{key}") for key in WORDS}, name=name, follows=list(follows), clickable=clickable,
        elem_id=f"{t.scope}-{name}", elem_classes=["out-cell"],
    )  # fmt: skip


class Roll:
    """The value of a piano roll while its notes are made. Every method returns the value to yield.

    Args:
        parts: names of the voices, in the order of their colours.
        split_s: where the primer ends, in seconds; 0 for no such line.
    """

    def __init__(self, parts: Sequence[str], *, split_s: float = 0.0) -> None:
        self.value: dict[str, Any] = {
            "run": _numbers.fresh(), "state": "running", "facts": "", "parts": list(parts), "notes": [],
            "split_s": round(split_s, 3), "arcs": None, "takes": [], "names": [],
        }  # fmt: skip

    def show(self, notes: Notes, parts: Sequence[int], facts: str = "") -> dict[str, Any]:
        """All notes so far, each with the number of its part; those already there should come first."""
        self.value = {**self.value, "notes": _rows(notes, parts), "takes": [], "names": [], "facts": facts}
        return self.value

    def show_takes(
        self, takes: Sequence[tuple[Notes, Sequence[int]]], names: Sequence[str], facts: str = ""
    ) -> dict[str, Any]:
        """Several takes, each with all its notes so far and their parts, of which the reader sees one.

        names: what the buttons that choose one say, in the order of the followed player's tracks.
        """
        found = [_rows(*take) for take in takes]
        self.value = {**self.value, "notes": found[0], "takes": found, "names": list(names), "facts": facts}
        return self.value

    def end(self, facts: str, *, stopped: bool = False) -> dict[str, Any]:
        """The value when no more will come."""
        self.value = {**self.value, "state": "stopped" if stopped else "done", "facts": facts}
        return self.value


def _rows(notes: Notes, parts: Sequence[int]) -> list[list[int]]:
    return [
        [round(start * 1000), round(end * 1000), int(pitch), int(velocity), int(part)]
        for (start, end, pitch, velocity), part in zip(zip(*notes), parts)
    ]


def with_arcs(
    value: dict[str, Any] | None, of: int, rows: Iterable[tuple[int, int, float]], *, heads: int, text: str
) -> dict[str, Any] | None:
    """The same roll with arcs from one note to others.

    Args:
        value: what the roll shows.  of: the note clicked.
        rows: (note, head, weight) of every arc.  heads: how many there are.
        text: what the arcs say, in a sentence.
    """
    if not value:
        return value
    arcs = {"of": of, "heads": heads, "rows": [[j, h, round(float(w), 4)] for j, h, w in rows], "text": text}
    return {**value, "arcs": arcs}
