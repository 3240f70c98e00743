"""The architecture cell in Chromium, in both languages: live shapes, blocks, layers, figures, links, bad input."""

from __future__ import annotations

import re

import pytest
from browsing import PATHS, answer, bring, click_at, drawn, open_cell, upload
from playwright.sync_api import Page, expect

from core import weights
from demos._tab import strings

pytestmark = pytest.mark.skipif("wavenet-vocoder" not in weights.names(), reason="the weights are not here yet")


def cell(opener, language: str, more: str = "", **options) -> Page:
    page = open_cell(opener, language, "architecture", more, ready="#architecture-diagram", **options)
    page.wait_for_selector("#architecture-diagram .architecture[data-drawn]")
    return page


def shape(page: Page, name: str, kind: str = "wide"):
    return page.locator(f"#architecture-diagram svg.{kind} [data-shape='{name}']")


def block(page: Page, name: str, kind: str = "wide"):
    return page.locator(f"#architecture-diagram svg.{kind} [data-block={name}]").first


def seen(page: Page):
    """The sentence below the figure of the block, once it has been drawn."""
    drawn(page, "architecture-picture")
    return page.locator("#architecture-picture .plot-caption p")


@pytest.mark.parametrize("language", PATHS)
def test_shapes_blocks_and_source(opener, language: str) -> None:
    t = strings("wavenet", language).cell("architecture")
    sizes = weights.card("wavenet-vocoder")["config"]
    page = cell(opener, language, "&layer=2&block=skip")
    assert block(page, "skip").get_attribute("aria-pressed") == "true"  # from the link
    expect(shape(page, "embedded")).to_have_text(f"[1, 1600, {sizes['residual_channels']}]")
    expect(shape(page, ".gated")).to_have_text(f"[1, 1600, {sizes['gate_channels'] // 2}]")
    expect(shape(page, ".skip")).to_have_text(f"[1, 1600, {sizes['skip_channels']}]")
    expect(shape(page, "logits")).to_have_text("[1, 256, 1600]")
    expect(shape(page, "mel")).to_have_text("[1, 80, 8]")
    expect(page.locator("#architecture-diagram")).to_contain_text(
        t("draw.layer", layer=2, layers=sizes["layers"], dilation=4)
    )
    block(page, "gate").click()
    expect(page.locator("#architecture-about")).to_contain_text(t("block.gate"))
    expect(page.locator("#architecture-about .katex").first).to_be_attached()
    expect(page.locator("#architecture-source")).to_contain_text("def activate")
    expect(seen(page)).to_contain_text("±0.9")
    open_, saturated = map(int, re.findall(r"(\d+) %", seen(page).text_content()))
    assert 0 <= open_ <= 100 and 0 <= saturated <= 100
    assert "block=gate" in page.url
    click_at(page, bring(page, "#architecture-picture .plot-host"), 0.4)
    product = re.compile(r"tanh [+-]\d\.\d\d × σ \d\.\d\d = [+-]\d")
    expect(page.locator("#architecture-pointed")).to_contain_text(product)
    block(page, "head2").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#architecture-about")).to_contain_text(f"{(sizes['head_channels'] + 1) * 256:,}")


def test_every_block_draws_what_flows_there(opener) -> None:
    t = strings("wavenet", "en").cell("architecture")
    page = cell(opener, "en")
    last = seen(page).text_content()
    for name in ("codes", "embedding", "dilated", "condition", "residual", "skip", "head1", "head2", "softmax"):
        bring(page, f"#architecture-diagram svg.wide [data-block={name}]").dispatch_event("click")
        expect(page.locator("#architecture-about h3")).to_have_text(t(f"block.{name}"))
        expect(page.locator("#architecture-picture .plot-caption p")).not_to_have_text(last)
        last = page.locator("#architecture-picture .plot-caption p").text_content()


@pytest.mark.skipif("wavenet-speech" not in weights.names(), reason="the weights are not here yet")
@pytest.mark.parametrize("language", PATHS)
def test_another_network_another_batch(opener, language: str) -> None:
    t = strings("wavenet", language).cell("architecture")
    sizes = weights.card("wavenet-speech")["config"]
    page = cell(opener, language, "&weights=wavenet-speech&layer=99&batch=3&length=400")
    expect(shape(page, "embedded")).to_have_text(f"[3, 400, {sizes['residual_channels']}]")
    last = {"layer": sizes["layers"] - 1, "layers": sizes["layers"], "dilation": 2 ** (sizes["layers_per_cycle"] - 1)}
    expect(page.locator("#architecture-diagram")).to_contain_text(t("draw.layer", **last))  # 99 is out of range
    expect(shape(page, "mel")).to_have_text("")
    page.get_by_label(t("vocoder")).check()
    expect(shape(page, "mel")).to_have_text("[3, 80, 2]")


def test_a_file_that_is_no_sound_leaves_the_page_as_it_was(opener, tmp_path) -> None:
    page = cell(opener, "en")
    before = seen(page).text_content()
    bring(page, "#step-architecture .in-cell button.label-wrap").click()
    fake = tmp_path / "voice.wav"
    fake.write_text("This is text.")
    upload(page, "architecture-voice", fake)
    expect(page.locator(".toast-body").first).to_be_visible()
    assert seen(page).text_content() == before
    page.watch.errors = [error for error in page.watch.errors if "MediaError" not in error]  # Gradio's own preview


def test_the_question_reveals_where_the_parameters_are(opener) -> None:
    page = cell(opener, "en", width=390)
    assert shape(page, "embedded", "narrow").is_visible() and not shape(page, "embedded").is_visible()
    answer(page, "architecture-shares", 1)
    drawn(page, "architecture-shares")
    total = weights.card("wavenet-vocoder")["parameters"]
    expect(page.locator("#architecture-shares .plot-caption p")).to_contain_text(f"{total:,}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
