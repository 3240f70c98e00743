"""Spectrograms that grow tier by tier, as a cell (assets/site/melnet/tiers.js).

    view = View(["seed 1", "seed 2"], tiers=5, frames=240)
    yield view.add(0, 1, levels)                  # uint8 [n, F_1]: further frames of tier 1 of the first take
    yield view.end("done")

A click on a take fires `.select` with its number.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from demos import _numbers
from demos._tab import Strings

if TYPE_CHECKING:
    from core.melnet.take import Take

BANDS = 80
LOW, HIGH = -11.6, 1.4  # core.melnet.take's range of the bytes, without loading torch
_LOAD = """
import('/site/melnet/tiers.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear' and 'select'
"""
WORDS = (
    "label", "idle", "waiting", "running", "done", "stopped", "play", "pause", "back", "next", "position", "tier",
    "all", "by_tier", "gaps", "hint", "bin", "unknown", "lens", "given", "take", "at", "png", "csv",
)  # fmt: skip


def tiers_view(
    t: Strings, name: str, *, follows: Iterable[str] = (), by_tier: bool = False, gaps: bool = False, lens: bool = False
) -> gr.HTML:
    """The cell; its values come from `View`. Events: `.appear`; `.select` with the number of a take.

    Args:
        follows: ids of the players whose position it shows; track n sounds take n.
        by_tier, gaps: how it looks at first: coloured by tier; bins alone at their places.
        lens: whether the bins around the pointer are shown large.
    """
    return gr.HTML(
        None, html_template="<div class='tiers-host'></div>", js_on_load=_LOAD, apply_default_css=False,
        words={key: t(f"view.{key}") for key in WORDS}, name=name, follows=list(follows), by_tier=by_tier, gaps=gaps,
        lens=lens, elem_id=f"{t.scope}-{name}", elem_classes=["out-cell"],
    )  # fmt: skip


class View:
    """The value of the cell while spectrograms are drawn. Every method returns the value to yield.

    Args:
        labels: one for each take.  tiers: of all takes, or of each.
        frames: of the whole.  given: frames at the beginning that were not drawn.
    """

    def __init__(self, labels: Sequence[str], *, tiers: int | Sequence[int], frames: int, given: int = 0) -> None:
        counts = [tiers] * len(labels) if isinstance(tiers, int) else list(tiers)
        self.value: dict[str, Any] = {
            "run": _numbers.fresh(), "state": "running", "facts": "", "frames": frames, "bands": BANDS, "given": given,
            "low": LOW, "high": HIGH,
            "takes": [{"label": label, "tiers": count, "blocks": []} for label, count in zip(labels, counts)],
        }  # fmt: skip

    @staticmethod
    def waiting() -> dict[str, Any]:
        """What is shown from the click until the network's turn comes."""
        return {"run": _numbers.fresh(), "state": "waiting", "facts": "", "takes": []}

    @staticmethod
    def idle() -> dict[str, Any]:
        """Nothing, as before the first click."""
        return {**View.waiting(), "state": "idle"}

    def add(self, take: int, tier: int, levels: np.ndarray, facts: str = "") -> dict[str, Any]:
        """Append frames of a tier, uint8 [n, F_g]; the page knows how many it has."""
        data = base64.b64encode(np.ascontiguousarray(levels, dtype=np.uint8).tobytes()).decode("ascii")
        takes = list(self.value["takes"])
        takes[take] = {**takes[take], "blocks": [*takes[take]["blocks"], f"{tier}:{data}"]}
        self.value = {**self.value, "takes": takes, "facts": facts or self.value["facts"]}
        return self.value

    def show(self, take: int, whole: Take) -> dict[str, Any]:
        """All that a finished take has."""
        for tier, part in enumerate(whole.parts, start=1):
            self.add(take, tier, part)
        return self.value

    def end(self, facts: str = "", *, stopped: bool = False) -> dict[str, Any]:
        """The value when no more will come."""
        self.value = {**self.value, "state": "stopped" if stopped else "done", "facts": facts}
        return self.value
