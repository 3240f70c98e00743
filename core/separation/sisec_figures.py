"""Figures of SiSEC's scores: methods against targets, over the tracks, on one track, and two of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core import plots
from core.separation.sisec import MMDENSE, Method, Pair

FAR = 0.25  # points that are further left than this share of the boxes' axis are not shown at first
ROLES = {"supervised": "accent", "blind": "olive", "oracle": "grey", "mixture": "grey"}


def label(method: Method) -> str:
    """What stands at the axis: MMDenseLSTM's entries are marked."""
    return f"{method.name} · {MMDENSE[method.name]}" if method.name in MMDENSE else method.name


def role(method: Method) -> str:
    """Orange for ours and its paper's entries; the others by kind."""
    return "model" if method.ours or method.name in MMDENSE else ROLES[method.kind]


def overview(medians: np.ndarray, methods: Sequence[Method], *, targets: Sequence[str], chosen: tuple[int, int],
             words: Mapping[str, str]) -> go.Figure:  # fmt: skip
    """Medians [methods, targets] as colours with their numbers; a frame around the chosen cell (row, column).

    Args:
        words: "decibels", "none": for a method without this target.
    """
    labels = [label(method) for method in methods]
    known = medians[~np.isnan(medians)]
    low, high = np.percentile(known, [5, 95]) if len(known) else (0.0, 1.0)
    figure = plots.heatmap(
        medians, x=list(targets), y=labels, x_title="", y_title="", unit=words["decibels"], low=float(low),
        high=float(high), down=True,
    )  # fmt: skip
    written = [["" if np.isnan(v) else f"{v:.1f}" for v in row] for row in medians]
    hover = [[words["none"] if np.isnan(v) else f"{v:.2f} dB" for v in row] for row in medians]
    figure.update_traces(
        text=written, customdata=hover, xgap=1, ygap=1,
        hovertemplate="%{y}<br>%{x}: %{customdata}<extra></extra>", showscale=False,
    )  # fmt: skip
    row, column = chosen
    if row >= 0:
        figure.add_shape(
            type="rect", x0=column - 0.5, x1=column + 0.5, y0=row - 0.5, y1=row + 0.5,
            line={"color": plots.MODEL, "width": 3},
        )  # fmt: skip
    places = np.argwhere(~np.isnan(medians))
    shares = np.clip((medians - low) / max(float(high - low), 1e-9), 0, 1)
    figure.add_scatter(
        x=[targets[j] for _, j in places], y=[labels[i] for i, _ in places], mode="text", hoverinfo="skip",
        text=[written[i][j] for i, j in places], showlegend=False,
        textfont={"size": 12, "color": [readable(float(shares[i, j])) for i, j in places]},
    )  # fmt: skip
    figure.update_xaxes(side="top", type="category", showgrid=False, range=[-0.5, len(targets) - 0.5])
    figure.update_yaxes(
        type="category", dtick=1, showgrid=False, autorange=False, range=[len(methods) - 0.5, -0.5]
    )  # fmt: skip
    figure.update_layout(margin={"t": 50, "b": 20})
    return plots.on_a_phone(figure, {"xaxis.tickangle": -90, "margin.t": 110, "margin.r": 0})


def readable(share: float) -> str:
    """The colour of a number on the colour at `share` (0 to 1) of plots.LEVELS that is readable in light and in dark.

    The best of ink, paper, black, and black by day and white at night, by the contrast ratio of WCAG 2.1, the smaller
    of the two themes; never below 4.5.
    """

    def worst(text: str) -> float:
        found = []
        for swap in ({}, plots.DARK_FOR_LIGHT):
            levels = np.array([_rgb(swap.get(level, level)) for level in plots.LEVELS])
            ground = [np.interp(share, np.linspace(0, 1, len(levels)), levels[:, i]) for i in range(3)]
            pair = sorted((_luminance(np.array(ground)), _luminance(_rgb(swap.get(text, text)))))
            found.append((pair[1] + 0.05) / (pair[0] + 0.05))
        return min(found)

    return max((plots.INK, plots.PAPER, plots.STRONG, "#000000"), key=worst)


def _rgb(colour: str) -> np.ndarray:
    """Red, green, blue [3] of #rrggbb, 0 to 1, as they stand (a colour scale mixes them like this)."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def _luminance(rgb: np.ndarray) -> float:
    """Relative luminance of sRGB [3], WCAG 2.1."""
    return float(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


def boxes(values: np.ndarray, methods: Sequence[Method], *, tracks: Sequence[str], chosen: str,
          words: Mapping[str, str]) -> go.Figure:  # fmt: skip
    """Every method's scores [methods, tracks] as a box with its points; methods without a score are left out.

    The axis holds every whisker; see `left_end` for the few songs on which a method failed.
    """
    figure = go.Figure()
    shown = [(method, row) for method, row in zip(methods, values) if not np.isnan(row).all()]
    for method, row in shown:
        colour = plots.ROLES["reference" if method.name == chosen else role(method)]
        figure.add_box(
            x=_numbers(row), y=[label(method)] * len(row), orientation="h", name=label(method), boxpoints="all",
            jitter=0.5, pointpos=0, marker={"size": 4, "opacity": 0.55}, marker_color=colour, line={"width": 1.3},
            hoveron="points", text=list(tracks), hovertemplate="%{y}<br>%{text}: %{x:.2f} dB<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(
        type="category", dtick=1, categoryorder="array", categoryarray=[label(method) for method, _ in shown][::-1]
    )
    plots.layout(figure, x_title=words["decibels"], showlegend=False, boxgap=0.25)
    known = values[~np.isnan(values)]
    if len(known):
        figure.update_xaxes(range=[left_end(values)[0], float(known.max()) + 1])
    figure.update_layout(margin={"t": 20})
    return figure


def left_end(values: np.ndarray) -> tuple[float, bool]:
    """Where the boxes' axis begins for scores [methods, tracks] in dB, and whether points lie to the left of that.

    It begins left of the lowest whisker (quartile less 1.5 times their distance, as plotly draws it), and of all points
    unless these would squeeze the boxes.
    """
    ends = []
    for row in values:
        there = row[~np.isnan(row)]
        if len(there):
            low, high = np.percentile(there, [25, 75], method="hazen")
            ends.append(there[there >= low - 1.5 * (high - low)].min())
    if not ends:
        return 0.0, False
    whiskers, lowest, highest = float(min(ends)), float(np.nanmin(values)), float(np.nanmax(values))
    far = lowest < whiskers - FAR * (highest - whiskers)
    return (whiskers if far else lowest) - 1, far


def ease(quartiles: np.ndarray, names: Sequence[str], *, chosen: int, words: Mapping[str, str]) -> go.Figure:
    """Tracks from easy to hard: quartiles [3, tracks] over the methods; `chosen` is the place of the open track."""
    low, middle, high = quartiles
    colours = [plots.REFERENCE if i == chosen else plots.ACCENT for i in range(len(names))]
    figure = go.Figure()
    figure.add_scatter(
        x=list(range(1, len(names) + 1)), y=_numbers(middle), mode="markers",
        error_y={"type": "data", "symmetric": False, "array": _numbers(high - middle),
                 "arrayminus": _numbers(middle - low), "color": plots.GREY, "thickness": 1, "width": 0},
        marker={"color": colours, "size": [13 if i == chosen else 8 for i in range(len(names))]},
        text=list(names), hovertemplate="%{x}. %{text}: %{y:.2f} dB<extra></extra>",
    )  # fmt: skip
    return plots.layout(figure, x_title=words["ease"], y_title=words["decibels"], showlegend=False, hovermode="closest")


def on_track(values: np.ndarray, medians: np.ndarray, methods: Sequence[Method], *, chosen: str,
             words: Mapping[str, str]) -> go.Figure:  # fmt: skip
    """All methods on one track [methods], best first, beside their medians over all tracks [methods].

    Args:
        words: "decibels", "here", "median".
    """
    there = [i for i in np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable") if not np.isnan(values[i])]
    labels = [label(methods[i]) for i in there]
    colours = [plots.ROLES["reference" if methods[i].name == chosen else role(methods[i])] for i in there]
    figure = go.Figure()
    figure.add_scatter(
        x=_numbers(medians[there]), y=labels, mode="markers", name=words["median"], hovertemplate="%{y}: %{x:.2f} dB",
        marker={"symbol": "line-ns-open", "size": 13, "color": plots.GREY, "line": {"width": 2}},
    )  # fmt: skip
    figure.add_scatter(
        x=_numbers(values[there]), y=labels, mode="markers", name=words["here"], hovertemplate="%{y}: %{x:.2f} dB",
        marker={"size": 10, "color": colours},
    )  # fmt: skip
    figure.update_yaxes(type="category", dtick=1, categoryorder="array", categoryarray=labels[::-1])
    plots.layout(figure, x_title=words["decibels"], hovermode="closest")
    return figure


def differences(pair: Pair, *, first: str, second: str, tracks: Sequence[str], words: Mapping[str, str]) -> go.Figure:
    """First less second on every track, largest first, with the median as a line.

    Args:
        words: "better" (with {method}), "difference", "track", "median".
    """
    figure = go.Figure()
    found, places = pair.differences, np.arange(1, len(pair.tracks) + 1)
    for name, colour, mask in ((first, plots.MODEL, found >= 0), (second, plots.REFERENCE, found < 0)):
        figure.add_bar(
            x=places[mask].tolist(), y=_numbers(found[mask]), marker_color=colour, marker_line_width=0,
            name=words["better"].format(method=name), text=[tracks[pair.tracks[i]] for i in np.flatnonzero(mask)],
            textposition="none", hovertemplate="%{text}: %{y:+.2f} dB<extra></extra>",
        )  # fmt: skip
    figure.add_hline(
        y=round(pair.median, 4), line={"color": plots.INK, "dash": "dot", "width": 1.5},
        annotation_text=f"{words['median']} {pair.median:+.2f} dB", annotation_position="top right",
    )  # fmt: skip
    return plots.layout(
        figure, x_title=words["track"], y_title=words["difference"], barmode="relative", bargap=0.15
    )


def _numbers(values: Any) -> list[float | None]:
    """For the browser: four digits behind the point, None where there is none."""
    return [None if np.isnan(v) else round(float(v), 4) for v in np.asarray(values, dtype=float)]
