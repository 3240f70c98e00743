"""A mixer that only the tests have, with stems that are sines: what is heard can be told sample by sample.

Run: python tests/e2e/mixer_lab.py FOLDER, which gets the lesson and the sound files.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import soundfile

from demos import _page, _tab
from demos import _widgets as w
from demos._separation import mixer

RATE_HZ = 44_100
SINES_HZ = {"vocals": 441.0, "drums": 997.0, "bass": 211.0}  # key of a stem -> what it is
AMPLITUDE = 0.2
SEGMENTS = (48_117, 35_280, 55_003)  # samples: joins at odd places
LONG, LONG_SEGMENT = 16, 3 * RATE_HZ
TITLE = "<b>A & B</b> 노래.flac"  # as a visitor's file might be called
LESSON = "# Lab {#top}\n\n- see\n\n## Mixer {#mix}\n\n## References {#references}\n"
folder = Path()


class Lab:
    """The song that the buttons make; there is one visitor."""

    song: mixer.Song | None = None


def stem(key: str, first: int, count: int, *, amplitude: float = AMPLITUDE) -> np.ndarray:
    """Samples `first` to `first + count` of a stem: float64 [count]."""
    return amplitude * np.sin(2 * np.pi * SINES_HZ[key] * np.arange(first, first + count) / RATE_HZ)


def file_of(key: str, first: int, count: int) -> str:
    path = folder / f"{key}-{first}-{count}.flac"
    if not path.exists():
        soundfile.write(path, stem(key, first, count), RATE_HZ, subtype="PCM_24")
    return f"/gradio_api/file={path}"


def new(samples: int) -> mixer.Song:
    t = _tab.strings("lab", "en")
    Lab.song = mixer.Song(
        TITLE, {key: t(f"stem_{key}") for key in SINES_HZ}, sample_rate_hz=RATE_HZ, samples=samples
    )
    return Lab.song


def add(song: mixer.Song, count: int, *, peaks: bool = True) -> dict:
    first = song.made
    drawn = [mixer.peaks(stem(key, first, count), RATE_HZ) for key in SINES_HZ] if peaks else None
    urls = [file_of(key, first, count) for key in SINES_HZ]
    return song.add_segment(urls, samples=count, peaks=drawn, left_s=42.0, facts="3.1 × real time")


def waiting() -> dict:
    return new(sum(SEGMENTS)).waiting()


def more() -> dict:
    return add(Lab.song, SEGMENTS[len(Lab.song.value["segments"])])


def end() -> dict:
    links = [mixer.download("Vocals (FLAC)", file_of("vocals", 0, SEGMENTS[0]), "vocals.flac")]
    return Lab.song.end(downloads=[*links, mixer.download("never", "javascript:alert(1)", "x")])


def whole() -> dict:
    song = new(sum(SEGMENTS))
    for count in SEGMENTS:
        add(song, count)
    return end()


def long() -> dict:
    song = new(LONG * LONG_SEGMENT)
    for _ in range(LONG):
        add(song, LONG_SEGMENT, peaks=False)
    return song.end()


def live() -> Iterator[dict]:
    song = new(sum(SEGMENTS))
    yield song.waiting()
    for count in SEGMENTS:
        time.sleep(0.4)
        yield add(song, count)
    yield song.end()


def broken() -> dict:
    return new(RATE_HZ).add_segment([f"/gradio_api/file={folder}/none.flac"] * len(SINES_HZ), samples=RATE_HZ)


MAKERS = (waiting, more, end, whole, long, live, broken)


def build(t: _tab.Strings) -> None:
    """One cell with a button for every state."""
    w.header(t, badge="none", minutes=1)
    with w.cell(t, "mix") as cell:
        with w.row():
            buttons = {make: gr.Button(make.__name__, elem_id=make.__name__, min_width=80) for make in MAKERS}
        player = mixer.mixer(cell, "player")
    w.references(t)
    for make, button in buttons.items():
        w.on(t, button.click, make, None, player)
    asked = gr.Textbox(label="asked", elem_id="asked")
    w.on(t, player.appear, lambda: "appeared", None, asked)


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    lessons = folder / "lessons"
    shutil.copytree(_tab.LESSONS / "_site", lessons / "_site")
    (lessons / "lab").mkdir()
    shutil.copy(_tab.LESSONS / "separation/strings.toml", lessons / "lab/strings.toml")
    for language in _tab.LANGUAGES:
        (lessons / f"lab/{language}.md").write_text(LESSON, encoding="utf-8")
    _tab.LESSONS = lessons
    _page.serve([_tab.Tab(slug="lab", order=1, build=build)], allowed_paths=[str(folder)])
