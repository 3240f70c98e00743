"""A network that speaks by itself: streamed, with the softmax of the sample being drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import numpy as np

from core.errors import SamplingError
from demos import _models
from demos import _widgets as w
from demos._player import stored
from demos._tab import Strings
from demos._wavenet import live_sound as live
from demos._wavenet.training_note import training_note

CELL = "unconditional"
MODEL = "wavenet-speech"
MAX_SECONDS, MAX_PRIME_SECONDS, KEPT_TAKES = 15, 3, 4


def build(t: Strings) -> None:
    """The cell `unconditional`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        training_note(t, MODEL)
        asked = w.quiz(t, "babble")
        with w.reveal(t, asked):
            w.prose(t, "unconditional-says")
        with w.controls(t):
            with w.row():
                temperature = w.link("temperature", gr.Slider(0.3, 1.5, 0.9, step=0.05, label=t("temperature")))
                seconds = w.link("seconds", gr.Slider(1, MAX_SECONDS, 5, step=1, label=t("seconds")))
                seed = w.link("seed", gr.Slider(0, 999, 1, step=1, label=t("seed")))
            with gr.Accordion(t("prime"), open=False, elem_id="unconditional-prime"):
                primed = w.link("primed", gr.Checkbox(False, label=t("use_prime")))
                prime_s = w.link(
                    "prime", gr.Slider(0.1, MAX_PRIME_SECONDS, 1, step=0.1, label=t("prime_seconds"))
                )
                voice = w.voice(t)
            with w.row():
                run = w.button(t("run"), name="unconditional-run")
                halt = w.button(t("stop"), primary=False, name="unconditional-stop")
        sound = live.live_sound(t, "live")
        histogram = w.figure(t, "softmax", height=300)
        said = w.figure(t, "said", height=470)
        player = w.player(t, "takes")
        w.note(t, "stored", t("stored"))
        asked = w.quiz(t, "memory")
        with w.reveal(t, asked):
            w.note(t, "answer", t("memory_answer"))
        w.code(t, "core.wavenet.live:speak", "core.wavenet.live:entropy_bits", "core.wavenet.live:prime_codes")
    take = gr.State(None)  # what was said last
    looks = gr.State(None)  # the softmaxes kept of the take in the figure
    tracks = gr.State([])  # the sounds in the player

    def begun(request: gr.Request) -> dict:
        return live.begin(request.session_hash, CELL)

    def go(temperature: Any, seconds: Any, seed: Any, primed: Any, prime_s: Any, voice: Any,
           request: gr.Request) -> Iterator:  # fmt: skip
        yield from speak(
            t, temperature, seconds, seed, bool(primed), voice, prime_s,
            is_stopped=lambda: live.is_stopped(request.session_hash, CELL),
        )  # fmt: skip

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    def clicked(looks: Any, event: gr.SelectData) -> dict:
        return softmax_at(t, looks, float(event.value["x"]))

    started = w.on(t, run.click, begun, None, sound)
    spoken = w.on(t, started.then, go, [temperature, seconds, seed, primed, prime_s, voice], [sound, take],
                  heavy=True, show_progress="hidden", trigger_mode="always_last")  # fmt: skip
    w.on(t, spoken.then, lambda take, tracks: finish(t, take, tracks), [take, tracks],
         [histogram, said, player, looks, tracks])  # fmt: skip
    w.on(t, halt.click, cancel, None, None, js=live.SILENCE_JS)
    w.on(t, said.select, clicked, looks, histogram)
    w.on(t, said.appear, lambda: show_stored(t), None, [histogram, said, player, looks, tracks])
    w.on(t, sound.appear, warm_up, None, None)


def warm_up() -> None:
    """Load the network and choose its engine while the visitor is still reading."""
    from core.errors import LessonError
    from core.wavenet import generate

    try:
        generate.best(_models.load(MODEL))
    except LessonError:
        return  # the click on the button will say it


def speak(t: Strings, temperature: float, seconds: float, seed: float, primed: bool, voice: str | None,
          prime_s: float, *, is_stopped: Callable[[], bool]) -> Iterator[tuple]:  # fmt: skip
    """Stream a new take: (live sound, None) again and again, at last (live sound, the take)."""
    from core import audio
    from core.wavenet import live as speech

    try:
        if seed is None or seconds is None or temperature is None:
            raise SamplingError("Give a temperature and a seed: one of the fields is empty.")
        model = _models.load(MODEL)
        prime = None
        if primed:
            prime = speech.prime_codes(audio.load_voice(voice or ""), min(float(prime_s or 1), MAX_PRIME_SECONDS))
        samples = round(min(float(seconds), MAX_SECONDS) * audio.SAMPLE_RATE_HZ)
        updates = speech.speak(model, samples=samples, prime=prime, seed=int(seed), temperature=float(temperature))
        start = 0 if prime is None else len(prime)
        sound = live.Broadcast(start + samples, prime=start)
        if prime is not None:
            yield sound.add(audio.to_int16(audio.mu_law_decode(prime)), speed=1.0), None
        seen = []
        for update in updates:
            seen.append(update)
            block = audio.to_int16(audio.mu_law_decode(update.codes))
            looks = live.looks_of(update, start)
            yield sound.add(block, speed=update.real_time, facts=facts(t, update), looks=looks), None
            if is_stopped():
                updates.close()
                break
    except Exception:
        yield live.Broadcast.idle(), None
        raise
    settings = {"temperature": float(temperature), "seed": int(seed)}
    yield sound.end(stopped=seen[-1].drawn < samples), {"updates": seen, "prime": prime, **settings}


def finish(t: Strings, take: dict | None, tracks: list) -> tuple:
    """Show and keep a take: (softmax, what was said, player, looks, tracks)."""
    if take is None:
        return (gr.skip(),) * 5
    import torch

    from core import audio

    seen, prime = take["updates"], take["prime"]
    start = 0 if prime is None else len(prime)
    codes = torch.cat([update.codes for update in seen])
    x = audio.mu_law_decode(codes if prime is None else torch.cat([prime, codes]))
    positions = np.array([p for update in seen for p in update.positions])
    looks = {
        "positions": positions + start, "drawn": codes.numpy()[positions], "prime": start,
        "probabilities": torch.cat([update.probabilities for update in seen]).numpy().astype(np.float16),
    }  # fmt: skip
    name = t("take_primed" if start else "take", temperature=f"{take['temperature']:g}", seed=take["seed"])
    tracks = [w.track(name, x), *tracks][:KEPT_TAKES]
    mel = audio.mel(x).numpy() if len(x) > audio.WINDOW_SAMPLES else np.full((80, 2), -11.5)
    shown = softmax_at(t, looks, float(positions[-1] + start) / 16_000)
    return shown, said_figure(t, x.numpy(), mel, looks, take["temperature"]), tracks, looks, tracks


def facts(t: Strings, update: Any) -> str:
    """How fast the network speaks, and which engine draws."""
    if not update.samples_per_s:
        return t("live.engine", engine=update.engine)
    speed = f"{update.samples_per_s:,.0f}"
    return t("live.facts", engine=update.engine, speed=speed, real_time=f"{update.real_time:.2f}")


def softmax_figure(t: Strings, probabilities: np.ndarray, drawn: int, position: int) -> dict:
    """The 256 probabilities that one sample was drawn from, with their entropy."""
    from core.wavenet import speech_figures

    p = np.asarray(probabilities, dtype=np.float64)
    p = p / max(p.sum(), 1e-12)
    bits = float(-(p[p > 0] * np.log2(p[p > 0])).sum())
    words = {"x": t("code_axis"), "y": t("probability_axis"), "drawn": t("drawn")}
    summary = t(
        "softmax_summary", sample=f"{position:,}", time=f"{position / 16_000:.3f}", bits=f"{bits:.2f}", code=drawn,
        percent=f"{100 * p[drawn]:.1f}", likely=int((np.sort(p)[::-1].cumsum() < 0.9).sum()) + 1,
    )  # fmt: skip
    return w.plot(speech_figures.softmax(p, drawn=drawn, words=words), summary)


def softmax_at(t: Strings, looks: dict | None, seconds: float) -> dict:
    """The softmax that was kept nearest to an instant."""
    if not looks or not len(looks["positions"]):
        return gr.skip()
    nearest = int(np.abs(looks["positions"] / 16_000 - seconds).argmin())
    position, drawn = int(looks["positions"][nearest]), int(looks["drawn"][nearest])
    return softmax_figure(t, looks["probabilities"][nearest], drawn, position)


def said_figure(t: Strings, x: np.ndarray, mel: np.ndarray, looks: dict, temperature: float) -> dict:
    """Waveform, mel and entropy of a take."""
    from core.wavenet import speech_figures

    p = looks["probabilities"].astype(np.float64)
    entropies = -(p * np.log2(np.maximum(p, 1e-12))).sum(axis=1)
    words = {key: t(f"said_{key}") for key in ("time", "amplitude", "band", "bits", "prime", "goes_on")}
    figure = speech_figures.said(
        x, mel, looks_s=looks["positions"] / 16_000, entropies=entropies, prime_s=looks["prime"] / 16_000, words=words
    )
    low, high = np.percentile(entropies, [10, 90])
    summary = t(
        "said_summary", seconds=f"{len(x) / 16_000:.1f}", temperature=f"{temperature:g}",
        mean=f"{entropies.mean():.2f}", low=f"{low:.1f}", high=f"{high:.1f}",
    )  # fmt: skip
    return w.plot(figure, summary)


def show_stored(t: Strings) -> tuple:
    """What the shipped network said when its examples were made: nothing is computed."""
    from core.wavenet import examples

    takes = examples.takes()
    if not takes:
        return (gr.skip(),) * 5
    first = takes[0]
    looks = {
        "positions": first.positions, "drawn": first.drawn, "prime": first.prime,
        "probabilities": first.probabilities,
    }  # fmt: skip
    tracks = []
    for take in takes:
        name = t("take_primed" if take.prime else "take", temperature=f"{take.temperature:g}", seed=take.seed)
        tracks.append(stored(name, take.x))
    middle = len(first.positions) // 2
    shown = softmax_figure(t, first.probabilities[middle], int(first.drawn[middle]), int(first.positions[middle]))
    return shown, said_figure(t, first.x, first.mel, looks, first.temperature), tracks, looks, tracks
