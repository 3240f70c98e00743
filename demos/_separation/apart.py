"""A song goes in, its parts come out: piece by piece, to be heard while the rest is made, and to be kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.separation import excerpts
from demos import _kept, _models
from demos import _widgets as w
from demos._separation import examples
from demos._separation.mixer import Song, download, mixer, peaks
from demos._tab import Strings
from demos._wavenet import live_sound as live

if TYPE_CHECKING:
    from core.separation.song import Song as Loaded

CELL = "apart"
OWN = "own"  # in the menu of songs: what the visitor brought
KINDS = {  # name -> weights, and whether the Wiener filter refines
    "4stems": ("separation-4stems", False), "vocals": ("separation-vocals", False),
    "wiener": ("separation-4stems", True), "hdemucs": ("", False),
}  # fmt: skip
USUAL = ("verse", "4stems")
TYPES = ["audio", "video", ".flac", ".ogg", ".opus", ".m4a"]


@dataclass(frozen=True)
class Heard:
    """What the cell `apart` has for others: the state with the path of the visitor's own sound."""

    own: gr.State


def build(t: Strings) -> Heard:
    """The cell `apart`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "sum")
        songs = [(t(f"excerpt_{name}"), name) for name in excerpts.index()]
        with w.controls(t):
            with w.row():
                song = w.link("song", gr.Dropdown(songs, value=USUAL[0], label=t("song")))
                kind = w.link("kind", gr.Radio([(t(f"kind_{k}"), k) for k in KINDS], value=USUAL[1], label=t("kind")))
            with w.row():
                upload = gr.File(
                    label=t("upload"), file_types=TYPES, type="filepath", elem_id="apart-upload", height=190
                )
                spoken = gr.Audio(
                    label=t("mic"), sources=["microphone"], type="filepath", elem_id="apart-mic", editable=False,
                    buttons=[],
                )  # fmt: skip
            with w.row():
                run = w.button(t("run"), name="apart-run")
                halt = w.button(t("stop"), primary=False, name="apart-stop")
        player = mixer(t, "player")
        note = w.note(t, "note", latex=False)
        w.prose(t, "apart-limits")
        w.note(t, "measured", examples.measured(t))
        w.code(t, "core.separation.sample:stream", "core.separation.sample:pieces", "core.separation.sample:masks_of",
               "core.separation.wiener:wiener")  # fmt: skip
    own, made = gr.State(None), gr.State(None, delete_callback=lambda last: _kept.drop(last and last.folder))

    def begun(request: gr.Request) -> dict:
        live.begin(request.session_hash, CELL)
        return Song("", {"-": "-"}, sample_rate_hz=1, samples=0).waiting()

    def go(song: Any, own: Any, kind: Any, last: Any, request: gr.Request) -> Iterator[tuple]:
        yield from take_apart(t, song, own, kind, request.session_hash, last=last,
                              is_stopped=lambda: live.is_stopped(request.session_hash, CELL))  # fmt: skip

    def cancel(request: gr.Request) -> None:
        live.stop(request.session_hash, CELL)

    def brought(path: str | None, request: gr.Request) -> tuple:
        _kept.adopt(request.session_hash, path)
        if path is None:
            return gr.update(choices=songs, value=USUAL[0]), None
        return gr.update(choices=[(t("song_own"), OWN), *songs], value=OWN), path

    w.on(t, [upload.upload, upload.clear], brought, upload, [song, own])
    w.on(t, spoken.stop_recording, brought, spoken, [song, own])
    started = w.on(t, run.click, begun, None, player)
    w.on(t, started.then, go, [song, own, kind, made], [player, note, made], heavy=True, show_progress="hidden",
         trigger_mode="always_last")  # fmt: skip
    w.on(t, halt.click, cancel, None, None)
    w.on(t, player.appear, partial(examples.at_sight, t), [song, kind], [player, note])
    w.on(t, [song.input, kind.input], partial(examples.at_sight, t), [song, kind], [player, note])
    return Heard(own)


@dataclass(frozen=True, eq=False)
class Made:
    """What a visitor's last song has become: its files, and what the mixer shows of them."""

    folder: _kept.Folder
    value: dict[str, Any]


def take_apart(t: Strings, song: Any, own: str | None, kind: Any, session: str | None, *, last: Made | None = None,
               is_stopped: Callable[[], bool] = lambda: False) -> Iterator[tuple]:  # fmt: skip
    """(mixer, what there is to say, Made) again and again, while the pieces are made.

    last: what was made before; it stays, files and all, if this song cannot be taken apart.
    """
    from core.separation import files

    folder = None
    try:
        loaded, title = chosen(t, song, own)
        name, refine = KINDS[kind if kind in KINDS else USUAL[1]]
        names, pieces = method(loaded, name, refine)
        folder = _kept.folder(session)
        rate = loaded.sample_rate_hz
        value = Song(title, {key: t(f"stem_{key}") for key in names}, sample_rate_hz=rate, samples=loaded.x.shape[1])
        out = files.StemFiles(folder.path, names, channels=loaded.x.shape[0], sample_rate_hz=rate)
        yield value.progress(0.0), said(t, loaded), gr.skip()
        started, stopped = time.monotonic(), False
        for parts in pieces:
            urls = [folder.offer(file, file) for file in out.add(parts)]
            count = next(iter(parts.values())).shape[1]
            seconds = time.monotonic() - started
            done = (value.made + count) / loaded.x.shape[1]
            speed = (value.made + count) / rate / seconds
            yield value.add_segment(
                urls, samples=count, peaks=[peaks(x, rate) for x in parts.values()], left_s=seconds * (1 / done - 1),
                facts=t("facts", speed=f"{speed:.1f}"),
            ), gr.skip(), gr.skip()  # fmt: skip
            if stopped := is_stopped() or folder.gone:
                break
        out.close()
    except Exception:
        _kept.drop(folder)
        yield (last.value if last else examples.nothing()), gr.skip(), gr.skip()
        raise
    _kept.drop(last and last.folder)
    done = value.end(stopped=stopped, downloads=kept(t, folder, names, title))
    yield done, gr.skip(), Made(folder, done)


def chosen(t: Strings, song: Any, own: str | None) -> tuple[Loaded, str]:
    """The song to take apart, and what it is called.

    Raises:
        AudioError: there is none, or it cannot be read.
    """
    from core.separation import files
    from core.separation import song as songs

    if song == OWN:
        return songs.load(own), files.sane(Path(own or "").name)
    name = song if song in excerpts.index() else USUAL[0]
    x = sum(excerpts.load(name).values())
    return songs.Song(x, excerpts.index()[name].sample_rate_hz, x.shape[0], 44_100), t(f"excerpt_{name}")


def method(loaded: Loaded, name: str, refine: bool) -> tuple[tuple[str, ...], Iterator[dict]]:
    """The names of the parts, and the parts piece by piece."""
    from core.separation import hdemucs, sample

    if not name:
        return hdemucs.SOURCES, hdemucs.stream(loaded.x, loaded.sample_rate_hz)
    network = _models.load(name)
    pieces = sample.stream(loaded.x, loaded.sample_rate_hz, network=network, wiener=refine)
    return network.config.sources, pieces


def said(t: Strings, loaded: Loaded) -> str:
    """What was done to the file before the network saw it; nothing for ordinary songs."""
    lines = []
    if loaded.channels > 2:
        lines.append(t("folded", channels=loaded.channels))
    if loaded.file_rate_hz != loaded.sample_rate_hz:
        lines.append(t("resampled", was=loaded.file_rate_hz, now=loaded.sample_rate_hz))
    return " ".join(lines)


def kept(t: Strings, folder: _kept.Folder, names: tuple[str, ...], title: str) -> list[dict[str, str]]:
    """Downloads: every part as FLAC and as WAV, all of them as one archive."""
    from core.separation import files

    title = files.sane(title + ".flac")
    links, archive = [], {}
    for name in names:
        archive[f"{title} ({name}).flac"] = f"{name}.flac"
        for ending, recipe in (("flac", None), ("wav", ("wav", f"{name}.flac"))):
            called = f"{title} ({name}).{ending}"
            url = folder.offer(f"{name}.{ending}", called, recipe)
            links.append(download(f"{t(f'stem_{name}')} {ending.upper()}", url, called))
    called = f"{title} (stems).zip"
    url = folder.offer("stems.zip", called, ("zip", archive))
    return [*links, download(t("all_zip"), url, called)]
