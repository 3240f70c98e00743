"""What a bin sees: which bins each stack may read, and how much the bin's mean hangs on every one of them."""

from __future__ import annotations

import base64
import functools
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from demos import _models, _numbers
from demos import _widgets as w
from demos._melnet.born import kinds
from demos._melnet.making import MODELS
from demos._melnet.view import HIGH, LOW
from demos._tab import Strings

if TYPE_CHECKING:
    from torch import Tensor

CELL = "see"
FRAMES, TIERS = 80, 5  # a second
FIRST = "b0487"
START = (41, 13)  # a bin of the last tier, in the middle
DECADES = 4  # of influence that are told apart
STACKS = ("frequency_delayed", "time_delayed", "centralised", "before")  # of core.melnet.look
_LOAD = """
import('/site/melnet/see.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear' and 'select'
"""
WORDS = (
    "label", "waiting", "hint", "bin", "reach", "counts", "may", "how_much", "influence", "outside", "itself",
    *STACKS, "png", "csv",
)  # fmt: skip


def build(t: Strings) -> None:
    """The cell `see`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "above")
        with w.controls(t), w.row():
            choices = [(f"“{text}”", key) for key, text in w.SAMPLES.items()]
            sentence = w.link("seen", gr.Dropdown(choices, value=FIRST, label=t("sentence")))
            here = kinds() or ["speech"]
            names = [(t(f"network_{kind}"), kind) for kind in here]
            network = w.link("network", gr.Radio(names, value=here[0], label=t("network")))
        view = gr.HTML(
            None, html_template="<div class='see-host'></div>", js_on_load=_LOAD, apply_default_css=False,
            words={key: t(f"see.{key}") for key in WORDS}, name="see-view", elem_id="see-view",
            elem_classes=["out-cell"], stacks=list(STACKS),
        )  # fmt: skip
        w.prose(t, "see-much")
        w.code(t, "core.melnet.look:place_of", "core.melnet.look:visible", "core.melnet.look:influence",
               "core.melnet.model:Tier.forward")  # fmt: skip
    spot = gr.State(START)
    newest: dict[str, Any] = {"trigger_mode": "always_last"}

    def clicked(event: gr.SelectData) -> tuple[int, int]:
        return int(event.index[0]), int(event.index[1])

    asked = [sentence, network, spot]
    for event in (view.appear, sentence.change, network.change):
        shown = w.on(t, event, partial(show, t), sentence, view, **newest)
        w.on(t, shown.then, partial(measured, t), [view, *asked], view, **newest)
    picked = w.on(t, view.select, clicked, None, spot, **newest)
    w.on(t, picked.then, partial(measured, t), [view, *asked], view, **newest)


@functools.lru_cache(maxsize=8)
def excerpt(sentence: str) -> Tensor:
    """The loudest second of a bundled sentence, log-mel float32 [80, 80]."""
    from core import audio

    mel = audio.mel(audio.load_voice(w.sample_path(sentence if sentence in w.SAMPLES else FIRST))).T
    loudness = mel.mean(dim=1).unfold(0, FRAMES, 4).mean(dim=1)
    start = int(loudness.argmax()) * 4
    return mel[start : start + FRAMES].contiguous()


def show(t: Strings, sentence: Any) -> dict[str, Any]:
    """The spectrogram; what may be seen is worked out on the page, from the same rules as `core.melnet.look`."""
    from core.melnet.take import pack

    return {
        "run": _numbers.fresh(), "frames": FRAMES, "bands": 80, "tiers": TIERS, "low": LOW, "high": HIGH,
        "start": list(START), "levels": _text(pack(excerpt(str(sentence)))), "influence": None,
    }  # fmt: skip


def _text(levels: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(levels, dtype=np.uint8).tobytes()).decode("ascii")


def measured(t: Strings, value: dict[str, Any] | None, sentence: Any, network: Any, spot: Any) -> Any:
    """The same view with the influence of every bin on one.

    Raises:
        WeightsError: the network is not there.
    """
    if not value or not kinds():
        return gr.skip()
    from core.melnet.look import influence

    model = _models.load(MODELS[network if network in MODELS else "speech"])
    frame, band = (min(max(int(v), 0), top - 1) for v, top in zip(spot, (FRAMES, 80)))
    found = influence(model, excerpt(str(sentence)), frame, band)
    largest = float(found.max()) or 1.0
    levels = 255 * (1 + np.log10(np.maximum(found / largest, 10.0**-DECADES)) / DECADES)
    text = shares(t, found, frame, band)
    return {
        **value,
        "influence": {
            "at": [frame, band], "levels": _text(levels.round()), "largest": largest, "decades": DECADES, "text": text,
        },
    }  # fmt: skip


def shares(t: Strings, found: np.ndarray, frame: int, band: int) -> str:
    """How the influence is shared among what the stacks read, in one sentence."""
    from core.melnet.look import visible

    seen = visible(frame, band, FRAMES, 80, TIERS)
    total = float(found.sum()) or 1.0
    parts = [
        f"{t(f'see.{stack}')} {100 * float(found[seen[stack]].sum()) / total:.0f} %"
        for stack in ("frequency_delayed", "time_delayed", "before")
        if seen[stack].any()
    ]
    return t("shares", parts=", ".join(parts)) if parts else t("nothing_seen")
