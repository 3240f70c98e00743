"""The lecture's class as a listing whose lines answer a click: what the line does, and the tensors it made."""

from __future__ import annotations

import re
from typing import Any

import gradio as gr
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from demos._code import source
from demos._tab import Strings

CLASS = "core.wavenet.lecture:LectureWaveNet"
TAG = re.compile(r"#\s*(\w+): .+$")
MADE_BY = {  # the child modules that a line of __init__ makes
    "table": ["embedding"], "filters": ["filter"], "gates": ["gate"], "residuals": ["residual"], "skips": ["skip"],
    "head1": ["out1"], "head2": ["out2"],
}  # fmt: skip
WORDS = ("stored", "live", "each_layer", "in_layer", "parameters", "nothing", "hint", "legend")
OPEN = "site.onSight(element, () => import('/site/wavenet/naive.js').then(m => m.open({element, props, watch})));"


def lines() -> list[dict[str, Any]]:
    """The listing: html, the annotation's name or "", and the line's number within `forward` (0 elsewhere)."""
    text = source(CLASS)[0].rstrip("\n")
    coloured = highlight(text, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).rstrip("\n").split("\n")
    out, start = [], 0
    for number, (plain, html) in enumerate(zip(text.split("\n"), coloured), start=1):
        if plain.startswith("    def "):
            start = number if plain.startswith("    def forward") else 0
        found = TAG.search(plain)
        out.append(
            {"html": html, "tag": found.group(1) if found else "", "at": number - start + 1 if start else 0}
        )
    return out


def tags() -> list[str]:
    """The names of all annotations, in the order of the listing."""
    return [line["tag"] for line in lines() if line["tag"]]


def listing(t: Strings, value: dict[str, Any]) -> gr.HTML:
    """The listing; its value is what `lecture_checks.forward_pass` returns, with `stored` true or false."""
    words = {key: t(f"listing_{key}") for key in WORDS} | {f"line_{tag}": t(f"line_{tag}") for tag in tags()}
    return gr.HTML(
        value, html_template="<div></div>", apply_default_css=False, js_on_load=OPEN, lines=lines(), words=words,
        made_by=MADE_BY, elem_id="naive-listing", elem_classes=["out-cell"],
    )  # fmt: skip
