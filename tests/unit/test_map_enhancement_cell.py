"""The map's cell `enhancement`: its handlers without a browser, with a small network in place of a trained one."""

from __future__ import annotations

import base64
import io
import json
import math

import gradio as gr
import numpy as np
import pytest
import soundfile
import torch
from sounds import UNUSABLE, unusable

from core import speech_metrics
from core.enhancement import clips
from core.enhancement import spectrum as spectral
from core.enhancement.model import CRN, PRESETS
from core.enhancement.sample import LEAST_SHARE
from core.errors import AudioError
from demos import _links, _models
from demos._jobs import translate
from demos._map import enhancement as cell
from demos._map import enhancement_figures as figures
from demos._map import sound
from demos._tab import LANGUAGES, strings

SENTENCE = str(sound.EXAMPLES[sound.FIRST])
METRICS = {"PESQ": 2.0, "STOI": 0.9, "SI-SDR": 10.0}


def words(language: str = "en"):
    return strings("map", language).cell(cell.CELL)


@pytest.fixture(autouse=True)
def network(monkeypatch) -> CRN:
    torch.manual_seed(0)
    small = CRN(PRESETS["tiny"]).eval()
    with torch.no_grad():
        small.speech.bias.fill_(5.0)  # it takes everything for speech
    monkeypatch.setattr(_models, "load", lambda name: small)
    return small


@pytest.fixture
def hiss(tmp_path) -> str:
    x = 0.1 * np.random.default_rng(0).standard_normal(12_000)
    soundfile.write(tmp_path / "mine.wav", x, 16_000)
    return str(tmp_path / "mine.wav")


def figure(value: dict) -> dict:
    return json.loads(value["figure"])


def heard(track: dict) -> np.ndarray:
    return soundfile.read(io.BytesIO(base64.b64decode(track["wav"])))[0]


def test_a_voice_is_mixed_cleaned_and_measured() -> None:
    t = words()
    picture, frame, player, said, rated = cell.show(t, SENTENCE, 0, *cell.USUAL)
    assert [one["label"] for one in player] == [
        t(f"track_{name}") for name in ("clean", "mixture", "ours", "gated", "removed")
    ]
    clean, mixture, ours, _, removed = (heard(one) for one in player)
    noise = mixture - clean
    active = np.abs(clean) > 0.05 * np.abs(clean).max()
    ratio = 10 * math.log10(np.mean(clean[active] ** 2) / np.mean(noise**2))
    assert ratio == pytest.approx(cell.USUAL[1], abs=4)  # the voice while it speaks, by a cruder rule
    assert np.allclose(ours + removed, mixture, atol=1e-4)
    project = clean - clean.mean()
    centred = mixture - mixture.mean()
    scaled = project * (centred @ project) / (project @ project)
    db = 10 * math.log10((scaled @ scaled) / ((centred - scaled) @ (centred - scaled)))
    assert f"{db:.1f} dB" in said and "32 ms" in said and rated == ""
    assert [len(one["y"]) for one in figure(frame)["data"]] == [spectral.BINS] * 2
    rows = figure(picture)["data"]
    assert [np.array(one["z"]).shape for one in rows] == [(figures.ROWS, np.array(rows[0]["z"]).shape[1])] * 3
    assert len(json.dumps(picture)) < 200_000


def test_pooling_keeps_energy_where_it_is() -> None:
    powers = np.zeros((403, 257))
    powers[200:202, 64:68] = 1.0  # a spot in the middle, at 2 kHz
    found = figures.pooled(powers)
    assert found.shape == (figures.ROWS, figures.COLUMNS)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert row == 16 and column in (98, 99, 100)
    assert figures.pooled(np.ones((7, 257))).shape == (figures.ROWS, 7)


def test_the_ideal_mask_shares_energy() -> None:
    voice = torch.sin(2 * torch.pi * 1000 * torch.arange(8000) / 16_000)
    noise = torch.sin(2 * torch.pi * 3000 * torch.arange(8000) / 16_000)
    mask = cell.ideal_mask(voice, noise)[10]
    assert mask[32] > 0.99 and mask[96] < 0.01  # bins of 31.25 Hz
    assert cell.ideal_mask(voice, voice)[10, 32] == pytest.approx(math.sqrt(0.5), abs=1e-4)


def test_a_click_looks_at_another_frame(hiss: str) -> None:
    asked = (words(), hiss, 0, "rain", 5, 3)
    first, second = (cell.look(*asked, at_s=at)[1] for at in (0.1, 0.4))
    assert first != second and "0.10 s" in first["summary"] and "0.40 s" in second["summary"]
    far = cell.look(*asked, at_s=99.0)
    assert figure(far[0])["layout"]["shapes"][0]["x0"] <= 0.75


def test_what_was_brought_is_cleaned_as_it_is(hiss: str) -> None:
    t = words("ko")
    _, frame, player, said, _ = cell.show(t, hiss, 0, cell.NONE, 5, 0)
    assert [one["label"] for one in player] == [
        t(f"track_{name}") for name in ("brought", "ours", "gated", "removed")
    ]
    assert t("clean_unknown") in said and "SI-SDR" not in said and len(figure(frame)["data"]) == 1
    with pytest.raises(AudioError) as told:
        cell.opinions(t, hiss, 0, cell.NONE, 5, 0)
    assert "잡음을 고르세요" in translate(str(told.value), "ko")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_speech_is_said_to_be_none(network: CRN, hiss: str, language: str) -> None:
    with torch.no_grad():
        network.speech.bias.fill_(-20.0)
    said = cell.show(words(language), hiss, 0, *cell.USUAL)[3]
    missing = words(language)("voice_missing", share="0", least=f"{100 * LEAST_SHARE:.0f}")
    assert missing in said and "SI-SDR" not in said
    answer = cell.answer(strings("map", language).cell("field"), sound.load(hiss))
    assert not answer.fits and answer.sure == 0 and answer.text


def test_the_answer_says_how_much_noise_there_is(hiss: str) -> None:
    t = strings("map", "en").cell("field")
    found = cell.answer(t, sound.load(hiss))
    assert found.fits and found.sure == 1 and "voice" in found.text


@pytest.mark.parametrize(("value", "taken"), [
    (99, 20), (-50, -5), (4.5, 4.5), (None, 0), (math.nan, 0), (math.inf, 0), ("x", 0),
])  # fmt: skip
def test_a_ratio_out_of_range_is_taken_to_the_nearest(value, taken) -> None:
    assert _links.within(value, *cell.RATIOS_DB, 0) == taken


def test_controls_that_say_nonsense_still_give_a_result(hiss: str) -> None:
    assert cell.make(hiss, 0, "vuvuzela", 0, 0).voice is None
    bad, good = cell.make(hiss, None, "rain", 1e9, -3), cell.make(hiss, 0, "rain", 20, 0)
    assert torch.equal(bad.mixture, good.mixture)


def test_the_seed_moves_the_noise(hiss: str) -> None:
    one, same, other = (cell.make(hiss, 0, "rain", 0, seed).noise for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_every_noise_is_a_clip() -> None:
    assert sorted(cell.NOISES[1:]) == sorted(clips.names())
    for language in LANGUAGES:
        assert all(words(language)(f"noise_{name}") for name in cell.NOISES)


@pytest.mark.parametrize("bad", UNUSABLE)
def test_bad_sounds_are_refused(tmp_path, bad: str) -> None:
    path = unusable(tmp_path, bad)
    with pytest.raises(AudioError) as said:
        cell.show(words(), path, 0, *cell.USUAL)
    assert len(str(said.value)) > 20


def test_the_table_is_read_as_it_is_written(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(cell, "TABLE", tmp_path / "enhancement.json")
    assert cell.quality() == {"before": "–", "after": "–", "gain": "–"}
    assert cell.written(words()) == words()("not_measured") == cell.compared(words(), "PESQ")["summary"]
    better = {"PESQ": 2.5, "STOI": 0.95, "SI-SDR": 14.2}
    methods = {name: dict.fromkeys(("10", "-5", "mean"), METRICS) for name in cell.METHODS}
    methods["ours"] = dict.fromkeys(("10", "-5", "mean"), better)
    cell.TABLE.write_text(json.dumps({"methods": methods}), encoding="utf-8")
    assert cell.quality() == {"before": "2.00", "after": "2.50", "gain": "4.2"}
    assert cell.written(words()).count("\n") == 1 + len(cell.METHODS)
    for metric, value in (*better.items(), ("no such", 2.5)):
        drawn = cell.compared(words("ko"), metric)
        ours = next(one for one in figure(drawn)["data"] if one["name"] == words("ko")("method_ours"))
        assert ours["x"] == [-5, 10] and ours["y"] == [value, value] and str(value) in drawn["summary"]


def test_opinions_compare_with_the_clean_voice(monkeypatch, hiss: str) -> None:
    monkeypatch.setattr(speech_metrics, "pesq_wideband", lambda a, b: 1 + float((a - b).square().sum()))
    monkeypatch.setattr(speech_metrics, "stoi", lambda a, b: float(a.dot(b)))
    made = cell.make(hiss, 0, "rain", 0, 0)
    rows = cell.opinions(words(), hiss, 0, "rain", 0, 0).split("\n")
    assert f"| {1 + float(made.noise.square().sum()):.2f} | {float(made.voice.dot(made.mixture)):.2f} |" in rows[2]
    assert rows[4].endswith(f"| {float(made.voice.dot(made.found.audio)):.2f} |")


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_built_with_its_controls_in_the_url(language: str) -> None:
    t = strings("map", language)
    with gr.Blocks(), _links.building(_links.Page(language, tab="map")) as page:
        cell.build(t, sound.pick(t.cell("field")))
    names = ("enh-noise", "enh-snr", "enh-seed")
    assert tuple(page.controls[name].value for name in names) == cell.USUAL
