"""The versions of a voice have one length, and their scores are those of the metrics; figures keep their numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core import audio, speech_metrics
from core.wavenet import resynthesis, speech_figures


@pytest.fixture(scope="module")
def voice() -> torch.Tensor:
    time = torch.arange(24_100) / 16_000
    buzz = sum(torch.sin(2 * math.pi * 180 * k * time) / k for k in range(1, 20))
    return audio.level_to(buzz * (0.55 + 0.45 * torch.sin(2 * math.pi * 4 * time)))


def test_references_have_the_length_of_the_voice_and_are_what_they_are_called(voice):
    made = resynthesis.references(voice, audio.mel(voice), iterations=4)
    assert {name: x.shape for name, x in made.items()} == dict.fromkeys(
        ("original", "mu_law", "griffin_lim"), voice.shape
    )
    # mu-law 8 bit: the error of a sample is at most half a step, which grows with |x|
    error = (made["mu_law"] - voice).abs()
    assert bool((error <= (voice.abs() + 1 / 255) * math.log(256) / 255 * 1.05).all())
    assert speech_metrics.log_mel_distance_db(voice, made["griffin_lim"]) < 12
    assert float((made["griffin_lim"][:24_000] - voice[:24_000]).abs().max()) > 0.05  # another waveform


def test_fit_cuts_and_pads():
    x = torch.arange(5.0)
    assert resynthesis.fit(x, 3).tolist() == [0, 1, 2]
    assert resynthesis.fit(x, 7).tolist() == [0, 1, 2, 3, 4, 0, 0]


def test_scores_are_those_of_the_metrics(voice, monkeypatch):
    monkeypatch.setitem(resynthesis.METRICS, "pesq", lambda x, y: 1.23456)

    def absent(x, y):
        raise speech_metrics.PackageError("pystoi is not installed")

    monkeypatch.setitem(resynthesis.METRICS, "stoi", absent)
    mel = audio.mel(voice)
    (row,) = resynthesis.scores(voice, {"original": voice, "half": voice / 2}, mel)
    assert row["name"] == "half" and row["pesq"] == 1.235 and row["stoi"] is None
    assert row["snr_db"] == pytest.approx(20 * math.log10(2), abs=0.06)
    # 6.02 dB in every band that is far above the floor; less where the floor is reached
    floor = np.maximum(np.exp(mel.numpy()) / 2, 1e-5)
    expected = math.sqrt(np.mean((20 * np.log10(np.exp(mel.numpy()) / floor)) ** 2))
    assert row["log_mel_db"] == pytest.approx(expected, abs=0.01)
    assert row["given_mel_db"] == row["log_mel_db"]


def test_code_amplitudes_are_those_of_the_decoder():
    assert np.allclose(speech_figures.code_amplitudes(), audio.mu_law_decode(torch.arange(256)).numpy(), atol=1e-6)


def test_the_softmax_figure_holds_the_probabilities_and_marks_the_draw():
    p = np.random.default_rng(0).dirichlet(np.ones(256))
    words = {"x": "code", "y": "probability", "drawn": "{code} was drawn"}
    bars, mark = speech_figures.softmax(p, drawn=17, words=words).data
    assert np.allclose(bars.y, p, rtol=1e-4)
    assert list(mark.x) == [17] and mark.y[0] == pytest.approx(p[17], rel=1e-4)
    figure = speech_figures.softmax(p, drawn=17, words=words)
    assert [note.text for note in figure.layout.annotations] == ["17 was drawn"]


def test_mels_are_drawn_in_decibels_at_their_time():
    mel = np.log(np.full((80, 1000), 0.1))
    mel[3, 6] = 0.0
    figure = speech_figures.mel_stack({"a": mel, "b": mel}, words={"time": "s", "band": "band"})
    first = figure.data[0]
    z = np.array(first.z)
    assert z.shape[1] <= speech_figures.MAX_COLUMNS
    assert z.min() == -20 and z[3, 2] == 0  # every third frame is drawn, frame 6 among them
    assert first.dx == pytest.approx(3 * 0.0125)
    assert len(figure.data) == 2 and [title.text for title in figure.layout.annotations] == ["a", "b"]


def test_what_a_mel_lacks_is_drawn_in_decibels_with_its_sign():
    wanted = np.log(np.full((80, 100), 0.1))
    mel = wanted.copy()
    mel[5] = np.log(1.0)  # ten times too loud
    trace = speech_figures.mel_lacking(wanted, {"a": mel}, words={"time": "s", "band": "band"}).data[0]
    z = np.array(trace.z)
    assert set(z[5]) == {-20} and z.max() == 0 and trace.zmin == -trace.zmax
