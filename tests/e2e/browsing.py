"""What the tests do on a page of the site: open a cell, bring something into view, wait for a figure, answer."""

from __future__ import annotations

from playwright.sync_api import Page

PATIENCE_MS = 120_000
PATHS = {"en": "/", "ko": "/ko"}


def open_cell(
    opener, language: str, step: str, more: str = "", *, tab: str = "wavenet", ready: str = "", **options
) -> Page:  # fmt: skip
    """A tab at one of its cells.

    Args:
        more: further parameters of the link, such as "&levels=37".
        ready: a selector that is brought into view and waited for; lazy cells fill when they are in sight.
        options: width, color_scheme and what else a browser context takes.
    """
    page = opener(f"{PATHS[language]}?tab={tab}&step={step}{more}", **options)
    if ready:
        bring(page, ready)
    return page


def open_patiently(opener, tab: str, language: str, step: str, query: str = "", **options) -> Page:
    """A tab at one of its cells, for work of a minute on a machine that shares its cores."""
    page = open_cell(opener, language, step, query, tab=tab, **options)
    page.set_default_timeout(PATIENCE_MS)
    return page


# A page that was opened at a step keeps it in view for some seconds, until the visitor takes over.
TAKE_OVER = "window.dispatchEvent(new Event('wheel'))"


def bring(page: Page, selector: str):
    """Scroll to the first match and give it."""
    page.wait_for_selector(selector, state="attached")
    page.evaluate(TAKE_OVER)
    page.locator(selector).first.evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
    return page.locator(selector).first


def drawn(page: Page, name: str):
    """The plot of a figure, once it has been drawn."""
    bring(page, f"#{name} .plot-caption")
    return bring(page, f"#{name} .plot-host[data-drawn]")


def still(page: Page, spot) -> dict[str, float]:
    """Where something stands in the window, once nothing above it grows any more."""
    page.evaluate(TAKE_OVER)
    spot.evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
    before, box = None, spot.bounding_box()
    for _ in range(40):
        if box and box == before:
            return box
        page.wait_for_timeout(250)
        before, box = box, spot.bounding_box()
    raise AssertionError(f"{spot} moves and moves")


def click_at(page: Page, spot, x: float, y: float = 0.5) -> None:
    """Point at a place of a picture or a slider, given as shares of its width and height, and click there."""
    box = still(page, spot)
    at = (box["x"] + min(max(x * box["width"], 1), box["width"] - 1), box["y"] + y * box["height"])
    page.mouse.move(*at)
    page.wait_for_timeout(300)
    page.mouse.click(*at)


def answer(page: Page, quiz: str, choice: int):
    """Choose an answer of a question and check it; gives the question."""
    asked = bring(page, f"#quiz-{quiz} .quiz-body")
    asked.locator("input[type=radio]").nth(choice).check()
    asked.locator("button").click()
    return asked


def upload(page: Page, voice: str, path) -> None:
    """Take away the sound of a voice control and give it a file."""
    bring(page, f"#{voice}").locator("button.icon-button").first.click()
    page.locator(f"#{voice} .source-selection button").first.click()
    page.locator(f"#{voice} input[type=file]").first.set_input_files(path)


def plotly_click(page: Page, name: str, *, x: float, curve: int = 0, point: int = 0, y: float = 0) -> None:
    """What plotly reports when a point of a figure is clicked."""
    at = {"curveNumber": curve, "pointNumber": point, "pointIndex": point, "x": x, "y": y}
    page.locator(f"#{name} .plot-host").evaluate("(plot, at) => plot.emit('plotly_click', {points: [at]})", at)
