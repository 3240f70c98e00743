"""What the cell `pitch` draws: curves over notes, one frame step by step, a lattice of candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from core import plots

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from core.mir.crepe import Activation
    from core.mir.pyin import Lattice
    from core.mir.yin import YinSteps

LOWEST, HIGHEST = 33, 93  # notes that are searched: A1 to A6
COLUMNS = 200
LOUD_DB = 50  # below the loudest note of the picture nothing is drawn
MOST_DOTS = 2500
FAINTEST = 0.01  # candidates below are not drawn
COLOURS = {"autocorrelation": plots.OLIVE, "yin": plots.REFERENCE, "pyin": plots.MODEL, "crepe": plots.PLUM}
WIDTHS = {"autocorrelation": 5, "yin": 3, "pyin": 2, "crepe": 2}
NORMALISED = 7  # the number of d' among the traces of `frame`, where a click sets the threshold
ZOOM = 4  # lags on either side of the dip
PITCH = "pitch"  # the name of annotations that say one


class Curve(NamedTuple):
    """times_s, f0_hz: float64 [F].  voiced: bool [F]."""

    times_s: NDArray
    f0_hz: NDArray
    voiced: NDArray


def midi(hz: Any) -> NDArray:
    """Note numbers with their fractions."""
    return 69 + 12 * np.log2(np.maximum(np.asarray(hz, dtype=float), 1e-3) / 440)


def span(curves: Mapping[str, Curve]) -> tuple[int, int]:
    """The lowest and the highest note to show: where the curves are, with room, at least two octaves."""
    heard = np.concatenate([midi(one.f0_hz[one.voiced]) for one in curves.values()])
    low, high = np.percentile(heard, [1, 99]) if len(heard) else (45.0, 69.0)
    middle = (low + high) / 2
    low, high = min(low - 3, middle - 12), max(high + 3, middle + 12)
    return int(max(LOWEST, np.floor(low))), int(min(HIGHEST, np.ceil(high)))


def notes_axis(low: int, high: int, language: str) -> dict[str, Any]:
    """A vertical axis of semitones with the names of the white keys."""
    from core.mir.notes import hz_of, name

    white = {0, 2, 4, 5, 7, 9, 11} if high - low <= 30 else {0, 4, 7} if high - low <= 45 else {0, 7}
    shown = [note for note in range(low, high + 1) if note % 12 in white]
    return {
        "range": [low - 0.5, high + 0.5], "tickvals": shown, "tickfont": {"size": 11},
        "ticktext": [name(hz_of(note), language=language) for note in shown],
    }  # fmt: skip


def loudness(x: NDArray, low: int, high: int) -> tuple[NDArray, float]:
    """How loud each semitone is: decibels below the loudest, int [high - low + 1, at most COLUMNS]; seconds a column.

    Args:
        x: float [T] at 16 kHz.
    """
    size, rate = 2048, 16_000
    hop = max(160, -(-len(x) // COLUMNS))
    padded = np.pad(x, (size // 2, size))
    cut = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][: 1 + (len(x) - 1) // hop]
    power = np.square(np.abs(np.fft.rfft(cut * np.hanning(size), axis=1)))  # [F, 1025]
    fine = 440 * 2 ** ((np.arange(low - 0.25, high + 0.5, 0.25) - 69) / 12)  # four places in every semitone
    place = fine * size / rate
    whole = place.astype(int)
    share = place - whole
    found = (1 - share) * power[:, whole] + share * power[:, whole + 1]
    found = np.stack([found[:, 4 * note : 4 * note + 3].max(axis=1) for note in range(high - low + 1)])
    return np.round(10 * np.log10(np.maximum(found / max(found.max(), 1e-12), 1e-9))).astype(int), hop / rate


def curves(
    x: NDArray, found: Mapping[str, Curve], at_s: float, *, words: Mapping[str, str], language: str
) -> go.Figure:  # fmt: skip
    """Every method's curve over how loud each note is, and the chosen moment.

    Args:
        words: time, note, and the name of each method.
    """
    import plotly.graph_objects as go

    low, high = span(found)
    levels, step_s = loudness(x, low, high)
    figure = go.Figure()
    figure.add_heatmap(
        z=np.maximum(levels, -LOUD_DB).tolist(), x0=0, dx=round(step_s, 5), y0=low, dy=1, zmin=-LOUD_DB, zmax=10,
        colorscale=plots.scale(plots.LEVELS), opacity=0.5, showscale=False,
        hovertemplate="%{x:.2f} s<extra></extra>",
    )  # fmt: skip
    for method, curve in found.items():
        figure.add_scatter(
            **_line(curve), name=words[method], mode="lines+markers", opacity=0.55 if WIDTHS[method] > 4 else 1,
            line={"color": COLOURS[method], "width": WIDTHS[method]},
            marker={"color": COLOURS[method], "size": WIDTHS[method] + 1},
        )  # fmt: skip
    figure.add_vline(at_s, line={"color": plots.ACCENT, "width": 2, "dash": "dot"})
    figure.update_yaxes(**notes_axis(low, high, language))
    figure.update_xaxes(range=[0, len(x) / 16_000])
    return plots.layout(figure, x_title=words["time"], y_title=words["note"], clickmode="event")


def _line(curve: Curve) -> dict[str, Any]:
    """Note numbers over time with gaps where nothing is voiced; hertz for the hover."""
    return {
        "x": np.round(curve.times_s, 3).tolist(),
        "y": [round(float(n), 2) if on else None for n, on in zip(midi(curve.f0_hz), curve.voiced)],
        "customdata": [round(float(hz), 1) if on else None for hz, on in zip(curve.f0_hz, curve.voiced)],
        "hovertemplate": "%{x:.2f} s: %{customdata} Hz",
    }  # fmt: skip


def frame(steps: YinSteps, falling: NDArray, fallen: int, *, words: Mapping[str, str]) -> go.Figure:
    """One frame: both autocorrelations, difference, d' with the threshold, and the parabola at the dip.

    Args:
        falling: float [L + 1], r' of equation 2, and `fallen`, the lag of its highest peak.
        words: lag, lag_near, r, r_falling, d, normalised, threshold, parabola, and the four titles title_1 to title_4.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=4, cols=1, row_heights=[0.27, 0.23, 0.3, 0.2], vertical_spacing=0.105,
        subplot_titles=[words[f"title_{n}"] for n in range(1, 5)],
    )  # fmt: skip
    scale = max(float(steps.autocorrelation[0]), 1e-12)
    r, tapered = steps.autocorrelation / scale, falling / max(float(falling[0]), 1e-12)
    d = steps.difference / scale
    _curve(figure, 1, r, plots.OLIVE, words["r"])
    _curve(figure, 1, tapered, plots.GREY, words["r_falling"], dash="dot")
    _mark(figure, 1, steps.peak, r[steps.peak], plots.OLIVE)
    _mark(figure, 1, fallen, tapered[fallen], plots.GREY, above=False)
    _curve(figure, 2, d, plots.REFERENCE, words["d"])
    _mark(figure, 2, steps.lowest, d[steps.lowest], plots.REFERENCE)
    span_x = [0, len(r) - 1]
    figure.add_scatter(
        x=span_x, y=[steps.threshold] * 2, mode="lines", line={"color": plots.ACCENT, "width": 2, "dash": "dash"},
        hoverinfo="skip", row=3, col=1,
    )  # fmt: skip
    assert len(figure.data) == NORMALISED
    _curve(figure, 3, steps.normalised, plots.MODEL, words["normalised"])
    _mark(figure, 3, steps.dip, steps.normalised[steps.dip], plots.MODEL)
    _parabola(figure, d, steps, words)
    figure.update_xaxes(range=span_x, row=1, col=1)
    for row in (1, 2, 3):
        figure.update_xaxes(range=span_x, title_text=words["lag"] if row == 3 else "", row=row, col=1)
        figure.update_yaxes(nticks=4, row=row, col=1)
    figure.update_yaxes(range=[-1.05, 1.4], row=1, col=1)
    figure.update_yaxes(range=[-0.12 * float(d.max()), 1.1 * float(d.max())], row=2, col=1)
    figure.update_yaxes(range=[-0.15, min(2.0, 1.1 * float(steps.normalised.max()))], row=3, col=1)
    figure.update_annotations(x=0, xanchor="left", font_size=13, selector=lambda one: one.name != PITCH)
    return plots.layout(figure, showlegend=False, clickmode="event", hovermode="closest", margin={"t": 40})


def _curve(figure: go.Figure, row: int, values: NDArray, colour: str, name: str, dash: str = "solid") -> None:
    lag = np.arange(len(values))
    figure.add_scatter(
        x=lag.tolist(), y=np.round(values, 4).tolist(), mode="lines", name=name, row=row, col=1,
        line={"color": colour, "width": 2, "dash": dash},
        customdata=np.round(16_000 / np.maximum(lag, 1), 1).tolist(),
        hovertemplate="%{x}: %{y:.3f} (%{customdata} Hz)",
    )  # fmt: skip


def _mark(figure: go.Figure, row: int, lag: float, value: float, colour: str, *, above: bool = True) -> None:
    """A diamond with the pitch beside it."""
    place = {"x": lag, "y": round(float(value), 4), "row": row, "col": 1}
    figure.add_scatter(
        **(place | {"x": [place["x"]], "y": [place["y"]]}), mode="markers", hoverinfo="skip",
        marker={"color": colour, "size": 11, "symbol": "diamond"},
    )  # fmt: skip
    side, way = ("right", -9) if lag > 200 else ("left", 9)
    figure.add_annotation(  # on ground of its own: curves run behind it
        **place, text=f"{16_000 / lag:.1f} Hz", showarrow=False, name=PITCH, xanchor=side, xshift=way,
        yanchor="bottom" if above else "top", bgcolor=plots.PAPER, borderpad=1, font={"color": colour, "size": 12},
    )  # fmt: skip


def _parabola(figure: go.Figure, d: NDArray, steps: YinSteps, words: Mapping[str, str]) -> None:
    """d around the dip, and the parabola through three of its points."""
    first, last = max(1, steps.dip - ZOOM), min(len(d) - 1, steps.dip + ZOOM)
    lag = np.arange(first, last + 1)
    before, here, after = d[steps.dip - 1 : steps.dip + 2]
    u = np.linspace(-1.6, 1.6, 33)
    fitted = here + (after - before) / 2 * u + (before - 2 * here + after) / 2 * np.square(u)
    figure.add_scatter(
        x=np.round(steps.dip + u, 2).tolist(), y=np.round(fitted, 5).tolist(), mode="lines", name=words["parabola"],
        line={"color": plots.MODEL, "width": 2}, hoverinfo="skip", row=4, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=lag.tolist(), y=np.round(d[lag], 5).tolist(), mode="markers", name=words["d"], row=4, col=1,
        marker={"color": plots.REFERENCE, "size": 8}, hovertemplate="%{x}: %{y:.4f}",
    )  # fmt: skip
    lowest = float(np.interp(steps.interpolated - steps.dip, u, fitted))
    _mark(figure, 4, steps.interpolated, lowest, plots.MODEL)
    figure.update_xaxes(title_text=words["lag_near"], dtick=1, row=4, col=1)
    figure.update_yaxes(nticks=3, row=4, col=1)


def candidates(
    lattice: Lattice, bounds: tuple[int, int], at_s: float, seconds: float, *, words: Mapping[str, str], language: str
) -> go.Figure:  # fmt: skip
    """pYIN's candidates as dots, darker where more probable, and the path through them."""
    import plotly.graph_objects as go

    found = lattice.candidates
    note = midi(found.f0_hz)
    inside = (note >= bounds[0] - 0.5) & (note <= bounds[1] + 0.5) & (found.probability >= FAINTEST)
    kept = np.flatnonzero(inside)
    kept = kept[np.argsort(found.probability[kept], kind="stable")][-MOST_DOTS:]  # the likeliest, drawn last
    probability = found.probability[kept]
    figure = go.Figure()
    figure.add_scatter(
        x=np.round(lattice.times_s[found.frame[kept]], 2).tolist(), y=np.round(note[kept], 2).tolist(), mode="markers",
        name=words["candidates"], customdata=np.round(probability, 2).tolist(),
        hovertemplate="%{x:.2f} s: %{customdata}",
        marker={"size": 5, "color": np.round(probability, 2).tolist(), "coloraxis": "coloraxis"},
    )  # fmt: skip
    figure.update_layout(coloraxis=_colours(plots.LEVELS[1:], words["probability"]))
    path = Curve(lattice.times_s, lattice.f0_hz, lattice.voiced)
    figure.add_scatter(**_line(path), mode="lines", name=words["path"], line={"color": plots.MODEL, "width": 2})
    return _on_notes(figure, bounds, at_s, seconds, words, language)


def activation(
    found: Activation, hop_s: float, bounds: tuple[int, int], at_s: float, seconds: float, *, words: Mapping[str, str],
    language: str,
) -> go.Figure:  # fmt: skip
    """CREPE's bins over time, and the path through them.

    Two bins and, of long sounds, some frames are drawn as one: the strongest of them.
    """
    import plotly.graph_objects as go

    from core.mir.crepe import bins_hz

    note = midi(bins_hz())
    first, last = np.searchsorted(note, [bounds[0] - 0.5, bounds[1] + 0.5])
    last -= (last - first) % 2
    every = -(-len(found.bins) // COLUMNS)
    padded = np.pad(found.bins[:, first:last], ((0, -len(found.bins) % every), (0, 0)))
    levels = padded.reshape(-1, every, (last - first) // 2, 2).max(axis=(1, 3))  # [F, B]
    figure = go.Figure()
    figure.add_heatmap(
        z=np.round(levels.T.astype(float), 2).tolist(), x0=(every - 1) * hop_s / 2, dx=every * hop_s,
        y0=round(float(note[first : first + 2].mean()), 3), dy=0.4, coloraxis="coloraxis",
        hovertemplate="%{x:.2f} s: %{z}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(coloraxis=_colours(plots.LEVELS, words["activation"]))
    times = np.arange(len(found.path)) * hop_s
    path = Curve(times, found.f0_hz, found.confidence >= 0.1)
    figure.add_scatter(**_line(path), mode="lines", name=words["path"], line={"color": plots.MODEL, "width": 2})
    return _on_notes(figure, bounds, at_s, seconds, words, language)


def _colours(levels: Sequence[str], name: str) -> dict[str, Any]:
    bar = {"title": {"text": name}, "thickness": 10, "outlinewidth": 0, "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    return {"colorscale": plots.scale(levels), "cmin": 0, "cmax": 1, "colorbar": bar}


def _on_notes(
    figure: go.Figure, bounds: tuple[int, int], at_s: float, seconds: float, words: Mapping[str, str], language: str
) -> go.Figure:  # fmt: skip
    figure.add_vline(at_s, line={"color": plots.ACCENT, "width": 2, "dash": "dot"})
    figure.update_yaxes(**notes_axis(*bounds, language))
    figure.update_xaxes(range=[0, seconds])
    plots.on_a_phone(figure, {"coloraxis.showscale": False})
    return plots.layout(
        figure, x_title=words["time"], y_title=words["note"], clickmode="event", hovermode="closest", showlegend=False,
    )  # fmt: skip
