"""Chorales: Bach's own setting at sight, then the visitor's melody set by both networks."""

from __future__ import annotations

import pytest
from browsing import drawn, open_patiently
from hearing import sounds
from playwright.sync_api import expect

from core import weights
from core.transformer import chorales, chorales_corpus
from demos._tab import LANGUAGES, strings

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif("transformer-chorales-relative" not in weights.names(), reason="the weights are not here yet"),
]
PICTURE, SOUND, LINE = "chorales-voices", "#chorales-sound", "#chorales-line textarea"
RATE_HZ, STEP_S = 22_050, 60 / 72 / 4


def voices(page) -> list[dict[float, int]]:
    """Each line of the figure: quarter -> pitch, where a sixteenth begins."""
    lines = page.locator(f"#{PICTURE} .plot-host").evaluate("p => p.data.map(d => [Array.from(d.x), Array.from(d.y)])")
    return [{x: y for x, y in zip(*one) if y is not None and x * 4 == int(x * 4)} for one in lines]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_melody_is_set_by_both_networks(opener, language) -> None:
    t = strings("transformer", language).cell("chorales")
    bach = next(one for one in chorales_corpus.examples() if one.name == "bwv244.3")
    page = open_patiently(opener, "transformer", language, "chorales", "&chorale-melody=bwv244.3&chorale-seed=7")
    drawn(page, PICTURE)
    expect(page.locator(LINE)).to_have_value(chorales.line_text(bach.steps[:64, 0]))
    sounds(page, SOUND, 1)
    page.locator(LINE).fill("C5 D5:0.5 E5:0.5 r D5:0.75 C5:1.25")
    page.locator("#chorales-run").click()
    page.wait_for_function(f"document.querySelectorAll('{SOUND} .downloads a').length === 2")
    found = voices(page)
    melody = [72] * 4 + [74] * 2 + [76] * 2 + [None] * 4 + [74] * 3 + [72] * 5
    for first in (0, 4):  # of relative position, of absolute
        assert [found[first].get(i / 4) for i in range(len(melody))] == melody
        lower = [found[first + k] for k in (1, 2, 3)]
        assert all(sum(i / 4 in one for i in range(len(melody))) > 10 for one in lower)
        assert max(lower[2].values()) < min(found[first].values())  # the bass is below the melody
    for x in sounds(page, SOUND, 2):
        assert len(x) / RATE_HZ == pytest.approx(len(melody) * STEP_S + 1.5, abs=0.6)
    page.locator(LINE).fill("H4")
    page.locator("#chorales-run").click()
    said = {"en": '"H4" is not a note', "ko": "음이 아닙니다"}[language]
    expect(page.locator(".toast-body").last).to_contain_text(said)
    assert voices(page) == found
    expect(page.locator("#chorales-measured")).to_contain_text("0.357")
    expect(page.locator("#chorales-measured")).to_contain_text(t("network_relative"))
