"""The shipped voice on pinned sentences: what its cards say holds, and it is understood.

The features of three held-out prompts come from the front end; what is judged needs no recording of the corpus.
"""

from __future__ import annotations

import shutil
import time

import numpy as np
import pytest
import torch

from core import recognition_metrics, weights
from core.parametric import measure, sample
from core.parametric.vocoder import CEPSTRA

pytestmark = pytest.mark.golden
pytest.importorskip("pyworld")
NAMES = ("parametric-duration", "parametric-acoustic")
SENTENCES = (  # arctic_b0481, b0490 and b0489: held out, and said by no model in training
    "The task we set ourselves was threefold.",
    "What an excited whispering and conferring took place.",
    "He was a merry monarch, especially so for an Asiatic.",
)


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_small_and_quickly_there(name: str) -> None:
    started = time.process_time()
    weights.load(name)
    assert time.process_time() - started < 5
    assert (weights.FOLDER / name / "model.safetensors").stat().st_size < 3_000_000
    assert {row["name"] for row in weights.card(name)["metrics"]}


def test_durations_are_those_of_reading_aloud() -> None:
    found = sample.synthesize(SENTENCES[1])
    vowels = [s for c, s in zip(found.contexts, found.expected_s) if c.place == "nucleus"]
    stops = [s for c, s in zip(found.contexts, found.expected_s) if c.c in ("T", "K", "P", "D", "G", "B")]
    assert 0.05 < np.mean(vowels) < 0.15 and np.mean(stops) < np.mean(vowels)
    syllables = len(vowels)
    assert 3 < syllables / found.seconds < 7


def test_the_voice_is_hers_and_its_variance_that_of_speech() -> None:
    found = sample.synthesize(SENTENCES[2])
    f0 = found.spoken.f0_hz[found.spoken.voiced]
    assert 150 < np.median(f0) < 230 and 0.4 < found.spoken.voiced.mean() < 0.95
    speech = ~np.repeat([c.is_pause for c in found.contexts], found.durations)
    smooth, sharp = (x[speech, 1:CEPSTRA].var(axis=0).sum() for x in (found.smooth, found.sharpened))
    assert sharp > 1.2 * smooth, "over-smoothing is what global variance mends"


def test_it_is_understood() -> None:
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("jiwer")
    torch.set_num_threads(1)
    heard = [recognition_metrics.recognise(sample.synthesize(text).audio) for text in SENTENCES]
    wanted = [recognition_metrics.as_read(text) for text in SENTENCES]
    assert recognition_metrics.corpus_character_error(wanted, heard) < 0.35


def test_it_speaks_faster_than_ten_times_real_time() -> None:
    sample.synthesize(SENTENCES[0])
    started = time.process_time()
    found = sample.synthesize(SENTENCES[2])
    assert time.process_time() - started < 0.1 * found.seconds * 3, "three times slack for a busy machine"


def test_a_part_measured_anew_replaces_its_rows_in_the_card_and_nothing_else(tmp_path, monkeypatch):
    name = "parametric-duration"
    before = weights.card(name)
    shutil.copytree(weights.FOLDER / name, tmp_path / name)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    found = [
        measure.Metric("duration RMSE (ms)", 1.0, "here", "acoustics"), measure.Metric("F0", 2.0, "here", "acoustics"),
    ]  # fmt: skip
    measure.renew(weights.load(name), "duration", found)
    after = weights.card(name)
    others = [row for row in before["metrics"] if not row["command"].endswith("acoustics")]
    assert after["metrics"][0]["value"] == 1.0 and after["metrics"][1:] == others
    assert {k: v for k, v in after.items() if k != "metrics"} == {k: v for k, v in before.items() if k != "metrics"}
