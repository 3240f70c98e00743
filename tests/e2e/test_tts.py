"""Text to speech: every way of speaking is heard, every figure answers, bad text is explained; in both languages."""

from __future__ import annotations

import numpy as np
import pytest
from browsing import PATIENCE_MS, bring, click_at, drawn, open_patiently, plotly_click
from hearing import sounds
from playwright.sync_api import expect

from core import held_out
from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e
in_both = pytest.mark.parametrize("language", LANGUAGES)
MONEY = "I paid $1,234.56 on 3/4/2021 at 5:07pm, Dr. O'Neil!"


def renewed(page, player: str, change) -> None:
    """Do something, and wait until the player has been built anew."""
    builds = f"Number(document.querySelector('{player} .player').dataset.ready)"
    before = page.evaluate(builds)
    change()
    page.wait_for_function(f"{builds} > {before}")


@in_both
def test_one_sentence_is_spoken_every_way_beside_the_recording(opener, language: str) -> None:
    page = open_patiently(opener, "tts", language, "together")
    drawn(page, "together-figure")
    units, parametric, smooth, end_to_end, natural = sounds(page, "#together-sounds", 5)
    assert len({len(units), len(parametric), len(end_to_end), len(natural)}) == 4 and len(smooth) == len(parametric)
    assert 0.6 < len(units) / len(natural) < 1.6 and 0.6 < len(parametric) / len(natural) < 1.6
    table = page.locator("#together-table")
    t = strings("tts", language).cell("together")
    for name in ("units", "parametric", "parametric_smooth", "natural", "end_to_end"):
        expect(table).to_contain_text(t(name))
    expect(table).to_contain_text("MB")


@in_both
def test_every_cell_follows_the_sentence(opener, language: str) -> None:
    """Another prompt is typed and the box is left: lattice and recording are those of the new sentence."""
    page = open_patiently(opener, "tts", language, "units")
    drawn(page, "units-lattice")
    sounds(page, "#units-sound", 2)
    page.locator("#sentence textarea").fill(held_out.sentences()["b0482"])
    renewed(page, "#units-sound", lambda: page.locator("#sentence textarea").press("Enter"))
    both, natural = sounds(page, "#units-sound", 2)
    assert len(natural) == len(held_out.load("b0482")) and 0.6 < len(both) / len(natural) < 1.6
    preset = page.locator("#step-units").get_by_role("button", name=strings("tts", language)("units.preset_no_join"))
    renewed(page, "#units-sound", preset.click)
    again, natural = sounds(page, "#units-sound", 2)
    assert len(natural) == len(held_out.load("b0482"))


@in_both
def test_a_slider_is_heard_at_once(opener, language: str) -> None:
    page = open_patiently(opener, "tts", language, "parametric")
    drawn(page, "parametric-durations")
    usual, *_ = sounds(page, "#parametric-sound", 3)
    slider = page.locator(".link-parametric-rate input[type=range]")
    renewed(page, "#parametric-sound", lambda: click_at(page, slider, 0))
    slow, *_ = sounds(page, "#parametric-sound", 3)
    assert len(slow) > 1.5 * len(usual)


@in_both
def test_the_front_end_follows_what_is_typed(opener, language: str) -> None:
    page = open_patiently(opener, "tts", language, "text")
    shown = page.locator("#text-shown")
    box = page.locator("#sentence textarea")
    box.fill("국물 3개를 같이 먹었다.")
    expect(shown).to_contain_text("궁물")
    expect(shown).to_contain_text("가치")
    box.fill(MONEY)
    expect(shown).to_contain_text("thousand")
    expect(shown.locator(".written").nth(2)).to_have_text("$1,234.56")
    box.fill("?!")
    expect(shown.locator(".problem")).to_be_visible()
    page.locator("#presets input").click()
    page.get_by_role("option").nth(1).click()  # the lecture's sentence
    page.locator("label").filter(has_text=strings("tts", language)("text.letters")).click()
    expect(shown.locator(".ids")).to_contain_text("[13, 21, 45, 4, 27, 62")


@in_both
def test_the_lattice_answers(opener, language: str) -> None:
    page = open_patiently(opener, "tts", language, "units")
    drawn(page, "units-lattice")
    both, _ = sounds(page, "#units-sound", 2)
    summary = page.locator("#units-lattice .plot-caption p")
    before = summary.inner_text()
    plotly_click(page, "units-lattice", x=5, y=3)
    alone, around, sentence = sounds(page, "#units-unit", 3)
    assert len(alone) < len(around) < len(sentence)
    expect(page.locator("#units-chosen")).to_contain_text("arctic_")
    t = strings("tts", language).cell("units")
    page.locator("#step-units").get_by_role("button", name=t("preset_no_join")).click()
    expect(summary).not_to_have_text(before)
    other, _ = sounds(page, "#units-sound", 2)
    assert len(other) != len(both)
    drawn(page, "units-coverage")


@in_both
def test_parameters_speak_with_and_without_variance(opener, language: str) -> None:
    page = open_patiently(opener, "tts", language, "parametric", "&say=" + "A%20new%20sentence%20of%20mine.")
    drawn(page, "parametric-durations")
    sharp, smooth = sounds(page, "#parametric-sound", 2)
    assert len(sharp) == len(smooth) and np.abs(sharp - smooth).max() > 0.01
    drawn(page, "parametric-trajectories")
    drawn(page, "parametric-envelopes")


@in_both
def test_a_voice_is_taken_apart_and_put_together(opener, language: str) -> None:
    page = open_patiently(opener, "tts", language, "vocoder", "&vocoder-rate=2")
    drawn(page, "vocoder-melody")
    original, again = sounds(page, "#vocoder-sound", 2)
    assert len(again) == pytest.approx(len(original) / 2, rel=0.02)


@in_both
def test_korean_text_is_refused_by_the_english_voice_with_advice(opener, language: str) -> None:
    page = open_patiently(opener, "tts", language, "units")
    drawn(page, "units-lattice")
    page.locator("#sentence textarea").fill("안녕하세요?")
    bring(page, "#units-run").click()
    toast = page.locator(".toast-body").first
    expect(toast).to_contain_text("English" if language == "en" else "영어")


@in_both
def test_a_refused_sentence_is_told_once_and_stays_said_below_the_box(opener, language: str) -> None:
    page = open_patiently(opener, "tts", language, "together")
    drawn(page, "together-figure")
    box, toasts = page.locator("#sentence textarea"), page.locator(".toast-body")
    wanted = "English" if language == "en" else "영어"
    bring(page, "#sentence textarea").fill("안녕하세요?")
    box.press("Enter")
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text(wanted)
    expect(page.locator("#sentence-remark .remark")).to_contain_text(wanted)
    page.locator(".toast-close").click()
    expect(toasts).to_have_count(0)
    for _ in range(3):  # leaving the box again and again
        box.focus()
        box.blur()
        page.wait_for_timeout(700)
    expect(toasts).to_have_count(0)
    box.fill("안녕")
    box.press("Enter")
    expect(toasts).to_have_count(1)
    box.fill("Hello 🙂 there.")
    expect(page.locator("#sentence-remark .remark")).to_contain_text("🙂")
    box.fill("Hello there.")
    expect(page.locator("#sentence-remark")).to_have_count(0)


def test_what_belongs_to_the_last_sentence_is_dim_while_the_new_one_waits(opener) -> None:
    """All three cells at once, though they are made one after the other; then each names what it says."""
    page = open_patiently(opener, "tts", "en", "together")
    players = {"together": 5, "units": 2, "parametric": 3}
    for name, count in players.items():
        sound = "#together-sounds" if name == "together" else f"#{name}-sound"
        sounds(page, sound, count)
        drawn(page, {"together": "together-figure", "units": "units-lattice"}.get(name, f"{name}-durations"))
    page.wait_for_function("!document.querySelector('.out-cell .wrap:not(.hide)')")
    bring(page, "#sentence textarea").fill("The rabbit of a hat is $5, not $6.")
    page.locator("#sentence textarea").press("Enter")
    page.wait_for_function(
        "['together-sounds', 'units-sound', 'parametric-sound'].every(name => getComputedStyle("
        "document.querySelector(`#${name} .html-container`)).opacity < 0.5)"
    )
    for note in ("#together-table", "#units-facts", "#parametric-facts"):
        expect(page.locator(note)).to_contain_text("“The rabbit of a hat is $5, not $6.”", timeout=PATIENCE_MS)


def test_a_phone_shows_fewer_ticks_and_columns(opener) -> None:
    """The names along the axis of a figure do not lie on each other, at 390 pixels."""
    page = open_patiently(opener, "tts", "en", "units", width=390)
    for name in ("units-coverage", "parametric-labels"):
        drawn(page, name)
        boxes = page.evaluate(
            "name => [...document.querySelectorAll(`#${name} .xtick text`)].map(e => e.getBoundingClientRect())"
            ".map(b => [b.left, b.right]).sort((a, b) => a[0] - b[0])",
            name,
        )
        assert len(boxes) > 5
        assert all(right <= left + 1 for (_, right), (left, _) in zip(boxes, boxes[1:])), (name, boxes)


def test_a_phone_has_no_sideways_scrolling(opener) -> None:
    page = open_patiently(opener, "tts", "ko", "units", width=390)
    drawn(page, "units-lattice")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
