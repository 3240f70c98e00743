"""Absolute against relative position: a sentence moved; the skewing trick step by step; the memory it saves."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import gradio as gr

from demos import _models
from demos import _widgets as w
from demos._tab import ROOT, Strings
from demos._transformer.attention import EXAMPLES, FIRST, NETWORKS

CELL = "relative"
SHIFT, MOST_SHIFT = 3, 11  # core.transformer.sentence.model.MOST_SHIFT, without loading torch
SKEWED = 6  # words of the skewing figure
RIGHT = ROOT / "assets/tables/transformer-sentence.json"
MEMORY = ROOT / "assets/tables/attention-memory.json"
SHIFT_WORDS = ("waiting", "absolute", "relative", "guess", "moved", "change", "summary", "home")
SKEW_WORDS = (
    "waiting", "play", "stop", "back", "next", "step", "queries", "embeddings", "step_inputs", "step_product",
    "step_reach", "step_pad", "step_memory", "step_reshape", "step_slice", "step_mask",
)  # fmt: skip
_LOAD = """
import('/site/transformer/SCRIPT.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear'
"""


def build(t: Strings) -> None:
    """The cell `relative`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "moved")
        with w.controls(t):
            sentence = w.link("moved", gr.Dropdown(list(EXAMPLES), value=FIRST[t.language], label=t("example")))
            with w.row():
                shift = w.link("by", gr.Slider(0, MOST_SHIFT, SHIFT, step=1, label=t("shift")))
                head = w.link("moved-head", gr.Radio([("1", 1), ("2", 2)], value=1, label=t("head")))
        seen = _own(t, "shift", "shift-view", SHIFT_WORDS)
        right = w.figure(t, "right", height=340)
        w.code(t, "core.transformer.attention:sinusoids", "core.transformer.attention:relative_direct")
        w.prose(t, "relative-skew")
        w.quiz(t, "pad")
        skewed = _own(t, "skew", "skew-view", SKEW_WORDS)
        w.code(t, "core.transformer.attention:skew", "core.transformer.attention:relative",
               "core.transformer.skewing:steps")  # fmt: skip
        w.prose(t, "relative-memory")
        size = w.quiz(t, "bytes")
        with w.reveal(t, size):
            memory = w.figure(t, "memory", height=380)
        w.code(t, "core.transformer.memory:formula", "core.transformer.memory:measured_bytes")
    asked = [sentence, shift, head]
    for event in (seen.appear, sentence.change, shift.change, head.change):
        w.on(t, event, partial(show, t), asked, seen, trigger_mode="always_last")
    for event in (skewed.appear, sentence.change, head.change):
        w.on(t, event, partial(skew, t), [sentence, head], skewed, trigger_mode="always_last")
    w.on(t, right.appear, partial(draw_right, t), None, right)
    w.on(t, memory.appear, partial(draw_memory, t), None, memory)


def _own(t: Strings, name: str, kind: str, keys: tuple[str, ...]) -> gr.HTML:
    """A figure of our own script; event `.appear`."""
    words = {key: t(f"{name}_view.{key}") for key in keys} | {"data": t("figure.data")}
    return gr.HTML(
        None, html_template=f"<div class='{kind}'></div>", js_on_load=_LOAD.replace("SCRIPT", name), words=words,
        apply_default_css=False, name=f"{t.scope}-{name}", elem_id=f"{t.scope}-{name}-view", elem_classes=["out-cell"],
    )  # fmt: skip


def show(t: Strings, sentence: Any, shift: Any, head: Any) -> dict[str, Any]:
    """The logits of both networks at home and moved, and what they think of the word that is decided."""
    from core.transformer.sentence import data
    from core.transformer.sentence.model import look, numbers, read

    words = read(sentence)
    places = data.decided(tuple(words))
    place = places[0] - 1 if places and places[0] else len(words) - 2
    moved_by, h = min(MOST_SHIFT, max(0, int(shift))), 1 if head == 2 else 0
    value: dict[str, Any] = {"words": words, "place": place, "shift": moved_by}
    for kind, name in NETWORKS.items():
        model = _models.load(name)
        home, moved = look(model, words), look(model, words, shift=moved_by)
        right = numbers()[words[place + 1]]
        value[kind] = {
            "home": _rounded(home.logits[h]), "moved": _rounded(moved.logits[h]), "right": words[place + 1],
            "before": round(float(home.guesses[place, right]), 4),
            "after": round(float(moved.guesses[place, right]), 4),
        }  # fmt: skip
    return value


def _rounded(values: Any) -> list[list[float]]:
    return [[round(float(v), 4) for v in row] for row in values.tolist()]


def skew(t: Strings, sentence: Any, head: Any) -> dict[str, Any]:
    """Q and E_r of the relative network for the first words of the sentence, and where each cell of Q E_r^T goes."""
    from core.transformer import skewing
    from core.transformer.sentence.model import look, read

    words = read(sentence)[:SKEWED]
    model, h = _models.load(NETWORKS["relative"]), 1 if head == 2 else 0
    queries = look(model, words).queries[h]
    embeddings = model.layers[0].attention.embeddings[h, -len(words) :].detach()
    labels = skewing.labels(len(words))
    return {
        "words": words, "queries": _rounded(queries), "embeddings": _rounded(embeddings),
        "products": _rounded(queries @ embeddings.T), "reachable": skewing.reachable(len(words)).tolist(),
        "labels": {name: array.tolist() for name, array in labels._asdict().items()},
    }  # fmt: skip


def draw_right(t: Strings) -> dict[str, Any]:
    """How often both networks are right, by how far the sentences are moved."""
    from core import plots

    found = json.loads(RIGHT.read_text(encoding="utf-8"))
    shifts = list(range(MOST_SHIFT + 1))
    curves = {t(f"network_{kind}"): (shifts, found["right"][kind]) for kind in ("absolute", "relative")}
    figure = plots.lines(
        curves, x_title=t("right_x"), y_title=t("right_y"), roles=("reference", "model"), markers=True
    )
    figure.update_xaxes(dtick=1)
    figure.update_yaxes(range=[0, 1.05], tickformat=".0%")
    low = min(found["right"]["absolute"])
    said = t("right_summary", relative=100 * min(found["right"]["relative"]), low=100 * low,
             home=100 * found["right"]["absolute"][0], command=found["command"])  # fmt: skip
    return w.plot(figure, said)


def draw_memory(t: Strings) -> dict[str, Any]:
    """Memory of both forms, measured, and the formula as lines."""
    from core import plots

    table = json.loads(MEMORY.read_text(encoding="utf-8"))
    figure = plots.lines({}, x_title=t("memory_x"), y_title=t("memory_y"), log_x=True, log_y=True)
    for form, colour in (("direct", plots.REFERENCE), ("skew", plots.MODEL)):
        rows = [row for row in table["rows"] if row[form]["measured"] is not None]
        figure.add_scatter(
            x=[row["length"] for row in table["rows"]], y=[row[form]["formula"] / 1e6 for row in table["rows"]],
            mode="lines", line={"color": colour, "width": 1.5, "dash": "dot"}, name=t(f"memory_{form}_formula"),
        )  # fmt: skip
        figure.add_scatter(
            x=[row["length"] for row in rows], y=[row[form]["measured"] / 1e6 for row in rows], mode="markers",
            marker={"color": colour, "size": 9}, name=t(f"memory_{form}"),
        )  # fmt: skip
    lengths = [row["length"] for row in table["rows"] if row["length"] != 650]
    figure.update_xaxes(tickvals=lengths, ticktext=[str(length) for length in lengths])
    figure.update_yaxes(
        tickvals=[0.1, 1, 10, 100, 1000, 10_000], ticktext=["0.1", "1", "10", "100", "1,000", "10,000"]
    )
    figure.update_layout(showlegend=True)
    plots.on_a_phone(figure, {"legend.font.size": 10, "margin.l": 44})
    at = next(row for row in table["rows"] if row["length"] == 1024)
    direct, skewed = (at[form]["measured"] / 1e6 for form in ("direct", "skew"))
    said = t("memory_summary", direct=direct, skew=skewed, ratio=direct / skewed, heads=table["heads"],
             width=table["width"], machine=table["machine"], command=table["command"])  # fmt: skip
    return w.plot(figure, said)
