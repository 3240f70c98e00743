"""The masks: shown at sight, painted over, heard; and what ideal masks would reach."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browsing import bring, open_patiently, still
from hearing import wav
from playwright.sync_api import expect

from core import weights
from demos._tab import LANGUAGES, strings

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif("separation-4stems" not in weights.names(), reason="the weights are not here yet"),
]
VIEW = "#masks-view .masks"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mask_is_shown_painted_over_and_heard(opener, language) -> None:
    kind = {"en": "4stems", "ko": "vocals"}[language]
    page = open_patiently(opener, "separation", language, "masks", f"&mask-kind={kind}&where=30")
    bring(page, VIEW)
    page.wait_for_selector(f"{VIEW}[data-state=done]")
    expect(page.locator("#masks-oracle")).to_contain_text("IBM")
    rows = page.locator("#masks-oracle tr").all_inner_texts()
    ratios = {row.split("\t")[0]: [float(v) for v in re.findall(r"(-?[\d.]+) dB", row)] for row in rows[1:]}
    t = strings("separation", language).cell("masks")
    mixture, network, ideal = (ratios[t(f"oracle_{name}")] for name in ("mixture", "network", "IRM1"))
    assert network[0] > mixture[0] and ideal[0] > network[0]
    page.locator(f"{VIEW} .views button").nth(1).click()
    expect(page.locator(VIEW)).to_have_attribute("data-shown", "vocals")
    canvas = page.locator(f"{VIEW} canvas.picture")
    box = still(page, canvas)
    left, top, width, height = box["x"] + 52, box["y"] + 8, box["width"] - 58, box["height"] - 34
    page.mouse.move(left + 0.5 * width, top + 0.02 * height)  # the second half, all frequencies
    page.mouse.down()
    page.mouse.move(left + 0.8 * width, top + 0.5 * height, steps=4)
    page.mouse.move(left + width - 1, top + height - 1, steps=4)
    page.mouse.up()
    page.wait_for_selector(f"{VIEW}[data-strokes='1'][data-state=done]")
    page.wait_for_function("document.querySelectorAll('#masks-sounds .choices button').length === 4")
    painted, rate = wav(page, "#masks-sounds", 0)
    untouched, _ = wav(page, "#masks-sounds", 1)
    middle = len(painted) // 2
    late = slice(middle + rate // 4, len(painted) - rate // 4)
    assert np.sqrt(np.mean(painted[late] ** 2)) < 0.1 * np.sqrt(np.mean(untouched[late] ** 2))
    np.testing.assert_allclose(painted[: middle - rate // 4], untouched[: middle - rate // 4], atol=1e-3)
    canvas.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{VIEW}[data-strokes='2'][data-state=done]")
    page.get_by_role("button", name=t("view.clear")).click()
    page.wait_for_selector(f"{VIEW}[data-strokes='0'][data-state=done]")
    page.wait_for_function("document.querySelectorAll('#masks-sounds .choices button').length === 3")


def test_ones_own_song_has_no_oracle_and_without_one_the_page_says_so(opener) -> None:
    page = open_patiently(opener, "separation", "en", "masks", "&mask-song=own&mask-kind=vocals")
    bring(page, "#masks-run").click()
    expect(page.locator(".toast-body").last).to_contain_text("There is no sound")
