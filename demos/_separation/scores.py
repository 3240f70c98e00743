"""SDR, SIR, ISR and SAR: a true stem is spoiled in four ways, and BSS Eval says how badly and in which way."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from demos import _player
from demos import _widgets as w
from demos._tab import Strings

CELL = "scores"
SLIDERS = {"interference": 30, "artefacts": 10, "spatial": 20, "noise": 0}  # percent at first sight
FAINT_DB = -100
EQUATIONS = {
    "SDR": r"\frac{\lVert s \rVert^2}{\lVert e_\mathrm{spat} + e_\mathrm{interf} + e_\mathrm{artif} \rVert^2}",
    "SIR": r"\frac{\lVert s + e_\mathrm{spat} \rVert^2}{\lVert e_\mathrm{interf} \rVert^2}",
    "ISR": r"\frac{\lVert s \rVert^2}{\lVert e_\mathrm{spat} \rVert^2}",
    "SAR": r"\frac{\lVert s + e_\mathrm{spat} + e_\mathrm{interf} \rVert^2}{\lVert e_\mathrm{artif} \rVert^2}",
}


def build(t: Strings) -> None:
    """The cell `scores`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "noise")
        with w.controls(t):
            with w.row():
                first = [_slider(t, name) for name in ("interference", "artefacts")]
            with w.row():
                second = [_slider(t, name) for name in ("spatial", "noise")]
        sliders = [*first, *second]
        bars = w.figure(t, "bars", height=330)
        pointed = w.note(t, "pointed", t("point_hint"))
        player = w.player(t, "sounds")
        parts = w.figure(t, "parts", height=460)
        w.prose(t, "scores-computed")
        w.code(t, "core.separation.degrade:degrade", "core.separation.scores:References",
               "core.separation.scores:metrics_of")  # fmt: skip
    figures = gr.State(None)
    shown = [figures, bars, pointed, player, parts]
    newest: dict[str, Any] = {"heavy": True, "trigger_mode": "always_last"}
    w.on(t, bars.appear, partial(show, t), sliders, shown, heavy=True)
    w.on(t, [slider.change for slider in sliders], partial(show, t), sliders, shown, **newest)

    def point(event: gr.SelectData, found: dict[str, float] | None) -> Any:
        return explain(t, str(event.value.get("x")), found)

    w.on(t, bars.select, point, figures, pointed)


def _slider(t: Strings, name: str) -> gr.Slider:
    slider = gr.Slider(0, 100, SLIDERS[name], step=5, label=t(name), info=t(f"{name}_info"))
    return w.link(f"score-{name}", slider)


def show(t: Strings, *percents: float) -> tuple[Any, ...]:
    """(figures in dB, bars, a hint, sounds, waveforms) of the stem, spoiled by so many percent of each kind."""
    from core.separation import degrade, scores_figures

    scene = degrade.scene()
    shares = {name: float(percent or 0) / 100 for name, percent in zip(SLIDERS, percents)}
    estimate = degrade.degrade(scene.target, scene.others, **shares)
    found, parts = degrade.references().judge(estimate, 0)
    words = {key: t(key) for key in ("metric", "decibels", "time")}
    levels = {name: _level(t, level) for name, level in scores_figures.levels_db(parts).items()}
    titles = {name: t(f"part_{name}", level=level) for name, level in levels.items()}
    said = {name: scores_figures.written(value) for name, value in found.items()}
    sounds = {"clean": scene.target, "spoiled": estimate, "wrong": estimate - scene.target}
    return (
        found,
        w.plot(scores_figures.bars(found, words=words), t("bars_summary", **said)),
        t("point_hint"),
        [_player.stored(t(name), x.T, scene.sample_rate_hz) for name, x in sounds.items()],
        w.plot(
            scores_figures.waveforms(parts, sample_rate_hz=scene.sample_rate_hz, words=words | titles),
            t("parts_summary", **levels),
        ),
    )


def _level(t: Strings, value: float) -> str:
    """Decibels with their unit; so far down only rounding errors are left."""
    from core.separation.scores_figures import written

    return t("level_faint") if value < FAINT_DB else t("level", value=written(value))


def explain(t: Strings, metric: str, found: dict[str, float] | None) -> Any:
    """What a figure compares, with its equation and its value; nothing changes for what is not a figure."""
    from core.separation.scores_figures import written

    if not found or metric not in EQUATIONS:
        return gr.skip()
    value = written(found[metric]).replace("∞", r"\infty")
    return f"$$\\mathrm{{{metric}}} = 10\\log_{{10}} {EQUATIONS[metric]} = {value}\\ \\mathrm{{dB}}$$\n\n" + t(
        f"about_{metric}"
    )
