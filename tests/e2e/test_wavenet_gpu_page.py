"""The cell on the CUDA kernel in Chromium, in both languages: controls, picture, source, ladder."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from demos._tab import strings

PATHS = {"en": "/", "ko": "/ko"}


@pytest.mark.parametrize("language", PATHS)
def test_the_picture_follows_the_controls(opener, language: str) -> None:
    t = strings("wavenet", language).cell("gpu")
    page = opener(f"{PATHS[language]}?tab=wavenet&step=gpu&gpu=T4")
    page.wait_for_selector("#gpu-timeline", state="attached")
    page.locator("#gpu-timeline").evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
    caption = page.locator("#gpu-timeline .plot-caption p")
    words = t("timeline_summary", cycles=1, speed=1, all=1, sounds=1, busy=1)[:12]
    expect(caption).to_contain_text(words, timeout=60_000)
    before = caption.text_content()
    expect(page.locator("#gpu-layout")).to_contain_text("T4")
    page.get_by_role("radio", name="H100").click()
    expect(page.locator("#gpu-layout")).to_contain_text("H100")
    expect(caption).not_to_have_text(before)
    page.locator(".code-host .code-cell", has_text="generate.cu").first.locator("summary").click()
    expect(page.locator(".code-host", has_text="generate.cu").first).to_contain_text("run_chain")
    page.locator("#gpu-ladder").evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
    expect(page.locator("#gpu-ladder .plot-caption p")).to_contain_text("benchmarks.wavenet", timeout=30_000)
