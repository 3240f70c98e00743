"""One decoder step under the magnifying glass: the terms of its energies, with the location features and without."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos import _stored
from demos import _widgets as w
from demos._links import within
from demos._tab import Strings
from demos._tacotron2 import sentence
from demos._tacotron2.speak import Reading

if TYPE_CHECKING:
    from core.tacotron2.attention import Terms
    from core.tacotron2.model import Tacotron2
    from core.tacotron2.sample import Decoded

MOST_STEPS = 60  # until another sentence has been read
SHARED = 0.25  # of the exercise: each of two sounds has so much of the weight (core.tacotron2.attention.VISITED)
USUAL = (sentence.FIRST, 20, None, True)


def build(t: Strings, box: sentence.Box, reading: Reading) -> None:
    """The cell `energies`, of what the cell `speak` decoded last."""
    said = reading.said
    with w.cell(t, "energies") as t:
        w.prose(t)
        w.quiz(t, "where")
        with w.controls(t):
            with w.row():
                step = w.link("decoder-step", gr.Slider(0, MOST_STEPS, 20, step=1, label=t("step")))
                location = w.link("location", gr.Checkbox(True, label=t("location")))
            token = gr.State(None)  # the token whose units are shown; None for the one looked at most
        curves = w.figure(t, "curves", height=480)
        table = w.note(t, "table")
        w.exercise(t, "passing", passing, [said, box.text, step])
        w.prose(t, "energies-units")
        units = w.figure(t, "units", height=440)
        w.code(t, "core.tacotron2.model:Attention", "core.tacotron2.attention:terms")
    shown = [curves, table, units]
    asked = [said, box.text, step, token, location]
    show = partial(explain, t)
    seen = w.on(t, curves.appear, _stored.at_sight(t, USUAL, 3), asked[1:], shown)
    w.on(t, seen.then, unless_stored(t), asked, shown)
    w.on(t, [step.release, step.change], show, asked, shown, trigger_mode="always_last")
    w.on(t, location.change, show, asked, shown, trigger_mode="always_last")
    again = w.on(t, said.change, fitted, [said, step], [step, token])
    w.on(t, again.then, show, asked, shown, trigger_mode="always_last")
    w.on(t, reading.view.select, clicked, None, step)

    def pick(event: gr.SelectData) -> int:
        return round(float(event.value["x"]))

    picked = w.on(t, curves.select, pick, None, token)
    w.on(t, picked.then, show, asked, shown)


def clicked(event: gr.SelectData) -> int:
    """The step of the picture above that was clicked."""
    return int(event.index)


def fitted(said: dict | None, step: Any) -> tuple:
    """The slider for as many steps as were taken, and no token chosen."""
    if not said or not said["parts"]:
        return gr.skip(), None
    last = sum(len(part.stop) for part in said["parts"]) - 1
    return gr.update(maximum=last, value=min(int(step or 0), last)), None


def unless_stored(t: Strings) -> Any:
    """For what comes after the stored result: nothing, where it was shown."""

    def make(said: Any, *asked: Any) -> tuple:
        return (gr.skip(),) * 3 if _stored.first(t, asked, USUAL) else explain(t, said, *asked)

    return make


def decoded(said: dict | None, text: str | None) -> tuple[Tacotron2, list[Decoded]]:
    """The reading that is there, or that of the sentence in the box, which takes a fraction of a second."""
    from core.tacotron2 import sample

    if said and said["parts"]:
        return sentence.network(said["parts"][0].tokens.language), said["parts"]
    model, parts = sentence.read(text)
    return model, [sample.decode(part, model=model) for part in parts[:1]]


def located(parts: list[Decoded], number: int) -> tuple[Decoded, int]:
    """The part in which a step lies, and the step within it: sentences stand one behind the other."""
    for part in parts:
        if number < len(part.stop) or part is parts[-1]:
            break
        number -= len(part.stop)
    return part, min(max(number, 0), len(part.stop) - 1)


def passing(said: dict | None, text: str | None, step: Any) -> tuple[str, dict[str, Any]]:
    """The exercise: a step in which the attention passes from one sound to the next, and is with both.

    Raises:
        TextError: as `sentence.read`.
    """
    from core.tacotron2.attention import is_sound, terms
    from core.text.tokens import shown

    model, parts = decoded(said, text)
    part, number = located(parts, int(within(step, 0, sum(len(one.stop) for one in parts) - 1, USUAL[1])))
    shares, order = part.alignment[number].topk(min(2, len(part.tokens)))
    a, b = sorted(order.tolist())[:: len(order) - 1 or 1]  # in the order of the text
    symbols = part.tokens.symbols
    values = {"step": number, "first": shown(symbols[a]), "second": shown(symbols[b]),
              "share": f"{100 * float(part.alignment[number, a]):.0f}",
              "other": f"{100 * float(part.alignment[number, b]):.0f}"}  # fmt: skip
    if float(shares[-1]) < SHARED:
        return "rests", values | {"most": shown(symbols[int(order[0])]), "share": f"{100 * float(shares[0]):.0f}"}
    if not (is_sound(symbols[a]) and is_sound(symbols[b])):
        return "silent", values
    without = terms(model, part, number).weights_without
    lost = 100 * (1 - float(without[a] + without[b]))
    return ("right" if b == a + 1 else "apart"), values | {"lost": f"{lost:.0f}"}


def explain(
    t: Strings, said: dict | None, text: str | None, step: Any, token: int | None, location: bool | None
) -> tuple:  # fmt: skip
    """(energies, table, units) of one step; a step beyond the end is the last one."""
    from core.tacotron2 import figures
    from core.tacotron2.attention import terms

    model, parts = decoded(said, text)
    part, number = located(parts, int(sentence.number(step, t("step"))))
    found, symbols = terms(model, part, number), part.tokens.symbols
    weights = found.weights if location else found.weights_without
    chosen = int(weights.argmax()) if token is None or token >= len(symbols) else token
    words = {key: t(f"word_{key}") for key in ("energy", "weight", "with_location", "without_location")}
    curves = figures.energies(found, symbols, with_location=bool(location), words=words)
    focus, other = int(found.weights.argmax()), int(found.weights_without.argmax())
    summary = t(
        "curves_summary", step=number, seconds=f"{number * model.config.frames_per_step * 0.0125:.2f}",
        symbol=figures.shown(symbols[focus]), weight=f"{float(found.weights.max()):.2f}",
    ) + " " + (t("curves_same") if other == focus else t(
        "curves_moved", tokens=abs(other - focus), other=figures.shown(symbols[other]),
        way=t("back" if other < focus else "ahead"),
    ))  # fmt: skip
    words = {key: t(f"word_{key}") for key in ("query", "key", "location", "adds", "unit", "term")}
    bars = figures.units(found, chosen, with_location=bool(location), words=words)
    energy = found.energies if location else found.energies_without
    text = t("units_summary", symbol=figures.shown(symbols[chosen]), energy=f"{float(energy[chosen]):.2f}",
             units=len(found.v))  # fmt: skip
    return w.plot(curves, summary), table(t, found, symbols), w.plot(bars, text)


def table(t: Strings, found: Terms, symbols: tuple[str, ...]) -> str:
    """The tokens looked at most, also those without the location: the size of each term, energies and weights."""
    from core.text.tokens import shown

    heads = ["", "‖Ws‖", "‖Vh‖", "‖Uf‖", "e", t("word_weight"), t("without_e"), t("without_weight")]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    most = {int(j) for weights in (found.weights, found.weights_without) for j in weights.topk(min(4, len(symbols)))[1]}
    for j in sorted(most):
        values = (
            found.query.norm(), found.keys[j].norm(), found.location[j].norm(), found.energies[j], found.weights[j],
            found.energies_without[j], found.weights_without[j],
        )  # fmt: skip
        lines.append(f"| **{shown(symbols[j])}** | " + " | ".join(f"{float(v):.2f}" for v in values) + " |")
    return "\n".join(lines)
