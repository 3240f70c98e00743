"""The cells on GPT-2 in a browser: a function beside its names, a step of the past, a bill, the race."""

import re

import pytest
from browsing import answer, bring, click_at, drawn, open_patiently

from core import weights


@pytest.mark.e2e
@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("ko", 390)])
def test_a_function_stands_beside_its_names_on_the_slide(opener, language, width):
    page = open_patiently(opener, "musenet", language, "gpt2", "&function=norm", width=width)
    slide, ours = bring(page, "#gpt2-slide"), bring(page, "#gpt2-ours")
    assert "tf.reduce_mean" in slide.inner_text() and "x.mean(dim=axis" in ours.inner_text()
    bars = drawn(page, "gpt2-parameters")
    assert "124,439,808" in page.locator("#gpt2-parameters .plot-caption").inner_text()
    bar = bars.locator(".trace.bars path").first  # wte
    bar.evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
    click_at(page, bar, 0.5)
    page.wait_for_function("document.querySelector('#gpt2-shapes').innerText.includes('50257 × 768')")
    asked = answer(page, "gpt2-heads", 1)
    asked.get_by_text("half as wide" if language == "en" else "너비가 절반").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.e2e
def test_a_step_reads_the_past_and_computes_one_key(opener):
    page = open_patiently(opener, "musenet", "en", "past", "&step-of-past=12")
    drawn(page, "past-looks")
    page.wait_for_function("document.querySelector('#past-looks .plot-caption').innerText.includes('Step 12')")
    caption = page.locator("#past-looks .plot-caption").inner_text()
    assert "78 products" in caption and "11 keys and values are read" in caption  # 12 * 13 / 2
    drawn(page, "past-growth")
    page.wait_for_function("document.querySelector('#past-table').innerText.includes('36.0 MiB')")


@pytest.mark.e2e
@pytest.mark.skipif("musenet-composer" not in weights.names(), reason="the composer is not in this checkout")
def test_the_race_ends_with_the_same_tokens(opener, record_property):
    page = open_patiently(opener, "musenet", "ko", "past")
    bring(page, "#past-run").click()
    said = bring(page, "#past-said")
    page.wait_for_function("document.querySelector('#past-said').innerText.includes('배 빠릅니다')")
    text = said.inner_text()
    assert "두 방법의 토큰이 같습니다" in text
    ratio = float(re.search(r"([\d.]+)배", text).group(1))
    record_property("times as fast with the past", ratio)
    assert ratio > 1.2
