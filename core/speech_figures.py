"""Voices side by side: waveform, mel and F0 of each over one time axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import audio, plots

if TYPE_CHECKING:
    from torch import Tensor

MAX_FRAMES = 420


def compared(sounds: Mapping[str, Tensor], *, words: Mapping[str, str]) -> go.Figure:
    """For each sound two rows: its waveform, and its mel with F0 drawn on it.

    Args:
        sounds: name -> float32 [T] at 16 kHz.  words: time, amplitude, band, f0.
    """
    from core.parametric.vocoder import FRAME_SECONDS, analyse

    count = len(sounds)
    figure = make_subplots(
        rows=2 * count, cols=1, shared_xaxes=True, vertical_spacing=0.035, row_heights=[0.35, 0.65] * count,
        subplot_titles=[title for name in sounds for title in (name, "")],
        specs=[[{}], [{"secondary_y": True}]] * count,
    )  # fmt: skip
    for i, sound in enumerate(sounds.values()):
        indices, values = plots.envelope(sound.numpy(), points=900)
        figure.add_scatter(
            x=np.round(indices / audio.SAMPLE_RATE_HZ, 3), y=np.round(values, 3), mode="lines", row=2 * i + 1, col=1,
            line={"color": plots.CYCLE[i % len(plots.CYCLE)], "width": 1}, hoverinfo="skip",
        )  # fmt: skip
        mel = audio.mel(sound).numpy() * (20 / np.log(10))
        stride = -(-mel.shape[1] // MAX_FRAMES)
        figure.add_heatmap(
            z=np.clip(np.round(mel[:, ::stride]), -100, 60).astype(int).tolist(), x0=0, dx=0.0125 * stride,
            colorscale=plots.scale(plots.LEVELS), zmin=-80, zmax=20, showscale=False, row=2 * i + 2, col=1,
            hovertemplate="%{x:.2f} s, %{y}: %{z} dB<extra></extra>",
        )  # fmt: skip
        parts = analyse(sound.numpy())
        f0 = [round(float(hz), 1) if on else None for hz, on in zip(np.exp(parts.log_f0), parts.voiced)]
        figure.add_scatter(
            x=np.round(np.arange(len(f0)) * FRAME_SECONDS, 3), y=f0, mode="lines", row=2 * i + 2, col=1,
            line={"color": plots.MODEL, "width": 2}, hovertemplate="%{x:.2f} s: %{y:.0f} Hz<extra></extra>",
            secondary_y=True,
        )  # fmt: skip
        figure.update_yaxes(nticks=3, row=2 * i + 1, col=1)
        figure.update_yaxes(title_text=words["band"], row=2 * i + 2, col=1, secondary_y=False)
        figure.update_yaxes(
            title_text=words["f0"], range=[0, 500], showgrid=False, tickmode="array", tickvals=[100, 200, 300, 400],
            row=2 * i + 2, col=1, secondary_y=True,
        )  # fmt: skip
    plots.layout(figure, showlegend=False, hovermode="closest", clickmode="event")
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    figure.update_xaxes(range=[0, max(len(sound) for sound in sounds.values()) / audio.SAMPLE_RATE_HZ])
    figure.update_xaxes(title_text=words["time"], row=2 * count, col=1)
    return figure
