"""Numbers about a GPT-2 against the network itself, against counting, and against the figures that show them."""

import pytest
import torch

from core import plots
from core.gpt2 import figures, shapes
from core.gpt2.model import GPT2, PRESETS, GPT2Config
from core.gpt2.sample import BufferedPast

TINY = PRESETS["tiny"]


@pytest.mark.parametrize("size", ["composer", "small"])
def test_variables_are_those_of_the_network(size):
    with torch.device("meta"):
        network = GPT2(shapes.SIZES[size])
    found = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert found == shapes.variables(network.config)
    parts = shapes.parameters_by_part(network.config)
    assert sum(sum(part.values()) for part in parts.values()) == sum(p.numel() for p in network.parameters())
    width = network.config.n_embd
    assert parts["h1"] == {"attn": 4 * width**2 + 4 * width, "mlp": 8 * width**2 + 5 * width, "norms": 4 * width}


def test_sizes_are_those_of_the_paper():
    table = {"small": (12, 768), "medium": (24, 1024), "large": (36, 1280), "xl": (48, 1600)}  # its table 2
    released = {"small": 124_439_808, "medium": 354_823_168, "large": 774_030_080, "xl": 1_557_611_200}
    for name, (layers, width) in table.items():
        config = shapes.SIZES[name]
        assert (config.n_layer, config.n_embd, config.n_embd // config.n_head) == (layers, width, 64)
        assert sum(map(shapes.count, shapes.variables(config).values())) == released[name]


@pytest.mark.parametrize(("new", "past"), [(1, 0), (1, 40), (48, 0), (7, 13)])
@pytest.mark.parametrize("config", [TINY, GPT2Config(n_vocab=100, n_ctx=64, n_embd=24, n_head=3, n_layer=5)])
def test_multiplications_are_what_pytorch_counts(config, new, past):
    assert shapes.counted(config, new, past) == shapes.multiplications(config, new, past)


def test_bytes_are_those_of_the_buffer():
    torch.manual_seed(0)
    reader = BufferedPast(GPT2(TINY).eval(), 3)
    past = reader.past
    assert shapes.past_bytes(TINY, TINY.n_ctx, batch=3) == past.numel() * past.element_size()
    one = shapes.step(TINY, 10)
    assert one.past_bytes == one.read_bytes + one.written_bytes == 10 * 2 * TINY.n_layer * TINY.n_embd * 4


def test_sums_are_sums():
    anew = sum(shapes.multiplications(TINY, n) for n in range(1, 31))
    kept = sum(shapes.multiplications(TINY, 1, n - 1) for n in range(1, 31))
    assert shapes.sums(TINY, 30) == (kept, anew) and anew > 10 * kept


@pytest.mark.parametrize("position", [1, 2, 9, 12])
def test_with_a_past_each_key_is_computed_once(position):
    products, keys = figures.states(position, 12, past=True)
    assert keys.count(figures.NOW) == 1 and keys.count(figures.READ) == position - 1
    assert sum(row.count(figures.NOW) for row in products) == position
    products, keys = figures.states(position, 12, past=False)
    assert keys.count(figures.NOW) == position and figures.READ not in keys
    assert sum(row.count(figures.NOW) for row in products) == position * (position + 1) // 2
    assert all(products[i][j] == figures.NOTHING for i in range(12) for j in range(i + 1, 12))  # no look ahead


def test_the_figures_show_these_numbers():
    said = "wte wpe attn mlp norms block parameters without with query key keys now read earlier counted position"
    words = {word: word for word in f"{said} multiplications speed".split()}
    bars = figures.parameters(TINY, words)
    assert sum(sum(trace.y) for trace in bars.data) == sum(map(shapes.count, shapes.variables(TINY).values()))
    looks = figures.looks(3, list("abcd"), words)
    maps = [trace.z for trace in looks.data if trace.type == "heatmap"]
    # 6 products and 3 keys on each side: without a past all now; with it, now or before
    assert sum(cell is not None for rows in maps for row in rows for cell in row) == 2 * (6 + 3)
    anew, kept = figures.growth(TINY, {20: (1, 2)}, words).data[:2]
    assert anew.y[-1] == shapes.multiplications(TINY, 48) and kept.y[-1] == shapes.multiplications(TINY, 1, 47)
    numbers, speed = figures.speeds([0.1 * i for i in range(30)])
    assert numbers[0] == 8 and speed == pytest.approx([10.0] * len(speed))
    race = figures.race({"without": (numbers, speed), "with": (numbers, speed)}, words)
    assert [trace.name for trace in race.data] == ["without", "with"] and plots.MODEL == race.data[1].line.color
