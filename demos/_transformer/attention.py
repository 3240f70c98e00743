"""Attention one can read: a sentence's queries, keys and values, every row of the softmax; and what sqrt(D) is for."""

from __future__ import annotations

import functools
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from demos import _models
from demos import _widgets as w
from demos._tab import Strings
from demos._transformer import attention_notes

if TYPE_CHECKING:
    from torch import Tensor

CELL = "attention"
NETWORKS = {"absolute": "transformer-sentence-absolute", "relative": "transformer-sentence"}
EXAMPLES = (
    "the bells near the girl ring .",
    "the boys near the old bell fell because they were wet .",
    "the old bird flies .",
    "할머니께서 아이에게 꽃을 주신다 .",
    "아이에게 할머니께서 꽃을 주신다 .",
    "오늘 아이가 할머니께 책을 드린다 .",
)
FIRST = {"en": EXAMPLES[0], "ko": EXAMPLES[3]}
LOOKING = {"en": 2, "ko": 1}  # the head that looks at the word that decides the first sentence
DONE = ("usual", "unmasked", "unscaled", "neither")
WORDS = (
    "percent", "choose", "row", "waiting", "logits", "logits_unscaled", "weights", "guess", "summary", "others",
    "picture", "head_word", "head_content", "head_position", "head_logit", "head_logit_unscaled", "head_power",
    "head_weight",
)  # fmt: skip
MOST_OF_IT = 0.5  # of the exercise: the share of the weight that has to go to the subject
WIDTHS, KEYS, SEED = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512), 32, 0
_LOAD = """
import('/site/transformer/attention.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear'
"""


def build(t: Strings) -> None:
    """The cell `attention`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "first")
        with w.controls(t):
            sentence, text = chosen_sentence(t, "sentence")
            with w.row():
                network = w.link("network", gr.Radio(_choices(t, "network", NETWORKS), value="relative",
                                                     label=t("network")))  # fmt: skip
                head = w.link("head", gr.Radio([("1", 1), ("2", 2)], value=LOOKING[t.language], label=t("head")))
            done = w.link("softmax", gr.Radio(_choices(t, "done", DONE), value="usual", label=t("done")))
        seen = view(t, "view")
        w.code(t, "core.transformer.attention:attention", "core.transformer.attention:causal_mask",
               "core.transformer.sentence.model:look")  # fmt: skip
        w.exercise(t, "subject", subject, [text, network, head, done])
        w.prose(t, "attention-scale")
        spread = w.figure(t, "spread", height=340)
        w.code(t, "core.transformer.scale:largest_weight")
        attention_notes.build(t)
    asked = [text, network, head, done]
    for event in (seen.appear, text.submit, text.blur, network.change, head.change, done.change):
        w.on(t, event, partial(show, t), asked, seen, trigger_mode="always_last")
    w.on(t, sentence.input, lambda chosen: chosen, sentence, text).then(
        w.readable(t, partial(show, t), 1), asked, seen, api_visibility="private", show_progress="hidden"
    )
    w.on(t, spread.appear, partial(draw_spread, t), None, spread)


def _choices(t: Strings, kind: str, names: Any) -> list[tuple[str, str]]:
    return [(t(f"{kind}_{name}"), name) for name in names]


def chosen_sentence(t: Strings, name: str) -> tuple[gr.Dropdown, gr.Textbox]:
    """A menu of examples, and the sentence itself, which one may write."""
    first = FIRST[t.language]
    with w.row():
        menu = gr.Dropdown(list(EXAMPLES), value=first, label=t("example"), elem_id=f"{t.scope}-example")
        text = w.link(name, gr.Textbox(first, label=t("sentence"), max_length=200, elem_id=f"{t.scope}-sentence"))
    return menu, text


def view(t: Strings, name: str) -> gr.HTML:
    """The figure of attention; its value is a dict of words, weights and the matrices there are. Event: `.appear`."""
    words = {key: t(f"view.{key}") for key in WORDS} | {"data": t("figure.data")}
    return gr.HTML(
        None, html_template="<div class='attention-view'></div>", js_on_load=_LOAD, apply_default_css=False,
        words=words, name=f"{t.scope}-{name}", elem_id=f"{t.scope}-{name}", elem_classes=["out-cell"],
    )  # fmt: skip


def show(t: Strings, text: Any, network: Any, head: Any, done: Any) -> dict[str, Any]:
    """One head's attention over a sentence.

    Raises:
        TextError: a word that the models do not know; too few or too many words.
    """
    from core.transformer.sentence import data
    from core.transformer.sentence.model import look, read

    words = read(text)
    causal, scaled = done not in ("unmasked", "neither"), done not in ("unscaled", "neither")
    model = _models.load(NETWORKS.get(network, NETWORKS["relative"]))
    found = look(model, words, causal=causal, scaled=scaled)
    h = 1 if head == 2 else 0
    decided = data.decided(tuple(words))
    value: dict[str, Any] = {
        name: _rounded(getattr(found, name)[h]) for name in ("queries", "keys", "values", "content", "logits")
    }
    return value | {
        "words": words, "scaled": scaled, "start": decided[0] - 1 if decided and decided[0] else len(words) - 1,
        "weights": covered(_rounded(found.weights[h]), causal),
        "position": _rounded(found.position[h]) if network == "relative" else None,
        "guesses": [[[word, round(share, 4)] for word, share in found.top(place)] for place in range(len(words))],
    }  # fmt: skip


def _rounded(values: Tensor) -> list[list[float]]:
    return [[round(float(v), 4) for v in row] for row in values.tolist()]


def covered(weights: list[list[float]], causal: bool) -> list[list[float | None]]:
    """None where the mask hides a key."""
    return [[None if causal and j > i else share for j, share in enumerate(row)] for i, row in enumerate(weights)]


def subject(text: Any, network: Any, head: Any, done: Any) -> tuple[str, dict[str, Any]]:
    """The exercise: a sentence whose verb must not listen to the nearest noun, and a head that knows it.

    Raises:
        TextError: as `show`.
    """
    from core.transformer.sentence import data
    from core.transformer.sentence.model import look, read

    words = read(text)
    if words in [read(example) for example in EXAMPLES]:
        return "example", {}
    nouns = {word: plural for noun in data.NOUNS for word, plural in ((noun, False), (noun + "s", True))}
    places = data.decided(tuple(words))
    before = [place for place, word in enumerate(words[: places[0]] if places else []) if word in nouns]
    if len(before) < 2:
        return "short", {}
    first, nearest, verb = before[0], before[-1], words[places[0]]
    values = {"subject": words[first], "nearest": words[nearest], "verb": verb}
    if nouns[words[first]] == nouns[words[nearest]]:
        return "alike", values
    if done in ("unmasked", "neither"):
        return "future", values
    found = look(_models.load(NETWORKS.get(network, NETWORKS["relative"])), words, scaled=done != "unscaled")
    weights = found.weights[1 if head == 2 else 0][places[0] - 1].tolist()
    most = int(np.argmax(weights))
    values |= {"looked": words[most], "most": f"{100 * weights[most]:.0f}", "share": f"{100 * weights[first]:.0f}"}
    return ("right" if weights[first] >= MOST_OF_IT else "elsewhere"), values


@functools.cache
def _spread() -> dict[bool, list[float]]:
    import torch

    from core.transformer.scale import curve

    normals = np.random.default_rng(SEED).standard_normal((2, KEYS, WIDTHS[-1]))
    return curve(WIDTHS, normals=torch.from_numpy(normals))


def draw_spread(t: Strings) -> dict[str, Any]:
    """The largest weight of a row for growing D, with the division by sqrt(D) and without."""
    from core import plots

    found = _spread()
    curves = {t("spread_scaled"): (WIDTHS, found[True]), t("spread_unscaled"): (WIDTHS, found[False])}
    figure = plots.lines(
        curves,
        x_title=t("spread_x"),
        y_title=t("spread_y"),
        roles=("reference", "model"),
        markers=True,
        log_x=True,
    )
    figure.update_xaxes(tickvals=list(WIDTHS), ticktext=[str(d) for d in WIDTHS])
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    at = WIDTHS.index(64)
    return w.plot(
        figure, t("spread_summary", keys=KEYS, scaled=100 * found[True][at], unscaled=100 * found[False][at])
    )
