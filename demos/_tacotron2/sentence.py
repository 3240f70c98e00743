"""The sentence that the whole tab reads: typed, or one of the presets; its language is that of its letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from core import held_out
from core.errors import SamplingError
from demos import _models
from demos import _widgets as w
from demos._tab import Strings
from demos._tts.sentence import FIRST, LECTURE, NUMBERS
from demos._tts.text import language_of

if TYPE_CHECKING:
    from core.tacotron2.model import Tacotron2
    from core.text.tokens import Tokens

OUT_OF_WORDS = "Tacotron has never seen the words quokka, fjord and zeitgeist."


@dataclass(frozen=True)
class Box:
    """The text box, and what happens when a visitor is done with it: Enter, leaving it, a choice from the list."""

    text: gr.Textbox
    done: list[Any]


def build(t: Strings) -> Box:
    """The box and its presets, at the top of the tab."""
    with w.controls(t):
        text = w.link(
            "say",
            gr.Textbox(
                FIRST, label=t("say"), info=t("say_hint"), lines=1, max_lines=4, elem_id="tacotron2-sentence",
                submit_btn=False,
            ),
        )  # fmt: skip
        choices = [(line, line) for line in (LECTURE, NUMBERS, OUT_OF_WORDS, *held_out.sentences().values())]
        preset = gr.Dropdown(choices, value=None, label=t("presets"), elem_id="tacotron2-presets")
    chosen = preset.input(None, preset, text, js="(line) => line", queue=False)
    return Box(text, [text.submit, text.blur, chosen.then])


def network(language: str, attention: str = "location") -> Tacotron2:
    """The shipped network of a language, loaded once.

    Raises:
        WeightsError: it is missing or damaged.
    """
    from core.tacotron2.checkpoints import content_based
    from core.tacotron2.sample import MODELS

    model = _models.load(MODELS[language, attention])
    return content_based(model) if attention == "content" else model


def read(text: str | None, attention: str = "location") -> tuple[Tacotron2, list[Tokens]]:
    """The network for a text, and the text as its sentences.

    Raises:
        TextError: nothing that can be said.  WeightsError: no network.
    """
    from core.tacotron2 import sample

    text = text or ""
    model = network(language_of(text), attention)
    return model, sample.read(text, model)


def number(value: Any, what: str) -> float:
    """A number field.

    Raises:
        SamplingError: it is empty.
    """
    if value is None:
        raise SamplingError(f"The field {what} is empty: give a number.")
    return float(value)
