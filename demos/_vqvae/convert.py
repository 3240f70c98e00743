"""Another speaker says it: the codes stay, the speaker that the decoder is told changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from core import plots
from demos import _player
from demos import _widgets as w
from demos._tab import ROOT, Strings
from demos._vqvae import coders
from demos._wavenet import live_sound as live

if TYPE_CHECKING:
    from torch import Tensor

    from core.vqvae.conversion import Portrait

CELL = "convert"
SPEAKERS = ("kathleen", "FA", "FB", "MC")


def build(t: Strings) -> None:
    """The cell `convert`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "where")
        with w.controls(t):
            voice = w.voice(t)
            man = w.button(t("man"), primary=False, name="convert-man")
            choices = [(t(f"speaker_{s}"), s) for s in SPEAKERS]
            speaker = w.link("speaker", gr.Radio(choices, value="MC", label=t("speaker")))
            with w.row():
                run = w.button(t("run"), name="convert-run")
                halt = w.button(t("stop"), primary=False, name="convert-stop")
        sound = live.live_sound(t, "live")
        player = w.player(t, "sounds")
        said = w.note(t, "said", t("said_first"))
        spectra = w.figure(t, "spectra", height=340)
        w.prose(t, "convert-measured")
        w.note(t, "table", table(t))
        w.note(t, "unseen", unseen(t))
        w.code(t, "core.vqvae.model:Voice.forward", "core.vqvae.conversion:portrait",
               "core.vqvae.conversion:distance_db")  # fmt: skip
    heavy: dict[str, Any] = {"heavy": True, "show_progress": "hidden", "trigger_mode": "always_last"}
    result = gr.State(None)  # (speaker, source, said)

    def begun(request: gr.Request) -> dict[str, Any]:
        return live.begin(request.session_hash, CELL)

    def go(voice: Any, speaker: Any, request: gr.Request) -> Iterator[tuple]:
        yield from speak(t, voice, speaker, is_stopped=lambda: live.is_stopped(request.session_hash, CELL))

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    started = w.on(t, run.click, begun, None, sound)
    spoken = w.on(t, started.then, go, [voice, speaker], [sound, player, result], **heavy)
    w.on(t, spoken.then, partial(judged, t), result, [said, spectra], **heavy)
    w.on(t, halt.click, cancel, None, None, js=live.SILENCE_JS)
    w.on(t, man.click, the_man, None, voice)
    w.on(t, player.appear, partial(at_sight, t), voice, player)
    w.on(t, voice.change, partial(at_sight, t), voice, player)
    w.on(t, spectra.appear, lambda: figure(t, {}), None, spectra)


def the_man() -> str:
    """The sentence of a man whom no network has heard.

    Raises:
        AudioError: it is not among the files of this checkout.
    """
    from core.errors import AudioError
    from core.vqvae import examples

    if not examples.MAN.exists():
        raise AudioError("The man's sentence is not here: restore it with `git checkout -- assets/audio/vqvae`.")
    return str(examples.MAN)


def source_of(voice: str | None) -> str | None:
    """Which stored sentence a voice control holds: "kathleen", "md", or None."""
    from core.vqvae import examples

    if coders.is_stored(voice):
        return "kathleen"
    return "md" if Path(voice or "").name == examples.MAN.name else None


def at_sight(t: Strings, voice: str | None) -> Any:
    """Player: a stored sentence said by all speakers; nothing for any other voice."""
    from core.vqvae import examples

    source = source_of(voice)
    kept = examples.index().get("converted", {}).get(source or "")
    if not kept:
        return gr.skip()
    where = f"/site/audio/kathleen_{examples.SENTENCE}.flac" if source == "kathleen" else "/site/audio/vqvae/md.flac"
    return [_player.linked(t("source"), where),
            *[_player.linked(t(f"speaker_{who}"), examples.url(sound)) for who, sound in kept.items()]]  # fmt: skip


def speak(
    t: Strings, voice: str | None, speaker: Any, *, is_stopped: Callable[[], bool] = lambda: False
) -> Iterator[tuple]:
    """(live sound, player, (speaker, source, said)): a voice said by another speaker.

    Raises:
        AudioError: as `coders.voice`.
    """
    who = speaker if speaker in SPEAKERS else SPEAKERS[0]
    try:
        x, coder = coders.voice(voice), coders.load()
        codes = coder.encode(x)
    except Exception:
        yield live.Broadcast.idle(), gr.skip(), gr.skip()
        raise
    whole = None
    for sound, said in coders.stream(t, coder, codes, who, is_stopped=is_stopped):
        whole = said
        yield sound, gr.skip(), gr.skip()
    if whole is not None and len(whole):
        tracks = [w.track(t("source"), x), w.track(t(f"speaker_{who}"), whole)]
        yield gr.skip(), tracks, (who, x, whole)


def judged(t: Strings, result: tuple[str, Tensor, Tensor] | None) -> tuple:
    """(note, figure): what pitch and mean spectrum say of the source and of what was said."""
    from core.errors import AudioError
    from core.vqvae import conversion

    if result is None:
        return gr.skip(), gr.skip()
    who, x, said = result
    there = conversion.portraits()
    try:
        found = {"source": conversion.portrait([x]), "said": conversion.portrait([said])}
    except AudioError:
        return t("unvoiced"), gr.skip()
    lines = [f"| | {t('head_f0')} | {' | '.join(t('head_far', who=t(f'short_{s}')) for s in SPEAKERS)} |",
             "|---|---:|" + "---:|" * len(SPEAKERS)]  # fmt: skip
    for key, name in (("source", t("source")), ("said", t(f"speaker_{who}"))):
        far = [conversion.distance_db(found[key], there[s]) for s in SPEAKERS]
        cells = [f"**{db:.1f} dB**" if db == min(far) else f"{db:.1f} dB" for db in far]
        lines.append(f"| {name} | {found[key].f0_hz:.0f} Hz | {' | '.join(cells)} |")
    pitches = " / ".join(f"{there[s].f0_hz:.0f}" for s in SPEAKERS)
    lines.append(f"| {t('of_speakers')} | {pitches} Hz |" + " |" * len(SPEAKERS))
    return "\n".join(lines) + "\n\n" + t("judged_note"), figure(t, found, who)


def figure(t: Strings, found: dict[str, Portrait], who: str = "") -> Any:
    """Mean spectra: of the speakers, and of what was just said."""
    import numpy as np

    from core.vqvae import conversion
    from core.wavenet import mel_edit

    hertz = mel_edit.band_centres_hz()
    there = conversion.portraits()
    shown: dict[str, tuple[Portrait, str]] = {}
    if found:
        shown = {t("source"): (found["source"], "reference"), t(f"spectrum_{who}"): (there[who], "grey"),
                 t("said_curve"): (found["said"], "model")}  # fmt: skip
    else:
        by_speaker = zip(SPEAKERS, ("reference", "accent", "olive", "model"))
        shown = {t(f"speaker_{s}"): (there[s], role) for s, role in by_speaker}
    curves = {name: (hertz, np.array(one.spectrum) * 20 / np.log(10)) for name, (one, _) in shown.items()}
    roles = [role for _, role in shown.values()]
    drawn = plots.lines(curves, x_title=t("hertz_axis"), y_title=t("decibel_axis"), roles=roles)
    return w.plot(drawn, t("spectra_said") if found else t("spectra_first"))


def table(t: Strings) -> str:
    """How well it works, from the cards of both autoencoders."""
    rows = {kind: coders.measured(name) for kind, name in (("vq", coders.VQ), ("argmax", coders.ARGMAX))}
    lines = []
    for kind, found in rows.items():
        for who in SPEAKERS[1:]:
            label = f"median F0 (Hz), said by {who}, who has "
            own, f0 = next(((k.rsplit(" ", 1)[1], v) for k, v in found.items() if k.startswith(label)), ("–", None))
            to = found.get(f"mean spectrum's distance (dB), said by {who}, to {who}")
            away = found.get(f"mean spectrum's distance (dB), said by {who}, to kathleen")
            error = found.get(f"character error of a recogniser, said by {who}")
            if f0 is None and error is None:
                continue
            cells = [_form(f0, ".0f", " Hz"), f"{own} Hz", _form(to, ".1f", " dB"), _form(away, ".1f", " dB"),
                     _form(None if error is None else 100 * error, ".0f", " %")]  # fmt: skip
            lines.append(f"| {t(f'row_{kind}')}, {t(f'short_{who}')} | {' | '.join(cells)} |")
    if not lines:
        return t("unmeasured")
    heads = [t(f"head_{key}") for key in ("said_f0", "own_f0", "to", "away", "cer")]
    text = "\n".join([f"| | {' | '.join(heads)} |", "|---" + "|---:" * len(heads) + "|", *lines])
    recordings = rows["vq"].get("character error of a recogniser, recordings")
    own = rows["vq"].get("character error of a recogniser, WaveNet")
    if recordings is not None and own is not None:
        text += "\n\n" + t("table_note", recordings=f"{100 * recordings:.0f}", own=f"{100 * own:.0f}", f0=own_pitch())
    return text


def own_pitch() -> str:
    """Kathleen's median pitch in whole Hz, read without loading torch."""
    path = ROOT / "assets/tables/vqvae-speakers.json"
    return f"{json.loads(path.read_text())[SPEAKERS[0]]['f0_hz']:.0f}" if path.exists() else "–"


def unseen(t: Strings) -> str:
    """What was measured with the man whom no network has heard."""
    from core import weights

    if coders.VQ not in weights.names():
        return ""
    rows = weights.card(coders.VQ).get("metrics", [])
    found = {row["name"]: row["value"] for row in rows if "unseen" in row["split"]}
    keys = ("recordings", "said by kathleen", "said by MC")
    errors = [found.get(f"character error of a recogniser, {key}") for key in keys]
    if any(value is None for value in errors):
        return t("unseen_unmeasured")
    values = [f"{100 * value:.0f}" for value in errors if value is not None]
    return t("unseen_note", recordings=values[0], kathleen=values[1], mc=values[2])


def _form(value: float | None, form: str, unit: str) -> str:
    return "–" if value is None else f"{value:{form}}{unit}"
