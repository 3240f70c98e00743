"""An interactive plotly figure: frames play, zoom survives updates, clicks reach Python, colours follow the theme.

plotly's own JavaScript is served from the installed package at /site/plotly and loaded when the first figure
comes near the visible part of the page.
"""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from demos import _numbers
from demos._tab import ROOT

_SCRIPT = (ROOT / "assets/site/live_plot.js").read_text(encoding="utf-8")


def live_plot(value: dict | None = None, *, height: int = 360, **options: Any) -> gr.HTML:
    """A figure cell; its value is `plot(figure, summary)`.

    Events: `.select(fn)` with `gr.SelectData` (index [curve, point], value {x, y, z}) when a point is clicked;
    `.appear(fn)` once, when the empty figure first comes into view, which is the place to compute it; and again
    after its value was `ask_again()`.
    """
    return gr.HTML(
        value,
        html_template="<figure class='live-plot'></figure>",
        apply_default_css=False,
        js_on_load=_SCRIPT,  # fires 'select' and 'appear'
        height=height,
        **options,
    )


def plot(figure: Any, summary: str) -> dict[str, Any]:
    """The value of a figure cell: a plotly figure, as JSON text, and one sentence that says what it shows.

    As text, because the page copies the values of its components again and again, number by number: a mel of 30,000
    numbers as a list stopped it for a second at every event, and with it the sound that was being streamed.
    """
    plain = json.loads(figure.to_json())
    plain.get("layout", {}).pop("template", None)  # the page puts its own in
    return {"figure": json.dumps(plain, separators=(",", ":")), "summary": summary}


def ask_again() -> dict[str, Any]:
    """The value of a figure that is out of date: it is emptied, and `.appear` comes anew as soon as it is in sight."""
    return {"ask": _numbers.fresh()}
