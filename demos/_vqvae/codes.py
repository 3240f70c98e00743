"""A voice becomes codes and sound again: VQ-VAE and argmax autoencoder side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos import _player
from demos import _widgets as w
from demos._tab import Strings
from demos._vqvae import coders, rates, strip
from demos._wavenet import live_sound as live

if TYPE_CHECKING:
    from torch import Tensor

CELL = "codes"
Stored = Callable[[Strings, "str | None"], tuple]
FRONTS = {"vq": coders.VQ, "argmax": coders.ARGMAX}
COLUMNS = {
    "entropy": "bits a second, entropy of single codes", "perplexity": "perplexity of the codes",
    "unused": "codes never used", "stoi": "STOI, WaveNet", "pesq": "PESQ (wide-band), WaveNet",
    "mel": "log-mel distance (dB), WaveNet", "cer": "character error of a recogniser, WaveNet",
}  # fmt: skip


def build(t: Strings) -> None:
    """The cell `codes`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "bits")
        with w.controls(t):
            voice = w.voice(t)
            with w.row():
                run = w.button(t("run"), name="codes-run")
                halt = w.button(t("stop"), primary=False, name="codes-stop")
        view = strip.codes_view(t, "view", follows=("codes-sounds", "codes-live"))
        sound = live.live_sound(t, "live")
        player = w.player(t, "sounds")
        w.note(t, "measured", measured_table(t))
        w.code(t, "core.vqvae.model:VQVAE.encode", "core.vqvae.model:VQVAE.frames", "core.vqvae.quantiser:nearest",
               "core.vqvae.quantiser:simplex", "core.vqvae.sample:Coder.stream")  # fmt: skip
        w.prose(t, "codes-equations")
        rates.build(t, voice)

    wire(t, FRONTS, at_sight, voice, run, halt, (view, sound, player))


def wire(
    t: Strings, fronts: dict[str, str], stored: Stored, voice: gr.Audio, run: gr.Button, halt: gr.Button,
    outputs: tuple[gr.HTML, gr.HTML, gr.HTML],
) -> None:  # fmt: skip
    """Events of a cell in which autoencoders say a sound.

    Args:
        fronts: what the labels call them -> names of weights; the first is heard while it speaks.
        stored: (t, voice) -> (view, player) of what is there at once.  outputs: view, live sound, player.
    """
    view, sound, player = outputs

    def begun(request: gr.Request) -> dict[str, Any]:
        return live.begin(request.session_hash, t.scope)

    def go(voice: Any, request: gr.Request) -> Iterator[tuple]:
        yield from speak(t, voice, fronts, is_stopped=lambda: live.is_stopped(request.session_hash, t.scope))

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, t.scope)

    started = w.on(t, run.click, begun, None, sound)
    w.on(t, started.then, go, voice, [view, sound, player], heavy=True, show_progress="hidden",
         trigger_mode="always_last")  # fmt: skip
    w.on(t, halt.click, cancel, None, None, js=live.SILENCE_JS)
    w.on(t, view.appear, partial(stored, t), voice, [view, player])
    w.on(t, voice.change, partial(look, t, fronts=fronts, stored=stored), voice, [view, player], heavy=True,
         show_progress="hidden", trigger_mode="always_last")  # fmt: skip
    w.on(t, sound.appear, partial(coders.warm_up, next(iter(fronts.values()))), None, None)


def at_sight(t: Strings, voice: str | None) -> tuple:
    """(view, player) of the stored sentence; nothing for any other voice."""
    from core.vqvae import examples

    kept = examples.index().get("codes", {})
    if not coders.is_stored(voice) or not kept:
        return gr.skip(), gr.skip()
    names = {"speech": "vq", "argmax": "argmax"}
    rows = [coders.stored_row(entry, t(f"row_{names[front]}")) for front, entry in kept.items()]
    tracks = [_player.linked(t("original"), f"/site/audio/kathleen_{examples.SENTENCE}.flac")]
    tracks += [_player.linked(t(f"said_{names[front]}"), examples.url(entry["sounds"]["wavenet"]))
               for front, entry in kept.items()]  # fmt: skip
    tracks += [_player.linked(t("quick_vq"), examples.url(kept["speech"]["sounds"]["griffin_lim"]))]
    count, seconds = len(kept["speech"]["codes"]), len(kept["speech"]["codes"]) / kept["speech"]["rate"]
    return strip.shown(rows, facts(t, count, seconds) + " " + t("stored")), tracks


def look(
    t: Strings, voice: str | None, fronts: dict[str, str] = FRONTS, stored: Stored = at_sight
) -> tuple:
    """(view, player) as soon as a voice is there: its codes, and what Griffin-Lim makes of them."""
    if not voice:
        return gr.skip(), gr.skip()
    kept = stored(t, voice)
    if kept != (gr.skip(), gr.skip()):
        return kept
    shown, tracks, _ = encoded(t, coders.voice(voice), fronts)
    return shown, tracks


def facts(t: Strings, count: int, seconds: float, name: str = coders.VQ) -> str:
    """So many bits, and how many the samples would be."""
    from math import log2

    from core import weights

    bits = round(count * log2(weights.card(name)["config"]["codes"]))
    pcm = round(coders.PCM_BITS_PER_S * seconds)
    times = f"{pcm / bits:,.0f}"
    return t("facts", count=count, seconds=f"{seconds:.1f}", bits=f"{bits:,}", pcm=f"{pcm:,}", times=times)


def encoded(
    t: Strings, x: Tensor, fronts: dict[str, str] = FRONTS
) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Tensor]]:
    """(view, tracks by Griffin-Lim, codes by front) of a sound float32 [T]."""
    from core import audio

    codes = {kind: coders.load(name).encode(x) for kind, name in fronts.items()}
    rows = [coders.row_of(fronts[kind], t(f"row_{kind}"), found, x) for kind, found in codes.items()]
    tracks = [w.track(t("original"), x)]
    tracks += [w.track(t(f"quick_{kind}"), audio.level_to(coders.load(fronts[kind]).preview(found)))
               for kind, found in codes.items()]  # fmt: skip
    first, name = next(iter(fronts.items()))
    return strip.shown(rows, facts(t, len(codes[first]), len(x) / audio.SAMPLE_RATE_HZ, name)), tracks, codes


def speak(
    t: Strings, voice: str | None, fronts: dict[str, str] = FRONTS, *,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[tuple]:  # fmt: skip
    """(view, live sound, player): the codes at once, the first autoencoder's sound while it is made, then the others'.

    Raises:
        AudioError: no voice, silence, too long, not a sound.
    """
    try:
        x = coders.voice(voice)
        shown, quick, codes = encoded(t, x, fronts)
    except Exception:
        yield gr.skip(), live.Broadcast.idle(), gr.skip()
        raise
    yield shown, gr.skip(), quick
    said: dict[str, Tensor] = {}
    for place, (kind, name) in enumerate(fronts.items()):
        for sound, whole in coders.stream(t, coders.load(name), codes[kind], 0, is_stopped=is_stopped):
            if place == 0:
                yield gr.skip(), sound, gr.skip()
            elif whole is None:  # not heard yet: said in words that it is coming
                yield {**shown, "facts": shown["facts"] + " " + t("other_coming")}, gr.skip(), gr.skip()
            if whole is not None:
                said[kind] = whole
        tracks = [quick[0], *[w.track(t(f"said_{kind}"), whole) for kind, whole in said.items() if len(whole)]]
        yield shown, gr.skip(), tracks + quick[1 : 2 if len(said) == 2 else 3]
        if is_stopped():
            break


def measured_table(t: Strings) -> str:
    """The two autoencoders' cards side by side; a sentence where nothing was measured yet."""
    found = {kind: coders.measured(name) for kind, name in FRONTS.items()}
    present = [key for key, name in COLUMNS.items() if any(name in rows for rows in found.values())]
    if not present:
        return t("unmeasured")
    heads = [t(f"head_{key}") for key in ("nominal", *present)]
    lines = [f"| | {' | '.join(heads)} |", "|---" + "|---:" * len(heads) + "|"]
    for kind, rows in found.items():
        values = [f"{coders.nominal(FRONTS[kind]):.0f}"] if rows else ["–"]
        values += [number(rows.get(COLUMNS[key]), key) for key in present]
        lines.append(f"| {t(f'row_{kind}')} | {' | '.join(values)} |")
    recordings = found["vq"].get("character error of a recogniser, recordings")
    last = [number(recordings, key) if key == "cer" else "" for key in present]
    lines.append(f"| {t('row_pcm')} | {coders.PCM_BITS_PER_S:,} | {' | '.join(last)} |")
    return "\n".join(lines) + "\n\n" + t("measured_note")


def number(value: float | None, key: str) -> str:
    """A measured number as the table writes it."""
    if value is None:
        return "–"
    if key == "cer":
        return f"{100 * value:.0f} %"
    return f"{value:.0f}" if key in ("entropy", "perplexity", "unused") else f"{value:.2f}"
