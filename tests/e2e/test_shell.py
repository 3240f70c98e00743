"""The shell in Chromium, in both languages: tabs, links, theme, cells, figures, sounds, questions, errors."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from browsing import PATHS, bring, drawn, open_cell
from playwright.sync_api import Page, expect

from core import plots
from demos._tab import LANGUAGES, discover, strings
from demos._wavenet.mulaw import CURVE_LEVELS
from demos._widgets import SAMPLES

MEGABYTE = 1_000_000
both_languages = pytest.mark.parametrize("language", LANGUAGES)


def query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def mulaw(opener, language: str, more: str = "", **options) -> Page:
    return open_cell(opener, language, "mulaw", more, **options)


@both_languages
def test_first_visit_is_small_and_shows_every_tab(opener, language: str) -> None:
    page = opener(PATHS[language])
    for tab in discover():
        words = strings(tab.slug, language)
        card = page.locator(f".card[data-tab={tab.slug}]")
        expect(card).to_be_visible()
        expect(card).to_contain_text(words("card"))
        assert card.locator("svg").count() == 1, "every tab has its picture"
    expect(page.locator("h1").first).to_have_text(strings("_site", language)("title"))
    assert 50_000 < page.watch.transferred_bytes < 3 * MEGABYTE


@both_languages
def test_the_start_page_says_what_one_can_do_and_links_only_what_is_there(opener, language: str) -> None:
    page = opener(PATHS[language])
    t = strings("_site", language)
    expect(page.locator(".start .about")).to_have_text(t("about"))
    tabs = discover()
    for tab in tabs:
        outcomes = strings(tab.slug, language).prose("top").count("- ")
        entry = page.locator(".entry", has=page.locator(f".card[data-tab={tab.slug}]"))
        assert entry.locator(".able li").count() == outcomes >= 3
    links = page.locator(".map a")
    assert {link.get_attribute("data-tab") for link in links.all()} == {tab.slug for tab in tabs}
    assert page.locator(".map ol > li").count() == len(tabs)
    page.locator(".glossary summary").click()
    page.locator(".glossary input").fill("TEMPOGRAM")
    expect(page.locator(".glossary dl > div").filter(visible=True)).to_have_count(1)
    expect(page.locator(".glossary [role=status]")).to_contain_text("1")
    links.first.click()
    expect(page.locator(".tab-header h1").first).to_be_visible()


@both_languages
def test_first_visit_to_a_lesson_is_small_with_its_figures(opener, language: str) -> None:
    """plotly.js is 1.2 MB of it, three sounds are 0.6 MB; both come when the cell is in sight."""
    page = mulaw(opener, language)
    drawn(page, "mulaw-stairs")
    assert 50_000 < page.watch.transferred_bytes < 4.3 * MEGABYTE


@both_languages
def test_contents_open_tabs_and_steps(opener, language: str) -> None:
    page = opener(PATHS[language])
    for tab in discover()[::4]:  # the first, one between, the last
        page.locator(f"#contents a[data-tab={tab.slug}]:not([data-step])").click()
        expect(page.locator(f"#top-{tab.slug} h1")).to_have_text(strings(tab.slug, language).heading("top"))
        steps = page.locator(f"#contents a[data-tab={tab.slug}][data-step]")
        assert steps.count() > 0
        last = steps.nth(steps.count() - 2)
        last.click()
        anchor = last.get_attribute("data-step")
        expect(page.locator(f"#step-{anchor} h2")).to_be_in_viewport()
        assert query(page)["tab"] == tab.slug and query(page)["step"] == anchor
        expect(last).to_have_attribute("aria-current", "true")
    page.locator("#contents a[data-tab=start]").click()
    expect(page.locator(".start h1")).to_be_visible()
    page.locator(".card").first.click()
    expect(page.locator(".tab-header h1").first).to_be_visible()


def test_contents_follow_the_scroll(opener) -> None:
    page = opener("/?tab=wavenet")
    page.wait_for_timeout(1000)
    page.locator("#step-dilation h2").evaluate("e => scrollTo(0, e.getBoundingClientRect().top + scrollY - 120)")
    expect(page.locator("#contents a[data-step=dilation]")).to_have_attribute("aria-current", "true")
    page.wait_for_function("new URLSearchParams(location.search).get('step') === 'dilation'")


@both_languages
def test_a_link_restores_the_controls(opener, language: str) -> None:
    page = mulaw(opener, language, "&levels=37&gain=-12&mulaw-voice-sample=b0497")
    expect(page.locator(".link-levels input[type=number]")).to_have_value("37")
    expect(page.locator(".link-gain input[type=number]")).to_have_value("-12")
    expect(page.locator("#mulaw-voice-sample input")).to_have_value(f"“{SAMPLES['b0497']}”")
    expect(page.locator("#step-mulaw h2")).to_be_in_viewport()


def test_out_of_range_is_clamped_and_unknown_is_ignored(opener) -> None:
    page = mulaw(opener, "en", "&levels=99999&gain=loud&mulaw-voice-sample=nobody&colour=red")
    expect(page.locator(".link-levels input[type=number]")).to_have_value("256")
    expect(page.locator(".link-gain input[type=number]")).to_have_value("-20")
    expect(page.locator("#mulaw-voice-sample input")).to_have_value(f"“{SAMPLES['b0487']}”")
    nowhere = opener("/?tab=nothing&step=nowhere")
    expect(nowhere.locator(".start h1")).to_be_visible()


@both_languages
def test_a_changed_control_writes_the_url_and_survives_reload(opener, language: str) -> None:
    page = mulaw(opener, language)
    box = page.locator(".link-levels input[type=number]")
    box.fill("64")
    box.press("Enter")
    page.wait_for_function("new URLSearchParams(location.search).get('levels') === '64'")
    page.reload()
    expect(page.locator(".link-levels input[type=number]")).to_have_value("64")


def test_language_switch_keeps_the_place(opener) -> None:
    page = mulaw(opener, "en", "&levels=37")
    for language in ("ko", "en"):
        page.locator("a.language").click()
        page.wait_for_url(lambda url, end=PATHS[language]: urlsplit(url).path == end)
        expect(page.locator("#step-mulaw h2")).to_contain_text(strings("wavenet", language).heading("mulaw"))
        expect(page.locator(".link-levels input[type=number]")).to_have_value("37")
        expect(page.locator("#step-mulaw h2")).to_be_in_viewport()
        assert query(page) == {"tab": "wavenet", "step": "mulaw", "levels": "37"}
        page.wait_for_timeout(1500)


def test_theme_follows_the_system_until_chosen_and_is_kept(opener) -> None:
    paper = "getComputedStyle(document.documentElement).getPropertyValue('--paper').trim()"
    line = "document.querySelector('#mulaw-stairs .plot-host').data[0].line.color"
    page = mulaw(opener, "en", color_scheme="dark")
    dark = page.evaluate(paper)
    drawn(page, "mulaw-stairs")
    page.wait_for_function(f"{json.dumps(list(plots.DARK.values()))}.includes({line})")
    page.locator("button.theme").click()
    light = page.evaluate(paper)
    assert dark != light
    page.wait_for_function(f"{json.dumps(list(plots.DARK))}.includes({line})")  # the figure follows
    page.locator("a.language").click()
    page.wait_for_url("**/ko*")
    page.wait_for_function(f"{paper} === '{light}'")
    page.reload()
    page.wait_for_function(f"{paper} === '{light}'")


@both_languages
def test_figure_has_a_sentence_and_exports(opener, language: str) -> None:
    page = mulaw(opener, language)
    drawn(page, "mulaw-stairs")
    expect(page.locator("#mulaw-stairs .plot-caption p")).to_contain_text("0.1333")  # 2 / 15
    for kind, ending in (("png", ".png"), ("svg", ".svg"), ("data", ".json")):
        with page.expect_download() as download:
            page.locator(f"#mulaw-stairs [data-kind={kind}]").click()
        assert download.value.suggested_filename.endswith(ending)
        assert download.value.path().stat().st_size > 1000


@both_languages
def test_quiz_explains_then_reveals_and_a_click_reaches_python(opener, language: str) -> None:
    page = mulaw(opener, language)
    words = strings("wavenet", language)
    table = words.quizzes["mulaw"]
    quiet = bring(page, "#quiz-mulaw-quiet .quiz-body")
    quiet.locator("button").click()
    expect(quiet.locator(".feedback")).to_have_text(words("quiz.choose_one"))
    for i, choice in enumerate(table["quiet"]["choice"]):
        quiet.locator("input").nth(i).check()
        quiet.locator("button").click()
        expect(quiet.locator(".feedback")).to_contain_text(choice["feedback"][language][:30])
        expect(quiet.locator(".feedback")).to_have_attribute("data-state", "right" if choice.get("right") else "wrong")
    doubling = bring(page, "#quiz-mulaw-doubling .quiz-body")
    assert page.locator("#mulaw-curve").count() == 0, "the answer is not shown before the question"
    for given, state, text in (
        ("six", "missing", words("quiz.not_a_number")),
        ("3", "wrong", table["doubling"]["mistake"][0]["feedback"][language][:20]),
        ("100", "wrong", table["doubling"]["otherwise"][language][:20]),
        ("6.02", "right", table["doubling"]["feedback"][language][:20]),
    ):
        doubling.locator("input").fill(given)
        doubling.locator("button").click()
        expect(doubling.locator(".feedback")).to_have_attribute("data-state", state)
        expect(doubling.locator(".feedback")).to_contain_text(text)
    drawn(page, "mulaw-curve")
    click_point(page, "mulaw-curve", curve=1, point=CURVE_LEVELS.index(64))
    expect(page.locator(".link-levels input[type=number]")).to_have_value("64")


def click_point(page: Page, name: str, *, curve: int, point: int) -> None:
    """Click a point of a plotly figure with the mouse."""
    place = page.evaluate(
        """([name, curve, point]) => {
            const plot = document.querySelector(`#${name} .plot-host`);
            const {xaxis, yaxis} = plot._fullLayout;
            const box = plot.getBoundingClientRect();
            const {x, y} = plot._fullData[curve];
            const at = axis => axis.type === 'log' ? Math.log10 : v => v;
            return [box.left + xaxis._offset + xaxis.l2p(at(xaxis)(x[point])),
                    box.top + yaxis._offset + yaxis.l2p(at(yaxis)(y[point]))];
        }""",
        [name, curve, point],
    )
    page.mouse.move(*place)
    page.wait_for_timeout(300)
    page.mouse.click(*place)


@both_languages
def test_player_switches_without_losing_its_position(opener, language: str) -> None:
    page = mulaw(opener, language)
    bring(page, "#mulaw-sound")
    page.wait_for_selector("#mulaw-sound .player[data-ready]", state="attached")
    words = strings("wavenet", language).cell("mulaw")
    expect(page.locator("#mulaw-sound .choice").nth(0)).to_contain_text(words("original"))
    player = bring(page, "#mulaw-sound .player")
    position = lambda: float(player.get_attribute("data-position"))  # noqa: E731
    player.locator(".play").click()
    page.wait_for_function("Number(document.querySelector('#mulaw-sound .player').dataset.position) > 0.5")
    before = position()
    player.locator(".choice").nth(2).click()
    after = position()
    assert before <= after < before + 2.0 and player.get_attribute("data-track") == "2"
    expect(player.locator(".choice").nth(2)).to_have_attribute("aria-checked", "true")
    player.press("1")  # by keyboard
    assert player.get_attribute("data-track") == "0" and player.get_attribute("data-playing") == "1"
    player.press(" ")
    assert player.get_attribute("data-playing") == "0"
    held = position()
    assert held >= after
    player.press("2")
    assert position() == pytest.approx(held, abs=0.01) and player.get_attribute("data-track") == "1"


@both_languages
def test_button_makes_sound_that_can_be_downloaded(opener, language: str) -> None:
    import numpy as np
    import soundfile

    page = mulaw(opener, language, "&levels=4&gain=0")
    bring(page, "#mulaw-sound")
    page.wait_for_selector("#mulaw-sound .player[data-ready]", state="attached")
    box = page.locator(".link-levels input[type=number]")
    box.fill("8")
    box.press("Enter")
    bring(page, "#mulaw-run").click()
    words = strings("wavenet", language).cell("mulaw")
    expect(page.locator("#mulaw-sound .choice").nth(1)).to_contain_text(words("linear", levels=8))
    with page.expect_download() as download:
        page.locator("#mulaw-sound .downloads a").nth(1).click()
    x, rate = soundfile.read(download.value.path())
    assert rate == 16_000 and len(x) > 4 * rate and np.abs(x).max() > 0.1
    assert 4 < len(np.unique(x)) <= 8  # what eight levels mean


@both_languages
def test_the_menu_of_voices_says_whose_sound_is_there(opener, language: str) -> None:
    page = mulaw(opener, language)
    t = strings("_site", language)
    menu, sample = page.locator("#mulaw-voice-sample input"), f"“{SAMPLES['b0481']}”"
    voice = bring(page, "#mulaw-voice")
    voice.locator("button.icon-button").first.click()  # takes the sample away
    expect(menu).to_have_value("")
    voice.locator(".source-selection button").nth(1).click()  # the microphone
    voice.locator("button.record-button").first.click()
    page.wait_for_timeout(1500)
    voice.locator("button.stop-button").first.click()
    expect(menu).to_have_value(t("voice.sample_mine"))
    length = voice.locator(".timestamps time").last
    expect(length).to_have_text(re.compile("0:0[123]"))
    mine = length.text_content()
    for name, seconds in ((sample, "0:02"), (t("voice.sample_mine"), mine)):  # to a sample, and back again
        menu.click()
        page.get_by_role("option", name=name).click()
        expect(menu).to_have_value(name)
        expect(length).to_have_text(seconds)
    bring(page, "#mulaw-run").click()
    expect(page.locator("#mulaw-sound .player .time")).not_to_contain_text("5.0 s")  # the first sample's length
    heard = float(page.locator("#mulaw-sound .player .time").text_content().split()[2])
    assert abs(heard - int(mine[-1])) <= 0.5
    other = page.locator("#conditional-voice-sample input")  # another cell has it in its menu too, and keeps its own
    bring(page, "#conditional-voice")
    expect(other).not_to_have_value(t("voice.sample_mine"))
    other.click()
    page.get_by_role("option", name=t("voice.sample_mine")).click()
    expect(page.locator("#conditional-voice .timestamps time").last).to_have_text(mine)


@pytest.mark.parametrize(("language", "locale"), [("en", "ko-KR"), ("ko", "en-US")])
def test_gradios_words_are_in_the_language_of_the_page(opener, language: str, locale: str) -> None:
    page = mulaw(opener, language, locale=locale)
    voice = bring(page, "#mulaw-voice")
    expect(voice.locator(".source-selection button").first).to_be_visible()
    page.wait_for_timeout(1000)
    labels = page.evaluate("""() => [...document.querySelectorAll('#step-mulaw .in-cell [aria-label]')].map(
        e => e.getAttribute('aria-label').replace(/[(].*?[)]/g, '')).filter(text => text.trim())""")
    assert len(labels) > 8
    hangul, latin = re.compile("[가-힣]"), re.compile("[A-Za-z]{4}")
    assert [text for text in labels if (hangul if language == "en" else latin).search(text)] == []
    voice.locator("button.icon-button").first.click()
    voice.locator(".source-selection button").nth(1).click()
    expect(voice.locator("button.record-button")).to_have_text({"en": "Record", "ko": "녹음"}[language])
    assert page.evaluate("document.documentElement.lang") == language


def test_a_number_out_of_range_becomes_the_nearest_without_a_message(opener) -> None:
    page = mulaw(opener, "ko", "&levels=64")
    caption = drawn(page, "mulaw-stairs").locator("xpath=..").locator(".plot-caption p")
    box = page.locator(".link-levels input[type=number]")
    for given, becomes in (("999", "256"), ("1", "2"), ("", "2"), ("128", "128")):
        box.fill(given)
        box.press("Enter")
        expect(box).to_have_value(becomes)
        expect(caption).to_contain_text(f"{becomes}단계")
    box.fill("")
    box.press_sequentially("16")  # its 1 alone is below the range
    expect(caption).to_contain_text("16단계")
    assert page.locator(".toast-body").count() == 0


@both_languages
def test_code_cell_shows_what_runs(opener, language: str) -> None:
    import inspect

    from demos._wavenet.mulaw import both

    page = mulaw(opener, language)
    cell = bring(page, "#step-mulaw .code-cell")
    assert cell.get_attribute("open") is None
    cell.locator("summary").click()
    shown = cell.locator("pre").last.text_content()
    assert shown.strip() == inspect.getsource(both).strip()


@both_languages
def test_typed_error_is_a_readable_message_and_the_page_stays(opener, language: str) -> None:
    page = mulaw(opener, language, "&levels=37")
    drawn(page, "mulaw-stairs")
    bring(page, "#mulaw-voice").locator("button.icon-button").first.click()  # takes the sample away
    bring(page, "#mulaw-run").click()
    expected = {"en": "There is no sound: record one", "ko": "소리가 없습니다."}[language]
    expect(page.locator(".toast-body")).to_contain_text(expected)
    expect(page.locator("#mulaw-stairs .plot-caption p")).to_contain_text("37")
    expect(page.locator(".link-levels input[type=number]")).to_have_value("37")


@both_languages
@pytest.mark.parametrize("more", ["", "?tab=wavenet"])
def test_nothing_sticks_out(opener, language: str, more: str) -> None:
    page = opener(PATHS[language] + more)
    for width in (390, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width


@both_languages
def test_phone_shows_where_something_scrolls_and_no_toolbar(opener, language: str) -> None:
    page = mulaw(opener, language, width=390, height=844, color_scheme="dark")
    drawn(page, "mulaw-stairs")
    toolbar = page.locator("#mulaw-stairs .modebar-container")
    expect(toolbar).to_have_css("display", "none")
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(toolbar).not_to_have_css("display", "none")
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#naive-listing").scroll_into_view_if_needed()
    page.wait_for_selector("#naive-listing .listing-lines")
    wide = page.evaluate("""() => [...document.querySelectorAll('.step *')]
        .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1).map(e => [e, getComputedStyle(e)])
        .filter(([e, style]) => ['auto', 'scroll'].includes(style.overflowX) && e.tagName !== 'TEXTAREA')
        .map(([e, style]) => [e.className, style.backgroundImage.includes('gradient')])""")
    assert len(wide) > 2 and [name for name, hint in wide if not hint] == []
    formulas = page.locator(".step .katex-display").evaluate_all("es => es.map(e => e.scrollWidth - e.clientWidth)")
    assert len(formulas) > 4 and max(formulas) <= 1, "every formula fits"


def test_phone_has_its_contents_behind_a_button(opener) -> None:
    page = opener("/?tab=wavenet", width=390, height=844)
    expect(page.locator("#contents")).not_to_be_visible()
    page.locator("button.menu").click()
    page.locator("#contents a[data-step=naive]").click()
    expect(page.locator("#contents")).not_to_be_visible()
    expect(page.locator("#step-naive h2")).to_be_in_viewport()


def test_keyboard_reaches_the_lesson_with_a_visible_outline(opener) -> None:
    page = opener("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
