"""The race: naive against cached, value by value in an animation, in operations, and by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from demos import _models
from demos import _widgets as w
from demos._code import code_html
from demos._tab import Strings

NETWORKS = ("vocoder", "speech", "m", "s")  # the shipped ones, then those of the benchmark
WORDS = (
    "naive", "cached", "back", "step", "play", "pause", "sample", "embedding", "rings", "silence", "at", "naive_says",
    "cached_says", "summary", "legend_new", "legend_again", "legend_window", "legend_read", "legend_held",
    "legend_later",
)  # fmt: skip
RACE_S = 1.0  # per engine
CHART_SAMPLES = 160_000  # ten seconds
PENDING, MISSING = "pending", "missing"
_LOAD = """
site.onSight(element, () => import('/site/wavenet/race.js').then(m => m.start(element, props, trigger, watch)));
// fires 'appear'
"""


def build(t: Strings) -> None:
    """The cell `race`."""
    with w.cell(t, "race") as t:
        w.prose(t)
        animation = gr.HTML(
            html_template='<figure class="race"></figure>', apply_default_css=False, js_on_load=_LOAD,
            words={key: t(f"animation.{key}") for key in WORDS} | {"waiting": t("figure.waiting")},
            elem_id="race-animation", elem_classes=["out-cell"],
        )  # fmt: skip
        w.on(t, animation.appear, tell_story, None, animation)
        build_operations(t)
        build_clock(t)
        gr.HTML(_codes(t), elem_id="race-codes", apply_default_css=False)
        w.code(t, "core.wavenet.race:measure", "core.wavenet.race:Course", "core.wavenet.count:multiply_adds")


def build_operations(t: Strings) -> None:
    """The question, the operations counted, and the chart."""
    asked = w.quiz(t, "growth")
    with w.reveal(t, asked):
        with w.controls(t):
            choices = [(t(f"network.{name}"), name) for name in ("small", *NETWORKS)]
            network = w.link("race-count", gr.Radio(choices, value="small", label=t("count_network")))
        chart = w.figure(t, "operations", height=360)
        table = w.note(t, "table")
    w.on(t, chart.appear, partial(count_up, t), network, [chart, table])
    w.on(t, network.change, partial(count_up, t), network, [chart, table], trigger_mode="always_last")


def build_clock(t: Strings) -> None:
    """The real race: stored results first, then every engine on this machine."""
    w.prose(t, "race-clock")
    w.quiz(t, "real-time")
    with w.controls(t):
        choices = [(t(f"network.{name}"), name) for name in NETWORKS]
        network = w.link("race-network", gr.Radio(choices, value="vocoder", label=t("race_network")))
        with w.row():
            run = w.button(t("run"), name="race-run")
            stop = w.button(t("stop"), primary=False, name="race-stop")
    bars = w.figure(t, "speeds", height=380)
    note = w.note(t, "verdict")
    costs = w.figure(t, "costs", height=360)
    outputs = [bars, note, costs]
    shown = partial(show_stored, t)
    w.on(t, bars.appear, shown, network, outputs)
    w.on(t, network.change, shown, network, outputs, trigger_mode="always_last")
    running = w.on(t, run.click, partial(race, t), network, outputs, heavy=True, show_progress="hidden")
    stop.click(None, cancels=[running], queue=False, api_visibility="private")


def tell_story() -> dict[str, Any]:
    """The steps of the animation, counted by `core.wavenet.race.story`."""
    from core.wavenet import race

    return {"steps": race.story()}


def _config(name: str) -> Any:
    """Sizes of a network; those of shipped weights from their card."""
    from core import weights
    from core.errors import WeightsError
    from core.wavenet import PRESETS, WaveNetConfig, race

    if name == "small":
        return race.Small()
    if name in ("vocoder", "speech"):
        try:
            return WaveNetConfig(**weights.card(f"wavenet-{name}")["config"])
        except WeightsError:
            return PRESETS[name]
    return PRESETS[name]


def _model(name: str) -> Any:
    """A shipped model, or a network of the benchmark's sizes; speed does not depend on the weights."""
    if name in ("vocoder", "speech"):
        return _models.load(f"wavenet-{name}")
    import torch

    from core.wavenet import PRESETS, WaveNet

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return WaveNet(PRESETS[name]).eval()


def count_up(t: Strings, network: str) -> tuple[dict, str]:
    """The chart of operations so far, and the table of operations per sample."""
    from core.wavenet import race, race_figures
    from core.wavenet.count import count

    config = _config(network)
    field = config.receptive_field_samples
    figure = race_figures.operations(
        config, samples=CHART_SAMPLES, naive=t("animation.naive"), cached=t("animation.cached"),
        x_title=t("samples_generated"), y_title=t("operations_so_far"), reach=t("reach", samples=field),
    )  # fmt: skip
    naive, cached = race.cumulative(config, CHART_SAMPLES)
    text = t(
        "operations_summary", seconds=CHART_SAMPLES // 16_000, naive=naive, cached=cached, ratio=naive / cached,
        samples=field,
    )  # fmt: skip
    head = [t(f"column.{name}") for name in ("network", "reach", "naive", "cached", "ratio")]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for name in ("small", *NETWORKS):
        sizes = _config(name)
        cost = count(sizes)
        cells = (
            t(f"network.{name}"), f"{cost.receptive_field_samples:,}", f"{cost.naive:,}", f"{cost.cached:,}",
            f"{cost.naive / cost.cached:,.1f}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return w.plot(figure, text), "\n".join([t("table_title"), "", *lines])


def _row(t: Strings, name: str, speed: float | None, chosen: bool = False, state: str = PENDING) -> dict[str, Any]:
    label = f"{speed:,.0f}" if speed else t(state)
    return {"name": name, "speed": speed, "label": label, "chosen": chosen}


def _bars(t: Strings, rows: list[dict[str, Any]], summary: str) -> dict[str, Any]:
    from core.wavenet import race_figures

    return w.plot(race_figures.speeds(rows, x_title=t("samples_per_s"), real_time=t("real_time")), summary)


def _costs(t: Strings, curves: dict[str, dict[int, float]], network: str, field: int, where: str) -> dict[str, Any]:
    """What a sample costs after so many others; the network that was measured stands above the curves."""
    from core.wavenet import race_figures

    figure = race_figures.costs(
        curves, title=t("costs_title", network=t(f"network.{network}")), x_title=t("samples_before"),
        y_title=t("microseconds"), reach=t("reach", samples=field), field=field,
    )  # fmt: skip
    growth = {name: max(points.values()) / min(points.values()) for name, points in curves.items()}
    first = {name: next(iter(points.values())) for name, points in curves.items()}
    last = {name: list(points.values())[-1] for name, points in curves.items()}
    parts = [t("cost_part", engine=name, first=first[name], last=last[name]) for name in growth]
    return w.plot(figure, t("costs_summary", where=where, parts=", ".join(parts)))


def show_stored(t: Strings, network: str) -> tuple[Any, str, Any]:
    """What the benchmark measured, on the machine it names."""
    from core.wavenet import race

    found = race.stored()
    if found is None:
        from core.wavenet import generate

        rows = [_row(t, name, None, state=PENDING if works else MISSING) for name, works, _ in generate.engines()]
        return _bars(t, rows, t("not_yet")), t("nothing_stored"), gr.skip()
    measured = found["networks"]
    name = network if network in measured else next(iter(measured))
    order = sorted(measured[name], key=lambda engine: measured[name][engine]["samples_per_s"])
    rows = [_row(t, engine, measured[name][engine]["samples_per_s"]) for engine in order]
    slow, fast = order[0], order[-1]
    ratio = rows[-1]["speed"] / rows[0]["speed"]
    title = t(f"network.{name}")
    summary = t(
        "stored_summary", processor=found["processor"], network=title, fast=fast, slow=slow, ratio=ratio,
        speed=rows[-1]["speed"], real_time=rows[-1]["speed"] / 16_000,
    )  # fmt: skip
    note = t("stored_note", processor=found["processor"])
    grown = {e: {int(n): us for n, us in points.items()} for e, points in found["microseconds_by_length"].items()}
    if not grown:
        return _bars(t, rows, summary), note, gr.skip()
    first = next(iter(measured))
    where = t("where_stored", processor=found["processor"], network=t(f"network.{first}"))
    costs = _costs(t, grown, first, _config(first).receptive_field_samples, where)
    if network != first:
        costs["summary"] = f"{t('costs_only', network=t(f'network.{first}'))} {costs['summary']}"
    return _bars(t, rows, summary), note, costs


def race(t: Strings, network: str) -> Iterator[tuple[Any, Any, Any]]:
    """Every engine for about a second, one after the other; then what a sample costs after so many others."""
    from core.wavenet import engines, generate
    from core.wavenet import race as racing

    model, here = _model(network), racing.processor()
    reasons: dict[str, str] = dict.fromkeys(engines.ENGINES, "")
    speeds: dict[str, float] = {}
    chosen = ""

    def rows() -> list[dict[str, Any]]:
        state = lambda name: MISSING if reasons[name] else PENDING  # noqa: E731
        return [_row(t, name, speeds.get(name), name == chosen, state(name)) for name in reasons]

    yield _bars(t, rows(), t("getting_ready")), t("getting_ready"), gr.skip()
    reasons = {name: engines.why_not(name, model) for name, _, _ in generate.engines()}
    chosen, _ = generate.best(model)
    usable = [name for name, reason in reasons.items() if not reason]
    for number, name in enumerate(usable, start=1):
        now = t("running", engine=name, number=number, count=len(usable))
        yield _bars(t, rows(), now), now, gr.skip()
        speeds[name] = racing.measure(model, name, seconds=RACE_S)
    fast = max(speeds, key=lambda name: speeds[name])
    summary = t(
        "live_summary", processor=here, network=t(f"network.{network}"), fast=fast, speed=speeds[fast],
        real_time=speeds[fast] / 16_000, ratio=speeds[fast] / speeds["naive"],
    )  # fmt: skip
    verdict = _verdict(t, here, chosen, speeds, reasons)
    yield _bars(t, rows(), summary), verdict, gr.skip()
    curves: dict[str, dict[int, float]] = {}
    field, where = model.config.receptive_field_samples, t("where_live", network=t(f"network.{network}"))
    for name in dict.fromkeys(["naive", "cached", chosen]):
        curves[name] = {}
        for length, microseconds in racing.cost_by_length(model, name):
            curves[name][length] = microseconds
            yield gr.skip(), gr.skip(), _costs(t, curves, network, field, where)


def _verdict(t: Strings, processor: str, chosen: str, speeds: dict[str, float], reasons: dict[str, str]) -> str:
    """Which engine auto takes, why, and which do not work here."""
    key = "auto_native" if chosen.startswith("native") else f"auto_{chosen}"
    lines = [t("processor", processor=processor), t(key, engine=chosen, speed=speeds[chosen])]
    for reason in dict.fromkeys(filter(None, reasons.values())):
        names = ", ".join(name for name in reasons if reasons[name] == reason)
        lines.append(t("does_not_work", engine=names, reason=w.translate(reason, t.language)))
    return "\n\n".join(lines)


def _codes(t: Strings) -> str:
    """The naive loop and the cached step, beside each other where there is room."""
    words = {"copy": t("code.copy"), "copied": t("code.copied"), "opened": True}
    naive = code_html(("core.wavenet.engines.naive:next_logits",), title=t("naive_code"), **words)
    cached = code_html(
        ("core.wavenet.engines.cached:Ring", "core.wavenet.engines.cached:layer_step"), title=t("cached_code"), **words
    )
    return f'<div class="race-codes">{naive}{cached}</div>'
