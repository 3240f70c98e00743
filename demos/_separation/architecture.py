"""MMDenseLSTM, block by block: live shapes, parameters and receptive fields, and whether its LSTMs are worth it."""

from __future__ import annotations

import functools
import html
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos import _widgets as w
from demos._separation.architecture_diagram import block_name, diagram, inside, overview, part_name
from demos._tab import ROOT, Strings

if TYPE_CHECKING:
    from core.separation.shapes import Block, Facts

CELL = "architecture"
PRESETS = ("vocals", "4stems", "paper")
SECONDS, BLOCK = 4.0, "bands.0.down.3"
TABLE = ROOT / "assets/tables/separation-ablation.json"  # core.separation.ablation.TABLE, without loading torch
NETWORKS = {"MMDenseLSTM": "net_lstm", "MMDenseNet": "net_bare", "MMDenseNet, widened": "net_wide"}
SCORES = ("SDR gain", "GNSDR, voice", "GNSDR, accompaniment", "GSIR, voice", "GSAR, voice")


def build(t: Strings) -> None:
    """The cell `architecture`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "maps")
        with w.controls(t):
            with w.row():
                names = [(t(f"preset_{name}"), name) for name in PRESETS]
                preset = w.link("net", gr.Radio(names, value=PRESETS[0], label=t("preset")))
                lstm = w.link("net-lstm", gr.Checkbox(True, label=t("lstm")))
            with w.row():
                seconds = w.link("net-seconds", gr.Slider(1, 30, SECONDS, step=0.5, label=t("seconds")))
                block = w.link("net-block", gr.Dropdown(_every_block(t), value=BLOCK, label=t("block")))
        drawing = diagram(t, elem_id=f"{CELL}-diagram")
        about = w.note(t, "about")
        w.prose(t, "architecture-dense")
        w.prose(t, "architecture-lstm")
        shares = w.quiz(t, "shares")
        with w.reveal(t, shares):
            reach = w.figure(t, "reach", height=480)
        w.prose(t, "architecture-measured")
        w.note(t, "measured", measured(t))
        w.code(
            t, "core.separation.model:DenseBlock", "core.separation.model:LSTMBlock", "core.separation.shapes:describe",
            "core.separation.shapes:follow",
        )  # fmt: skip
    shown = gr.State(None)
    sizes = [preset, seconds, lstm, block]
    inputs, results = [*sizes, shown], [drawing, about, block, shown]

    def pick(event: gr.SelectData) -> Any:
        return event.value if event.value in _names() else gr.skip()

    def point(event: gr.SelectData, *chosen: Any) -> Any:
        return pointed(event.index, *chosen)

    newest: dict[str, Any] = {"trigger_mode": "always_last"}
    appeared = w.on(t, drawing.appear, partial(show, t), inputs, results, **newest)
    changed = w.on(t, [control.change for control in sizes], partial(show, t), inputs, results, **newest)
    for first in (appeared, changed):  # a link sets several controls at once, and the answers may overtake each other
        w.on(t, first.then, partial(show, t), inputs, results)
    w.on(t, drawing.select, pick, None, block)
    w.on(t, reach.appear, partial(draw_reach, t), [preset, lstm], reach)
    w.on(t, [preset.change, lstm.change], partial(draw_reach, t), [preset, lstm], reach, **newest)
    w.on(t, reach.select, point, [preset, lstm], block)


def _names(bands: int = 3, depths: tuple[int, ...] = (3, 3, 3, 4)) -> list[str]:
    """The blocks that a network with so many bands has, the full band last."""
    parts = [*(f"bands.{i}" for i in range(bands)), "full"]
    found = []
    for part, depth in zip(parts, depths):
        found += [f"{part}.down.{i}" for i in range(depth + 1)] + [f"{part}.up.{i}" for i in range(depth)]
    return [*found, "final"]


def _every_block(t: Strings) -> list[tuple[str, str]]:
    """What the menu can hold before a network is there, so that a link finds its block."""
    return [(name, name) for name in _names()]


@functools.lru_cache(maxsize=64)
def facts(preset: str, seconds: float, lstm: bool) -> Facts:
    """The numbers of a preset's network, with its LSTM blocks or without."""
    from core.separation.model import PRESETS as ALL
    from core.separation.shapes import describe, without_lstm

    config = ALL[preset]
    return describe(config if lstm else without_lstm(config), seconds=seconds)


def show(t: Strings, preset: str, seconds: float, lstm: bool, block: str, shown: tuple | None) -> tuple[Any, ...]:
    """The drawings, the numbers of the chosen block, the menu of blocks, and for which choice they are."""
    choice = (preset, seconds, lstm, block)
    if shown is not None and tuple(shown) == choice:
        return (gr.skip(),) * 4
    found = facts(preset, float(seconds), bool(lstm))
    one = found.blocks.get(block, found.blocks["final"])
    names = [(block_name(t, name, each.step), name) for name, each in found.blocks.items()]
    value = {
        "overview": overview(t, found, wide=True) + overview(t, found, wide=False),
        "inside": inside(t, one, wide=True) + inside(t, one, wide=False), "selected": one.name,
        "summary": _summary(t, found),
    }  # fmt: skip
    return value, describe_block(t, found, one), gr.update(choices=names, value=one.name), (*choice[:3], one.name)


def _summary(t: Strings, found: Facts) -> str:
    shared = sum(block.lstm_parameters for block in found.blocks.values())
    return t(
        "summary", total=found.parameters, share=100 * shared / found.parameters, frames=found.mixture[2],
        bins=found.mixture[3], blocks=len(found.blocks),
        sources=", ".join(t(f"stem_{name}") for name in found.config.sources),
    )  # fmt: skip


def describe_block(t: Strings, found: Facts, block: Block) -> str:
    """A table of one block, and a sentence on what it can see."""
    config, bins = found.config, block.input[3]
    hop_ms = 1000 * config.hop_samples / config.sample_rate_hz
    rows = {
        "row_input": f"`{block.input}`",
        "row_output": f"`{block.output}`",
        "row_dense": t("dense", growth=block.growth, layers=block.layers, parameters=block.parameters),
        "row_cell": t("cell", ms=block.step * hop_ms, hz=found.hertz(block.step)),
        "row_reach": t("reach", ms=found.milliseconds(block.reach_frames), hz=found.hertz(block.reach_bins),
                       frames=block.reach_frames, bins=block.reach_bins),
    }  # fmt: skip
    if block.units:
        rows["row_lstm"] = t(
            "lstm_inside", maps=block.growth, shape=f"`{block.squeezed}`", units=block.units // 2, bins=bins,
            parameters=block.lstm_parameters,
        )  # fmt: skip
    lines = [f"### {html.unescape(block_name(t, block.name, block.step))}", "", "| | |", "|---|---|"]
    lines += [f"| {t(key)} | {value} |" for key, value in rows.items()]
    return "\n".join(lines) + ("\n\n" + t("whole") if block.whole else "")


def draw_reach(t: Strings, preset: str, lstm: bool) -> dict[str, Any]:
    """Every block's receptive field and size, and a sentence."""
    from core.separation import shapes_figures

    found = facts(preset, SECONDS, bool(lstm))
    parts = {block.part: part_name(t, block.part) for block in found.blocks.values()}
    blocks = {name: block_name(t, name, block.step) for name, block in found.blocks.items()}
    words = {key: t(f"word_{key}") for key in ("ms", "parameters", "scale", "final", "lstm", "whole")}
    figure = shapes_figures.reached(found, parts, blocks, words)
    final, first = found.blocks["final"], found.blocks["bands.0.down.0"]
    largest = max(found.blocks.values(), key=lambda block: block.parameters + block.lstm_parameters)
    size = largest.parameters + largest.lstm_parameters
    summary = t(
        "reach_summary", first=found.milliseconds(first.reach_frames), last=found.milliseconds(final.reach_frames),
        hz=found.hertz(final.reach_bins), block=blocks[largest.name], percent=100 * size / found.parameters,
    )  # fmt: skip
    return w.plot(figure, summary)


def pointed(index: Any, preset: str, lstm: bool) -> str:
    """The block at a point of the figure."""
    from core.separation import shapes_figures

    curve, point = index
    return shapes_figures.by_part(facts(preset, SECONDS, bool(lstm)))[curve // shapes_figures.TRACES][point].name


def measured(t: Strings) -> str:
    """MMDenseNet against MMDenseLSTM, from the table of the ablation; a sentence while there is none."""
    if not TABLE.exists():
        return t("unmeasured")
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    heads = [t(f"head_{key}") for key in ("parameters", "pace", "gain", "voice", "music", "sir", "sar")]
    lines = [f"| {t('head_network')} | {' | '.join(heads)} |", "|---" + "|---:" * len(heads) + "|"]
    for run in table["runs"]:
        scores = " | ".join(f"{run['test'][key]:.2f} dB" for key in SCORES)
        pace = t("pace", seconds=run["seconds_per_step"])
        lines.append(f"| {t(NETWORKS[run['network']])} | {run['parameters']:,} | {pace} | {scores} |")
    said = t(
        "measured_text", steps=table["steps"], minutes=table["train_minutes"], batch=table["batch"],
        crop=table["crop_seconds"], clips=len(table["test"]), device=html.escape(table["device"]),
        command=f"`{table['command']}`", better=_better(t, table["runs"]),
    )  # fmt: skip
    return "\n".join(lines) + "\n\n" + said


def _better(t: Strings, runs: list[dict[str, Any]]) -> str:
    """Which network is ahead on the voice, and by how much."""
    gains = {run["network"]: run["test"]["GNSDR, voice"] for run in runs}
    order = sorted(gains, key=lambda name: -gains[name])
    ahead = {"best": t(NETWORKS[order[0]]), "second": t(NETWORKS[order[1]]), "gap": gains[order[0]] - gains[order[1]]}
    return t("better", **ahead)
