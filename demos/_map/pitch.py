"""Pitch: four methods on one sound, one frame taken apart, candidates and the path through them, tones and notes."""

from __future__ import annotations

import functools
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr
import numpy as np

from demos import _models
from demos import _widgets as w
from demos._links import within
from demos._map import pitch_figures as figures
from demos._map import sound
from demos._map.answer import Answer, Task, table
from demos._map.pitch_figures import Curve
from demos._tab import ROOT, Strings

if TYPE_CHECKING:
    from torch import Tensor

    from core.mir.crepe import Activation
    from core.mir.notes import Note
    from core.mir.pitch import Pitch
    from core.mir.yin import YinSteps

CELL = "pitch"
METHODS = ("autocorrelation", "yin", "pyin", "crepe")
KINDS = ("pyin", "crepe")  # whose candidates are drawn
THRESHOLDS = (0.02, 0.6)
USUAL = (0.15, 0.6, "pyin")
RATE, TONE_RATE = 16_000, 8_000
CREPE_HOP_SAMPLES = 320  # every 20 ms: half the time of every 10
MOST_NOTES = 16
MEASURED = ROOT / "assets/tables/mir.json"
NOISES = {"clean": "clean", "10 dB": "noise", "0 dB": "much_noise"}  # in the table -> what the page calls it


def build(t: Strings, source: sound.Source) -> None:
    """The cell `pitch`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "octave")
        with w.controls(t):
            with w.row():
                threshold = _slider(t, "threshold", THRESHOLDS, USUAL[0])
                moment = _slider(t, "moment", (0, sound.SECONDS), USUAL[1])
            kinds = [(t(f"kind_{kind}"), kind) for kind in KINDS]
            kind = w.link("lattice", gr.Radio(kinds, value=USUAL[2], label=t("kind")))
        curves = w.figure(t, "curves", height=440)
        said = w.note(t, "said")
        player = w.player(t, "sounds")
        w.note(t, "tones", t("tones"))
        w.prose(t, "pitch-yin")
        frame = w.figure(t, "frame", height=760)
        steps = w.note(t, "steps")
        w.quiz(t, "threshold")
        w.prose(t, "pitch-path")
        lattice = w.figure(t, "lattice", height=400)
        notes = w.note(t, "notes")
        w.note(t, "measured", measured(t))
        w.code(t, "core.mir.yin:difference", "core.mir.yin:cumulative_mean_normalised",
               "core.mir.yin:absolute_threshold", "core.mir.yin:parabolic", "core.mir.pyin:_candidates",
               "core.mir.viterbi:banded", "core.mir.model:Crepe.forward", "core.mir.pitch:judged")  # fmt: skip
    inputs = [*source.inputs, threshold, moment, kind]
    shown = [curves, said, player, frame, steps, lattice, notes]
    of_moment = [curves, frame, steps, lattice]
    options = {"heavy": True, "trigger_mode": "always_last", "show_progress": "hidden"}

    def pick(path: Any, start: Any, threshold: Any, moment: Any, kind: Any, event: gr.SelectData) -> tuple:
        chosen = round(float(event.value["x"]), 2)
        return (chosen, *at_moment(t, path, start, threshold, chosen, kind))

    def lower(path: Any, start: Any, threshold: Any, moment: Any, kind: Any, event: gr.SelectData) -> tuple:
        if event.index[0] != figures.NORMALISED:
            return (gr.skip(),) * (1 + len(shown))
        chosen = round(within(event.value["y"], *THRESHOLDS, USUAL[0]), 3)
        return (chosen, *show(t, path, start, chosen, moment, kind))

    sound.connect(t, source, curves, partial(show, t), shown, controls=inputs[2:], usual=USUAL)
    w.on(t, curves.appear, warm, None, None, heavy=True, show_progress="hidden")
    w.on(t, threshold.release, partial(show, t), inputs, shown, **options)
    w.on(t, moment.release, partial(at_moment, t), inputs, of_moment, **options)
    w.on(t, kind.input, lambda *asked: at_moment(t, *asked)[-1], inputs, lattice, **options)
    for figure in (curves, lattice):
        w.on(t, figure.select, pick, inputs, [moment, *of_moment], **options)
    w.on(t, frame.select, lower, inputs, [threshold, *shown], **options)


def _slider(t: Strings, name: str, limits: tuple[float, float], value: float) -> gr.Slider:
    return w.link(name, gr.Slider(*limits, value, step=0.01, label=t(f"{name}_label"), info=t(f"{name}_hint")))


def warm() -> None:
    """Compile and load, so that the first change of a control is quick although the first result was stored."""
    from core.mir import yin

    hum = 0.1 * np.sin(2 * np.pi * 220 * np.arange(RATE // 4) / RATE)
    samples = hum.astype(np.float32).tobytes()
    everything(samples)
    by_yin(samples, USUAL[0])
    yin.yin_steps(hum, RATE, 0.1)


class Heard(NamedTuple):
    """A sound with what does not depend on a control.

    x: float64 [T] at 16 kHz.  found: by pYIN.  network: CREPE's, every 20 ms.  simple, crepe: curves.
    """

    x: np.ndarray
    found: Pitch
    network: Activation
    simple: Curve
    crepe: Curve


@functools.lru_cache(maxsize=4)
def everything(samples: bytes) -> Heard:
    """samples: of a float32 sound; as bytes, so that what was found can be kept by them."""
    from core.mir import autocorrelation, crepe
    from core.mir.frames import pitch_frames
    from core.mir.pitch import pitch

    x = np.frombuffer(samples, dtype=np.float32).astype(np.float64)
    network = crepe.activation(x, hop_samples=CREPE_HOP_SAMPLES, model=_models.load(crepe.NAME))
    simple = voiced(x, "autocorrelation", *autocorrelation.track(pitch_frames(x)))
    by_network = voiced(x, "crepe", network.f0_hz, network.confidence, CREPE_HOP_SAMPLES)
    return Heard(x, pitch(x, RATE, method="pyin"), network, simple, by_network)


@functools.lru_cache(maxsize=8)
def by_yin(samples: bytes, threshold: float) -> Curve:
    from core.mir import yin
    from core.mir.frames import pitch_frames

    x = np.frombuffer(samples, dtype=np.float32).astype(np.float64)
    f0_hz, aperiodicity = yin.track(pitch_frames(x), threshold=threshold)
    return voiced(x, "yin", f0_hz, 1 - aperiodicity)


def voiced(x: np.ndarray, method: str, f0_hz: np.ndarray, confidence: np.ndarray, hop_samples: int = 160) -> Curve:
    """A curve, voiced where `core.mir.pitch.pitch` has it: sure enough, and not much quieter than the loud frames.

    That function would look for pYIN's candidates once for every method.
    """
    from core.mir.frames import AHEAD_SAMPLES, WINDOW_SAMPLES, framed, times
    from core.mir.pitch import QUIET, SILENT, VOICED

    cut = framed(x, WINDOW_SAMPLES, hop_samples=hop_samples, ahead=AHEAD_SAMPLES)
    level = np.sqrt(np.mean(np.square(cut), axis=1))
    audible = level > max(SILENT, QUIET * float(np.percentile(level, 95)))
    return Curve(times(len(f0_hz), hop_samples=hop_samples), f0_hz, (confidence >= VOICED[method]) & audible)


class View(NamedTuple):
    """What the figures need. samples: the sound, as `everything` takes it.  steps: of the frame at the moment."""

    heard: Heard
    curves: dict[str, Curve]
    steps: YinSteps
    kind: str

    @property
    def seconds(self) -> float:
        return len(self.heard.x) / RATE


def looked(path: str | None, start: Any, threshold: Any, moment: Any, kind: Any) -> View:
    """The sound by all methods; controls out of range are taken to the nearest value.

    Raises:
        AudioError: as `sound.load`.
    """
    from core.mir.yin import yin_steps

    samples = sound.load(path, start).numpy().tobytes()
    threshold = round(within(threshold, *THRESHOLDS, USUAL[0]), 3)
    heard = everything(samples)
    curves = {
        "autocorrelation": heard.simple, "yin": by_yin(samples, threshold),
        "pyin": Curve(heard.found.times_s, heard.found.f0_hz, heard.found.voiced), "crepe": heard.crepe,
    }  # fmt: skip
    at_s = within(moment, 0.0, len(heard.x) / RATE, USUAL[1])
    return View(heard, curves, yin_steps(heard.x, RATE, at_s, threshold=threshold), kind if kind in KINDS else KINDS[0])


def show(t: Strings, path: str | None, start: Any, threshold: Any, moment: Any, kind: Any) -> tuple:
    """(curves, verdict, player, frame, steps, lattice, notes)."""
    view = looked(path, start, threshold, moment, kind)
    return (
        draw_curves(t, view), verdict(t, view.heard.found), tracks(t, view), draw_frame(t, view), told(t, view),
        draw_lattice(t, view), note_table(t, view.heard.found),
    )  # fmt: skip


def at_moment(t: Strings, path: str | None, start: Any, threshold: Any, moment: Any, kind: Any) -> tuple:
    """(curves, frame, steps, lattice): what another moment changes."""
    view = looked(path, start, threshold, moment, kind)
    return draw_curves(t, view), draw_frame(t, view), told(t, view), draw_lattice(t, view)


def draw_curves(t: Strings, view: View) -> dict[str, Any]:
    words = {"time": t("time"), "note": t("note"), **{method: t(method) for method in METHODS}}
    figure = figures.curves(view.heard.x, view.curves, view.steps.at_s, words=words, language=t.language)
    said = ", ".join(f"{t(method)} {_middle(t, curve)}" for method, curve in view.curves.items())
    return w.plot(figure, t("curves_summary", values=said))


def _middle(t: Strings, curve: Curve) -> str:
    """A curve's median pitch."""
    return f"{np.median(curve.f0_hz[curve.voiced]):.0f} Hz" if curve.voiced.any() else t("nothing")


def verdict(t: Strings, found: Pitch) -> str:
    """Whether there is one pitch, and how that is known."""
    return t(f"verdict_{found.verdict}", sure=f"{100 * found.certainty:.0f}") + " " + t("verdict_how")


def tracks(t: Strings, view: View) -> list[dict]:
    """The sound, and a tone after each curve."""
    import torch

    from core.mir.tones import tone

    length = round(view.seconds * TONE_RATE)
    out = [w.track(t("sound"), torch.from_numpy(view.heard.x.astype(np.float32)))]
    for method, curve in view.curves.items():
        out.append(w.track(t(method), torch.from_numpy(tone(*curve, length, TONE_RATE)), TONE_RATE))
    return out


def tapered(view: View) -> tuple[np.ndarray, int]:
    """r' of the frame up to the longest lag, and the lag of its highest peak."""
    from core.mir import autocorrelation

    r = autocorrelation.tapered(view.steps.frame[None])
    shortest, longest = view.steps.lag_range
    peak = int(autocorrelation.pick(r, shortest=shortest, longest=longest)[0])
    return r[0, : len(view.steps.autocorrelation)], peak


def draw_frame(t: Strings, view: View) -> dict[str, Any]:
    keys = ["lag", "lag_near", "r", "r_falling", "d", "normalised", "parabola", *(f"title_{n}" for n in range(1, 5))]
    figure = figures.frame(view.steps, *tapered(view), words={key: t(key) for key in keys})
    found = view.steps
    key = "frame_summary" if found.below else "frame_summary_above"
    return w.plot(figure, t(key, at=f"{found.at_s:.2f}", threshold=f"{found.threshold:g}", lag=found.dip,
                            value=f"{found.aperiodicity:.2f}", hz=f"{RATE / found.interpolated:.1f}"))  # fmt: skip


def told(t: Strings, view: View) -> str:
    """The steps of the frame as a table: what each would answer, if it were the last."""
    from core.mir.notes import name

    found = view.steps
    lags = {
        "step_1": found.peak, "step_1b": tapered(view)[1], "step_2": found.lowest, "step_4": found.dip,
        "step_5": found.interpolated, "step_6": found.local,
    }  # fmt: skip
    lines = [f"| {t('step')} | {t('lag_head')} | Hz | {t('note')} |", "|---|---:|---:|---|"]
    for key, lag in lags.items():
        digits = 0 if isinstance(lag, int) else 2
        lines.append(f"| {t(key)} | {lag:.{digits}f} | {RATE / lag:.1f} | {name(RATE / lag, language=t.language)} |")
    voiced = view.heard.found.voiced[min(round(found.at_s * 100), len(view.heard.found.voiced) - 1)]
    return "\n".join(lines) + "\n\n" + t("steps_voiced" if voiced else "steps_unvoiced", at=f"{found.at_s:.2f}")


def draw_lattice(t: Strings, view: View) -> dict[str, Any]:
    words = {key: t(key) for key in ("time", "note", "candidates", "path", "probability", "activation")}
    bounds, where = figures.span(view.curves), (view.steps.at_s, view.seconds)
    if view.kind == "crepe":
        hop_s = CREPE_HOP_SAMPLES / RATE
        figure = figures.activation(view.heard.network, hop_s, bounds, *where, words=words, language=t.language)
        return w.plot(figure, t("activation_summary", frames=len(view.heard.network.path)))
    lattice = view.heard.found.lattice
    figure = figures.candidates(lattice, bounds, *where, words=words, language=t.language)
    return w.plot(figure, t("candidates_summary", frames=lattice.candidates.frames, count=len(lattice.candidates.frame),
                            voiced=f"{100 * lattice.voiced.mean():.0f}"))  # fmt: skip


def note_table(t: Strings, found: Pitch) -> str:
    """The notes sung, as Markdown."""
    notes = found.notes()
    if not notes:
        return t("notes_none")
    lines = [t("notes_line"), "", t("notes_head"), "|---:|---:|---|---:|---:|"]
    for note in notes[:MOST_NOTES]:
        lines.append(
            f"| {note.begin_s:.2f} | {note.end_s - note.begin_s:.2f} | {named(t, note)} | {note.f0_hz:.1f} "
            f"| {round(note.cents):+d} |"
        )
    if len(notes) > MOST_NOTES:
        lines += ["", t("notes_more", count=len(notes) - MOST_NOTES)]
    return "\n".join(lines)


def named(t: Strings, note: Note) -> str:
    """A4; in Korean 라4 (A4)."""
    own = note.name(t.language)
    return own if t.language == "en" else f"{own} ({note.name()})"


def _table() -> dict[str, Any]:
    """What was measured, {} until it is."""
    return table(MEASURED).get("pitch", {})


def measured(t: Strings) -> str:
    """Raw pitch accuracy of each method on melodies and voices, clean and in noise; "" until it is measured."""
    found = _table()
    if not found:
        return ""
    kinds = ("melodies", "voices")
    heads = [f"{t(kind)}, {t(noise)}" for kind in kinds for noise in NOISES.values()]
    lines = [t("measured_line", melodies=found["sounds"]["melodies"], voices=found["sounds"]["voices"]), "",
             f"| {t('method')} | " + " | ".join(heads) + " |", "|---" + "|---:" * len(heads) + "|"]  # fmt: skip
    for method in (*METHODS, "librosa pyin"):
        scores = [found[kind][noise].get(method) for kind in kinds for noise in NOISES]  # the peer not in all noises
        cells = [f"{100 * one['raw pitch accuracy']:.1f}" if one else "–" for one in scores]
        lines.append(f"| {t(method.replace(' ', '_'))} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def answer(t: Strings, x: Tensor) -> Answer:
    """What the picture says: from which note to which, and around which."""
    from core.mir.notes import name
    from core.mir.pitch import pitch

    found = pitch(x.numpy(), RATE, method="pyin")
    heard = found.f0_hz[found.voiced]
    if found.verdict != "one" or not len(heard):
        kind = "several" if found.verdict == "several" else "none"
        return Answer(t(f"pitch_{kind}"), min(found.certainty, 0.49), False)
    low, middle, high = (float(np.percentile(heard, share)) for share in (5, 50, 95))
    notes = {key: name(hz, language=t.language) for key, hz in (("low", low), ("middle", middle), ("high", high))}
    key = "pitch_says" if notes["low"] != notes["high"] else "pitch_says_one"
    return Answer(t(key, **notes, hz=f"{middle:.0f}"), found.certainty, True)


def quality() -> dict[str, str]:
    """Raw pitch accuracy of pYIN in percent."""
    found = _table()
    cells = {"melody": ("melodies", "clean"), "voice": ("voices", "clean"), "noisy": ("voices", "0 dB")}
    return {
        key: f"{100 * found[kind][noise]['pyin']['raw pitch accuracy']:.0f}" if found else "–"
        for key, (kind, noise) in cells.items()
    }  # fmt: skip


TASK = Task(answer, quality)
