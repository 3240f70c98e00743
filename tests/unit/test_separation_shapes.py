"""What the architecture cell says of MMDenseLSTM, against forward passes and gradients of real networks."""

import json
import math
import re
from dataclasses import replace

import pytest
import torch

from core.errors import SamplingError
from core.separation import shapes, shapes_figures
from core.separation.model import PRESETS, MMDenseLSTM, Scale
from demos._separation import architecture, architecture_diagram
from demos._tab import LANGUAGES, strings

TINY = PRESETS["tiny"]
STEREO = replace(TINY, sources=("a", "b", "c"), channels=2, final_layers=3)


def seen(model: MMDenseLSTM, magnitude: torch.Tensor) -> dict[str, tuple[list[int], list[int]]]:
    """Shapes into and out of every module in one forward pass."""
    found = {}
    for name, module in model.named_modules():

        def note(_, given, out, name=name) -> None:
            found[name] = (list(given[0].shape), list(getattr(out, "shape", [])))

        module.register_forward_hook(note)
    with torch.no_grad():
        model(magnitude)
    return found


@pytest.mark.parametrize(("config", "seconds"), [(TINY, 0.05), (TINY, 0.121), (STEREO, 0.09), (PRESETS["vocals"], 0.4)])
def test_shapes_and_parameters_are_those_of_a_forward_pass(config, seconds) -> None:
    facts = shapes.describe(config, seconds=seconds)
    model = MMDenseLSTM(config).eval()
    magnitude = torch.rand(*facts.mixture)
    there = seen(model, magnitude)
    assert there[""][1] == facts.masks
    blocks = {name for name, module in model.named_modules() if isinstance(module, Scale)} | {"final"}
    assert set(facts.blocks) == blocks
    for name, block in facts.blocks.items():
        assert (block.input, block.output) == there[name], name
        dense = dict(model.named_modules())[name if name == "final" else f"{name}.dense"]
        assert block.parameters == sum(p.numel() for p in dense.parameters())
        assert there[name if name == "final" else f"{name}.dense"][1][1] == block.growth
        if block.units:
            assert block.squeezed == there[f"{name}.lstm.squeeze"][1]
            assert block.units == there[f"{name}.lstm.back"][0][-1]
            lstm = dict(model.named_modules())[f"{name}.lstm"]
            assert block.lstm_parameters == sum(p.numel() for p in lstm.parameters())
        else:
            assert f"{name}.lstm" not in there and block.lstm_parameters == 0
    assert facts.parameters == sum(p.numel() for p in model.parameters())
    assert facts.mixture[2] == 1 + int(seconds * config.sample_rate_hz) // config.hop_samples


def gradients(config, name: str, frames: int) -> dict[tuple[int, int], tuple[int, int, int, int]]:
    """Of values of a block, in the middle of the sound: first and last frame and bin of the mixture with a gradient."""
    torch.manual_seed(0)
    model = MMDenseLSTM(config).double().eval()
    for module in model.modules():  # positive throughout: nothing cancels, and no ReLU is off
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            module.weight.data = module.weight.data.abs() + 0.01
            module.weight.data /= module.weight.data[0].numel()
            if module.bias is not None:
                module.bias.data.abs_()
        if isinstance(module, torch.nn.Linear):
            module.bias.data += 5
    caught = {}
    dict(model.named_modules())[name].register_forward_hook(lambda _, given, out: caught.update(out=out))
    x = torch.rand(1, config.channels, frames, config.bins, dtype=torch.float64).requires_grad_()
    model(x)
    out = caught["out"].sum(dim=(0, 1))
    row, column = (size // 2 for size in out.shape)
    places = {(r, c) for r in range(row - 2, row + 2) for c in (column, column + 1)}
    places |= {(row, c) for c in range(out.shape[1])}
    found = {}
    for place in places:
        (gradient,) = torch.autograd.grad(out[place], x, retain_graph=True)
        rows, columns = gradient.abs().sum(dim=(0, 1)).nonzero(as_tuple=True)
        if len(rows):
            found[place] = tuple(int(v) for v in (rows.min(), rows.max(), columns.min(), columns.max()))
    return found


BLOCKS = ("bands.0.down.0", "bands.0.down.1", "bands.0.up.0", "bands.1.up.0", "full.down.2", "full.up.1", "final")


@pytest.mark.parametrize("name", BLOCKS)
def test_the_reach_is_that_of_the_gradients(name) -> None:
    config = shapes.without_lstm(TINY)
    found = gradients(config, name, 60).values()
    frames, bins = shapes.reach(config)[name]
    assert max(last - first + 1 for first, last, _, _ in found) == frames
    assert max(last - first + 1 for _, _, first, last in found) == bins


def test_every_cell_of_a_band_is_followed_to_the_right_bins() -> None:
    config = shapes.without_lstm(TINY)
    band = config.bands[1]
    low, high = shapes.follow(band, 46, band.bins, first=20)["down.1"]
    for (_, column), (_, _, first, last) in gradients(config, "bands.1.down.1", 40).items():
        assert (low[column], high[column]) == (first, last)


@pytest.mark.parametrize("name", BLOCKS)
def test_behind_an_lstm_every_frame_counts(name) -> None:
    whole = shapes.describe(TINY, seconds=0.1).blocks[name].whole
    found = gradients(TINY, name, 60).values()
    longest = max(last - first + 1 for first, last, _, _ in found)
    assert whole == (longest == 60)
    assert whole or longest == shapes.reach(TINY)[name][0]


def test_a_single_convolution_and_pooling_by_hand() -> None:
    """One layer a scale: 3 x 3 first, 3 x 3 dense, average of two, 3 x 3 dense."""
    reached = shapes.reach(PRESETS["paper"])
    assert reached["bands.2.down.0"] == (5, 5)  # 1 + 2 + 2
    assert reached["bands.2.down.1"] == (10, 10)  # a cell of two frames sees 6, its neighbours lie 2 to either side


def test_frames_and_bins_in_milliseconds_and_hertz() -> None:
    facts = shapes.describe(PRESETS["vocals"], seconds=1.0)
    assert facts.milliseconds(1) == 64.0 and facts.milliseconds(2) == 80.0
    assert math.isclose(facts.hertz(1), 15.625)


@pytest.mark.parametrize("name", ["vocals", "paper", "tiny"])
def test_without_lstm_only_lstm_blocks_go(name) -> None:
    bare = shapes.without_lstm(PRESETS[name])
    before, after = (shapes.describe(config, seconds=1.0) for config in (PRESETS[name], bare))
    assert set(before.blocks) == set(after.blocks)
    assert not any(block.units or block.whole for block in after.blocks.values())
    assert after.parameters < before.parameters
    assert {n: (b.growth, b.layers) for n, b in before.blocks.items()} == {
        n: (b.growth, b.layers) for n, b in after.blocks.items()
    }


@pytest.mark.parametrize("seconds", [0, -1, 61, float("nan")])
def test_an_impossible_length_is_refused(seconds) -> None:
    with pytest.raises(SamplingError, match="seconds"):
        shapes.describe(TINY, seconds=seconds)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("preset", architecture.PRESETS)
def test_the_drawing_has_every_block_and_the_note_its_numbers(preset, language) -> None:
    t = strings("separation", language).cell("architecture")
    assert architecture.SECONDS == 4.0
    value, note, menu, choice = architecture.show(t, preset, 4.0, True, architecture.BLOCK, None)
    facts = shapes.describe(PRESETS[preset], seconds=4.0)
    drawn = re.findall(r'data-block="([a-z0-9.]+)"', value["overview"])
    assert sorted(drawn) == sorted([*facts.blocks] * 2)  # wide and narrow
    units = sum(bool(block.units) for block in facts.blocks.values())
    assert value["overview"].count('<text class="tab"') == 2 * units
    block = facts.blocks[architecture.BLOCK]
    assert str(block.input) in note and str(block.output) in note and f"{block.parameters:,}" in note
    assert f"{block.lstm_parameters:,}" in note and f"{facts.milliseconds(block.reach_frames):,.0f} ms" in note
    assert [name for _, name in menu["choices"]] == list(facts.blocks) and menu["value"] == architecture.BLOCK
    arcs = value["inside"].count("C")  # a curve for each pair of layers that are not neighbours, drawn twice
    assert arcs == 2 * math.comb(block.layers, 2)
    again = architecture.show(t, preset, 4.0, True, architecture.BLOCK, choice)
    assert len(again) == 4 and len({str(one) for one in again}) == 1
    assert set(facts.blocks) <= set(architecture._names())


def test_a_block_that_the_network_lacks_becomes_the_final_one() -> None:
    t = strings("separation", "en").cell("architecture")
    value, *_, choice = architecture.show(t, "vocals", 2.0, False, "bands.2.down.1", None)
    assert value["selected"] == "final" and choice[-1] == "final" and "LSTM</text>" not in value["overview"]


def test_the_figure_has_a_point_for_every_block() -> None:
    t = strings("separation", "en").cell("architecture")
    value = architecture.draw_reach(t, "4stems", True)
    facts = architecture.facts("4stems", architecture.SECONDS, True)
    curves = json.loads(value["figure"])["data"]
    lines, dense, lstm = curves[::3], curves[1::3], curves[2::3]
    assert sum(len(line["x"]) for line in lines) == len(facts.blocks)
    for i, members in enumerate(shapes_figures.by_part(facts)):
        for j, block in enumerate(members):
            assert {architecture.pointed([3 * i + k, j], "4stems", True) for k in range(3)} == {block.name}
            assert lines[i]["y"][j] == pytest.approx(facts.milliseconds(block.reach_frames), abs=0.1)
            assert (lines[i]["marker"]["symbol"][j] == "diamond") == block.whole
            assert (dense[i]["y"][j], lstm[i]["y"][j]) == (block.parameters, block.lstm_parameters)
    assert lines[0]["x"] == [0, 1, 2, 3, 6, 7, 8]  # the lowest scale of the full band is its alone
    assert lines[-2]["x"] == list(range(9)) and lines[-1]["x"] == [9]


def test_frequencies_of_the_bands_meet() -> None:
    t = strings("separation", "en").cell("architecture")
    facts = shapes.describe(PRESETS["vocals"], seconds=1.0)
    ranges = [architecture_diagram.range_of(t, facts, part) for part in ("bands.0", "bands.1", "full")]
    assert ranges == ["0.0–3.0 kHz", "3.0–8.0 kHz", "0.0–8.0 kHz"]  # 192 and 321 bins of 15.625 Hz


def test_what_the_question_says_of_the_parameters_is_so() -> None:
    blocks = shapes.describe(PRESETS["vocals"], seconds=1.0).blocks
    share = sum(block.lstm_parameters for block in blocks.values()) / architecture.facts("vocals", 1.0, True).parameters
    assert len(blocks) == 22 and sum(bool(block.units) for block in blocks.values()) == 5
    assert share == pytest.approx(2 / 3, abs=0.03)
