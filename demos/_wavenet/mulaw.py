"""Mu-law: your voice at 2 … 256 levels, equal steps against mu-law, heard, seen and in decibels."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from core import plots
from demos import _widgets as w
from demos._links import within
from demos._tab import Strings

if TYPE_CHECKING:
    from torch import Tensor

CURVE_LEVELS = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # even, so that none of them is zero
STAIR_POINTS = 1601


def build(t: Strings) -> None:
    """The cell `mulaw`."""
    with w.cell(t, "mulaw") as t:
        w.prose(t)
        w.quiz(t, "quiet")
        with w.controls(t):
            voice = w.voice(t)
            with w.row():
                levels = w.link("levels", gr.Slider(2, 256, 16, step=1, label=t("levels"), info=t("levels_hint")))
                gain = w.link("gain", gr.Slider(-40, 0, -20, step=1, label=t("gain"), info=t("gain_hint")))
            run = w.button(t("run"), name="mulaw-run")
        sound = w.player(t, "sound")
        stairs = w.figure(t, "stairs", height=380)
        doubling = w.quiz(t, "doubling")
        with w.reveal(t, doubling):
            curve = w.figure(t, "curve", height=360)
        w.exercise(t, "fewest", fewest, [voice, levels, gain])
        w.code(t, "core.audio:mu_law_encode", "core.audio:mu_law_decode", "core.quantisation:linear_quantise", both)
    inputs = [voice, levels, gain]
    w.on(t, run.click, partial(hear, t), inputs, [sound, stairs, curve], heavy=True)
    w.on(t, sound.appear, lambda *chosen: hear(t, *chosen)[0], inputs, sound)
    w.on(t, stairs.appear, partial(draw_stairs, t), levels, stairs)
    w.on(t, levels.change, partial(draw_stairs, t), levels, stairs, trigger_mode="always_last")
    w.on(t, curve.appear, partial(draw_curve, t), inputs, curve)
    w.on(t, curve.select, pick_levels, None, levels)


def both(x: Tensor, levels: int) -> tuple[Tensor, Tensor]:
    """The same sound [T] with `levels` equal steps, and with `levels` mu-law steps."""
    from core.audio import mu_law_decode, mu_law_encode
    from core.quantisation import linear_quantise

    return linear_quantise(x, levels=levels), mu_law_decode(mu_law_encode(x, levels=levels), levels=levels)


def quieter(path: str | None, gain_db: float) -> Tensor:
    """The voice [T], peaks at 1, then turned down by -gain_db."""
    x = w.load_voice(path)
    return x / x.abs().max() * 10 ** (gain_db / 20)


def hear(t: Strings, path: str | None, levels: float, gain_db: float) -> tuple[list, dict, dict]:
    """The three sounds at one loudness, and both figures."""
    x = quieter(path, gain_db)
    linear, mu_law = both(x, int(levels))
    louder = 0.5 * 10 ** (-gain_db / 20)  # turned up again after coding, so that only the noise differs
    tracks = [
        w.track(t("original"), x * louder),
        w.track(t("linear", levels=int(levels)), linear * louder),
        w.track(t("mu_law", levels=int(levels)), mu_law * louder),
    ]
    return tracks, draw_stairs(t, levels), draw_curve(t, path, levels, gain_db)


def draw_stairs(t: Strings, levels: float) -> dict[str, Any]:
    """What comes out for each amplitude that goes in."""
    import torch

    count = int(levels)
    x = torch.linspace(-1, 1, STAIR_POINTS)
    linear, mu_law = both(x, count)
    figure = plots.lines(
        {t("linear", levels=count): (x, linear), t("mu_law", levels=count): (x, mu_law)},
        x_title=t("amplitude_in"), y_title=t("amplitude_out"), roles=("reference", "model"), shape="hv",
    )  # fmt: skip
    near_zero = np.sort(np.unique(np.abs(mu_law.numpy())))
    smallest = float(near_zero[near_zero > 0][0])
    return w.plot(figure, t("stairs_summary", levels=count, linear=f"{2 / (count - 1):.4f}", mu_law=f"{smallest:.4f}"))


def draw_curve(t: Strings, path: str | None, levels: float, gain_db: float) -> dict[str, Any]:
    """Signal-to-noise ratio by number of levels, for this voice at this loudness."""
    from core.speech_metrics import signal_to_noise_db

    x = quieter(path, gain_db)
    count = int(levels)
    ratios = {n: [signal_to_noise_db(x, y) for y in both(x, n)] for n in {*CURVE_LEVELS, count}}
    shown = sorted(ratios)
    names = (t("linear_name"), t("mu_law_name"))
    figure = plots.lines(
        {name: (shown, [ratios[n][k] for n in shown]) for k, name in enumerate(names)},
        x_title=t("levels"), y_title=t("snr"), roles=("reference", "model"), markers=True, log_x=True,
    )  # fmt: skip
    figure.update_xaxes(tickvals=[2, 4, 8, 16, 32, 64, 128, 256])
    figure.add_vline(count, line={"color": plots.ACCENT, "width": 2, "dash": "dot"})
    linear, mu_law = ratios[count]
    return w.plot(figure, t("curve_summary", levels=count, linear=f"{linear:.1f}", mu_law=f"{mu_law:.1f}"))


WANTED_DB, QUIET_DB, LESS = 20.0, -20, 0.9  # of the exercise: fewest levels, a quiet voice, a tenth fewer is too few


def fewest(path: str | None, levels: float, gain_db: float) -> tuple[str, dict[str, Any]]:
    """The exercise: the fewest mu-law levels with which a quiet voice keeps WANTED_DB of signal-to-noise ratio."""
    from core.speech_metrics import signal_to_noise_db

    count, gain_db = int(within(levels, 2, 256, 16)), within(gain_db, -40, 0, QUIET_DB)
    x = quieter(path, gain_db)
    linear, ratio = (signal_to_noise_db(x, y) for y in both(x, count))
    fewer = signal_to_noise_db(x, both(x, max(2, int(count * LESS)))[1])
    values = {"levels": count, "ratio": f"{ratio:.1f}", "fewer": f"{fewer:.1f}", "linear": f"{linear:.1f}"}
    if gain_db > QUIET_DB:
        return "loud", values
    if ratio < WANTED_DB:
        return "noisy", values
    return ("more" if fewer >= WANTED_DB else "right"), values


def pick_levels(event: gr.SelectData) -> int:
    """A click on the curve chooses its number of levels."""
    return int(event.value["x"])
