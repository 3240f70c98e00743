"""The VQ-VAE tab's handlers without a browser: a small random autoencoder in the place of the shipped ones."""

from __future__ import annotations

import base64
import json
import math
import re

import gradio as gr
import numpy as np
import pytest
import soundfile
import torch

from core import audio, weights
from core.errors import AudioError, LessonError, SamplingError
from core.vqvae import codebooks, examples, look
from core.vqvae.model import PRESETS, VQVAE
from core.vqvae.sample import Block, Coder
from demos import _widgets as w
from demos._jobs import translate
from demos._tab import LANGUAGES, strings
from demos._vqvae import codebook, coders, codes, convert, edit, prior, rates, strip

T = {name: strings("vqvae", "en").cell(name) for name in ("codes", "edit", "codebook", "convert", "prior")}
K = 16


class Griffin(Coder):
    """Griffin-Lim where the WaveNet would speak, in two blocks, the first one empty as the post-filter's may be."""

    def stream(self, codes, speaker=0, **options):
        x = audio.griffin_lim(self.frames(codes, speaker), iterations=2)
        yield Block(x[:0], 0.05)
        for half in (x[: len(x) // 2], x[len(x) // 2 :]):
            yield Block(half, len(half) / 16_000)


@pytest.fixture(autouse=True)
def coder(monkeypatch) -> Coder:
    torch.manual_seed(0)
    front = VQVAE(PRESETS["tiny"]).eval()
    with torch.no_grad():
        front.quantiser.codebook.normal_()
    small = Griffin("small", front, None)  # type: ignore[arg-type]
    monkeypatch.setattr(coders, "load", lambda name=coders.VQ: small)
    monkeypatch.setattr(coders, "SHOW_S", 0.0)
    coders._colours.cache_clear()
    edit.recordings.cache_clear()
    yield small
    coders._colours.cache_clear()
    edit.recordings.cache_clear()


@pytest.fixture
def voice(tmp_path) -> str:
    """0.6 s of a falling buzz of 125 Hz, as a file that a visitor might bring."""
    path = tmp_path / "mine.wav"
    soundfile.write(path, buzz(125.0, 0.6), 16_000)
    return str(path)


def buzz(hertz: float, seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * 16_000)) / 16_000
    return 0.1 * sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 20))


def bytes_of(track: dict) -> bytes:
    return base64.b64decode(track["wav"])


def test_a_voice_becomes_two_rows_of_codes_and_is_said_by_both(voice: str, coder: Coder) -> None:
    seen = list(codes.speak(T["codes"], voice))
    view = seen[0][0]
    wanted = coder.encode(audio.load_voice(voice)).tolist()
    assert [row["codes"] for row in view["rows"]] == [wanted, wanted]
    assert len(wanted) == math.ceil((1 + 9600 // 200) / 2)  # frames, two for a code
    bits = len(wanted) * math.log2(weights.card(coders.VQ)["config"]["codes"])
    assert f"{round(bits):,} bits" in view["facts"] and "153,600 bits" in view["facts"]  # 0.6 s of 16-bit samples
    live = [sound for _, sound, _ in seen if "blocks" in sound]
    assert live[-1]["state"] == "done" and len(live[-1]["blocks"]) >= 2
    assert seen[0][2][0]["label"] == T["codes"]("original")
    assert [track["label"] for track in seen[-1][2]] == [
        T["codes"](name) for name in ("original", "said_vq", "said_argmax", "quick_vq")
    ]


def test_what_was_said_until_the_stop_is_kept(voice: str) -> None:
    asked = iter([False, *[True] * 9])  # the first block is empty, the second is heard
    seen = list(codes.speak(T["codes"], voice, is_stopped=lambda: next(asked)))
    live = [sound for _, sound, _ in seen if "blocks" in sound]
    assert live[-1]["state"] == "stopped"
    assert len(seen[-1][2]) == 4 and seen[-1][2][1]["label"] == T["codes"]("said_vq")


def test_the_stored_sentence_is_shown_only_for_itself(voice: str) -> None:
    assert codes.at_sight(T["codes"], voice) == (gr.skip(), gr.skip())
    assert not coders.is_stored(voice) and coders.is_stored(str(w.sample_path(examples.SENTENCE)))


def test_peaks_and_colours_against_numpy() -> None:
    x = torch.linspace(-1, 0.5, 800)
    found = look.peaks(x, 4, per_code=2).numpy()
    wanted = np.abs(x.numpy()).reshape(8, 100).max(axis=1)
    assert np.array_equal(found, np.round(255 * wanted / wanted.max()).astype(np.uint8))
    frames = torch.full((3, 80), -10.0)
    frames[0, 70], frames[1, 5], frames[2, 40] = 0.0, 0.0, 2.0  # high, low, between and loud
    hue = look.colours(frames)[:, 0].tolist()
    assert hue == [300, 0, 150] and look.colours(frames)[2, 1] == 100
    row = strip.row("a", [3, 3, 5], 40.0, {3: [1, 2], 4: [9, 9]})
    assert row["colours"] == {"3": [1, 2], "5": [0, 0]} and "wave" not in row


def test_recordings_of_a_code_are_cut_where_it_stands(coder: Coder) -> None:
    x = torch.arange(12 * 400) / 16_000
    sequences = [torch.tensor([0, 1, 2, 3, 7, 5, 6, 0, 0, 0, 0, 7])]
    found, places = look.recorded(coder, [x], 7, sequences=sequences)
    hop = 400
    assert places == 2 and len(found) == 5 * hop + 3 * hop + 2 * 1920  # the second is the last code: none after it
    inside = found[hop : 4 * hop]  # the fades lie outside
    assert torch.equal(inside, x[2 * hop + hop : 2 * hop + 4 * hop])
    assert look.recorded(coder, [x], 9, sequences=sequences)[1] == 0


def cards(monkeypatch, values: dict[str, float]) -> None:
    """Cards in which STOI by WaveNet is measured of these weights."""
    rows = {name: {"STOI, WaveNet": value} for name, value in values.items()}
    monkeypatch.setattr(coders, "measured", lambda name: rows.get(name, {}))
    monkeypatch.setattr(coders, "grid", lambda: sorted((n for n in values if n.count("-") == 2), key=coders.nominal))


def test_bits_against_quality_and_the_point_that_was_clicked(monkeypatch) -> None:
    cards(monkeypatch, {"vqvae-32-20": 0.6, "vqvae-512-80": 0.8, "vqvae-speech": 0.9})
    value = rates.figure(T["codes"], "stoi", "vqvae-512-80")
    drawn = json.loads(value["figure"])["data"]
    assert drawn[0]["x"] == [20 * 5.0, 80 * 9.0] and drawn[0]["y"] == [0.6, 0.8]
    assert drawn[0]["marker"]["line"]["width"] == [0, 3]
    assert drawn[1]["x"] == [360.0] and drawn[2]["x"] == [256_000]
    assert "720 bit/s" in value["summary"] and "0.8" in value["summary"]
    assert rates.at("stoi", [0, 1]) == "vqvae-512-80" and rates.at("stoi", [1, 0]) == "vqvae-speech"
    for index in ([2, 0], [0, 7], [-1, 0], None, "x", [None, None]):
        assert rates.at("stoi", index) is None
    cards(monkeypatch, {"vqvae-speech": 0.9})
    assert rates.figure(T["codes"], "cer", "vqvae-512-80")["summary"] == T["codes"]("rates_unmeasured")


def test_those_heard_before_stay_beside_the_new_one(voice: str) -> None:
    heard, names = None, ["vqvae-32-80", "vqvae-128-40", "vqvae-32-80", "vqvae-512-20", "vqvae-512-80"]
    for name in names:
        *_, (tracks, heard) = rates.hear(T["codes"], voice, name, heard)
    assert [one["name"] for one in heard[1]] == ["vqvae-512-80", "vqvae-512-20", "vqvae-32-80"]
    assert len(tracks) == 1 + rates.KEPT and tracks[1]["label"] == rates.described(T["codes"], "vqvae-512-80")
    *_, (tracks, heard) = rates.hear(T["codes"], str(w.sample_path("b0481")), "vqvae-32-20", heard)
    assert len(tracks) == 2  # another voice begins anew


def begun(voice: str) -> edit.Edited:
    return edit.take(T["edit"], voice)[2]


def test_edits_follow_one_another_and_are_undone(voice: str) -> None:
    state = begun(voice)
    first = list(state.history[0])
    one, other = sorted(set(first))[:2]
    for code in (one, other):
        state = edit.single(T["edit"], state, {"code": code})[2]
    view, tracks, state = edit.change(T["edit"], "swap", state, 8, 1, 2)
    swap = {one: other, other: one}
    assert view["rows"][0]["codes"] == [swap.get(code, code) for code in first]
    assert view["rows"][1]["codes"] == first and len(tracks) == 2
    view, _, state = edit.change(T["edit"], "stretch", state, 8, 1, 2)
    assert view["rows"][0]["codes"] == [swap.get(code, code) for code in first for _ in range(2)]
    view, _, state = edit.change(T["edit"], "shuffle", state, 4, 1, 2)
    assert sorted(view["rows"][0]["codes"]) == sorted(2 * [swap.get(code, code) for code in first])
    assert len(state.steps) == 3 and str(one) in view["facts"]
    for _ in range(3):
        view, _, state = edit.undo(T["edit"], state)
    assert [row["codes"] for row in view["rows"]] == [first] and state.steps == ()
    with pytest.raises(SamplingError, match="nothing to undo"):
        edit.undo(T["edit"], state)


def test_edits_that_cannot_be_are_refused_in_words(voice: str, monkeypatch) -> None:
    monkeypatch.setattr(edit, "MOST", 150)
    state = begun(voice)
    with pytest.raises(SamplingError, match="two different codes"):
        edit.change(T["edit"], "swap", state, 8, 1, 2)
    with pytest.raises(SamplingError, match="no codes yet"):
        edit.change(T["edit"], "shuffle", None, 8, 1, 2)
    with pytest.raises(SamplingError, match="too long"):
        for _ in range(8):
            state = edit.change(T["edit"], "stretch", state, 8, 1, 4)[2]
    view, _, state = edit.change(T["edit"], "stretch", begun(voice), None, float("nan"), -3)  # as far as it goes
    assert len(view["rows"][0]["codes"]) == round(len(state.history[0]) * edit.FACTOR[0])


def test_a_code_is_heard_alone_and_drawn_over_hertz(voice: str, coder: Coder) -> None:
    tracks, figure, state = edit.single(T["edit"], begun(voice), {"row": 0, "place": 3, "code": 5})
    assert state.picked == (5,) and bytes_of(tracks[0])[:4] == b"RIFF"
    drawn = json.loads(figure["figure"])["data"][0]
    assert np.allclose(drawn["y"], coder.typical()[5].numpy() * 20 / np.log(10), rtol=1e-4)
    *_, (_, tracks) = edit.speak(T["edit"], state)
    assert len(tracks) == 2
    with pytest.raises(SamplingError, match="no codes yet"):
        list(edit.speak(T["edit"], None))


def snapshots(counts: np.ndarray, plane: bool = True) -> codebooks.Snapshots:
    moments, size = counts.shape
    points = (5, size) if plane else (0, 0)
    outputs, book = (np.ones((moments, n, 2), np.float16) * 2 for n in points)
    return codebooks.Snapshots(np.arange(moments) * 10, counts, np.linspace(9, 5, moments), outputs, book)


def test_codes_live_and_die_in_the_figures(monkeypatch) -> None:
    counts = np.array([[4, 4, 4, 4], [16, 0, 0, 0], [8, 8, 0, 0]])
    kept = {name: snapshots(counts, plane="arg" not in name and name != "rank") for name in codebook.RUNS}
    monkeypatch.setattr(codebook, "_snapshots", lambda: kept)
    drawn = {metric: codebook.lines(T["codebook"], metric)["figure"] for metric in codebook.METRICS}
    curves = {metric: json.loads(figure)["data"] for metric, figure in drawn.items()}
    assert curves["dead"][0]["y"] == [0, 3, 2] and curves["perplexity"][4]["y"] == pytest.approx([4, 1, 2])
    assert codebook.ends(T["codebook"]).count("| 2 | 2 | 5.00 |") == len(codebook.RUNS)
    for run, traces in (("loss", 4), ("argmax", 1)):
        value = codebook.played(T["codebook"], run)
        figure = json.loads(value["figure"])
        assert [frame["name"] for frame in figure["frames"]] == ["0", "10", "20"]
        assert len(figure["data"]) == traces and figure["data"][0]["customdata"] == [8, 8, 0, 0]
        assert "2 of 4 codes" in value["summary"]
        assert len(figure["layout"]["sliders"][0]["steps"]) == 3
    by_name = {trace["name"]: trace for trace in json.loads(codebook.played(T["codebook"], "ema")["figure"])["data"]}
    assert len(by_name[T["codebook"]("codes_dead")]["x"]) == 2 and len(by_name[T["codebook"]("codes_used")]["x"]) == 2
    assert codebook.top_share(np.array([70] + 19 * [1] + [11]), 0.1) == "81"  # two of 21 codes: 81 of 100 uses


def test_another_speaker_is_judged_by_pitch_and_spectrum(voice: str) -> None:
    seen = list(convert.speak(T["convert"], voice, "MC"))
    who, x, said = seen[-1][2]
    assert who == "MC" and torch.equal(x, audio.load_voice(voice)) and len(seen[-1][1]) == 2
    note, figure = convert.judged(T["convert"], ("MC", x, torch.from_numpy(buzz(200.0, 0.6)).float()))
    pitches = [int(hertz) for hertz in re.findall(r"\| (\d+) Hz \|", note)]
    assert pitches == [pytest.approx(125, abs=3), pytest.approx(200, abs=3)]
    assert note.count("**") == 2 * 2 and figure["summary"] == T["convert"]("spectra_said")
    noise = 0.1 * torch.randn(8000, generator=torch.Generator().manual_seed(0))
    unvoiced = convert.judged(T["convert"], ("MC", noise, torch.zeros(8000) + 1e-5 * noise))
    assert unvoiced[0] == T["convert"]("unvoiced") or "Hz" in unvoiced[0]
    assert convert.source_of(voice) is None and convert.source_of(convert.the_man()) == "md"


def test_how_far_a_prior_hears_is_the_sum_of_its_dilations() -> None:
    found = prior.reaches()
    config = weights.card("vqvae-prior")["config"]
    assert config["kernel_size"] == 2  # two taps at the input, and one more in every layer
    steps = 2 + sum(2 ** (layer % config["layers_per_cycle"]) for layer in range(config["layers"]))
    assert found["prior"] == pytest.approx(steps / 40)
    assert found["wavenet"] < 0.2 < found["prior"] < found["second"]


def test_drawn_codes_are_shown_and_spoken(monkeypatch, coder: Coder) -> None:
    drawn = torch.arange(40) % K
    monkeypatch.setattr(examples, "draw_codes", lambda kind, count, **options: (drawn, coders.VQ))
    seen = list(prior.draw(T["prior"], "prior", 1, 7, 0.9, []))
    assert seen[0][0]["rows"][0]["codes"] == drawn.tolist()
    assert [track["label"] for track in seen[-1][3]] == [prior.label(T["prior"], "prior", 7, 0.9)]
    again = list(prior.draw(T["prior"], "prior", "x", None, float("nan"), 5 * seen[-1][3]))  # nearest that could be
    assert len(again[-1][3]) == prior.KEPT


BAD = {
    "empty.wav": lambda path: path.write_bytes(b""),
    "text.wav": lambda path: path.write_text("not a sound at all\n" * 50),
    "silent.wav": lambda path: soundfile.write(path, np.zeros(16_000), 16_000),
    "nan.wav": lambda path: soundfile.write(path, np.full(16_000, np.nan, np.float32), 16_000, subtype="FLOAT"),
    "long.wav": lambda path: soundfile.write(path, np.zeros(8000 * 3600, np.int16), 8000),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_sounds_are_refused_in_both_languages(tmp_path, name: str) -> None:
    path = tmp_path / name
    BAD[name](path)
    for job in (
        lambda: list(codes.speak(T["codes"], str(path))), lambda: codes.look(T["codes"], str(path)),
        lambda: edit.take(T["edit"], str(path)), lambda: list(convert.speak(T["convert"], str(path), "FA")),
        lambda: list(rates.hear(T["codes"], str(path), "vqvae-32-80", None)),
    ):  # fmt: skip
        with pytest.raises(LessonError) as refused:
            job()
        assert isinstance(refused.value, AudioError)
        assert re.search("[가-힣]", translate(str(refused.value), "ko"))


def test_eight_channels_are_one_voice(tmp_path) -> None:
    path = tmp_path / "eight.wav"
    soundfile.write(path, np.stack([buzz(150.0, 0.5)] * 8, axis=1), 16_000)
    assert edit.take(T["edit"], str(path))[0]["rows"][0]["codes"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_say_what_was_measured_or_that_nothing_was(monkeypatch, language: str) -> None:
    at = {name: strings("vqvae", language).cell(name) for name in ("codes", "convert", "prior")}
    monkeypatch.setattr(coders, "measured", lambda name: {})
    assert codes.measured_table(at["codes"]) == at["codes"]("unmeasured")
    assert convert.table(at["convert"]) == at["convert"]("unmeasured")
    rows = {
        "STOI, WaveNet": 0.871, "character error of a recogniser, WaveNet": 0.305,
        "character error of a recogniser, recordings": 0.052, "median F0 (Hz), said by MC, who has 125": 131.0,
        "mean spectrum's distance (dB), said by MC, to MC": 3.21,
        "mean spectrum's distance (dB), said by MC, to kathleen": 6.54,
    }  # fmt: skip
    monkeypatch.setattr(coders, "measured", lambda name: rows if name == coders.VQ else {})
    table = codes.measured_table(at["codes"])
    assert "| 0.87 | 30 % |" in table and "| 5 % |" in table and "256,000" in table
    assert "| 131 Hz | 125 Hz | 3.2 dB | 6.5 dB | – |" in convert.table(at["convert"])
