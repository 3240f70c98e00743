"""The whole architecture: figure 4 with the live model's shapes, and what flows through each of its blocks."""

from __future__ import annotations

import functools
import html
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from demos import _models
from demos import _widgets as w
from demos._code import code_html
from demos._tab import Strings
from demos._wavenet.architecture_diagram import BLOCKS, diagram

EQUATIONS = {
    "codes": r"c_t = \Big\lfloor \tfrac{255}{2}\,\big(f(x_t) + 1\big) + \tfrac12 \Big\rfloor,\qquad "
    r"f(x) = \operatorname{sign}(x)\,\frac{\ln(1 + 255\,|x|)}{\ln 256}",
    "embedding": r"x^{(0)}_t = E_0\big[c_{t-2}\big] + E_1\big[c_{t-1}\big]",
    "dilated": r"a_t = W_0\,x^{(l)}_{t-d} + W_1\,x^{(l)}_t + b",
    "condition": r"a_t \leftarrow a_t + u_0\,V h_i + u_1\,V h_{i+1},\qquad i = \lfloor t / 200 \rfloor",
    "gate": r"z_t = \tanh(a^f_t) \odot \sigma(a^g_t)",
    "residual": r"x^{(l+1)}_t = x^{(l)}_t + W_r\,z_t + b_r",
    "skip": r"s_t = \sum_{l} W_s^{(l)}\,z^{(l)}_t + b_s",
    "head1": r"u_t = W_1\,\mathrm{ReLU}(s_t) + b_1",
    "head2": r"o_t = W_2\,\mathrm{ReLU}(u_t) + b_2",
    "softmax": r"p(c_t = k \mid c_{<t}) = \frac{e^{o_{t,k}}}{\sum_j e^{o_{t,j}}}",
}
SOURCES = {
    "codes": ("core.audio:mu_law_encode", "core.wavenet.model:WaveNet.forward"),
    "embedding": ("core.wavenet.model:CausalEmbedding",),
    "dilated": ("core.wavenet.model:GatedLayer.taps", "core.wavenet.model:GatedLayer.forward"),
    "condition": ("core.wavenet.model:MelConditioner",),
    "gate": ("core.wavenet.model:GatedLayer.activate", "core.wavenet.model:GatedLayer"),
    "residual": ("core.wavenet.model:WaveNet.forward", "core.wavenet.model:GatedLayer"),
    "skip": ("core.wavenet.model:WaveNet.head",),
    "head1": ("core.wavenet.model:WaveNet.head",),
    "head2": ("core.wavenet.model:WaveNet.head",),
    "softmax": ("core.wavenet.engines.contract:inverse_cdf",),
}
WORDS = (
    "time", "channel", "code", "layer", "probability", "size", "tanh", "sigmoid", "product", "stream", "update",
    "heard", "mel", "added", "norm",
)  # fmt: skip
COUNTED = ("embedding", "condition", "dilated", "residual", "skip", "head1", "head2")  # blocks with parameters
BATCH, SAMPLES, MOMENT_S, LAYER, COLUMN = 1, 1600, 1.0, 4, 120


def build(t: Strings) -> None:
    """The cell `architecture`."""
    with w.cell(t, "architecture") as t:
        w.prose(t)
        with w.controls(t):
            with w.row():
                choices = [(t("vocoder"), "wavenet-vocoder"), (t("speech"), "wavenet-speech")]
                network = w.link("weights", gr.Radio(choices, value=choices[0][1], label=t("network")))
                layer = w.link("layer", gr.Slider(0, 19, LAYER, step=1, label=t("layer_choice")))
            with w.row():
                batch = w.link("batch", gr.Slider(1, 4, BATCH, step=1, label=t("batch")))
                samples = w.link("length", gr.Slider(100, 2000, SAMPLES, step=100, label=t("samples")))
            with gr.Accordion(t("more"), open=False):
                moment = w.link("moment", gr.Slider(0, 10, MOMENT_S, step=0.05, label=t("moment")))
                voice = w.voice(t)
        drawing = diagram(t, name="wavenet-architecture", elem_id="architecture-diagram")
        blocks = [(t(f"block.{name}"), name) for name in BLOCKS]
        block = w.link("block", gr.Dropdown(blocks, value="gate", label=t("block_choice")))
        about = w.note(t, "about")
        picture = w.figure(t, "picture", height=480)
        pointed = w.note(t, "pointed", t("point_hint"))
        source = gr.HTML(_source(t, "gate"), elem_id="architecture-source", apply_default_css=False)
        asked = w.quiz(t, "shares")
        with w.reveal(t, asked):
            shares = w.figure(t, "shares", height=300)
        w.code(t, "core.wavenet.shapes:watch", "core.wavenet.shapes:record", "core.wavenet.inside:look")
    column, shown = gr.State(COLUMN), gr.State(None)
    sizes, place = [network, layer, block, batch, samples], [moment, voice]
    inputs, results = [*sizes, *place, column, shown], [drawing, about, picture, source, shown]

    def pick(event: gr.SelectData) -> str:
        return event.value if event.value in BLOCKS else "gate"

    def point(event: gr.SelectData, *chosen: Any) -> tuple[Any, Any, str]:
        return _point(t, event.index, event.value, *chosen)

    newest: dict[str, Any] = {"trigger_mode": "always_last"}
    appeared = w.on(t, drawing.appear, partial(show, t), inputs, results, **newest)
    changed = w.on(t, [control.change for control in sizes], partial(show, t), inputs, results, **newest)
    for first in (appeared, changed):  # a link sets several controls at once, and the answers may overtake each other
        w.on(t, first.then, partial(show, t), inputs, results)
    w.on(t, drawing.select, pick, None, block)
    w.on(t, network.change, fit_layer, [network, layer], layer, **newest)
    looked_at = [network, layer, block, *place]
    moved = [moment.change, voice.change, column.change]
    w.on(t, moved, partial(inspect_block, t), [*looked_at, column], picture, **newest)
    w.on(t, picture.select, point, looked_at, [layer, column, pointed])
    w.on(t, shares.appear, partial(draw_shares, t), network, shares)
    w.on(t, network.change, partial(draw_shares, t), network, shares)


@functools.lru_cache(maxsize=4)
def _stored(name: str) -> Any:
    from core.wavenet import inside

    return inside.stored(name)


@functools.lru_cache(maxsize=64)
def _facts(name: str, batch: int, samples: int) -> dict[str, Any]:
    """Shapes, sizes and parameters: stored for the first view, else from a forward pass of the loaded model."""
    kept = _stored(name)
    if kept and (batch, samples) == (BATCH, SAMPLES):
        return kept[1]
    from core.wavenet import inside, shapes

    model = _models.load(name)
    return inside.facts(model, shapes.record(model, batch=batch, samples=samples))


@functools.lru_cache(maxsize=12)
def _look(name: str, path: str | None, moment_s: float) -> dict[str, Any]:
    """What flows inside: stored for the first view, else from a forward pass over the chosen voice."""
    from core.wavenet import inside

    kept = _stored(name)
    if kept and moment_s == MOMENT_S and (path is None or Path(path).name == inside.SENTENCE.name):
        return kept[0]
    voice = inside.sentence() if path is None else w.load_voice(path)
    return inside.look(_models.load(name), voice, moment_s=moment_s)


def _depth(name: str) -> int:
    return _facts(name, BATCH, SAMPLES)["config"]["layers"]


def _layer(name: str, layer: float) -> int:
    return min(int(layer), _depth(name) - 1)


def fit_layer(network: str, layer: float) -> Any:
    """The slider ends at the chosen network's last layer."""
    return gr.update(maximum=_depth(network) - 1, value=_layer(network, layer))


def show(t: Strings, network: str, layer: float, block: str, batch: float, samples: float, moment: float,
         path: str | None, column: int, shown: tuple | None) -> tuple[Any, ...]:  # fmt: skip
    """The diagram, the block's equation and numbers, the figure of what flows there, its source, and for which choice.

    Nothing changes when that choice is what the page shows already.
    """
    choice = (network, layer, block, batch, samples)
    if shown is not None and tuple(shown) == choice:
        return (gr.skip(),) * 5
    return (
        draw(t, network, layer, block, batch, samples),
        describe(t, network, layer, block),
        inspect_block(t, network, layer, block, moment, path, column),
        _source(t, block),
        choice,
    )


def draw(t: Strings, network: str, layer: float, block: str, batch: float, samples: float) -> dict[str, Any]:
    """The diagram's value: the shapes of the chosen layer and the sentence below."""
    facts = _facts(network, int(batch), int(samples))
    number = _layer(network, layer)
    at = f"layers.{number}."
    shapes = {
        name.replace(at, "."): shape
        for name, shape in facts["shapes"].items()
        if name.startswith(at) or not name.startswith("layers.")
    }
    depth, dilation = facts["config"]["layers"], facts["dilations"][number]
    numbers = {"layer": number, "layers": depth, "dilation": dilation}
    summary = t(
        "summary", **numbers, input=shapes[".input"], taps=shapes[".taps"], gated=shapes[".gated"],
        logits=shapes["logits"], total=facts["total"], reach=facts["receptive_field"],
        reach_ms=facts["receptive_field"] / 16,
    )  # fmt: skip
    return {
        "shapes": shapes, "title": t("draw.layer", **numbers), "selected": block, "summary": summary,
        "conditional": bool(facts["config"]["mel_channels"]), "last": number == depth - 1,
    }  # fmt: skip


def describe(t: Strings, network: str, layer: float, block: str) -> str:
    """The block's name, what it does, its equation with this network's sizes, its parameters."""
    facts = _facts(network, BATCH, SAMPLES)
    config, number = facts["config"], _layer(network, layer)
    lines = [f"### {t(f'block.{block}')}", t(f"text.{block}"), f"$${EQUATIONS[block]}$$"]
    if block == "condition" and not config["mel_channels"]:
        lines.append(t("no_condition"))
    lines.append(_counts(t, facts, number, block))
    return "\n\n".join(lines)


def _counts(t: Strings, facts: dict[str, Any], layer: int, block: str) -> str:
    """How many parameters the block has, in a sentence."""
    counted, total = facts["parameters"], facts["total"]
    whole = counted.get(block, 0)
    if not whole:
        return t("no_parameters")
    share = {"count": whole, "percent": 100 * whole / total, "total": total}
    one = counted.get(f"layers.{layer}.{block}")
    return t("parameters", **share) if one is None else t("parameters_layer", **share, layer=layer, one=one)


def inspect_block(t: Strings, network: str, layer: float, block: str, moment: float, path: str | None,
                  column: int) -> dict[str, Any]:  # fmt: skip
    """The figure of what flows through a block on a real sentence, and one sentence of its numbers."""
    from core.wavenet import inside_figures

    look, number = _look(network, path, float(moment)), _layer(network, layer)
    if block == "condition" and "mel" not in look:
        block = "gate"
    column = min(int(column), look["window"] - 1)
    figure = inside_figures.draw(block, look, number, column, {key: t(f"word.{key}") for key in WORDS})
    values = inside_figures.numbers(block, look, number, column)
    return w.plot(figure, t(f"seen.{block}", layer=number, **values))


def _point(t: Strings, index: Any, value: dict[str, Any], network: str, layer: float, block: str, moment: float,
           path: str | None) -> tuple[Any, Any, str]:  # fmt: skip
    """A click on the figure: a bar chooses its layer, a column its sample, and the numbers there are written out."""
    look, curve = _look(network, path, float(moment)), index[0]
    if block == "residual" or (block == "skip" and curve == 0):
        chosen = max(0, min(_depth(network) - 1, round(value["x"])))
        return chosen, gr.skip(), t("pointed_layer", layer=chosen)
    if (block == "condition" and curve == 0) or (block == "softmax" and curve > 1):
        return gr.skip(), gr.skip(), gr.skip()
    column = max(0, min(look["window"] - 1, round(value["x"] * 16) - int(look["start"])))
    return gr.skip(), column, _written(t, look, _layer(network, layer), block, column, value)


def _written(t: Strings, look: dict[str, Any], layer: int, block: str, column: int, value: dict[str, Any]) -> str:
    """The numbers at the clicked place."""
    from core.wavenet import inside

    ms = (look["start"] + column) / 16
    if block in ("gate", "dilated"):
        tanh, sigmoid, product = inside.gate(look, layer)
        channel = int(value["y"]) % tanh.shape[1]
        parts = {"a": tanh[column, channel], "b": sigmoid[column, channel], "c": product[column, channel]}
        return t("pointed_gate", ms=ms, channel=channel, layer=layer, **{k: float(v) for k, v in parts.items()})
    heard = int(look["codes"][column])
    probability = float(look["probabilities"][column, heard])
    return t("pointed_sample", ms=ms, code=heard, percent=100 * probability)


def _source(t: Strings, block: str) -> str:
    return code_html(
        SOURCES[block], title=t("source", block=html.unescape(t(f"block.{block}"))), copy=t("code.copy"),
        copied=t("code.copied"), opened=False,
    )  # fmt: skip


def draw_shares(t: Strings, network: str) -> dict[str, Any]:
    """Where the parameters are."""
    from core.wavenet import inside_figures

    facts = _facts(network, BATCH, SAMPLES)
    names = {block: t(f"block.{block}") for block in COUNTED}
    counted = facts["parameters"]
    most = max(COUNTED, key=lambda block: counted[block])
    figure = inside_figures.shares(counted, names, y_title=t("count"))
    text = t("shares_summary", total=facts["total"], block=names[most], percent=100 * counted[most] / facts["total"])
    return w.plot(figure, text)
