"""The naive cell: lines that answer, checks that run, curves of the ablation; both languages."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from core.wavenet import ablation
from demos._tab import strings
from demos._wavenet.naive_checks import LIVE_STEPS, final_bits

FIGURE = "#naive-check-figure"
SAID = FIGURE + " .plot-caption p"


def open_cell(opener, path: str, more: str = "", **options):
    page = opener(f"{path}?tab=wavenet&step=naive{more}", **options)
    page.wait_for_selector("#naive-listing", state="attached")
    page.evaluate("document.getElementById('naive-listing').scrollIntoView()")
    page.wait_for_selector("#naive-listing .listing[data-tag]")
    return page


def show(page, selector: str) -> None:
    page.evaluate("s => document.querySelector(s).scrollIntoView({block: 'center'})", selector)


@pytest.mark.parametrize(("path", "language"), [("/", "en"), ("/ko", "ko")])
def test_lines_checks_and_curves(opener, path, language):
    words = strings("wavenet", language).cell("naive")
    page = open_cell(opener, path, "&naive-time=100&naive-layers=2")
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

    show(page, FIGURE)
    expect(page.locator(SAID)).to_contain_text(words("is_stored"))
    radios = page.locator(".link-check input")
    radios.nth(3).check()
    expect(page.locator(SAID)).to_contain_text("100 %")  # the leaking network repeats itself, always
    page.locator("#naive-check").click()
    expect(page.locator(SAID)).to_contain_text(words("is_live"), timeout=90_000)
    expect(page.locator(SAID)).to_contain_text(re.compile(rf"{LIVE_STEPS}.*100 %", re.S), timeout=90_000)
    radios.nth(0).check()
    expect(page.locator(SAID)).to_contain_text(words("is_stored"))
    page.locator("#naive-check").click()
    expect(page.locator(SAID)).to_contain_text(words("is_live"))

    quiz = page.locator("#quiz-naive-gate")
    show(page, "#quiz-naive-gate")
    quiz.locator("input").nth(1).check()
    quiz.locator("button").click()
    expect(quiz.locator(".feedback")).to_have_attribute("data-state", "wrong")
    page.wait_for_selector("#naive-ablation .plot-host", state="attached")
    show(page, "#naive-ablation")
    for bits in final_bits(json.loads(ablation.TABLE.read_text())).values():
        expect(page.locator("#naive-ablation .plot-caption p")).to_contain_text(f"{bits:.3f}")
    page.evaluate("""document.querySelector('#naive-ablation .plot-host').emit('plotly_click',
        {points: [{curveNumber: 1, pointNumber: 0, pointIndex: 0, x: 250, y: 0}]})""")
    expect(page.locator("#naive-ablation-point")).to_contain_text("250")


def test_a_click_changes_another_sample(opener):
    page = open_cell(opener, "/", "&check=shift", width=390, color_scheme="dark")
    show(page, FIGURE)
    expect(page.locator(SAID)).to_contain_text("Only sample 40 is changed")
    page.evaluate(f"""document.querySelector('{FIGURE} .plot-host').emit('plotly_click',
        {{points: [{{curveNumber: 0, pointNumber: 0, pointIndex: 0, x: 12, y: 0}}]}})""")
    expect(page.locator(SAID)).to_contain_text("Only sample 12 is changed")
    expect(page.locator(SAID)).to_contain_text("number 12 in the lecture's")
    expect(page.locator(SAID)).to_contain_text("number 13 in ours")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
