"""The figure of the pitch clock: F0 read off a mel, and the clock beside the waveform that follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import plots

if TYPE_CHECKING:
    from torch import Tensor

    from core.wavenet.model import WaveNet

RATE_HZ = 16_000
WINDOW_S = 0.04  # shown of clock and waveform: some eight periods of a woman's voice


@dataclass(frozen=True, eq=False)
class Clock:
    """What the conditioner reads off a mel.

    f0: float64 [F] in Hz, NaN where nothing is voiced, one value each 12.5 ms.
    hand: float64 [n], the cosine of the clock's phase, 0 where nothing is voiced; step_samples from one to the next.
    """

    f0: np.ndarray
    hand: np.ndarray
    step_samples: int


def read(model: WaveNet, mel: Tensor) -> Clock | None:
    """The clock of one mel [M, F]; None for a network without one."""
    if model.condition is None or model.condition.pitch is None:
        return None
    config = model.config
    f0, voiced = (x[0].numpy() for x in model.condition.pitch.f0(mel[None]))
    phase, on = model.condition.pitch.clock(mel[None], hop=config.hop_samples, moments=config.moments)
    hand = (phase.cos() * on)[0].double().numpy()
    return Clock(np.where(voiced, f0, np.nan).astype(np.float64), hand, config.condition_hop)


def view(clock: Clock, sound: Any, *, at_s: float | None, words: Mapping[str, str]) -> tuple[go.Figure, float, float]:
    """F0 over time, and below it a window of the clock and the waveform.

    Args:
        sound: float [T] at 16 kHz, or None while there is none.
        at_s: where the window begins; None takes the middle of the longest voiced stretch.
        words: time, f0, amplitude, clock, sound.
    Returns:
        the figure, where the window begins in seconds, and F0 there in Hz (NaN if nothing is voiced).
    """
    hop_s = 200 / RATE_HZ
    start = _longest(clock.f0) * hop_s if at_s is None else at_s
    start = float(np.clip(start, 0.0, max(0.0, len(clock.f0) * hop_s - WINDOW_S)))
    figure = make_subplots(rows=2, cols=1, vertical_spacing=0.2, row_heights=[0.45, 0.55])
    figure.add_scatter(
        x=np.round(np.arange(len(clock.f0)) * hop_s, 4), y=[None if np.isnan(v) else round(v, 1) for v in clock.f0],
        mode="lines", line={"color": plots.ACCENT, "width": 2}, showlegend=False, row=1, col=1,
        hovertemplate="%{x:.2f} s: %{y:.0f} Hz<extra></extra>",
    )  # fmt: skip
    figure.add_vrect(x0=start, x1=start + WINDOW_S, fillcolor=plots.MODEL, opacity=0.25, line_width=0, row=1, col=1)
    first, last = (round(s * RATE_HZ) for s in (start, start + WINDOW_S))
    if sound is not None and len(sound) > first:
        part = np.asarray(sound[first:last], dtype=np.float64)
        part = part / max(1e-3, float(np.abs(part).max()))
        figure.add_scatter(
            x=np.round((first + np.arange(len(part))) / RATE_HZ, 5), y=np.round(part, 3), mode="lines",
            name=words["sound"], line={"color": plots.MODEL, "width": 1.5}, row=2, col=1,
        )  # fmt: skip
    moments = np.arange(first // clock.step_samples, min(last // clock.step_samples + 1, len(clock.hand)))
    figure.add_scatter(
        x=np.round(moments * clock.step_samples / RATE_HZ, 5), y=np.round(clock.hand[moments], 3), mode="lines",
        name=words["clock"], line={"color": plots.ACCENT, "width": 1.5, "dash": "dot", "shape": "spline"}, row=2, col=1,
    )  # fmt: skip
    plots.layout(figure, hovermode="closest", clickmode="event")
    figure.update_xaxes(title_text=words["time"], row=2, col=1)
    figure.update_yaxes(title_text=words["f0"], row=1, col=1)
    figure.update_yaxes(title_text=words["amplitude"], range=[-1.1, 1.1], row=2, col=1)
    frame = min(round((start + WINDOW_S / 2) / hop_s), len(clock.f0) - 1)
    return figure, start, float(clock.f0[frame])


def _longest(f0: np.ndarray) -> int:
    """The middle frame of the longest voiced stretch."""
    best, begin, middle = 0, None, 0
    for frame, on in enumerate([*~np.isnan(f0), False]):
        if on and begin is None:
            begin = frame
        elif not on and begin is not None:
            if frame - begin > best:
                best, middle = frame - begin, (frame + begin) // 2
            begin = None
    return middle
