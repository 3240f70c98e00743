"""The lecture's network against NumPy, the checks of what it does differently, and the listing of its lines."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from core.wavenet import PRESETS, lecture_checks
from core.wavenet.lecture import LectureWaveNet
from core.wavenet.line_trace import line_by_line
from demos._tab import LANGUAGES, strings
from demos._wavenet import dilation, naive_checks
from demos._wavenet.naive_listing import MADE_BY, lines, tags


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def by_hand(network: LectureWaveNet, codes: np.ndarray) -> np.ndarray:
    """The network in NumPy, sample by sample and tap by tap: [T] -> [levels, T]."""
    p = {name: value.detach().double().numpy() for name, value in network.named_parameters()}
    x = p["embedding.weight"][codes].T  # [R, T]
    time, skips = len(codes), 0.0
    for i, d in enumerate(network.dilations):
        halves = []
        for kind in ("filter", "gate"):
            w, b = p[f"{kind}.{i}.weight"], p[f"{kind}.{i}.bias"]
            y = np.repeat(b[:, None], time, axis=1)
            for t in range(time):
                for k in range(w.shape[2]):
                    back = t - (w.shape[2] - 1 - k) * d
                    if back >= 0:
                        y[:, t] += w[:, :, k] @ x[:, back]
            halves.append(y)
        z = np.tanh(halves[0]) + 1 / (1 + np.exp(-halves[1]))
        skips = skips + p[f"skip.{i}.weight"][:, :, 0] @ z + p[f"skip.{i}.bias"][:, None]
        x = x + p[f"residual.{i}.weight"][:, :, 0] @ z + p[f"residual.{i}.bias"][:, None]
    y = np.maximum(p["out1.weight"][:, :, 0] @ np.maximum(skips, 0) + p["out1.bias"][:, None], 0)
    return p["out2.weight"][:, :, 0] @ y + p["out2.bias"][:, None]


@pytest.mark.parametrize("kernel_size", [2, 3])
def test_forward_is_the_equations(kernel_size):
    torch.manual_seed(0)
    network = LectureWaveNet(levels=16, residual=5, skip=7, layers=3, kernel_size=kernel_size)
    codes = torch.randint(16, (1, 20))
    with torch.no_grad():
        got = network(codes)[0].numpy()
    np.testing.assert_allclose(got, by_hand(network, codes[0].numpy()), atol=1e-5)


def test_a_changed_sample_moves_exactly_the_receptive_field():
    at = lecture_checks.CHANGED
    moved = {
        k: [t for t, v in enumerate(row) if v > 0] for k, row in lecture_checks.influence(only_one=True).items()
    }
    assert moved["lecture"] == list(range(at, at + 16))  # 1 + (1 + 2 + 4 + 8), the sample itself first
    field = lecture_checks.paper().config.receptive_field_samples
    assert moved["paper"] == list(range(at + 1, at + 1 + field))
    assert min(moved["centred"]) < at


def test_a_changed_future_leaves_the_past_unless_the_cut_is_wrong():
    for at in (1, 17, lecture_checks.SAMPLES - 1):
        rows = lecture_checks.influence(changed=at)
        assert max(rows["lecture"][:at], default=0) == 0
        assert max(rows["paper"][: at + 1], default=0) == 0
        assert max(rows["centred"][:at]) > 0


def test_gate_curves_are_the_closed_forms():
    curves = lecture_checks.gate_curves(filter_value=-0.5, points=9)
    for x, product, total, relu in zip(curves["gate"], curves["multiply"], curves["add"], curves["relu"]):
        sigma = 1 / (1 + math.exp(-x))
        assert product == pytest.approx(math.tanh(-0.5) * sigma, abs=1e-6)
        assert total == pytest.approx(math.tanh(-0.5) + sigma, abs=1e-6)
        assert relu == 0


def test_only_the_last_residual_gets_no_gradient():
    norms = lecture_checks.residual_gradients()
    assert norms["lecture"][-1] == 0 and min(norms["lecture"][:-1]) > 0
    assert len(norms["paper"]) == len(norms["lecture"]) - 1 and min(norms["paper"]) > 0


def test_the_shift_pairs_each_sample_with_the_one_after_it():
    codes = torch.arange(6)[None]
    inputs, targets = lecture_checks.pairs(codes, shift=True)
    assert (targets - inputs).tolist() == [[1] * 5]
    inputs, targets = lecture_checks.pairs(codes, shift=False)
    assert (targets - inputs).tolist() == [[0] * 6]


def test_without_the_shift_the_loss_goes_to_nothing():
    noise = torch.randint(96, 160, (2000,), generator=torch.Generator().manual_seed(0))  # 6 bits, unpredictable
    ends = {}
    for shift in (True, False):
        bits = [b for _, b, _ in lecture_checks.leak_training(noise, shift=shift, steps=60, batch=2, crop=200)]
        assert bits[0] == pytest.approx(8, abs=0.3)
        ends[shift] = bits[-1]
    assert ends[True] > 5.5  # nobody can predict noise ...
    assert ends[False] < 2  # ... but anybody can copy it


def test_repeated_counts_samples_equal_to_the_one_before():
    def copier(codes):  # all odds on the code that came last
        return torch.nn.functional.one_hot(codes, 256).float().transpose(1, 2) * 1e4

    def alternator(codes):
        return torch.nn.functional.one_hot(255 - codes, 256).float().transpose(1, 2) * 1e4

    prime = torch.tensor([3, 7])
    assert lecture_checks.repeated(copier, prime, samples=20) == 1
    assert lecture_checks.repeated(alternator, prime, samples=20) == 0


def test_line_trace_sees_what_each_line_made():
    def toy(x):
        y = x.repeat(2, 1)
        for i in range(3):
            y = y[:, : 4 - i]
        n = 5
        return y.sum() + n

    result, visits = line_by_line(toy, torch.ones(1, 4))
    assert result == 9  # 2 rows x 2 columns + 5
    assert visits[2] == [{"y": [2, 4]}]
    assert [made["y"] for made in visits[4] if made] == [[2, 4], [2, 3], [2, 2]]
    assert visits[5] == [{}]
    assert visits[6] == [{"return": []}]


@pytest.mark.parametrize(("batch", "time", "layers"), [(1, 1, 1), (3, 50, 5)])
def test_forward_pass_has_the_shapes_of_the_annotations(batch, time, layers):
    seen = lecture_checks.forward_pass(batch, time, layers)
    by_tag = {line["tag"]: seen["lines"][str(line["at"])] for line in lines() if line["at"] and line["tag"]}
    padded = [[batch, 32, time + 2**i] for i in range(layers)]
    assert [made["f"] for made in by_tag["padding"]] == padded == [made["g"] for made in by_tag["padding"]]
    assert [made["f"] for made in by_tag["cut"]] == [[batch, 32, time]] * layers
    assert by_tag["embedding"] == [{"x": [batch, time, 32]}] and by_tag["transpose"] == [{"x": [batch, 32, time]}]
    assert by_tag["logits"] == [{"return": [batch, 256, time]}]
    assert (
        seen["parameters"]["filter"] == layers * (32 * 32 * 2 + 32) and seen["parameters"]["embedding"] == 256 * 32
    )


def test_every_annotated_line_has_words_in_both_languages():
    assert len(tags()) == len(set(tags())) == 17 and set(MADE_BY) <= set(tags())
    for language in LANGUAGES:
        words = strings("wavenet", language).cell("naive")
        for tag in tags():
            assert len(words(f"line_{tag}")) > 10
        assert naive_checks.table(words).count("<tr>") == 1 + len(naive_checks.ROWS)


def test_the_stored_results_are_those_of_the_code():
    for part, live in {
        "future": lecture_checks.influence(), "one": lecture_checks.influence(only_one=True),
        "gate": lecture_checks.gate_curves(), "unused": lecture_checks.residual_gradients(),
    }.items():  # fmt: skip
        stored = naive_checks.stored(part)
        assert stored.keys() == live.keys()
        for key in stored:
            np.testing.assert_allclose(stored[key], live[key], rtol=1e-3, atol=1e-6)
    assert naive_checks.stored("forward") == json.loads(json.dumps(lecture_checks.forward_pass()))
    leak = naive_checks.stored("leak")
    assert len(leak["shifted"]) == len(leak["leaking"]) == leak["steps"]
    assert naive_checks.CHANGED == lecture_checks.CHANGED


def test_the_command_writes_the_table(tmp_path):
    table = lecture_checks.main(["--steps", "1", "--table", str(tmp_path / "t.json")])
    written = json.loads((tmp_path / "t.json").read_text())
    assert written.keys() == table.keys() and len(written["leak"]["leaking"]) == 1


def test_the_dilation_cell_counts_our_networks():
    for name in ("vocoder", "speech"):
        config, widths = PRESETS[name], dilation.NETWORKS[name]
        for ours, theirs in {
            "residual": "residual_channels", "gate": "gate_channels", "skip": "skip_channels", "head": "head_channels",
            "levels": "levels", "mel": "mel_channels",
        }.items():  # fmt: skip
            assert widths[ours] == getattr(config, theirs), (name, ours)
        if config.mel_channels:
            assert (widths["condition"], widths["hop"]) == (config.condition_channels, config.condition_hop)
            assert widths.get("harmonics", 0) == config.harmonics
        assert dilation.SLIDERS[name] == (config.layers, config.kernel_size, config.layers_per_cycle)
