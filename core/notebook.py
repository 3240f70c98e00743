"""Figures and sounds in a Jupyter notebook: `show(figure)` and `play(sound)`, with the look of the site."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from core import plots


class Keys(dict[str, str]):
    """Words of a figure in which every key stands for itself: `words=KEYS` where the site gives a language's words."""

    def __missing__(self, key: str) -> str:
        return key.replace("_", " ")


KEYS = Keys()


def show(figure: go.Figure, *, height: int = 360, **layout: Any) -> None:
    """Draw a figure of `core.plots` below the cell.

    Args:
        height: in pixels.  layout: more for `update_layout`, such as title_text="...".
    """
    template = plots.plotly_templates()["light"]
    go.Figure(figure).update_layout(template=template, height=height, **layout).show()


def play(x: Any, sample_rate_hz: int = 16_000, *, label: str = "") -> None:
    """A player below the cell, with the label above it.

    Args:
        x: float [T], or [C, T], tensor or array in [-1, 1] (clipped).
    Raises:
        AudioError: x is not finite.
    """
    import torch
    from IPython.display import Audio, display

    from core.audio import wav_bytes

    if label:
        print(label)
    display(Audio(wav_bytes(torch.as_tensor(x), sample_rate_hz)))  # type: ignore[no-untyped-call]
