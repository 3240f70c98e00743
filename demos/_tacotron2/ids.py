"""Text becomes ids, as the two networks read them."""

from __future__ import annotations

from functools import partial

import gradio as gr

from demos import _widgets as w
from demos._tab import Strings, strings
from demos._tacotron2.sentence import Box
from demos._tts import text as front_end


def build(t: Strings, box: Box) -> None:
    """The cell `ids`."""
    words = strings("tts", t.language).cell("text")
    with w.cell(t, "ids") as t:
        w.prose(t)
        w.quiz(t, "many")
        with w.controls(t):
            unit = w.link(
                "symbols",
                gr.Radio([(t(name), name) for name in front_end.UNITS], value="sounds", label=t("unit")),
            )  # fmt: skip
        first = front_end.show(words, box.text.value, "sounds")
        with w.output(t):
            shown = gr.HTML(first[0], elem_id="ids-shown", apply_default_css=False)
        counted = w.note(t, "counted", first[1])
        w.code(t, "core.text.tokens:tokens", "core.tacotron2.model:Encoder", "core.tacotron2.sample:sentences")
    handler = partial(front_end.show, words)
    w.on(t, box.text.change, handler, [box.text, unit], [shown, counted], trigger_mode="always_last")
    w.on(t, unit.change, handler, [box.text, unit], [shown, counted])
