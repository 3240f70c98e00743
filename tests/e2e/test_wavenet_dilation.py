"""The dilation cell: its JavaScript numbers against PyTorch, and the tree under mouse and keyboard."""

from __future__ import annotations

import json

import pytest
import torch
from browsing import open_cell
from playwright.sync_api import expect

from core.wavenet import PRESETS, WaveNet, WaveNetConfig
from core.wavenet.model import GatedLayer
from demos._wavenet.dilation import NETWORKS, SLIDERS

TREE = "#dilation-tree .tree"


def open_tree(opener, language="en", more="", **options):
    page = open_cell(opener, language, "dilation", more, ready="#dilation-tree", **options)
    page.wait_for_selector(TREE + "[data-drawn]")
    return page


def numbers(page) -> dict:
    return json.loads(page.get_attribute(TREE, "data-numbers"))


def click_node(page, column: int, row: int) -> None:
    """Click a node of the tree by its column and row, row 0 being the inputs."""
    spot = page.evaluate(
        """([column, row]) => {
            const root = document.querySelector('#dilation-tree .tree');
            const box = root.querySelector('svg').getBoundingClientRect();
            const heights = [...root.querySelectorAll('.tree-labels span')].map(s => parseFloat(s.style.top));
            const pitch = (box.width - 16) / Number(root.dataset.columns);
            return {x: box.left + 8 + (column + 0.5) * pitch, y: box.top + heights[row]};
        }""",
        [column, row],
    )
    page.mouse.click(spot["x"], spot["y"])


def test_the_numbers_are_those_of_pytorch(opener):
    page = open_tree(opener)
    ask = """async ([s, w]) => {
        const n = await import('/site/wavenet/dilation_numbers.js');
        return {reach: n.networkReach(s), stack: n.reach(s), compare: n.compare(s, w), network: n.network(s, w)};
    }"""
    others = [((7, 3, 3), "speech"), ((5, 4, 2), "vocoder")]
    for (layers, kernel, cycle), name in [*zip(SLIDERS.values(), SLIDERS), *others]:
        w = NETWORKS[name]
        config = WaveNetConfig(
            residual_channels=w["residual"], gate_channels=w["gate"], skip_channels=w["skip"], head_channels=w["head"],
            layers=layers, layers_per_cycle=cycle, kernel_size=kernel, mel_channels=w["mel"],
            harmonics=w.get("harmonics", 0), condition_hop_samples=w.get("hop", 0),
        )  # fmt: skip
        got = page.evaluate(ask, [{"layers": layers, "kernel": kernel, "cycle": cycle}, w])
        with torch.device("meta"):
            model = WaveNet(config)
        count = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
        assert got["reach"] == config.receptive_field_samples
        assert got["network"]["parameters"] == count(model)
        assert got["compare"]["dilated"]["parameters"] == count(model.layers)
        products = sum(p.numel() for p in model.layers.parameters() if p.dim() == 2)
        assert got["compare"]["dilated"]["products"] == products
        head = model.head1.weight.numel() + model.head2.weight.numel()
        assert got["network"]["products"] == products + head
        one = WaveNetConfig(
            **{**config.to_dict(), "layers": 1, "layers_per_cycle": 1, "kernel_size": got["stack"]}
        )
        with torch.device("meta"):
            assert got["compare"]["single"]["parameters"] == count(GatedLayer(one, dilation=1, last=True))
        plain = got["compare"]["plain"]
        assert 1 + (kernel - 1) * plain["layers"] == got["stack"]  # the same reach, one sample a tap
    for name in ("vocoder", "speech"):
        s = dict(zip(("layers", "kernel", "cycle"), SLIDERS[name]))
        got = page.evaluate(ask, [s, NETWORKS[name]])
        assert got["network"]["parameters"] == sum(p.numel() for p in WaveNet(PRESETS[name]).parameters())

    for causal in (True, False):
        check_cone(page, causal)


def check_cone(page, causal: bool) -> None:
    """The tree sees what a stack of nn.Conv1d sees; not causal is padding="same"."""
    ask = "async ([s, causal]) => (await import('/site/wavenet/dilation_numbers.js')).cone(s, causal, false)[0]"
    for layers, kernel, cycle in [(4, 2, 4), (5, 3, 3), (3, 4, 2), (1, 2, 1)]:
        x = torch.zeros(1, 1, 401, requires_grad=True)
        y = x
        for layer in range(layers):
            d = 2 ** (layer % cycle)
            conv = torch.nn.Conv1d(1, 1, kernel, dilation=d, padding=0 if causal else "same", bias=False)
            torch.nn.init.ones_(conv.weight)
            y = conv(torch.nn.functional.pad(y, ((kernel - 1) * d, 0)) if causal else y)
        y[0, 0, 200].backward()
        expected = (x.grad[0, 0].nonzero()[:, 0] - 200).tolist()
        got = page.evaluate(ask, [{"layers": layers, "kernel": kernel, "cycle": cycle}, causal])
        assert got == expected


@pytest.mark.parametrize(("language", "ms", "future"), [("en", "1.00", "future"), ("ko", "1.00", "미래")])
def test_mouse_keyboard_and_presets(opener, language, ms, future):
    page = open_tree(opener, language)
    quiz = page.locator("#quiz-dilation-reach")
    for answer, state in (("1023", "wrong"), ("1,024", "right")):
        quiz.locator("input").fill(answer)
        quiz.locator("button").click()
        expect(quiz.locator(".feedback")).to_have_attribute("data-state", state)
    expect(quiz.locator(".feedback")).to_contain_text("64 ms")
    tree, said = page.locator(TREE), page.locator(TREE + " .plot-caption p")
    assert numbers(page)["reach"] == 16
    expect(page.locator(".tree-formula .reach")).to_have_text("16")
    expect(page.locator(".tree-formula .ms")).to_have_text(ms)
    expect(said).to_contain_text("22")  # the last of 16 + 7 columns
    click_node(page, 18, 4)
    expect(tree).to_have_attribute("data-column", "18")
    expect(said).to_contain_text("3")  # inputs 3 to 18
    page.locator(".tree-scroll").focus()
    page.keyboard.press("ArrowLeft")
    expect(tree).to_have_attribute("data-column", "17")
    page.keyboard.press("Home")
    expect(tree).to_have_attribute("data-column", "15")  # the first output that sees 16 inputs
    click_node(page, 4, 0)  # an input: the outputs that it reaches
    expect(said).to_contain_text("16")
    page.locator(TREE + " input[type=checkbox]").first.uncheck()
    expect(said).to_contain_text(future)
    expect(tree).to_have_attribute("data-seen", "16")
    page.locator(TREE + " input[type=checkbox]").first.check()
    page.locator("#step-dilation .in-cell input[type=radio]").nth(1).check()
    expect(page.locator(".tree-formula .reach")).to_have_text("1,024")
    assert numbers(page)["plain"]["layers"] == 1023
    assert "layers=10" in page.url and "network=paper" in page.url
    page.locator("#step-dilation .in-cell input[type=radio]").nth(3).check()
    expect(tree).to_have_attribute("data-seen", "2048")  # the live model's input convolution is drawn
    assert PRESETS["speech"].receptive_field_samples == 2048 == numbers(page)["network_reach"]


def test_play_feeds_each_output_back(opener):
    page = open_tree(opener, reduced_motion="reduce")
    page.locator(".tree-play").click()
    expect(page.locator(TREE)).to_have_attribute("data-playing", "1")
    expect(page.locator(TREE)).to_have_attribute("data-column", "15")
    expect(page.locator(TREE)).to_have_attribute("data-column", "16", timeout=20_000)
    page.locator(".tree-play").click()
    expect(page.locator(TREE)).to_have_attribute("data-playing", "0")


@pytest.mark.parametrize(("more", "expected"), [
    ("&layers=99&kernel=4&cycle=10", (30, 4, 10)), ("&layers=abc&kernel=-3&cycle=1", (4, 2, 1)),
])  # fmt: skip
def test_links_and_extremes(opener, more, expected):
    page = open_tree(opener, "en", more, width=390, color_scheme="dark")
    layers, kernel, cycle = expected
    reach = 1 + (kernel - 1) * sum(2 ** (i % cycle) for i in range(layers))
    expect(page.locator(".tree-formula .reach")).to_have_text(f"{reach:,}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390  # the tree scrolls, not the page
    page.locator(TREE + " input[type=range]").evaluate("e => { e.value = 100; e.oninput(); }")
    assert int(page.get_attribute(TREE, "data-seen")) == reach
