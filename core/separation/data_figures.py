"""The figures of the data cell: data sets in hours, what remixing multiplies, where a training example is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from core import plots
from core.separation.datasets import SPLITS, Dataset

if TYPE_CHECKING:
    from core.separation.remix_example import Placed

# The mixer has the same.
PART_COLOURS = {"vocals": plots.MODEL, "drums": plots.OLIVE, "bass": plots.PLUM, "other": plots.REFERENCE}


def hours(datasets: Sequence[Dataset], names: Mapping[str, str], words: Mapping[str, str]) -> go.Figure:
    """Hours of each data set, train and test beside each other, with the number of pieces; the first is on top.

    Args:
        names: key -> what to call it.  words: train, test, hours, and pieces with `{count}`.
    """
    figure = go.Figure()
    rows = [names[one.key] for one in datasets]
    for split, colour in zip(SPLITS, (plots.REFERENCE, plots.MODEL)):
        figure.add_bar(
            x=[round(one.hours(split), 3) for one in datasets], y=rows, name=words[split], orientation="h",
            marker_color=colour, insidetextanchor="middle", textposition="auto", cliponaxis=False,
            text=[words["pieces"].format(count=one.songs[split]) for one in datasets],
            hovertemplate="%{y}<br>%{x:.2f} h, %{text}<extra>" + words[split] + "</extra>",
        )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    return plots.layout(figure, x_title=words["hours"], barmode="group", bargap=0.3)


def mixtures(datasets: Sequence[Dataset], words: Mapping[str, str]) -> go.Figure:
    """How many mixtures N songs give: N without remixing, N to the power of S with it; the data sets as points.

    Args:
        words: songs, mixtures, released, and remixed with `{stems}`.
    """
    counts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    figure = go.Figure()
    curves = {1: words["released"], 2: words["remixed"].format(stems=2), 4: words["remixed"].format(stems=4)}
    for (power, name), colour in zip(curves.items(), (plots.GREY, plots.REFERENCE, plots.MODEL)):
        figure.add_scatter(x=counts, y=[n**power for n in counts], name=name, mode="lines", line={"color": colour})
    figure.add_scatter(
        x=[one.songs["train"] for one in datasets], y=[one.mixtures() for one in datasets], mode="markers+text",
        text=[one.name for one in datasets], textposition="bottom right", showlegend=False, name="",
        marker={"size": 10, "color": [plots.MODEL if len(one.stems) == 4 else plots.REFERENCE for one in datasets]},
        hovertemplate="%{text}: %{x} → %{y:,}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(type="log", range=[0, 3.35])
    figure.update_yaxes(type="log", exponentformat="power", dtick=3)
    return plots.layout(figure, x_title=words["songs"], y_title=words["mixtures"])


def places(placed: Sequence[Placed], lengths_s: Mapping[str, float], names: Mapping[str, str],
           words: Mapping[str, str]) -> go.Figure:  # fmt: skip
    """Where each part of a training example was cut from: a row for each part of each excerpt, the cut in colour.

    Args:
        lengths_s: of the excerpts.  names: of excerpts and parts.  words: time, and cut with `{start}`, `{end}`,
            `{speed}`, `{semitones}`, `{gain}`, `{sign}`.
    """
    rows = [f"{names[excerpt]} · {names[one.part]}" for one in placed for excerpt in lengths_s]
    figure = go.Figure()
    figure.add_bar(
        x=list(lengths_s.values()) * len(placed), y=rows, orientation="h", marker_color=plots.RULE, width=0.2,
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    for one in placed:
        said = words["cut"].format(
            start=one.start_s, end=one.end_s, speed=one.speed, semitones=one.semitones, gain=one.gain_db,
            sign="−" if one.sign < 0 else "+",
        )  # fmt: skip
        figure.add_bar(
            x=[one.end_s - one.start_s], base=[one.start_s], y=[f"{names[one.excerpt]} · {names[one.part]}"],
            orientation="h", marker_color=PART_COLOURS[one.part], width=0.7, name=names[one.part],
            customdata=[said], hovertemplate="%{y}<br>%{customdata}<extra></extra>", showlegend=False,
        )  # fmt: skip
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=rows)
    return plots.layout(figure, x_title=words["time"], barmode="overlay")
