"""What the cell `beats` draws: the onset envelope with its beats, why a beat is where it is, and the tempo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from core import plots

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from core.mir.beats import Beats
    from core.mir.tempo import Tempo, Tempogram

TICKS_BPM = (30, 40, 60, 80, 120, 160, 240)
ROWS = 80  # of a tempogram
LINE = {"color": plots.ACCENT, "width": 2, "dash": "dot"}


def envelope(found: Beats, loose: NDArray, at: int, *, words: Mapping[str, str]) -> go.Figure:
    """Row 1: local score with the beats. Row 2: cumulative score, whose last high point the path is followed back from.

    Args:
        loose: seconds [K], other beats, drawn below.  at: the chosen place in the envelope.
        words: time, local, score, beats, others, chosen, before.
    """
    from plotly.subplots import make_subplots

    rate = found.envelope.rate_hz
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.58, 0.42], vertical_spacing=0.06)
    top, most = float(found.local.max(initial=1.0)), float(found.score.max(initial=1.0))
    _lines(figure, 1, found.beats_s, (0, top), plots.MODEL, words["beats"], legend=True)
    _lines(figure, 1, loose, (-0.16 * top, -0.04 * top), plots.PLUM, words["others"], legend=True)
    _lines(figure, 2, found.beats_s, (0, most), plots.MODEL, words["beats"], legend=False)
    for row, values, colour, name in (
        (1, found.local, plots.REFERENCE, words["local"]), (2, found.score, plots.GREY, words["score"]),
    ):  # fmt: skip
        places = np.arange(0, len(values), 2)
        figure.add_scatter(
            x=np.round(places / rate, 3).tolist(), y=np.round(values[::2], 2).tolist(), mode="lines", name=name,
            line={"color": colour, "width": 1.5}, row=row, col=1, hovertemplate="%{x:.2f} s: %{y}",
        )  # fmt: skip
    _chosen(figure, found, at, words)
    figure.update_xaxes(range=[0, len(found.local) / rate])
    figure.update_yaxes(nticks=4)
    plots.layout(figure, y_title=words["local"], clickmode="event", hovermode="closest")
    figure.update_xaxes(title_text=words["time"], row=2, col=1)
    figure.update_yaxes(title_text=words["score"], row=2, col=1)
    return figure


def _lines(
    figure: go.Figure, row: int, times_s: NDArray, heights: tuple[float, float], colour: str, name: str, *, legend: bool
) -> None:  # fmt: skip
    """One upright stroke a beat, as one trace with gaps."""
    x = np.repeat(np.round(np.asarray(times_s, dtype=float), 3), 3).astype(object)
    x[2::3] = None
    y = [round(heights[0], 2), round(heights[1], 2), None] * len(times_s)
    figure.add_scatter(
        x=x.tolist(), y=y, mode="lines", name=name, line={"color": colour, "width": 1.5}, showlegend=legend,
        hovertemplate="%{x:.2f} s", row=row, col=1,
    )  # fmt: skip


def _chosen(figure: go.Figure, found: Beats, at: int, words: Mapping[str, str]) -> None:
    """The chosen place, and the backlink to the beat before it."""
    rate, before = found.envelope.rate_hz, int(found.back[at])
    for row, values in ((1, found.local), (2, found.score)):
        places = [place for place in (at, before) if place >= 0]
        figure.add_scatter(
            x=[round(place / rate, 3) for place in places], y=[round(float(values[place]), 2) for place in places],
            mode="markers+lines", line=LINE, row=row, col=1, showlegend=row == 1, name=words["chosen"],
            marker={"size": 11, "symbol": ["diamond", "circle-open"][: len(places)], "color": plots.ACCENT},
            hovertemplate="%{x:.2f} s: %{y}",
        )  # fmt: skip


def link(found: Beats, at: int, period: float, *, words: Mapping[str, str]) -> go.Figure:
    """Where the beat before could have been: the penalty of each step, the scores there, and their sum.

    Args:
        period: tau_p, in values of the envelope.
        words: before, penalty, score, total, best, title_penalty, title_total.
    """
    from plotly.subplots import make_subplots

    from core.mir.beats import reach

    rate = found.envelope.rate_hz
    shortest, longest = reach(period)
    places = np.arange(max(0, at - longest), max(0, at - shortest) + 1)
    places = places[at - places >= shortest]
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.35, 0.65], vertical_spacing=0.14,
        subplot_titles=[words["title_penalty"], words["title_total"]],
    )  # fmt: skip
    if len(places):
        penalty = -found.tightness * np.square(np.log((at - places) / period))
        score = found.score[places]
        seconds = np.round(places / rate, 3)
        _line(figure, 1, seconds, penalty, plots.PLUM, words["penalty"])
        _line(figure, 2, seconds, score, plots.GREY, words["score"])
        _line(figure, 2, seconds, score + penalty, plots.MODEL, words["total"])
        best = int((score + penalty).argmax())
        figure.add_scatter(
            x=[float(seconds[best])], y=[round(float((score + penalty)[best]), 2)], mode="markers", name=words["best"],
            marker={"size": 11, "symbol": "circle-open", "color": plots.ACCENT, "line": {"width": 2}}, row=2, col=1,
        )  # fmt: skip
        figure.add_vline((at - period) / rate, line=LINE)
        wide = max(1.0, float(np.ptp(score)))
        figure.update_yaxes(range=[float(score.min()) - 1.2 * wide, float(score.max()) + 0.3 * wide], row=2, col=1)
        figure.update_xaxes(range=[float(seconds[0]), float(seconds[-1])])
    figure.update_xaxes(title_text=words["before"], row=2, col=1)
    figure.update_yaxes(nticks=4)
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    legend = {"y": 1.08}
    return plots.layout(figure, clickmode="event", hovermode="closest", legend=legend, margin={"t": 60})


def _line(figure: go.Figure, row: int, x: NDArray, y: NDArray, colour: str, name: str) -> None:
    figure.add_scatter(
        x=x.tolist(), y=np.round(y, 2).tolist(), mode="lines", name=name, line={"color": colour, "width": 2},
        showlegend=row == 2, row=row, col=1, hovertemplate="%{x:.2f} s: %{y}",
    )  # fmt: skip


def tempogram(found: Tempogram, bpm: float, seconds: float, *, words: Mapping[str, str]) -> go.Figure:
    """How strongly each tempo is there at each moment, and the one chosen for all of the sound.

    The vertical axis counts octaves: log2 of the beats a minute.  words: time, bpm, strength.
    """
    import plotly.graph_objects as go

    every = -(-len(found.bpm) // ROWS)
    place = np.log2(found.bpm[::every])
    step_s = float(np.diff(found.times_s[:2]).sum()) or 0.1  # one column has no step
    figure = go.Figure()
    figure.add_heatmap(
        z=np.round(found.strength[::every], 2).tolist(), x0=0, dx=round(step_s, 3),
        y0=round(float(place[0]), 5), dy=round(float(place[1] - place[0]), 6),
        customdata=[[round(float(value))] * len(found.times_s) for value in found.bpm[::every]],
        coloraxis="coloraxis", hovertemplate="%{x:.1f} s, %{customdata}: %{z}<extra></extra>",
    )  # fmt: skip
    bar = {"title": {"text": words["strength"]}, "thickness": 10, "outlinewidth": 0}
    figure.update_layout(coloraxis={"colorscale": plots.scale(plots.LEVELS), "cmin": 0, "colorbar": bar})
    plots.on_a_phone(figure, {"coloraxis.showscale": False})
    figure.add_hline(float(np.log2(bpm)), line={"color": plots.MODEL, "width": 2, "dash": "dash"})
    figure.update_yaxes(**_octaves())
    figure.update_xaxes(range=[0, max(seconds, 0.1)])
    return plots.layout(figure, x_title=words["time"], y_title=words["bpm"], clickmode="event")


def _octaves() -> dict[str, Any]:
    return {
        "tickvals": [float(np.log2(one)) for one in TICKS_BPM], "ticktext": [str(one) for one in TICKS_BPM],
        "range": [float(np.log2(30)), float(np.log2(300))],
    }  # fmt: skip


def period(found: Tempo, start_bpm: float, *, words: Mapping[str, str]) -> go.Figure:
    """The whole envelope's autocorrelation by tempo, the prior, and what is left under it.

    words: bpm, value, autocorrelation, prior, weighted, chosen, other.
    """
    from core.mir.tempo import prior

    at = found.curve_bpm
    figure = plots.lines(
        {
            words["autocorrelation"]: (np.log2(at), found.curve),
            words["prior"]: (np.log2(at), prior(at, start_bpm=start_bpm)),
            words["weighted"]: (np.log2(at), found.weighted),
        },
        x_title=words["bpm"], y_title=words["value"], roles=("reference", "grey", "model"),
    )  # fmt: skip
    figure.data[1].line.dash = "dot"
    for trace in figure.data:
        trace.update(customdata=np.round(at).astype(int).tolist(), hovertemplate="%{customdata}: %{y:.2f}")
    for bpm, name, symbol in ((found.bpm, "chosen", "diamond"), (found.other_bpm, "other", "circle-open")):
        height = float(np.interp(np.log2(bpm), np.log2(at), found.weighted))
        figure.add_scatter(
            x=[round(float(np.log2(bpm)), 4)], y=[round(height, 3)], mode="markers", name=words[name],
            marker={"size": 11, "symbol": symbol, "color": plots.ACCENT}, hovertemplate=f"{bpm:.1f}",
        )  # fmt: skip
    figure.update_xaxes(**_octaves())
    return plots.layout(figure, x_title=words["bpm"], y_title=words["value"], clickmode="event")
