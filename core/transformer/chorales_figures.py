"""Chorales as pictures: four voices over time, one panel for each setting of the same melody."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core import plots
from core.transformer.chorales import SILENT, STEPS_PER_QUARTER, VOICES, note_name, runs

COLOURS = (plots.REFERENCE, plots.MODEL, plots.ACCENT, plots.PLUM)
THICK = 6


def settings(
    found: Mapping[str, tuple[NDArray[np.int64], NDArray[np.float32] | None]], *, words: Mapping[str, str]
) -> go.Figure:
    """Settings of a melody one above the other.

    Args:
        found: title -> steps int [T, 4], and what each token cost in nats, float [T, 4], if known.
        words: "time", "pitch", "nats" (with {nats}), and the names of the voices.
    """
    figure = make_subplots(
        rows=len(found), cols=1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=list(found)
    )
    for row, (steps, nats) in enumerate(found.values(), start=1):
        for voice, name in enumerate(VOICES):
            x, y, said = _line(steps[:, voice], None if nats is None else nats[:, voice], words)
            figure.add_scatter(
                x=x, y=y, text=said, mode="lines", line={"width": THICK, "color": COLOURS[voice]}, name=words[name],
                legendgroup=name, showlegend=row == 1, hovertemplate="%{text}<extra>" + words[name] + "</extra>",
                row=row, col=1,
            )  # fmt: skip
        figure.update_yaxes(title_text=words["pitch"], row=row, col=1, **_octaves(steps))
    plots.layout(figure, y_title=words["pitch"], hovermode="closest", margin={"l": 56, "r": 16, "t": 60, "b": 48})
    figure.update_layout(legend={"orientation": "h", "x": 0, "y": 1.06, "yanchor": "bottom"})
    figure.update_xaxes(title_text="")
    figure.update_xaxes(title_text=words["time"], row=len(found), col=1)
    return figure


def _line(
    line: NDArray[np.int64], nats: NDArray[np.float32] | None, words: Mapping[str, str]
) -> tuple[list[float | None], list[int | None], list[str]]:
    """Points of one voice, with gaps between its notes, and what they say when pointed at."""
    x: list[float | None] = []
    y: list[int | None] = []
    said: list[str] = []
    for pitch, first, end in runs(line):
        if pitch == SILENT:
            continue
        cost = "" if nats is None else ", " + words["nats"].format(nats=f"{float(nats[first]):.2f}")
        places = [*np.arange(first, end).tolist(), end - 0.15]
        x += [place / STEPS_PER_QUARTER for place in places] + [None]
        y += [pitch] * len(places) + [None]
        said += [note_name(pitch) + cost] * (len(places) + 1)
    return x, y, said


def _octaves(steps: NDArray[np.int64]) -> dict:
    """Ticks at every C and every G."""
    sung = steps[steps != SILENT]
    low, high = (int(sung.min()), int(sung.max())) if sung.size else (48, 72)
    ticks = [pitch for pitch in range(low - 1, high + 2) if pitch % 12 in (0, 7)]
    return {"tickvals": ticks, "ticktext": [note_name(pitch) for pitch in ticks], "range": [low - 1.5, high + 1.5]}
