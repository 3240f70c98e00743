"""Causality and dilation: a tree in the browser, and what reach costs. Nothing here asks the server."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import gradio as gr
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import JavascriptLexer

from demos import _widgets as w
from demos._tab import ROOT, Strings

NUMBERS = ROOT / "assets/site/wavenet/dilation_numbers.js"
# The widths of the networks whose costs the cell counts; a test compares them with core.wavenet.PRESETS.
NETWORKS: dict[str, dict[str, Any]] = {
    "lecture": {"residual": 32, "gate": 64, "skip": 32, "head": 32, "levels": 256, "mel": 0, "input": False},
    "paper": {"residual": 64, "gate": 128, "skip": 256, "head": 256, "levels": 256, "mel": 0, "input": False},
    "vocoder": {
        "residual": 64, "gate": 128, "skip": 128, "head": 128, "levels": 256, "mel": 80, "condition": 128, "hop": 10,
        "harmonics": 2, "input": True,
    },
    "speech": {"residual": 48, "gate": 96, "skip": 96, "head": 128, "levels": 256, "mel": 0, "input": True},
}  # fmt: skip
SLIDERS = {"lecture": (4, 2, 4), "paper": (10, 2, 10), "vocoder": (16, 2, 8), "speech": (20, 2, 10)}
WORDS = (
    "play", "stop", "causal", "input_convolution", "zoom", "keys", "table", "row_input", "row_output", "row_embedding",
    "summary", "summary_future", "summary_reverse", "every", "aggregated", "scroll", "samples", "with_input", "shape",
    "dilated", "plain", "single", "head_way", "head_form", "head_parameters", "head_products", "head_beside", "widths",
    "whole", "whole_mel",
)  # fmt: skip
# gradio runs this in the page; the drawing itself is fetched when the cell comes near.
OPEN = """
site.onSight(element, () => import('/site/wavenet/dilation.js').then(m => m.open({element, props, watch})));
"""
SETTINGS = "(network, layers, kernel, cycle) => ({network, layers, kernel, cycle})"


def build(t: Strings) -> None:
    """The cell `dilation`."""
    with w.cell(t, "dilation") as t:
        w.prose(t)
        w.quiz(t, "reach")
        with w.controls(t):
            choices = [(t(f"network_{name}"), name) for name in NETWORKS]
            network = w.link("network", gr.Radio(choices, value="lecture", label=t("network")))
            with w.row():
                layers = w.link("layers", gr.Slider(1, 30, 4, step=1, label=t("layers")))
                kernel = w.link("kernel", gr.Slider(2, 4, 2, step=1, label=t("kernel")))
                cycle = w.link("cycle", gr.Slider(1, 10, 4, step=1, label=t("cycle")))
        words = {key: t(key) for key in WORDS} | {key: t(f"figure.{key}") for key in ("png", "svg", "data")}
        start = dict(zip(("layers", "kernel", "cycle"), SLIDERS["lecture"]), network="lecture")
        tree = gr.HTML(
            start, html_template="<div></div>", apply_default_css=False, js_on_load=OPEN, words=words,
            networks=NETWORKS, name="dilation", elem_id="dilation-tree", elem_classes=["out-cell"],
        )  # fmt: skip
        w.prose(t, "dilation-cost")
        w.quiz(t, "plain")
        w.code(t, "core.wavenet.model:WaveNetConfig.receptive_field_samples", "core.wavenet.model:GatedLayer.taps")
        gr.HTML(javascript(t), apply_default_css=False, elem_classes=["code-host"])
    choose = f"(name) => ({ {name: list(values) for name, values in SLIDERS.items()} })[name]"
    network.input(None, network, [layers, kernel, cycle], js=choose, queue=False, api_visibility="private")
    for control in (network, layers, kernel, cycle):
        control.change(
            None, [network, layers, kernel, cycle], tree, js=SETTINGS, queue=False, api_visibility="private"
        )


@functools.cache
def _listing(path: Path) -> str:
    return highlight(path.read_text(encoding="utf-8"), JavascriptLexer(), HtmlFormatter(nowrap=True)).rstrip()


def javascript(t: Strings) -> str:
    """A code cell with the very file that computes the numbers in the browser."""
    return (
        f'<details class="code-cell"><summary><span class="label">In</span><span>{t("javascript")}</span>'
        f"<small>{NUMBERS.name}</small></summary>"
        f'<pre class="code" tabindex="0"><code>{_listing(NUMBERS)}</code></pre></details>'
    )
