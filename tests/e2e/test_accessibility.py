"""Every tab with its figures drawn: axe-core finds nothing serious, and the keyboard reaches what the mouse can press.

In both languages, light and dark.
"""

from __future__ import annotations

import json
import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import PATHS, TAKE_OVER

from demos import _tab

SLUGS = ["start", *(tab.slug for tab in _tab.discover())]
SERIOUS = ("serious", "critical")
DEEP = (".katex", ".main-svg", "pre.code")  # thousands of parts that hold nothing to find; their hosts are looked at


def every_step_in_sight(page) -> None:
    """Scroll through the tab, so that lazy figures are drawn."""
    page.evaluate(TAKE_OVER)
    for step in page.locator("#lesson .step").all():
        step.evaluate("e => e.scrollIntoView({behavior: 'instant'})")
        page.wait_for_timeout(300)
    page.wait_for_timeout(1500)


def findings(page) -> list[str]:
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
    found = Axe().run(page, context={"exclude": [[selector] for selector in DEEP]}, options=options)
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found.response["violations"] if one["impact"] in SERIOUS for node in one["nodes"]
    ]  # fmt: skip


BOTH = os.environ.get("E2E_LANGUAGES") == "both"
PAGES = [(slug, dark) for number, slug in enumerate(SLUGS) for dark in (False, True) if BOTH or dark == number % 2]


@pytest.mark.parametrize(("slug", "dark"), PAGES)
def test_axe_finds_nothing_serious(opener, slug: str, dark: bool) -> None:
    """English in the light and Korean in the dark by turns: the two differ in their words and colours alone."""
    page = opener(f"{PATHS['ko' if dark else 'en']}?tab={slug}", color_scheme="dark" if dark else "light")
    page.wait_for_selector(f"#top-{slug}" if slug != "start" else ".start")
    every_step_in_sight(page)
    found = findings(page)
    assert not found, json.dumps(found, indent=1, ensure_ascii=False)
    mouse_only = page.evaluate(MOUSE_ONLY)
    assert not mouse_only, json.dumps(mouse_only, indent=1, ensure_ascii=False)
    page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
    reached = set()
    for _ in range(50):  # on the start page, there are that many links
        page.keyboard.press("Tab")
        reached.add(page.evaluate(FOCUSED))
    assert len(reached) > 30, "the focus is caught"


# What shows a hand under the mouse, and neither is nor lies in something that takes the focus.
MOUSE_ONLY = """() => {
    const takes = 'a[href], button, input, select, textarea, summary, label, [tabindex="0"], [contenteditable=true]';
    return [...document.querySelectorAll('#top-bar *, #contents *, #lesson *')]
        .filter(e => getComputedStyle(e).cursor === 'pointer' && e.getClientRects().length && !e.closest(takes)
            && !e.closest('.plot-host, .weights-picture'))  // there, controls and chips choose the same
        .map(e => e.outerHTML.slice(0, 160));
}"""
FOCUSED = """() => {
    const e = document.activeElement;
    window.numbers ||= new Map();
    if (!window.numbers.has(e)) window.numbers.set(e, window.numbers.size);
    return window.numbers.get(e);
}"""
