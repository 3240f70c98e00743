"""What goes wrong, and what it looks like: the network under stress, live."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import gradio as gr

from demos import _stored
from demos import _widgets as w
from demos._tab import Strings
from demos._tacotron2 import sentence
from demos._tacotron2.learned import english, heard

REPEATED = "No, no, no, no, no, no, no, no, no, no, no, no."
LONG = (
    "It was the time of the year when the days are long and the nights are short, and the old man went down to the "
    "river with his dog and his stick, past the mill and the white house on the hill, over the bridge and through the "
    "wood, until he came to the place where the boats were tied, and there he sat down and looked at the water for a "
    "long time, as he had done every summer since he was a boy, and he did not say a word."
)
# name -> attention of the network, text (None: the one in the box), without its location term, prenet's dropout
KINDS: dict[str, tuple[str, str | None, bool, float]] = {
    "blind": ("location", None, True, 0.5),
    "content": ("content", REPEATED, False, 0.5),
    "repeated": ("location", REPEATED, False, 0.5),
    "long": ("location", LONG, False, 0.5),
    "sober": ("location", None, False, 0.0),
}
USUAL = (sentence.FIRST, "blind")


def build(t: Strings, box: sentence.Box) -> None:
    """The cell `failures`."""
    with w.cell(t, "failures") as t:
        w.prose(t)
        w.quiz(t, "twice")
        with w.controls(t):
            kind = w.link(
                "stress", gr.Radio([(t(f"kind_{name}"), name) for name in KINDS], value="blind", label=t("kind"))
            )
            run = w.button(t("run"), name="failures-run")
        player = w.player(t, "sound")
        verdict = w.note(t, "verdict")
        figure = w.figure(t, "alignment", height=480)
        w.code(t, stressed, "core.tacotron2.attention:reading")
    asked, shown = [box.text, kind], [player, verdict, figure]
    seen = w.on(t, figure.appear, _stored.at_sight(t, USUAL, 3), asked, shown)
    w.on(t, seen.then, _stored.unless_stored(t, USUAL, partial(show, t)), asked, shown, heavy=True)
    w.on(t, kind.change, partial(show, t), asked, shown, heavy=True, trigger_mode="always_last")
    w.on(t, run.click, partial(show, t), asked, shown, heavy=True)


def show(t: Strings, text: str | None, kind: Any) -> tuple:
    """(player, verdict, alignment) of a text read under stress."""
    kind = kind if kind in KINDS else "blind"
    text = KINDS[kind][1] or english(text)
    said = stressed(text, kind)
    return heard(t, said, t("summary", what=t(f"kind_{kind}"), text=text if len(text) < 80 else text[:77] + "…"))


def stressed(text: str, kind: str) -> Any:
    """Read a text in one piece, under the stress of that name."""
    from core.tacotron2 import sample
    from core.text.tokens import tokens

    attention, _, blind, dropout = KINDS[kind]
    model = sentence.network("en", attention)
    if blind:
        model = copy.deepcopy(model)
        model.attention.location = False  # e = v' tanh(W s + V h + b): U f is left out of every step
    whole = tokens(text, "en", unit=model.config.unit)
    return sample.decode(whole, model=model, prenet_dropout=dropout)
