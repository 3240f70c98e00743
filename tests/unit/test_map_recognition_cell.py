"""The map's cell `recognition`: its handlers without a browser, with a small network in place of a trained one."""

from __future__ import annotations

import itertools
import json
import math

import gradio as gr
import numpy as np
import pytest
import soundfile
import torch
from sounds import UNUSABLE, unusable

from core.errors import AudioError, TextError
from core.recognition import sample
from core.recognition.beam import Prefix
from core.recognition.language import CharacterModel
from core.recognition.model import ALPHABET, PRESETS, Recogniser, encode_text
from demos import _links, _models
from demos import _widgets as w
from demos._map import recognition as cell
from demos._map import recognition_align as align
from demos._map import recognition_figures as figures
from demos._map import recognition_heard as hear
from demos._map import sound
from demos._tab import LANGUAGES, strings

SENTENCE = str(sound.EXAMPLES[sound.FIRST])
SAID = "the task we set ourselves was threefold"


def words(language: str = "en"):
    return strings("map", language).cell(cell.CELL)


@pytest.fixture(autouse=True)
def network(monkeypatch) -> Recogniser:
    torch.manual_seed(0)
    small = Recogniser(PRESETS["tiny"]).eval()
    with torch.no_grad():
        small.output.weight.mul_(12)  # sure enough that it writes letters
    small.language_model = CharacterModel.learn([(SAID, 1.0), ("one two three", 1.0)], order=3)
    monkeypatch.setattr(_models, "load", lambda name: small)
    hear.forget()
    yield small
    hear.forget()


@pytest.fixture
def hiss(tmp_path) -> str:
    """1.5 s that a visitor might bring."""
    x = 0.1 * np.random.default_rng(0).standard_normal(24_000)
    soundfile.write(tmp_path / "mine.wav", x, 16_000)
    return str(tmp_path / "mine.wav")


def figure(value: dict) -> dict:
    return json.loads(value["figure"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_shows_what_it_hears(language: str) -> None:
    found = cell.show(words(language), SENTENCE, 0, *cell.USUAL)
    picture, heard, five, rows, tree, kept, lattice, aligned, pieces = found
    steps = hear.outputs_of(SENTENCE, 0)
    drawn = figure(picture)["data"][1]
    assert np.allclose(np.array(drawn["z"]).T / 100, np.exp(steps), atol=0.006) and len(drawn["y"]) == len(ALPHABET)
    assert w.SAMPLES["b0481"] in heard and SAID in aligned and len(pieces) == 1
    bars = figure(five)["data"][0]
    assert bars["y"] == sorted(bars["y"], reverse=True) and len(bars["y"]) == 5
    assert kept.count("\n| ") >= 3 and all(len(json.dumps(one)) < 200_000 for one in found[:7])
    assert len(figure(rows)["data"][0]["x"]) == len(steps) and figure(tree)["data"] and figure(lattice)["data"]


def test_cells_are_the_map_that_ctc_defines() -> None:
    """The three rows against a plain reading of section 3.1: merge what repeats, then drop blanks."""
    path = [0, 5, 5, 0, 5, 3, 3, 0]
    drawn = figures.strip(path, np.full((8, 29), 0.5), ALPHABET, step=4, words=dict.fromkeys(
        ("path", "merged", "text", "step"), "x")).to_plotly_json()  # fmt: skip
    rows = [[ALPHABET[symbol] for symbol in path]]
    rows.append([symbol for symbol, _ in itertools.groupby(rows[0])])
    rows.append([symbol for symbol in rows[1] if symbol != "␣"])
    for trace, wanted in zip(drawn["data"], rows):
        assert list(trace["text"]) == [figures.shown(symbol) for symbol in wanted]
    assert list(drawn["data"][2]["x"]) == [1, 4, 5]  # each letter where it begins


def test_the_tree_follows_a_text_back() -> None:
    def prefix(text: str, before: str, p: float) -> Prefix:
        return Prefix(text, -math.inf, p, p, before)

    columns = [[prefix("", "", -1), prefix("a", "", -2)], [prefix("ab", "a", -1), prefix("b", "", -2)],
               [prefix("b", "b", -1), prefix("ab", "ab", -2)]]  # fmt: skip
    assert figures.lineage(columns) == {(2, 1), (1, 2), (0, 1)}  # b, b, and the empty text it came from
    assert figures.tail("one two three", 6, "-") == "…three" and figures.tail("", 6, "-") == "-"
    assert figures.tail("a b", 6, "-") == "a␣b"


def test_shares_and_places() -> None:
    assert np.allclose(cell.shares([math.log(0.2), math.log(0.6)]), [0.25, 0.75])
    for count in (2, 7, 99, 401):
        assert [hear.step_at(hear.percent_of(step, count), count) for step in range(count)] == list(range(count))
    assert hear.percent_of(-4, 99) == 0 and hear.percent_of(400, 99) == 100 and hear.percent_of(0, 1) == 0


@pytest.mark.parametrize(("asked", "taken"), [
    ((1e9, 99, 7.0), (100, 32, 2)), ((-5, 0, -1), (0, 1, 0)), ((math.nan, None, "x"), cell.USUAL[:3]),
])  # fmt: skip
def test_controls_out_of_range_are_taken_to_the_nearest(hiss: str, asked, taken) -> None:
    assert cell.decoded(words(), hiss, None, *asked) == cell.decoded(words(), hiss, 0, *taken)
    assert align.aligned(words(), hiss, 0, "one", "no such") == align.aligned(words(), hiss, 0, "one", "both")


def test_the_page_searches_as_the_recogniser_does(network: Recogniser) -> None:
    assert (hear.WIDTH, hear.WEIGHT) == (sample.BEAM, sample.WEIGHT)
    found = sample.recognise(network, sound.load(SENTENCE), language_model=network.language_model)
    assert hear.text_of(SENTENCE, 0) == found.text


def test_weight_zero_is_the_sound_alone(hiss: str) -> None:
    found = hear.searched(hiss, 0, 8, 0)
    assert all(one.score == pytest.approx(one.log_probability) for one in found.steps[-1])
    assert any(one.score != pytest.approx(one.log_probability) for one in hear.searched(hiss, 0, 8, 1).steps[-1])


def test_a_text_of_ones_own_is_aligned(hiss: str) -> None:
    for heat in align.HEATS:
        drawn, note, _ = align.aligned(words(), hiss, 0, "It's 2 cats!", heat)
        assert "“it's two cats”" in note
        z = np.array(figure(drawn)["data"][0]["z"])
        assert z.shape == (2 * len("it's two cats") + 1, 61) and np.allclose(z.sum(axis=0), 100, atol=15)
    note, tracks = align.piece(words(), hiss, 0, "It's 2 cats!", 0.0)
    assert [one["label"] for one in tracks][:2] == ["“i”", "“it's”"] and "“it's”" in note
    last = align.piece(words(), hiss, 0, "It's 2 cats!", 9.0)[0]
    assert last == align.piece(words(), hiss, 0, "It's 2 cats!", 0.0, curve=2, place=10)[0]  # a click on a letter
    assert "“cats”" in last


@pytest.mark.parametrize(("text", "said"), [
    ("안녕하세요", "영어"), ("???", "영어"), ("such a long text " * 12, "단계"),
])  # fmt: skip
def test_a_text_that_cannot_be_aligned_is_said_to_be_so_in_ones_language(hiss: str, text: str, said: str) -> None:
    drawn, note, tracks = align.aligned(words("ko"), hiss, 0, text, "both")
    assert said in note and not figure(drawn)["data"] and len(tracks) == 1
    with pytest.raises(TextError):
        align.piece(words(), hiss, 0, text, 0.0)


def test_what_is_no_speech_is_said_to_be_none(network: Recogniser, hiss: str) -> None:
    with torch.no_grad():
        network.output.weight.mul_(0)
        network.output.bias[0] = 9.0  # nothing but blanks
    found = cell.show(words(), hiss, 0, *cell.USUAL)
    assert "no speech" in found[1] and "nothing" in found[0]["summary"] and not figure(found[6])["data"]
    said = cell.answer(strings("map", "ko").cell("field"), sound.load(hiss))
    assert not said.fits and said.sure == 0 and said.text
    with torch.no_grad():
        network.calibration[-1] = -50.0  # letters, and no confidence in them
        network.output.bias[0] = -9.0
    hear.forget()
    assert "not to be trusted" in cell.show(words(), hiss, 0, *cell.USUAL)[1]


def test_the_answer_quotes_the_text() -> None:
    found = cell.answer(strings("map", "en").cell("field"), sound.load(SENTENCE))
    assert found.text.startswith("“") and 0 <= found.sure <= 1


@pytest.mark.parametrize("bad", UNUSABLE)
def test_bad_sounds_are_refused(tmp_path, bad: str) -> None:
    path = unusable(tmp_path, bad)
    asked = path
    for ask in (lambda: cell.show(words(), asked, 0, *cell.USUAL), lambda: hear.searched(asked, 0, 16, 0.5),
                lambda: align.aligned(words(), asked, 0, "", "both")):  # fmt: skip
        with pytest.raises(AudioError) as said:
            ask()
        assert len(str(said.value)) > 20


def test_truths_are_those_of_the_bundled_sounds(tmp_path) -> None:
    for key in ("sentence", "man", "digits"):
        assert encode_text(align.letters_of(hear.truth(str(sound.EXAMPLES[key]))))
    assert hear.truth(str(tmp_path / "mine.wav")) == hear.truth(None) == ""


def test_the_table_is_read_as_it_is_written(monkeypatch, tmp_path) -> None:
    table = {
        "digits": {"20 single digits of unseen men (a)": {"word error (%), network, greedy": 12.34},
                   "9 strings of 4 digits of unseen men (a)": {"word error (%), network, digits only": 5.0}},
        "sentences": {"60 held-out sentences": {"word error (%), network, beam and letters": 40.6,
                                                "word error (%), pocketsphinx": 21.4}},
        "confidence": {"x": {"speech told from other sounds (%), mean of both shares": 91.2}},
    }  # fmt: skip
    monkeypatch.setattr(cell, "TABLE", tmp_path / "recognition.json")
    assert cell.quality() == {"digits": "–", "sentences": "–", "peer": "–"}
    assert cell.measured(words()) == words()("not_measured")
    cell.TABLE.write_text(json.dumps(table), encoding="utf-8")
    assert cell.quality() == {"digits": "5", "sentences": "41", "peer": "21"}
    lines = cell.measured(words()).split("\n")
    assert "| 20 single digits" in lines[2] and lines[2].endswith("| 12 | – | – | – |")
    assert lines[4].endswith("| – | 41 | 21 | – |") and "91 %" in lines[-1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_built_with_its_controls_in_the_url(language: str) -> None:
    t = strings("map", language)
    with gr.Blocks(), _links.building(_links.Page(language, tab="map")) as page:
        cell.build(t, sound.pick(t.cell("field")))
    names = ("rec-step", "rec-beam", "rec-lm", "rec-text", "rec-heat")
    assert tuple(page.controls[name].value for name in names) == cell.USUAL
