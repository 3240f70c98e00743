"""The post-filter after the vocoder: the levels that the network missed, and what the filter alone would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import LessonError
from demos import _widgets as w
from demos._tab import Strings

ROUNDS = 8  # core.postfilter.ROUNDS; a test compares them
MAX_ROUNDS = 30  # and core.postfilter.MAX_ROUNDS


@dataclass(frozen=True)
class Levels:
    """The parts of the section that follow what was said last."""

    rounds: gr.Slider
    outputs: list[Any]

    def follow(self, t: Strings, event: Any, inputs: list[Any]) -> None:
        """Show what the event has brought: inputs are the mels drawn, the last result and the voice."""

        def said(rounds: Any, drawn: Any, result: Any, voice: Any) -> tuple:
            return show(t, rounds, drawn, result, voice)

        w.on(t, event, said, [self.rounds, *inputs], self.outputs, heavy=True, show_progress="hidden")


def build(t: Strings) -> Levels:
    """The section `conditional-levels`."""
    w.prose(t, "conditional-levels")
    with w.controls(t):
        rounds = w.link(
            "rounds", gr.Slider(0, MAX_ROUNDS, ROUNDS, step=1, label=t("rounds"), info=t("rounds_hint"))
        )
    player = w.player(t, "filtered")
    note = w.note(t, "filtered-scores")
    lacking = w.figure(t, "lacking", height=420)
    w.code(t, "core.postfilter:PostFilter", "core.postfilter:_Round", "core.postfilter:filtered_noise")
    return Levels(rounds, [player, note, lacking])


def show(t: Strings, rounds: float | None, drawn: dict | None, result: dict | None, voice: str | None) -> tuple:
    """The network's draws and white noise through so many rounds: (player, scores, what their levels lack)."""
    import torch

    from core import audio, postfilter, speech_metrics
    from core.wavenet import speech_figures
    from demos._wavenet.conditional import heard

    raw = heard(drawn, result, voice, "wavenet_raw")
    if not drawn or raw is None or len(raw) <= audio.WINDOW_SAMPLES:
        return (gr.skip(),) * 3
    count = ROUNDS if rounds is None else int(rounds)
    original = torch.as_tensor(heard(drawn, result, voice, "original"))
    # not drawn["original"]: stored mels are in whole decibels
    wanted = torch.as_tensor(drawn["given"]).float() if "given" in drawn else audio.mel(original)
    sounds = {
        "drawn": torch.as_tensor(raw),
        "filtered": postfilter.correct(torch.as_tensor(raw), wanted, rounds=count).clamp(-1, 1),
        "noise": postfilter.filtered_noise(wanted, len(raw), rounds=count),
    }
    mels = {name: audio.mel(sound) for name, sound in sounds.items()}
    frames = min(wanted.shape[1], mels["drawn"].shape[1])
    wanted, mels = wanted[:, :frames], {name: mel[:, :frames] for name, mel in mels.items()}
    figure = speech_figures.mel_lacking(
        wanted.numpy(), {t(f"levels_{name}", rounds=count): mel.numpy() for name, mel in mels.items()},
        words={"time": t("time_axis"), "band": t("band_axis")},
    )  # fmt: skip
    away = {name: f"{speech_metrics.mel_distance_db(wanted, mel):.1f}" for name, mel in mels.items()}
    tracks = [w.track(t(f"levels_{name}", rounds=count), sound) for name, sound in sounds.items()]
    return tracks, _scores(t, original, sounds), w.plot(figure, t("lacking_summary", **away))


def _scores(t: Strings, original: Any, sounds: dict[str, Any]) -> str:
    """PESQ of the three against the original, in a sentence; without the package, or for a scrap, nothing."""
    from core import speech_metrics

    try:
        found = {
            name: f"{speech_metrics.pesq_wideband(original[: len(sound)], sound):.2f}"
            for name, sound in sounds.items()
        }
    except LessonError:
        return ""
    return t("levels_scores", **found)
