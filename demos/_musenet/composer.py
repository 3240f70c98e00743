"""A composer: pieces that are stored, and live: four ways to go on, one of which is kept; undo and branches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gradio as gr

from core.errors import SamplingError
from core.musenet import vocabulary as v
from demos import _kept, _models
from demos import _widgets as w
from demos._musenet import examples, making, mask, measured, show
from demos._musenet.starts import OWN, PRESETS, STARTS, USUAL, Asked
from demos._musenet.versions import LETTERS
from demos._tab import Strings
from demos._transformer.roll import Roll, piano_roll
from demos._wavenet import live_sound as live

CELL = "composer"
STYLE = '<link rel="stylesheet" href="/site/musenet/composer.css">'
SIMPLE, LIVE = "stored", "live"
BOLD, FEW, KEPT = 1.5, 12, 0.6  # of the exercise: temperature, tokens that may be drawn, what the network gave them
OUTPUTS = ("roll", "player", "links", "keep", "tree", "versions", "produced", "state", "shown")
HEAVY: dict[str, Any] = {"heavy": True, "show_progress": "hidden", "trigger_mode": "always_last"}


def build(t: Strings) -> None:
    """The cell `composer`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "style")
        page = _controls(t)
        page |= _results(t)
        w.prose(t, "composer-mask")
        mask.build(t, page["asked"], page["own"])
        w.quiz(t, "mask")
        w.exercise(t, "bold", bold, [page["own"], *page["asked"]])
        w.prose(t, "composer-limits")
        measured.build(t)
        w.code(t, "core.musenet.sample:together", "core.musenet.sample:_draw", "core.musenet.grammar:State.allowed",
               "core.sampling:distribution", "core.sampling:draw")  # fmt: skip
    _wire(t, page)


def _controls(t: Strings) -> dict[str, Any]:
    """What can be set, by name."""
    made: dict[str, Any] = {}
    with w.controls(t):
        modes = [(t("mode_stored"), SIMPLE), (t("mode_live"), LIVE)]
        made["mode"] = w.link("composer-mode", gr.Radio(modes, value=SIMPLE, label=t("mode")))
        with gr.Column(elem_id="composer-stored") as made["simple"]:
            pieces = examples.choices(t)
            made["piece"] = w.link("stored", gr.Dropdown(pieces, value=pieces[0][1] if pieces else None,
                                                         label=t("piece")))  # fmt: skip
            made["further"] = w.button(t("further"), primary=False, name="composer-further")
        with gr.Column(visible=False, elem_id="composer-live") as made["live"]:
            made |= _live_controls(t)
    return made


def _live_controls(t: Strings) -> dict[str, Any]:
    made: dict[str, Any] = {}
    with gr.Row(elem_classes=["control-row", "composer-presets"]):
        made["presets"] = {
            name: gr.Button(t(f"preset_{name}"), size="sm", elem_id=f"composer-preset-{name}") for name in PRESETS
        }
    with w.row():
        styles = [(t(f"style_{name}"), name) for name in v.COMPOSERS]
        style = w.link("style", gr.Dropdown(styles, value=USUAL[0], label=t("style")))
        starts = [(t(f"start_{name}"), name) for name in STARTS]
        start = w.link("start", gr.Dropdown(starts, value=USUAL[1], label=t("start")))
    made["upload"] = gr.File(label=t("upload"), type="filepath", visible=False, height=150, elem_id="composer-upload")
    names = [(t(f"instrument_{name}"), name) for name in v.NAMES]
    instruments = gr.CheckboxGroup(names, value=USUAL[2], label=t("instruments"), elem_id="composer-instruments")
    with gr.Accordion(t("more"), open=False, elem_id="composer-more"):
        with w.row():
            seconds = w.link("length", gr.Slider(2, 20, 10, step=1, label=t("length")))
            temperature = w.link("boldness", gr.Slider(0.2, 2, 1, step=0.05, label=t("temperature")))
            seed = w.link("composer-seed", gr.Slider(0, 999, 1, step=1, label=t("seed")))
        with w.row():
            top_k = w.link("topk", gr.Slider(0, 200, 0, step=1, label=t("top_k")))
            top_p = w.link("topp", gr.Slider(0.05, 1, 0.98, step=0.01, label=t("top_p")))
            primer_s = w.link("primer", gr.Slider(1, 30, 12, step=1, label=t("primer")))
        grammar = w.link("grammar", gr.Checkbox(True, label=t("grammar")))
    with w.row():
        made["run"] = w.button(t("run"), name="composer-run")
        made["others"] = w.button(t("others"), primary=False, name="composer-others")
        made["halt"] = w.button(t("stop"), primary=False, name="composer-stop")
    made["asked"] = [style, start, instruments, seconds, temperature, top_k, top_p, seed, grammar, primer_s]
    return made


def _results(t: Strings) -> dict[str, Any]:
    """Where it is shown, by name, and what is remembered."""
    made: dict[str, Any] = {}
    with gr.Column(visible=False) as made["noted"]:
        made["note"] = w.note(t, "note", latex=False)
    made["roll"] = piano_roll(t, "roll", follows=("composer-player",))
    made["player"] = w.player(t, "player")
    gr.HTML(STYLE, apply_default_css=False)
    made["links"] = gr.HTML("", elem_id="composer-links", apply_default_css=False)
    with gr.Column(visible=False, elem_classes=["in-cell"], elem_id="composer-keep") as made["keep"], w.row():
        made["keeps"] = [
            w.button(t("keep", letter=letter), primary=False, name=f"composer-keep-{letter.lower()}")
            for letter in LETTERS
        ]
    with gr.Column(visible=False, elem_classes=["in-cell"], elem_id="composer-tree") as made["tree"]:
        made["versions"] = gr.Radio([], label=t("versions"), elem_id="composer-versions")
        made["undo"] = w.button(t("undo"), primary=False, name="composer-undo")
    made["produced"] = w.figure(t, "produced", height=300)
    made["own"] = gr.State(None)
    made["state"] = gr.State(None)
    made["shown"] = gr.State(None, delete_callback=lambda last: _kept.drop(last and last.folder))
    return made


def _wire(t: Strings, page: dict[str, Any]) -> None:
    """What happens on each click. Whoever changes what is shown writes to all of `out`: see `making.outputs`."""
    out = [page[name] for name in OUTPUTS]
    _wire_making(t, page, out)
    _wire_versions(t, page, out)
    _wire_stored(t, page, out)


def _wire_making(t: Strings, page: dict[str, Any], out: list[Any]) -> None:
    """Begin, compose, stop."""
    asked, own, state, shown = (page[name] for name in ("asked", "own", "state", "shown"))
    note = [page["noted"], page["note"]]
    style, start, instruments, seed = asked[0], asked[1], asked[2], asked[7]

    def waiting(request: gr.Request, last: Any) -> dict:
        live.begin(request.session_hash, CELL)
        roll = (last and last.roll) or Roll(show.parts(t)).value
        return {**roll, "state": "running", "facts": t("waiting")}

    def go(request: gr.Request, tree: Any, own: Any, last: Any, *asked: Any) -> Iterator[tuple]:
        yield from making.compose(t, tree, own, last, Asked(*asked), request.session_hash,
                                  is_stopped=lambda: live.is_stopped(request.session_hash, CELL))  # fmt: skip

    def opened(request: gr.Request, own: Any, last: Any, *asked: Any) -> Iterator[tuple]:
        yield from making.open_(t, own, last, Asked(*asked), request.session_hash)

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    def brought(request: gr.Request, path: str | None) -> str | None:
        _kept.adopt(request.session_hash, path)
        return path

    def then_compose(event: Any) -> None:
        started = w.on(t, event, waiting, shown, page["roll"])
        w.on(t, started.then, go, [state, own, shown, *asked], out, **HEAVY)

    def then_open(event: Any) -> Any:
        return w.on(t, event, opened, [own, shown, *asked], [*note, *out], **HEAVY)

    then_compose(page["run"].click)
    then_compose(w.on(t, page["others"].click, lambda n: (int(n) + 1) % 1000, seed, seed).then)
    for name, button in page["presets"].items():
        ready = w.on(t, button.click, partial(preset, name), None, [style, start, instruments])
        then_compose(then_open(ready.then).then)
    w.on(t, start.change, lambda start: gr.update(visible=start == OWN), start, page["upload"])
    then_open([start.input, asked[9].release])
    upload = page["upload"]
    then_open(w.on(t, [upload.upload, upload.clear], brought, upload, own).then)
    w.on(t, page["halt"].click, cancel, None, None)


def _wire_versions(t: Strings, page: dict[str, Any], out: list[Any]) -> None:
    """Keep one of four, undo, branch."""
    state, shown = page["state"], page["shown"]

    def keep(number: int) -> Callable[..., tuple]:
        def kept(request: gr.Request, tree: Any, last: Any) -> tuple:
            return making.version(t, making.held(tree).kept(number), last, request.session_hash)

        return kept

    def undo(request: gr.Request, tree: Any, last: Any) -> tuple:
        return making.version(t, making.held(tree).undone(), last, request.session_hash)

    def branch(request: gr.Request, tree: Any, last: Any, number: Any) -> tuple:
        return making.version(t, making.held(tree).at(int(number or 0)), last, request.session_hash)

    for number, button in enumerate(page["keeps"]):
        w.on(t, button.click, keep(number), [state, shown], out, **HEAVY)
    w.on(t, page["undo"].click, undo, [state, shown], out, **HEAVY)
    w.on(t, page["versions"].input, branch, [state, shown, page["versions"]], out, **HEAVY)


def _wire_stored(t: Strings, page: dict[str, Any], out: list[Any]) -> None:
    """Simple mode: a stored piece; and the way from it, or from the switch, to the live one."""
    mode, piece, state, shown = (page[name] for name in ("mode", "piece", "state", "shown"))
    note = [page["noted"], page["note"]]

    def sight(mode: Any, name: Any, last: Any) -> tuple:
        found = examples.chosen(name)
        if mode != SIMPLE or found is None:
            return (gr.skip(),) * (making.OUT + 2)
        *view, _, kept = making.outputs(t, examples.shown(t, found), None, last, figure=examples.bars(t, found))
        return *making.noted(""), *view, gr.skip(), kept  # what was composed live is still there

    def switched(mode: Any) -> tuple:
        return gr.update(visible=mode == SIMPLE), gr.update(visible=mode == LIVE)

    def begin(request: gr.Request, mode: Any, tree: Any, own: Any, last: Any, *asked: Any) -> Iterator[tuple]:
        if mode == LIVE and tree is None:
            yield from making.open_(t, own, last, Asked(*asked), request.session_hash)
        elif mode == LIVE:
            yield *making.noted(""), *making.version(t, tree.at(tree.current), last, request.session_hash)

    def further(request: gr.Request, name: Any, last: Any) -> tuple:
        found = examples.chosen(name)
        if found is None:
            raise SamplingError("There is nothing to keep yet: compose first.")
        return LIVE, *making.version(t, examples.tree(found), last, request.session_hash)

    both = [page["simple"], page["live"]]
    asked = page["asked"]
    for event in (page["roll"].appear, piece.input):
        w.on(t, event, sight, [mode, piece, shown], [*note, *out])
    w.on(t, mode.change, switched, mode, both)
    w.on(t, w.on(t, mode.input, sight, [mode, piece, shown], [*note, *out]).then, begin,
         [mode, state, page["own"], shown, *asked], [*note, *out], **HEAVY)  # fmt: skip
    w.on(t, page["further"].click, further, [piece, shown], [mode, *out], **HEAVY)
    w.on(t, page["player"].appear, warm_up, mode, None)


def bold(own: str | None, *controls: Any) -> tuple[str, dict[str, Any]]:
    """The exercise: a high temperature, and yet few tokens to draw from, which the network itself thinks likely.

    Judged by the distribution of the first token after the beginning.

    Raises:
        MidiError, SamplingError: as `making.root`.
    """
    import torch

    from core import sampling
    from core.musenet.grammar import State
    from core.musenet.sample import Reader

    asked = Asked(*controls).mended()
    row = list(making.root(asked, own)[0].now.row)
    logits = Reader(_models.load(making.MODEL), row).logits[0]
    allowed = torch.from_numpy(State(row).allowed()) if asked.grammar else None
    usual, drawn = (sampling.distribution(logits, options, allowed)
                    for options in (sampling.OWN, asked.settings(1).options))  # fmt: skip
    left = drawn > 0
    count, kept = int(left.sum()), float(usual[left].sum())
    values = {"temperature": f"{asked.temperature:.2f}", "count": count, "few": FEW, "kept": f"{100 * kept:.0f}",
              "most": f"{100 * float(usual.max()):.0f}", "now": f"{100 * float(drawn.max()):.0f}",
              "wanted": f"{100 * KEPT:.0f}", "bold": BOLD}  # fmt: skip
    if asked.temperature < BOLD:
        return "tame", values
    if count > FEW:
        return "many", values
    return ("right" if kept >= KEPT else "narrow"), values


def preset(name: str) -> tuple:
    """Style, start and instruments."""
    return PRESETS[name]


def warm_up(mode: Any) -> None:
    """Load the network while the visitor is still reading."""
    from core.errors import LessonError

    try:
        _models.load(making.MODEL)
    except LessonError:
        return  # the click on the button will say it
