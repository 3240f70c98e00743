"""The Music Transformer at work: it goes on from a primer or plays below a melody, and shows what it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from demos import _widgets as w
from demos._tab import Strings
from demos._transformer import card, looking, pieces, playing
from demos._transformer.playing import MODES, NETWORKS, USUAL
from demos._transformer.roll import piano_roll
from demos._wavenet import live_sound as live

CELL = "music"


def build(t: Strings) -> None:
    """The cell `music`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "again")
        with w.controls(t):
            piece, own, mode, network = _what(t)
            options = _how(t)
            with w.row():
                run = w.button(t("run"), name="music-run")
                halt = w.button(t("stop"), primary=False, name="music-stop")
        roll = piano_roll(t, "roll", follows=("music-take",), clickable=True)
        player = w.player(t, "take")
        saved = gr.HTML(elem_id="music-midi", elem_classes=["out-cell", "player"], apply_default_css=False)
        note = w.note(t, "note", latex=False)
        w.code(t, "core.transformer.sample:Player", "core.transformer.sample:generate",
               "core.transformer.sample:accompany")  # fmt: skip
        w.prose(t, "music-arcs")
        w.quiz(t, "far")
        with w.controls(t), w.row():
            layer = w.link("arc-layer", gr.Slider(1, 5, 5, step=1, label=t("layer")))
            looks = w.link("arc-network", gr.Radio(_choices(t, "network", NETWORKS), value=USUAL[2], label=t("looks")))
        arcs_roll = piano_roll(t, "arcs", follows=("music-take",), clickable=True)
        reach = w.figure(t, "reach", height=420)
        surprise = w.figure(t, "surprise", height=340)
        w.code(t, "core.transformer.look:note_arcs", "core.transformer.look:reach", "core.transformer.look:surprise")
        w.prose(t, "music-measured")
        w.note(t, "measured", card.piano(t))
    made = gr.State(None)
    shown = [roll, player, saved, note, made]
    finished = _wire_playing(t, [piece, own, mode, network, *options, made], shown, run, halt)
    figures = [arcs_roll, reach, surprise]
    _wire_looking(t, finished, made, [roll, arcs_roll], [layer, looks], figures)


def _choices(t: Strings, kind: str, names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(t(f"{kind}_{name}"), name) for name in names]


def _what(t: Strings) -> tuple[Any, Any, Any, Any]:
    """piece, the visitor's own file, mode, network."""
    choices = [*pieces.choices(t), (t("piece_nothing"), pieces.NOTHING)]
    with w.row():
        piece = w.link("music-piece", gr.Dropdown(choices, value=USUAL[0], label=t("piece")))
        upload = gr.File(
            label=t("upload"), file_types=[".mid", ".midi", ".rmi"], type="filepath", elem_id="music-upload", height=190
        )
    with w.row():
        mode = w.link("music-mode", gr.Radio(_choices(t, "mode", MODES), value=USUAL[1], label=t("mode")))
        network = w.link(
            "music-network", gr.Radio(_choices(t, "network", NETWORKS), value=USUAL[2], label=t("network"))
        )
    own = gr.State(None)

    def brought(path: str | None) -> tuple:
        if path is None:
            return gr.update(choices=choices, value=USUAL[0]), None
        pieces.events_of(t, pieces.OWN, path)  # what cannot be read is said now, and not chosen
        return gr.update(choices=[(t("piece_own"), pieces.OWN), *choices], value=pieces.OWN), path

    w.on(t, [upload.upload, upload.clear], brought, upload, [piece, own])
    return piece, own, mode, network


def _how(t: Strings) -> list[Any]:
    """temperature, top-p, length, seed, grammar."""
    with gr.Accordion(t("more"), open=False):
        with w.row():
            heat = w.link("music-temperature", gr.Slider(0.5, 1.5, 1.0, step=0.05, label=t("temperature")))
            share = w.link("music-top-p", gr.Slider(0.5, 1.0, 0.98, step=0.01, label=t("top_p")))
        with w.row():
            length = w.link("music-length", gr.Slider(100, 2000, 500, step=100, label=t("length")))
            seed = w.link("music-seed", gr.Slider(0, 999, 1, step=1, label=t("seed")))
        grammar = w.link("music-grammar", gr.Checkbox(True, label=t("grammar"), info=t("grammar_info")))
    return [heat, share, length, seed, grammar]


def _wire_playing(t: Strings, asked: list[Any], shown: list[Any], run: gr.Button, halt: gr.Button) -> Any:
    def begun(request: gr.Request) -> None:
        live.begin(request.session_hash, CELL)

    def go(piece: Any, own: Any, mode: Any, network: Any, heat: Any, share: Any, length: Any, seed: Any, grammar: Any,
           last: Any, request: gr.Request) -> Iterator[tuple]:  # fmt: skip
        wish = playing.Wish.of(piece, own, mode, network, heat, share, length, seed, grammar)
        yield from playing.play(t, wish, last, is_stopped=lambda: live.is_stopped(request.session_hash, CELL))

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    started = w.on(t, run.click, begun, None, None)
    finished = w.on(t, started.then, go, asked, shown, heavy=True, show_progress="hidden", trigger_mode="always_last")
    w.on(t, halt.click, cancel, None, None)
    w.on(t, shown[0].appear, partial(playing.at_sight, t), None, shown)
    return finished


def _wire_looking(
    t: Strings, finished: Any, made: gr.State, rolls: list[gr.HTML], how: list[Any], figures: list[gr.HTML]
) -> None:
    """A click on a note of either roll, the layer or the network: arcs; a new piece: the figures."""
    arcs, clicked = figures[0], gr.State(None)
    newest: dict[str, Any] = {"trigger_mode": "always_last"}

    def chosen(event: gr.SelectData) -> int:
        return int(event.index)

    for roll in rolls:
        picked = w.on(t, roll.select, chosen, None, clicked)
        w.on(t, picked.then, partial(looking.look, t), [made, clicked, *how], arcs, **newest)
    w.on(t, [one.change for one in how], partial(looking.look, t), [made, clicked, *how], arcs, **newest)
    heavy: dict[str, Any] = {"heavy": True, "show_progress": "hidden"}
    w.on(t, finished.then, partial(looking.inside, t), [made, *how], figures, **heavy)
    w.on(t, arcs.appear, partial(looking.inside, t), [made, *how], figures, **heavy)
