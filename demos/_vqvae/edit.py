"""One code by itself, seen and heard; codes swapped, shuffled, stretched, and said again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos import _player
from demos import _widgets as w
from demos._links import within
from demos._tab import Strings
from demos._vqvae import coders, strip
from demos._wavenet import live_sound as live

if TYPE_CHECKING:
    from torch import Tensor

CELL = "edit"
MOST = 1600  # codes that are played: 40 s
STEPS = 30  # that can be undone
SPAN, FACTOR = (1, 40), (0.25, 4.0)
SPECTRA = 4  # codes whose spectra stay in the figure


@dataclass(frozen=True)
class Edited:
    """What a visitor has made of a voice: the codes before the first step, after it, …; the steps; codes clicked."""

    voice: str | None
    history: tuple[tuple[int, ...], ...]
    steps: tuple[str, ...] = ()
    picked: tuple[int, ...] = ()


def build(t: Strings) -> None:
    """The cell `edit`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "alone")
        with w.controls(t):
            voice = w.voice(t)
        view = strip.codes_view(t, "view", follows=("edit-sounds", "edit-live"), pairs=True)
        one = w.player(t, "one")
        spectrum = w.figure(t, "spectrum", height=320)
        w.prose(t, "edit-change")
        with w.controls(t):
            with w.row():
                span = w.link("span", gr.Slider(*SPAN, 8, step=1, label=t("span")))
                seed = w.link("shuffle-seed", gr.Slider(0, 999, 1, step=1, label=t("seed")))
                factor = w.link("factor", gr.Slider(*FACTOR, 2, step=0.05, label=t("factor")))
            with w.row():
                names = ("swap", "shuffle", "stretch", "undo")
                buttons = {name: w.button(t(name), primary=False, name=f"edit-{name}") for name in names}
            with w.row():
                say = w.button(t("say"), name="edit-say")
                halt = w.button(t("stop"), primary=False, name="edit-stop")
        player = w.player(t, "sounds")
        sound = live.live_sound(t, "live")
        w.code(t, "core.vqvae.sample:swapped", "core.vqvae.sample:shuffled", "core.vqvae.sample:stretched",
               "core.vqvae.sample:Coder.typical", "core.vqvae.look:recorded")  # fmt: skip
    state = gr.State(None)
    shown = [view, player, state]
    heavy: dict[str, Any] = {"heavy": True, "show_progress": "hidden"}

    def clicked(state: Any, event: gr.SelectData) -> tuple:
        return single(t, state, event.value)

    def begun(request: gr.Request) -> dict[str, Any]:
        return live.begin(request.session_hash, CELL)

    def go(state: Any, request: gr.Request) -> Iterator[tuple]:
        yield from speak(t, state, is_stopped=lambda: live.is_stopped(request.session_hash, CELL))

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    w.on(t, view.appear, partial(at_sight, t), voice, shown)
    w.on(t, voice.change, partial(take, t), voice, shown, **heavy, trigger_mode="always_last")
    w.on(t, spectrum.appear, partial(first_code, t), None, [one, spectrum], **heavy)
    w.on(t, view.select, clicked, state, [one, spectrum, state], **heavy)
    for name in names[:3]:
        w.on(t, buttons[name].click, partial(change, t, name), [state, span, seed, factor], shown, **heavy)
    w.on(t, buttons["undo"].click, partial(undo, t), state, shown, **heavy)
    started = w.on(t, say.click, begun, None, sound)
    w.on(t, started.then, go, state, [sound, player], **heavy, trigger_mode="always_last")
    w.on(t, halt.click, cancel, None, None, js=live.SILENCE_JS)


def at_sight(t: Strings, voice: str | None) -> tuple:
    """(view, player, state) of the stored sentence."""
    from core.vqvae import examples

    kept = examples.index().get("codes", {}).get("speech")
    if not coders.is_stored(voice) or kept is None:
        return (gr.skip(),) * 3
    rows = [coders.stored_row(kept, t("row_before"))]
    tracks = [_player.linked(t("before"), examples.url(kept["sounds"]["wavenet"]))]
    return strip.shown(rows, t("hint_first")), tracks, Edited(voice, (tuple(kept["codes"]),))


def take(t: Strings, voice: str | None) -> tuple:
    """(view, player, state) of another voice.

    Raises:
        AudioError: as `coders.voice`.
    """
    if not voice:
        return (gr.skip(),) * 3
    if coders.is_stored(voice):
        return at_sight(t, voice)
    codes = coders.load().encode(coders.voice(voice))
    return showing(t, Edited(voice, (tuple(codes.tolist()),)))


def tensor(codes: tuple[int, ...]) -> Tensor:
    import torch

    return torch.tensor(codes, dtype=torch.int64)


def showing(t: Strings, state: Edited) -> tuple:
    """(view, player, state): before and after, by Griffin-Lim."""
    from core import audio

    coder = coders.load()
    names = ("before", "after") if len(state.history) > 1 else ("before",)
    rows, tracks = [], []
    for k, name in enumerate(reversed(names)):
        codes = tensor(state.history[0 if name == "before" else -1])
        x = audio.level_to(coder.preview(codes))
        rows.append(coders.row_of(coders.VQ, t(f"row_{name}"), codes, x, tracks=[k]))
        tracks.append(w.track(t(name) + ", Griffin-Lim", x))
    return strip.shown(rows, steps_text(t, state)), tracks, state


def steps_text(t: Strings, state: Edited) -> str:
    """What was done so far."""
    count, rate = len(state.history[-1]), 40
    length = t("length", count=count, seconds=f"{count / rate:.1f}")
    return length if not state.steps else f"{length} {t('done_so_far')} {', '.join(state.steps)}."


def change(t: Strings, kind: str, state: Edited | None, span: Any, seed: Any, factor: Any) -> tuple:
    """(view, player, state) after one more step: "swap" the last two codes clicked, "shuffle", or "stretch".

    Raises:
        SamplingError: no voice yet, fewer than two codes clicked, or the result would be too long.
    """
    from core.errors import SamplingError
    from core.vqvae import sample

    now = _there(state)
    codes = tensor(now.history[-1])
    if kind == "swap":
        if len(set(now.picked)) < 2:
            raise SamplingError("Click two different codes first: these two are swapped.")
        one, other = now.picked[-2:]
        codes, word = sample.swapped(codes, one, other), t("step_swap", one=one, other=other)
    elif kind == "shuffle":
        length = int(within(span, *SPAN))
        codes = sample.shuffled(codes, length, int(within(seed, 0, 999)))
        word = t("step_shuffle", span=length)
    else:
        by = within(factor, *FACTOR)
        if len(codes) * by > MOST:
            raise SamplingError(f"That would be over {MOST} codes, too long to be heard here: undo, or stretch less.")
        codes, word = sample.stretched(codes, by), t("step_stretch", factor=f"{by:g}")
    history = (*now.history, tuple(codes.tolist()))
    if len(history) > STEPS:
        history = (history[0], *history[-STEPS + 1 :])
    return showing(t, replace(now, history=history, steps=(*now.steps, word)))


def undo(t: Strings, state: Edited | None) -> tuple:
    """(view, player, state) without the last step.

    Raises:
        SamplingError: nothing was done yet.
    """
    from core.errors import SamplingError

    now = _there(state)
    if len(now.history) < 2:
        raise SamplingError("There is nothing to undo: the codes are as they were.")
    return showing(t, replace(now, history=now.history[:-1], steps=now.steps[:-1]))


def _there(state: Edited | None) -> Edited:
    from core.errors import SamplingError

    if state is None:
        raise SamplingError("There are no codes yet: choose a sample or record a voice first.")
    return state


@functools.lru_cache(maxsize=1)
def recordings() -> tuple[list[Tensor], list[Tensor]]:
    """The bundled sentences and their codes, in which a code is looked for."""
    sounds = [coders.voice(str(w.sample_path(key))) for key in w.SAMPLES]
    return sounds, [coders.load().encode(x) for x in sounds]


def single(t: Strings, state: Edited | None, clicked: Any) -> tuple:
    """(player, spectrum, state) of the code that was clicked.

    Raises:
        SamplingError: no such code.
    """
    from core import audio
    from core.vqvae import look

    now, coder = _there(state), coders.load()
    code = int(clicked["code"])
    sounds, sequences = recordings()
    real, places = look.recorded(coder, sounds, code, sequences=sequences)
    tracks = [w.track(t("alone", code=code), audio.level_to(coder.preview(look.alone(code)), dbfs=-24))]
    if places:
        tracks.append(w.track(t("recorded", count=min(places, 6), code=code), real))
    picked = (*now.picked, code)[-SPECTRA:]
    return tracks, spectra(t, picked, places), replace(now, picked=picked)


def first_code(t: Strings) -> tuple:
    """(player, spectrum) of the code that the stored sentence has most often, before anything is clicked."""
    from core.vqvae import examples

    kept = examples.index().get("codes", {}).get("speech")
    if kept is None:
        return gr.skip(), gr.skip()
    code = max(set(kept["codes"]), key=kept["codes"].count)
    return single(t, Edited(None, (tuple(kept["codes"]),)), {"code": code})[:2]


def spectra(t: Strings, picked: tuple[int, ...], places: int) -> Any:
    """Typical frames of the codes clicked, the last one strongest, over Hz."""
    import numpy as np

    from core import plots
    from core.wavenet import mel_edit

    typical = coders.load().typical()
    hertz = mel_edit.band_centres_hz()
    order = list(dict.fromkeys(reversed(picked)))
    curves = {t("code", code=code): (hertz, typical[code].numpy() * 20 / np.log(10)) for code in order}
    figure = plots.lines(curves, x_title=t("hertz_axis"), y_title=t("decibel_axis"),
                         roles=("model", "reference", "accent", "grey")[: len(curves)])  # fmt: skip
    last = typical[picked[-1]]
    text = t("spectrum_summary", code=picked[-1], hertz=f"{hertz[int(last.argmax())]:,.0f}",
             db=f"{float(last.mean()) * 20 / np.log(10):.0f}")  # fmt: skip
    return w.plot(figure, text + " " + (t("places", count=places) if places else t("nowhere")))


def speak(t: Strings, state: Edited | None, *, is_stopped: Callable[[], bool] = lambda: False) -> Iterator[tuple]:
    """(live sound, player): the edited codes by WaveNet; at the end beside Griffin-Lim's and the unedited ones.

    Raises:
        SamplingError: there is no voice yet.
    """
    from core import audio

    try:
        now = _there(state)
    except Exception:
        yield live.Broadcast.idle(), gr.skip()
        raise
    coder, codes = coders.load(), tensor(now.history[-1])
    whole = None
    for sound, said in coders.stream(t, coder, codes, 0, is_stopped=is_stopped):
        whole = said
        yield sound, gr.skip()
    if whole is None or not len(whole):
        return
    edited = len(now.history) > 1
    tracks = [w.track(t("after" if edited else "before") + ", WaveNet", whole)]
    for name, which in (("after", -1), ("before", 0))[0 if edited else 1 :]:
        quick = audio.level_to(coder.preview(tensor(now.history[which])))
        tracks.append(w.track(t(name) + ", Griffin-Lim", quick))
    yield gr.skip(), tracks
