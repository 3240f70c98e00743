"""The same generation as one CUDA kernel: how a network is laid out over a GPU, and its pipeline in time."""

from __future__ import annotations

import functools
import html
import json
from typing import Any

import gradio as gr
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import CudaLexer

from core.wavenet import zero_gpu  # noqa: F401  (what borrows a GPU has to be there when the site starts)
from demos import _widgets as w
from demos._tab import ROOT, Strings

KERNEL = ROOT / "core/wavenet/kernels/cuda"
MEASURED = ROOT / "assets/tables/wavenet-cuda.json"  # of `python -m benchmarks.wavenet --cuda --json`
GRAPH, NV_WAVENET = "PyTorch, CUDA graph", "nv-wavenet, persistent"  # rows of that file
MEASURED_AS = {"m": "M, 20 layers", "m30": "M, 30 layers"}
GPUS = {  # shown as: architecture, bytes of shared memory a block may have, multiprocessors, clock in GHz
    "H100": (90, 232_448, 132, 1.755),
    "A100": (80, 166_912, 108, 1.41),
    "T4": (75, 65_536, 40, 1.59),
}
NETWORKS = ("m", "m30", "vocoder", "speech")
SHOWN_SAMPLES = 3  # simulated; the last is shown, when the pipeline is full
MOST_ROWS = 14


def build(t: Strings) -> None:
    """The cell `gpu`."""
    with w.cell(t, "gpu") as t:
        w.prose(t)
        w.prose(t, "gpu-time")
        w.quiz(t, "latency")
        with w.controls(t):
            with w.row():
                names = [(t(f"network_{name}"), name) for name in NETWORKS]
                network = w.link("gpu_network", gr.Radio(names, value="m", label=t("network")))
                gpu = w.link("gpu", gr.Radio(list(GPUS), value="H100", label=t("gpu")))
            sounds = w.link("sounds", gr.Slider(1, 8, 1, step=1, label=t("sounds")))
        timeline = w.figure(t, "timeline", height=460)
        memory = w.figure(t, "memory", height=250)
        said = w.note(t, "layout")
        w.prose(t, "gpu-floor")
        floor = w.note(t, "floor")
        w.prose(t, "gpu-kernel")
        gr.HTML(listing(t), apply_default_css=False, elem_classes=["code-host"])
        ladder = w.figure(t, "ladder", height=330)
        table = w.note(t, "measured")
    inputs, outputs = [network, gpu, sounds], [timeline, memory, said, floor]
    w.on(t, [network.change, gpu.change, sounds.release], functools.partial(show, t), inputs, outputs)
    w.on(t, timeline.appear, functools.partial(show, t), inputs, outputs)
    w.on(t, ladder.appear, functools.partial(climb, t), None, [ladder, table])


def plan_for(network: str, gpu: str) -> Any:
    """The layout that the planner chooses for a network on such a GPU, with fp16 weights."""
    from dataclasses import replace

    from core.wavenet.engines import cuda_plan
    from core.wavenet.model import PRESETS

    config = replace(PRESETS["m"], layers=30) if network == "m30" else PRESETS[network]
    architecture, shared, multiprocessors, _ = GPUS[gpu]
    return cuda_plan.choose(
        config, architecture=architecture, shared_limit=shared, multiprocessors=multiprocessors
    )


def show(t: Strings, network: str, gpu: str, sounds: float) -> tuple[Any, Any, str, str]:
    """The pipeline in time, the memories of a block, the layout in words, and the floor of its latency."""
    from core.wavenet import cuda_figures
    from core.wavenet import cuda_timeline as timeline

    plan = plan_for(network, gpu)
    _, shared_limit, _, clock = GPUS[gpu]
    together = min(int(sounds), plan.most_sounds(shared_limit))
    tasks = timeline.simulate(plan, samples=SHOWN_SAMPLES, sounds=together)
    draws = [task.end for task in tasks if task.kind == "draw" and task.sound == 0]
    start, end = draws[-2], draws[-1]
    cycles = end - start
    figure = cuda_figures.timeline(
        tasks, units=_units(t, plan), kinds={kind: t(f"kind_{kind}") for kind in cuda_figures.COLOURS}, start=start,
        end=end, x_title=t("cycles"), texts=(t("play"), t("pause")),
    )  # fmt: skip
    speed = clock * 1e9 / cycles
    busy = timeline.busy(tasks, "stage 0 chain")
    summary = t(
        "timeline_summary" if together > 1 else "timeline_one", cycles=cycles, speed=speed, all=speed * together,
        sounds=together, busy=100 * busy,
    )  # fmt: skip
    held = 4 * plan.held_registers * plan.chain / 1024
    shared = plan.shared_bytes(together) / 1024
    rows = [
        (t("registers"), held, 256 - held), (t("shared"), shared, shared_limit / 1024 - shared),
    ]  # fmt: skip
    memory = cuda_figures.places(rows, x_title=t("kilobytes"), used=t("used"), free=t("free"))
    rings = 4 * plan.ring_starts[-1] * plan.residual * together / 1024
    memory_summary = t("memory_summary", held=held, shared=shared, limit=shared_limit / 1024, rings=rings)
    words = t(
        "layout_cluster" if plan.cluster else "layout_l2", stages=plan.stages, per_stage=plan.per_stage,
        heads=plan.heads, blocks=plan.blocks, threads=plan.threads, gpu=gpu,
    )  # fmt: skip
    if together < int(sounds):
        words += " " + t("fewer", sounds=together)
    words += "\n\n" + _places(t, plan, together, rings)
    return w.plot(figure, summary), w.plot(memory, memory_summary), words, floor_of(t, plan, network, gpu)


def _places(t: Strings, plan: Any, sounds: int, rings_kb: float) -> str:
    """What lives in registers, shared memory, distributed shared memory and L2: a table."""
    inbox = 8 * plan.inbox_words(sounds) / 1024
    held = 4 * plan.held_registers * plan.chain / 1024
    rows = [
        ("registers", t("lives_registers"), held),
        ("shared", t("lives_shared"), plan.shared_bytes(sounds) / 1024 - (inbox if plan.cluster else 0)),
        ("distributed", t("lives_inbox"), inbox if plan.cluster else 0.0),
        ("l2", t("lives_rings"), rings_kb),
    ]
    if not plan.cluster:
        rows.append(("l2", t("lives_inbox"), inbox * plan.blocks))
    lines = [f"| {t('lives_where')} | {t('lives_what')} | {t('kb')} |", "|---|---|---:|"]
    lines += [f"| {t(where)} | {what} | {size:,.0f} |" for where, what, size in rows if size]
    return "\n".join(lines)


def floor_of(t: Strings, plan: Any, network: str, gpu: str) -> str:
    """The floor of latency with its inputs, and beside it what was measured: on this GPU, or not yet."""
    from core.wavenet import cuda_timeline

    clock = GPUS[gpu][3]
    found = stored() if network in MEASURED_AS else None
    on_this = found is not None and gpu in found["gpu"]
    known = cuda_timeline.Latencies(**found["latency_cycles"]) if on_this else cuda_timeline.Latencies()
    clock = found["clock_hz"] / 1e9 if on_this else clock
    floor = cuda_timeline.floor(plan, known)
    text = t(
        "floor_counted", network=t(f"network_{network}"), gpu=gpu, layers=floor.layers, products=floor.products,
        deep=floor.deep, steps=floor.steps, m=known.shared_memory, a=known.multiply_add, h=known.shuffle,
        s=known.barrier, product=floor.product_cycles, cycles=floor.cycles, clock=clock,
        speed=clock * 1e9 / floor.cycles,
    )  # fmt: skip
    if not on_this:
        return f"{text} {t('floor_assumed')}\n\n**{t('floor_unmeasured')}**"
    reached = found["networks"][MEASURED_AS[network]]["samples_per_s"]["cuda, batch 1"]
    share = reached * floor.cycles / found["clock_hz"]
    return f"{text}\n\n**{t('floor_measured', gpu=found['gpu'], speed=reached, share=100 * share)}**"


def _units(t: Strings, plan: Any) -> dict[str, str]:
    """The rows of the picture: the first stages, the last one and the heads, where there are too many."""
    stages = list(range(plan.stages))
    room = (MOST_ROWS - 2) // 2
    if len(stages) > room:
        stages = [*stages[: room - 1], stages[-1]]
    units = {}
    for stage in stages:
        units[f"stage {stage} chain"] = t("unit_chain", stage=stage)
        units[f"stage {stage} helpers"] = t("unit_helpers", stage=stage)
    return units | {"head 0": t("unit_head")}


def climb(t: Strings) -> tuple[Any, str]:
    """The measured ladder of engines on network M, and a table of what was measured on a GPU; both stored."""
    from core.wavenet import race, race_figures

    on_processor, on_gpu = race.stored() or {}, stored()
    measured = on_processor.get("networks", {}).get("m", {})
    rungs = [name for name in ("naive", "cached", "native", "native-fp16", "native-fp16-2") if name in measured]
    speeds: dict[str, float | None] = {name: measured[name]["samples_per_s"] for name in rungs}
    if on_gpu is not None:
        rows = on_gpu["networks"]["M, 20 layers"]["samples_per_s"]
        speeds |= {t("graph"): rows[GRAPH], "nv-wavenet": rows.get(NV_WAVENET), "cuda": rows["cuda, batch 1"]}
        speeds = {name: speed for name, speed in speeds.items() if speed}
    else:
        speeds["cuda"] = None
    figure = race_figures.speeds(
        [
            {"name": name, "speed": speed, "label": f"{speed:,.0f}" if speed else t("unmeasured"),
             "chosen": name == "cuda" and speed is not None}
            for name, speed in speeds.items()
        ],
        x_title=t("samples_per_s"), real_time=t("real_time"),
    )  # fmt: skip
    processor = on_processor.get("processor", "–")
    if on_gpu is None:
        return w.plot(figure, t("ladder_summary", processor=processor)), t("not_measured")
    summary = t("ladder_measured", processor=processor, gpu=on_gpu["gpu"])
    return w.plot(figure, f"{t('stored')} {summary}"), _table(t, on_gpu)


def _table(t: Strings, found: dict[str, Any]) -> str:
    """What the benchmark measured on its GPU: batches, peers, steps of the optimisation, the floor."""
    columns = list(found["networks"])
    lines = [f"{t('stored')} {t('measured_on', gpu=found['gpu'], torch=found['torch'])}", ""]
    lines += [f"| {t('measured_head')} | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]

    def row(name: str, values: list[str]) -> None:
        if any(value != "–" for value in values):
            lines.append(f"| {name} | {' | '.join(values)} |")

    every = list(found["networks"].values())
    for name in dict.fromkeys(name for one in every for name in one["samples_per_s"]):
        speeds = [one["samples_per_s"].get(name) for one in every]
        batch = int(name.rpartition(" ")[2]) if name.startswith("cuda, batch ") else 1
        each = [f"{speed:,.0f}" if speed else "–" for speed in speeds]
        if batch > 1:
            each = [t("together", each=speed, all=speed * batch) if speed else "–" for speed in speeds]
        shown = (
            t("row_batches" if batch > 1 else "row_batch", batch=batch)
            if name.startswith("cuda, batch ")
            else name.removesuffix(", batch 1")
        )
        row(t("graph") if name == GRAPH else shown, each)
    for step in dict.fromkeys(step for one in every for step in one["steps"]):
        speeds = [one["steps"].get(step) for one in every]
        row(t("row_step", step=t(f"step.{step.replace(' ', '_')}")), [f"{s:,.0f}" if s else "–" for s in speeds])
    row(
        t("row_floor"),
        [t("floor_share", share=100 * one["floor"]["share_reached"], **one["floor"]) for one in every],
    )
    return "\n".join(lines)


def stored() -> dict[str, Any] | None:
    """What `python -m benchmarks.wavenet --cuda --json assets/tables/wavenet-cuda.json` wrote; None without it."""
    try:
        found = json.loads(MEASURED.read_text(encoding="utf-8"))
        networks = found["networks"]
        usable = isinstance(found["gpu"], str) and found["clock_hz"] > 0 and networks["M, 20 layers"]
        for one in networks.values():
            usable = usable and one["samples_per_s"]["cuda, batch 1"] > 0 and one["samples_per_s"][GRAPH] > 0
            usable = usable and isinstance(one["steps"], dict) and one["floor"]["cycles"] > 0
        return found if usable and found["latency_cycles"] and found["torch"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@functools.cache
def _highlighted(name: str) -> str:
    return highlight((KERNEL / name).read_text(encoding="utf-8"), CudaLexer(), HtmlFormatter(nowrap=True)).rstrip()


def listing(t: Strings) -> str:
    """A code cell with the kernel's files as they are."""
    blocks = "".join(
        f'<div class="code-place"><span>core/wavenet/kernels/cuda/{html.escape(name)}</span></div>'
        f'<pre class="code" tabindex="0"><code>{_highlighted(name)}</code></pre>'
        for name in ("generate.cu", "product.h", "device.h")
    )
    return (
        f'<details class="code-cell"><summary><span class="label">In</span><span>{html.escape(t("kernel"))}</span>'
        f"<small>generate.cu, product.h, device.h</small></summary>{blocks}</details>"
    )
