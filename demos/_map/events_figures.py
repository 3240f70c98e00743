"""The pictures of events: the map over the spectrogram, answers over time, of the whole, and which are confused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from core import plots

COLUMNS = 200  # of a spectrogram, at most
TICKS_HZ = (125, 250, 500, 1000, 2000, 4000)
MARKED = [[0, plots.MODEL + "00"], [0.35, plots.MODEL + "28"], [1, plots.MODEL + "d8"]]  # the last two digits: alpha


def thinned(picture: np.ndarray, columns: int = COLUMNS) -> tuple[np.ndarray, int]:
    """The largest value of each stretch of frames: float [T, F] -> ([C, F], frames to a stretch), C <= columns."""
    stretch = max(1, -(-len(picture) // columns))
    return np.maximum.reduceat(picture, np.arange(0, len(picture), stretch), axis=0), stretch


def hz_axis(figure: go.Figure, hz: np.ndarray, *, ticks_hz: Sequence[int] = TICKS_HZ, **where: int) -> None:
    """Write frequencies at the bands: hz [F], the bands' centres."""
    ticks = [float(np.interp(one, hz, np.arange(len(hz)))) for one in ticks_hz]
    labels = [f"{one // 1000}k" if one >= 1000 else str(one) for one in ticks_hz]
    figure.update_yaxes(tickvals=ticks, ticktext=labels, range=[-0.5, len(hz) - 0.5], showgrid=False, **where)


def picture(
    log_mel: np.ndarray, cam: np.ndarray, mask: np.ndarray, hz: np.ndarray, *, frame_s: float,
    window_s: Sequence[float], words: Mapping[str, str],
) -> go.Figure:  # fmt: skip
    """The spectrogram, what speaks for one class laid over it, and a line around the chosen places.

    Args:
        log_mel: float [T, F] in dB.  cam: float [T', F'].  mask: the same shape, 1 in the chosen places.
        hz: float [F].  frame_s: from frame to frame.  window_s: (begin, end) of the moment.
        words: time, frequency.
    """
    loud, stretch = thinned(log_mel)
    shrink = log_mel.shape[1] // cam.shape[1]
    middle = (shrink - 1) / 2
    times = (np.arange(cam.shape[0]) * shrink + middle) * frame_s
    bands = np.arange(cam.shape[1]) * shrink + middle
    figure = go.Figure()
    figure.add_heatmap(
        z=np.round(loud.T).astype(int).tolist(), x0=(stretch - 1) / 2 * frame_s, dx=stretch * frame_s, y0=0, dy=1,
        colorscale=plots.scale(plots.LEVELS), showscale=False, hoverinfo="skip",
    )  # fmt: skip
    figure.add_heatmap(
        z=np.round(cam.T.clip(min=0), 4).tolist(), x=np.round(times, 3).tolist(), y=bands.tolist(), colorscale=MARKED,
        zmin=0, zmax=max(1e-4, float(cam.max())), showscale=False, hovertemplate="%{x:.2f} s: +%{z:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        **outline(mask, shrink, frame_s), mode="lines", line={"color": plots.MODEL, "width": 1.5}, hoverinfo="skip"
    )
    hz_axis(figure, hz)
    figure.update_xaxes(range=[0, len(log_mel) * frame_s], showgrid=False)
    for edge in window_s:
        figure.add_vline(edge, line={"color": plots.ACCENT, "width": 2, "dash": "dot"})
    return plots.layout(figure, x_title=words["time"], y_title=words["frequency"], showlegend=False)


def outline(mask: np.ndarray, shrink: int, frame_s: float) -> dict[str, list[float | None]]:
    """The edges between places inside and outside, as a line with gaps: mask [T', F'] of 0 and 1."""
    inside = np.pad(np.asarray(mask) > 0.5, 1)
    x: list[float | None] = []
    y: list[float | None] = []
    for i, j in np.argwhere(inside[1:, 1:-1] != inside[:-1, 1:-1]):  # an upright edge before column i
        at = round((i * shrink - 0.5) * frame_s, 3)
        x += [at, at, None]
        y += [float(j * shrink - 0.5), float((j + 1) * shrink - 0.5), None]
    for i, j in np.argwhere(inside[1:-1, 1:] != inside[1:-1, :-1]):  # a level edge below row j
        x += [round((i * shrink - 0.5) * frame_s, 3), round(((i + 1) * shrink - 0.5) * frame_s, 3), None]
        y += [float(j * shrink - 0.5), float(j * shrink - 0.5), None]
    return {"x": x, "y": y}


def over_time(
    curves: Mapping[str, np.ndarray], none: np.ndarray, *, middles_s: Sequence[float], end_s: float, at_s: float,
    words: Mapping[str, str],
) -> go.Figure:  # fmt: skip
    """Probabilities of the windows: curves name -> [W], none [W] dashed; words: time, probability, none."""
    lines = {**curves, words["none"]: none}
    figure = plots.lines(
        {name: (np.asarray(middles_s), values) for name, values in lines.items()}, x_title=words["time"],
        y_title=words["probability"], markers=True,
    )  # fmt: skip
    figure.data[-1].line.dash = "dot"
    figure.data[-1].line.color = figure.data[-1].marker.color = plots.GREY
    figure.update_xaxes(range=[0, end_s])
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    figure.add_vline(at_s, line={"color": plots.ACCENT, "width": 2, "dash": "dot"})
    return plots.on_a_phone(figure, {"legend.font": {"size": 11}})


def whole(names: Sequence[str], one: np.ndarray, mean: np.ndarray, *, threshold: float,
          words: Mapping[str, str]) -> go.Figure:  # fmt: skip
    """Two bars for each name: as one picture, and the mean of the seconds; a line at the threshold.

    Args:
        names: [N], the first at the top.  one, mean: float [N].  words: probability, one, mean.
    """
    figure = go.Figure()
    for values, label, colour in ((one, words["one"], plots.MODEL), (mean, words["mean"], plots.GREY)):
        figure.add_bar(x=np.round(values, 3).tolist(), y=list(names), name=label, marker_color=colour, orientation="h",
                       hovertemplate="%{y}: %{x:.0%}<extra></extra>")  # fmt: skip
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.add_vline(threshold, line={"color": plots.ACCENT, "width": 2, "dash": "dot"})
    return plots.layout(figure, x_title=words["probability"])


def confusion(counts: np.ndarray, names: Sequence[str], *, words: Mapping[str, str]) -> go.Figure:
    """What was said (columns) of what it was (rows), as shares of the row; the counts are written in.

    Args:
        counts: int [K, K].  words: was, said.
    """
    counts = np.asarray(counts)
    shares = 100 * counts / counts.sum(axis=1, keepdims=True).clip(1)
    numbers = list(range(len(names)))
    figure = go.Figure()
    figure.add_heatmap(
        z=np.round(shares).astype(int).tolist(), x=numbers, y=numbers, text=counts.tolist(), texttemplate="%{text}",
        colorscale=plots.scale(plots.LEVELS), zmin=0, zmax=100, showscale=False, xgap=1, ygap=1,
        hovertemplate="%{text} (%{z} %)<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(tickvals=numbers, ticktext=list(names), tickangle=-50, showgrid=False, zeroline=False)
    figure.update_yaxes(tickvals=numbers, ticktext=list(names), autorange="reversed", showgrid=False, zeroline=False)
    plots.on_a_phone(figure, {"xaxis.tickfont": {"size": 9}, "yaxis.tickfont": {"size": 9}})
    return plots.layout(figure, x_title=words["said"], y_title=words["was"])
