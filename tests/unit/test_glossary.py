"""The glossary is complete, leads to steps that exist, and says what the lessons say: one Korean form for each term."""

from __future__ import annotations

import re

import pytest

from demos import _glossary
from demos._tab import LANGUAGES, LESSONS, SITE, Tab, flatten, read_toml, strings

TERMS = _glossary.terms()
SLUGS = sorted(path.parent.name for path in LESSONS.glob("*/ko.md"))
TABS = [Tab(slug, 0, lambda t: None) for slug in SLUGS]


def words(language: str) -> str:
    """All that the lessons and the labels say in one language, in small letters."""
    texts = [(LESSONS / slug / f"{language}.md").read_text(encoding="utf-8") for slug in SLUGS]
    for slug in (*SLUGS, SITE):
        texts += flatten(read_toml(LESSONS / slug / "strings.toml"), language).values()
    return "\n".join(texts).lower()


def test_entries_are_complete_sorted_and_unique() -> None:
    for term in TERMS:
        assert set(term) - {"not"} == {"key", "en", "ko", "definition", "tab", "step"}, term
        assert term["en"] and term["ko"], term["key"]
        assert set(term["definition"]) == set(LANGUAGES), term["key"]
        english, korean = (term["definition"][language] for language in LANGUAGES)
        assert english.endswith(".") and len(english) <= 140, term["key"]
        assert re.search(r"니다\.$", korean) and len(korean) <= 90, term["key"]
        assert term["key"] == re.sub("[^a-z0-9]+", "-", term["en"].lower()).strip("-")
    keys = [term["key"] for term in TERMS]
    assert keys == sorted(set(keys)) and len(keys) >= 80
    assert len({term["ko"] for term in TERMS}) == len(TERMS)


def test_every_term_leads_to_a_step_that_exists() -> None:
    """A step is a heading of the second level; the references have no number and are none."""
    for term in TERMS:
        headings = re.findall(r"^## .*\{#([a-z0-9-]+)\}", (LESSONS / term["tab"] / "en.md").read_text("utf-8"), re.M)
        assert term["step"] in set(headings) - {"references"}, term["key"]
    assert {term["tab"] for term in TERMS} == set(SLUGS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_lessons_use_the_terms(language: str) -> None:
    said = words(language)
    assert [term[language] for term in TERMS if term[language].lower() not in said] == []


def test_no_lesson_uses_a_retired_korean_form() -> None:
    files = [path for path in LESSONS.rglob("*") if path.suffix in (".md", ".toml", ".py")]
    texts = {path: path.read_text("utf-8") for path in files if path.name != "glossary.toml"}
    retired = {form: term["ko"] for term in TERMS for form in term.get("not", [])}
    assert len(retired) >= 10
    for path, text in texts.items():
        found = [f"{form} (write {instead})" for form, instead in retired.items() if form in text]
        assert not found, f"{path.relative_to(LESSONS)}: {found}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_section_shows_every_term_with_its_link_and_stays_small(language: str) -> None:
    made = _glossary.section(strings(SITE, language), TABS)
    assert len(made.encode()) < 40_000
    links = re.findall(r'href="\?tab=(\w+)&amp;step=([a-z0-9-]+)" data-tab="(\w+)" data-step="([a-z0-9-]+)"', made)
    assert len(links) == made.count("<dt>") == len(TERMS)
    assert all(link[:2] == link[2:] for link in links)
    first = [re.split(" <i|</dt>", item)[0] for item in made.split("<dt>")[1:]]
    assert first == sorted(first, key=str.casefold)
    assert made.count("<label>") == 1 and 'role="status"' in made


def test_a_tab_that_is_not_here_gets_no_link() -> None:
    made = _glossary.section(strings(SITE, "en"), TABS[:1])
    assert set(re.findall(r'data-tab="(\w+)"', made)) == {TABS[0].slug}
