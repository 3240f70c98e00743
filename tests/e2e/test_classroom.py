"""In class: teach mode with its keys, the link on the wall, and a reader's progress, kept in the browser."""

from __future__ import annotations

import csv
import io
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import zxingcpp
from browsing import PATHS, answer, bring
from matplotlib.image import imread
from playwright.sync_api import expect

from demos._tab import strings

in_both = pytest.mark.parametrize("language", ["en", "ko"])
STEPS = "#lesson .step"


def teach(opener, language: str, step: str = "mulaw", **options):
    page = opener(f"{PATHS[language]}?tab=wavenet&step={step}&mode=teach", **options)
    page.wait_for_selector("#teach-bar")
    page.wait_for_selector(f"#step-{step}.slide-now")
    return page


def shown(page) -> list[str]:
    """The cells that can be seen."""
    return page.locator(STEPS).evaluate_all("all => all.filter(e => e.offsetParent !== null).map(e => e.id.slice(5))")


class Unfollowed(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


def leads_to(link: str) -> str:
    try:
        urllib.request.build_opener(Unfollowed).open(link, timeout=30)
    except urllib.error.HTTPError as answer:
        return answer.headers["location"]
    return ""


@in_both
def test_one_concept_at_a_time_with_answers_and_code_only_on_demand(opener, language: str) -> None:
    page, t = teach(opener, language), strings("wavenet", language)
    assert shown(page) == ["mulaw"] and not page.locator("#top-bar").is_visible()
    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    assert page.locator("#step-mulaw .prose-cell p").first.evaluate(size) >= 19
    code = page.locator("#step-mulaw .code-cell pre").first
    expect(code).not_to_be_visible()
    page.keyboard.press("c")
    expect(code).to_be_visible()
    page.keyboard.press("c")
    expect(code).not_to_be_visible()
    table = t.quizzes["mulaw"]
    right = next(choice for choice in table["quiet"]["choice"] if choice.get("right"))["feedback"][language]
    page.evaluate("scrollTo(0, 0)")
    for name, text in (("quiet", right), ("doubling", table["doubling"]["feedback"][language])):
        question, feedback = page.locator(f"#quiz-mulaw-{name}"), page.locator(f"#quiz-mulaw-{name} .feedback")
        expect(feedback).to_be_empty()
        page.keyboard.press("a")  # brings it into sight, and answers it if it was there already
        expect(question.locator("button")).to_be_in_viewport()
        if not feedback.text_content():
            page.keyboard.press("a")
        expect(feedback).to_contain_text(text[:30])
        bar = page.locator("#teach-bar").bounding_box()["y"]
        box = feedback.bounding_box()
        assert 0 <= box["y"] and box["y"] + box["height"] <= bar, "the answer can be read above the bar"
    page.keyboard.press("ArrowRight")
    expect(page.locator("#step-mulaw")).not_to_be_visible()
    (second,) = shown(page)
    assert parse_qs(urlsplit(page.url).query)["step"] == [second]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".tab-header")).to_be_visible()
    assert shown(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("#top-bar")).to_be_visible()
    assert len(shown(page)) == page.locator(STEPS).count() and "mode" not in parse_qs(urlsplit(page.url).query)


@in_both
def test_a_clicker_goes_through_a_long_cell_and_then_to_the_next(opener, language: str) -> None:
    page = teach(opener, language)
    places = []
    for _ in range(25):
        page.keyboard.press("PageDown")
        page.wait_for_timeout(500)
        places.append(page.evaluate("scrollY"))
        if shown(page) != ["mulaw"]:
            break
    assert shown(page) not in ([], ["mulaw"]) and places[:-1] == sorted(places[:-1]) and places[0] > 100
    page.keyboard.press("PageUp")
    page.wait_for_selector("#step-mulaw.slide-now")
    page.locator(".link-levels input[type=number]").focus()  # a key that moves a control stays with the control
    page.keyboard.press("ArrowRight")
    page.keyboard.press("b")
    assert shown(page) == ["mulaw"] and not page.evaluate("document.documentElement.classList.contains('blank')")


@in_both
def test_the_link_on_the_wall_leads_to_this_very_state(opener, language: str) -> None:
    page = opener(f"{PATHS[language]}?tab=wavenet&step=mulaw&levels=37&mode=teach")
    page.wait_for_selector("#step-mulaw.slide-now")
    page.keyboard.press("q")
    link = page.locator("#short-link .link").inner_text()
    assert link.startswith(f"{opener.address}/s/")
    where = urlsplit(leads_to(link))
    assert where.path == PATHS[language]
    assert parse_qs(where.query) == {"tab": ["wavenet"], "step": ["mulaw"], "levels": ["37"]}
    seen = imread(io.BytesIO(page.locator("#short-link .qr").screenshot()))
    assert [one.text for one in zxingcpp.read_barcodes((seen[..., :3].mean(2) * 255).astype(np.uint8))] == [link]
    page.keyboard.press("Escape")
    expect(page.locator("#short-link")).not_to_be_visible()
    assert shown(page) == ["mulaw"]


@in_both
def test_progress_and_answers_stay_in_the_browser_and_can_be_taken_away(opener, language: str) -> None:
    page, t = opener(f"{PATHS[language]}?tab=wavenet&step=mulaw"), strings("wavenet", language)
    choices = t.quizzes["mulaw"]["quiet"]["choice"]
    right = next(i for i, choice in enumerate(choices) if choice.get("right"))
    for choice in ((right + 1) % len(choices), right):
        answer(page, "mulaw-quiet", choice)
    expect(page.locator("#contents a[data-step=mulaw]")).to_have_class("seen")
    page.reload()
    quiz = bring(page, "#quiz-mulaw-quiet .quiz-body")
    expect(quiz.locator("input").nth(right)).to_be_checked()
    expect(quiz.locator(".feedback")).to_have_attribute("data-state", "right")
    expect(page.locator("#contents a[data-step=mulaw]")).to_have_class("seen")
    with page.expect_download() as download:
        page.locator("#progress button").first.click()
    rows = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert rows[1][0] == "wavenet/mulaw-quiet" and rows[1][3:6] == [t("classroom.yes"), t("classroom.no"), "2"]
    assert rows[1][2] == choices[right]["text"][language]
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#progress button").nth(1).click()
    expect(page.locator("#contents a.seen")).to_have_count(0)
    assert page.evaluate("localStorage.getItem('progress')") is None


@in_both
def test_an_exercise_says_what_was_reached_and_remembers_it(opener, language: str) -> None:
    page, t = opener(f"{PATHS[language]}?tab=wavenet&step=mulaw&levels=16&gain=-20"), strings("wavenet", language)
    exercise = bring(page, "#exercise-mulaw-fewest .exercise-body")
    exercise.locator("button").click()
    expect(exercise.locator(".feedback")).to_have_attribute("data-state", "wrong")
    expect(exercise.locator(".feedback")).to_contain_text(t("exercise.not_yet"))
    box = bring(page, ".link-levels input[type=number]")
    box.fill("64")
    box.press("Enter")
    bring(page, "#exercise-mulaw-fewest button").click()
    expect(exercise.locator(".feedback")).to_have_attribute("data-state", "right")
    expect(exercise.locator(".feedback")).to_contain_text("20.6 dB")
    page.reload()
    expect(bring(page, "#exercise-mulaw-fewest .feedback")).to_contain_text("20.6 dB")
