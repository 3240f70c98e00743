"""Arrays in, figures out: one look for every figure of the site, in light and in dark.

Figures carry the light colours only; the page swaps them by `DARK_FOR_LIGHT` when it is dark, so one figure serves
both. Two colours have a meaning everywhere: blue is the reference (recorded, original), orange is the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

PAPER, SURFACE, INK, MUTED, RULE = "#fbfaf6", "#fffefb", "#1e2428", "#59636a", "#dfdacd"
REFERENCE, MODEL, ACCENT = "#2c5c9e", "#bf4a17", "#0b6a69"
OLIVE, PLUM, GREY = "#65751f", "#86468c", "#7b8388"
CYCLE = (REFERENCE, MODEL, ACCENT, OLIVE, PLUM, GREY)
ROLES = {
    "reference": REFERENCE, "model": MODEL, "accent": ACCENT, "olive": OLIVE, "plum": PLUM, "grey": GREY, "ink": INK,
}  # fmt: skip
LEVELS = ("#fbfaf5", "#c3ddd3", "#5aa5a2", "#0c5d68", "#0a2739")  # quiet to loud
STRONG = "#000001"  # black by day, white at night: numbers on the middle of LEVELS
DIVERGING = ("#2c5c9d", "#a9c1de", "#f4f1e8", "#e6b08f", "#bf4a16")  # minus, zero, plus

DARK = {
    PAPER: "#14181b", SURFACE: "#1a2024", INK: "#e8e4da", MUTED: "#a4adb2", RULE: "#353d42",
    REFERENCE: "#82b2f2", MODEL: "#f39a66", ACCENT: "#5fc4bd", OLIVE: "#b7c96b", PLUM: "#d19dd6", GREY: "#99a2a7",
}  # fmt: skip
DARK_FOR_LIGHT: dict[str, str] = {
    **DARK,
    STRONG: "#ffffff",
    **dict(zip(LEVELS, ("#14181a", "#14424b", "#218086", "#80cab0", "#f7f1ca"))),
    **dict(zip(DIVERGING, ("#82b2f1", "#3f5f86", "#22292d", "#8a5535", "#f39a65"))),
}

FONT = "Pretendard"
FONT_FILE = Path(__file__).resolve().parent.parent / "assets/fonts/Pretendard-Regular.otf"
MAX_POINTS = 2000  # per line: about two per pixel of a wide figure


def scale(colours: Sequence[str]) -> list[list[Any]]:
    """A plotly colour scale of evenly spaced colours."""
    return [[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)]


def _axis(dark: Mapping[str, str]) -> dict[str, Any]:
    pick = lambda colour: dark.get(colour, colour)  # noqa: E731
    return {
        "gridcolor": pick(RULE), "linecolor": pick(MUTED), "zerolinecolor": pick(RULE), "showline": True,
        "ticks": "outside", "ticklen": 4, "tickcolor": pick(MUTED), "automargin": True,
        "title": {"font": {"size": 13, "color": pick(MUTED)}, "standoff": 8},
    }  # fmt: skip


def _template(dark: Mapping[str, str]) -> dict[str, Any]:
    pick = lambda colour: dark.get(colour, colour)  # noqa: E731
    family = f"{FONT}, system-ui, sans-serif"
    button: dict[str, Any] = {"bgcolor": pick(SURFACE), "bordercolor": pick(RULE), "font": {"color": pick(INK)}}
    button |= {"showactive": False}  # plotly paints the active one white, in the dark too
    return {
        "layout": {
            "font": {"family": family, "size": 13, "color": pick(INK)},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": [pick(colour) for colour in CYCLE],
            "xaxis": _axis(dark),
            "yaxis": _axis(dark),
            "margin": {"l": 56, "r": 16, "t": 30, "b": 48},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
            "hoverlabel": {"bgcolor": pick(SURFACE), "bordercolor": pick(RULE),
                           "font": {"family": family, "color": pick(INK)}},  # plotly's own has no Hangul
            "colorscale": {"sequential": scale([DARK_FOR_LIGHT[c] if dark else c for c in LEVELS])},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": pick(GREY), "activecolor": pick(ACCENT)},
            "updatemenudefaults": button,
            "sliderdefaults": {"bordercolor": pick(RULE), "activebgcolor": pick(ACCENT), "font": {"color": pick(INK)}},
            "annotationdefaults": {"font": {"color": pick(INK)}, "arrowcolor": pick(MUTED)},
        }
    }


def plotly_templates() -> dict[str, dict[str, Any]]:
    """The plotly templates `light` and `dark`, as plain dicts for the page."""
    return {"light": _template({}), "dark": _template(DARK)}


def matplotlib_style(theme: str = "light") -> dict[str, Any]:
    """rcParams of the same look: `with matplotlib.rc_context(matplotlib_style("dark")): …`.

    Registers the bundled font, which has Hangul, once.
    """
    from cycler import cycler
    from matplotlib import font_manager

    if FONT_FILE.exists() and not any(entry.name == FONT for entry in font_manager.fontManager.ttflist):
        font_manager.fontManager.addfont(str(FONT_FILE))
    dark = DARK if theme == "dark" else {}
    paper, ink, muted, rule = (dark.get(colour, colour) for colour in (PAPER, INK, MUTED, RULE))
    return {
        "font.family": [FONT, "DejaVu Sans"], "font.size": 10, "axes.unicode_minus": False,
        "figure.facecolor": paper, "axes.facecolor": paper, "savefig.facecolor": paper,
        "text.color": ink, "axes.labelcolor": muted, "xtick.color": muted, "ytick.color": muted,
        "axes.edgecolor": muted, "grid.color": rule, "axes.grid": True, "axes.axisbelow": True,
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
        "axes.prop_cycle": cycler(color=[dark.get(colour, colour) for colour in CYCLE]),
    }  # fmt: skip


def layout(figure: go.Figure, *, x_title: str = "", y_title: str = "", **more: Any) -> go.Figure:
    """Axis titles and the settings that every figure shares; `more` goes to `update_layout`."""
    figure.update_layout(xaxis_title_text=x_title, yaxis_title_text=y_title, **more)
    figure.update_layout(template="none")  # the page puts its own in, and plotly's default is large
    figure.layout.template = None
    return figure


def on_a_phone(figure: go.Figure, changes: Mapping[str, Any]) -> go.Figure:
    """What the layout has otherwise where the figure is narrow: on_a_phone(figure, {"xaxis.dtick": 2}).

    The page applies it below 480 pixels of width; only it knows how wide a figure is.
    """
    figure.layout.meta = {"narrow": dict(changes)}
    return figure


def envelope(x: np.ndarray, *, points: int = MAX_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Thin a long signal for drawing: the smallest and largest value of each stretch, in order.

    Args:
        x: float [T].
    Returns:
        (indices int [P], values float [P]) with P at most `points`; short signals come back whole.
    """
    x = np.asarray(x)
    if len(x) <= points:
        return np.arange(len(x)), x
    stretch = -(-len(x) // (points // 2))
    starts = np.arange(0, len(x), stretch)
    pairs = [sorted((s + int(x[s : s + stretch].argmin()), s + int(x[s : s + stretch].argmax()))) for s in starts]
    indices = np.array(pairs).reshape(-1)
    return indices, x[indices]


def waveform(signals: Mapping[str, Any], *, sample_rate_hz: int = 16_000, x_title: str, y_title: str,
             roles: Sequence[str] = ()) -> go.Figure:  # fmt: skip
    """Waveforms over seconds, one line per name; see `lines` for `roles`."""
    curves = {}
    for name, signal in signals.items():
        indices, values = envelope(np.asarray(signal).reshape(-1))
        curves[name] = (indices / sample_rate_hz, values)
    figure = lines(curves, x_title=x_title, y_title=y_title, roles=roles)
    figure.update_traces(line_width=1)
    return figure


def lines(curves: Mapping[str, tuple[Any, Any]], *, x_title: str, y_title: str, roles: Sequence[str] = (),
          shape: str = "linear", markers: bool = False, log_x: bool = False,
          log_y: bool = False) -> go.Figure:  # fmt: skip
    """Curves by name.

    Args:
        curves: name -> (x [N], y [N]).
        roles: a key of ROLES for each curve, e.g. ("reference", "model"); without it the cycle of colours.
        shape: "linear", or "hv" for a staircase.
        log_x, log_y: logarithmic axes.
    """
    figure = go.Figure()
    for i, (name, (x, y)) in enumerate(curves.items()):
        colour = ROLES[roles[i]] if i < len(roles) else CYCLE[i % len(CYCLE)]
        figure.add_scatter(
            x=_plain(x), y=_plain(y), name=name, mode="lines+markers" if markers else "lines",
            line={"color": colour, "width": 2, "shape": shape}, marker={"color": colour, "size": 7},
        )  # fmt: skip
    figure.update_xaxes(type="log" if log_x else "linear")
    figure.update_yaxes(type="log" if log_y else "linear")
    return layout(figure, x_title=x_title, y_title=y_title, showlegend=len(curves) > 1, hovermode="closest")


def bars(heights: Any, *, x: Any = None, x_title: str, y_title: str, role: str = "model") -> go.Figure:
    """Bars, such as the probabilities of 256 codes: heights [N] at x [N] (0 … N - 1 without it)."""
    heights = _plain(heights)
    figure = go.Figure()
    figure.add_bar(x=list(range(len(heights))) if x is None else _plain(x), y=heights, marker_color=ROLES[role])
    figure.update_traces(marker_line_width=0)
    return layout(figure, x_title=x_title, y_title=y_title, bargap=0.05, showlegend=False)


def histogram(values: Any, *, edges: Any, x_title: str, y_title: str, role: str = "reference") -> go.Figure:
    """How many of `values` [N] fall between each pair of `edges` [M + 1], as shares of the whole."""
    counts, edges = np.histogram(np.asarray(values).reshape(-1), bins=np.asarray(edges))
    centres = (edges[:-1] + edges[1:]) / 2
    return bars(counts / max(1, counts.sum()), x=centres, x_title=x_title, y_title=y_title, role=role)


def spectrogram(values: Any, *, hop_ms: float, x_title: str, y_title: str, unit: str = "dB",
                y: Any = None, low: float | None = None, high: float | None = None) -> go.Figure:  # fmt: skip
    """A spectrogram or mel: values [F, T], the lowest band first.

    Args:
        hop_ms: time between frames.  y: what to write at each band (Hz), else band numbers.
        low, high: ends of the colour scale, else of the data.
    """
    values = np.asarray(values, dtype=np.float32)
    figure = heatmap(
        values, x=np.arange(values.shape[1]) * hop_ms / 1000, y=y, x_title=x_title, y_title=y_title, unit=unit,
        low=low, high=high,
    )  # fmt: skip
    figure.update_traces(zsmooth="fast")
    return figure


def heatmap(values: Any, *, x: Any = None, y: Any = None, x_title: str, y_title: str, unit: str = "",
            low: float | None = None, high: float | None = None, signed: bool = False,
            down: bool = False) -> go.Figure:  # fmt: skip
    """A matrix [rows, columns] as colours.

    Args:
        signed: blue, paper, orange around zero instead of quiet to loud.  down: row 0 at the top, as one writes it.
    """
    values = np.asarray(values, dtype=np.float32)
    if signed:
        high = float(np.abs(values).max()) if high is None else high
        low = -high
    figure = go.Figure()
    figure.add_heatmap(
        z=[[round(float(v), 4) for v in row] for row in values],
        x=None if x is None else _plain(x), y=None if y is None else _plain(y),
        colorscale=scale(DIVERGING if signed else LEVELS), zmin=low, zmax=high,
        colorbar={"title": {"text": unit}, "thickness": 10, "outlinewidth": 0},
    )  # fmt: skip
    if down:
        figure.update_yaxes(autorange="reversed")
    return layout(figure, x_title=x_title, y_title=y_title)


def _plain(x: Any) -> list[Any]:
    """A list of at most six significant digits, which is what travels to the browser."""
    values = np.asarray(x)
    if values.dtype.kind != "f":
        return values.tolist()
    return [float(f"{v:.6g}") for v in values.reshape(-1).tolist()]
