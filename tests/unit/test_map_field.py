"""The one sound of the map, and the picture that asks every task about it."""

from __future__ import annotations

import gradio as gr
import numpy as np
import pytest
import soundfile
import torch
from sounds import UNUSABLE, unusable

from core.errors import AudioError
from demos import map as page
from demos._map import field as picture
from demos._map import sound, tastes
from demos._map.answer import Answer, Task
from demos._tab import LANGUAGES, ROOT, discover, strings

RATE = 8_000


def words(language: str = "en"):
    return strings("map", language).cell("field")


def tone(path, seconds: float, *, channels: int = 1, level: float = 0.3) -> str:
    """Every second another pitch: second k has 200 + 50 k Hz."""
    t = np.arange(round(seconds * RATE)) / RATE
    x = level * np.sin(2 * np.pi * (200 + 50 * np.floor(t)) * t)
    soundfile.write(path, np.repeat(x[:, None], channels, axis=1), RATE)
    return str(path)


def strongest_hz(x: torch.Tensor) -> float:
    """Of the first half second."""
    part = x[:8000].numpy()
    return float(np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)), 16_000))))  # a bin is 1 Hz


def test_ten_seconds_from_where_one_says(tmp_path) -> None:
    path = tone(tmp_path / "a.wav", 25, channels=8)
    first, later, beyond = (sound.load(path, start) for start in (0, 7, 400))
    assert all(len(x) == 160_000 and x.dtype == torch.float32 for x in (first, later, beyond))
    assert strongest_hz(first) == pytest.approx(200, abs=3) and strongest_hz(later) == pytest.approx(550, abs=3)
    assert strongest_hz(beyond) == pytest.approx(950, abs=3)  # the last ten seconds begin at 15
    assert float(first.square().mean().sqrt()) == pytest.approx(0.1, rel=0.01)  # -20 dBFS


def test_a_file_with_other_contents_is_read_anew(tmp_path) -> None:
    import os

    path = tone(tmp_path / "a.wav", 1)
    assert len(sound.load(path, 0)) == 16_000
    tone(tmp_path / "a.wav", 2)
    os.utime(path, (1, 1))
    assert len(sound.load(path, None)) == 32_000


@pytest.mark.parametrize("bad", [*UNUSABLE, "short", "hour"])
def test_bad_sounds_are_refused_with_a_remedy(tmp_path, bad: str) -> None:
    if bad == "short":
        path = tone(tmp_path / "a.wav", 0.05)
    elif bad == "hour":
        path = str(tmp_path / "a.wav")
        soundfile.write(path, np.zeros(3600 * 4000, dtype=np.int16), 4000)
    else:
        path = unusable(tmp_path, bad)
    with pytest.raises(AudioError) as said:
        sound.load(path, 0)
    assert len(str(said.value)) > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_leaf_answers_and_a_refusal_stops_no_other(tmp_path, language: str) -> None:
    t, path = words(language), tone(tmp_path / "a.wav", 1)

    def refuses(t, x):
        raise AudioError("There is no sound: record one, upload one or choose a sample first.")

    answers = {"recognition": lambda t, x: Answer(f"{len(x)} letters", 0.9, True),
               "enhancement": lambda t, x: Answer("no voice", 0.2, False), "pitch": refuses}  # fmt: skip
    tasks = {leaf.key: Task(answers.get(leaf.key), dict) for leaf in picture.LEAVES}
    seen = list(picture.listen(t, tasks, path, 0))
    assert [len(view["said"]) for view, _ in seen] == [3] * 4 and len(seen[0][1]) == 1
    assert all(one["state"] == "busy" for one in seen[0][0]["said"].values())
    last = seen[-1][0]["said"]
    assert (last["recognition"]["state"], last["recognition"]["text"]) == ("done", "16000 letters")
    assert last["enhancement"]["state"] == last["pitch"]["state"] == "unsure"
    assert (language == "ko") == any("가" <= letter <= "힣" for letter in last["pitch"]["text"])
    assert len({view["run"] for view, _ in seen}) == 4  # the page sees each as a new value


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_leaf_has_its_words_and_a_place_to_go(language: str) -> None:
    found = picture.described(words(language), page.TASKS)
    tabs = {tab.slug for tab in discover()}
    lesson = strings("map", language).lesson
    assert {leaf["branch"] for leaf in found} == {"speech", "sound", "music"} and len(found) == 10
    for leaf in found:
        assert all(leaf[part] for part in ("name", "in", "out", "model", "good")), leaf["key"]
        assert "–" not in leaf["good"] and "–" not in leaf["model"], leaf["key"]
        assert leaf["tab"] in tabs and (leaf["step"] is None or leaf["step"] in lesson)
        assert leaf["live"] == (leaf["tab"] == "map")


def test_tastes_and_examples_are_there() -> None:
    for tracks in tastes.TASTES.values():
        for url in tracks.values():
            place = url.removeprefix("/site/")
            assert (ROOT / "assets" / (place if place.startswith("audio/") else f"site/{place}")).stat().st_size > 1000
    assert set(tastes.TABS) == set(tastes.TASTES)
    for path in sound.EXAMPLES.values():
        assert len(sound.load(str(path), 0)) > 8000, path




def test_out_of_date_results_are_emptied() -> None:
    with gr.Blocks():
        figure, other, text = gr.HTML(), gr.HTML(), gr.Markdown()
    first, second = (sound.nothing_in(figure, figure) for _ in range(2))
    assert "figure" not in first and first != second  # the page hears of each
    assert sound.nothing_in(other, figure) is None and sound.nothing_in(text, figure) == ""
