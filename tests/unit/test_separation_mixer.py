"""What travels to the mixer: loudness against a plain loop, and a song whose segments join to the sample."""

from __future__ import annotations

import base64
import json
import re

import gradio as gr
import numpy as np
import pytest
import torch

from core import plots
from demos._separation import mixer
from demos._tab import LANGUAGES, LESSONS, ROOT, flatten, read_toml, strings

RATE_HZ = 44_100


def levels(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8)


@pytest.mark.parametrize("samples", [1, 2204, 2205, 44_100, 100_003])
def test_peaks_are_the_largest_magnitudes_of_equal_bins(samples: int) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (2, samples)).astype(np.float32)
    x[0] *= np.linspace(0, 1, samples)
    found = levels(mixer.peaks(x, RATE_HZ))
    count = max(1, round(20 * samples / RATE_HZ))
    assert len(found) == count
    for k in range(count):
        part = x[:, k * samples // count : (k + 1) * samples // count]
        assert found[k] == round(255 * float(np.abs(part).max()))


def test_peaks_take_tensors_one_channel_and_what_is_too_loud() -> None:
    x = torch.linspace(-3, 3, 8000)
    assert mixer.peaks(x, 8000) == mixer.peaks(x.numpy()[None], 8000) == mixer.peaks(x.numpy(), 8000)
    assert levels(mixer.peaks(x, 8000))[0] == 255
    assert mixer.peaks(np.zeros(0), 8000) == mixer.peaks(np.zeros((2, 0)), 8000) == ""
    with pytest.raises(ValueError, match=r"\[T\] or \[C, T\]"):
        mixer.peaks(np.zeros((1, 1, 9)), 8000)


def test_segments_join_to_the_sample_however_many() -> None:
    song = mixer.Song("A song", {"vocals": "Vocals", "other": "Other"}, sample_rate_hz=RATE_HZ, samples=10**7)
    sizes = [352_801 + 7 * i for i in range(60)]
    for size in sizes:
        song.add_segment(["a", "b"], samples=size)
    starts = np.cumsum([0, *sizes])
    for start, size, segment in zip(starts, sizes, song.value["segments"]):
        assert round(segment["at"] * RATE_HZ) == start
        assert round((segment["at"] + segment["seconds"]) * RATE_HZ) == start + size
        assert abs(segment["at"] * RATE_HZ - start) < 1e-6
    assert song.value["seconds"] == pytest.approx(starts[-1] / RATE_HZ)  # longer than was expected


def test_a_song_from_waiting_to_done() -> None:
    song = mixer.Song("노래", {"vocals": "Vocals", "drums": "Drums"}, sample_rate_hz=100, samples=400)
    waiting = song.waiting()
    first = song.add_segment(["v0", "d0"], samples=100, peaks=["AA==", "/w=="], left_s=12.345, facts="2 × real time")
    between = song.progress(0.3, left_s=9)
    second = song.add_segment(["v1", "d1"], samples=100, progress=0.6)
    end = song.end(downloads=[mixer.download("Vocals", "/v.flac", "v.flac")])
    assert [value["state"] for value in (waiting, first, between, second, end)] == ["waiting", *["running"] * 3, "done"]
    assert {value["run"] for value in (waiting, first, between, second, end)} == {waiting["run"]}
    assert [value["progress"] for value in (first, between, second, end)] == [0.25, 0.3, 0.6, 1.0]
    assert (first["left_s"], first["facts"], waiting["seconds"], end["seconds"]) == (12.3, "2 × real time", 4.0, 2.0)
    assert [len(value["segments"]) for value in (waiting, first, between, second)] == [0, 1, 1, 2]
    assert second["segments"][0] == first["segments"][0]
    assert "peaks" not in second["segments"][1] and second["segments"][1]["urls"] == ["v1", "d1"]
    assert end["downloads"] == [{"label": "Vocals", "href": "/v.flac", "name": "v.flac"}]
    assert json.loads(json.dumps(end)) == end
    assert song.end(stopped=True)["state"] == "stopped"
    another = mixer.Song("", {"vocals": "Vocals"}, sample_rate_hz=100, samples=1)
    assert another.value["run"] != waiting["run"] and mixer.idle()["run"] == 0


def test_what_cannot_be_played_is_refused() -> None:
    for stems in ({}, {str(i): str(i) for i in range(7)}):
        with pytest.raises(ValueError, match="1 to 6 stems"):
            mixer.Song("", stems, sample_rate_hz=100, samples=1)
    song = mixer.Song("", {"vocals": "Vocals", "drums": "Drums"}, sample_rate_hz=100, samples=1)
    for urls, peaks in ((["a"], None), (["a", "b"], ["AA=="])):
        with pytest.raises(ValueError, match="2 URLs"):
            song.add_segment(urls, samples=5, peaks=peaks)
    with pytest.raises(ValueError, match="at least one sample"):
        song.add_segment(["a", "b"], samples=0)
    assert song.value["segments"] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cell_has_every_word_that_its_script_uses(language: str) -> None:
    t = strings("separation", language).cell("apart")
    with gr.Blocks():
        cell = mixer.mixer(t, "player", value=mixer.idle())
    assert cell.elem_id == "apart-player" and cell.value["state"] == "idle"
    words = cell.props["words"]
    script = (ROOT / "assets/site/separation/mixer.js").read_text(encoding="utf-8")
    assert set(re.findall(r"\bwords\.(\w+)", script)) <= set(words)
    table = flatten(read_toml(LESSONS / "separation/strings.toml")["mixer"], language)
    assert set(table) == set(words) == set(mixer.WORDS)


def test_stems_have_the_colours_of_the_figures() -> None:
    css = (ROOT / "assets/site/separation/mixer.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root.*?}", css, re.DOTALL)
    light, dark = (dict(re.findall(r"--(stem-\w+): (#[0-9a-f]{6})", block)) for block in blocks)
    assert set(light) == set(dark) and len(light) == 12
    for name, colour in light.items():
        assert colour in plots.CYCLE and dark[name] == plots.DARK[colour], name
    assert len({light[f"stem-{i}"] for i in range(1, 7)}) == 6
    assert len({light[f"stem-{name}"] for name in ("vocals", "drums", "bass", "other")}) == 4
