"""The VQ-VAE tab: stored codes, a voice said anew, codes clicked and edited, dead codes, another speaker."""

from __future__ import annotations

import re

import pytest
from browsing import answer, bring, click_at, drawn, open_patiently
from hearing import assert_is_sound, said_live, sounds, wav
from playwright.sync_api import expect

from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e
in_both = pytest.mark.parametrize("language", LANGUAGES)
in_one = {language: pytest.mark.parametrize("language", [language]) for language in LANGUAGES}
TAB = "vqvae"


def players_ready(page, player: str) -> str:
    bring(page, f"#{player}")
    page.wait_for_selector(f"#{player} .player[data-ready]", state="attached")
    return page.locator(f"#{player} .player").get_attribute("data-ready")


def wait_for_new(page, player: str, before: str) -> None:
    page.wait_for_function(
        f"before => document.querySelector('#{player} .player').dataset.ready !== before", arg=before
    )


@in_both
def test_a_code_is_clicked_and_edited(opener, language: str) -> None:
    t = strings(TAB, language).cell("edit")
    page = open_patiently(opener, TAB, language, "edit")
    view = bring(page, "#edit-view .codes-view[data-rows='1']")
    count = int(view.get_attribute("data-codes"))
    assert count > 100
    before = players_ready(page, "edit-one")  # the first code has been heard and drawn by itself
    canvas = page.locator("#edit-view canvas").first
    click_at(page, canvas, 0.3, 0.1)
    code = view.get_attribute("data-picked")
    expect(page.locator("#edit-view .at")).to_contain_text(code)
    wait_for_new(page, "edit-one", before)
    expect(page.locator("#edit-one .choice").first).to_contain_text(t("alone", code=code))
    expect(page.locator("#edit-spectrum .plot-caption p").last).to_contain_text(code)
    assert_is_sound(wav(page, "#edit-one")[0])
    page.locator("#edit-stretch").click()
    page.wait_for_selector(f"#edit-view .codes-view[data-codes='{2 * count}'][data-rows='2']", state="attached")
    long, short = sounds(page, "#edit-sounds", 2)
    assert len(long) > 1.9 * len(short)
    page.locator("#edit-undo").click()
    page.wait_for_selector(f"#edit-view .codes-view[data-codes='{count}'][data-rows='1']", state="attached")


@in_one["en"]
def test_stored_codes_are_there_at_once_and_a_voice_is_said_anew(opener, language: str) -> None:
    page = open_patiently(opener, TAB, language, "codes", "&codes-voice-sample=b0481")
    page.wait_for_selector("#codes-view .codes-view[data-rows='2']", state="attached")
    players_ready(page, "codes-sounds")
    said_live(page, "#codes-live .live", "#codes-run")
    t = strings(TAB, language).cell("codes")
    expect(page.locator("#codes-sounds .choice").nth(2)).to_contain_text(t("said_argmax"))
    found = sounds(page, "#codes-sounds", 4)
    rate = len(found[1]) / int(page.locator("#codes-view .codes-view").get_attribute("data-codes"))
    assert rate == 400  # samples for a code
    picture = drawn(page, "codes-rates")
    if picture.locator(".point").count():
        assert page.evaluate("document.querySelector('#codes-rates .plot-host').data.length") >= 3


@in_one["ko"]
def test_a_codebook_is_played_and_the_question_reveals(opener, language: str) -> None:
    t = strings(TAB, language).cell("codebook")
    page = open_patiently(opener, TAB, language, "codebook")
    asked = answer(page, "codebook-dead", 2)
    feedback = t.quizzes["codebook"]["dead"]["choice"][2]["feedback"][language]
    expect(asked).to_contain_text(feedback[:20])
    expect(page.locator("#codebook-answer")).to_be_visible()
    drawn(page, "codebook-curves")
    assert page.evaluate("document.querySelector('#codebook-curves .plot-host').data.length") == 5
    rows = page.locator("#codebook-table tbody tr")
    assert rows.count() == 5
    drawn(page, "codebook-moments")
    dead = int(rows.first.locator("td").nth(1).inner_text())
    used = page.evaluate(
        "document.querySelector('#codebook-moments .plot-host').data[0].customdata.filter(n => n > 0).length"
    )
    assert used + dead == 512
    summary = page.locator("#codebook-moments .plot-caption p").last
    before = summary.inner_text()
    page.get_by_label(t("run_restart"), exact=True).first.check()
    expect(summary).not_to_have_text(before)
    assert int(re.search(r"512개 가운데 (\d+)개", summary.inner_text()).group(1)) > used


@in_one["en"]
def test_the_unseen_mans_sentence_is_said_by_the_other_man(opener, language: str) -> None:
    t = strings(TAB, language).cell("convert")
    page = open_patiently(opener, TAB, language, "convert", "&speaker=MC")
    before = players_ready(page, "convert-sounds")
    bring(page, "#convert-man").click()
    wait_for_new(page, "convert-sounds", before)
    man = wav(page, "#convert-sounds")[0]
    said_live(page, "#convert-live .live", "#convert-run")
    source, said = sounds(page, "#convert-sounds", 2)
    assert len(source) == len(man) and abs(len(said) - len(source)) <= 400
    expect(page.locator("#convert-said table")).to_contain_text(t("speaker_MC"))
