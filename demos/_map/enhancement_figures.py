"""The pictures of the cell `enhancement`: arrays in, figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core import plots

COLUMNS, ROWS = 200, 64  # most of a picture
RANGE_DB = 70  # between the loudest and the palest
PANELS = ((0.70, 1.0), (0.36, 0.66), (0.02, 0.32))  # domains, from the top
NYQUIST_KHZ = 8.0


def pooled(values: np.ndarray) -> np.ndarray:
    """Means over neighbouring frames and bins: float [F', 257] -> [at most ROWS, at most COLUMNS], lowest bin first."""
    frames = np.array_split(values, min(COLUMNS, len(values)), axis=0)
    rows = np.stack([part.mean(axis=0) for part in frames], axis=1)[:-1]  # [256, columns]: without the highest bin
    return rows.reshape(ROWS, -1, rows.shape[1]).mean(axis=1)


def decibels(powers: np.ndarray) -> np.ndarray:
    """Pooled powers in whole decibels."""
    return np.round(10 * np.log10(pooled(powers) + 1e-10)).astype(int)


def stacked(before: np.ndarray, gain: np.ndarray, after: np.ndarray, *, seconds: float, at_s: float,
            words: Mapping[str, str]) -> go.Figure:  # fmt: skip
    """Mixture, mask and result over one time axis, with a line at the moment that is looked at.

    Args:
        before, after: powers [F', 257].  gain: modulus of the mask, 0 to 1, [F', 257].  seconds: length of the sound.
        words: mixture, mask, enhanced, time, frequency, gain.
    """
    first, last = decibels(before), decibels(after)
    top = int(first.max())
    x = _places(seconds, first.shape[1])
    y = _places(NYQUIST_KHZ, ROWS)
    figure = go.Figure()
    pictures = (("mixture", np.maximum(first, top - RANGE_DB - 5), "coloraxis"),
                ("mask", np.round(100 * pooled(gain)).astype(int), "coloraxis2"),
                ("enhanced", np.maximum(last, top - RANGE_DB - 5), "coloraxis"))  # fmt: skip
    notes = []
    for number, (name, values, colours) in enumerate(pictures, start=1):
        unit = "%" if name == "mask" else "dB"
        figure.add_heatmap(
            z=values.tolist(), x=x, y=y, coloraxis=colours, xaxis="x", yaxis=f"y{number}", name=words[name],
            hovertemplate="%{x:.2f} s, %{y:.1f} kHz: %{z} " + unit + "<extra></extra>",
        )  # fmt: skip
        notes.append({"text": words[name], "x": 0, "xref": "paper", "xanchor": "left", "y": PANELS[number - 1][1],
                      "yref": "paper", "yanchor": "bottom", "showarrow": False, "font": {"size": 12}})  # fmt: skip
    bar = {"thickness": 10, "outlinewidth": 0, "yanchor": "middle"}
    axes = {f"yaxis{number}": {"domain": list(place), "title": {"text": words["frequency"]}, "tickvals": [0, 2, 4, 6]}
            for number, place in enumerate(PANELS, start=1)}  # fmt: skip
    axes["yaxis"] = axes.pop("yaxis1")
    figure.update_layout(
        annotations=notes, shapes=[_line(at_s)], **axes,
        coloraxis={"colorscale": plots.scale(plots.LEVELS), "cmin": top - RANGE_DB, "cmax": top,
                   "colorbar": {**bar, "title": {"text": "dB"}, "y": 0.85, "len": 0.3}},
        coloraxis2={"colorscale": plots.scale(plots.LEVELS), "cmin": 0, "cmax": 100,
                    "colorbar": {**bar, "title": {"text": words["gain"]}, "y": 0.51, "len": 0.3}},
        xaxis={"anchor": "y3", "range": [0, seconds]},
    )  # fmt: skip
    plots.layout(figure, x_title=words["time"], y_title=words["frequency"])
    return plots.on_a_phone(
        figure, {"coloraxis.showscale": False, "coloraxis2.showscale": False, "margin.l": 44, "margin.r": 8}
    )


def _places(length: float, count: int) -> list[float]:
    """Centres of `count` cells between 0 and a length."""
    return [round((i + 0.5) * length / count, 4) for i in range(count)]


def _line(at: float) -> dict[str, Any]:
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper",
            "line": {"color": plots.MODEL, "width": 2, "dash": "dot"}}  # fmt: skip


def gains(ours: np.ndarray, ideal: np.ndarray | None, *, words: Mapping[str, str]) -> go.Figure:
    """Gain per frequency in one frame, in percent: float [257] each; `ideal` where the clean voice is known."""
    khz = np.linspace(0, NYQUIST_KHZ, len(ours))
    curves = {words["ours"]: (khz, np.round(100 * ours, 1))}
    roles = ["model"]
    if ideal is not None:
        curves = {words["ideal"]: (khz, np.round(100 * ideal, 1)), **curves}
        roles = ["reference", "model"]
    figure = plots.lines(curves, x_title=words["frequency"], y_title=words["gain"], roles=roles)
    figure.update_traces(line_width=1.6)
    figure.update_yaxes(range=[-2, 104])
    figure.update_layout(hovermode="x unified", showlegend=True)
    return figure


def scores(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], roles: Sequence[str], *,
           dashed: Sequence[str], x_title: str, y_title: str) -> go.Figure:  # fmt: skip
    """One line for each method over the ratio of the mixture. dashed: names of lines that no method can be."""
    figure = plots.lines(curves, x_title=x_title, y_title=y_title, roles=roles, markers=True)
    for trace in figure.data:
        if trace.name in dashed:
            trace.line.dash = "dot"
    return plots.on_a_phone(figure, {"legend.font.size": 10, "margin.l": 44, "margin.t": 120})
