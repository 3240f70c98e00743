"""Parametric synthesis: labels, durations, trajectories, sound; and anybody's voice through the vocoder alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.errors import SamplingError
from demos import _models
from demos import _widgets as w
from demos._tab import Strings
from demos._tts import sentence, stored

if TYPE_CHECKING:
    from core.parametric.sample import ParametricSynthesis
    from core.parametric.vocoder import Resynthesis

MODELS = ("parametric-duration", "parametric-acoustic")
REST = (1.0, 1.0, 0.0, 1.0)  # rate, melody, semitones, formants
USUAL = (sentence.FIRST, 2, *REST)
USUAL_VOICE = (w.sample_path().name, *REST)
PRESETS = {"rest": REST, "flat": (1.0, 0.0, 0.0, 1.0), "low": (0.9, 1.0, -8.0, 0.85), "small": (1.15, 1.2, 5.0, 1.2)}


def build(t: Strings, box: sentence.Box) -> None:
    """The cells `parametric` and `vocoder`."""
    with w.cell(t, "parametric") as inner:
        _synthesis(inner, box)
    with w.cell(t, "vocoder") as inner:
        _own_voice(inner)


def sliders(t: Strings, prefix: str) -> tuple[list[gr.Slider], list[Any]]:
    """Rate, depth of the melody, semitones, formants; and the events of their being moved, by hand or by a preset."""
    with w.row():
        rate = w.link(f"{prefix}-rate", gr.Slider(0.5, 2, 1, step=0.05, label=t("rate")))
        melody = w.link(f"{prefix}-melody", gr.Slider(0, 2, 1, step=0.05, label=t("melody")))
    with w.row():
        pitch = w.link(f"{prefix}-pitch", gr.Slider(-12, 12, 0, step=1, label=t("pitch")))
        formants = w.link(f"{prefix}-formants", gr.Slider(0.7, 1.4, 1, step=0.05, label=t("formants")))
    found = [rate, melody, pitch, formants]
    moved = [slider.release for slider in found]
    with w.row():
        for name, values in PRESETS.items():
            button = gr.Button(t(f"preset_{name}"), size="sm", min_width=100)
            moved.append(button.click(None, None, found, js=f"() => {list(values)}", queue=False).then)
    return found, moved


def checked(values: tuple[Any, ...]) -> dict[str, float]:
    """The sliders as arguments.

    Raises:
        SamplingError: a field is empty.
    """
    if None in values:
        raise SamplingError("A field is empty: give rate, melody, pitch and formants.")
    return dict(zip(("rate", "f0_scale", "f0_shift_semitones", "formant_scale"), map(float, values)))


def _synthesis(t: Strings, box: sentence.Box) -> None:
    w.prose(t)
    w.quiz(t, "smooth")
    with w.controls(t):
        controls, moved = sliders(t, "parametric")
        run = w.button(t("run"), name="parametric-run")
    player = w.player(t, "sound")
    facts = w.note(t, "facts", latex=False)
    label = w.figure(t, "labels", height=420)
    lasting = w.figure(t, "durations", height=520)
    w.prose(t, "parametric-trajectories")
    with w.controls(t):
        coefficient = w.link("coefficient", gr.Slider(0, 39, 2, step=1, label=t("coefficient")))
    curves = w.figure(t, "trajectories", height=440)
    envelopes = w.figure(t, "envelopes", height=460)
    w.code(t, "core.parametric.mlpg:generate", "core.parametric.mlpg:scale_variance",
           "core.parametric.model:AcousticModel", "core.parametric.sample:synthesize")  # fmt: skip
    said = gr.State(None)
    results = [said, player, facts, label, lasting, curves, envelopes]
    inputs = [box.text, coefficient, *controls]
    for event in moved:
        w.on(t, event, partial(speak, t), inputs, results, heavy=True, trigger_mode="always_last")
    sentence.connect(
        t, box, run, lasting, partial(speak, t), usual=USUAL, results=results[1:], controls=inputs[1:], said=said,
        say=say,
    )  # fmt: skip
    w.on(t, coefficient.release, partial(draw_trajectories, t), [said, coefficient], curves)


def speak(t: Strings, text: str | None, coefficient: Any, *values: Any) -> tuple:
    """Say the sentence: (said, player, facts, labels, durations, trajectories, envelopes)."""
    from core.parametric import figures

    said = say(text, coefficient, *values)
    flat = say(text, coefficient, *values, global_variance=False)
    tracks = [w.track(t("with_variance"), said.audio), w.track(t("without_variance"), flat.audio)]
    natural = sentence.natural(text)
    if natural is not None:
        tracks.append(w.track(t("natural"), natural))
    phones = sum(not one.is_pause for one in said.contexts)
    longest = max(range(len(said.contexts)), key=lambda i: said.durations[i] * (not said.contexts[i].is_pause))
    facts = t(
        "facts_text", text=sentence.quoted(text), words=len(said.words), phones=phones, frames=len(said.means),
        seconds=f"{said.seconds:.1f}",
    )  # fmt: skip
    lasting = w.plot(
        figures.durations(said, words={"milliseconds": t("milliseconds")}),
        t("durations_summary", phones=phones, phone=said.contexts[longest].c,
          ms=f"{said.durations[longest] * 5:.0f}"),
    )  # fmt: skip
    label = w.plot(figures.labels(said, words={n: t(f"label_{n}") for n in figures.LABEL_ROWS}), t("labels_summary"))
    return said, tracks, facts, label, lasting, draw_trajectories(t, said, coefficient), draw_envelopes(t, said)


def say(text: str | None, _: Any, *values: Any, global_variance: bool = True) -> ParametricSynthesis:
    """The sentence by both networks; the sliders as `sliders` gives them.

    Raises:
        SamplingError: a field is empty.  TextError: nothing that this voice can say.
    """
    from core.parametric.sample import synthesize

    models = tuple(_models.load(name) for name in MODELS)
    return synthesize(
        sentence.english_only(text), **checked(values), models=models, global_variance=global_variance  # type: ignore[arg-type]
    )


def draw_trajectories(t: Strings, said: ParametricSynthesis | None, coefficient: Any) -> dict:
    """F0 and one coefficient, with and without global variance."""
    from core.parametric import figures

    if said is None:
        return gr.skip()
    k = min(max(int(coefficient or 0), 0), 39)
    names = ("time", "f0", "means", "smooth", "sharpened")
    words = {name: t(f"word_{name}") for name in names} | {"value": f"c{k}"}
    figure = figures.trajectories(said, coefficient=k, words=words)
    ratio = said.smooth[:, k].std() / max(1e-9, said.sharpened[:, k].std())
    return w.plot(figure, t("trajectories_summary", k=k, ratio=f"{100 * ratio:.0f}"))


def draw_envelopes(t: Strings, said: ParametricSynthesis) -> dict:
    """The envelope before and after global variance."""
    from core.parametric import figures
    from core.parametric.vocoder import CEPSTRA

    figure = figures.envelopes(
        {t("word_smooth"): said.smooth[:, :CEPSTRA], t("word_sharpened"): said.sharpened[:, :CEPSTRA]},
        words={"time": t("word_time"), "hertz": t("word_hertz")},
    )  # fmt: skip
    spread = [float(x[:, 1:CEPSTRA].std(axis=0).mean()) for x in (said.smooth, said.sharpened)]
    return w.plot(figure, t("envelopes_summary", ratio=f"{100 * spread[0] / spread[1]:.0f}"))


def _own_voice(t: Strings) -> None:
    w.prose(t)
    w.quiz(t, "formants")
    with w.controls(t):
        voice = w.voice(t)
        controls, moved = sliders(t, "vocoder")
        run = w.button(t("run"), name="vocoder-run")
    player = w.player(t, "sound")
    melody = w.figure(t, "melody", height=300)
    envelopes = w.figure(t, "envelopes", height=460)
    w.code(t, "core.parametric.vocoder:resynthesize", "core.parametric.vocoder:analyse",
           "core.parametric.vocoder:synthesise", "core.parametric.vocoder:warp_envelope")  # fmt: skip
    inputs, results = [voice, *controls], [player, melody, envelopes]
    w.on(t, run.click, partial(resynthesise, t), inputs, results, heavy=True)
    for event in moved:
        w.on(t, event, partial(resynthesise, t), inputs, results, heavy=True, trigger_mode="always_last")
    seen = w.on(t, melody.appear, stored.at_sight(t, USUAL_VOICE, len(results)), inputs, results)
    w.on(t, seen.then, stored.unless_stored(t, USUAL_VOICE, partial(resynthesise, t)), inputs, results, heavy=True)


def resynthesise(t: Strings, path: str | None, *values: Any) -> tuple:
    """A voice taken apart and put together: (player, melody, envelopes)."""
    from core.parametric.vocoder import resynthesize

    sound = w.load_voice(path)
    found = resynthesize(sound, **checked(values))
    tracks = [w.track(t("original"), sound), w.track(t("resynthesis"), found.audio)]
    return tracks, draw_melody(t, found), draw_own_envelopes(t, found)


def draw_melody(t: Strings, found: Resynthesis) -> dict:
    from core.parametric import figures

    figure = figures.melodies(
        {t("original"): found.before, t("resynthesis"): found.after}, roles=("reference", "model"),
        words={"time": t("word_time"), "f0": t("word_f0")},
    )  # fmt: skip
    hertz = [float(p.f0_hz[p.voiced].mean()) if p.voiced.any() else 0.0 for p in (found.before, found.after)]
    return w.plot(figure, t("melody_summary", before=f"{hertz[0]:.0f}", after=f"{hertz[1]:.0f}"))


def draw_own_envelopes(t: Strings, found: Resynthesis) -> dict:
    from core.parametric import figures
    from core.parametric.vocoder import analyse

    heard = analyse(found.audio.numpy())  # with the resonances moved, which the parameters do not show
    figure = figures.envelopes(
        {t("original"): found.before.cepstra, t("resynthesis"): heard.cepstra},
        words={"time": t("word_time"), "hertz": t("word_hertz")},
    )  # fmt: skip
    return w.plot(figure, t("own_summary", frames=found.before.frames, numbers=found.before.frames * 43))
