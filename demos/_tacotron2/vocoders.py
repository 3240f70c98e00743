"""Whose fault is it? A held-out sentence copied by both vocoders, and said from its text by both."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from core import held_out, weights
from core.errors import WeightsError
from demos import _models, _stored
from demos import _widgets as w
from demos._tab import Strings
from demos._tacotron2 import sentence
from demos._tacotron2.speak import VOCODER

if TYPE_CHECKING:
    from torch import Tensor

NAME, KOREAN = "tacotron2-english", "tacotron2-korean"
USUAL = ("b0481",)
SOUNDS = ("natural", "copy_wavenet", "copy_griffin-lim", "said_wavenet", "said_griffin-lim")


def build(t: Strings) -> None:
    """The cell `vocoders`."""
    with w.cell(t, "vocoders") as t:
        w.prose(t)
        w.quiz(t, "fault")
        with w.controls(t):
            choices = [(f"“{line}”", prompt) for prompt, line in held_out.sentences().items()]
            prompt = w.link("prompt", gr.Dropdown(choices, value=USUAL[0], label=t("prompt")))
            run = w.button(t("run"), name="vocoders-run")
        player = w.player(t, "sounds")
        table = w.note(t, "table")
        figure = w.figure(t, "mels", height=520)
        w.prose(t, "vocoders-measured")
        w.note(t, "measured", measured(t))
        w.code(t, "core.tacotron2.sample:vocode", "core.tacotron2.measure:warped_distortion")
    shown = [player, table, figure]
    seen = w.on(t, figure.appear, _stored.at_sight(t, USUAL, 3), prompt, shown)
    w.on(t, seen.then, _stored.unless_stored(t, USUAL, partial(show, t)), prompt, shown, heavy=True)
    w.on(t, run.click, partial(show, t), prompt, shown, heavy=True)
    w.on(t, prompt.input, partial(show, t), prompt, shown, heavy=True, trigger_mode="always_last")


def show(t: Strings, prompt: Any) -> tuple:
    """(player, table, mels) of one held-out prompt."""
    from core import audio
    from core.tacotron2 import figures

    sounds, said = made(str(prompt))
    mels = {t("mel_natural"): audio.mel(sounds["natural"]), t("mel_said"): said}
    figure = figures.mels(mels, words={"time": t("time"), "band": t("band")})
    tracks = [w.track(t(name), sounds[name]) for name in SOUNDS]
    seconds = {name: f"{len(sounds[name]) / audio.SAMPLE_RATE_HZ:.2f}" for name in ("natural", "said_wavenet")}
    summary = t("mels_summary", natural=seconds["natural"], said=seconds["said_wavenet"])
    return tracks, table(t, sounds), w.plot(figure, summary)


def made(prompt: str) -> tuple[dict[str, Tensor], Tensor]:
    """The recording, its mel through both vocoders, its text through Tacotron 2 and both; and Tacotron's mel.

    Raises:
        DataError: no such prompt.  WeightsError: no network.
    """
    import torch

    from core import audio
    from core.tacotron2 import sample

    natural = held_out.load(prompt)
    model, parts = sentence.read(held_out.sentences()[prompt])
    said = torch.cat([sample.decode(part, model=model).mel for part in parts], dim=1)
    wavenet = _models.load(VOCODER)
    sounds = {"natural": natural}
    for source, mel in (("copy", audio.mel(natural)), ("said", said)):
        for vocoder in sample.VOCODERS:
            sounds[f"{source}_{vocoder}"] = sample.vocode(mel, vocoder=vocoder, wavenet=wavenet)
    return sounds, said


def table(t: Strings, sounds: dict[str, Tensor]) -> str:
    """How far each sound is from the recording, once warped in time."""
    from core.tacotron2.measure import warped_distortion

    lines = [f"| | {t('head_mcd')} | {t('head_seconds')} |", "|---|---|---|"]
    for name in SOUNDS:
        x = sounds[name]
        distance = "–" if name == "natural" else f"{warped_distortion(x, sounds['natural']):.1f} dB"
        lines.append(f"| {t(name)} | {distance} | {len(x) / 16_000:.2f} s |")
    return "\n".join(lines)


NAMES = {  # sounds as the card calls them
    "natural": "natural", "copy_wavenet": "natural mels, wavenet", "copy_griffin-lim": "natural mels, griffin-lim",
    "said_wavenet": "Tacotron 2, wavenet", "said_griffin-lim": "Tacotron 2, griffin-lim",
}  # fmt: skip


def measured(t: Strings) -> str:
    """What the card says of all 60 prompts and the Harvard sentences, as a table; a sentence without weights."""
    try:
        card = weights.card(NAME)
    except WeightsError:
        return t("unmeasured")
    found = {(one["name"], one["split"].split()[1]): one["value"] for one in card["metrics"]}
    heads = [t(f"head_{key}") for key in ("cer", "harvard", "dnsmos", "dnsmos_harvard", "mcd")]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    columns = (
        ("character error (%)", "held-out", "{:.1f} %"), ("character error (%)", "Harvard", "{:.1f} %"),
        ("DNSMOS overall", "held-out", "{:.2f}"), ("DNSMOS overall", "Harvard", "{:.2f}"),
        ("mel-cepstral distortion, warped (dB)", "held-out", "{:.1f} dB"),
    )  # fmt: skip
    for row, name in NAMES.items():
        values = [(found.get((f"{metric}, {name}", split)), shape) for metric, split, shape in columns]
        lines.append(f"| {t(row)} | {' | '.join('–' if v is None else shape.format(v) for v, shape in values)} |")
    numbers = {"steps": f"{card['steps']:,}", "hours": f"{card['hours']:.1f}"}
    for key, name in (("stopped", "stopped by itself (%)"), ("order", "sounds visited in order (%)")):
        for split in ("held-out", "Harvard"):
            value = found.get((name, split))
            numbers[f"{key}_{split.replace('-', '_')}"] = "–" if value is None else f"{value:.1f}"
    speed = next((one["value"] for one in card["metrics"] if one["name"].startswith("decoding")), None)
    numbers["speed"] = "–" if speed is None else f"{speed:.1f}"
    return "\n".join(lines) + "\n\n" + t("measured_text", **numbers) + korean(t)


def korean(t: Strings) -> str:
    """A paragraph from the card of the Korean network; nothing where there is none."""
    try:
        card = weights.card(KOREAN)
    except WeightsError:
        return ""
    found = {one["name"]: one["value"] for one in card["metrics"]}
    names = {
        "teacher": "jamo error (%), teacher", "wavenet": "jamo error (%), Tacotron 2, wavenet",
        "griffin_lim": "jamo error (%), Tacotron 2, griffin-lim", "stopped": "stopped by itself (%)",
        "order": "sounds visited in order (%)", "dnsmos": "DNSMOS overall, Tacotron 2, wavenet",
        "dnsmos_teacher": "DNSMOS overall, teacher",
    }  # fmt: skip
    if any(name not in found for name in names.values()):
        return ""
    numbers = {key: f"{found[name]:.2f}" if "dnsmos" in key else f"{found[name]:.1f}" for key, name in names.items()}
    return "\n\n" + t("measured_korean", steps=f"{card['steps']:,}", hours=f"{card['hours']:.1f}", **numbers)
