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
        w.prose(t, "gpu-kernel")
        gr.HTML(listing(t), apply_default_css=False, elem_classes=["code-host"])
        ladder = w.figure(t, "ladder", height=300)
    inputs, outputs = [network, gpu, sounds], [timeline, memory, said]
    w.on(t, [network.change, gpu.change, sounds.release], functools.partial(show, t), inputs, outputs)
    w.on(t, timeline.appear, functools.partial(show, t), inputs, outputs)
    w.on(t, ladder.appear, functools.partial(climb, t), None, ladder)


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


def show(t: Strings, network: str, gpu: str, sounds: float) -> tuple[Any, Any, str]:
    """The pipeline in time, the memories of a block, and the layout in words."""
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
        "timeline_summary", cycles=cycles, speed=speed, all=speed * together, sounds=together, busy=busy * 100
    )
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
    return w.plot(figure, summary), w.plot(memory, memory_summary), words


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


def climb(t: Strings) -> Any:
    """The measured ladder of engines on network M, with the GPU's rung as far as it has been measured."""
    from core.wavenet import race, race_figures

    found = race.stored()
    measured = (found or {}).get("networks", {}).get("m", {})
    rungs = [name for name in ("naive", "cached", "native", "native-fp16", "native-fp16-2") if name in measured]
    rows = [
        {"name": name, "speed": speed, "label": f"{speed:,.0f}", "chosen": False}
        for name in rungs for speed in [measured[name]["samples_per_s"]]
    ]  # fmt: skip
    name, speed = measured_on_gpu()
    label = t("unmeasured") if speed is None else f"{speed:,.0f}"
    rows.append({"name": "cuda", "speed": speed, "label": label, "chosen": speed is not None})
    figure = race_figures.speeds(rows, x_title=t("samples_per_s"), real_time=t("real_time"))
    processor = (found or {}).get("processor", "–")
    summary = t("ladder_summary" if speed is None else "ladder_measured", processor=processor, gpu=name)
    return w.plot(figure, summary)


def measured_on_gpu() -> tuple[str, float | None]:
    """The GPU that the stored benchmark ran on, and our kernel's samples/s on network M there; None without one."""
    try:
        found = json.loads(MEASURED.read_text(encoding="utf-8"))
        return str(found["gpu"]), float(found["networks"]["M, 20 layers"]["samples_per_s"]["cuda, batch 1"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", None


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
