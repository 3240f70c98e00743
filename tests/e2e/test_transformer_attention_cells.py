"""Attention one can read, on words and on notes; a sentence moved; the skewing trick, step by step."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from browsing import bring, drawn, open_patiently
from playwright.sync_api import Page, expect

from core import weights
from demos._tab import LANGUAGES, strings

NEEDED = ("transformer-sentence", "transformer-sentence-absolute")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not set(NEEDED) <= set(weights.names()), reason="the weights are not here yet"),
]
VIEW = "#attention-view .attention-view"
music = pytest.mark.skipif("transformer-relative" not in weights.names(), reason="the weights are not here yet")


def numbers(page: Page, selector: str) -> np.ndarray:
    """A matrix of the page, as it is read; what is covered is zero."""
    rows = page.locator(f"{selector} tbody tr").all()
    read = lambda text: float(text.replace("−", "-")) if text else 0.0  # noqa: E731
    return np.array([[read(text) for text in row.locator("td").all_inner_texts()] for row in rows])


def wait_for_drawing(page: Page, selector: str, before: str) -> None:
    page.wait_for_function("([s, b]) => document.querySelector(s)?.dataset.drawn > b", arg=[selector, before])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_row_of_the_softmax_can_be_read_from_q_and_k(opener, language) -> None:
    sentence = {"en": "the bells near the girl ring .", "ko": "할머니께서 아이에게 꽃을 주신다 ."}[language]
    page = open_patiently(opener, "transformer", language, "attention")
    bring(page, f"{VIEW}[data-drawn]")
    words = page.locator(f"{VIEW} .chip span").all_inner_texts()
    assert words == sentence.split()
    shares = numbers(page, f"{VIEW} .matrix:nth-child(5)")
    np.testing.assert_allclose(shares.sum(1), 1, atol=0.01 * len(words))
    assert np.abs(np.triu(shares, 1)).max() == 0
    chosen = int(page.locator(VIEW).get_attribute("data-row"))
    looked_at = {"en": "bells", "ko": "할머니께서"}[language]
    assert words[int(shares[chosen].argmax())] == looked_at and shares[chosen].max() > 0.7
    guess = {"en": "ring", "ko": "주신다"}[language]
    expect(page.locator(f"{VIEW} .guess")).to_contain_text(guess)

    q, k = (numbers(page, f"{VIEW} .matrix:nth-child({n})") for n in (1, 2))
    content = page.locator(f"{VIEW} .row-table tbody tr td:nth-child(2)").all_inner_texts()
    read = [float(text.replace("−", "-")) for text in content]
    np.testing.assert_allclose(read, k[: chosen + 1] @ q[chosen], atol=0.05 * np.abs(q[chosen]).sum() + 0.8)

    page.locator(f"{VIEW} .chip").first.click()
    expect(page.locator(f"{VIEW} .row-table tbody tr")).to_have_count(1)  # the first word sees itself only
    before = page.locator(VIEW).get_attribute("data-drawn")
    t = strings("transformer", language).cell("attention")
    page.get_by_label(t("done_unmasked"), exact=True).check()
    wait_for_drawing(page, VIEW, before)
    expect(page.locator(f"{VIEW} .row-table tbody tr")).to_have_count(len(words))
    assert "softmax=unmasked" in page.url


def test_a_word_that_is_unknown_is_named_and_the_figure_stays(opener) -> None:
    page = open_patiently(opener, "transformer", "en", "attention")
    bring(page, f"{VIEW}[data-drawn]")
    box = page.locator("#attention-sentence textarea, #attention-sentence input").first
    box.fill("the <b>violin</b> sings .")
    box.press("Enter")
    expect(page.locator(".toast-body").last).to_contain_text("‹b›violin‹/b›")
    assert page.locator(f"{VIEW} .chip").count() == 7
    box.fill("the old girls near the bird sing .")
    box.press("Enter")
    expect(page.locator(f"{VIEW} .chip")).to_have_count(8)


@music
def test_attention_over_the_events_of_a_piece(opener) -> None:
    page = open_patiently(opener, "transformer", "ko", "attention", "&phrase-layer=2&phrase-head=3")
    view = "#attention-notes .attention-view"
    bring(page, f"{view}[data-drawn]")
    events = page.locator(f"{view} .chip span").all_inner_texts()
    assert len(events) == 48 and all(
        re.fullmatch(r"([A-G][♯♭]?-?\d [↓↑]|\d+ ms|vel \d+)", event) for event in events
    )
    page.locator(f"{view} .chip").nth(4).click()
    shares = [float(text) for text in page.locator(f"{view} .row-table .weight").all_inner_texts()]
    assert (
        len(shares) == 5 and sum(shares) == pytest.approx(1, abs=0.03) and shares == sorted(shares, reverse=True)
    )
    assert page.locator(f"{view} .weights-picture span").count() == 48 * 48


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_moved_sentence_keeps_its_relative_logits_and_loses_its_absolute_ones(opener, language) -> None:
    page = open_patiently(opener, "transformer", language, "relative", "&by=5")
    view = "#relative-shift-view .shift-view"
    bring(page, f"{view}[data-drawn]")
    largest = {
        kind: float(page.locator(f"{view} [data-kind={kind}]").get_attribute("data-largest"))
        for kind in ("absolute", "relative")
    }
    assert largest["relative"] < 1e-3 and largest["absolute"] > 0.3  # the last of four digits is rounding
    before = page.locator(view).get_attribute("data-drawn")
    slider = page.locator("#step-relative .link-by input[type=number]")
    slider.fill("0")
    slider.press("Enter")
    wait_for_drawing(page, view, before)
    assert float(page.locator(f"{view} [data-kind=absolute]").get_attribute("data-largest")) == 0.0
    drawn(page, "relative-right")
    quiz = bring(page, "#quiz-relative-bytes .quiz-body")
    quiz.locator("input").first.fill("8.59")
    quiz.locator("button").click()
    drawn(page, "relative-memory")


def test_the_skewing_trick_moves_every_cell_to_its_place(opener) -> None:
    page = open_patiently(opener, "transformer", "en", "relative", reduced_motion="reduce")
    view = "#relative-skew-view .skew-view"
    bring(page, "#relative-skew-view")
    bring(page, f"{view}[data-drawn]")
    with page.expect_download() as saved:
        page.locator("#relative-skew-view .plot-export button").click()
    value = json.loads(saved.value.path().read_text())
    q, e = np.array(value["queries"]), np.array(value["embeddings"])
    size = len(value["words"])
    for step in ("product", "reach", "pad", "memory", "reshape", "slice", "mask"):
        page.locator(f"{view} button.next").click()
        expect(page.locator(view)).to_have_attribute("data-step", step)
    expect(page.locator(f"{view} button.next")).to_be_disabled()
    page.wait_for_timeout(300)
    shown = page.locator(f"{view} .cell[style*='opacity: 1']")
    cells = shown.evaluate_all("cells => cells.map(c => [c.querySelector('text').textContent, c.style.transform])")
    seen = np.zeros((size, size))
    for text, transform in cells:
        x, y = (float(n) for n in re.findall(r"-?[\d.]+(?=px)", transform))
        seen[round((y - 34) / 44), round((x - 48) / 44)] = float(text.replace("−", "-"))
    assert len(cells) == size * (size + 1) // 2
    for i in range(size):
        for j in range(i + 1):
            assert seen[i, j] == pytest.approx(q[i] @ e[size - 1 + j - i], abs=0.06)
    page.locator(f"{view} button.play").click()
    expect(page.locator(view)).to_have_attribute("data-playing", "1")
    expect(page.locator(view)).not_to_have_attribute("data-step", "mask")  # it begins again
    page.locator(f"{view} button.play").click()
    expect(page.locator(view)).to_have_attribute("data-playing", "0")
