"""A sentence is read: alignment, mel and stop probability grow, the vocoder speaks right behind the decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos import _models, _stored
from demos import _widgets as w
from demos._tab import Strings
from demos._tacotron2 import sentence
from demos._tacotron2.view import View, alignment_view
from demos._tts.sentence import natural
from demos._tts.text import language_of
from demos._wavenet import live_sound as live

if TYPE_CHECKING:
    from core.tacotron2.sample import Decoded

CELL = "speak"
VOCODER = "wavenet-vocoder"
VOCODERS = ("wavenet", "griffin-lim")
USUAL = (sentence.FIRST, "wavenet", 0.5, 0)
HOP_S = 0.0125


@dataclass(frozen=True)
class Reading:
    """What the cell `speak` has for others: the state that holds what was decoded last, and the picture of it."""

    said: gr.State
    view: gr.HTML


def build(t: Strings, box: sentence.Box) -> Reading:
    """The cell `speak`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "diagonal")
        with w.controls(t):
            with w.row():
                vocoder = w.link(
                    "vocoder", gr.Radio([(t(f"word_{name}"), name) for name in VOCODERS], value="wavenet",
                                        label=t("vocoder")),
                )  # fmt: skip
                dropout = w.link("dropout", gr.Slider(0, 0.9, 0.5, step=0.05, label=t("dropout")))
                seed = w.link("tacotron2-seed", gr.Slider(0, 999, 0, step=1, label=t("seed")))
            with w.row():
                run = w.button(t("run"), name="speak-run")
                halt = w.button(t("stop"), primary=False, name="speak-stop")
        view = alignment_view(t, "view", follows=("speak-live", "speak-take"))
        sound = live.live_sound(t, "live")
        badge = w.note(t, "voice", t("voice_en"))
        player = w.player(t, "take")
        verdict = w.note(t, "verdict")
        w.prose(t, "speak-postnet")
        mels = w.figure(t, "mels", height=560)
        w.code(t, "core.tacotron2.model:Tacotron2.begin", "core.tacotron2.model:Tacotron2.step",
               "core.tacotron2.sample:steps", "core.tacotron2.live:speak")  # fmt: skip
    said = gr.State(None)
    asked = [box.text, vocoder, dropout, seed]
    finished = [player, verdict, mels]

    def begun(text: str, request: gr.Request) -> tuple:
        return live.begin(request.session_hash, CELL), t(f"voice_{language_of(text or '')}")

    def go(text: Any, vocoder: Any, dropout: Any, seed: Any, request: gr.Request) -> Iterator[tuple]:
        yield from speak(t, text, vocoder, dropout, seed,
                         is_stopped=lambda: live.is_stopped(request.session_hash, CELL))  # fmt: skip

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    started = w.on(t, [run.click, box.text.submit], begun, box.text, [sound, badge])
    # a click while the last one is still being read is heeded after it; dropped, it would leave the cell waiting
    spoken = w.on(t, started.then, go, asked, [view, sound, said], heavy=True, show_progress="hidden",
                  trigger_mode="always_last")  # fmt: skip
    w.on(t, spoken.then, partial(finish, t), [said, seed], finished, heavy=True, show_progress="hidden")
    w.on(t, halt.click, cancel, None, None, js=live.SILENCE_JS)
    w.on(t, view.appear, _stored.at_sight(t, USUAL, 4), asked, [view, *finished])
    w.on(t, sound.appear, warm_up, None, None)
    return Reading(said, view)


def warm_up() -> None:
    """Load the networks and choose an engine while the visitor is still reading."""
    from core.errors import LessonError
    from core.wavenet import generate

    try:
        sentence.network("en")
        generate.best(_models.load(VOCODER))
    except LessonError:
        return  # the click on the button will say it


def speak(t: Strings, text: str | None, vocoder: str | None, dropout: Any, seed: Any, *,
          is_stopped: Callable[[], bool] = lambda: False) -> Iterator[tuple]:  # fmt: skip
    """Read and speak: (view, live sound, None) again and again, at last with what was said."""
    import torch

    from core import audio
    from core.tacotron2 import live as tacotron

    try:
        model, parts = sentence.read(text, "location")
        options = {"seed": int(sentence.number(seed, t("seed")))}
        share = min(max(sentence.number(dropout, t("dropout")), 0.0), 0.9)
        network = _models.load(VOCODER) if vocoder == "wavenet" else None
        view, sound = View(text or "", frames_per_step=model.config.frames_per_step), live.Broadcast(1)
        decoded: list[Decoded] = []
        heard: list[torch.Tensor] = []
        updates = tacotron.speak(parts, model=model, vocoder=network, prenet_dropout=share, **options)
        begun, stopped = -1, False
        for update in updates:
            if update.sentence > begun:
                begun = update.sentence
                view.read(update.tokens)
            if update.steps:
                view.add(update.steps, t("facts_reading", sentence=update.sentence + 1, sentences=len(parts)))
            if update.decoded is not None:
                decoded.append(update.decoded)
                sound.value = {**sound.value, "total": samples(decoded)}
            if update.sound is not None:
                heard.append(update.sound)
                facts = t("facts_vocoder", speed=f"{update.real_time:.1f}")
                sound.add(audio.to_int16(update.sound), speed=update.real_time, facts=facts)
            yield view.value, sound.value, gr.skip()
            if stopped := is_stopped():
                updates.close()
                break
    except Exception:
        yield gr.skip(), live.Broadcast.idle(), None
        raise
    result = {"text": text, "parts": decoded, "sound": torch.cat(heard) if heard else None, "vocoder": vocoder}
    yield view.end(summary(t, decoded, len(parts)), stopped=stopped), sound.end(stopped=stopped), result


def samples(decoded: list[Decoded]) -> int:
    return sum(one.mel.shape[1] for one in decoded) * 200


def summary(t: Strings, decoded: list[Decoded], sentences: int) -> str:
    """One sentence on what was read."""
    steps = sum(len(one.stop) for one in decoded)
    tokens = sum(len(one.tokens) for one in decoded)
    seconds = sum(one.mel.shape[1] for one in decoded) * HOP_S
    return t("facts_done", steps=steps, tokens=tokens, seconds=f"{seconds:.1f}", sentences=sentences)


def finish(t: Strings, said: dict | None, seed: Any) -> tuple:
    """What was said beside the other vocoder and the person, the verdict on the reading, the mels."""
    import torch

    from core.tacotron2 import sample

    if not said or not said["parts"]:
        return (gr.skip(),) * 3
    mel = torch.cat([one.mel for one in said["parts"]], dim=1)
    tracks = []
    if said["sound"] is not None:
        tracks.append(w.track(t(f"word_{said['vocoder']}"), said["sound"]))
    if said["vocoder"] == "wavenet":
        tracks.append(w.track(t("word_griffin-lim"), sample.vocode(mel, vocoder="griffin-lim", seed=int(seed or 0))))
    recording = natural(said["text"])
    if recording is not None:
        tracks.append(w.track(t("natural"), recording))
    return tracks, read_well(t, said["parts"]), mels_figure(t, said["parts"])


def read_well(t: Strings, parts: list[Decoded]) -> str:
    """What the alignment says about the reading."""
    from core.tacotron2.attention import reading

    found = [reading(one.alignment, one.tokens.symbols, stopped=one.stopped) for one in parts]
    share = sum(r.in_order * len(p.tokens) for r, p in zip(found, parts)) / sum(len(p.tokens) for p in parts)
    lines = [t("verdict_order", percent=f"{100 * share:.0f}")]
    skipped, repeats = sum(r.missed for r in found), sum(len(r.repeats) for r in found)
    if skipped:
        lines.append(t("verdict_skipped", count=skipped))
    if repeats:
        lines.append(t("verdict_repeats", count=repeats))
    if not all(r.stopped for r in found):
        lines.append(t("verdict_limit"))
    elif not skipped and not repeats:
        lines.append(t("verdict_good"))
    return " ".join(lines)


def mels_figure(t: Strings, parts: list[Decoded]) -> dict:
    """The mel as the decoder wrote it, what the postnet added, and the sum."""
    import torch

    from core.tacotron2 import figures

    before = torch.cat([one.mel_before for one in parts], dim=1)
    after = torch.cat([one.mel for one in parts], dim=1)
    rows = {t("mel_before"): before, t("mel_added"): after - before, t("mel_after"): after}
    figure = figures.mels(rows, words={"time": t("time"), "band": t("band")}, signed=t("mel_added"))
    change = float((after - before).abs().mean()) * figures.DECIBELS
    return w.plot(figure, t("mels_summary", db=f"{change:.1f}"))
