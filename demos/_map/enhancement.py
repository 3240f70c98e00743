"""Take the noise away: a voice is mixed with a noise, cleaned by a mask, seen, heard and measured."""

from __future__ import annotations

import importlib.util
import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from demos import _models
from demos import _widgets as w
from demos._links import within
from demos._map import sound
from demos._map.answer import Answer, Task, table
from demos._tab import ROOT, Strings

if TYPE_CHECKING:
    from torch import Tensor

    from core.enhancement.sample import Enhanced

CELL = "enhancement"
NETWORK = "enhancement"
TABLE = ROOT / "assets/tables/enhancement.json"
NONE = "none"
NOISES = (NONE, "rain", "sea", "clock", "helicopter", "chainsaw", "babble")
RATIOS_DB, SEEDS = (-5, 20), (0, 99)
USUAL = ("rain", 0, 0)  # noise, ratio, seed
FIGURES = ("PESQ", "STOI", "SI-SDR")
METHODS = {  # of assets/tables/enhancement.json -> their words and colours
    "noisy": ("method_noisy", "grey"), "spectral gating, ours": ("method_gating", "plum"),
    "noisereduce, stationary": ("method_noisereduce", "olive"),
    "noisereduce, non-stationary": ("method_noisereduce_moving", "accent"), "RNNoise": ("method_rnnoise", "ink"),
    "ours": ("method_ours", "model"), "ideal ratio mask": ("method_ideal", "reference"),
}  # fmt: skip
VOICE_DBFS = -26.0  # about what the network was trained with
HEARD_PEAK = 0.9
CLEAN_DB = 25  # a voice so far above what is taken away has next to no noise


class Made(NamedTuple):
    """What one choice of noise, ratio and seed gives. voice, noise: what the mixture is made of, where that is known.

    seconds: that the network took.
    """

    mixture: Tensor
    voice: Tensor | None
    noise: Tensor | None
    found: Enhanced
    seconds: float


def build(t: Strings, source: sound.Source) -> None:
    """The cell `enhancement`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "lookahead")
        with w.controls(t):
            with w.row():
                noises = [(t(f"noise_{name}"), name) for name in NOISES]
                noise = w.link("enh-noise", gr.Dropdown(noises, value=USUAL[0], label=t("noise")))
                ratio = w.link("enh-snr", gr.Slider(*RATIOS_DB, USUAL[1], step=1, label=t("ratio")))
                seed = w.link("enh-seed", gr.Slider(*SEEDS, USUAL[2], step=1, label=t("seed")))
        player = w.player(t, "sound")
        said = w.note(t, "said")
        rated = w.note(t, "rated")
        if packages_there():
            rate = w.button(t("rate"), primary=False, name="enhancement-rate")
        picture = w.figure(t, "picture", height=640)
        frame = w.figure(t, "frame", height=300)
        w.quiz(t, "phase")
        w.code(t, "core.enhancement.sample:enhance", "core.enhancement.model:CRN.forward",
               "core.enhancement.gating:spectral_gating", "core.enhancement.mixing:mix",
               "core.enhancement.sample:Stream.push", ideal_mask)  # fmt: skip
        w.prose(t, "enhancement-measured")
        with w.controls(t):
            metric = w.link("enh-metric", gr.Radio([(t(f"metric_{m}"), m) for m in FIGURES], value="PESQ",
                                                   label=t("metric")))  # fmt: skip
        scores = w.figure(t, "scores", height=400)
        table = w.note(t, "table")

    def clicked(path: Any, start: Any, noise: Any, ratio: Any, seed: Any, event: gr.SelectData) -> tuple:
        return look(t, path, start, noise, ratio, seed, at_s=float(event.value["x"]))

    controls, outputs = [noise, ratio, seed], [picture, frame, player, said, rated]
    sound.connect(t, source, picture, partial(show, t), outputs, controls=controls, usual=USUAL)
    inputs = [*source.inputs, *controls]
    w.on(t, [noise.change, ratio.release, seed.release], partial(show, t), inputs, outputs, heavy=True,
         trigger_mode="always_last", show_progress="hidden")  # fmt: skip
    w.on(t, picture.select, clicked, inputs, [picture, frame], heavy=True, trigger_mode="always_last",
         show_progress="hidden")  # fmt: skip
    if packages_there():
        w.on(t, rate.click, partial(opinions, t), inputs, rated, heavy=True)
    w.on(t, scores.appear, lambda metric: (compared(t, metric), written(t)), metric, [scores, table])
    w.on(t, metric.change, partial(compared, t), metric, scores)


def packages_there() -> bool:
    """Whether PESQ and STOI can be computed here: the site itself does without the two packages."""
    return all(importlib.util.find_spec(name) for name in ("pesq", "pystoi"))


def make(path: str | None, start: Any, noise: Any, ratio: Any, seed: Any) -> Made:
    """Mix and clean.

    Raises:
        AudioError: as `sound.load`.
    """
    from core import audio
    from core.enhancement import clips
    from core.enhancement.mixing import mix
    from core.enhancement.sample import enhance

    mixture, added = audio.level_to(sound.load(path, start), dbfs=VOICE_DBFS), None
    if noise in NOISES[1:]:
        ratio, seed = (round(within(x, *limits, usual)) for x, limits, usual in
                       ((ratio, RATIOS_DB, USUAL[1]), (seed, SEEDS, USUAL[2])))  # fmt: skip
        mixture, added = mix(mixture, clips.load(noise), ratio, seed)
    network = _models.load(NETWORK)
    began = time.perf_counter()
    found = enhance(network, mixture)
    seconds = time.perf_counter() - began
    return Made(mixture, None if added is None else mixture - added, added, found, seconds)


def show(t: Strings, path: str | None, start: Any, noise: Any, ratio: Any, seed: Any) -> tuple:
    """(picture, frame, player, said, rated)."""
    from core.enhancement.gating import spectral_gating

    made = make(path, start, noise, ratio, seed)
    gated = spectral_gating(made.mixture)[0]
    loudest = int(made.found.spectrum.abs().square().sum(dim=1).argmax())
    return (*pictures(t, made, loudest), players(t, made, gated), told(t, made, gated), "")


def look(t: Strings, path: str | None, start: Any, noise: Any, ratio: Any, seed: Any, *, at_s: float) -> tuple:
    """(picture, frame) of another moment."""
    from core.enhancement import spectrum as spectral

    made = make(path, start, noise, ratio, seed)
    last = len(made.found.mask) - 1
    return pictures(t, made, min(max(round(at_s * spectral.SAMPLE_RATE_HZ / spectral.HOP_SAMPLES), 0), last))


def ideal_mask(voice: Tensor, noise: Tensor) -> Tensor:
    """Of each frequency of each frame, what a mask should let through that knows both: float [F', 257], 0 to 1.

    Source: Wang, Narayanan, Wang 2014, "On training targets for supervised speech separation", equation 2.
    """
    from core.enhancement import spectrum as spectral

    s, n = (spectral.analyse(x).abs().square() for x in (voice, noise))
    return (s / (s + n + 1e-12)).sqrt()


def pictures(t: Strings, made: Made, number: int) -> tuple[dict, dict]:
    """The three spectrograms, and the gains of one frame."""
    from core.enhancement import spectrum as spectral
    from demos._map import enhancement_figures as figures

    found = made.found
    gain = found.mask.abs().numpy()
    powers = [x.abs().square().numpy() for x in (found.heard, found.spectrum)]
    seconds = len(made.mixture) / spectral.SAMPLE_RATE_HZ
    at_s = min(number * spectral.HOP_SAMPLES / spectral.SAMPLE_RATE_HZ, seconds)
    words = {key: t(f"word_{key}") for key in ("mixture", "mask", "enhanced", "time", "frequency", "gain", "ours",
                                               "ideal")}  # fmt: skip
    stack = figures.stacked(powers[0], gain, powers[1], seconds=seconds, at_s=at_s, words=words)
    kept = 100 * float(powers[1].sum() / max(powers[0].sum(), 1e-12))
    ideal = None
    if made.voice is not None and made.noise is not None:
        ideal = ideal_mask(made.voice, made.noise)[number].numpy()
    line = figures.gains(gain[number], ideal, words=words)
    summary = t("frame_summary", at=f"{at_s:.2f}", gain=f"{100 * gain[number].mean():.0f}")
    if ideal is not None:
        summary += " " + t("frame_ideal", gain=f"{100 * ideal.mean():.0f}")
    return w.plot(stack, t("picture_summary", kept=f"{kept:.0f}")), w.plot(line, summary)


def players(t: Strings, made: Made, gated: Tensor) -> list[dict]:
    """The same moment clean, mixed, cleaned by the network, by the gate, and what the network took away."""
    sounds = {
        "clean": made.voice, "mixture": made.mixture, "ours": made.found.audio, "gated": gated,
        "removed": made.mixture - made.found.audio,
    }  # fmt: skip
    there = {name: x for name, x in sounds.items() if x is not None}
    louder = HEARD_PEAK / max(float(x.abs().max()) for x in there.values())  # all alike, so that they compare
    names = {"mixture": "mixture" if made.voice is not None else "brought"}
    return [w.track(t(f"track_{names.get(name, name)}"), x * louder) for name, x in there.items()]


def told(t: Strings, made: Made, gated: Tensor) -> str:
    """What was measured just now, and whether there is a voice at all."""
    from core.enhancement.sample import LATENCY_MS, LEAST_SHARE, has_speech, speech_share
    from core.enhancement.train import scale_invariant_ratio_db

    share = {"share": f"{100 * speech_share(made.found):.0f}", "least": f"{100 * LEAST_SHARE:.0f}"}
    lines = [t("voice_there" if has_speech(made.found) else "voice_missing", **share)]
    if made.voice is None:
        lines.append(t("clean_unknown"))
    elif has_speech(made.found):
        values = [float(scale_invariant_ratio_db(x, made.voice)) for x in (made.mixture, made.found.audio, gated)]
        lines.append(t("ratios", **dict(zip(("before", "ours", "gated"), (f"{value:.1f}" for value in values)))))
    seconds = len(made.mixture) / 16_000
    lines.append(t("speed", latency=f"{LATENCY_MS:.0f}", times=f"{seconds / max(made.seconds, 1e-4):.0f}"))
    return "\n\n".join(lines)


def opinions(t: Strings, path: str | None, start: Any, noise: Any, ratio: Any, seed: Any) -> str:
    """PESQ and STOI of the mixture, the gate's and the network's sound.

    Raises:
        AudioError: the clean voice is not known; nobody speaks.  PackageError: they are not installed.
    """
    from core import speech_metrics
    from core.enhancement.gating import spectral_gating
    from core.errors import AudioError

    made = make(path, start, noise, ratio, seed)
    if made.voice is None:
        raise AudioError("PESQ and STOI compare with the clean voice: choose a noise, so that it is known.")
    rows = [f"| | {t('metric_PESQ')} | {t('metric_STOI')} |", "|---|---:|---:|"]
    sounds = {"mixture": made.mixture, "gated": spectral_gating(made.mixture)[0], "ours": made.found.audio}
    for name, x in sounds.items():
        pesq, stoi = speech_metrics.pesq_wideband(made.voice, x), speech_metrics.stoi(made.voice, x)
        rows.append(f"| {t(f'track_{name}')} | {pesq:.2f} | {stoi:.2f} |")
    return "\n".join(rows)


def measured() -> dict[str, dict[str, dict[str, float]]]:
    """Method -> ratio, or "mean" -> figure -> value, of assets/tables/enhancement.json; {} where it is not there."""
    found = table(TABLE).get("methods", {})
    return {name: found[name] for name in METHODS if name in found}


def compared(t: Strings, metric: Any) -> dict:
    """One figure of all methods over the ratio of the mixture."""
    from demos._map import enhancement_figures as figures

    metric = metric if metric in FIGURES else FIGURES[0]
    curves, roles = {}, []
    for name, by_ratio in measured().items():
        label, role = METHODS[name]
        ratios = sorted((key for key in by_ratio if key != "mean"), key=float)
        curves[t(label)] = ([float(key) for key in ratios], [by_ratio[key][metric] for key in ratios])
        roles.append(role)
    figure = figures.scores(
        curves, roles, dashed=(t("method_ideal"),), x_title=t("ratio_axis"), y_title=t(f"metric_{metric}")
    )
    mean = {name: by_ratio["mean"][metric] for name, by_ratio in measured().items()}
    if not mean:
        return w.plot(figure, t("not_measured"))
    rivals = {name: value for name, value in mean.items() if name not in ("ours", "noisy", "ideal ratio mask")}
    best = max(rivals, key=lambda name: rivals[name])
    form = "{:.1f}" if metric == "SI-SDR" else "{:.2f}"
    return w.plot(figure, t(
        "scores_summary", metric=t(f"metric_{metric}"), noisy=form.format(mean["noisy"]),
        ours=form.format(mean["ours"]), best=form.format(rivals[best]), name=t(METHODS[best][0]),
    ))  # fmt: skip


def written(t: Strings) -> str:
    """Means over all ratios, as a table."""
    found = measured()
    if not found:
        return t("not_measured")
    lines = [f"| {t('mean_of')} | " + " | ".join(t(f"metric_{one}") for one in FIGURES) + " |", "|---|---:|---:|---:|"]
    for name, by_ratio in found.items():
        mean = by_ratio["mean"]
        lines.append(f"| {t(METHODS[name][0])} | {mean['PESQ']:.2f} | {mean['STOI']:.2f} | {mean['SI-SDR']:.1f} |")
    return "\n".join(lines)


def answer(t: Strings, x: Tensor) -> Answer:
    """How much of a sound the network takes away, and whether a voice stays."""
    from core import audio
    from core.enhancement.sample import enhance, has_speech, speech_share

    heard = audio.level_to(x, dbfs=VOICE_DBFS)
    found = enhance(_models.load(NETWORK), heard)
    share = speech_share(found)
    if not has_speech(found):
        return Answer(t("enhancement_no"), share, False)
    taken = (heard - found.audio).square().sum()
    ratio = 10 * math.log10(float(found.audio.square().sum() / taken.clamp(min=1e-9)) + 1e-9)
    if ratio > CLEAN_DB:
        return Answer(t("enhancement_clean"), share, True)
    key = "enhancement_says" if ratio >= 0 else "enhancement_buried"
    return Answer(t(key, ratio=f"{abs(ratio):.0f}"), share, True)


def quality() -> dict[str, str]:
    """Mean PESQ before and after, and decibels of SI-SDR that are gained, on unheard voices and noises."""
    found = measured()
    if not {"noisy", "ours"} <= set(found):
        return dict.fromkeys(("before", "after", "gain"), "–")
    before, after = found["noisy"]["mean"], found["ours"]["mean"]
    return {"before": f"{before['PESQ']:.2f}", "after": f"{after['PESQ']:.2f}",
            "gain": f"{after['SI-SDR'] - before['SI-SDR']:.1f}"}  # fmt: skip


TASK = Task(answer, quality)
