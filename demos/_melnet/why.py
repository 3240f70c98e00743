"""Why tiers: lengths in numbers, nats a bin, how long a sound stays like itself; five tiers beside one, heard."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from demos import _player
from demos import _widgets as w
from demos._links import within
from demos._melnet import making
from demos._melnet.making import Job
from demos._melnet.view import View, tiers_view
from demos._tab import ROOT, Strings
from demos._wavenet import live_sound as live

CELL = "why"
TABLE = ROOT / "assets/tables/melnet.json"
NETWORKS = {"speech": "melnet-speech", "one": "melnet-one-tier", "piano": "melnet-piano"}
SECONDS = (1.0, 6.0)


@functools.cache
def figures() -> dict[str, Any]:
    """What `python -m core.melnet.measure` has kept, by weights; {} where nothing is."""
    return json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}


def build(t: Strings) -> None:
    """The cell `why`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        asked = w.quiz(t, "steps")
        with w.reveal(t, asked):
            with w.controls(t):
                seconds = w.link("long", gr.Slider(*SECONDS, 3, step=0.5, label=t("seconds")))
            lengths = w.note(t, "lengths")
        w.code(t, "core.melnet.look:lengths", "core.melnet.tiers:shapes")
        w.prose(t, "why-nats")
        w.quiz(t, "tier")
        bars = w.figure(t, "nats", height=340)
        w.note(t, "parameters", parameters(t))
        w.prose(t, "why-long")
        curve = w.figure(t, "likeness", height=360)
        w.code(t, "core.melnet.measure:nats", "core.melnet.measure:gaussian_nats",
               "core.melnet.measure:autocorrelation")  # fmt: skip
        w.prose(t, "why-heard")
        with w.controls(t):
            seed = w.link("both-seed", gr.Slider(0, 999, 1, step=1, label=t("seed")))
            with w.row():
                run = w.button(t("run"), name="why-run")
                halt = w.button(t("stop"), primary=False, name="why-stop")
        view = tiers_view(t, "view", follows=("why-sounds",))
        player = w.player(t, "sounds")
    w.on(t, seconds.change, partial(table, t), seconds, lengths, trigger_mode="always_last")
    w.on(t, bars.appear, lambda seconds: (nats(t), table(t, seconds)), seconds, [bars, lengths])
    w.on(t, curve.appear, partial(likeness, t), None, curve)
    w.on(t, view.appear, partial(at_sight, t), None, [view, player])
    _wire(t, [seconds, seed], view, player, run, halt)


def _wire(t: Strings, asked: list[Any], view: gr.HTML, player: gr.HTML, run: gr.Button, halt: gr.Button) -> None:
    made = gr.State(None)

    def begun(request: gr.Request) -> dict[str, Any]:
        live.begin(request.session_hash, CELL)
        return View.waiting()

    def go(seconds: Any, seed: Any, request: gr.Request) -> Iterator[tuple]:
        yield from making.or_idle(
            draw(t, seconds, seed, is_stopped=lambda: live.is_stopped(request.session_hash, CELL))
        )

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    options: dict[str, Any] = {"heavy": True, "show_progress": "hidden"}
    started = w.on(t, run.click, begun, None, view)
    drawn = w.on(t, started.then, go, asked, [view, made], **options, trigger_mode="always_last")
    w.on(t, drawn.then, making.tracks_of, made, player, **options)
    w.on(t, halt.click, cancel, None, None)


def draw(t: Strings, seconds: Any, seed: Any, **options: Any) -> Iterator[tuple]:
    """(view, made): the same seed by the network with five tiers and by the one with a single tier."""
    number = int(within(seed, 0, 999))
    jobs = [Job(kind, number, t(f"by_{kind}", seed=number)) for kind in ("speech", "one")]
    frames = making.frames_of(seconds, *SECONDS)
    for view, made in making.draw(t, jobs, frames=frames, temperature=making.TEMPERATURE, **options):
        yield view, gr.skip() if made is None else made


def table(t: Strings, seconds: Any) -> str:
    """How far a state must be carried, and how many numbers are drawn: one tier beside five."""
    from core.melnet.look import lengths

    frames = making.frames_of(seconds, *SECONDS)
    one, five = lengths(frames, 80, 1), lengths(frames, 80, 5)
    heads = [t("length_of", seconds=f"{frames / 80:g}"), t("one_tier"), t("five_tiers")]
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---:|"]
    lines += [f"| {t(f'length_{key}')} | {one[key]:,} | {five[key]:,} |" for key in ("time", "frequency", "draws")]
    return "\n".join(lines)


def nats(t: Strings) -> Any:
    """Bars: nats a bin of each tier beside a Gaussian for each band, and of all bins for every network."""
    from core import plots

    found = figures().get(NETWORKS["speech"])
    if not found:
        return gr.skip()
    import plotly.graph_objects as go

    names = [t("tier_name", tier=k + 1) for k in range(len(found["tiers"]))] + [t("all_tiers")]
    rows = [
        (t("bar_gaussian"), [*found["gaussian_tiers"], found["gaussian"]], plots.GREY),
        (t("bar_five"), [*found["tiers"], found["nats"]], plots.MODEL),
    ]
    one = figures().get(NETWORKS["one"])
    if one:
        rows.append((t("bar_one"), [None] * len(found["tiers"]) + [one["nats"]], plots.REFERENCE))
    figure = go.Figure([go.Bar(name=name, x=names, y=values, marker_color=colour) for name, values, colour in rows])
    figure.update_layout(barmode="group")
    plots.layout(figure, y_title=t("nats_axis"))
    text = t("nats_summary", five=f"{found['nats']:.2f}", gaussian=f"{found['gaussian']:.2f}")
    if one:
        text += " " + t("nats_one", one=f"{one['nats']:.2f}")
        if one["nats"] < found["nats"]:
            text += " " + t("nats_better")
    return w.plot(figure, text)


def likeness(t: Strings) -> Any:
    """Curves: spectral autocorrelation of real speech, and of what each network draws."""
    from core import plots

    found = figures().get(NETWORKS["speech"])
    if not found:
        return gr.skip()
    curves = {t("curve_real"): found["autocorrelation"]["real"], t("curve_five"): found["autocorrelation"]["drawn"]}
    one = figures().get(NETWORKS["one"])
    roles = ["reference", "model"]
    if one:
        curves[t("curve_one")] = one["autocorrelation"]["drawn"]
        roles.append("accent")
    lags = [k / 80 for k in range(len(found["autocorrelation"]["real"]))]
    figure = plots.lines(
        {name: (lags, values) for name, values in curves.items()}, x_title=t("lag_axis"), y_title=t("likeness_axis"),
        roles=roles,
    )  # fmt: skip
    text = t("likeness_summary", five=f"{found['gap']:.3f}")
    if one:
        text += " " + t("likeness_one", one=f"{one['gap']:.3f}")
    return w.plot(figure, text)


def parameters(t: Strings) -> str:
    """How many parameters each tier has, and how fast it draws; a sentence where nothing was measured."""
    rows = {kind: figures().get(name) for kind, name in NETWORKS.items()}
    if not any(rows.values()):
        return t("unmeasured")
    heads = [t(f"head_{key}") for key in ("parameters", "nats", "gaussian", "first", "drawing")]
    lines = [f"| | {' | '.join(heads)} |", "|---" + "|---:" * len(heads) + "|"]
    for kind, found in rows.items():
        if found:
            values = [f"{sum(found['parameters']):,}", f"{found['nats']:.3f}", f"{found['gaussian']:.3f}",
                      f"{found['first_tier_s']:.1f} s", f"{found['drawing_s']:.1f} s"]  # fmt: skip
            lines.append(f"| {t(f'row_{kind}')} | {' | '.join(values)} |")
    return "\n".join(lines) + "\n\n" + t("measured_note")


def at_sight(t: Strings) -> tuple:
    """(view, player): stored takes of both networks."""
    from core.melnet import examples

    names = [name for kind in ("speech", "one") for name in examples.names(kind)[:1]]
    if len(names) < 2:
        return gr.skip(), gr.skip()
    takes = [examples.load(name) for name in names]
    labels = [t(f"by_{name.split('-')[0]}", seed=take.seed) for name, take in zip(names, takes)]
    view = View(labels, tiers=[take.tiers for take in takes], frames=takes[0].frames)
    for number, take in enumerate(takes):
        view.show(number, take)
    sounds = [
        _player.linked(f"{t(f'short_{kind}')} {k + 1}", examples.url(examples.index()[name]["sounds"][0]))
        for k in range(3) for kind in ("speech", "one") for name in examples.names(kind)[k : k + 1]
    ]  # fmt: skip
    return view.end(t("stored", temperature=f"{takes[0].temperature:g}")), sounds
