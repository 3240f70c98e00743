"""The lecture's naive network: its code line by line, what the paper does otherwise, and what the product is worth."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from demos import _widgets as w
from demos._tab import Strings
from demos._wavenet import naive_checks as checks
from demos._wavenet.naive_listing import listing


def build(t: Strings) -> None:
    """The cell `naive`."""
    with w.cell(t, "naive") as t:
        w.prose(t)
        build_listing(t)
        build_checks(t)
        build_ablation(t)


def build_listing(t: Strings) -> None:
    """The annotated class, and a forward pass of any size through it."""
    with w.controls(t):
        with w.row():
            batch = w.link("naive-batch", gr.Slider(1, 8, 1, step=1, label=t("batch")))
            time = w.link("naive-time", gr.Slider(1, 4000, 1600, step=1, label=t("time")))
            layers = w.link("naive-layers", gr.Slider(1, 10, 4, step=1, label=t("layers")))
        run = w.button(t("run_forward"), name="naive-run")
    shown = listing(t, {**checks.stored("forward"), "stored": True})
    w.code(t, "core.wavenet.lecture_checks:forward_pass", "core.wavenet.line_trace:line_by_line")
    w.on(t, run.click, forward, [batch, time, layers], shown)


def forward(batch: float, time: float, layers: float) -> dict[str, Any]:
    """A live pass."""
    from core.wavenet.lecture_checks import forward_pass

    return {**forward_pass(int(batch), int(time), int(layers)), "stored": False}


def build_checks(t: Strings) -> None:
    """The table of differences, which answers the question before it, and a check for each."""
    w.prose(t, "naive-differs")
    asked = w.quiz(t, "leak")
    with w.reveal(t, asked):
        gr.HTML(checks.table(t), apply_default_css=False, elem_classes=["out-cell"], elem_id="naive-table")
    with w.controls(t):
        choices = [(t(f"check_{name}"), name) for name in checks.CHECKS]
        check = w.link("check", gr.Radio(choices, value="future", label=t("check")))
        with w.row():
            run = w.button(t("run_check"), name="naive-check")
            stop = w.button(t("stop_check"), primary=False, name="naive-stop")
    picture = w.figure(t, "check-figure", height=340)
    w.code(t, *(f"core.wavenet.lecture_checks:{name}" for name in (
        "moved", "influence", "gate_curves", "residual_gradients", "pairs", "leak_training", "repeated")))  # fmt: skip
    show = partial(checks.show_stored, t)
    w.on(t, picture.appear, show, check, picture)
    w.on(t, check.change, show, check, picture, trigger_mode="always_last")

    def clicked(name: str, event: gr.SelectData) -> Any:
        return checks.change_at(t, name, float(event.value["x"]))

    w.on(t, picture.select, clicked, check, picture)
    running = w.on(t, run.click, partial(checks.run, t), check, picture, heavy=True)
    stop.click(None, cancels=[running], api_visibility="private")


def build_ablation(t: Strings) -> None:
    """Multiply, add, ReLU: the curves of six small trainings."""
    w.prose(t, "naive-ablation")
    asked = w.quiz(t, "gate")
    with w.reveal(t, asked):
        curves = w.figure(t, "ablation", height=420)
        point = w.note(t, "ablation-point", t("ablation_hint"))
        gr.HTML(checks.ablation_table(t), apply_default_css=False, elem_classes=["out-cell"])
        w.note(t, "ablation-found", f"{checks.ablation_found(t)}\n\n{checks.ablation_made(t)}")
    w.code(
        t,
        "core.wavenet.ablation:config_for",
        "core.wavenet.ablation:run",
        "core.wavenet.model:GatedLayer.activate",
    )
    w.on(t, curves.appear, partial(checks.ablation, t), None, curves)

    def clicked(event: gr.SelectData) -> str:
        return checks.ablation_point(t, event.index[0], event.value["x"])

    w.on(t, curves.select, clicked, None, point)
