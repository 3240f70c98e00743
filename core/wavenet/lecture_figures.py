"""Figures of the lecture network's checks and of the gate ablation: arrays in, plotly figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from core import plots

COLOURS = {"lecture": plots.MODEL, "centred": plots.PLUM, "paper": plots.ACCENT}
GATE_COLOURS = {"multiply": plots.ACCENT, "add": plots.MODEL, "relu": plots.PLUM}


def influence(moved: Mapping[str, Sequence[float]], *, changed: int, names: Mapping[str, str], x_title: str,
              y_title: str, mark: str) -> go.Figure:  # fmt: skip
    """How far each sample's logits moved, one row of stems for each network.

    Args:
        moved: network -> float [T].  changed: the first sample whose code was changed.
        names: network -> what to call it; only these are drawn.  mark: what to write at `changed`.
    """
    figure = go.Figure()
    for row, (key, name) in enumerate(names.items()):
        values = list(moved[key])
        top = max(values) or 1.0
        still = [t for t, v in enumerate(values) if v == 0]
        shaken = [t for t, v in enumerate(values) if v > 0]
        heights = [0.8 * values[t] / top + 0.02 for t in shaken]
        base = len(names) - 1 - row
        figure.add_bar(
            x=shaken, y=heights, base=base, width=0.7, name=name, marker_color=COLOURS[key], marker_line_width=0,
            customdata=[values[t] for t in shaken], hovertemplate="t = %{x}<br>%{customdata:.4f}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=still, y=[base] * len(still), mode="markers", marker={"color": plots.GREY, "size": 4}, showlegend=False,
            hovertemplate="t = %{x}<br>0<extra></extra>",
        )  # fmt: skip
    figure.add_vline(changed - 0.5, line={"color": plots.INK, "width": 1.5, "dash": "dot"})
    figure.add_annotation(
        x=changed - 0.7, y=1, yref="paper", text=mark, showarrow=False, xanchor="right", yanchor="top"
    )
    figure.update_yaxes(showticklabels=False, ticks="", range=[-0.15, len(names)], showgrid=False)
    return plots.layout(figure, x_title=x_title, y_title=y_title, barmode="overlay", showlegend=True)


def gate(
    curves: Mapping[str, Sequence[float]], *, names: Mapping[str, str], x_title: str, y_title: str
) -> go.Figure:
    """What leaves the gate against what opens it: curves["gate"] [N], and one list [N] for each key of names."""
    figure = go.Figure()
    for key, name in names.items():
        figure.add_scatter(
            x=list(curves["gate"]), y=list(curves[key]), mode="lines", name=name,
            line={"color": GATE_COLOURS[key], "width": 2.5},
        )  # fmt: skip
    return plots.layout(figure, x_title=x_title, y_title=y_title, showlegend=True)


def unused(
    norms: Mapping[str, Sequence[float]], *, names: Mapping[str, str], x_title: str, y_title: str
) -> go.Figure:
    """The gradient that reaches each layer's residual convolution, as bars side by side."""
    figure = go.Figure()
    for key, name in names.items():
        layers = [str(layer + 1) for layer in range(len(norms[key]))]
        figure.add_bar(x=layers, y=list(norms[key]), name=name, marker_color=COLOURS[key], marker_line_width=0)
    figure.update_xaxes(type="category")
    return plots.layout(figure, x_title=x_title, y_title=y_title, showlegend=True, bargap=0.35)


def leak(
    curves: Mapping[str, Sequence[float]], *, names: Mapping[str, str], x_title: str, y_title: str
) -> go.Figure:
    """Bits per sample by step, of the caller who shifts and of the one who forgets."""
    roles = {"shifted": "accent", "leaking": "model"}
    lines = {name: (list(range(1, len(curves[key]) + 1)), list(curves[key])) for key, name in names.items()}
    figure = plots.lines(lines, x_title=x_title, y_title=y_title, roles=[roles[key] for key in names])
    figure.update_yaxes(range=[-0.2, 8.4])
    return figure


def ablation(table: Mapping[str, Any], *, names: Mapping[str, str], held_out: str, training: str, x_title: str,
             y_title: str) -> go.Figure:  # fmt: skip
    """Curves of every run: held-out bits as lines with markers, training bits thin; one colour for each gate.

    Args:
        table: assets/tables/wavenet-ablation.json.  names: gate -> what to call it.
        held_out, training: what to write behind a gate's name for the two kinds of curve.
    """
    figure = go.Figure()
    seen = set()
    for run in table["runs"]:
        kind, colour = run["gate"], GATE_COLOURS[run["gate"]]
        first = kind not in seen
        seen.add(kind)
        steps, bits = zip(*run["train"])
        figure.add_scatter(
            x=list(steps), y=list(bits), mode="lines", name=f"{names[kind]}, {training}", legendgroup=f"{kind}-train",
            line={"color": colour, "width": 1}, opacity=0.45, showlegend=first, hoverinfo="skip",
        )  # fmt: skip
        steps, bits = zip(*run["held_out"])
        figure.add_scatter(
            x=list(steps), y=list(bits), mode="lines+markers", name=f"{names[kind]}, {held_out}", legendgroup=kind,
            line={"color": colour, "width": 2.5, "dash": "solid" if run["seed"] == table["seeds"][0] else "dash"},
            marker={"color": colour, "size": 6}, showlegend=first,
            hovertemplate=f"{names[kind]}, seed {run['seed']}<br>%{{x}}: %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    lowest = min(bits for run in table["runs"] for _, bits in run["held_out"])
    figure.update_yaxes(range=[lowest - 0.25, lowest + 2.0])
    return plots.layout(figure, x_title=x_title, y_title=y_title, showlegend=True)
