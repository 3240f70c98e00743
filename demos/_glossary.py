"""The glossary at the foot of the start page: every technical term of the lessons, in both languages.

The terms are one file, `lessons/_site/glossary.toml`. A page lists them in the order of its own language, each with
the other language's term, one sentence, and a link to the step where it is taught. The box above the list hides what
does not match; without the script the whole list stays.
"""

from __future__ import annotations

import html
from typing import Any

from demos._tab import LANGUAGES, LESSONS, SITE, Strings, Tab, read_toml, strings

# Runs with the HTML of the start page in `element`. A term is kept if any of its words contains what was typed.
SCRIPT = """
const box = element.querySelector('.glossary input'), said = element.querySelector('.glossary [role=status]');
const terms = [...element.querySelectorAll('.glossary dl > div')];
box?.addEventListener('input', () => {
  const sought = box.value.trim().toLowerCase();
  for (const term of terms) term.hidden = !term.textContent.toLowerCase().includes(sought);
  const found = terms.filter(term => !term.hidden).length;
  said.textContent = sought ? said.dataset.found.replace('{found}', found) : '';
});
"""


def terms() -> list[dict[str, Any]]:
    """The entries of the file: key, en, ko, definition (en, ko), tab, step, and `not`, Korean forms to avoid."""
    return read_toml(LESSONS / SITE / "glossary.toml")["term"]


def section(t: Strings, tabs: list[Tab]) -> str:
    """The glossary as HTML, with links to those tabs that are here."""
    here = {tab.slug for tab in tabs}
    entries = sorted(terms(), key=lambda term: term[t.language].casefold())
    other = next(language for language in LANGUAGES if language != t.language)
    items = "".join(_item(term, t.language, other, here) for term in entries)
    found = html.escape(t("glossary.found", found="{found}", all=len(entries)))
    return (
        f'<h2>{html.escape(t("glossary.title"))}</h2><details class="glossary">'
        f'<summary>{html.escape(t("glossary.open", count=len(entries)))}</summary>'
        f'<p><label>{html.escape(t("glossary.filter"))} <input type="search" autocomplete="off"></label> '
        f'<span role="status" data-found="{found}"></span></p><dl>{items}</dl></details>'
    )


def _item(term: dict[str, Any], language: str, other: str, here: set[str]) -> str:
    translated = "" if term[other] == term[language] else f' <i lang="{other}">{html.escape(term[other])}</i>'
    link = ""
    if term["tab"] in here:
        tab, step = term["tab"], term["step"]
        heading = html.escape(strings(tab, language).heading(step))
        link = f' <a href="?tab={tab}&amp;step={step}" data-tab="{tab}" data-step="{step}">{heading}</a>'
    return (
        f"<div><dt>{html.escape(term[language])}{translated}</dt>"
        f"<dd>{html.escape(term['definition'][language])}{link}</dd></div>"
    )
