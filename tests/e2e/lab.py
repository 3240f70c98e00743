"""A tab that only the tests have: a figure with frames, buttons that fail, a heavy job. Run: python lab.py FOLDER.

It lives in a lessons folder of its own, as a new tab would: one Tab, one folder, nothing else.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from pathlib import Path

import gradio as gr
import plotly.graph_objects as go

from core import plots
from core.errors import SamplingError
from demos import _page, _tab
from demos import _widgets as w

LESSON = """# Lab {{#top}}

{top}

## Figures {{#figures}}

$E = mc^2$

## Jobs {{#jobs}}

## References {{#references}}
"""
WORDS = """
card.en = "A test."
card.ko = "시험입니다."
draw.en = "Draw"
draw.ko = "그리기"
stale.en = "Out of date"
stale.ko = "옛것"
typed.en = "Typed"
typed.ko = "알려진 오류"
broken.en = "Broken"
broken.ko = "모르는 오류"
heavy.en = "Heavy"
heavy.ko = "오래 걸리는 일"
light.en = "Light"
light.ko = "가벼운 일"
shut.en = "Shut"
shut.ko = "닫기"
open.en = "Open"
open.ko = "열기"
"""
FRAMES = 6
NAMES = ("typed", "broken", "heavy", "light", "shut", "open")
LONGEST_S = 60.0
gate = threading.Event()


def write_lesson(folder: Path) -> None:
    """The lesson folder of this tab, beside the site's own words."""
    shutil.copytree(_tab.LESSONS / "_site", folder / "_site")
    (folder / "lab").mkdir()
    (folder / "lab/strings.toml").write_text(WORDS, encoding="utf-8")
    for language, top in (("en", "- see"), ("ko", "- 본다")):
        (folder / f"lab/{language}.md").write_text(LESSON.format(top=top), encoding="utf-8")


def figure(scale: float) -> dict:
    drawn = plots.lines({"line": ([0, 1, 2], [0, 1, scale])}, x_title="x", y_title="y", markers=True)
    drawn.frames = [go.Frame(data=[go.Scatter(x=[0, 1, 2], y=[0, k, scale * k])], name=str(k)) for k in range(FRAMES)]
    play = {"label": "Play", "method": "animate", "args": [None, {"frame": {"duration": 60}}]}
    drawn.update_layout(updatemenus=[{"type": "buttons", "buttons": [play]}])
    return w.plot(drawn, f"A line up to {scale:g}.")


def fail_typed() -> str:
    raise SamplingError("0 samples cannot be generated; ask for at least 1.")


def fail_broken() -> str:
    raise ZeroDivisionError("a secret of the server")


def work() -> str:
    """A heavy job that ends when a light one opens the gate, whatever the machine's speed; says when it ran."""
    began = time.monotonic()
    passed = gate.wait(LONGEST_S)
    return f"{'passed' if passed else 'forgotten'} {began} {time.monotonic()}"


def shut() -> str:
    gate.clear()
    return "shut"


def open_gate() -> str:
    gate.set()
    return "open"


def build(t: _tab.Strings) -> None:
    """Two cells."""
    w.header(t, badge="none", minutes=1)
    with w.cell(t, "figures") as cell:
        w.prose(cell)
        draw = w.button(t("draw"), name="draw")
        stale = w.button(t("stale"), name="stale")
        picture = w.figure(cell, "picture", height=300)
        clicked = gr.Textbox(label="clicked", elem_id="clicked")
    with w.cell(t, "jobs") as cell:
        buttons = {name: w.button(t(name), name=name) for name in NAMES}
        kept = gr.Textbox("as it was", label="kept", elem_id="kept")
        slow = gr.Textbox(label="slow", elem_id="slow")
    w.references(t)
    w.on(t, picture.appear, lambda: figure(1.0), None, picture)
    w.on(t, draw.click, lambda: figure(2.0), None, picture)
    w.on(t, stale.click, w.ask_again, None, picture)

    def on_select(event: gr.SelectData) -> str:
        return f"{event.index} {event.value['x']} {event.value['y']}"

    w.on(t, picture.select, on_select, None, clicked)
    w.on(t, buttons["typed"].click, fail_typed, None, kept)
    w.on(t, buttons["broken"].click, fail_broken, None, kept)
    w.on(t, buttons["heavy"].click, work, None, slow, heavy=True)
    w.on(t, buttons["light"].click, lambda: "light", None, kept)
    w.on(t, buttons["shut"].click, shut, None, kept)
    w.on(t, buttons["open"].click, open_gate, None, kept)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write_lesson(folder)
    _tab.LESSONS = folder
    _page.serve([_tab.Tab(slug="lab", order=1, build=build)])
