"""The picture of the field: one sound goes in, and every leaf says what it makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from demos import _numbers, _stored
from demos import _widgets as w
from demos._map import sound
from demos._map.answer import Answer, Task
from demos._tab import Strings

if TYPE_CHECKING:
    from torch import Tensor

CELL = "field"
_LOAD = "import('/site/map/field.js').then(m => m.start(element, props, trigger, watch)); // fires 'appear'"
WORDS = (
    "label", "idle", "busy", "unsure", "goes_in", "comes_out", "model", "good", "go", "live", "elsewhere", "choose",
    "took",
)  # fmt: skip


class Leaf(NamedTuple):
    """A task of the lecture's first page, and where it is taught: a tab, and a step of it."""

    key: str
    branch: str
    tab: str
    step: str | None = None


LEAVES = (
    Leaf("recognition", "speech", "map", "recognition"),
    Leaf("synthesis", "speech", "tts"),
    Leaf("enhancement", "speech", "map", "enhancement"),
    Leaf("events", "sound", "map", "events"),
    Leaf("scenes", "sound", "map", "events"),
    Leaf("generation", "music", "musenet"),
    Leaf("separation", "music", "separation"),
    Leaf("pitch", "music", "map", "pitch"),
    Leaf("genre", "music", "map", "genre"),
    Leaf("tempo", "music", "map", "beats"),
)
BRANCHES = ("speech", "sound", "music")


def build(t: Strings, tasks: dict[str, Task]) -> sound.Source:
    """The cell `field`; gives the controls that all other cells read."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        with w.controls(t):
            source = sound.pick(t)
            run = w.button(t("run"), name="field-run")
        view = gr.HTML(
            None, html_template="<div class='field-host'></div>", js_on_load=_LOAD, apply_default_css=False,
            words={key: t(key) for key in WORDS}, leaves=described(t, tasks),
            branches=[[key, t(f"branch_{key}")] for key in BRANCHES],
            elem_id="field-view", elem_classes=["out-cell"],
        )  # fmt: skip
        player = w.player(t, "sound")
        w.quiz(t, "branch")
    outputs = [view, player]
    seen = w.on(t, view.appear, _stored.at_sight(t, sound.USUAL, 2), source.inputs, outputs)
    listens = partial(listen, t, tasks)
    w.on(t, seen.then, unless_stored(t, listens), source.inputs, outputs, heavy=True, show_progress="hidden")
    w.on(t, [source.sound.change, source.start.release, run.click], listens, source.inputs, outputs, heavy=True,
         show_progress="hidden", trigger_mode="always_last")  # fmt: skip
    return source


def described(t: Strings, tasks: dict[str, Task]) -> list[dict[str, Any]]:
    """What the page knows of each leaf before any sound: names, link, what goes in and comes out, how good it is."""
    found = []
    for leaf in LEAVES:
        task = tasks[leaf.key]
        words = {part: t(f"{leaf.key}_{part}") for part in ("name", "in", "out", "model")}
        good = t(f"{leaf.key}_good", **task.quality())
        found.append({**leaf._asdict(), **words, "good": good, "live": task.answer is not None})
    return found


def listen(t: Strings, tasks: dict[str, Task], path: str | None, start: Any) -> Iterator[tuple]:
    """(view, player) again and again: one leaf after the other says what it hears.

    Raises:
        AudioError: as `sound.load`.
    """
    if path is None:  # taken away, to bring another one
        yield shown({}), []
        return
    from core.errors import AudioError

    try:
        x = sound.load(path, start)
    except AudioError:
        yield shown({}), []  # what was said of the sound before is not about this one
        raise
    tracks = [w.track(t("heard"), x)]
    asked = [(leaf.key, tasks[leaf.key].answer) for leaf in LEAVES if tasks[leaf.key].answer is not None]
    said: dict[str, dict[str, Any]] = {key: {"state": "busy"} for key, _ in asked}
    yield shown(said), tracks
    for key, answer in asked:
        assert answer is not None
        began = time.perf_counter()
        said[key] = one(t, answer, x) | {"seconds": round(time.perf_counter() - began, 2)}
        yield shown(said), gr.skip()


def one(t: Strings, answer: Callable[[Strings, Tensor], Answer], x: Tensor) -> dict[str, Any]:
    """A leaf's answer; where the sound is nothing for it, what it says about that."""
    from core.errors import LessonError

    try:
        found = answer(t, x)
    except LessonError as error:
        return {"state": "unsure", "text": w.translate(str(error), t.language), "sure": 0.0}
    return {"state": "done" if found.fits else "unsure", "text": found.text, "sure": round(found.sure, 3)}


def unless_stored(t: Strings, listens: Callable[..., Iterator[tuple]]) -> Callable[..., Iterator[tuple]]:
    """`listens`, where there is no stored answer."""

    def make(path: str | None, start: Any) -> Iterator[tuple]:
        if _stored.first(t, (path, start), sound.USUAL) is None:
            yield from listens(path, start)
        else:
            yield gr.skip(), gr.skip()  # a generator that gives nothing would empty the outputs

    return make


def shown(said: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A value of the picture."""
    return {"run": _numbers.fresh(), "said": {key: dict(value) for key, value in said.items()}}
