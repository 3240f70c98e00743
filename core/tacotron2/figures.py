"""Alignments, energies and mels as figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import plots
from core.text.tokens import shown

if TYPE_CHECKING:
    from torch import Tensor

    from core.tacotron2.attention import Terms

FRAME_S = 0.0125
DECIBELS = 20 / np.log(10)


def _token_axis(symbols: Sequence[str], most: int = 60) -> dict:
    stride = -(-len(symbols) // most)
    return {
        "tickmode": "array", "tickvals": list(range(0, len(symbols), stride)),
        "ticktext": [shown(symbol) for symbol in symbols[::stride]], "tickfont": {"size": 11}, "ticks": "",
    }  # fmt: skip


def alignment(weights: Tensor, symbols: Sequence[str], *, step_s: float, words: Mapping[str, str]) -> go.Figure:
    """Time to the right, tokens upwards, attention as darkness: [S, N].

    Args:
        words: time, tokens, weight.
    """
    figure = plots.heatmap(
        weights.numpy().T, x=np.round(np.arange(len(weights)) * step_s, 4), x_title=words["time"],
        y_title=words["tokens"], unit="", low=0, high=1,
    )  # fmt: skip
    figure.update_traces(
        customdata=[[symbol] * len(weights) for symbol in map(shown, symbols)],
        hovertemplate="%{x:.2f} s, %{customdata}: %{z:.2f}<extra></extra>",
        colorbar_title_text=words["weight"],
    )
    figure.update_yaxes(**_token_axis(symbols, 45))
    return figure


def energies(found: Terms, symbols: Sequence[str], *, with_location: bool, words: Mapping[str, str]) -> go.Figure:
    """Energies and weights of one step over the tokens, with the location term and without it.

    Args:
        words: energy, weight, with_location, without_location.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1, row_heights=[0.5, 0.5])
    x = list(range(len(symbols)))
    pairs = [("with_location", found.energies, found.weights, plots.MODEL)]
    pairs += [("without_location", found.energies_without, found.weights_without, plots.GREY)]
    if not with_location:
        pairs.reverse()
    names = list(map(shown, symbols))
    for front, (key, energy, weight, colour) in enumerate(reversed(pairs)):
        for row, values in ((1, energy), (2, weight)):
            figure.add_scatter(
                x=x, y=np.round(values.numpy(), 4), name=words[key], mode="lines+markers", row=row, col=1,
                line={"color": colour, "width": 3 if front else 1.5, "shape": "hvh" if row == 2 else "linear"},
                marker={"size": 5, "color": colour}, showlegend=row == 1, legendgroup=key, text=names,
                hovertemplate="%{text}: %{y:.3f}<extra>" + words[key] + "</extra>",
            )  # fmt: skip
    plots.layout(figure, hovermode="closest", clickmode="event")
    figure.update_yaxes(title_text=words["energy"], row=1, col=1)
    figure.update_yaxes(title_text=words["weight"], range=[-0.02, 1.02], row=2, col=1)
    figure.update_xaxes(**_token_axis(symbols), row=2, col=1)
    return figure


def units(found: Terms, token: int, *, with_location: bool, words: Mapping[str, str]) -> go.Figure:
    """For one token, what each of the attention's units adds to its energy, and the three terms under its tanh.

    Units in the order of what they add.

    Args:
        words: query, key, location, adds, unit, term.
    """
    location = found.location[token] if with_location else found.location[token] * 0
    total = found.query + found.keys[token] + location
    adds = (found.v * total.tanh()).numpy()
    order = np.argsort(-adds)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1, row_heights=[0.6, 0.4])
    rows = (
        ("query", found.query, plots.REFERENCE), ("key", found.keys[token], plots.ACCENT),
        ("location", location, plots.MODEL),
    )  # fmt: skip
    for key, values, colour in rows:
        figure.add_scatter(
            y=np.round(values.numpy()[order], 3), name=words[key], mode="lines", row=1, col=1,
            line={"color": colour, "width": 2}, hovertemplate="%{y:.2f}<extra>" + words[key] + "</extra>",
        )  # fmt: skip
    figure.add_bar(
        y=np.round(adds[order], 4), name=words["adds"], row=2, col=1, marker_color=plots.INK, marker_line_width=0,
        hovertemplate="%{y:+.3f}<extra>" + words["adds"] + "</extra>",
    )  # fmt: skip
    plots.layout(figure, hovermode="x", bargap=0.1)
    figure.update_yaxes(title_text=words["term"], row=1, col=1)
    figure.update_yaxes(title_text=words["adds"], row=2, col=1)
    figure.update_xaxes(title_text=words["unit"], row=2, col=1)
    return figure


def mels(rows: Mapping[str, Tensor], *, words: Mapping[str, str], signed: str = "") -> go.Figure:
    """Mels over one time axis, in dB; the row named `signed` is a difference and has its own colours.

    Args:
        rows: name -> float [80, F], log-mel.  words: time, band.
    """
    figure = make_subplots(
        rows=len(rows), cols=1, shared_xaxes=True, vertical_spacing=0.22 / len(rows), subplot_titles=list(rows)
    )
    for i, (name, mel) in enumerate(rows.items(), start=1):
        values = np.round(mel.numpy() * DECIBELS).astype(int)
        colours = {"zmin": -15, "zmax": 15, "colorscale": plots.scale(plots.DIVERGING)}
        if name != signed:
            colours = {"zmin": -80, "zmax": 20, "colorscale": plots.scale(plots.LEVELS)}
        figure.add_heatmap(
            z=np.clip(values, -100, 60).tolist(), x0=0, dx=FRAME_S, showscale=False, row=i, col=1,
            hovertemplate="%{x:.2f} s, %{y}: %{z} dB<extra></extra>", **colours,
        )  # fmt: skip
        figure.update_yaxes(title_text=words["band"], row=i, col=1)
    plots.layout(figure, hovermode="closest")
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    figure.update_xaxes(title_text=words["time"], row=len(rows), col=1)
    return figure
