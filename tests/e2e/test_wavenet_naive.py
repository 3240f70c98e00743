"""The naive cell: lines that answer, checks that run, curves of the ablation; both languages."""

from __future__ import annotations

import json
import re

import pytest
from browsing import answer, bring, drawn, open_cell, plotly_click
from playwright.sync_api import expect

from core.wavenet import ablation
from demos._tab import LANGUAGES, strings
from demos._wavenet.naive_checks import LIVE_STEPS, final_bits, leak_ends, stored

FIGURE = "#naive-check-figure"
SAID = FIGURE + " .plot-caption p"


def opened(opener, language: str, more: str = "", **options):
    page = open_cell(opener, language, "naive", more, ready="#naive-listing", **options)
    page.wait_for_selector("#naive-listing .listing[data-tag]")
    return page


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_checks_and_curves(opener, language):
    words = strings("wavenet", language).cell("naive")
    page = opened(opener, language, "&naive-time=100&naive-layers=2")
    listing = page.locator("#naive-listing .listing")
    expect(listing).to_have_attribute("data-pass", "stored")
    page.locator("#naive-listing button[data-tag=padding]").click()
    note = page.locator("#naive-listing .note-below")
    expect(note).to_contain_text(words("line_padding"))
    expect(note).to_contain_text("f [1, 32, 1,608]")  # the fourth layer, d = 8
    page.locator("#naive-run").click()
    expect(listing).to_have_attribute("data-pass", "live")
    expect(note).to_contain_text("f [1, 32, 102]")
    page.keyboard.press("Tab")
    page.locator("#naive-listing button[data-tag=logits]").focus()
    page.keyboard.press("Enter")
    expect(note).to_contain_text("return [1, 256, 100]")

    assert page.locator("#naive-table").count() == 0, "the answer is not shown before the question"
    answer(page, "naive-leak", 2)
    expect(page.locator("#naive-table")).to_contain_text(words("lecture_leak"))
    expect(page.locator("#naive-table")).to_contain_text(words("saw_leak", **leak_ends(stored("leak"))))

    bring(page, FIGURE)
    expect(page.locator(SAID)).to_contain_text(words("is_stored"))
    radios = page.locator(".link-check input")
    radios.nth(3).check()
    expect(page.locator(SAID)).to_contain_text("100 %")  # the leaking network repeats itself, always
    page.locator("#naive-check").click()
    expect(page.locator(SAID)).to_contain_text(words("is_live"), timeout=90_000)
    expect(page.locator(SAID)).to_contain_text(re.compile(rf"{LIVE_STEPS}.*100 %", re.S), timeout=90_000)
    same, whole = (leak_ends(stored("leak"), steps) for steps in (LIVE_STEPS, None))  # the stored run beside it
    beside = words("said_leak_stored", **same, **{f"all_{key}": value for key, value in whole.items()})
    expect(page.locator(SAID)).to_contain_text(beside)
    radios.nth(0).check()
    expect(page.locator(SAID)).to_contain_text(words("is_stored"))
    page.locator("#naive-check").click()
    expect(page.locator(SAID)).to_contain_text(words("is_live"))

    expect(answer(page, "naive-gate", 1).locator(".feedback")).to_have_attribute("data-state", "wrong")
    drawn(page, "naive-ablation")
    for bits in final_bits(json.loads(ablation.TABLE.read_text())).values():
        expect(page.locator("#naive-ablation .plot-caption p")).to_contain_text(f"{bits:.3f}")
    plotly_click(page, "naive-ablation", curve=1, x=250)
    expect(page.locator("#naive-ablation-point")).to_contain_text("250")


def test_a_click_changes_another_sample(opener):
    page = opened(opener, "en", "&check=shift", width=390, color_scheme="dark")
    bring(page, FIGURE)
    expect(page.locator(SAID)).to_contain_text("Only sample 40 is changed")
    plotly_click(page, FIGURE[1:], x=12)
    expect(page.locator(SAID)).to_contain_text("Only sample 12 is changed")
    expect(page.locator(SAID)).to_contain_text("number 12 in the lecture's")
    expect(page.locator(SAID)).to_contain_text("number 13 in ours")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
