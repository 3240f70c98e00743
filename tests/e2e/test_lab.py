"""Figures, errors and jobs on a tab that only the tests have: `lab.py`."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from demos._tab import LANGUAGES, strings

PATHS = {"en": "/", "ko": "/ko"}
pytestmark = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture
def lab(lab_site, lab_opener, language: str):
    page = lab_opener(f"{PATHS[language]}?tab=lab")
    page.wait_for_selector("#picture, #figures-picture", state="attached")
    return page


def picture(page):
    page.locator("#figures-picture").scroll_into_view_if_needed()
    page.wait_for_selector("#figures-picture .plot-host[data-drawn]")
    return page.locator("#figures-picture .plot-host")


def test_frames_play(lab) -> None:
    picture(lab)
    lab.evaluate("""() => {
        window.seen = new Set();
        const plot = document.querySelector('#figures-picture .plot-host');
        plot.on('plotly_animatingframe', e => window.seen.add(e.name));
    }""")
    lab.locator("#figures-picture .updatemenu-button").click()
    lab.wait_for_function("window.seen.size === 6")
    assert lab.evaluate("document.querySelector('#figures-picture .plot-host').data[0].y[1]") == 5


def test_a_click_reaches_python_and_an_update_keeps_the_zoom(lab) -> None:
    plot = picture(lab)
    lab.evaluate("Plotly.relayout(document.querySelector('#figures-picture .plot-host'), {'xaxis.range': [0.5, 1.5]})")
    lab.locator("#draw").click()
    expect(lab.locator("#figures-picture .plot-caption p")).to_have_text("A line up to 2.")
    assert lab.evaluate("document.querySelector('#figures-picture .plot-host')._fullLayout.xaxis.range") == [0.5, 1.5]
    plot.scroll_into_view_if_needed()
    x, y = lab.evaluate("""() => {
        const plot = document.querySelector('#figures-picture .plot-host');
        const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
        return [box.left + xaxis._offset + xaxis.l2p(1), box.top + yaxis._offset + yaxis.l2p(1)];
    }""")
    lab.mouse.move(x, y)
    lab.wait_for_timeout(300)
    lab.mouse.click(x, y)
    expect(lab.locator("#clicked textarea, #clicked input")).to_have_value("[0, 1] 1 1")


def test_errors_are_readable_and_the_page_stays(lab, language: str) -> None:
    t = strings("_site", language)
    lab.locator("#typed").click()
    expected = {"en": "0 samples cannot be generated; ask", "ko": "샘플 0개는 만들 수 없습니다."}[language]
    expect(lab.locator(".toast-body").first).to_contain_text(expected)
    lab.locator("#broken").click()
    expect(lab.locator(".toast-wrap")).to_contain_text(t("error.unexpected"))
    assert "secret" not in lab.locator("body").inner_text()
    expect(lab.locator("#kept textarea, #kept input")).to_have_value("as it was")


def test_heavy_jobs_wait_in_line_and_light_ones_do_not(lab_opener, lab_site, language: str) -> None:
    first, second = (lab_opener(f"{PATHS[language]}?tab=lab&step=jobs") for _ in range(2))
    first.locator("#heavy").click()
    second.locator("#heavy").click()
    expect(second.locator("#slow .progress-text")).to_contain_text("queue: 1/1")
    second.locator("#light").click()
    expect(second.locator("#kept textarea, #kept input")).to_have_value("light")
    slow = "#slow textarea, #slow input"
    for page in (first, second):
        page.wait_for_function(f"document.querySelector('{slow}').value.startsWith('done')")
    done = [float(page.locator(slow).input_value().split()[1]) for page in (first, second)]
    assert done[1] - done[0] >= 2.9, "one heavy job at a time"
