"""Pictures of the CUDA kernel: its pipeline in time, and where everything lies. Numbers in, figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from core import plots
from core.wavenet.cuda_timeline import Task

FRAMES = 36
COLOURS = {
    "chain": plots.MODEL, "skip": plots.REFERENCE, "older": plots.OLIVE, "head": plots.PLUM, "draw": plots.ACCENT,
}  # fmt: skip


def timeline(
    tasks: Sequence[Task], *, units: Mapping[str, str], kinds: Mapping[str, str], start: float, end: float,
    x_title: str, texts: tuple[str, str],
) -> go.Figure:  # fmt: skip
    """The work of every group of threads between two moments; frames move a line through time.

    Args:
        tasks: from `cuda_timeline.simulate`.  units: unit -> its name on the axis, in order.
        kinds: kind -> its name in the legend.  start, end: in cycles.
        texts: (label of the play button, label of the pause button).
    """
    figure = go.Figure()
    for kind, name in kinds.items():
        shown = [t for t in tasks if t.kind == kind and t.unit in units and t.end > start and t.start < end]
        figure.add_bar(
            y=[units[t.unit] for t in shown], base=[round(max(t.start, start) - start) for t in shown],
            x=[round(min(t.end, end) - max(t.start, start)) for t in shown], orientation="h", name=name,
            marker={"color": COLOURS[kind], "line": {"width": 0.5, "color": plots.SURFACE}},
            text=[str(t.layer + 1) if kind == "chain" else "" for t in shown], textposition="inside", textangle=0,
            insidetextanchor="middle", insidetextfont={"color": plots.SURFACE},
            customdata=[[t.sound + 1, t.layer + 1 if t.layer >= 0 else "–", t.sample + 1] for t in shown],
            hovertemplate=f"{name}<br>%{{customdata[0]}} · %{{customdata[1]}} · %{{customdata[2]}}<extra></extra>",
        )  # fmt: skip
    span = end - start
    rows = list(units.values())

    def line(x: float) -> go.Scatter:
        return go.Scatter(
            x=[x, x], y=[rows[0], rows[-1]], mode="lines", line={"color": plots.INK, "width": 2}, hoverinfo="skip",
            showlegend=False,
        )  # fmt: skip

    figure.add_trace(line(0))
    figure.frames = [
        go.Frame(data=[line(span * k / FRAMES)], traces=[len(kinds)], name=str(k)) for k in range(FRAMES + 1)
    ]
    play = {"frame": {"duration": 120, "redraw": False}, "transition": {"duration": 0}, "fromcurrent": True}
    stop = {"mode": "immediate", "frame": {"duration": 0}}
    figure.update_layout(
        barmode="overlay", bargap=0.15, uniformtext={"minsize": 9, "mode": "hide"}, legend_y=1.16,  # above the buttons
        updatemenus=[{
            "type": "buttons", "direction": "right", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom",
            "buttons": [
                {"label": texts[0], "method": "animate", "args": [None, play]},
                {"label": texts[1], "method": "animate", "args": [[None], stop]},
            ],
        }],
    )  # fmt: skip
    figure.update_xaxes(range=[0, span])
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=rows)
    return plots.layout(figure, x_title=x_title, y_title="")


def places(rows: Sequence[tuple[str, float, float]], *, x_title: str, used: str, free: str) -> go.Figure:
    """What of each memory is used: rows of (name, used, free) in kilobytes of one block."""
    figure = go.Figure()
    names = [name for name, _, _ in rows]
    amounts = {used: [row[1] for row in rows], free: [row[2] for row in rows]}
    for (label, values), colour in zip(amounts.items(), (plots.REFERENCE, plots.RULE)):
        figure.add_bar(
            y=names, x=[round(value, 1) for value in values], orientation="h", name=label, marker_color=colour,
            hovertemplate="%{y}: %{x} KB<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    figure.update_yaxes(autorange="reversed")
    return plots.layout(figure, x_title=x_title, y_title="")
