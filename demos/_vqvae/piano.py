"""A piano through codes: the same network on music, where a code has to stand for a chord."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core import weights
from demos import _player
from demos import _widgets as w
from demos._tab import ROOT, Strings
from demos._vqvae import coders, codes, strip
from demos._wavenet import live_sound as live

CELL = "piano"
FRONTS = {"piano": "vqvae-piano"}
FOLDER = ROOT / "assets/audio/vqvae"
PIECES = ("piano-1", "piano-2")
COLUMNS = {  # of the card: what keeps the notes, and the recordings' own numbers beside it
    "chroma": "chroma agreement, WaveNet",
    "chroma_recording": "chroma agreement, Griffin-Lim from the recordings' mels",
    "chroma_other": "chroma agreement, another piece", "mel": "log-mel distance (dB), WaveNet",
    "unused": "codes never used",
}  # fmt: skip


def is_trained() -> bool:
    """Whether there are weights and sounds for the cell: `make train-vqvae-piano`, then core.vqvae.examples --piano."""
    return FRONTS["piano"] in weights.names() and all((FOLDER / f"{name}.ogg").exists() for name in PIECES)


def build(t: Strings) -> None:
    """The cell `piano`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        with w.controls(t):
            voice = w.voice(t, "sound", {name: w.Sample(t(name), FOLDER / f"{name}.ogg") for name in PIECES})
            with w.row():
                run = w.button(t("run"), name="piano-run")
                halt = w.button(t("stop"), primary=False, name="piano-stop")
        view = strip.codes_view(t, "view", follows=("piano-sounds", "piano-live"))
        sound = live.live_sound(t, "live")
        player = w.player(t, "sounds")
        w.note(t, "measured", measured(t))
        w.quiz(t, "chords")
        w.code(t, "core.vqvae.train:without_clock", "core.vqvae.train:wave_bits", "core.vqvae.measure:chroma_agreement")
    codes.wire(t, FRONTS, at_sight, voice, run, halt, (view, sound, player))


def at_sight(t: Strings, path: str | None) -> tuple:
    """(view, player) of a stored excerpt; nothing for any other sound."""
    from pathlib import Path

    from core.vqvae import examples

    name = Path(path or "").stem
    kept = examples.index().get("piano", {}).get(name)
    if kept is None:
        return gr.skip(), gr.skip()
    row = coders.stored_row(kept, t("row_piano"))
    tracks = [_player.linked(t("original"), f"/site/audio/vqvae/{name}.ogg")]
    tracks += [_player.linked(t("said_piano"), examples.url(kept["sounds"]["wavenet"])),
               _player.linked(t("quick_piano"), examples.url(kept["sounds"]["griffin_lim"]))]  # fmt: skip
    count = len(kept["codes"])
    told = codes.facts(t, count, count / kept["rate"], FRONTS["piano"])
    return strip.shown([row], f"{told} {t('stored')}"), tracks


def measured(t: Strings) -> str:
    """What the card says of the notes, in a sentence."""
    rows: dict[str, Any] = coders.measured(FRONTS["piano"])
    if any(name not in rows for name in COLUMNS.values()):
        return t("unmeasured")
    values = {key: f"{rows[name]:.0f}" if key == "unused" else f"{rows[name]:.2f}" for key, name in COLUMNS.items()}
    card = weights.card(FRONTS["piano"])
    return t("measured_text", **values, codes=card["config"]["codes"], hours=f"{card['hours']:.1f}")
