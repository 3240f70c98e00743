"""The same on notes: attention over the first events of a piano piece, by the networks that were trained on music."""

from __future__ import annotations

import functools
from functools import partial
from typing import Any

import gradio as gr

from demos import _models
from demos import _widgets as w
from demos._tab import Strings
from demos._transformer import pieces

EVENTS, MOST = 48, 10
LAYERS, HEADS = 5, 4  # what the sliders offer; clamped to what a network has
NETWORKS = {"relative": "transformer-relative", "absolute": "transformer-absolute"}
KEYS = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def build(t: Strings) -> None:
    """The section `attention-notes` of the cell `attention`."""
    from demos._transformer.attention import view

    w.prose(t, "attention-notes")
    w.quiz(t, "future")
    with w.controls(t):
        with w.row():
            piece = w.link("phrase", gr.Dropdown(pieces.choices(t), value=pieces.FIRST, label=t("phrase")))
            choices = [(t(f"network_{name}"), name) for name in NETWORKS]
            network = w.link("phrase-network", gr.Radio(choices, value="relative", label=t("network")))
        with w.row():
            layer = w.link("phrase-layer", gr.Slider(1, LAYERS, 1, step=1, label=t("layer")))
            head = w.link("phrase-head", gr.Slider(1, HEADS, 1, step=1, label=t("head")))
    seen = view(t, "notes")
    w.code(t, "core.transformer.model:MusicTransformer.look")
    asked = [piece, network, layer, head]
    for event in (seen.appear, piece.change, network.change, layer.change, head.change):
        w.on(t, event, partial(show, t), asked, seen, trigger_mode="always_last")


@functools.cache
def events(piece: str) -> list[int]:
    """The first events of a shipped piece."""
    from core import midi

    return midi.encode(midi.read(pieces.path(piece)).midi)[:EVENTS]


def short(event: int) -> str:
    """An event in a few signs: A4 ↓ and A4 ↑ for a key that goes down and up, 120 ms, vel 64."""
    from core.midi import events as vocabulary

    kind, value = vocabulary.name(event).rstrip(">").split("<")
    if kind.startswith("NOTE"):
        return f"{KEYS[int(value) % 12]}{int(value) // 12 - 1} {'↓' if kind == 'NOTE_ON' else '↑'}"
    return f"{value} ms" if kind == "TIME_SHIFT" else f"vel {value}"


def show(t: Strings, piece: Any, network: Any, layer: Any, head: Any) -> dict[str, Any]:
    """One head of one layer over the events.

    Raises:
        WeightsError: the weights are not there.
    """
    import torch

    from core.transformer.model import MusicTransformer
    from demos._transformer.attention import covered

    model: MusicTransformer = _models.load(NETWORKS.get(network, NETWORKS["relative"]))
    ids = events(piece if piece in pieces.NAMES else pieces.FIRST)
    logits, weights = model.look(torch.tensor([ids]))
    at = min(int(layer), model.config.layers) - 1, 0, min(int(head), model.config.heads) - 1
    rows = [[round(float(v), 4) for v in row] for row in weights[at].tolist()]
    chances, found = logits[0].softmax(-1).topk(3)
    return {
        "words": [short(event) for event in ids], "scaled": True, "most": MOST, "start": len(ids) * 3 // 4,
        "weights": covered(rows, True),
        "guesses": [[[short(i), round(p, 4)] for i, p in zip(found[place].tolist(), chances[place].tolist())]
                    for place in range(len(ids))],
    }  # fmt: skip
