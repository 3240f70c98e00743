"""The architecture cell: blocks answer to clicks and keys, presets and LSTM blocks come and go; both languages."""

from __future__ import annotations

import re

import pytest
from browsing import answer, bring, drawn, open_patiently, plotly_click
from playwright.sync_api import expect

from demos._separation import architecture
from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e
in_both = pytest.mark.parametrize("language", LANGUAGES)
in_english = pytest.mark.parametrize("language", LANGUAGES[:1])
HOST = "#architecture-diagram .mmdense"


def opened(opener, language, query: str = "", **options):
    page = open_patiently(opener, "separation", language, "architecture", query, **options)
    bring(page, "#architecture-diagram")
    page.wait_for_selector(f"{HOST}[data-drawn]")
    return page


def block(page, name: str, kind: str = "wide"):
    return page.locator(f"{HOST} .overview svg.{kind} [data-block='{name}']")


@in_both
def test_a_block_shows_its_shapes_and_its_inside(opener, language) -> None:
    page = opened(opener, language)
    about, inside = page.locator("#architecture-about"), page.locator(f"{HOST} .inside svg.wide")
    expect(about).to_contain_text("[1, 12, 32, 24]")
    expect(about).to_contain_text("49,189")
    expect(inside).to_contain_text("LSTM 2 × 64")
    block(page, "bands.0.down.0").click()
    expect(about).to_contain_text("[1, 24, 256, 192]")
    expect(block(page, "bands.0.down.0")).to_have_attribute("aria-pressed", "true")
    expect(inside).not_to_contain_text("LSTM")
    block(page, "full.up.3").focus()
    page.keyboard.press("Enter")
    expect(about).to_contain_text("[1, 14, 256, 528]")
    page.wait_for_function("new URL(location.href).searchParams.get('net-block') === 'full.up.3'")


@in_both
def test_the_network_and_its_lstm_blocks_are_chosen_and_kept_in_the_link(opener, language) -> None:
    t = strings("separation", language).cell("architecture")
    page = opened(opener, language, "&net=paper&net-block=bands.2.down.2")
    expect(page.locator("#architecture-about")).to_contain_text("10,732")
    expect(block(page, "bands.2.down.2")).to_have_attribute("aria-pressed", "true")
    caption = page.locator(f"{HOST} .plot-caption p")
    expect(caption).to_contain_text("1,375,272")
    page.get_by_label(t("lstm"), exact=True).uncheck()
    expect(caption).to_contain_text(" 0 %")
    expect(page.locator(f"{HOST} .overview text.tab")).to_have_count(0)
    page.get_by_label(t("preset_vocals"), exact=True).check()  # has no third band
    expect(caption).to_contain_text("165,213")
    expect(block(page, "final")).to_have_attribute("aria-pressed", "true")


@in_english
def test_the_figure_is_revealed_and_a_point_chooses_its_block(opener, language) -> None:
    page = opened(opener, language)
    expect(page.locator("#architecture-reach")).to_be_hidden()
    answer(page, "architecture-shares", 1)
    plot = drawn(page, "architecture-reach")
    assert plot.evaluate("plot => plot.data.map(line => line.x.length)") == [7] * 3 + [5] * 3 + [9] * 3 + [1] * 3
    plotly_click(page, "architecture-reach", x=0, curve=3, point=0)
    expect(block(page, "bands.1.down.0")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#architecture-about")).to_contain_text("[1, 12, 252, 324]")


@in_english
def test_a_phone_has_a_drawing_of_its_own(opener, language) -> None:
    page = opened(opener, language, width=390)
    expect(page.locator(f"{HOST} .overview svg.wide")).to_be_hidden()
    block(page, "bands.1.up.1", "narrow").click()
    expect(page.locator("#architecture-about")).to_contain_text("[1, 12, 252, 324]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@in_both
def test_the_ablation_is_a_table_or_says_how_to_make_it(opener, language) -> None:
    page = opened(opener, language)
    said = bring(page, "#architecture-measured")
    if architecture.TABLE.exists():
        expect(said.locator("tbody tr")).to_have_count(3)
        expect(said).to_contain_text(re.compile(r"\d dB"))
    else:
        expect(said).to_contain_text("python -m core.separation.ablation")
