"""The first seconds of the visitor's own voice, continued by the network, several times."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos import _player
from demos import _widgets as w
from demos._links import within
from demos._melnet import making
from demos._melnet.born import label_of
from demos._melnet.making import Job, Made
from demos._melnet.view import View, tiers_view
from demos._tab import Strings
from demos._wavenet import live_sound as live

if TYPE_CHECKING:
    from torch import Tensor

CELL = "prime"
PRIME_S, MORE_S = (0.1, 4.0), (0.5, 4.0)
FIRST = "b0532"


def build(t: Strings) -> None:
    """The cell `prime`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "where")
        with w.controls(t):
            voice = w.voice(t)
            with w.row():
                prime = w.link("prime", gr.Slider(*PRIME_S, 1.5, step=0.1, label=t("seconds")))
                more = w.link("more", gr.Slider(*MORE_S, 2.5, step=0.5, label=t("more_seconds")))
            with gr.Accordion(t("more"), open=False), w.row():
                seed = w.link("prime-seed", gr.Slider(0, 999, 1, step=1, label=t("seed")))
                heat = w.link(
                    "prime-temperature", gr.Slider(*making.HEAT, making.TEMPERATURE, step=0.05, label=t("temperature"))
                )
                count = w.link("continuations", gr.Slider(1, making.MAX_TAKES, 3, step=1, label=t("count")))
            with w.row():
                run = w.button(t("run"), name="prime-run")
                halt = w.button(t("stop"), primary=False, name="prime-stop")
        view = tiers_view(t, "view", follows=("prime-sounds",))
        player = w.player(t, "sounds")
        w.note(t, "limits", t("limits"))
        w.code(t, "core.melnet.examples:beginning", "core.melnet.sample:_primes",
               "core.melnet.session:TierSession.frame")  # fmt: skip
    made = gr.State(None)

    def begun(request: gr.Request) -> dict[str, Any]:
        live.begin(request.session_hash, CELL)
        return View.waiting()

    def go(voice: Any, prime: Any, more: Any, seed: Any, heat: Any, count: Any, request: gr.Request) -> Iterator[tuple]:
        yield from making.or_idle(
            draw(t, voice, prime, more, seed, heat, count,
                 is_stopped=lambda: live.is_stopped(request.session_hash, CELL))  # fmt: skip
        )

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    options: dict[str, Any] = {"heavy": True, "show_progress": "hidden"}
    started = w.on(t, run.click, begun, None, view)
    drawn = w.on(t, started.then, go, [voice, prime, more, seed, heat, count], [view, made], **options,
                 trigger_mode="always_last")  # fmt: skip
    w.on(t, drawn.then, partial(sounds, t), [made, voice], player, **options)
    w.on(t, halt.click, cancel, None, None, js=live.SILENCE_JS)
    w.on(t, view.appear, partial(at_sight, t), None, [view, player])


def beginning(voice: str | None, seconds: Any) -> Tensor:
    """The first seconds of a voice as log-mel [P, 80].

    Raises:
        AudioError: no voice, silence, too long, not a sound.
    """
    from core import audio
    from core.melnet import examples

    return examples.beginning(audio.load_voice(voice or ""), within(seconds, 0.0, PRIME_S[1]))


def draw(
    t: Strings, voice: str | None, seconds: Any, more: Any, seed: Any, heat: Any, count: Any, **options: Any
) -> Iterator[tuple]:
    """(view, made) while the voice is continued.

    Raises:
        AudioError: as `beginning`.  SamplingError: the beginning is shorter than one step of the coarsest tier.
    """
    from core.errors import SamplingError

    prime = beginning(voice, seconds)
    if prime.shape[0] < making.STEP:
        raise SamplingError(
            f"The beginning must have at least {making.STEP} frames of 12.5 ms, one step of the coarsest tier: record "
            "something longer."
        )
    first = int(within(seed, 0, 999))
    jobs = [
        Job("speech", first + k, label_of(t, k, first + k))
        for k in range(int(within(count, 1, making.MAX_TAKES)))
    ]
    frames = prime.shape[0] + making.frames_of(more, *MORE_S)
    for view, made in making.draw(
        t, jobs, frames=frames, temperature=within(heat, *making.HEAT), prime=prime, **options
    ):
        yield view, gr.skip() if made is None else made


def sounds(t: Strings, made: Made | None, voice: str | None) -> Any:
    """The continuations, and the voice itself as far as it goes."""
    from core import audio

    if made is None:
        return gr.skip()
    own = audio.load_voice(voice or "")[: made.takes[0].frames * audio.HOP_SAMPLES]
    return [*making.tracks_of(made), w.track(t("voice"), own)]


def at_sight(t: Strings) -> tuple:
    """(view, player) of what was stored."""
    from core.melnet import examples

    names = examples.names("prime")[: making.MAX_TAKES]
    if not names:
        return gr.skip(), gr.skip()
    takes = [examples.load(name) for name in names]
    labels = [label_of(t, k, take.seed) for k, take in enumerate(takes)]
    given = examples.index()[names[0]]["given"]
    view = View(labels, tiers=[take.tiers for take in takes], frames=takes[0].frames, given=given)
    for number, take in enumerate(takes):
        view.show(number, take)
    tracks = [
        _player.linked(making.unlettered(label), examples.url(examples.index()[name]["sounds"][0]))
        for label, name in zip(labels, names)
    ]
    tracks.append(_player.linked(t("voice"), f"/site/audio/kathleen_{FIRST}.flac"))
    return view.end(t("stored", sentence=w.SAMPLES[FIRST], temperature=f"{takes[0].temperature:g}")), tracks
