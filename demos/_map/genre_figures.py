"""The pictures of tags: the taggram, their means, and which energy speaks for one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import plots
from demos._map.events_figures import hz_axis

TICKS_HZ = (250, 1000, 2000, 4000)
LEAST_TOP = 0.4  # the darkest colour of the taggram stands for at least so much


def taggram(shares: np.ndarray, names: Sequence[str], *, middles_s: Sequence[float], window_s: float,
            window: int, row: int | None, x_title: str) -> go.Figure:  # fmt: skip
    """Tags over time, each column a window.

    Args:
        shares: float [W, N].  names: [N], the first at the top.  window_s: how long a window is.
        window, row: of the cell that is framed; without a row, the whole column.
    """
    rows = list(range(len(names)))
    figure = go.Figure()
    columns: dict[str, Any] = {"x": [round(float(one), 3) for one in middles_s]}
    if len(middles_s) == 1:  # plotly makes a single column one second wide
        columns = {"x0": float(middles_s[0]), "dx": window_s}
    step = float(middles_s[1] - middles_s[0]) if len(middles_s) > 1 else window_s
    figure.add_heatmap(
        z=np.round(shares.T, 3).tolist(), y=rows, xgap=1, ygap=1, colorscale=plots.scale(plots.LEVELS), zmin=0,
        zmax=max(LEAST_TOP, float(shares.max())), **columns,
        text=[[name] * len(middles_s) for name in names], colorbar={"thickness": 10, "outlinewidth": 0,
                                                                  "tickformat": ".0%"},
        hovertemplate="%{text}, %{x:.1f} s: %{z:.0%}<extra></extra>",
    )  # fmt: skip
    left, right = _edges(middles_s, window, step)
    top, bottom = (0, len(names) - 1) if row is None else (row, row)
    figure.add_shape(type="rect", x0=left, x1=right, y0=top - 0.5, y1=bottom + 0.5,
                     line={"color": plots.MODEL, "width": 3})  # fmt: skip
    figure.update_yaxes(tickvals=rows, ticktext=list(names), range=[len(names) - 0.5, -0.5], showgrid=False,
                        zeroline=False)  # fmt: skip
    figure.update_xaxes(showgrid=False, zeroline=False)
    plots.on_a_phone(figure, {"yaxis.tickfont": {"size": 11}})
    return plots.layout(figure, x_title=x_title)


def _edges(middles_s: Sequence[float], window: int, step: float) -> tuple[float, float]:
    """Where the column of a window begins and ends: half way to its neighbours."""
    middle = float(middles_s[window])
    before = (middle - float(middles_s[window - 1])) / 2 if window else step / 2
    after = (float(middles_s[window + 1]) - middle) / 2 if window + 1 < len(middles_s) else before
    return middle - before, middle + after


def means(shares: np.ndarray, names: Sequence[str], *, sure: float | None, x_title: str) -> go.Figure:
    """A bar for each tag: shares [N]; sure: a line from which a genre is said."""
    figure = go.Figure()
    figure.add_bar(x=np.round(shares, 3).tolist(), y=list(names), orientation="h", marker_color=plots.MODEL,
                   hovertemplate="%{y}: %{x:.1%}<extra></extra>")  # fmt: skip
    figure.update_layout(bargap=0.2)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(range=[0, max(LEAST_TOP, 1.05 * float(np.max(shares)))], tickformat=".0%")
    if sure is not None:
        figure.add_vline(sure, line={"color": plots.ACCENT, "width": 2, "dash": "dot"})
    return plots.layout(figure, x_title=x_title)


def evidence(log_mel: np.ndarray, found: np.ndarray, hz: np.ndarray, *, frame_s: float, start_s: float,
             words: Mapping[str, str]) -> go.Figure:  # fmt: skip
    """A window as the network heard it, and below it what speaks for a tag (orange) and against it (blue).

    Args:
        log_mel, found: float [T, F].  hz: float [F], the bands' centres.  start_s: where the window begins.
        words: time, frequency, heard, speaks.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1,
                           subplot_titles=(words["heard"], words["speaks"]))  # fmt: skip
    place = {"x0": round(start_s + frame_s / 2, 4), "dx": 2 * frame_s, "y0": 0.5, "dy": 2, "showscale": False}
    figure.add_heatmap(z=np.round(_pooled(log_mel).T, 2).tolist(), colorscale=plots.scale(plots.LEVELS),
                       hovertemplate="%{x:.2f} s<extra></extra>", **place, row=1, col=1)  # fmt: skip
    signed = _pooled(found).T * 4  # the sum of the four places
    most = max(1e-6, float(np.quantile(np.abs(signed), 0.995)))
    figure.add_heatmap(z=np.round(signed / most, 2).tolist(), colorscale=plots.scale(plots.DIVERGING), zmin=-1, zmax=1,
                       hovertemplate="%{x:.2f} s: %{z:+.2f}<extra></extra>", **place, row=2, col=1)  # fmt: skip
    for row in (1, 2):
        hz_axis(figure, hz, ticks_hz=TICKS_HZ, row=row, col=1)
        figure.update_yaxes(title_text=words["frequency"], row=row, col=1)
    figure.update_xaxes(showgrid=False)
    figure.update_annotations(font_size=12)
    plots.layout(figure, showlegend=False)
    figure.update_xaxes(title_text="", row=1, col=1)
    figure.update_xaxes(title_text=words["time"], row=2, col=1)
    figure.update_yaxes(title_text=words["frequency"], row=1, col=1)
    return figure


def _pooled(picture: np.ndarray) -> np.ndarray:
    """Means of two by two: float [T, F] -> [T // 2, F // 2]."""
    times, bands = picture.shape[0] // 2, picture.shape[1] // 2
    return picture[: 2 * times, : 2 * bands].reshape(times, 2, bands, 2).mean(axis=(1, 3))
