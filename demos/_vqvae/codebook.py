"""How a codebook lives or dies: stored moments of five trainings, played."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from core import plots
from demos import _widgets as w
from demos._tab import Strings

if TYPE_CHECKING:
    from core.vqvae.codebooks import Snapshots

CELL = "codebook"
RUNS = ("loss", "ema", "restart", "argmax", "rank")
ROLES = {"loss": "grey", "ema": "olive", "restart": "model", "argmax": "reference", "rank": "accent"}
METRICS = ("dead", "perplexity", "error")
FRAME_MS = 700


def build(t: Strings) -> None:
    """The cell `codebook`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        asked = w.quiz(t, "dead")
        with w.reveal(t, asked):
            w.note(t, "answer", t("dead_answer"))
        with w.controls(t):
            choices = [(t(f"metric_{key}"), key) for key in METRICS]
            metric = w.link("over", gr.Radio(choices, value="dead", label=t("metric")))
        curves = w.figure(t, "curves", height=360)
        table = w.note(t, "table")
        w.prose(t, "codebook-look")
        with w.controls(t):
            run = w.link("run", gr.Radio([(t(f"run_{key}"), key) for key in RUNS], value="loss", label=t("run")))
        moments = w.figure(t, "moments", height=520)
        w.code(t, "core.vqvae.quantiser:VectorQuantiser.forward", "core.vqvae.quantiser:VectorQuantiser._learn",
               "core.vqvae.quantiser:diversity", "core.vqvae.quantiser:ArgmaxQuantiser.forward",
               "core.vqvae.quantiser:ArgmaxQuantiser.ranks", "core.vqvae.quantiser:perplexity")  # fmt: skip
        w.prose(t, "codebook-argmax")
    w.on(t, curves.appear, lambda metric: (lines(t, metric), ends(t)), metric, [curves, table])
    w.on(t, metric.change, partial(lines, t), metric, curves)
    w.on(t, moments.appear, partial(played, t), run, moments)
    w.on(t, run.change, partial(played, t), run, moments)


def _snapshots() -> dict[str, Snapshots]:
    from core.vqvae import codebooks

    return codebooks.load()


def values(kept: Snapshots, metric: str) -> np.ndarray:
    """float [S]."""
    return {"dead": kept.dead, "perplexity": kept.perplexity, "error": kept.error_db}[metric]


def lines(t: Strings, metric: Any) -> Any:
    """Dead codes, perplexity or error of the five runs over their steps."""
    metric = metric if metric in METRICS else METRICS[0]
    found = _snapshots()
    figure = plots.lines(
        {t(f"run_{name}"): (kept.steps, values(kept, metric)) for name, kept in found.items()},
        x_title=t("steps_axis"), y_title=t(f"metric_{metric}"), roles=[ROLES[name] for name in found], markers=True,
    )  # fmt: skip
    last = {name: values(kept, metric)[-1] for name, kept in found.items()}
    form = ".1f" if metric == "error" else ".0f"
    said = ", ".join(f"{t(f'run_{name}')} {value:{form}}" for name, value in last.items())
    steps = int(found["loss"].steps[-1])
    return w.plot(figure, t("curves_summary", steps=steps, what=t(f"metric_{metric}"), values=said))


def ends(t: Strings) -> str:
    """The last moment of every run as a table."""
    found = _snapshots()
    heads = [t(f"metric_{key}") for key in METRICS]
    lines = [f"| {t('after', steps=int(found['loss'].steps[-1]))} | {' | '.join(heads)} |", "|---|---:|---:|---:|"]
    for name, kept in found.items():
        lines.append(f"| {t(f'run_{name}')} | {kept.dead[-1]} | {kept.perplexity[-1]:.0f} | {kept.error_db[-1]:.2f} |")
    return "\n".join(lines)


def played(t: Strings, name: Any) -> Any:
    """The moments of one run, to be played or scrubbed: codes among the encoder's outputs, and each one's use."""
    name = name if name in RUNS else RUNS[0]
    kept = _snapshots()[name]
    figure = moments(t, kept)
    size = kept.counts.shape[1]
    key = "moments_summary" if kept.outputs.shape[1] else "moments_summary_argmax"
    return w.plot(figure, t(key, run=t(f"run_{name}"), used=size - int(kept.dead[-1]), size=size,
                            steps=int(kept.steps[-1]), top=top_share(kept.counts[-1])))  # fmt: skip


def top_share(counts: np.ndarray, share: float = 0.1) -> str:
    """What part of all uses the most used tenth of the codes has, in percent."""
    falling = np.sort(counts.astype(float))[::-1]
    return f"{100 * falling[: max(1, round(share * len(falling)))].sum() / max(1.0, falling.sum()):.0f}"


def moments(t: Strings, kept: Snapshots) -> Any:
    """A plotly figure with a frame for every stored moment."""
    import plotly.graph_objects as go

    plane = kept.outputs.shape[1] > 0
    frames = [go.Frame(data=_traces(t, kept, k, plane), name=str(int(step))) for k, step in enumerate(kept.steps)]
    figure = go.Figure(data=_traces(t, kept, len(kept.steps) - 1, plane), frames=frames)
    top = max(1, int(kept.counts.max()))
    figure.update_layout(
        yaxis={"title": t("use_axis"), "range": [0, np.log10(top + 1) * 1.05], "domain": [0, 0.3 if plane else 1],
               "tickvals": [np.log10(1 + v) for v in (0, 10, 100, 1000) if v <= top],
               "ticktext": [str(v) for v in (0, 10, 100, 1000) if v <= top]},
        xaxis={"title": t("rank_axis"), "range": [0, kept.counts.shape[1]], "anchor": "y"},
    )  # fmt: skip
    if plane:
        reach = np.percentile(np.abs(kept.outputs.astype(float)), 99.5) * 1.25
        axis = {"range": [-reach, reach], "showticklabels": False, "zeroline": False}
        figure.update_layout(xaxis2={**axis, "anchor": "y2"}, yaxis2={**axis, "domain": [0.42, 1], "anchor": "x2"})
    still = {"frame": {"duration": 0, "redraw": True}, "mode": "immediate", "transition": {"duration": 0}}
    go_on = {**still, "frame": {"duration": FRAME_MS, "redraw": True}, "fromcurrent": True}
    steps = [{"label": frame.name, "method": "animate", "args": [[frame.name], still]} for frame in frames]
    figure.update_layout(
        sliders=[{"steps": steps, "active": len(steps) - 1, "x": 0.16, "len": 0.84, "y": -0.12, "pad": {"t": 22},
                  "currentvalue": {"prefix": t("steps_axis") + ": "}}],
        updatemenus=[{"type": "buttons", "x": 0.0, "xanchor": "left", "y": -0.2, "yanchor": "top", "pad": {"t": 12},
                      "direction": "right", "buttons": [{"label": "▶", "method": "animate", "args": [None, go_on]},
                                               {"label": "❚❚", "method": "animate", "args": [[None], still]}]}],
        margin={"b": 120},
    )  # fmt: skip
    plots.on_a_phone(figure, {"sliders.0.x": 0.0, "sliders.0.len": 1.0, "updatemenus.0.y": -0.52, "margin.b": 170})
    return plots.layout(figure, x_title=t("rank_axis"), y_title=t("use_axis"), bargap=0)


def _traces(t: Strings, kept: Snapshots, k: int, plane: bool) -> list[Any]:
    """Bars of use, most used first; where there is a codebook, outputs and codes in the plane."""
    import plotly.graph_objects as go

    counts = kept.counts[k].astype(int)
    falling = np.sort(counts)[::-1]
    traces: list[Any] = [
        go.Bar(x=list(range(len(falling))), y=np.round(np.log10(1 + falling), 2).tolist(), name=t("use"),
               customdata=falling.tolist(), hovertemplate="%{customdata}<extra></extra>",
               marker={"color": plots.MODEL, "line": {"width": 0}}, showlegend=False)
    ]  # fmt: skip
    if plane:
        size = kept.codes.shape[1]
        groups = [(kept.outputs[k], t("outputs"), plots.GREY, 4, "circle", 0.5)]
        used = counts[:size] > 0
        groups += [(kept.codes[k][used], t("codes_used"), plots.MODEL, 7, "diamond", 0.9),
                   (kept.codes[k][~used], t("codes_dead"), plots.PLUM, 7, "x-thin-open", 0.8)]  # fmt: skip
        for points, label, colour, wide, symbol, opacity in groups:
            flat = np.round(points.astype(float), 2)
            traces.append(
                go.Scatter(x=flat[:, 0].tolist(), y=flat[:, 1].tolist(), mode="markers", name=label, xaxis="x2",
                           yaxis="y2", marker={"color": colour, "size": wide, "symbol": symbol, "opacity": opacity},
                           hoverinfo="skip")
            )  # fmt: skip
    return traces
