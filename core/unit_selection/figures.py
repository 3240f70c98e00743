"""Figures of unit selection: the lattice with its best path, the joins, the coverage of the corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import plots
from core.unit_selection.costs import TARGET_NAMES
from core.unit_selection.model import Voice
from core.unit_selection.sample import UnitSynthesis
from core.unit_selection.search import Column

MAX_ROWS = 24  # candidates that are drawn in a column, the chosen one always
EDGES_FROM = 12  # of these, how many show the best way that leads to them


def shown_rows(said: UnitSynthesis) -> list[list[int]]:
    """For each column the candidates that are drawn, from the cheapest target cost up."""
    rows = []
    for column, chosen in zip(said.lattice.columns, said.path.rows):
        first = list(range(min(MAX_ROWS, len(column.total))))
        rows.append(first if chosen in first else [*first[:-1], chosen])
    return rows


def survivors(said: UnitSynthesis, *, target_weight: float, join_weight: float) -> list[np.ndarray]:
    """For each column but the first, from which candidate of the column before the cheapest way to each one comes."""
    columns = said.lattice.columns
    total = target_weight * columns[0].total.astype(np.float64)
    back = []
    for column, join in zip(columns[1:], said.lattice.joins):
        ways = total[:, None] + join_weight * join
        best = ways.argmin(axis=0)
        total = ways[best, np.arange(ways.shape[1])] + target_weight * column.total
        back.append(best)
    return back


def lattice(
    said: UnitSynthesis, voice: Voice, *, target_weight: float, join_weight: float, words: Mapping[str, str]
) -> go.Figure:
    """Columns of targets, rows of candidates, the best path; hover tells the costs.

    A column whose diphone the corpus lacks has square candidates, and brackets around its name.

    words: row, target, join, continues, path, candidates, survivors, lacking, for, and the names of the sub-costs.
    """
    rows = shown_rows(said)
    back = survivors(said, target_weight=target_weight, join_weight=join_weight)
    figure = go.Figure()
    x: list[Any] = []
    y: list[Any] = []
    costs: list[str] = []
    for i in range(1, len(rows)):
        place = {row: k for k, row in enumerate(rows[i - 1])}
        for k, row in enumerate(rows[i][:EDGES_FROM]):
            source = int(back[i - 1][row])
            if source in place:
                x += [i - 1, i, None]
                y += [place[source], k, None]
                costs.append(f"{said.lattice.joins[i - 1][source, row]:.2f}")
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"color": plots.RULE, "width": 1}, hoverinfo="skip", name=words["survivors"]
    )
    figure.add_scatter(  # two thirds of the way, where edges have parted: what their joins cost
        x=[round(a + 2 / 3 * (b - a), 3) for a, b in zip(x[::3], x[1::3])],
        y=[round(a + 2 / 3 * (b - a), 3) for a, b in zip(y[::3], y[1::3])], mode="markers", showlegend=False,
        marker={"color": plots.GREY, "size": 9, "opacity": 0.01}, text=costs,
        hovertemplate=words["join"] + " %{text}<extra></extra>",
    )  # fmt: skip
    _candidates(figure, said, voice, rows, words)
    _path(figure, said, rows, words)
    plots.layout(figure, hovermode="closest", clickmode="event")
    labels = [f"[{column.label}]" if column.backed_off else column.label for column in said.lattice.columns]
    figure.update_xaxes(
        tickvals=list(range(len(labels))), ticktext=labels, tickangle=-60, range=[-0.6, min(len(labels), 16) - 0.4],
        showgrid=False,
    )  # fmt: skip
    ticks = list(range(0, MAX_ROWS + 1, 5))
    figure.update_yaxes(
        autorange="reversed", title_text=words["row"], zeroline=False, tickvals=ticks, ticktext=[k + 1 for k in ticks]
    )
    figure.update_layout(dragmode="pan", legend={"orientation": "h", "y": 1.08, "x": 0, "yanchor": "bottom"})
    return figure


def _candidates(
    figure: go.Figure, said: UnitSynthesis, voice: Voice, rows: Sequence[Sequence[int]], words: Mapping[str, str]
) -> None:
    """A dot a candidate, its colour the target cost; squares where another unit stands in."""
    owner = voice.arrays["owner"]
    dots: dict[bool, tuple[list[int], list[int], list[float], list[str]]] = {
        False: ([], [], [], []), True: ([], [], [], [])
    }  # fmt: skip
    for i, (column, kept) in enumerate(zip(said.lattice.columns, rows)):
        x, y, cost, text = dots[column.backed_off]
        for k, row in enumerate(kept):
            recording = voice.recordings[int(owner[int(column.right[row]) // 2])]
            parts = [
                f"{words[name]} {value:.2f}"
                for name, value in zip(TARGET_NAMES, column.parts[row])
                if value > 0.005
            ]
            x.append(i)
            y.append(k)
            cost.append(round(float(column.total[row]), 3))
            text.append(f"{_named(column, words)} · {recording.name}<br>" + "<br>".join(parts))
    dearest = max((value for _, _, cost, _ in dots.values() for value in cost), default=1.0)
    for lacking, (x, y, cost, text) in dots.items():
        if not x:
            continue
        figure.add_scatter(
            x=x, y=y, mode="markers", name=words["lacking" if lacking else "candidates"], text=text,
            marker={
                "color": cost, "colorscale": plots.scale(plots.LEVELS[::-1]), "size": 8, "cmin": 0, "cmax": dearest,
                "symbol": "square" if lacking else "circle",
                "line": {"color": plots.PLUM if lacking else plots.RULE, "width": 1.5 if lacking else 0.5},
            },
            hovertemplate="%{text}<br><b>" + words["target"] + " %{marker.color:.2f}</b><extra></extra>",
        )  # fmt: skip


def _named(column: Column, words: Mapping[str, str]) -> str:
    """The unit as its hover names it: with what stands in for a phone that the corpus lacks, and that it is a half."""
    if not column.backed_off:
        return column.label
    swapped = [f"{used} {words['for']} {wanted}" for wanted, used in zip(column.wanted, column.used) if wanted != used]
    return ", ".join([f"{column.label}: {words['lacking']}", *swapped])


def _path(figure: go.Figure, said: UnitSynthesis, rows: Sequence[Sequence[int]], words: Mapping[str, str]) -> None:
    """The best path; its edges tell the join cost, and are thick where the recording simply goes on."""
    places = [kept.index(row) for kept, row in zip(rows, said.path.rows)]
    joined = [unit.joined for unit in said.units]
    for goes_on in (True, False):
        x: list[Any] = []
        y: list[Any] = []
        for i in range(1, len(places)):
            if joined[i] != goes_on:
                x += [i - 1, i, None]
                y += [places[i - 1], places[i], None]
        figure.add_scatter(
            x=x, y=y, mode="lines", hoverinfo="skip", name=words["continues"] if goes_on else words["joined"],
            line={"color": plots.MODEL, "width": 4 if goes_on else 1.5, "dash": "solid" if goes_on else "dot"},
        )  # fmt: skip
    middle = [(i - 0.5, (places[i - 1] + places[i]) / 2) for i in range(1, len(places))]
    figure.add_scatter(
        x=[m[0] for m in middle], y=[m[1] for m in middle], mode="markers", showlegend=False,
        marker={"color": plots.MODEL, "size": 9, "opacity": 0.01},
        text=[f"{cost:.2f}" for cost in said.path.join_costs],
        hovertemplate=words["join"] + " %{text}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=list(range(len(places))), y=places, mode="markers", name=words["path"], hoverinfo="skip",
        marker={"color": "rgba(0,0,0,0)", "size": 13, "line": {"color": plots.MODEL, "width": 2}},
    )  # fmt: skip


def seams(said: UnitSynthesis, *, words: Mapping[str, str], mark: int | None = None) -> go.Figure:
    """Waveform and mel with a line at every join; one unit may be marked.

    words: time, amplitude, band, join.
    """
    from core import audio

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.4, 0.6])
    indices, values = plots.envelope(said.audio.numpy())
    figure.add_scatter(
        x=np.round(indices / said.sample_rate_hz, 4), y=np.round(values, 4), mode="lines", row=1, col=1,
        line={"color": plots.MODEL, "width": 1}, hovertemplate="%{x:.2f} s<extra></extra>",
    )  # fmt: skip
    mel = audio.mel(said.audio).numpy() * (20 / np.log(10))
    stride = -(-mel.shape[1] // 420)
    figure.add_heatmap(
        z=np.clip(np.round(mel[:, ::stride]), -100, 60).astype(int).tolist(), x0=0, dx=0.0125 * stride,
        colorscale=plots.scale(plots.LEVELS), zmin=-80, zmax=20, showscale=False, row=2, col=1,
        hovertemplate="%{x:.2f} s, %{y}: %{z} dB<extra></extra>",
    )  # fmt: skip
    for join in said.joins:
        figure.add_vline(x=join.at_s, line={"color": plots.ACCENT, "width": 1.2, "dash": "dot"})
    figure.add_scatter(
        x=[round(join.at_s, 4) for join in said.joins], y=[float(values.max())] * len(said.joins), mode="markers",
        marker={"color": plots.ACCENT, "symbol": "triangle-down", "size": 10}, row=1, col=1,
        text=[f"{join.cost:.2f}" for join in said.joins], hovertemplate=words["join"] + " %{text}<extra></extra>",
    )  # fmt: skip
    if mark is not None:
        unit = said.units[mark]
        figure.add_vrect(x0=unit.at_s, x1=unit.until_s, fillcolor=plots.ACCENT, opacity=0.2, line_width=0)
    plots.layout(figure, showlegend=False, hovermode="closest", clickmode="event")
    figure.update_xaxes(range=[0, said.seconds])
    figure.update_xaxes(title_text=words["time"], row=2, col=1)
    figure.update_yaxes(title_text=words["amplitude"], row=1, col=1)
    figure.update_yaxes(title_text=words["band"], row=2, col=1)
    return figure


def coverage(counts: Any, phones: Sequence[str], *, words: Mapping[str, str]) -> go.Figure:
    """How often the corpus has each diphone: counts [P, P], first phone downwards. words: first, second, count."""
    counts = np.asarray(counts)
    figure = go.Figure()
    figure.add_heatmap(
        z=np.round(np.log10(np.maximum(counts, 0.5)), 2).tolist(), x=list(phones), y=list(phones),
        text=counts.tolist(), colorscale=plots.scale(plots.LEVELS), zmin=np.log10(0.5), showscale=False,
        hovertemplate="%{y}-%{x}: %{text}<extra></extra>",
    )  # fmt: skip
    plots.layout(figure, hovermode="closest", clickmode="event")
    figure.update_xaxes(title_text=words["second"], tickfont={"size": 10}, dtick=1, tickangle=-90)
    figure.update_yaxes(title_text=words["first"], tickfont={"size": 10}, dtick=1, autorange="reversed")
    return plots.on_a_phone(figure, {"xaxis.dtick": 2})
