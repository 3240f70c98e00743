"""Figures of what a Music Transformer looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core import plots

COLOURS = {"relative": plots.MODEL, "absolute": plots.REFERENCE}


def surprise(
    seconds: NDArray, bits: Mapping[str, NDArray], *, names: Mapping[str, str], words: Mapping[str, str]
) -> go.Figure:
    """Running surprise of each network over a piece.

    Args:
        seconds: float [N], when each event comes.  bits: network -> float [N].
        names: network -> label.  words: "seconds", "bits".
    """
    figure = go.Figure()
    for network, values in bits.items():
        figure.add_scatter(
            x=np.round(seconds, 2), y=np.round(values, 3), mode="lines", name=names[network],
            line={"color": COLOURS[network], "width": 2}, hovertemplate="%{x:.1f} s: %{y:.2f}<extra></extra>",
        )  # fmt: skip
    return plots.layout(figure, x_title=words["seconds"], y_title=words["bits"], yaxis_rangemode="tozero")


def reach(
    shares: Mapping[str, NDArray], *, edges: Sequence[int], names: Mapping[str, str], words: Mapping[str, str]
) -> go.Figure:
    """Where each layer's attention lies, near to far: a bar a head, the networks side by side.

    Args:
        shares: network -> float [layers, H, B], each [layer, head] summing to 1.
        edges: B - 1 distances in events that part the bins.  words: "layer", "share", "distance".
    """
    figure = go.Figure()
    levels = [plots.LEVELS[1], plots.LEVELS[2], plots.LEVELS[3], plots.ACCENT, plots.PLUM, plots.MODEL]
    labels = [f"< {edges[0]}", *(f"{a}–{b - 1}" for a, b in zip(edges, edges[1:])), f"≥ {edges[-1]}"]
    for b, label in enumerate(labels):
        ticks, heights = [], []
        for network, values in shares.items():
            for layer in range(values.shape[0]):
                ticks.append(f"{names[network]} {layer + 1}")
                heights.append(float(values[layer, :, b].mean()))
        figure.add_bar(
            x=ticks, y=np.round(heights, 4), name=label, marker={"color": levels[b % len(levels)]},
            hovertemplate="%{x}: %{y:.0%}<extra>" + label + "</extra>",
        )  # fmt: skip
    plots.layout(figure, x_title=words["layer"], y_title=words["share"], barmode="stack")
    figure.update_layout(legend_title_text=words["distance"], yaxis={"tickformat": ".0%", "range": [0, 1]})
    return figure
