"""The command that measures WaveNets, where the packages that judge sounds are not installed."""

import math
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core import audio, recognition_metrics
from core.wavenet import measure
from core.wavenet.model import PRESETS, WaveNet

VOICE = Path(__file__).resolve().parents[2] / "assets/audio/kathleen_b0481.flac"
PACKAGES = {"speechmos": "DNSMOS (overall)", "pesq": "PESQ (wide-band)", "pystoi": "STOI"}


def words():
    """A second from the middle of a sentence."""
    return audio.load_voice(VOICE)[8_000:24_000]


class SaysTheSentence:
    """In place of `generate`: the recording through mu-law, so that every metric has something to judge."""

    def __call__(self, model, *, mel, samples, seed, temperature):
        return audio.mu_law_encode(words())[None]

    def best(self, model):
        return "none", "this one does not compute"


@pytest.fixture
def measured(tmp_path, monkeypatch, capsys):
    """Call it with the packages that are absent: it gives the numbers of the card and what was printed."""
    (tmp_path / "wavs").mkdir()
    (tmp_path / "wavs" / "arctic_b0481.wav").write_bytes(audio.wav_bytes(words(), 16_000))
    (tmp_path / "metadata.csv").write_text("arctic_b0481|text\n")
    monkeypatch.setattr(measure, "generate", SaysTheSentence())
    monkeypatch.setattr(measure, "usual_griffin_lim", lambda mel: audio.griffin_lim(mel, iterations=2))
    torch.manual_seed(0)
    model = WaveNet(replace(PRESETS["tiny"], mel_channels=80, condition_channels=16)).eval()

    def call(*absent):
        measure.say_once.cache_clear()
        recognition_metrics._judge.cache_clear()
        for name in absent:
            monkeypatch.setitem(sys.modules, name, None)  # importing it raises ImportError
            monkeypatch.setitem(sys.modules, f"{name}.dnsmos", None)
        found = measure.measure(model, tmp_path, limit=1, temperature=0.7)
        return found, capsys.readouterr().out

    yield call
    recognition_metrics._judge.cache_clear()


@pytest.mark.parametrize("absent", [["speechmos"], ["speechmos", "pesq", "pystoi"]])
def test_a_missing_package_costs_its_column_alone(measured, absent):
    found, printed = measured(*absent)
    metrics = {name.partition(",")[0] for name in found}
    for package, metric in PACKAGES.items():
        assert (metric in metrics) == (package not in absent)
        assert printed.count(f"The package {package} is not installed") == (package in absent)
    assert found["log-mel distance (dB), WaveNet"] > 0 and "gross pitch error, WaveNet" in found
    assert "nan" in printed and "tests/requirements.txt" in printed
    assert not any(math.isnan(value) for value in found.values())
    options = Namespace(weights="wavenet-vocoder", temperature=0.7, limit=1)
    assert len(measure.metric_rows(found, options)) == len(found)  # what a card would get


def test_with_all_packages_every_column_is_there(measured, monkeypatch):
    monkeypatch.setattr(recognition_metrics, "dnsmos", lambda x: recognition_metrics.DnsMos(3.0, 3.1, 3.2, 3.3))
    found, printed = measured()
    for metric in measure.METRICS:
        assert f"{metric}, WaveNet" in found
    assert "not installed" not in printed and found["DNSMOS (overall), WaveNet"] == 3.0
    assert found["PESQ (wide-band), WaveNet"] == pytest.approx(found["PESQ (wide-band), mu-law original"], abs=0.3)


def test_a_mean_is_over_what_is_known():
    assert measure.mean_of_known([1.0, math.nan, 3.0]) == 2.0
    assert math.isnan(measure.mean_of_known([math.nan, math.nan]))
