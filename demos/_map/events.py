"""What happened, and when: ten sounds of the city, named by a small network that also shows where it heard them."""

from __future__ import annotations

import functools
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr
import numpy as np

from demos import _models
from demos import _widgets as w
from demos._map import events_figures as figures
from demos._map import sound
from demos._map.answer import Answer, Task
from demos._map.events_scores import CLASSES, draw_confusion, explain, measured, quality, refusals, table_text
from demos._tab import Strings

if TYPE_CHECKING:
    from torch import Tensor

    from core.events.model import EventCNN
    from core.events.sample import Events

CELL = "events"
WEIGHTS = "events"
BEST = "best"
USUAL = (BEST, 20, 1)  # event, percent of the picture, second
LEAST_SHARE, MOST_SHARE = 5, 80
LINES, MENTIONED = 5, 0.05  # events drawn over time; share of the seconds from which a scene names an event
SURE = 0.5  # below it an answer is called weak, even where the network names it
CLEARLY = 0.05  # so much lower than without places at random, for the map to be called the reason


class Heard(NamedTuple):
    """A sound and all that the network says of it. x: float [T], at least as long as a window."""

    model: EventCNN
    x: Tensor
    found: Events


def build(t: Strings, source: sound.Source) -> None:
    """The cell `events`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "place")
        menu = [(t("best"), BEST), *((t(f"name_{name}"), name) for name in CLASSES)]
        with w.controls(t), w.row():
            event = w.link("event", gr.Dropdown(menu, value=USUAL[0], label=t("event")))
            kept = w.link("event-kept", gr.Slider(LEAST_SHARE, MOST_SHARE, USUAL[1], step=5, label=t("kept")))
            at = w.link("event-at", gr.Slider(0, sound.SECONDS, USUAL[2], step=0.5, label=t("at")))
        picture = w.figure(t, "picture", height=380)
        verdict = w.note(t, "verdict")
        w.prose(t, "events-again")
        w.quiz(t, "coarse")
        again = w.note(t, "again")
        player = w.player(t, "sounds")
        w.prose(t, "events-time")
        times = w.figure(t, "times", height=360)
        moment = w.note(t, "moment")
        w.prose(t, "events-scene")
        whole = w.figure(t, "whole", height=380)
        scene = w.note(t, "scene")
        w.prose(t, "events-good")
        w.quiz(t, "split")
        confusion = w.figure(t, "confusion", height=600)
        confused = w.note(t, "confused")
        table = w.note(t, "table")
        w.code(t, "core.events.model:EventCNN.activation_map", "core.events.sample:identify",
               "core.events.sample:verdict", "core.spotlight:split", take_away)  # fmt: skip
    controls, outputs = [event, kept, at], [picture, verdict, again, player, times, moment, whole, scene]
    inputs = [*source.inputs, *controls]
    sound.connect(t, source, picture, partial(show, t), outputs, controls=controls, usual=USUAL)
    w.on(t, [event.change, kept.release], partial(show_map, t), inputs, outputs[:4], heavy=True,
         trigger_mode="always_last", show_progress="hidden")  # fmt: skip
    w.on(t, at.release, partial(show_moment, t), inputs, [picture, times, moment], heavy=True,
         trigger_mode="always_last", show_progress="hidden")  # fmt: skip

    def clicked(path: Any, start: Any, event: Any, kept: Any, at: Any, seen: gr.SelectData) -> tuple:
        second = round(2 * float(seen.value["x"])) / 2  # as the slider steps
        return (second, *show_moment(t, path, start, event, kept, second))

    def barred(seen: gr.SelectData) -> Any:
        name = {t(f"name_{name}"): name for name in CLASSES}.get(str(seen.value["y"]))
        return gr.skip() if name is None else name

    def called(seen: gr.SelectData) -> str:
        return explain(t, float(seen.value["x"]), float(seen.value["y"]))

    for figure in (picture, times):
        w.on(t, figure.select, clicked, inputs, [at, picture, times, moment], heavy=True, show_progress="hidden")
    w.on(t, whole.select, barred, None, event)
    w.on(t, confusion.appear, lambda: (draw_confusion(t), table_text(t)), None, [confusion, table])
    w.on(t, confusion.select, called, None, confused)


@functools.lru_cache(maxsize=4)
def _heard(model: EventCNN, x: Tensor) -> Heard:
    """Tensors and networks are told apart by who they are, not by what they hold."""
    from core.events.sample import identify, padded

    return Heard(model, padded(x), identify(model, x))


def hear(path: str | None, start: Any) -> Heard:
    return _heard(_models.load(WEIGHTS), sound.load(path, start))


def show(t: Strings, path: str | None, start: Any, event: Any, kept: Any, at: Any) -> tuple:
    """(picture, verdict, table, sounds, over time, moment, whole, scene).

    Raises:
        AudioError: as `sound.load`.
    """
    heard = hear(path, start)
    return (*show_map(t, path, start, event, kept, at), draw_times(t, heard, at), moment_text(t, heard, at),
            draw_whole(t, heard), scene_text(t, heard.found))  # fmt: skip


def show_map(t: Strings, path: str | None, start: Any, event: Any, kept: Any, at: Any) -> tuple:
    """(picture, verdict, table, sounds): all that hangs on the event and on how much of the picture is kept."""
    heard, share = hear(path, start), _share(kept)
    k = _chosen(heard.found, event)
    parts, said = take_away(heard, k, share)
    tracks = [w.track(t("track_sound"), heard.x), w.track(t("track_lit", name=_name(t, heard, k)), parts[0]),
              w.track(t("track_rest"), parts[1])]  # fmt: skip
    return draw_picture(t, heard, k, share, at), verdict_text(t, heard), again_text(t, heard, k, share, said), tracks


def show_moment(t: Strings, path: str | None, start: Any, event: Any, kept: Any, at: Any) -> tuple:
    """(picture, over time, moment)."""
    heard = hear(path, start)
    k = _chosen(heard.found, event)
    return draw_picture(t, heard, k, _share(kept), at), draw_times(t, heard, at), moment_text(t, heard, at)


def _chosen(found: Events, event: Any) -> int:
    """The index of a class; of the likeliest for anything that is none."""
    return found.classes.index(event) if event in found.classes else int(found.probabilities.argmax())


def _share(kept: Any) -> float:
    return min(max(float(kept or USUAL[1]), LEAST_SHARE), MOST_SHARE) / 100


def _name(t: Strings, heard: Heard, k: int) -> str:
    return t(f"name_{heard.found.classes[k]}")


def _percent(value: Any) -> str:
    return f"{100 * float(value):.0f}"


def _window(found: Events, at: Any) -> tuple[int, float, float]:
    """The window whose middle is nearest to a second: its number, begin and end in seconds."""
    from core.events.sample import WINDOW_S

    middles = np.array(found.starts_s) + WINDOW_S / 2
    number = int(np.abs(middles - float(at or 0)).argmin())
    return number, found.starts_s[number], found.starts_s[number] + WINDOW_S


def take_away(heard: Heard, k: int, share: float) -> tuple[tuple[Tensor, Tensor], dict[str, Tensor]]:
    """Split the sound at the places that speak most for class k, and ask the network about each part.

    Returns:
        (lit, rest), float [T] each, and the probabilities of all classes: of the whole, of each part, and of the sound
        without as many places at random.
    """
    from core.events.spectrogram import triangles
    from core.spotlight import brightest, enlarged, shuffled, split

    bands, shrink = heard.model.config.bands, heard.model.config.shrink
    mask = brightest(heard.found.cam[k], share)
    frames, filters = bands.frames(len(heard.x)), triangles(bands)
    lit, rest = split(heard.x, enlarged(mask, shrink, frames), filters, hop_samples=bands.hop_samples)
    _, holed = split(heard.x, enlarged(shuffled(mask), shrink, frames), filters, hop_samples=bands.hop_samples)
    parts = {"lit": lit, "rest": rest, "random": holed}
    return (lit, rest), {"sound": heard.found.probabilities, **{key: asked(heard, x) for key, x in parts.items()}}


def asked(heard: Heard, x: Tensor) -> Tensor:
    """Probabilities of the ten classes: float [T] -> [K]."""
    import torch

    from core.events.augment import levelled
    from core.events.spectrogram import log_mel

    with torch.inference_mode():
        logits = heard.model(log_mel(levelled(x), heard.model.config.bands)[None])[0]
    named = [heard.model.config.classes.index(name) for name in heard.found.classes]
    return logits.softmax(dim=0)[named]


def draw_picture(t: Strings, heard: Heard, k: int, share: float, at: Any) -> dict[str, Any]:
    """The spectrogram with the class-activation map of class k over it."""
    from core.spotlight import brightest

    found, bands = heard.found, heard.model.config.bands
    _, begin, end = _window(found, at)
    cam = found.cam[k].numpy()
    figure = figures.picture(
        found.log_mel.numpy(), cam, brightest(found.cam[k], share).numpy(), bands.centres_hz().numpy(),
        frame_s=bands.hop_samples / bands.sample_rate_hz, window_s=(begin, end),
        words={"time": t("time"), "frequency": t("frequency")},
    )  # fmt: skip
    column = int(cam.clip(min=0).sum(axis=1).argmax())
    second = (column + 0.5) * heard.model.config.shrink * bands.hop_samples / bands.sample_rate_hz
    return w.plot(figure, t("picture_summary", name=_name(t, heard, k), sure=_percent(found.probabilities[k]),
                            logit=f"{round(float(found.logits[k]), 1) + 0:.1f}", second=f"{second:.1f}",
                            share=f"{100 * share:.0f}"))  # fmt: skip


def verdict_text(t: Strings, heard: Heard) -> str:
    """What it is, that no event is sure enough, or that it is nothing of the ten; and how the network knows."""
    found = heard.found
    best = int(found.probabilities.argmax())
    sure, refused = float(found.probabilities[best]), refusals(measured())
    named, none = found.verdict in found.classes, found.none > sure
    kind = ("named" if sure >= SURE else "weak") if named else "none" if none else "unsure"
    text = t(f"verdict_{kind}", name=_name(t, heard, best), sure=_percent(sure), none=_percent(found.none),
             threshold=_percent(heard.model.config.threshold), speech=f"{refused['speech']:.0f}",
             noise=f"{refused['noise']:.0f}")  # fmt: skip
    listed = named_moments(t, found)
    return text if none or listed in ("", _name(t, heard, best)) else f"{text} {t('moments', listed=listed)}"


def named_moments(t: Strings, found: Events) -> str:
    """The events that are surer than not in some window, in the order in which they come; empty if there are none."""
    best = [int(row.argmax()) for row in found.per_second if float(row.max()) >= SURE]
    return ", ".join(t(f"events.name_{found.classes[k]}") for k in dict.fromkeys(best))


def again_text(t: Strings, heard: Heard, k: int, share: float, said: dict[str, Tensor]) -> str:
    """A table of what the network says of the parts, and what follows for the map."""
    rows = [f"| {t('head_given')} | {_name(t, heard, k)} | {t('head_best')} |", "|---|---|---|"]
    for key, given in said.items():
        best = int(given.argmax())
        rows.append(f"| {t(f'given_{key}')} | {_percent(given[k])} % | {_name(t, heard, best)} |")
    before, after, by_chance = (float(said[key][k]) for key in ("sound", "rest", "random"))
    clear = "again_true" if after < min(before, by_chance) - CLEARLY else "again_unclear"
    if before < 2 * CLEARLY:
        clear = "again_nothing"
    text = t(clear, share=f"{100 * share:.0f}", before=_percent(before), after=_percent(after),
             chance=_percent(by_chance))  # fmt: skip
    return "\n".join(rows) + "\n\n" + text


def draw_times(t: Strings, heard: Heard, at: Any) -> dict[str, Any]:
    """Probabilities over time of the events that are likeliest at some moment."""
    from core.events.sample import WINDOW_S

    found = heard.found
    peaks = found.per_second.amax(dim=0)
    order = peaks.argsort(descending=True)[:LINES].tolist()
    middles = [start + WINDOW_S / 2 for start in found.starts_s]
    number, *_ = _window(found, at)
    figure = figures.over_time(
        {_name(t, heard, k): found.per_second[:, k].numpy() for k in order}, found.none_per_second.numpy(),
        middles_s=middles, end_s=max(found.seconds, WINDOW_S), at_s=middles[number],
        words={"time": t("time"), "probability": t("probability"), "none": t("name_none_of_these")},
    )  # fmt: skip
    best = order[0]
    when = middles[int(found.per_second[:, best].argmax())]
    return w.plot(figure, t("times_summary", name=_name(t, heard, best), sure=_percent(peaks[best]),
                            second=f"{when:.1f}", windows=len(middles)))  # fmt: skip


def moment_text(t: Strings, heard: Heard, at: Any) -> str:
    """What is heard in one window, in order."""
    number, begin, end = _window(heard.found, at)
    row = heard.found.per_second[number]
    best = row.argsort(descending=True)[:LINES].tolist()
    listed = ", ".join(f"{_name(t, heard, k)} {_percent(row[k])} %" for k in best)
    none = _percent(heard.found.none_per_second[number])
    return t("moment_text", begin=f"{begin:.1f}", end=f"{end:.1f}", listed=listed, none=none)


def draw_whole(t: Strings, heard: Heard) -> dict[str, Any]:
    """The first five of the sound as one picture, and the mean of its windows."""

    found = heard.found
    first = found.probabilities.argsort(descending=True)[:5].tolist()
    also = [k for k in found.scene.argsort(descending=True)[:3].tolist() if k not in first]
    names = [_name(t, heard, k) for k in first + also]
    values = [(float(found.probabilities[k]), float(found.scene[k])) for k in first + also]
    values.append((found.none, float(found.none_per_second.mean())))
    figure = figures.whole(
        [*names, t("name_none_of_these")], *np.array(values).T, threshold=heard.model.config.threshold,
        words={key: t(f"whole_{key}") for key in ("one", "mean")} | {"probability": t("probability")},
    )  # fmt: skip
    listed = ", ".join(f"{name} {_percent(one)} %" for name, (one, _) in zip(names[:5], values))
    return w.plot(figure, t("whole_summary", listed=listed, none=_percent(found.none)))


def shares_text(t: Strings, found: Events) -> str:
    """“a siren 43 %, a dog barking 20 %”: the events that fill a scene; empty where nothing does."""
    order = found.scene.argsort(descending=True).tolist()
    kept = [k for k in order if float(found.scene[k]) >= MENTIONED][:4]
    return ", ".join(f"{t(f'events.name_{found.classes[k]}')} {_percent(found.scene[k])} %" for k in kept)


def scene_text(t: Strings, found: Events) -> str:
    none = float(found.none_per_second.mean())
    key = "scene_text" if none < 0.5 else "scene_none"
    return t(key, shares=shares_text(t, found), none=_percent(none))


def answer(t: Strings, x: Tensor) -> Answer:
    """The likeliest event, for the picture of the field."""
    found = _heard(_models.load(WEIGHTS), x).found
    best = int(found.probabilities.argmax())
    sure, name = float(found.probabilities[best]), t(f"events.name_{found.classes[best]}")
    if found.none > sure:
        return Answer(t("events_no", name=name, sure=_percent(sure)), sure, False)
    if sure < SURE or found.verdict not in found.classes:
        return Answer(t("events_unsure", listed=named_moments(t, found) or name), sure, False)
    return Answer(t("events_says", listed=named_moments(t, found) or name), sure, True)


def answer_scene(t: Strings, x: Tensor) -> Answer:
    """What fills the sound, over its seconds."""
    found = _heard(_models.load(WEIGHTS), x).found
    none = float(found.none_per_second.mean())
    fits = none < 0.5 and bool(shares_text(t, found))
    text = t("scenes_says", shares=shares_text(t, found)) if fits else t("scenes_no", none=_percent(none))
    return Answer(text, 1 - none, fits)


TASK = Task(answer, quality)
SCENE = Task(answer_scene, dict)
