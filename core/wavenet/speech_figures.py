"""Figures of speaking networks: the softmax of a draw, what was said, mels one above the other. Arrays in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import plots

__all__ = ["code_amplitudes", "mel_column", "mel_lacking", "mel_stack", "said", "softmax"]

HOP_S = 0.0125
MAX_COLUMNS = 420  # frames of a mel that travel to the browser
LOW_DB, HIGH_DB = -80.0, 20.0  # of 20 log10 mel magnitudes
LACKING_DB = 20.0  # end of the scale of differences


def code_amplitudes(levels: int = 256) -> np.ndarray:
    """The amplitude of each mu-law code: x = sign(y) ((1 + mu)^|y| - 1) / mu, y from -1 to 1. float64 [levels]."""
    mu = levels - 1
    y = 2 * np.arange(levels) / mu - 1
    return np.sign(y) * ((1 + mu) ** np.abs(y) - 1) / mu


def softmax(probabilities: Any, *, drawn: int, words: Mapping[str, str]) -> go.Figure:
    """Bars of the probabilities of all codes [levels], the drawn one in the model's colour.

    words: x, y, drawn (with {code}).
    """
    p = np.asarray(probabilities, dtype=np.float64)
    figure = plots.bars(p, x_title=words["x"], y_title=words["y"], role="reference")
    figure.update_traces(
        customdata=[float(f"{a:.4g}") for a in code_amplitudes(len(p))],
        hovertemplate="%{x}: %{y:.4f}<br>x = %{customdata}<extra></extra>",
    )
    figure.add_scatter(
        x=[drawn], y=[float(f"{p[drawn]:.6g}")], mode="markers", cliponaxis=False, hoverinfo="skip",
        marker={"color": plots.MODEL, "size": 10, "symbol": "diamond"},
    )  # fmt: skip
    figure.add_vline(x=drawn, line={"color": plots.MODEL, "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=drawn, y=1, yref="paper", text=words["drawn"].format(code=drawn), showarrow=False, yanchor="bottom",
        font={"color": plots.MODEL},
    )  # fmt: skip
    figure.update_xaxes(range=[-2, len(p) + 1], dtick=32)
    figure.update_yaxes(range=[0, 1.1 * float(p.max())])
    figure.update_layout(transition_duration=0, bargap=0.0)
    return figure


def said(x: Any, mel: Any, *, looks_s: Any, entropies: Any, prime_s: float, words: Mapping[str, str],
         sample_rate_hz: int = 16_000) -> go.Figure:  # fmt: skip
    """What a network said: waveform, mel and the entropy of its softmax over one time axis.

    Args:
        x: float [T], the prime included.  mel: natural logarithm [80, F].
        looks_s: when the softmax was looked at [N], in seconds.  entropies: in bits [N].
        prime_s: where the given sound ends, 0 without one.
        words: time, amplitude, band, bits, prime, goes_on.
    """
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.3, 0.45, 0.25])
    indices, values = plots.envelope(np.asarray(x))
    split = int(np.searchsorted(indices, prime_s * sample_rate_hz))
    for part, colour in ((slice(0, split + 1), plots.REFERENCE), (slice(split, None), plots.MODEL)):
        if prime_s or colour == plots.MODEL:
            figure.add_scatter(
                x=_short(indices[part] / sample_rate_hz), y=_short(values[part]), mode="lines", row=1, col=1,
                line={"color": colour, "width": 1}, hovertemplate="%{x:.3f} s<extra></extra>",
            )  # fmt: skip
    figure.add_trace(_mel_trace(mel, showscale=False), row=2, col=1)
    figure.add_scatter(
        x=_short(looks_s), y=_short(entropies), mode="lines", row=3, col=1,
        line={"color": plots.ACCENT, "width": 1.5}, hovertemplate="%{x:.2f} s: %{y:.2f} bit<extra></extra>",
    )  # fmt: skip
    if prime_s:
        for row in (1, 2, 3):
            figure.add_vline(x=prime_s, line={"color": plots.INK, "width": 1.5, "dash": "dash"}, row=row, col=1)
        sides = (("prime", "right", plots.REFERENCE), ("goes_on", "left", plots.MODEL))
        for key, anchor, colour in sides:
            figure.add_annotation(
                x=prime_s, y=1.0, yref="paper", text=f" {words[key]} ", xanchor=anchor, yanchor="bottom",
                showarrow=False, font={"color": colour},
            )  # fmt: skip
    plots.layout(figure, showlegend=False, hovermode="closest", clickmode="event")
    figure.update_xaxes(range=[0, len(x) / sample_rate_hz])
    for row, name in ((1, "amplitude"), (2, "band"), (3, "bits")):
        figure.update_yaxes(title_text=words[name], row=row, col=1)
    figure.update_yaxes(range=[0, 8], row=3, col=1)
    figure.update_xaxes(title_text=words["time"], row=3, col=1)
    return figure


def mel_stack(mels: Mapping[str, Any], *, words: Mapping[str, str]) -> go.Figure:
    """Mels one above the other over one time axis, each under its name.

    Args:
        mels: name -> natural logarithm [80, F].
        words: time, band.
    """
    return _stack({name: _mel_trace(mel, showscale=not row) for row, (name, mel) in enumerate(mels.items())}, words)


def mel_lacking(wanted: Any, mels: Mapping[str, Any], *, words: Mapping[str, str]) -> go.Figure:
    """How far several mels are from a wanted one, band by band: orange where a sound is too quiet, blue too loud.

    Args:
        wanted: natural logarithm [80, F].  mels: name -> natural logarithm [80, F].
        words: time, band.
    """
    traces = {}
    for row, (name, mel) in enumerate(mels.items()):
        trace = _mel_trace(np.asarray(wanted) - np.asarray(mel), showscale=not row)
        trace.update(zmin=-LACKING_DB, zmax=LACKING_DB, colorscale=plots.scale(plots.DIVERGING))
        traces[name] = trace
    return _stack(traces, words)


def _stack(traces: Mapping[str, go.Heatmap], words: Mapping[str, str]) -> go.Figure:
    count = len(traces)
    gap = 0.09 if count > 1 else 0.0
    figure = make_subplots(rows=count, cols=1, shared_xaxes=True, vertical_spacing=gap, subplot_titles=list(traces))
    for row, trace in enumerate(traces.values(), start=1):
        figure.add_trace(trace, row=row, col=1)
    plots.layout(figure, showlegend=False, hovermode="closest", clickmode="event")
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    for row in range(1, count + 1):
        figure.update_yaxes(title_text=words["band"], row=row, col=1)
    figure.update_xaxes(title_text=words["time"], row=count, col=1)
    return figure


def mel_column(columns: Mapping[str, Any], *, centres_hz: Any, roles: Sequence[str], words: Mapping[str, str]) -> Any:
    """One instant of several mels: level over frequency. columns: name -> natural logarithm [80].

    words: hertz, decibels.
    """
    figure = plots.lines(
        {name: (centres_hz, _decibels(column)) for name, column in columns.items()},
        x_title=words["hertz"], y_title=words["decibels"], roles=roles,
    )  # fmt: skip
    figure.update_traces(hovertemplate="%{x:.0f} Hz: %{y:.1f} dB")
    figure.update_yaxes(range=[-105, 25])
    return figure


def _decibels(mel: Any) -> np.ndarray:
    return np.asarray(mel, dtype=np.float64) * (20 / np.log(10))


def _mel_trace(mel: Any, *, showscale: bool) -> go.Heatmap:
    """A mel as whole decibels: [80, F] of natural logarithms, at most MAX_COLUMNS frames drawn."""
    values = np.asarray(mel)
    stride = -(-values.shape[1] // MAX_COLUMNS)
    decibels = np.clip(np.round(_decibels(values[:, ::stride])), -100, 60).astype(int)
    return go.Heatmap(
        z=decibels.tolist(), x0=0, dx=HOP_S * stride, zmin=LOW_DB, zmax=HIGH_DB, zsmooth="fast", showscale=showscale,
        colorscale=plots.scale(plots.LEVELS), hovertemplate="%{x:.2f} s, %{y}: %{z} dB<extra></extra>",
        colorbar={"title": {"text": "dB"}, "thickness": 10, "outlinewidth": 0},
    )  # fmt: skip


def _short(values: Any) -> list[float]:
    return [float(f"{v:.5g}") for v in np.asarray(values, dtype=np.float64).reshape(-1)]
