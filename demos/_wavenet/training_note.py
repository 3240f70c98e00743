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
    pesq = {
        key: found.get(f"PESQ (wide-band), {name}")
        for key, name in (("raw", "WaveNet"), ("wavenet", "WaveNet, post-filter"),
                          ("griffin_lim", "Griffin-Lim, 60 iterations"), ("noise", "white noise, post-filter"))
    }  # fmt: skip
    if None not in pesq.values():
        text += " " + t("trained_pesq", **pesq)
    gr.Markdown(text, elem_classes=["prose-cell"])
