"""What the model card says of a network's training, on the page: steps, hours, and how far it has come."""

from __future__ import annotations

import gradio as gr

from core import weights
from core.errors import WeightsError
from demos._tab import Strings


def training_note(t: Strings, name: str) -> None:
    """One sentence from the card of `name`, and a second one for a vocoder; nothing where there are no weights."""
    try:
        card = weights.card(name)
    except WeightsError:
        return
    found = {one["name"]: one["value"] for one in card["metrics"]}
    if "held-out bits per sample" not in found:
        return
    text = t("trained", steps=card["steps"], hours=card["hours"], bits=found["held-out bits per sample"])
    wavenet, griffin_lim = (found.get(f"PESQ (wide-band), {one}") for one in ("WaveNet", "Griffin-Lim, 60 iterations"))
    if wavenet is not None and griffin_lim is not None and wavenet < griffin_lim:
        text += " " + t("trained_pesq", wavenet=wavenet, griffin_lim=griffin_lim)
    gr.Markdown(text, elem_classes=["prose-cell"])
