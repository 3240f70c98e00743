"""Interleaving: a real spectrogram taken apart into tiers and put together again, each tier seen and heard."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from demos import _player
from demos import _widgets as w
from demos._links import within
from demos._melnet import making
from demos._melnet.view import View, tiers_view
from demos._tab import Strings

CELL = "interleave"
FIRST, TIERS, LIMITS = "b0481", 5, (2, 6)
MAX_FRAMES = 320  # 4 s
APART_MS = 30  # of the exercise: a sound as short as that must meet a frame of the first tier


def build(t: Strings) -> None:
    """The cell `interleave`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "share")
        with w.controls(t), w.row():
            choices = [(f"“{text}”", key) for key, text in w.SAMPLES.items()]
            sentence = w.link("sentence", gr.Dropdown(choices, value=FIRST, label=t("sentence")))
            tiers = w.link("tiers", gr.Slider(*LIMITS, TIERS, step=1, label=t("tiers")))
        view = tiers_view(t, "view", follows=("interleave-sounds",), by_tier=True, gaps=True, lens=True)
        player = w.player(t, "sounds")
        w.note(t, "hear", t("hear"))
        w.exercise(t, "smallest", smallest, [sentence, tiers])
        w.code(t, "core.melnet.tiers:split_tiers", "core.melnet.tiers:axis_of", "core.melnet.tiers:merge",
               "core.melnet.tiers:interleave", "core.melnet.sample:enlarge")  # fmt: skip
    asked = [sentence, tiers]
    w.on(t, view.appear, partial(at_sight, t), asked, [view, player])
    changed = w.on(t, [sentence.change, tiers.release], partial(show, t), asked, view, trigger_mode="always_last")
    w.on(t, changed.then, partial(sounds, t), asked, player, heavy=True, show_progress="hidden",
         trigger_mode="always_last")  # fmt: skip


def take_of(sentence: Any, tiers: Any) -> Any:
    """The mel of a bundled sentence, its first seconds, in so many tiers: a `Take`."""
    from core import audio
    from core.melnet import take

    name = sentence if sentence in w.SAMPLES else FIRST
    count = int(within(tiers, *LIMITS))
    mel = audio.mel(audio.load_voice(w.sample_path(name))).T[:MAX_FRAMES]
    return take.split(mel[: len(mel) // 8 * 8], count)


def show(t: Strings, sentence: Any, tiers: Any) -> dict[str, Any]:
    """The view of a sentence."""
    whole = take_of(sentence, tiers)
    view = View([t("real")], tiers=whole.tiers, frames=whole.frames)
    view.show(0, whole)
    numbers = " + ".join(f"{part.size:,}" for part in whole.parts)
    return view.end(t("summary", numbers=numbers, bins=f"{whole.frames * 80:,}"))


def sounds(t: Strings, sentence: Any, tiers: Any) -> list[dict[str, Any]]:
    """The sentence with its first tier alone, its first two, and so on: from the store, or made."""
    stored = stored_sounds(t, sentence, tiers)
    return stored or making.tier_tracks(t, take_of(sentence, tiers))


def stored_sounds(t: Strings, sentence: Any, tiers: Any) -> list[dict[str, Any]]:
    from core.melnet import examples

    if sentence != FIRST or int(within(tiers, *LIMITS)) != TIERS or "real" not in examples.index():
        return []
    files = examples.index()["real"]["tier_sounds"]
    return [
        _player.linked(making.name_of_tiers(t, count), examples.url(file)) for count, file in enumerate(files, start=1)
    ]


def at_sight(t: Strings, sentence: Any, tiers: Any) -> tuple:
    """(view, player): the sounds of the first sentence are stored, those of others wait until they are asked for."""
    return show(t, sentence, tiers), stored_sounds(t, sentence, tiers) or gr.skip()


def smallest(sentence: Any, tiers: Any) -> tuple[str, dict[str, Any]]:
    """The exercise: the smallest first tier whose frames still lie at most APART_MS apart."""
    from core.audio import HOP_SAMPLES, SAMPLE_RATE_HZ
    from core.melnet.tiers import divisors

    whole = take_of(sentence, tiers)
    frames, bands = whole.parts[0].shape
    frame_ms = 1000 * HOP_SAMPLES / SAMPLE_RATE_HZ
    apart_ms = frame_ms * whole.frames / frames
    further_ms = frame_ms * divisors(whole.tiers + 1)[0]  # with one more split
    values = {"tiers": whole.tiers, "frames": frames, "bands": bands, "bins": f"{frames * bands:,}",
              "share": whole.frames * 80 // (frames * bands), "apart": f"{apart_ms:.1f}"}  # fmt: skip
    if apart_ms > APART_MS:
        return "gaps", values
    return ("large" if further_ms <= APART_MS else "right"), values
