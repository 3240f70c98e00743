"""The audio cell: one to nine sounds with one position, so that switching compares the same instant."""

from __future__ import annotations

import base64
import io
from typing import Any

import gradio as gr
import numpy as np

from demos._tab import ROOT

_SCRIPT = (ROOT / "assets/site/player.js").read_text(encoding="utf-8")


def track(label: str, x: Any, sample_rate_hz: int = 16_000) -> dict[str, Any]:
    """One sound of a player.

    Args:
        label: what the button says.
        x: float [T] or [C, T] tensor or array in [-1, 1] (clipped), sent as 16-bit WAV.
    """
    from core import audio  # torch: only when there is a sound

    wav = audio.wav_bytes(x, sample_rate_hz)
    return {"label": label, "wav": base64.b64encode(wav).decode("ascii")}


def stored(label: str, x: np.ndarray, sample_rate_hz: int = 16_000) -> dict[str, Any]:
    """`track` for a sound that was read from a file, float [T] in [-1, 1], without loading torch."""
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, x, sample_rate_hz, format="WAV", subtype="PCM_16")
    return {"label": label, "wav": base64.b64encode(out.getvalue()).decode("ascii")}


def linked(label: str, url: str) -> dict[str, Any]:
    """`track` for a sound that lies in a file of the site, such as /site/audio/a.ogg; the page fetches it."""
    return {"label": label, "url": url}


def sounds(value: list[dict[str, Any]] | None = None, **options: Any) -> gr.HTML:
    """Buttons A, B, C …, a waveform with a cursor, WAV download. Its value is a list of `track(...)`.

    Event: `.appear(fn)` once, when the empty player first comes into view, for a result that is there at once.
    """
    return gr.HTML(
        value, html_template="<div class='sounds'></div>", js_on_load=_SCRIPT, apply_default_css=False, **options
    )
