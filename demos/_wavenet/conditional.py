"""A voice, its mel, and what a network makes of the mel: streamed, compared, and with the mel changed on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from core.errors import SamplingError
from core.wavenet.examples import TEMPERATURE, VERSIONS
from demos import _models
from demos import _widgets as w
from demos._player import stored
from demos._tab import Strings
from demos._wavenet import levels
from demos._wavenet import live_sound as live
from demos._wavenet.training_note import training_note
from demos._wavenet.unconditional import facts

CELL = "conditional"
MODEL = "wavenet-vocoder"
MAX_SECONDS = 10.0
PRESETS = {"plain": (0, 0, 0), "frequency": (6, 0, 0), "time": (0, 120, 0), "up": (0, 0, 5), "down": (0, 0, -7)}


def build(t: Strings) -> None:
    """The cell `conditional`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        training_note(t, MODEL)
        w.quiz(t, "harmonics")
        with w.controls(t):
            voice = w.voice(t)
            with w.row():
                bands = w.link("blur", gr.Slider(0, 20, 0, step=0.5, label=t("blur_bands")))
                blur_ms = w.link("smear", gr.Slider(0, 400, 0, step=10, label=t("blur_ms")))
                semitones = w.link("semitones", gr.Slider(-12, 12, 0, step=1, label=t("semitones")))
            with w.row():
                presets = {name: gr.Button(t(f"preset_{name}"), size="sm", min_width=120) for name in PRESETS}
            with gr.Accordion(t("sampling"), open=False), w.row():
                temperature = w.link(
                    "vocoder-temperature", gr.Slider(0.3, 1.5, TEMPERATURE, step=0.05, label=t("temperature"))
                )
                seed = w.link("vocoder-seed", gr.Slider(0, 999, 1, step=1, label=t("seed")))
            with w.row():
                run = w.button(t("run"), name="conditional-run")
                halt = w.button(t("stop"), primary=False, name="conditional-stop")
        sound = live.live_sound(t, "live")
        player = w.player(t, "versions")
        scores = w.note(t, "scores")
        mels = w.figure(t, "mels", height=520)
        column = w.figure(t, "column", height=300)
        asked = w.quiz(t, "phase")
        with w.reveal(t, asked):
            answer = w.note(t, "answer")
        w.code(t, "core.wavenet.mel_edit:edit", "core.wavenet.mel_edit:blur", "core.wavenet.mel_edit:transpose",
               "core.wavenet.resynthesis:scores", "core.speech_metrics:log_mel_distance_db")  # fmt: skip
        levels_cell = levels.build(t)
        w.prose(t, "conditional-clock")
        clock = w.figure(t, "clock", height=420)
        w.code(t, "core.wavenet.pitch:MelPitch.f0", "core.wavenet.pitch:MelPitch.clock", "core.wavenet.pitch:sines",
               "core.wavenet.pitch_train:fundamental")  # fmt: skip
    drawn = gr.State(None)  # the mels of the figure: name -> [80, F]
    result = gr.State(None)  # what the network said last, and from what

    def begun(request: gr.Request) -> dict:
        return live.begin(request.session_hash, CELL)

    def go(voice: Any, bands: Any, blur_ms: Any, semitones: Any, temperature: Any, seed: Any,
           request: gr.Request) -> Iterator:  # fmt: skip
        yield from speak(
            t, voice, bands, blur_ms, semitones, temperature, seed,
            is_stopped=lambda: live.is_stopped(request.session_hash, CELL),
        )  # fmt: skip

    def compared(result: Any) -> Iterator:
        yield from compare(t, result)

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    def clicked(drawn: Any, event: gr.SelectData) -> dict:
        return column_figure(t, drawn, float(event.value["x"]))

    def ticked(drawn: Any, result: Any, voice: Any) -> dict:
        return clock_figure(t, drawn, heard(drawn, result, voice), None)

    def ticked_at(drawn: Any, result: Any, voice: Any, event: gr.SelectData) -> dict:
        return clock_figure(t, drawn, heard(drawn, result, voice), float(event.value["x"]))

    def changed(voice: Any, bands: Any, blur_ms: Any, semitones: Any) -> tuple:
        return preview(t, voice, bands, blur_ms, semitones)

    edits = [voice, bands, blur_ms, semitones]
    started = w.on(t, run.click, begun, None, sound)
    spoken = w.on(t, started.then, go, [*edits, temperature, seed], [sound, result],
                  heavy=True, show_progress="hidden", trigger_mode="always_last")  # fmt: skip
    ready = [w.on(t, spoken.then, compared, result, [player, scores, answer, mels, column, drawn],
                  heavy=True, show_progress="hidden")]  # fmt: skip
    w.on(t, halt.click, cancel, None, None, js=live.SILENCE_JS)
    ready += [w.on(t, [bands.release, blur_ms.release, semitones.release], changed, edits, [mels, column, drawn],
                   trigger_mode="always_last")]  # fmt: skip
    for name, button in presets.items():
        values = list(PRESETS[name])
        pressed = button.click(None, None, [bands, blur_ms, semitones], js=f"() => {values}", queue=False)
        ready += [w.on(t, pressed.then, changed, edits, [mels, column, drawn])]
    shown = [player, scores, answer, mels, column, drawn]
    ready += [w.on(t, voice.change, lambda voice: show(t, voice), voice, shown)]
    ready += [w.on(t, mels.appear, lambda voice: show(t, voice), voice, shown)]
    for event in ready:
        w.on(t, event.then, ticked, [drawn, result, voice], clock)
        levels_cell.follow(t, event.then, [drawn, result, voice])
    levels_cell.follow(t, levels_cell.rounds.release, [drawn, result, voice])
    w.on(t, clock.select, ticked_at, [drawn, result, voice], clock)
    w.on(t, mels.select, clicked, drawn, column)
    w.on(t, sound.appear, warm_up, None, None)


def warm_up() -> None:
    """Load the network and choose its engine while the visitor is still reading."""
    from core.errors import LessonError
    from core.wavenet import generate

    try:
        generate.best(_models.load(MODEL))
    except LessonError:
        return  # the click on the button will say it


def speak(t: Strings, voice: str | None, blur_bands: float, blur_ms: float, semitones: float, temperature: float,
          seed: float | None, *, is_stopped: Callable[[], bool]) -> Iterator[tuple]:  # fmt: skip
    """Stream the network's version of a voice: (live sound, None) again and again, at last with what was said."""
    import torch

    from core import audio, postfilter
    from core.wavenet import live as speech
    from core.wavenet import mel_edit

    try:
        if seed is None or temperature is None:
            raise SamplingError("Give a temperature and a seed: one of the fields is empty.")
        x = audio.load_voice(voice or "", max_seconds=MAX_SECONDS)
        given = mel_edit.edit(audio.mel(x), blur_bands=blur_bands, blur_ms=blur_ms, semitones=semitones)
        model = _models.load(MODEL)
        sound = live.Broadcast(len(x), picture=given.numpy())
        yield sound.value, None
        post, raw, heard = postfilter.PostFilter(given), [], []
        updates = speech.speak(model, mel=given, samples=len(x), seed=int(seed), temperature=float(temperature))
        for update in updates:
            raw.append(audio.mu_law_decode(update.codes))
            heard.append(post.push(raw[-1]).clamp(-1, 1))
            stopped = is_stopped()
            if stopped or update.drawn == len(x):
                heard[-1] = torch.cat([heard[-1], post.finish().clamp(-1, 1)])
            block, looks = audio.to_int16(heard[-1]), live.looks_of(update)
            yield sound.add(block, speed=update.real_time, facts=facts(t, update), looks=looks), None
            if stopped:
                updates.close()
                break
    except Exception:
        yield live.Broadcast.idle(), None
        raise
    spoken = torch.cat(heard)
    said = {"voice": x, "given": given, "raw": torch.cat(raw), "spoken": spoken, "path": voice}
    yield sound.end(stopped=len(spoken) < len(x)), said


def compare(t: Strings, result: dict | None) -> Iterator[tuple]:
    """Set what was said beside the rest, then score it: (player, scores, answer, mels, column, drawn) twice."""
    from core import audio
    from core.wavenet import resynthesis

    unchanged = (gr.skip(),) * 6
    if result is None or len(result["spoken"]) <= audio.WINDOW_SAMPLES:
        yield unchanged
        return
    spoken = result["spoken"]
    x, frames = result["voice"][: len(spoken)], 1 + len(spoken) // audio.HOP_SAMPLES
    given = result["given"][:, :frames]
    sounds = {**resynthesis.references(x, given), "wavenet_raw": result["raw"], "wavenet": spoken}
    drawn = {"original": audio.mel(x).numpy(), "given": given.numpy(), "wavenet": audio.mel(spoken).numpy()}
    if np.allclose(drawn["original"][:, :-3], drawn["given"][:, :-3]):  # the last frames see where x was cut
        del drawn["given"]
    tracks = [w.track(t(name), sounds[name]) for name in VERSIONS]
    yield tracks, t("scoring"), "", mels_figure(t, drawn), column_figure(t, drawn, None), drawn
    rows = resynthesis.scores(x, sounds, given)
    yield gr.skip(), score_table(t, rows), phase_note(t, rows), *unchanged[3:]


def preview(t: Strings, voice: str | None, blur_bands: float, blur_ms: float, semitones: float) -> tuple:
    """The mel before and after the edits, while no sound has been made from it yet: (mels, column, drawn)."""
    from core import audio
    from core.wavenet import mel_edit

    mel = audio.mel(audio.load_voice(voice or "", max_seconds=MAX_SECONDS))
    drawn = {"original": mel.numpy()}
    if blur_bands or blur_ms or semitones:
        given = mel_edit.edit(mel, blur_bands=blur_bands, blur_ms=blur_ms, semitones=semitones)
        drawn["given"] = given.numpy()
    return mels_figure(t, drawn), column_figure(t, drawn, None), drawn


def show(t: Strings, voice: str | None) -> tuple:
    """The stored result for a sample sentence, at once; for any other voice its mel."""
    from core.wavenet import examples

    if not voice:
        return (gr.skip(),) * 6
    clip = examples.clip(Path(voice).stem.removeprefix("kathleen_"))
    if clip is None:
        return gr.skip(), gr.skip(), gr.skip(), *preview(t, voice, 0, 0, 0)
    tracks = [stored(t(name), clip.sounds[name]) for name in VERSIONS]
    note = score_table(t, clip.scores) + "\n\n" + t("stored", engine=clip.engine, speed=f"{clip.samples_per_s:,.0f}")
    figures = mels_figure(t, clip.mels), column_figure(t, clip.mels, None)
    return tracks, note, phase_note(t, clip.scores), *figures, clip.mels


def mels_figure(t: Strings, drawn: dict) -> dict:
    """The mels one above the other, and how far the network's is from the one it was given."""
    from core.wavenet import speech_figures

    words = {"time": t("time_axis"), "band": t("band_axis")}
    figure = speech_figures.mel_stack({t(f"mel_{name}"): mel for name, mel in drawn.items()}, words=words)
    if "wavenet" in drawn:
        given = drawn.get("given", drawn["original"])
        frames = min(given.shape[1], drawn["wavenet"].shape[1])
        difference = (given[:, :frames] - drawn["wavenet"][:, :frames]) * 20 / np.log(10)
        summary = t("mels_summary", db=f"{np.sqrt((difference**2).mean()):.1f}", frames=frames)
    else:
        frames = drawn["original"].shape[1]
        summary = t("mels_waiting" if "given" in drawn else "mels_plain", frames=frames, seconds=f"{frames / 80:.1f}")
    return w.plot(figure, summary)


def column_figure(t: Strings, drawn: dict | None, seconds: float | None) -> dict:
    """One instant of the mels: the one clicked, else the loudest."""
    from core.wavenet import mel_edit, speech_figures

    if not drawn:
        return gr.skip()
    original = drawn["original"]
    frame = int(original.mean(axis=0).argmax()) if seconds is None else round(seconds * 80)
    frame = min(max(frame, 0), min(mel.shape[1] for mel in drawn.values()) - 1)
    centres = mel_edit.band_centres_hz()
    roles = {"original": "reference", "given": "accent", "wavenet": "model"}
    figure = speech_figures.mel_column(
        {t(f"mel_{name}"): mel[:, frame] for name, mel in drawn.items()}, centres_hz=centres,
        roles=[roles[name] for name in drawn], words={"hertz": t("hertz_axis"), "decibels": t("decibel_axis")},
    )  # fmt: skip
    peak = int(original[:, frame].argmax())
    summary = t(
        "column_summary", time=f"{frame / 80:.2f}", hertz=f"{centres[peak]:,.0f}",
        db=f"{original[peak, frame] * 20 / np.log(10):.0f}",
    )  # fmt: skip
    return w.plot(figure, summary)


def heard(drawn: dict | None, result: dict | None, voice: str | None, name: str = "wavenet") -> np.ndarray | None:
    """What the network said, if its mel is among those drawn: live, else stored. float32 [T].

    name: "wavenet" as it is heard, "wavenet_raw" as it was drawn, before the post-filter; "original" is the voice.
    """
    from core.wavenet import examples

    if not drawn or "wavenet" not in drawn:
        return None
    if result is not None and result["path"] == voice:
        return result[{"wavenet": "spoken", "wavenet_raw": "raw", "original": "voice"}[name]].numpy()
    clip = examples.clip(Path(voice or "").stem.removeprefix("kathleen_"))
    return None if clip is None else clip.sounds[name]


def clock_figure(t: Strings, drawn: dict | None, sound: np.ndarray | None, seconds: float | None) -> dict:
    """F0 as the conditioner reads it, and the clock beside the network's waveform at one moment."""
    import torch

    from core.wavenet import pitch_figures

    if not drawn:
        return gr.skip()
    mel = torch.as_tensor(drawn.get("given", drawn["original"])).float()
    clock = pitch_figures.read(_models.load(MODEL), mel)
    if clock is None:
        return gr.skip()
    words = {"time": t("time_axis"), "f0": t("f0_axis"), "amplitude": t("clock_axis")}
    words |= {"clock": t("clock_hand"), "sound": t("clock_sound")}
    figure, start, f0 = pitch_figures.view(clock, sound, at_s=seconds, words=words)
    if np.isnan(f0):
        return w.plot(figure, t("clock_unvoiced", time=f"{start:.2f}"))
    return w.plot(figure, t("clock_summary", time=f"{start:.2f}", hertz=f"{f0:.0f}", samples=f"{16_000 / f0:.0f}"))


def score_table(t: Strings, rows: list[dict]) -> str:
    """The scores as a Markdown table; a metric that no row has is left out, with a sentence."""
    metrics = [("pesq", "PESQ"), ("stoi", "STOI"), ("log_mel_db", t("log_mel")), ("given_mel_db", t("given_mel"))]
    if all(row["given_mel_db"] == row["log_mel_db"] for row in rows):
        metrics.pop()  # the mel was given as it is
    present = [(key, name) for key, name in metrics if any(row[key] is not None for row in rows)]
    lines = [f"| | {' | '.join(name for _, name in present)} |", "|---" * (len(present) + 1) + "|"]
    for row in rows:
        cells = " | ".join("–" if row[key] is None else f"{row[key]:.2f}" for key, _ in present)
        lines.append(f"| {t(row['name'])} | {cells} |")
    text = "\n".join(lines) + "\n\n" + t("scores_note")
    absent = [name for key, name in metrics if (key, name) not in present]
    return text + (" " + t("scores_absent", names=", ".join(absent)) if absent else "")


def phase_note(t: Strings, rows: list[dict]) -> str:
    """The signal-to-noise ratios, which the question before them is about."""
    return t("phase_answer", **{row["name"]: f"{row['snr_db']:.1f}" for row in rows})
