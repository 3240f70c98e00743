"""Tacotron 2: a sentence is read while its alignment grows, and heard; every figure answers; in both languages."""

from __future__ import annotations

import pytest
from browsing import answer, bring, click_at, drawn, open_patiently, plotly_click
from hearing import first_sound, said_live, sounds
from playwright.sync_api import expect

from core import held_out, weights
from demos._tab import LANGUAGES, strings

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif("tacotron2-english" not in weights.names(), reason="the weights are not here yet"),
]
in_both = pytest.mark.parametrize("language", LANGUAGES)
in_english, in_korean = (pytest.mark.parametrize("language", [language]) for language in LANGUAGES)
VIEW, LIVE = "#speak-view .alignment-view", "#speak-live .live"
LECTURE = "안녕하세요? 만나게 돼서 모두 반갑습니다."


def steps(page) -> int:
    return int(page.locator(VIEW).get_attribute("data-steps"))


@in_both
def test_a_sentence_is_there_at_sight_and_another_is_read_and_heard_live(opener, language, record_property) -> None:
    page = open_patiently(opener, "tacotron2", language, "speak")
    bring(page, VIEW)
    page.wait_for_selector(f"{VIEW}[data-state=done]")
    *_, natural = sounds(page, "#speak-take", 3)
    assert len(natural) == len(held_out.load("b0481"))
    stored = steps(page)
    page.locator("#tacotron2-sentence textarea").fill("Yes. The old man sat by the river, and waited.")
    said_live(page, LIVE, "#speak-run")
    page.wait_for_selector(f"{VIEW}[data-state=done]")
    first_sound(page, LIVE, record_property)
    assert steps(page) != stored
    take, *_ = sounds(page, "#speak-take", 2)
    assert len(take) == steps(page) * 600 == int(page.locator(LIVE).get_attribute("data-received"))
    expect(page.locator("#speak-verdict")).to_contain_text("%")


@in_korean
def test_pointing_lights_up_the_letters_and_the_cursor_follows_the_sound(opener, language) -> None:
    page = open_patiently(opener, "tacotron2", language, "speak")
    page.wait_for_selector(f"{VIEW}[data-state=done]")
    picture = page.locator(f"{VIEW} canvas.picture")
    click_at(page, picture, 0.5, 0.2)
    looked = "Array.from(document.querySelectorAll('#speak-view .said span')).map(" \
             "s => Number(s.style.getPropertyValue('--looked') || 0))"
    shares = page.evaluate(looked)
    assert max(shares) > 0.4 and shares[0] < 0.1  # in the middle of the sentence, not its first letter
    assert 0.3 < int(page.locator(VIEW).get_attribute("data-at")) / steps(page) < 0.7
    page.mouse.move(5, 5)
    expect(page.locator(VIEW)).to_have_attribute("data-at", "-1")
    bring(page, "#speak-take .play").click()
    page.wait_for_function(f"Number(document.querySelector('{VIEW}').dataset.at) > 10")
    with page.expect_download() as download:
        page.locator("#speak-view button[data-kind=csv]").click()
    rows = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(rows) == steps(page) + 1
    weights_of = [float(cell.strip('"')) for cell in rows[5].split(",")[3:]]
    assert sum(weights_of) == pytest.approx(1, abs=0.05)


@in_english
def test_the_energies_answer_to_the_location_term_and_to_a_token(opener, language) -> None:
    page = open_patiently(opener, "tacotron2", language, "energies")
    curves, units = drawn(page, "energies-curves"), page.locator("#energies-units p").last
    expect(page.locator("#energies-table")).to_contain_text("‖Uf‖")
    without = curves.evaluate("plot => plot.data.filter(line => line.showlegend !== false).map(line => line.y)")
    assert len(without) == 2 and without[0] != without[1]
    drawn(page, "energies-units")
    before = units.inner_text()
    plotly_click(page, "energies-curves", x=3, point=3)
    expect(units).not_to_have_text(before)
    summary = page.locator("#energies-curves p").last
    before = summary.inner_text()
    click_at(page, page.locator(".link-decoder-step input[type=range]"), 0.12)
    expect(summary).not_to_have_text(before)


@in_korean
def test_early_weights_read_badly_and_later_ones_well(opener, language) -> None:
    page = open_patiently(opener, "tacotron2", language, "learned")
    t = strings("tacotron2", language)
    drawn(page, "learned-alignment")
    sounds(page, "#learned-sound", 1)
    expect(page.locator("#learned-verdict")).to_contain_text(t("verdict_limit").split("**")[1])
    page.locator("#step-learned .link-training-step label").last.click()
    expect(page.locator("#learned-verdict")).to_contain_text(t("verdict_good"))


@in_english
def test_failures_are_provoked_live(opener, language) -> None:
    page = open_patiently(opener, "tacotron2", language, "failures")
    t = strings("tacotron2", language)
    drawn(page, "failures-alignment")
    sounds(page, "#failures-sound", 1)
    expect(page.locator("#failures-verdict")).not_to_contain_text(t("verdict_good"))
    before = page.locator("#failures-alignment p").last.inner_text()
    page.locator("#step-failures").get_by_label(t("failures.kind_repeated"), exact=True).check()
    expect(page.locator("#failures-alignment p").last).not_to_have_text(before)
    answer(page, "failures-twice", 0)


@in_korean
def test_a_held_out_sentence_is_copied_and_said_by_both_vocoders(opener, language) -> None:
    page = open_patiently(opener, "tacotron2", language, "vocoders")
    drawn(page, "vocoders-mels")
    natural, *others = sounds(page, "#vocoders-sounds", 5)
    assert len(others[0]) == pytest.approx(len(natural), rel=0.05)
    expect(page.locator("#vocoders-table")).to_contain_text("dB")


@pytest.mark.skipif("tacotron2-korean" not in weights.names(), reason="the weights are not here yet")
def test_the_lecture_s_sentence_is_read_in_korean(opener) -> None:
    page = open_patiently(opener, "tacotron2", "ko", "speak")
    page.locator("#tacotron2-sentence textarea").fill(LECTURE)
    page.locator("#lesson .step").get_by_text(strings("tacotron2", "ko")("word_griffin-lim"), exact=True).first.click()
    page.locator("#speak-run").click()
    page.wait_for_selector(f"{LIVE}[data-state=done]", state="attached")
    (take,) = sounds(page, "#speak-take", 1)
    assert 2 < len(take) / 16_000 < 8
    expect(page.locator("#speak-voice")).to_contain_text("espeak-ng")


def test_bad_sentences_are_explained_and_nothing_is_lost(opener) -> None:
    page = open_patiently(opener, "tacotron2", "en", "speak")
    page.wait_for_selector(f"{VIEW}[data-state=done]")
    for text in ("?!", "🙂", "Это по-русски", "a" * 10_000):
        page.locator("#tacotron2-sentence textarea").fill(text)
        page.locator("#speak-run").click()
        expect(page.locator(".toast-body").last).to_be_visible()
        page.wait_for_selector(f"{LIVE}[data-state=idle]", state="attached")
    page.locator("#tacotron2-sentence textarea").fill("It still works.")
    page.locator("#speak-run").click()
    page.wait_for_selector(f"{LIVE}[data-state=done]", state="attached")
