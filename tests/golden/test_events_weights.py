"""The shipped event network on sounds that it has not learned from, and its card."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch

from core import audio, held_out, weights
from core.events import examples, measure
from core.events.model import NONE, URBAN
from core.events.sample import SILENT, identify

NAME = measure.NAME
pytestmark = [
    pytest.mark.golden, pytest.mark.skipif(NAME not in weights.names(), reason="the weights are not here yet")
]  # fmt: skip


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return weights.load(NAME)


def stored(key: str) -> torch.Tensor:
    x, rate = audio.read(examples.FOLDER / f"heard-{key}.ogg")
    return audio.resample(x.mean(dim=0), rate, audio.SAMPLE_RATE_HZ)


@pytest.mark.parametrize("key, name, sure", [
    ("dog", "dog_bark", 0.3), ("dog-one", "dog_bark", 0.9), ("siren", "siren", 0.8), ("horn", "car_horn", 0.4),
])  # fmt: skip
def test_what_everybody_hears_is_found(model, key, name, sure):
    """Two dogs of another set; a siren and a horn that are formulas."""
    found = identify(model, stored(key))
    assert found.top5[0][0] == name and found.top5[0][1] > sure
    torch.testing.assert_close(found.cam.sum(dim=(1, 2)), found.logits, atol=1e-3, rtol=1e-3)


def test_a_street_is_named_second_by_second(model):
    """A dog, then the siren, then the horn."""
    found = identify(model, stored("street"))
    named = [found.classes[int(row.argmax())] for row in found.per_second]
    assert named[0] == "dog_bark" and named[3:6] == ["siren"] * 3 and named[-1] == "car_horn"


def test_speech_is_none_of_the_ten(model):
    """Sentences that were held out."""
    prompts = list(held_out.sentences())[:12]
    verdicts = [identify(model, held_out.load(prompt)).verdict for prompt in prompts]
    assert verdicts.count(NONE) >= 9
    assert identify(model, torch.zeros(20_000)).verdict == SILENT


def test_the_card_holds_what_was_measured_fold_by_fold():
    found = {(one["name"], one["split"]): one["value"] for one in weights.card(NAME)["metrics"]}
    assert found["accuracy (%)", "fold 10, 837 clips"] >= 60
    assert found["seconds for 10 s of sound, 1 thread", "processor time"] < 1
    crossed = [value for (name, _), value in found.items() if name.startswith("accuracy after fold")]
    assert crossed and min(crossed) > 45
    table = json.loads(measure.TABLE.read_text())
    matrix = np.array(table["test"]["confusion"])
    assert table["classes"] == list(URBAN) and matrix.shape == (10, 10) and matrix.sum() == 837
    assert 100 * matrix.trace() / matrix.sum() == pytest.approx(table["test"]["accuracy"], abs=0.01)
    assert found["accuracy (%)", "fold 10, 837 clips"] == pytest.approx(table["test"]["accuracy"], abs=0.01)


def test_the_file_is_small():
    assert (weights.FOLDER / NAME / "model.safetensors").stat().st_size < 600_000


def test_ten_seconds_take_less_than_one(model):
    x = stored("street")
    identify(model, x)
    started = time.process_time()
    found = identify(model, x)
    assert time.process_time() - started < 1 and found.per_second.shape == (9, 10)
