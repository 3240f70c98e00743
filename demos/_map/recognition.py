"""From sound to letters: posteriors over time, two ways to read them, and forced alignment of a text."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from core import plots
from demos import _models
from demos import _widgets as w
from demos._map import recognition_heard as hear
from demos._map import sound
from demos._map.answer import Answer, Task, table
from demos._map.recognition_align import HEATS, MOST_LETTERS, aligned, piece
from demos._tab import ROOT, Strings

if TYPE_CHECKING:
    from torch import Tensor

    from core.recognition.beam import Beam

CELL = "recognition"
TABLE = ROOT / "assets/tables/recognition.json"
USUAL = (hear.FAR, hear.WIDTH, hear.WEIGHT, "", "both")  # moment, beam, language model, text, lattice
LISTED = 8  # texts of the beam
STEP_S = 0.025  # of core.recognition.model, which needs torch
PARTS = {  # of assets/tables/recognition.json -> which of its ways stand in the page's columns
    "digits": ("network, greedy", "network, digits only", "pocketsphinx", "pocketsphinx, digits only"),
    "sentences": ("network, greedy", "network, beam and letters", "pocketsphinx", ""),
    "voices": ("network, greedy", "network, beam and letters", "pocketsphinx", ""),
    "prompts": ("network, greedy", "network, beam and letters", "pocketsphinx", ""),
}  # fmt: skip


def build(t: Strings, source: sound.Source) -> None:
    """The cell `recognition`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "double")
        heard = w.note(t, "heard", latex=False)
        picture = w.figure(t, "picture", height=640)
        five = w.figure(t, "five", height=240)
        w.prose(t, "recognition-decoding")
        w.quiz(t, "greedy")
        with w.controls(t):
            with w.row():
                far = w.link("rec-step", gr.Slider(*hear.PERCENT, USUAL[0], step=0.25, label=t("far")))
                width = w.link("rec-beam", gr.Slider(*hear.WIDTHS, USUAL[1], step=1, label=t("width")))
                weight = w.link("rec-lm", gr.Slider(*hear.WEIGHTS, USUAL[2], step=0.05, label=t("weight")))
            with w.row():
                back = w.button(t("back"), primary=False, name="recognition-back")
                on = w.button(t("on"), primary=False, name="recognition-on")
        rows = w.figure(t, "rows", height=240)
        tree = w.figure(t, "tree", height=380)
        kept = w.note(t, "kept", latex=False)
        w.code(t, "core.recognition.ctc:collapse", "core.recognition.sample:greedy", "core.recognition.beam:beam",
               "core.recognition.beam:_grown", "core.recognition.language:CharacterModel.probability")  # fmt: skip
        w.prose(t, "recognition-align")
        with w.controls(t):
            with w.row():
                text = w.link("rec-text", gr.Textbox("", label=t("text"), placeholder=t("text_hint"), max_lines=1,
                                                     max_length=MOST_LETTERS))  # fmt: skip
                heat = w.link("rec-heat", gr.Radio([(t(f"heat_{h}"), h) for h in HEATS], value=USUAL[4],
                                                   label=t("heat")))  # fmt: skip
            run = w.button(t("run"), name="recognition-align")
        lattice = w.figure(t, "lattice", height=640)
        aligned_note = w.note(t, "aligned", latex=False)
        pieces = w.player(t, "pieces")
        w.code(t, "core.recognition.ctc:forward_variables", "core.recognition.ctc:best_path",
               "core.recognition.sample:align", "core.recognition.sample:confidence")  # fmt: skip
        w.prose(t, "recognition-measured")
        w.note(t, "table", measured(t))
    outputs = [picture, heard, five, rows, tree, kept, lattice, aligned_note, pieces]
    controls = [far, width, weight, text, heat]
    sound.connect(t, source, picture, partial(show, t), outputs, controls=controls, usual=USUAL)
    _wire_decoding(t, source, (far, width, weight), (five, rows, tree, kept), (picture, rows, tree), (back, on))
    _wire_alignment(t, source, (text, heat), (run, text, heat), (lattice, aligned_note, pieces))


def _wire_decoding(t: Strings, source: sound.Source, controls: Any, outputs: Any, figures: Any, buttons: Any) -> None:
    """A moment is chosen by the slider, a click on one of three figures, or one step at a time."""
    far, width, weight = controls
    picture, rows, tree = figures
    inputs = [*source.inputs, *controls]
    options: dict[str, Any] = {"heavy": True, "trigger_mode": "always_last", "show_progress": "hidden"}
    w.on(t, [far.release, width.release, weight.release], partial(decoded, t), inputs, list(outputs), **options)

    def to(path: Any, start: Any, width: Any, weight: Any, step: int) -> tuple:
        far = hear.percent_of(step, len(hear.outputs_of(path, start)))
        return far, *decoded(t, path, start, far, width, weight)

    def by_second(path: Any, start: Any, far: Any, width: Any, weight: Any, event: gr.SelectData) -> tuple:
        return to(path, start, width, weight, round(float(event.value["x"]) / STEP_S))

    def by_step(path: Any, start: Any, far: Any, width: Any, weight: Any, event: gr.SelectData) -> tuple:
        return to(path, start, width, weight, round(float(event.value["x"])))

    def beside(path: Any, start: Any, far: Any, width: Any, weight: Any, *, by: int) -> tuple:
        return to(path, start, width, weight, hear.step_at(far, len(hear.outputs_of(path, start))) + by)

    w.on(t, picture.select, by_second, inputs, [far, *outputs], **options)
    w.on(t, [rows.select, tree.select], by_step, inputs, [far, *outputs], **options)
    for button, by in zip(buttons, (-1, 1)):
        w.on(t, button.click, partial(beside, by=by), inputs, [far, *outputs], **options)


def _wire_alignment(t: Strings, source: sound.Source, controls: Any, asked: Any, outputs: Any) -> None:
    """A text is aligned; a click on it is heard."""
    run, text, heat = asked
    lattice, note, pieces = outputs
    inputs = [*source.inputs, *controls]
    w.on(t, [run.click, text.submit, heat.change], partial(aligned, t), inputs, list(outputs), heavy=True,
         trigger_mode="always_last", show_progress="hidden")  # fmt: skip

    def clicked(path: Any, start: Any, text: Any, heat: Any, event: gr.SelectData) -> tuple:
        return piece(t, path, start, text, float(event.value["x"]), curve=event.index[0], place=event.index[1])

    w.on(t, lattice.select, clicked, inputs, [note, pieces], heavy=True, trigger_mode="always_last",
         show_progress="hidden")  # fmt: skip


def show(t: Strings, path: str | None, start: Any, far: Any, width: Any, weight: Any, text: Any, heat: Any) -> tuple:
    """(picture, heard, five, rows, tree, kept, lattice, aligned, pieces)."""
    from core import audio
    from core.recognition.model import ALPHABET
    from core.recognition.sample import align
    from demos._map import recognition_figures as figures

    x = sound.load(path, start)
    outputs = hear.outputs_of(path, start)
    found = hear.text_of(path, start)
    words = align(outputs, found).words if found else ()
    titles = {key: t(f"word_{key}") for key in ("time", "letter", "band")}
    picture = figures.posteriors(
        np.exp(outputs), audio.mel(x).numpy(), words, ALPHABET, seconds=len(x) / audio.SAMPLE_RATE_HZ, titles=titles
    )
    blank = 100 * float((outputs.argmax(axis=1) == 0).mean())
    summary = t("picture_summary", steps=len(outputs), blank=f"{blank:.0f}", text=found or t("nothing"))
    return (
        w.plot(picture, summary), verdict(t, path, start, found), *decoded(t, path, start, far, width, weight),
        *aligned(t, path, start, text, heat),
    )  # fmt: skip


def verdict(t: Strings, path: str | None, start: Any, found: str) -> str:
    """What is heard in both ways, and how far to trust it."""
    from core.recognition.sample import SURE, confidence, greedy

    outputs = hear.outputs_of(path, start)
    sure = confidence(_models.load(hear.NETWORK), outputs)
    shown = {"greedy": greedy(outputs).text.strip() or t("nothing"), "beam": found or t("nothing")}
    lines = [t("heard_text", **shown)]
    if hear.truth(path):
        lines.append(t("heard_truth", text=hear.truth(path)))
    key = "verdict_none" if not found else "verdict_sure" if sure >= SURE else "verdict_unsure"
    lines.append(t(key, sure=f"{100 * sure:.0f}", least=f"{100 * SURE:.0f}"))
    return "\n\n".join(lines)


def decoded(t: Strings, path: str | None, start: Any, far: Any, width: Any, weight: Any) -> tuple:
    """(five, rows, tree, kept) at a moment of the search."""
    from core.recognition.model import ALPHABET
    from core.recognition.sample import greedy
    from demos._map import recognition_figures as figures

    outputs = hear.outputs_of(path, start)
    step = hear.step_at(far, len(outputs))
    path_found = greedy(outputs)
    words = {key: t(f"word_{key}") for key in ("path", "merged", "text", "step", "added", "same", "empty")}
    likely = np.exp(outputs)
    strip = figures.strip(path_found.path, likely, ALPHABET, step=step, words=words)
    text = path_found.text.strip() or t("nothing")
    found = hear.searched(path, start, width, weight)
    tree = figures.tree(found.steps, step, words=words)
    best = figures.spaced(found.steps[step][0].text) or t("nothing")
    return (
        five_best(t, likely[step], step), w.plot(strip, t("rows_summary", steps=len(outputs), text=text)),
        w.plot(tree, t("tree_summary", step=step + 1, of=len(outputs), kept=len(found.steps[step]), text=best)),
        hypotheses(t, found, step),
    )  # fmt: skip


def five_best(t: Strings, likely: np.ndarray, step: int) -> dict:
    """The five most probable letters of a step, as bars."""
    from core.recognition.model import ALPHABET, SECONDS_PER_STEP
    from demos._map.recognition_figures import shown

    order = np.argsort(-likely)[:5]
    names = {0: t("blank"), ALPHABET.index(" "): t("space")}
    figure = plots.bars([round(100 * float(likely[k]), 1) for k in order],
                        x=np.array([names.get(int(k), shown(ALPHABET[k])) for k in order]),
                        x_title="", y_title=t("word_probability"), role="accent")  # fmt: skip
    figure.update_yaxes(range=[0, 100])
    figure.update_xaxes(type="category")
    best = names.get(int(order[0]), shown(ALPHABET[order[0]]))
    return w.plot(figure, t("five_summary", at=f"{step * SECONDS_PER_STEP:.2f}", letter=best,
                            probability=f"{100 * float(likely[order[0]]):.0f}"))  # fmt: skip


def hypotheses(t: Strings, found: Beam, step: int) -> str:
    """The texts that the search holds, with their shares of what is held, by the sound and with the language model."""
    from demos._map.recognition_figures import tail

    held = found.steps[step]
    alone, both = (shares([getattr(one, key) for one in held]) for key in ("log_probability", "score"))
    lines = [f"| | {t('held')} | {t('by_sound')} | {t('with_model')} | {t('log_p')} |", "|---:|---|---:|---:|---:|"]
    for rank, one in enumerate(held[:LISTED], start=1):
        text = f"`{tail(one.text, 34, t('word_empty'))}`"
        lines.append(f"| {rank} | {text} | {100 * alone[rank - 1]:.0f} % | {100 * both[rank - 1]:.0f} % | "
                     f"{one.log_probability:.1f} |")  # fmt: skip
    ending = t("in_the_end", text=" ".join(found.text.split()) or t("nothing"), log_p=f"{found.log_probability:.1f}")
    return "\n".join(lines) + "\n\n" + ending


def shares(logarithms: list[float]) -> np.ndarray:
    """e to these, so scaled that they sum to 1."""
    values = np.array(logarithms)
    values = np.exp(values - values.max())
    return values / values.sum()


def tabulated() -> dict[str, Any]:
    """assets/tables/recognition.json: part -> split -> metric -> value; {} where it is not there."""
    return table(TABLE)


def measured(t: Strings) -> str:
    """Word errors of the network and of pocketsphinx in the same run, as a table."""
    found = tabulated()
    heads = [t("wrong_words"), *(t(f"way_{i}") for i in range(4))]
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---:|---:|---:|"]
    for part, ways in PARTS.items():
        for split, values in found.get(part, {}).items():
            cells = [values.get(f"word error (%), {way}") for way in ways]
            numbers = ["–" if value is None else f"{value:.0f}" for value in cells]
            count = re.match(r"\d+", split)
            key = "split_digits_alone" if "single" in split else f"split_{part}"
            lines.append(f"| {t(key, count=count[0] if count else '')} | {' | '.join(numbers)} |")
    if len(lines) == 2:
        return t("not_measured")
    told = found.get("confidence", {})
    apart = next((v for m in told.values() for k, v in m.items() if k.startswith("speech told from other")), None)
    after = "" if apart is None else " " + t("told_apart", percent=f"{apart:.0f}")
    return "\n".join(lines) + "\n\n" + t("told_note") + after


def answer(t: Strings, x: Tensor) -> Answer:
    """The text, and how far it can be trusted."""
    from core.recognition.sample import recognise

    model = _models.load(hear.NETWORK)
    found = recognise(model, x, language_model=model.language_model)
    if not found.text:
        return Answer(t("recognition_no"), found.confidence, False)
    return Answer(t("recognition_says", text=found.text), found.confidence, found.is_sure)


def quality() -> dict[str, str]:
    """Word errors on digits of unheard men and on the known voice's sentences, in percent."""
    found = tabulated()
    pick = lambda part, way, word: next(  # noqa: E731
        (f"{values[way]:.0f}" for split, values in found.get(part, {}).items() if word in split and way in values), "–"
    )
    return {
        "digits": pick("digits", "word error (%), network, digits only", "strings"),
        "sentences": pick("sentences", "word error (%), network, beam and letters", ""),
        "peer": pick("sentences", "word error (%), pocketsphinx", ""),
    }  # fmt: skip


TASK = Task(answer, quality)
