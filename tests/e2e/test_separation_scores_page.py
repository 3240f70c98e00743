"""The cell of SDR, SIR, ISR and SAR: a stem is spoiled, heard, judged; in both languages."""

from __future__ import annotations

import numpy as np
import pytest
from browsing import bring, drawn, open_cell
from hearing import sounds
from playwright.sync_api import expect

from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e
BARS = "plot => plot.data.map(bar => [bar.x[0], Number(bar.y[0])])"


def set_number(page, name: str, value: int) -> None:
    box = page.locator(f".link-score-{name} input[type=number]")
    box.fill(str(value))
    box.press("Enter")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_voice_is_spoiled_and_the_ratios_move(opener, language) -> None:
    t = strings("separation", language).cell("scores")
    page = open_cell(opener, language, "scores", tab="separation")
    bars = drawn(page, "scores-bars")
    before = dict(bars.evaluate(BARS))
    assert list(before) == ["SDR", "SIR", "ISR", "SAR"] and all(0 < value < 40 for value in before.values())
    true, spoiled, wrong = sounds(page, "#scores-sounds", 3)
    assert np.abs(spoiled - true - wrong).max() < 1e-3
    drawn(page, "scores-parts")
    for name, value in (("interference", 0), ("artefacts", 0), ("spatial", 0), ("noise", 10)):
        set_number(page, name, value)
    page.wait_for_function(
        "() => { const bars = document.querySelector('#scores-bars .plot-host').data;"
        "return Math.abs(bars[0].y[0] - 20) < 0.1 && bars[1].y[0] > 39; }"
    )
    expect(page.locator("#scores-bars .plot-caption")).to_contain_text("20.0")
    expect(page.locator("#scores-pointed")).to_contain_text(t("point_hint"))


def test_a_bar_says_what_it_compares(opener) -> None:
    t = strings("separation", "en").cell("scores")
    page = open_cell(opener, "en", "scores", "&score-noise=10", tab="separation", width=390)
    drawn(page, "scores-bars")
    sounds(page, "#scores-sounds", 3)
    page.locator("#scores-bars .plot-host").evaluate(
        "plot => plot.emit('plotly_click', {points: [{curveNumber: 3, pointNumber: 0, x: 'SAR', y: 9}]})"
    )
    expect(page.locator("#scores-pointed")).to_contain_text(t("about_SAR").split("**")[2].strip()[:40])
    expect(page.locator("#scores-pointed .katex").first).to_be_attached()
    bring(page, "#quiz-scores-noise .quiz-body").locator("input").first.fill("20")
    page.locator("#quiz-scores-noise button").click()
    expect(page.locator("#quiz-scores-noise")).to_contain_text("Right.")
