"""Figures of parametric synthesis: durations, trajectories, envelopes. Arrays in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import plots
from core.parametric.sample import ParametricSynthesis
from core.parametric.vocoder import CEPSTRA, FRAME_SECONDS, Parameters, envelope

MAX_FRAMES = 420  # columns of a heat map that travel to the browser
BINS_SHOWN = 96


LABEL_ROWS = (
    "stress", "stress_before", "stress_after", "phone_in_syllable", "phones_after_in_syllable", "syllable_in_word",
    "syllables_after_in_word", "syllable_in_phrase", "syllables_after_in_phrase", "word_in_phrase",
    "words_after_in_phrase", "phrase_in_utterance", "phrases_after", "function_word",
)  # fmt: skip


def labels(said: ParametricSynthesis, *, words: Mapping[str, str]) -> go.Figure:
    """What both networks read of each phone, a column a phone: the numbers of its label, dark where they are large.

    words: the names of `LABEL_ROWS`. The phone with its two neighbours on each side, and the whole label, are in the
    hover.
    """
    values = np.array([[int(getattr(one, name)) for one in said.contexts] for name in LABEL_ROWS])  # [rows, phones]
    most = np.maximum(values.max(axis=1, keepdims=True), 1)
    around = [f"{c.ll} {c.l} <b>{c.c}</b> {c.r} {c.rr}<br>{c.label()}" for c in said.contexts]
    figure = go.Figure()
    figure.add_heatmap(
        z=np.round(values / most, 3).tolist(), text=values.tolist(), texttemplate="%{text}", showscale=False,
        x=list(range(len(said.contexts))), y=[words[name] for name in LABEL_ROWS], xgap=1, ygap=1,
        customdata=[around] * len(LABEL_ROWS), colorscale=plots.scale(plots.LEVELS[:3]),
        hovertemplate="%{y}: %{text}<br>%{customdata}<extra></extra>",
    )  # fmt: skip
    plots.layout(figure, hovermode="closest", clickmode="event")
    figure.update_xaxes(
        tickvals=list(range(len(said.contexts))), ticktext=[one.c for one in said.contexts], tickfont={"size": 10},
        side="top", showgrid=False, range=[-0.5, min(len(said.contexts), 20) - 0.5], tickangle=0,
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", tickfont={"size": 11}, showgrid=False, fixedrange=True)
    figure.update_layout(dragmode="pan")
    return plots.on_a_phone(figure, {"xaxis.range": [-0.5, min(len(said.contexts), 9) - 0.5]})


def durations(said: ParametricSynthesis, *, words: Mapping[str, str]) -> go.Figure:
    """A bar a phone, as long as it lasts; its hover is the full-context label. words: time, phone, milliseconds."""
    starts = said.starts_s
    lasting = said.durations * FRAME_SECONDS
    pauses = np.array([one.is_pause for one in said.contexts])
    figure = go.Figure()
    for kind, colour in ((pauses, plots.GREY), (~pauses, plots.MODEL)):
        at = np.flatnonzero(kind)
        figure.add_bar(
            x=np.round(lasting[at] * 1000).tolist(), y=[f"{i} {said.contexts[i].c}" for i in at], base=0,
            orientation="h", marker_color=colour, showlegend=False,
            text=[said.contexts[i].c for i in at], textposition="none",
            customdata=[[said.contexts[i].label(), round(float(starts[i]), 3)] for i in at],
            hovertemplate="%{x:.0f} ms<br>%{customdata[1]} s<br>%{customdata[0]}<extra></extra>",
        )  # fmt: skip
    order = [f"{i} {one.c}" for i, one in enumerate(said.contexts)]
    plots.layout(figure, x_title=words["milliseconds"], hovermode="closest", clickmode="event", bargap=0.15)
    figure.update_yaxes(
        categoryorder="array", categoryarray=order, autorange="reversed", tickvals=order,
        ticktext=[one.c for one in said.contexts], tickfont={"size": 10},
    )  # fmt: skip
    return figure


def trajectories(said: ParametricSynthesis, *, coefficient: int, words: Mapping[str, str]) -> go.Figure:
    """F0 and one mel-cepstral coefficient: what the network says frame by frame, and what becomes of it.

    words: time, f0, value, means, smooth, sharpened.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    time = np.round(np.arange(len(said.means)) * FRAME_SECONDS, 4)
    voiced = said.voicing > 0.5
    rows = (
        (CEPSTRA, lambda v: np.where(voiced, np.exp(v), np.nan), 1),
        (coefficient, lambda v: v, 2),
    )
    for column, view, row in rows:
        curves = (
            ("means", said.means[:, column], plots.GREY, 1.0, "dot"),
            ("smooth", said.smooth[:, column], plots.REFERENCE, 2.0, "solid"),
            ("sharpened", said.sharpened[:, column], plots.MODEL, 1.6, "solid"),
        )
        for name, values, colour, width, dash in curves:
            figure.add_scatter(
                x=time, y=_listed(view(values)), mode="lines", name=words[name], showlegend=row == 1,
                line={"color": colour, "width": width, "dash": dash}, row=row, col=1,
                hovertemplate="%{x:.3f} s: %{y:.3g}<extra></extra>",
            )  # fmt: skip
    plots.layout(figure, hovermode="closest", clickmode="event")
    figure.update_layout(legend={"orientation": "h", "y": 1.03, "x": 0, "yanchor": "bottom"})
    figure.update_xaxes(title_text=words["time"], row=2, col=1)
    figure.update_yaxes(title_text=words["f0"], row=1, col=1)
    figure.update_yaxes(title_text=words["value"], row=2, col=1)
    return figure


def envelopes(cepstra: Mapping[str, Any], *, words: Mapping[str, str]) -> go.Figure:
    """Spectral envelopes one above the other: name -> mel-cepstra [F, 40]. words: time, hertz."""
    count = len(cepstra)
    figure = make_subplots(
        rows=count,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.1 if count > 1 else 0.0,
        subplot_titles=list(cepstra),
    )
    for row, values in enumerate(cepstra.values(), start=1):
        power = envelope(np.asarray(values, np.float64))  # [F, 513]
        stride = -(-len(power) // MAX_FRAMES)
        bins = np.linspace(0, power.shape[1] - 1, BINS_SHOWN).round().astype(int)
        decibels = 10 * np.log10(power[::stride][:, bins].T + 1e-12)
        figure.add_heatmap(
            z=np.round(decibels).astype(int).tolist(), x0=0, dx=FRAME_SECONDS * stride,
            y=np.round(bins * 8000 / (power.shape[1] - 1)).astype(int).tolist(),
            colorscale=plots.scale(plots.LEVELS), zmin=-70, zmax=0, showscale=False, row=row, col=1,
            hovertemplate="%{x:.2f} s, %{y} Hz: %{z} dB<extra></extra>",
        )  # fmt: skip
        figure.update_yaxes(title_text=words["hertz"], row=row, col=1)
    plots.layout(figure, showlegend=False, hovermode="closest", clickmode="event")
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    figure.update_xaxes(title_text=words["time"], row=count, col=1)
    return figure


def melodies(parts: Mapping[str, Parameters], *, words: Mapping[str, str], roles: Sequence[str] = ()) -> go.Figure:
    """F0 of several voices over time. words: time, f0."""
    curves = {}
    for name, one in parts.items():
        f0 = np.where(one.voiced, np.exp(one.log_f0), np.nan)
        curves[name] = (np.arange(len(f0)) * FRAME_SECONDS, f0)
    figure = go.Figure()
    for i, (name, (x, y)) in enumerate(curves.items()):
        colour = plots.ROLES[roles[i]] if i < len(roles) else plots.CYCLE[i % len(plots.CYCLE)]
        figure.add_scatter(
            x=np.round(x, 4).tolist(), y=_listed(y), mode="lines", name=name, line={"color": colour, "width": 2},
            hovertemplate="%{x:.2f} s: %{y:.0f} Hz<extra></extra>",
        )  # fmt: skip
    return plots.layout(figure, x_title=words["time"], y_title=words["f0"], hovermode="closest", clickmode="event")


def _listed(values: Any) -> list[float | None]:
    """Six significant digits; a gap where there is no number."""
    return [None if np.isnan(v) else float(f"{v:.6g}") for v in np.asarray(values, np.float64).tolist()]
