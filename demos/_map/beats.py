"""Tempo and beats: onset envelope, dynamic programming with its tightness, tempogram; clicks over the music."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr
import numpy as np

from demos import _widgets as w
from demos._links import within
from demos._map import beats_figures as figures
from demos._map import sound
from demos._map.answer import Answer, Task, table
from demos._tab import ROOT, Strings

if TYPE_CHECKING:
    from torch import Tensor

    from core.mir.beats import Beats

CELL = "beats"
KINDS = ("autocorrelation", "fourier")
POWERS, STARTS = (0.0, 4.0), (40.0, 240.0)  # of ten: the tightness; beats a minute, where the prior is highest
USUAL = (2, 110, 1.1, "autocorrelation")
LOOSE, TIGHT = 1.0, 10_000.0
RATE = 16_000
NEAR_S = 0.08  # a click so near to a beat means it
LEAST_S = 4.0  # a shorter sound has too few beats to tell whether they go on
EVEN_MS, FEWEST = 10, 5  # of the exercise: deviation of the steps, beats that make a pulse
NEARLY = 0.06  # two tempi no further apart than this share are the same
MEASURED = ROOT / "assets/tables/mir.json"
METHODS = {"ours": "ours", "ours, tempo as Ellis 2007": "ours_ellis", "librosa": "librosa"}
SCORES = {"F-measure": "f_measure", "AMLt": "amlt", "tempo": "tempo_right", "tempo at any level": "tempo_level"}


def build(t: Strings, source: sound.Source) -> None:
    """The cell `beats`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "tightness")
        with w.controls(t):
            with w.row():
                power = _slider(t, "tightness", POWERS, USUAL[0], 0.1)
                start = _slider(t, "start-bpm", STARTS, USUAL[1], 1)
            with w.row():
                moment = _slider(t, "beat", (0, sound.SECONDS), USUAL[2], 0.01)
                kinds = [(t(f"kind_{kind}"), kind) for kind in KINDS]
                kind = w.link("tempogram", gr.Radio(kinds, value=USUAL[3], label=t("kind")))
        envelope = w.figure(t, "envelope", height=440)
        said = w.note(t, "said")
        player = w.player(t, "sounds")
        w.prose(t, "beats-path")
        link = w.figure(t, "link", height=400)
        why = w.note(t, "why")
        w.prose(t, "beats-tempo")
        w.quiz(t, "lag")
        tempogram = w.figure(t, "tempogram", height=360)
        period = w.figure(t, "period", height=360)
        w.note(t, "measured", measured(t))
        w.exercise(t, "half", half, [*source.inputs, power, start])
        w.code(t, "core.mir.onsets:flux", "core.mir.onsets:envelope", "core.mir.tempo:estimate", "core.mir.tempo:prior",
               "core.mir.beats:_cumulative", "core.mir.beats:backtrace", "core.mir.beats:trimmed",
               "core.mir.beats:steadiness", "core.mir.clicks:with_clicks")  # fmt: skip
    inputs = [*source.inputs, power, start, moment, kind]
    shown = [envelope, said, player, link, why, tempogram, period]
    of_moment = [envelope, link, why]
    options = {"trigger_mode": "always_last", "show_progress": "hidden"}

    def pick(path: Any, begin: Any, power: Any, start: Any, moment: Any, kind: Any, event: gr.SelectData) -> tuple:
        chosen = round(float(event.value["x"]), 2)
        return (chosen, *at_moment(t, path, begin, power, start, chosen, kind))

    def around(axis: str) -> Any:
        def tempo(path: Any, begin: Any, power: Any, start: Any, moment: Any, kind: Any, event: gr.SelectData) -> tuple:
            chosen = round(within(2 ** float(event.value[axis]), *STARTS, USUAL[1]))
            return (chosen, *show(t, path, begin, power, chosen, moment, kind))

        return tempo

    sound.connect(t, source, envelope, partial(show, t), shown, controls=inputs[2:], usual=USUAL)
    w.on(t, envelope.appear, warm, None, None, heavy=True, show_progress="hidden")
    w.on(t, [power.release, start.release], partial(show, t), inputs, shown, heavy=True, **options)
    w.on(t, moment.release, partial(at_moment, t), inputs, of_moment, heavy=True, **options)
    w.on(t, kind.input, partial(of_kind, t), inputs, tempogram, heavy=True, **options)
    w.on(t, [envelope.select, link.select], pick, inputs, [moment, *of_moment], heavy=True, **options)
    for figure, axis in ((tempogram, "y"), (period, "x")):
        w.on(t, figure.select, around(axis), inputs, [start, *shown], heavy=True, **options)


def _slider(t: Strings, name: str, limits: tuple[float, float], value: float, step: float) -> gr.Slider:
    return w.link(name, gr.Slider(*limits, value, step=step, label=t(f"{name}_label"), info=t(f"{name}_hint")))


def warm() -> None:
    """Compile and load, so that the first change of a control is quick although the first result was stored."""
    from core.mir import beats

    beats.warm()


class View(NamedTuple):
    """x: float64 [T] at 16 kHz.  found: with the tightness chosen.  at: the chosen place in its envelope.

    others: tightness -> seconds [K], the beats by the loosest and the tightest search.
    """

    x: np.ndarray
    found: Beats
    at: int
    others: dict[float, np.ndarray]
    start_bpm: float
    kind: str

    @property
    def seconds(self) -> float:
        return len(self.x) / RATE

    @property
    def period(self) -> float:
        """tau_p, in values of the envelope."""
        return 60 * self.found.envelope.rate_hz / self.found.tempo.bpm


def looked(path: str | None, begin: Any, power: Any, start: Any, moment: Any, kind: Any) -> View:
    """The sound's beats; controls out of range are taken to the nearest value.

    Raises:
        AudioError: as `sound.load`.
    """
    from core.mir.beats import beats

    x = sound.load(path, begin).numpy().astype(np.float64)
    start_bpm = within(start, *STARTS, USUAL[1])
    alpha = 10 ** within(power, *POWERS, USUAL[0])
    found = beats(x, RATE, tightness=alpha, start_bpm=start_bpm)
    others = {other: beats(x, RATE, tightness=other, start_bpm=start_bpm).beats_s for other in (LOOSE, TIGHT)}
    at_s = within(moment, 0.0, len(x) / RATE, USUAL[2])
    kind = kind if kind in KINDS else KINDS[0]
    return View(x, found, place(found, at_s), others, start_bpm, kind)


def place(found: Beats, at_s: float) -> int:
    """The place of a moment in the envelope; of the nearest beat, where one is near."""
    rate = found.envelope.rate_hz
    at = int(min(round(at_s * rate), len(found.local) - 1))
    if len(found.at):
        nearest = int(found.at[np.abs(found.at - at).argmin()])
        if abs(nearest - at) <= NEAR_S * rate:
            return nearest
    return at


def show(t: Strings, path: str | None, begin: Any, power: Any, start: Any, moment: Any, kind: Any) -> tuple:
    """(envelope, verdict, player, link, why, tempogram, period)."""
    view = looked(path, begin, power, start, moment, kind)
    return (
        draw_envelope(t, view), verdict(t, view), tracks(t, view), draw_link(t, view), why(t, view),
        draw_tempogram(t, view), draw_period(t, view),
    )  # fmt: skip


def at_moment(t: Strings, path: str | None, begin: Any, power: Any, start: Any, moment: Any, kind: Any) -> tuple:
    """(envelope, link, why): what another moment changes."""
    view = looked(path, begin, power, start, moment, kind)
    return draw_envelope(t, view), draw_link(t, view), why(t, view)


def of_kind(t: Strings, *asked: Any) -> dict[str, Any]:
    return draw_tempogram(t, looked(*asked))


def draw_envelope(t: Strings, view: View) -> dict[str, Any]:
    words = {key: t(key) for key in ("time", "local", "score", "beats", "chosen")}
    words["others"] = t("loose", tightness=plain(LOOSE))
    figure = figures.envelope(view.found, view.others[LOOSE], view.at, words=words)
    values = {"count": len(view.found.at), "tightness": plain(view.found.tightness), "bpm": f"{view.found.bpm:.0f}"}
    uneven = {"uneven": _uneven(view.found.beats_s), "loose": _uneven(view.others[LOOSE])}
    return w.plot(figure, t("envelope_summary", **values, **uneven))


def plain(tightness: float) -> str:
    """Three digits, without an exponent."""
    return f"{tightness:.3g}" if tightness < 1000 else f"{tightness:.0f}"


def _uneven(beats_s: np.ndarray) -> str:
    """The deviation of the steps between beats in milliseconds."""
    return f"{1000 * np.diff(beats_s).std():.0f}" if len(beats_s) > 1 else "0"


def verdict(t: Strings, view: View) -> str:
    """Whether there is a beat, and how that is known."""
    key = "verdict_short" if view.seconds < LEAST_S else "verdict_steady" if view.found.steady else "verdict_none"
    sure = f"{100 * view.found.confidence:.0f}"
    return t(key, bpm=f"{view.found.tempo.bpm:.1f}", other=f"{view.found.tempo.other_bpm:.1f}", sure=sure,
             least=f"{LEAST_S:g}") + " " + t("verdict_how")  # fmt: skip


def tracks(t: Strings, view: View) -> list[dict]:
    """The sound, and with clicks: where the search puts them, and where a loose and a tight one would."""
    import torch

    from core.mir.clicks import with_clicks

    x = view.x.astype(np.float32)
    clicked = {view.found.tightness: view.found.beats_s, **view.others}  # the chosen one once, if it is one of them
    sounds = {t("sound"): x}
    sounds |= {t("clicks", tightness=plain(alpha)): with_clicks(x, RATE, beats_s) for alpha, beats_s in clicked.items()}
    return [w.track(label, torch.from_numpy(one)) for label, one in sounds.items()]


def draw_link(t: Strings, view: View) -> dict[str, Any]:
    keys = ("before", "penalty", "score", "total", "best", "title_penalty", "title_total")
    figure = figures.link(view.found, view.at, view.period, words={key: t(key) for key in keys})
    seconds = view.period / view.found.envelope.rate_hz
    return w.plot(figure, t("link_summary", at=_at(view, view.at), period=f"{seconds:.2f}"))


def _at(view: View, at: int) -> str:
    return f"{at / view.found.envelope.rate_hz:.2f}"


def why(t: Strings, view: View) -> str:
    """The chosen moment: what is heard there, the best score that ends there, and the beat before."""
    found, at = view.found, view.at
    before = int(found.back[at])
    values = {"at": _at(view, at), "local": f"{found.local[at]:.2f}", "score": f"{found.score[at]:.2f}"}
    lines = [t("why_beat" if at in found.at else "why_no_beat", **values)]
    if before < 0:
        return " ".join([*lines, t("why_first")])
    step = (at - before) / view.period
    penalty = found.tightness * np.log(step) ** 2
    lines.append(t("why_link", before=_at(view, before), step=f"{step:.3f}", penalty=f"{penalty:.2f}",
                   inherited=f"{found.score[before]:.2f}", **values))  # fmt: skip
    return " ".join(lines)


def draw_tempogram(t: Strings, view: View) -> dict[str, Any]:
    from core.mir.tempo import fourier_tempogram

    envelope = view.found.envelope
    found = view.found.tempogram if view.kind == KINDS[0] else fourier_tempogram(envelope.strength, envelope.rate_hz)
    words = {key: t(key) for key in ("time", "bpm", "strength")}
    figure = figures.tempogram(found, view.found.tempo.bpm, view.seconds, words=words)
    return w.plot(figure, t(f"tempogram_summary_{view.kind}", bpm=f"{view.found.tempo.bpm:.0f}"))


def draw_period(t: Strings, view: View) -> dict[str, Any]:
    keys = ("bpm", "value", "autocorrelation", "prior", "weighted", "chosen_tempo", "other_tempo")
    words = {key.removesuffix("_tempo"): t(key) for key in keys}
    found = view.found.tempo
    figure = figures.period(found, view.start_bpm, words=words)
    return w.plot(figure, t("period_summary", start=f"{view.start_bpm:.0f}", bpm=f"{found.bpm:.1f}",
                            other=f"{found.other_bpm:.1f}", clarity=f"{found.clarity:.2f}"))  # fmt: skip


def half(path: str | None, begin: Any, power: Any, start: Any) -> tuple[str, dict[str, Any]]:
    """The exercise: every second beat of what the usual settings find, evenly.

    Raises:
        AudioError: as `sound.load`.
    """
    from core.mir.beats import beats

    x = sound.load(path, within(begin, 0, sound.MAX_SECONDS)).numpy().astype(np.float64)
    usual = beats(x, RATE, tightness=10 ** USUAL[0], start_bpm=USUAL[1])
    start_bpm = within(start, *STARTS, USUAL[1])
    found = beats(x, RATE, tightness=10 ** within(power, *POWERS, USUAL[0]), start_bpm=start_bpm)
    ratio = found.tempo.bpm / usual.tempo.bpm
    values = {"usual": f"{usual.tempo.bpm:.0f}", "bpm": f"{found.tempo.bpm:.0f}", "start": f"{start_bpm:.0f}",
              "uneven": _uneven(found.beats_s), "count": len(found.beats_s)}  # fmt: skip
    if not usual.steady or len(usual.beats_s) < 2 * FEWEST:
        return "none", values
    if abs(ratio - 0.5) > 0.5 * NEARLY:
        return ("fast" if ratio > 0.5 else "slow"), values
    even = len(found.beats_s) >= FEWEST and 1000 * np.diff(found.beats_s).std() <= EVEN_MS
    return ("right" if even else "uneven"), values


def _table() -> dict[str, Any]:
    """What was measured, {} until it is."""
    return table(MEASURED).get("beats", {})


def measured(t: Strings) -> str:
    """Beats and tempo beside librosa on two sets of music; "" until it is measured."""
    found = _table()
    if not found:
        return ""
    kinds = ("piano", "bands")
    lines = [t("measured_line", piano=found["piano"]["pieces"], bands=found["bands"]["pieces"]), "",
             f"| {t('method')} | " + " | ".join(t(key) for key in SCORES.values()) + " |",
             "|---" + "|---:" * len(SCORES) + "|"]  # fmt: skip
    for kind in kinds:
        for method, name in METHODS.items():
            cells = " | ".join(f"{found[kind][method][score]:.2f}" for score in SCORES)
            lines.append(f"| {t(kind)}: {t(name)} | {cells} |")
    return "\n".join(lines)


def answer(t: Strings, x: Tensor) -> Answer:
    """What the picture says: the tempo, and how many beats there are."""
    from core.mir.beats import beats

    if len(x) < LEAST_S * RATE:
        return Answer(t("tempo_short", least=f"{LEAST_S:g}"), 0.0, False)
    found = beats(x.numpy(), RATE)
    if not found.steady or len(found.beats_s) < 2:
        return Answer(t("tempo_none"), min(found.confidence, 0.49), False)
    return Answer(t("tempo_says", bpm=f"{found.tempo.bpm:.0f}", count=len(found.beats_s)), found.confidence, True)


def quality() -> dict[str, str]:
    """F-measures of beats, of ours and of librosa's."""
    found = _table()
    cells = {"piano": ("piano", "ours"), "band": ("bands", "ours"), "piano_librosa": ("piano", "librosa"),
             "band_librosa": ("bands", "librosa")}  # fmt: skip
    return {key: f"{found[kind][method]['F-measure']:.2f}" if found else "–" for key, (kind, method) in cells.items()}


TASK = Task(answer, quality)
