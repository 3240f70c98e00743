"""How attention is learned: the sentence as the network read it after so many steps of its training."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from core import weights
from core.errors import WeightsError
from demos import _models, _stored
from demos import _widgets as w
from demos._tab import Strings
from demos._tacotron2 import sentence, speak

NAME = "tacotron2-english"
USUAL = (sentence.FIRST, 50)


def choices() -> list[int]:
    """Steps of the training whose weights are shipped, the last one included; empty without weights."""
    try:
        card = weights.card(NAME)
    except WeightsError:
        return []
    kept = sorted(int(file.split("-")[1].split(".")[0]) for file in card.get("files", {}) if file.startswith("step-"))
    return [*kept, int(card["steps"])]


def build(t: Strings, box: sentence.Box) -> None:
    """The cell `learned`."""
    steps = choices()
    with w.cell(t, "learned") as t:
        w.prose(t)
        w.quiz(t, "soon")
        with w.controls(t):
            step = w.link(
                "training-step", gr.Radio([(f"{n:,}", n) for n in steps], value=USUAL[1], label=t("step"))
            )
        player = w.player(t, "sound")
        verdict = w.note(t, "verdict")
        figure = w.figure(t, "alignment", height=440)
        w.code(t, "core.tacotron2.train:losses", "core.tacotron2.model:Tacotron2.teach",
               "core.tacotron2.data:weights", "core.tacotron2.checkpoints:at_step")  # fmt: skip
    asked, shown = [box.text, step], [player, verdict, figure]
    seen = w.on(t, figure.appear, _stored.at_sight(t, USUAL, 3), asked, shown)
    w.on(t, seen.then, _stored.unless_stored(t, USUAL, partial(show, t)), asked, shown, heavy=True)
    w.on(t, step.change, partial(show, t), asked, shown, heavy=True, trigger_mode="always_last")


def show(t: Strings, text: str | None, step: Any) -> tuple:
    """(player, verdict, alignment) of the text's first sentence, read after `step` steps."""
    from core.tacotron2 import sample
    from core.tacotron2.checkpoints import at_step, kept_steps

    last = _models.load(NAME)
    parts = sample.read(english(text), last)
    number = int(sentence.number(step, t("step")))
    model = at_step(last, number) if number in kept_steps(last.others) else last
    return heard(t, sample.decode(parts[0], model=model), t("summary", steps=f"{number:,}"))


def english(text: str | None) -> str:
    """The text, if it is English: earlier steps are kept of the English network alone.

    Raises:
        SamplingError: it is Korean.
    """
    from core.errors import SamplingError
    from demos._tts.text import language_of

    if language_of(text or "") != "en":
        raise SamplingError("Only the English network's earlier steps are kept: type an English sentence.")
    return text or ""


def heard(t: Strings, said: Any, summary: str) -> tuple:
    """(player, verdict, alignment) of something decoded, through Griffin-Lim."""
    from core import audio
    from core.tacotron2 import figures, sample

    words = {"time": t("time"), "tokens": t("tokens"), "weight": t("weight")}
    steps = len(said.stop)
    figure = figures.alignment(
        said.alignment, said.tokens.symbols, step_s=said.mel.shape[1] / steps * figures.FRAME_S, words=words
    )
    sharp = float(said.alignment.max(dim=1).values.mean())
    sound = audio.level_to(sample.vocode(said.mel, vocoder="griffin-lim"))  # a young network may write a roar
    tracks = [w.track(t("word_griffin-lim"), sound)]
    text = summary + " " + t("sharpness", steps=steps, weight=f"{sharp:.2f}")
    return tracks, speak.read_well(t, [said]), w.plot(figure, text)
