"""The network that speaks by itself: heard, stopped, primed; its softmax; in both languages."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hearing import assert_is_sound, wav
from playwright.sync_api import expect

from demos._tab import LANGUAGES, strings

PATHS = {"en": "/", "ko": "/ko"}
pytestmark = pytest.mark.e2e
in_both = pytest.mark.parametrize("language", LANGUAGES)
in_one = {language: pytest.mark.parametrize("language", [language]) for language in LANGUAGES}
CELL = "#step-unconditional"
LIVE = "#unconditional-live .live"
PATIENCE_MS = 120_000


def opened(opener, language: str, query: str = ""):
    page = opener(f"{PATHS[language]}?tab=wavenet&step=unconditional{query}")
    page.set_default_timeout(PATIENCE_MS)
    page.wait_for_selector(LIVE, state="attached")
    page.locator("#unconditional-takes").scroll_into_view_if_needed()
    page.wait_for_selector("#unconditional-takes .player[data-ready]")
    return page


def speak(page) -> None:
    """Press the button and wait until the network has finished and the take is in the player."""
    ready = page.locator("#unconditional-takes .player").get_attribute("data-ready")
    page.locator("#unconditional-run").click()
    page.wait_for_selector(f"{LIVE}[data-state=running]", state="attached")
    page.wait_for_selector(f"{LIVE}[data-state=done], {LIVE}[data-state=stopped]", state="attached")
    page.wait_for_function(
        "old => document.querySelector('#unconditional-takes .player').dataset.ready !== old", arg=ready
    )


@in_both
def test_stored_takes_are_there_at_once_and_a_click_shows_their_softmax(opener, language: str) -> None:
    page = opened(opener, language)
    assert page.locator("#unconditional-takes .choice").count() == 4
    x, rate = wav(page, "#unconditional-takes")
    assert rate == 16_000 and len(x) >= 32_000
    assert_is_sound(x)
    said, summary = page.locator("#unconditional-said .plot-host"), page.locator("#unconditional-softmax p").last
    page.wait_for_selector("#unconditional-said .plot-host[data-drawn]")
    before = summary.inner_text()
    said.scroll_into_view_if_needed()
    box = said.bounding_box()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_timeout(300)
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"])
    expect(summary).not_to_have_text(before)
    bits = float(re.search(r"(\d\.\d\d) ?(bits|비트)", summary.inner_text()).group(1))
    probabilities = np.array(
        page.evaluate("document.querySelector('#unconditional-softmax .plot-host').data[0].y")
    )
    assert len(probabilities) == 256 and probabilities.sum() == pytest.approx(1.0, abs=1e-3)
    kept = probabilities[probabilities > 0]
    assert -(kept * np.log2(kept)).sum() == pytest.approx(bits, abs=0.02)


@in_both
def test_it_speaks_live_and_the_take_can_be_downloaded(opener, language: str) -> None:
    t = strings("wavenet", language).cell("unconditional")
    page = opened(opener, language, "&seconds=2&temperature=0.8&seed=7")
    summary = page.locator("#unconditional-softmax p").last
    before = summary.inner_text()
    speak(page)
    live = page.locator(LIVE)
    assert int(live.get_attribute("data-first-sound-ms")) > 0, "it was heard before it was finished"
    assert live.get_attribute("data-received") == "32000"
    assert live.get_attribute("data-looks") == "40"  # one for each of the blocks of 50 ms
    assert 0 < float(live.get_attribute("data-bits")) < 8
    assert "samples/s" in page.locator(".live-facts").first.inner_text() or language == "ko"
    assert summary.inner_text() != before
    expect(page.locator("#unconditional-takes .choice").first).to_contain_text(
        t("take", temperature="0.8", seed=7)
    )
    assert page.locator("#unconditional-takes .choice").count() == 4  # and three of the stored ones
    x, rate = wav(page, "#unconditional-takes")
    assert (len(x), rate) == (32_000, 16_000)
    assert_is_sound(x)
    first, _ = wav(page, "#unconditional-takes")
    speak(page)  # the same seed again
    again, _ = wav(page, "#unconditional-takes")
    assert np.array_equal(first[:100], again[:100])


@in_one["en"]
def test_it_continues_a_voice_and_shows_where(opener, language: str) -> None:
    t = strings("wavenet", language).cell("unconditional")
    page = opened(opener, language, "&seconds=1&primed=true&prime=0.5")
    speak(page)
    assert page.locator(LIVE).get_attribute("data-received") == "24000"
    expect(page.locator("#unconditional-takes .choice").first).to_contain_text(
        t("take_primed", temperature="0.9", seed=1)
    )
    x, _ = wav(page, "#unconditional-takes")
    assert len(x) == 24_000
    assert_is_sound(x)
    expect(page.locator("#unconditional-said .plot-host")).to_contain_text(t("said_goes_on"))


@in_one["ko"]
def test_it_stops_when_asked_and_keeps_what_was_said(opener, language: str) -> None:
    page = opened(opener, language, "&seconds=15")
    ready = page.locator("#unconditional-takes .player").get_attribute("data-ready")
    page.locator("#unconditional-run").click()
    page.wait_for_function(f"Number(document.querySelector('{LIVE}').dataset.received) > 0")
    page.locator("#unconditional-stop").click()
    page.wait_for_selector(f"{LIVE}[data-state=stopped]", state="attached")
    page.wait_for_function(
        "old => document.querySelector('#unconditional-takes .player').dataset.ready !== old", arg=ready
    )
    x, _ = wav(page, "#unconditional-takes")
    assert 800 <= len(x) < 240_000 and len(x) % 800 == 0


@in_one["ko"]
def test_the_questions_answer_every_choice(opener, language: str) -> None:
    t = strings("wavenet", language).cell("unconditional")
    page = opened(opener, language)
    quiz = page.locator("#quiz-unconditional-memory")
    assert page.locator("#unconditional-answer").count() == 0 or page.locator("#unconditional-answer").is_hidden()
    quiz.scroll_into_view_if_needed()
    for index in range(3):
        quiz.locator("input[type=radio]").nth(index).check()
        quiz.get_by_role("button").first.click()
        feedback = t.quizzes["unconditional"]["memory"]["choice"][index]["feedback"][language]
        expect(quiz).to_contain_text(feedback[:30])
    expect(page.locator("#unconditional-answer")).to_be_visible()
