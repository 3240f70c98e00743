"""The network that speaks by itself: heard, stopped, primed; its softmax; in both languages."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browsing import answer, bring, click_at, drawn, open_cell
from hearing import assert_is_sound, first_sound, said_live, wav
from playwright.sync_api import expect

from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e
in_both = pytest.mark.parametrize("language", LANGUAGES)
in_one = {language: pytest.mark.parametrize("language", [language]) for language in LANGUAGES}
CELL = "#step-unconditional"
LIVE = "#unconditional-live .live"
PATIENCE_MS = 120_000


def opened(opener, language: str, query: str = ""):
    page = open_cell(opener, language, "unconditional", query, ready=LIVE)
    page.set_default_timeout(PATIENCE_MS)
    bring(page, "#unconditional-takes")
    page.wait_for_selector("#unconditional-takes .player[data-ready]")
    return page


def speak(page) -> None:
    """Press the button and wait until the network has finished and the take is in the player."""
    ready = page.locator("#unconditional-takes .player").get_attribute("data-ready")
    said_live(page, LIVE, "#unconditional-run")
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
    for index, choice in enumerate(page.locator("#unconditional-takes .choice").all()):
        choice.click()  # each take has its own length
        seconds = len(wav(page, "#unconditional-takes", index)[0]) / 16_000
        expect(page.locator("#unconditional-takes .time")).to_have_text(f"0.0 / {seconds:.1f} s")
    said, summary = drawn(page, "unconditional-said"), page.locator("#unconditional-softmax p").last
    before = summary.inner_text()
    click_at(page, said, 0.8)
    expect(summary).not_to_have_text(before)
    bits = float(re.search(r"(\d\.\d\d) ?(bits|비트)", summary.inner_text()).group(1))
    probabilities = np.array(
        page.evaluate("document.querySelector('#unconditional-softmax .plot-host').data[0].y")
    )
    assert len(probabilities) == 256 and probabilities.sum() == pytest.approx(1.0, abs=1e-3)
    kept = probabilities[probabilities > 0]
    assert -(kept * np.log2(kept)).sum() == pytest.approx(bits, abs=0.02)


@in_both
def test_it_speaks_live_and_the_take_can_be_downloaded(opener, language: str, record_property) -> None:
    t = strings("wavenet", language).cell("unconditional")
    page = opened(opener, language, "&seconds=2&temperature=0.8&seed=7")
    summary = page.locator("#unconditional-softmax p").last
    before = summary.inner_text()
    speak(page)
    live = page.locator(LIVE)
    first_sound(page, LIVE, record_property)
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
    assert page.locator("#unconditional-answer").count() == 0 or page.locator("#unconditional-answer").is_hidden()
    for index in range(3):
        quiz = answer(page, "unconditional-memory", index)
        feedback = t.quizzes["unconditional"]["memory"]["choice"][index]["feedback"][language]
        expect(quiz).to_contain_text(feedback[:30])
    expect(page.locator("#unconditional-answer")).to_be_visible()
