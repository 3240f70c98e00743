"""A spectrogram is born: drawn live, tier by tier, with some tiers kept and the rest drawn anew, and heard."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from core import weights
from demos import _models, _player
from demos import _widgets as w
from demos._links import within
from demos._melnet import making, voice
from demos._melnet.making import LETTERS, MODELS, Job, Made
from demos._melnet.view import View, tiers_view
from demos._tab import Strings
from demos._wavenet import live_sound as live

CELL = "born"
KINDS = ("speech", "piano")
SECONDS = (1.0, 6.0)


def kinds() -> list[str]:
    """The networks with several tiers that are shipped."""
    here = weights.names()
    return [kind for kind in KINDS if MODELS[kind] in here]


def build(t: Strings) -> None:
    """The cell `born`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "first")
        asked, run, halt = _controls(t)
        view = tiers_view(t, "view", follows=("born-takes",))
        player = w.player(t, "takes")
        w.prose(t, "born-freeze")
        w.quiz(t, "freeze")
        with w.controls(t):
            with w.row():
                chosen = w.link("take", gr.Radio([(LETTERS[k], k) for k in range(3)], value=0, label=t("chosen")))
                kept = w.link("keep", gr.Slider(1, 4, 2, step=1, label=t("kept")))
                other = w.link("other-seed", gr.Slider(0, 999, 50, step=1, label=t("other_seed")))
            with w.row():
                again = w.button(t("again"), name="born-again")
                each = w.button(t("each"), primary=False, name="born-each")
                speak = w.button(t("speak"), primary=False, name="born-speak")
        tiers = w.player(t, "tiers")
        sound = live.live_sound(t, "live")
        spoken = w.player(t, "spoken")
        w.code(t, "core.melnet.sample:generate", "core.melnet.model:TimeDelayedLayer",
               "core.melnet.model:CentralisedLayer", "core.melnet.model:FrequencyDelayedLayer",
               "core.melnet.model:FeatureExtraction", "core.melnet.mixture:draw")  # fmt: skip
        w.prose(t, "born-equations")
    made = gr.State(None)
    _wire_drawing(t, asked, [chosen, kept, other], [view, made], player, run, again, halt)
    quiet: dict[str, Any] = {"heavy": True, "show_progress": "hidden"}
    w.on(t, view.appear, partial(at_sight, t), None, [view, made, player, tiers, spoken])
    w.on(t, view.appear, warm_up, None, None)
    w.on(t, view.select, _number, None, chosen)
    w.on(t, each.click, partial(tiers_of, t), [made, chosen], tiers, heavy=True)
    _wire_voice(t, [made, chosen], [sound, spoken], speak, halt, quiet)


def _number(event: gr.SelectData) -> int:
    return int(event.index)


def _controls(t: Strings) -> tuple[list[Any], gr.Button, gr.Button]:
    here = kinds()
    with w.controls(t):
        with w.row():
            choices = [(t(f"model_{kind}"), kind) for kind in here]
            model = w.link("model", gr.Radio(choices, value=here[0] if here else None, label=t("model")))
            seconds = w.link("seconds", gr.Slider(*SECONDS, 3, step=0.5, label=t("seconds")))
        with w.row():
            seed = w.link("seed", gr.Slider(0, 999, 1, step=1, label=t("seed")))
            count = w.link("takes", gr.Slider(1, making.MAX_TAKES, 3, step=1, label=t("count")))
        with gr.Accordion(t("more"), open=False):
            heat = w.link("temperature", gr.Slider(*making.HEAT, making.TEMPERATURE, step=0.05, label=t("temperature")))
        with w.row():
            run = w.button(t("run"), name="born-run")
            halt = w.button(t("stop"), primary=False, name="born-stop")
    return [model, seconds, seed, heat, count], run, halt


def _wire_drawing(
    t: Strings, asked: list[Any], redo: list[Any], shown: list[Any], player: gr.HTML, run: gr.Button, again: gr.Button,
    halt: gr.Button,
) -> None:  # fmt: skip
    made = shown[1]

    def begun(request: gr.Request) -> dict[str, Any]:
        live.begin(request.session_hash, CELL)
        return View.waiting()

    def fresh(model: Any, seconds: Any, seed: Any, heat: Any, count: Any, request: gr.Request) -> Iterator[tuple]:
        yield from making.or_idle(
            draw(t, model, seconds, seed, heat, count, is_stopped=lambda: live.is_stopped(request.session_hash, CELL))
        )

    def begun_anew(request: gr.Request) -> None:
        live.begin(request.session_hash, CELL)

    def anew(made: Any, chosen: Any, kept: Any, other: Any, heat: Any, request: gr.Request) -> Iterator[tuple]:
        yield from redraw(t, made, chosen, kept, other, heat,
                          is_stopped=lambda: live.is_stopped(request.session_hash, CELL))  # fmt: skip

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    options: dict[str, Any] = {"heavy": True, "show_progress": "hidden"}
    started = w.on(t, run.click, begun, None, shown[0])
    drawn = w.on(t, started.then, fresh, asked, shown, **options, trigger_mode="always_last")
    w.on(t, drawn.then, making.tracks_of, made, player, **options)
    restarted = w.on(t, again.click, begun_anew, None, None, js="() => site.show('born-view')")
    redrawn = w.on(t, restarted.then, anew, [made, *redo, asked[3]], shown, **options, trigger_mode="always_last")
    w.on(t, redrawn.then, making.tracks_of, made, player, **options)
    w.on(t, halt.click, cancel, None, None, js=live.SILENCE_JS)


def _wire_voice(
    t: Strings, asked: list[Any], shown: list[Any], speak: gr.Button, halt: gr.Button, quiet: dict[str, Any]
) -> None:  # fmt: skip
    cell = CELL + "-voice"

    def begun(request: gr.Request) -> dict[str, Any]:
        return live.begin(request.session_hash, cell)

    def go(made: Any, chosen: Any, request: gr.Request) -> Iterator[tuple]:
        for sound, tracks in voice.speak(
            t, made, chosen, is_stopped=lambda: live.is_stopped(request.session_hash, cell)
        ):
            yield sound, gr.skip() if tracks is None else tracks

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, cell)

    started = w.on(t, speak.click, begun, None, shown[0])
    w.on(t, started.then, go, asked, shown, **quiet, trigger_mode="always_last")
    w.on(t, halt.click, cancel, None, None)


def label_of(t: Strings, number: int, seed: Any) -> str:
    return t("take_label", letter=LETTERS[number], seed=seed)


def draw(t: Strings, model: Any, seconds: Any, seed: Any, heat: Any, count: Any, **options: Any) -> Iterator[tuple]:
    """(view, made) while new spectrograms are drawn.

    Raises:
        WeightsError: the network is not there.
    """
    kind = model if model in KINDS else KINDS[0]
    first = int(within(seed, 0, 999))
    jobs = [
        Job(kind, first + k, label_of(t, k, first + k)) for k in range(int(within(count, 1, making.MAX_TAKES)))
    ]
    frames = making.frames_of(seconds, *SECONDS)
    for view, made in making.draw(t, jobs, frames=frames, temperature=within(heat, *making.HEAT), **options):
        yield view, gr.skip() if made is None else made


def redraw(
    t: Strings, made: Made | None, chosen: Any, kept: Any, seed: Any, heat: Any, **options: Any
) -> Iterator[tuple]:
    """(view, made): the first tiers of one take are kept, all later ones drawn anew, with three seeds.

    Raises:
        SamplingError: there is no take, or it has fewer tiers than are to be kept.
    """
    from core.errors import SamplingError

    take = voice.chosen_of(made, chosen)
    count = int(within(kept, 1, 4))
    if made is None or take is None or len(take.parts) < count:
        raise SamplingError("There are no such tiers to keep yet: draw a spectrogram first, and let it be finished.")
    first = int(within(seed, 0, 999))
    kind = made.models[min(max(int(chosen or 0), 0), len(made.takes) - 1)]
    labels = [
        t("kept_label", letter=LETTERS[k], tiers=count, kept=take.seed, seed=first + k) for k in range(making.MAX_TAKES)
    ]
    jobs = [Job(kind, first + k, label) for k, label in enumerate(labels)]
    heat = within(heat, *making.HEAT)
    for view, new in making.draw(
        t, jobs, frames=take.frames, temperature=heat, frozen=take.parts[:count], **options
    ):
        yield view, gr.skip() if new is None else new


def tiers_of(t: Strings, made: Made | None, chosen: Any) -> Any:
    """The chosen take heard tier by tier.

    Raises:
        SamplingError: nothing was drawn yet.
    """
    from core.errors import SamplingError

    take = voice.chosen_of(made, chosen)
    if take is None:
        raise SamplingError("Nothing has been drawn yet: draw a spectrogram first, then have it spoken.")
    return making.tier_tracks(t, take)


def warm_up() -> None:
    """Load the network and compile its loops while the visitor is still reading."""
    from core.errors import LessonError
    from core.melnet import sample

    for kind in kinds()[:1]:
        try:
            list(sample.generate(_models.load(MODELS[kind]), 0, frames=8))
        except LessonError:
            return  # the click on the button will say it


def at_sight(t: Strings) -> tuple:
    """What was drawn beforehand: (view, made, player, its tiers, spoken)."""
    from core.melnet import examples

    kind = next((kind for kind in KINDS if examples.names(kind)), None)
    if kind is None:
        return (gr.skip(),) * 5
    return stored(t, kind)


def stored(t: Strings, kind: str) -> tuple:
    """Stored takes of a network: (view, made, player, its tiers, spoken)."""
    from core.melnet import examples

    names = examples.names(kind)[: making.MAX_TAKES]
    takes = [examples.load(name) for name in names]
    labels = [label_of(t, k, take.seed) for k, take in enumerate(takes)]
    view = View(labels, tiers=[take.tiers for take in takes], frames=takes[0].frames)
    for number, take in enumerate(takes):
        view.show(number, take)
    entries = [examples.index()[name] for name in names]
    plain = [making.unlettered(label) for label in labels]
    sounds = [_player.linked(label, examples.url(one["sounds"][0])) for label, one in zip(plain, entries)]
    each = [
        _player.linked(making.name_of_tiers(t, n), examples.url(file))
        for n, file in enumerate(entries[0]["tier_sounds"], start=1)
    ]
    spoken = [_player.linked(t("by_wavenet"), examples.url(file)) for file in entries[0]["spoken"]]
    if spoken:
        spoken.append(_player.linked(t("by_griffin_lim"), examples.url(entries[0]["sounds"][0])))
    facts = t("stored", temperature=f"{takes[0].temperature:g}")
    return view.end(facts), Made(takes, labels, [kind] * len(takes)), sounds, each or gr.skip(), spoken or gr.skip()
