"""The four figures of BSS Eval as bars, and an estimate's four parts as waveforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import plots
from core.separation.scores import METRICS, PARTS, Parts

CEILING_DB, FLOOR_DB = 40.0, -10.0  # what is beyond is drawn as far as here, with its true value written
ROLE = {"target": "reference", "spatial": "olive", "interference": "model", "artefacts": "plum"}
BAR = {"SDR": "reference", "SIR": "model", "ISR": "olive", "SAR": "plum"}


def written(value: float) -> str:
    """Decibels for a label; above 100 dB only rounding errors are left."""
    if np.isnan(value):
        return "–"
    return "∞" if value > 100 else f"{value:.1f}"


def bars(figures: Mapping[str, float], *, words: Mapping[str, str]) -> go.Figure:
    """One bar for each figure.

    Args:
        figures: metric -> dB, may be infinite.  words: "metric", "decibels".
    """
    figure = go.Figure()
    for name in METRICS:
        value = float(np.clip(np.nan_to_num(figures[name], nan=0.0), FLOOR_DB, CEILING_DB))
        figure.add_bar(
            x=[name], y=[value], text=[f"{written(figures[name])} dB"], textposition="outside", cliponaxis=False,
            marker_color=plots.ROLES[BAR[name]], name=name, hovertemplate="%{x}: %{text}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(range=[min(FLOOR_DB, 0), CEILING_DB + 6])
    return plots.layout(
        figure, x_title=words["metric"], y_title=words["decibels"], showlegend=False, bargap=0.35
    )


def waveforms(parts: Parts, *, sample_rate_hz: int, words: Mapping[str, str]) -> go.Figure:
    """The parts below each other on one scale, the mean of their channels.

    Args:
        words: "time", and a title for each of PARTS.
    """
    signals = [getattr(parts, name).mean(axis=0) for name in PARTS]
    figure = make_subplots(
        rows=len(PARTS), cols=1, shared_xaxes=True, vertical_spacing=0.07, subplot_titles=[words[n] for n in PARTS]
    )
    top = 1.05 * max(float(np.abs(signal).max()) for signal in signals) or 1.0
    for row, (name, signal) in enumerate(zip(PARTS, signals), start=1):
        at, values = plots.envelope(signal)
        figure.add_scatter(
            x=np.round(at / sample_rate_hz, 4).tolist(), y=np.round(values, 5).tolist(), mode="lines",
            line={"color": plots.ROLES[ROLE[name]], "width": 1}, name=words[name], row=row, col=1,
        )  # fmt: skip
    figure.update_yaxes(range=[-top, top], nticks=3)
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    plots.layout(figure, showlegend=False, margin={"t": 30})
    figure.update_xaxes(title_text=words["time"], row=len(PARTS), col=1)
    return figure


def levels_db(parts: Parts) -> dict[str, float]:
    """The energy of each part relative to the target's, in dB."""
    energies: Sequence[float] = [float(np.sum(getattr(parts, name) ** 2)) for name in PARTS]
    with np.errstate(divide="ignore"):
        return {name: float(10 * np.log10(energy / energies[0])) for name, energy in zip(PARTS, energies)}
