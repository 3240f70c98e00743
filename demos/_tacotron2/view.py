"""The decoder at work as a cell: text, alignment, mel and stop probability, growing (assets/site/tacotron2/view.js)."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from demos import _numbers
from demos._tab import Strings

if TYPE_CHECKING:
    from core.tacotron2.sample import Step
    from core.text.tokens import Tokens

_LOAD = """
import('/site/tacotron2/view.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear' and 'select'
"""
WORDS = (
    "label", "hint", "idle", "running", "done", "stopped", "at", "alignment", "mel", "stop", "png", "csv",
)  # fmt: skip
QUIET, LOUD = -9.0, 1.0  # log-mel that is drawn lightest and darkest


def alignment_view(t: Strings, name: str, *, follows: Iterable[str] = ()) -> gr.HTML:
    """The cell; its values come from `View`. Events: `.appear`, `.select` with the number of a decoder step.

    Args:
        follows: ids of the sounds whose position its cursor shows.
    """
    return gr.HTML(
        None, html_template="<div class='view-host'></div>", js_on_load=_LOAD, apply_default_css=False,
        words={key: t(f"view.{key}") for key in WORDS}, name=name, follows=list(follows),
        elem_id=f"{t.scope}-{name}", elem_classes=["out-cell"],
    )  # fmt: skip


class View:
    """The value of an alignment view while a text is being read.

    Args:
        text: as it was typed.  frames_per_step: r.
    """

    def __init__(self, text: str, *, frames_per_step: int) -> None:
        self.value: dict[str, Any] = {
            "run": _numbers.fresh(), "state": "running", "text": text, "r": frames_per_step, "tokens": [], "steps": [],
            "facts": "",
        }  # fmt: skip
        self._first = 0  # token of the sentence that is being read

    def read(self, tokens: Tokens) -> None:
        """A sentence begins."""
        self._first = len(self.value["tokens"])
        fresh = [[symbol, *span] for symbol, span in zip(tokens.symbols, tokens.spans)]
        self.value = {**self.value, "tokens": [*self.value["tokens"], *fresh]}

    def add(self, steps: Iterable[Step], facts: str = "") -> dict[str, Any]:
        """Append steps; returns the value to yield."""
        packed = [[self._first, pack(step)] for step in steps]
        self.value = {**self.value, "steps": [*self.value["steps"], *packed], "facts": facts}
        return self.value

    def end(self, facts: str, *, stopped: bool = False) -> dict[str, Any]:
        """The value when no more will come."""
        self.value = {**self.value, "state": "stopped" if stopped else "done", "facts": facts}
        return self.value


def pack(step: Step) -> str:
    """Weights, levels of the mel frame by frame, stop probability: a byte each, as base64."""
    levels = (step.frames.numpy().T.reshape(-1) - QUIET) / (LOUD - QUIET)
    values = np.concatenate([step.weights.numpy(), levels, [step.stop]])
    return base64.b64encode(np.round(values.clip(0, 1) * 255).astype(np.uint8).tobytes()).decode("ascii")
