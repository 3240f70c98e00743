"""The data cell: data sets answer to clicks, the desk has every part, remixes are seen and heard; both languages."""

from __future__ import annotations

import pytest
from browsing import answer, bring, drawn, open_patiently, plotly_click
from hearing import sounds
from playwright.sync_api import expect

from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e
in_both = pytest.mark.parametrize("language", LANGUAGES)
in_english = pytest.mark.parametrize("language", LANGUAGES[:1])
RATE_HZ = 44_100


@in_both
def test_a_bar_opens_the_facts_of_its_data_set(opener, language) -> None:
    page = open_patiently(opener, "separation", language, "data")
    plot = drawn(page, "data-hours")
    assert plot.evaluate("plot => plot.data.map(bars => bars.x.length)") == [4, 4]
    expect(page.locator("#data-about")).to_contain_text("MUSDB18 (2017)")
    plotly_click(page, "data-hours", x=1.8, curve=1, point=2)
    expect(page.locator("#data-about")).to_contain_text("MIR-1K (2010)")
    expect(page.locator("#data-about")).to_contain_text("Hsu")
    assert "dataset=mir1k" in page.url


@in_english
def test_the_desk_plays_the_parts_of_the_chosen_excerpt(opener, language) -> None:
    t = strings("separation", language)
    page = open_patiently(opener, "separation", language, "data")
    desk = bring(page, "#data-desk")
    for part in ("vocals", "drums", "bass", "other"):
        expect(desk).to_contain_text(t(f"stem_{part}"))
    page.get_by_text(t("excerpt_verse"), exact=True).last.check()
    expect(desk).not_to_contain_text(t("stem_other"))
    bring(page, "#data-desk .mix-play").click()
    page.wait_for_function("Number(document.querySelector('#data-desk .mixer').dataset.position) > 0.5")
    page.locator("#data-desk .mix-play").click()
    expect(page.locator("#data-desk .mixer")).to_have_attribute("data-playing", "0")


@in_both
def test_remixes_are_shown_and_heard_and_the_count_is_revealed(opener, language) -> None:
    page = open_patiently(opener, "separation", language, "data")
    drawn(page, "data-places")
    expect(page.locator("#data-table")).to_contain_text("dBFS")
    before, voice, released = sounds(page, "#data-sounds", 3)
    assert len(before) == len(voice) == len(released) == 6 * RATE_HZ
    told = page.locator("#data-table").inner_text()
    page.locator("#data-remix").click()
    expect(page.locator("#data-table")).not_to_have_text(told, use_inner_text=True)
    page.wait_for_function("new URL(location.href).searchParams.get('remix') === '6'")
    answer(page, "data-count", 1)
    plot = drawn(page, "data-counts")
    assert plot.evaluate("plot => Math.max(...plot.data[3].y)") == 100**4
