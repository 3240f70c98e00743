"""Figures of what flows inside, and of the race: what they draw is what they were given."""

from __future__ import annotations

import numpy as np
import pytest

from core.wavenet import inside_figures, race, race_figures
from core.wavenet.inside import gate

WINDOW, LAYERS, GATE = 40, 3, 8
WORDS = dict.fromkeys(
    ["time", "channel", "code", "layer", "probability", "size", "tanh", "sigmoid", "product", "stream", "update",
     "heard", "mel", "added", "norm"], "x"
)  # fmt: skip


@pytest.fixture(scope="module")
def look():
    random = np.random.default_rng(0)
    probabilities = random.random((WINDOW, 256))
    return {
        "codes": random.integers(0, 256, WINDOW), "embedded": random.normal(size=(WINDOW, 4)),
        "pre": random.normal(size=(LAYERS, WINDOW, GATE)), "stream_rms": np.array([1.0, 2.0, 3.0]),
        "update_rms": np.array([0.5, 0.25, 0.0]), "skip_norm": random.random((LAYERS, WINDOW)),
        "skip_sum": np.maximum(random.normal(size=(WINDOW, 5)), 0),
        "hidden": np.maximum(random.normal(size=(WINDOW, 6)), 0),
        "probabilities": probabilities / probabilities.sum(axis=1, keepdims=True),
        "mel": random.normal(size=(80, 30)), "condition": random.normal(size=(LAYERS, 2, GATE)),
        "start": 1600, "window": WINDOW,
    }  # fmt: skip


@pytest.mark.parametrize("block", inside_figures.FIGURES)
def test_every_block_has_a_figure_and_numbers(look, block):
    figure = inside_figures.draw(block, look, 1, 7, WORDS)
    assert figure.data and figure.to_json()
    numbers = inside_figures.numbers(block, look, 1, 7)
    assert numbers and all(np.isfinite(value) for value in numbers.values())


def test_gate_heatmaps_hold_the_three_parts(look):
    figure = inside_figures.draw("gate", look, 2, 0, WORDS)
    for trace, values in zip(figure.data, gate(look, 2)):
        np.testing.assert_allclose(np.array(trace.z), values.T, atol=0.0051)
    assert figure.data[0].x[0] == 100.0 and figure.data[0].x[1] == pytest.approx(100.0625, abs=1e-3)  # ms at 16 kHz


def test_gate_is_equation_2():
    pre = np.array([[[0.5, -2.0, 0.25, 3.0]]])
    tanh, sigmoid, product = gate({"pre": pre}, 0)
    wanted = [np.tanh(0.5) / (1 + np.exp(-0.25)), np.tanh(-2.0) / (1 + np.exp(-3.0))]
    np.testing.assert_allclose(product[0], wanted, rtol=1e-5)
    np.testing.assert_allclose(tanh * sigmoid, product)


def test_the_sentence_of_the_softmax_counts_bits(look):
    heard = look["probabilities"][np.arange(WINDOW), look["codes"]]
    numbers = inside_figures.numbers("softmax", look, 0, 7)
    assert numbers["c"] == pytest.approx(np.mean(-np.log2(heard)), rel=1e-4)
    assert numbers["b"] == pytest.approx(100 * heard[7], rel=1e-4)


def test_operations_chart_ends_at_the_sum():
    figure = race_figures.operations(
        race.Small(), samples=1000, naive="a", cached="b", x_title="", y_title="", reach="r"
    )
    naive, cached = race.cumulative(race.Small(), 1000)
    assert figure.data[0].x[-1] == 1000 and figure.data[0].y[-1] == pytest.approx(naive, rel=1e-5)
    assert figure.data[1].y[-1] == pytest.approx(cached, rel=1e-5)


def test_speed_bars_keep_a_place_for_engines_that_did_not_run():
    rows = [
        {"name": "naive", "speed": 40.0, "label": "40", "chosen": False},
        {"name": "cuda", "speed": None, "label": "not here", "chosen": False},
        {"name": "native", "speed": 50_000.0, "label": "50,000", "chosen": True},
    ]
    figure = race_figures.speeds(rows, x_title="", real_time="16 kHz")
    bars = figure.data[0]
    assert list(bars.y) == ["naive", "cuda", "native"] and list(bars.text) == ["40", "not here", "50,000"]
    assert bars.x[0] == 40.0 and bars.x[1] < 40.0
    assert len(set(bars.marker.color)) == 3
    low, high = figure.layout.xaxis.range
    assert 10**low < 40.0 and 10**high > 50_000
    assert figure.layout.shapes[0].x0 == 16_000


def test_stored_measurements_are_read_or_absent(tmp_path):
    path = tmp_path / "speed.json"
    assert race.stored(path) is None
    path.write_text("not json")
    assert race.stored(path) is None
    path.write_text('{"processor": "A", "networks": {"m": {}}}')
    assert race.stored(path)["processor"] == "A"
