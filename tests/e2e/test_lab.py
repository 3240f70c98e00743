"""Figures, errors and jobs on a tab that only the tests have: `lab.py`."""

from __future__ import annotations

import json
import re
import secrets
import threading
import urllib.request

import pytest
from browsing import PATHS, drawn
from playwright.sync_api import expect

from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture
def lab(lab_site, lab_opener, language: str):
    page = lab_opener(f"{PATHS[language]}?tab=lab")
    page.wait_for_selector("#figures-picture", state="attached")
    return page


def test_frames_play(lab) -> None:
    drawn(lab, "figures-picture")
    lab.evaluate("""() => {
        window.seen = new Set();
        const plot = document.querySelector('#figures-picture .plot-host');
        plot.on('plotly_animatingframe', e => window.seen.add(e.name));
    }""")
    lab.locator("#figures-picture .updatemenu-button").click()
    lab.wait_for_function("window.seen.size === 6")
    assert lab.evaluate("document.querySelector('#figures-picture .plot-host').data[0].y[1]") == 5


def test_a_click_reaches_python_and_an_update_keeps_the_zoom(lab) -> None:
    plot = drawn(lab, "figures-picture")
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
    for _ in range(2):  # out of date: the figure asks for itself anew, and clicks still reach Python
        lab.locator("#stale").click()
        expect(lab.locator("#figures-picture .plot-caption p")).to_have_text("A line up to 1.")
        drawn(lab, "figures-picture")
        lab.locator("#draw").click()
        expect(lab.locator("#figures-picture .plot-caption p")).to_have_text("A line up to 2.")
    at = {"curveNumber": 0, "pointNumber": 2, "pointIndex": 2, "x": 2, "y": 2}
    lab.evaluate("at => document.querySelector('#figures-picture .plot-host').emit('plotly_click', {points: [at]})", at)
    expect(lab.locator("#clicked textarea, #clicked input")).to_have_value("[0, 2] 2 2")


def test_errors_are_readable_and_the_page_stays(lab, language: str) -> None:
    t = strings("_site", language)
    lab.locator("#typed").click()
    expected = {"en": "0 samples cannot be generated; ask", "ko": "샘플 0개는 만들 수 없습니다."}[language]
    expect(lab.locator(".toast-body").first).to_contain_text(expected)
    lab.locator("#broken").click()
    expect(lab.locator(".toast-wrap")).to_contain_text(t("error.unexpected"))
    assert "secret" not in lab.locator("body").inner_text()
    expect(lab.locator("#kept textarea, #kept input")).to_have_value("as it was")


def event_of(address: str, button: str) -> int:
    """The number of the event that a button has."""
    with urllib.request.urlopen(f"{address}/config") as opened:
        config = json.load(opened)
    ids = {one["id"] for one in config["components"] if one["props"].get("elem_id") == button}
    return next(one["id"] for one in config["dependencies"] if any(target[0] in ids for target in one["targets"]))


class Visitor:
    """Somebody without a browser who causes an event and reads what comes back, as gradio's client does."""

    def __init__(self, address: str, event: int, name: str) -> None:
        self.address, self.event, self.name, self.answer = address, event, name, ""
        self.placed, self.thread = threading.Event(), threading.Thread(target=self.press, daemon=True)
        self.thread.start()

    def press(self) -> None:
        asked = json.dumps({"data": [], "fn_index": self.event, "session_hash": self.name}).encode()
        kind = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"{self.address}/gradio_api/queue/join", asked, kind)).read()
        with urllib.request.urlopen(f"{self.address}/gradio_api/queue/data?session_hash={self.name}") as lines:
            for line in lines:
                message = json.loads(line.removeprefix(b"data:")) if line.startswith(b"data:") else {}
                if message.get("msg") in ("estimation", "process_starts"):
                    self.placed.set()
                if message.get("msg") == "process_completed":
                    self.answer = message["output"]["data"][0]
                    return


@pytest.fixture
def gated(lab_site):
    """Open the gate in the end, also after a failure: nobody shall stand in the line of the next test."""
    yield
    Visitor(lab_site, event_of(lab_site, "open"), secrets.token_hex(8)).thread.join(10)


def shut(page):
    """From now on heavy jobs wait until somebody presses Open; gives the fields that light and heavy jobs write to."""
    kept, slow = page.locator("#kept textarea, #kept input"), page.locator("#slow textarea, #slow input")
    page.locator("#shut").click()
    expect(kept).to_have_value("shut")
    return kept, slow


def assert_one_at_a_time(answers: list[str]) -> None:
    """In the order of the answers, which tell when each job began and ended."""
    assert [answer.split()[0] for answer in answers] == ["passed"] * len(answers)
    spans = [[float(moment) for moment in answer.split()[1:]] for answer in answers]
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:]))


def test_heavy_jobs_wait_in_line_and_light_ones_do_not(lab_opener, gated, language: str) -> None:
    first, second = (lab_opener(f"{PATHS[language]}?tab=lab&step=jobs") for _ in range(2))
    kept, slow = shut(second)
    first.locator("#heavy").click()
    expect(first.locator("#slow .progress-text")).to_be_visible()
    second.locator("#heavy").click()
    place = {"en": "queue: 1/1", "ko": "대기 순서 1/1"}[language]
    expect(second.locator("#slow .progress-text")).to_contain_text(place)
    second.locator("#light").click()
    expect(kept).to_have_value("light")
    second.locator("#open").click()
    passed = [first.locator("#slow textarea, #slow input"), slow]
    for field in passed:
        expect(field).to_have_value(re.compile("passed"))
    assert_one_at_a_time([field.input_value() for field in passed])


def test_thirty_visitors_wait_in_line_and_a_light_event_passes_them(
    lab_site, lab_opener, gated, language: str
) -> None:  # fmt: skip
    """Every heavy job waits for a light event: had that to stand in the same line, nobody would ever be served."""
    page = lab_opener(f"{PATHS[language]}?tab=lab&step=jobs")
    kept, slow = shut(page)
    event = event_of(lab_site, "heavy")
    visitors = [Visitor(lab_site, event, secrets.token_hex(8)) for _ in range(29)]
    assert all(visitor.placed.wait(30) for visitor in visitors)
    page.locator("#heavy").click()
    place = {"en": "queue: 29/29", "ko": "대기 순서 29/29"}[language]
    expect(page.locator("#slow .progress-text")).to_contain_text(place)  # one runs, the page is the 29th to wait
    page.locator("#light").click()
    expect(kept).to_have_value("light")
    assert not any(visitor.answer for visitor in visitors)
    page.locator("#open").click()
    expect(slow).to_have_value(re.compile("passed"))
    for visitor in visitors:
        visitor.thread.join(30)
    began = sorted((visitor.answer for visitor in visitors), key=lambda answer: float(answer.split()[1]))
    assert_one_at_a_time([*began, slow.input_value()])  # and the page came last
