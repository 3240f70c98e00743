"""The cell on the CUDA kernel in Chromium, in both languages: controls, picture, source, ladder."""

from __future__ import annotations

import pytest
from browsing import PATHS, bring, open_cell
from playwright.sync_api import expect

from demos._tab import strings

WIDTHS = {"en": 1280, "ko": 390}


@pytest.mark.parametrize("language", PATHS)
def test_the_picture_follows_the_controls(opener, language: str) -> None:
    t = strings("wavenet", language).cell("gpu")
    page = open_cell(opener, language, "gpu", "&gpu=T4", ready="#gpu-timeline", width=WIDTHS[language])
    caption = page.locator("#gpu-timeline .plot-caption p")
    words = t("timeline_summary", cycles=1, speed=1, all=1, sounds=1, busy=1)[:12]
    expect(caption).to_contain_text(words, timeout=60_000)
    before = caption.text_content()
    legend = page.locator("#gpu-timeline .legend").bounding_box()
    buttons = page.locator("#gpu-timeline .updatemenu-button").first.bounding_box()
    assert legend["y"] + legend["height"] <= buttons["y"] + 2, "the buttons stand below the legend"
    expect(page.locator("#gpu-layout")).to_contain_text("T4")
    page.get_by_role("radio", name="H100").click()
    expect(page.locator("#gpu-layout")).to_contain_text("H100")
    expect(caption).not_to_have_text(before)
    page.locator(".code-host .code-cell", has_text="generate.cu").first.locator("summary").click()
    expect(page.locator(".code-host", has_text="generate.cu").first).to_contain_text("run_chain")
    bring(page, "#gpu-ladder")
    expect(page.locator("#gpu-ladder .plot-caption p")).to_contain_text("benchmarks.wavenet", timeout=30_000)
