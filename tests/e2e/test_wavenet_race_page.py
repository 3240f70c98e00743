"""The race cell in Chromium, in both languages: the animation, the counts, the engines by the clock."""

from __future__ import annotations

import re

import pytest
from browsing import PATHS, answer, bring, drawn, open_cell
from playwright.sync_api import Page, expect

from core.wavenet import race
from core.wavenet.count import count
from demos._tab import strings


def cell(opener, language: str, more: str = "", **options) -> Page:
    page = open_cell(opener, language, "race", more, ready="#race-animation", **options)
    page.wait_for_selector("#race-animation .race[data-drawn]")
    return page


def dots(page: Page, side: str, kind: str) -> int:
    return page.locator(f"#race-animation .{side} svg.grid .dot.{kind}").count()


def check(page: Page, side: str, text: str) -> None:
    expect(page.locator(f"#race-animation .{side} > p:not(.rings-title)")).to_have_text(text)


@pytest.mark.parametrize("language", PATHS)
def test_steps_forward_back_and_play(opener, language: str) -> None:
    t = strings("wavenet", language).cell("race")
    story = race.story()
    page = cell(opener, language, "&sample=12")

    def shows(now: int) -> None:
        step = story[now]
        expect(page.locator("#race-animation output")).to_have_text(t("animation.at", t=now))
        columns = step["columns"]
        naive = {"columns": columns, "moments": columns // 4, "again": columns - 4, "naive": f"{step['naive']:,}"}
        cached = {"cached_columns": 4, "reads": len(step["read"]), "cached": f"{step['cached']:,}"}
        check(page, "naive", t("animation.naive_says", **naive))
        check(page, "cached", t("animation.cached_says", **cached))
        assert dots(page, "naive", "new") == dots(page, "cached", "new") == 5
        assert dots(page, "naive", "again") == len(step["recomputed"])
        assert dots(page, "cached", "read") == len(step["read"])
        wanted = [f"{now - d} → {now}" if now >= d else f"{t('animation.silence')} → {now}" for d in (1, 2, 4, 8)]
        assert page.locator("#race-animation .rings .exchange").all_text_contents() == wanted

    shows(12)
    page.locator("#race-animation .step").click()
    shows(13)
    assert "sample=13" in page.url
    for _ in range(2):
        page.locator("#race-animation .back").click()
    shows(11)
    page.locator("#race-animation input").evaluate("e => { e.value = 0; e.dispatchEvent(new Event('input')); }")
    shows(0)
    page.locator("#race-animation .back").click()
    shows(0)  # nothing before the first sample
    page.locator("#race-animation .play").click()
    expect(page.locator("#race-animation output")).to_have_text(t("animation.at", t=3), timeout=20_000)
    page.locator("#race-animation .play").click()
    stopped = page.locator("#race-animation .race").get_attribute("data-t")
    page.wait_for_timeout(1500)
    assert page.locator("#race-animation .race").get_attribute("data-t") == stopped


@pytest.mark.parametrize("language", PATHS)
def test_operations_after_the_question(opener, language: str) -> None:
    page = cell(opener, language, width=390)
    asked = answer(page, "race-growth", 1)
    expect(asked.locator(".feedback")).to_have_attribute("data-state", "right")
    drawn(page, "race-operations")
    table = page.locator("#race-table")
    expect(table).to_contain_text(f"{count(race.Small()).naive:,}")
    expect(table).to_contain_text("864,256")  # network M, cached
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("language", PATHS)
def test_every_engine_runs_by_the_clock(opener, language: str) -> None:
    t = strings("wavenet", language).cell("race")
    page = cell(opener, language, "&race-network=s")
    drawn(page, "race-speeds")
    bring(page, "#race-run").click()
    going = re.escape(t("running", engine="ENGINE", number=88, count=99)).replace("ENGINE", ".+")
    going = re.compile(going.replace("88", r"\d+").replace("99", r"\d+"))
    expect(page.locator("#race-speeds .plot-caption p")).to_have_text(going, timeout=120_000)
    if language == "ko":
        page.locator("#race-stop").click()  # what has run stays
        page.wait_for_timeout(3000)
        assert page.locator("#race-speeds .plot-host").is_visible()
        return
    expect(page.locator("#race-verdict")).to_contain_text(race.processor(), timeout=180_000)
    expect(page.locator("#race-verdict")).to_contain_text("auto takes")
    bring(page, "#race-costs .plot-caption")
    expect(page.locator("#race-costs .plot-caption p")).to_contain_text("naive", timeout=120_000)


def test_both_listings_stand_side_by_side_on_wide_screens(opener) -> None:
    page = cell(opener, "en")
    naive, cached = (bring(page, "#race-codes").locator(".code-cell").nth(i).bounding_box() for i in range(2))
    assert abs(naive["y"] - cached["y"]) < 2 and cached["x"] > naive["x"] + naive["width"] / 2
    expect(page.locator("#race-codes")).to_contain_text("def next_logits")
    expect(page.locator("#race-codes")).to_contain_text("def layer_step")
