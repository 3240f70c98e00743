"""The cell that shows a sound as codes: coloured cells with the waveform on them (`assets/site/vqvae/strip.js`)."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

import gradio as gr
import numpy as np

from demos import _numbers
from demos._tab import Strings

_LOAD = """
import('/site/vqvae/strip.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear' and 'select'
"""
WORDS = ("label", "idle", "waiting", "done", "hint", "cell", "low", "high", "png", "csv")


def codes_view(t: Strings, name: str, *, follows: Iterable[str] = (), pairs: bool = False) -> gr.HTML:
    """The cell; its values come from `shown`. Events: `.appear`; `.select` with {row, place, code} of the cell clicked.

    Args:
        follows: ids of the players whose position it shows.  pairs: whether the last two clicked stay marked.
    """
    return gr.HTML(
        None, html_template="<div class='codes-host'></div>", js_on_load=_LOAD, apply_default_css=False,
        words={key: t(f"view.{key}") for key in WORDS}, name=name, follows=list(follows), pairs=pairs,
        elem_id=f"{t.scope}-{name}", elem_classes=["out-cell"],
    )  # fmt: skip


def row(
    label: str, codes: Sequence[int], rate: float, colours: dict[int, list[int]], *,
    peaks: np.ndarray | None = None, tracks: Sequence[int] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """One sound of the cell.

    Args:
        codes: [N].  rate: codes a second.  colours: of each code, hue and loudness, by `core.vqvae.look.colours`.
        peaks: uint8, a multiple of N of them.  tracks: of the player that is followed, those that sound this row.
    """
    numbers = [int(code) for code in codes]
    found: dict[str, Any] = {
        "label": label, "codes": numbers, "rate": rate, "tracks": None if tracks is None else list(tracks),
        "colours": {str(code): [int(v) for v in colours.get(code, (0, 0))] for code in sorted(set(numbers))},
    }  # fmt: skip
    if peaks is not None:
        found["wave"] = base64.b64encode(np.ascontiguousarray(peaks, dtype=np.uint8).tobytes()).decode("ascii")
    return found


def shown(rows: Sequence[dict[str, Any]], facts: str = "") -> dict[str, Any]:
    """The value of the cell with these rows."""
    return {"run": _numbers.fresh(), "state": "done", "facts": facts, "rows": list(rows)}


def waiting() -> dict[str, Any]:
    """What is shown until there are codes."""
    return {"run": _numbers.fresh(), "state": "waiting", "facts": "", "rows": []}


def idle() -> dict[str, Any]:
    """Nothing, as before the first click."""
    return {"run": _numbers.fresh(), "state": "idle", "facts": "", "rows": []}
