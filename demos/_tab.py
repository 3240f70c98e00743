"""The contract between a tab and the site: `TAB = Tab(slug, order, build)`, and `Strings`, the words of a page.

A new tab is one file, `demos/<slug>.py`, and one folder, `lessons/<slug>/`:

    en.md, ko.md   prose, split into named cells by headings with anchors: `## Mu-law {#mulaw}`
    strings.toml   labels of controls, one table per cell, both languages side by side: voice.en, voice.ko
    quiz.toml      questions, one table per cell and question (see `demos/_quiz.py`)
    notebook.py    the code of its Jupyter notebook, cell by cell (see `demos/_notebook.py`)

`build(t)` runs once per language. `t("mulaw.voice")` is a label, `t.prose("mulaw")` the Markdown of a cell, and
`t.cell("mulaw")` the same strings seen from inside that cell, where `t("voice")` is enough.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LANGUAGES = ("en", "ko")
ROOT = Path(__file__).resolve().parent.parent
LESSONS = ROOT / "lessons"
SITE = "_site"
HEADING = re.compile(r"^(#{1,3}) +(.+?) *\{#([a-z0-9-]+)\} *$", re.MULTILINE)


@dataclass(frozen=True)
class Tab:
    """One section of the lecture. `slug` names the demo file, the lesson folder and the `?tab=` of its links."""

    slug: str
    order: int
    build: Callable[[Strings], None]


@dataclass(frozen=True)
class Prose:
    """One cell of a lesson: its heading and the Markdown below it."""

    anchor: str
    heading: str
    body: str


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; an absent file is an empty one."""
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return tomllib.load(file)


def split_lesson(markdown: str) -> dict[str, Prose]:
    """Cut a lesson at its anchored headings.

    Args:
        markdown: text with headings such as `## Mu-law {#mulaw}`; what stands before the first is dropped.
    Returns:
        anchor -> Prose, in the order of the text.
    Raises:
        ValueError: an anchor occurs twice.
    """
    found = list(HEADING.finditer(markdown))
    ends = [match.start() for match in found[1:]] + [len(markdown)]
    cells: dict[str, Prose] = {}
    for match, end in zip(found, ends):
        anchor = match.group(3)
        if anchor in cells:
            raise ValueError(f"The anchor {{#{anchor}}} occurs twice.")
        cells[anchor] = Prose(anchor, match.group(2), markdown[match.end() : end].strip())
    return cells


def flatten(tables: dict[str, Any], language: str, prefix: str = "") -> dict[str, str]:
    """`{"mulaw": {"voice": {"en": "Voice"}}}` -> `{"mulaw.voice": "Voice"}` for one language."""
    flat: dict[str, str] = {}
    for key, value in tables.items():
        if isinstance(value, dict) and set(value) & set(LANGUAGES):
            if language in value:
                flat[prefix + key] = str(value[language])
        elif isinstance(value, dict):
            flat.update(flatten(value, language, f"{prefix}{key}."))
    return flat


@dataclass(frozen=True)
class Strings:
    """The words of one tab in one language. Called with a key it gives the text; a missing key is a KeyError."""

    slug: str
    language: str
    words: dict[str, str] = field(repr=False)
    lesson: dict[str, Prose] = field(repr=False)
    quizzes: dict[str, Any] = field(repr=False)
    scope: str = ""

    def __call__(self, key: str, **values: object) -> str:
        """The text of `key`: first of this cell, then of the tab, then of the site; `{name}` filled from values."""
        for name in (f"{self.scope}.{key}" if self.scope else key, key, f"site.{key}"):
            if name in self.words:
                text = self.words[name]
                return text.format(**values) if values else text
        raise KeyError(f"lessons/{self.slug}/strings.toml has no {key!r} in {self.language!r} (cell {self.scope!r}).")

    def table(self, name: str) -> dict[str, str]:
        """All texts of one table, by their keys: for a script that writes them in the browser."""
        return {key.removeprefix(f"{name}."): text for key, text in self.words.items() if key.startswith(f"{name}.")}

    def cell(self, name: str) -> Strings:
        """The same strings seen from inside a cell: `t.cell("mulaw")("voice")` is `t("mulaw.voice")`."""
        return replace(self, scope=name)

    def prose(self, anchor: str | None = None) -> str:
        """The Markdown of a cell (of this one without an argument)."""
        return self._prose(anchor).body

    def heading(self, anchor: str | None = None) -> str:
        """The heading of a cell (of this one without an argument)."""
        return self._prose(anchor).heading

    def _prose(self, anchor: str | None) -> Prose:
        name = anchor or self.scope
        if name not in self.lesson:
            raise KeyError(f"lessons/{self.slug}/{self.language}.md has no heading with {{#{name}}}.")
        return self.lesson[name]


@cache
def strings(slug: str, language: str) -> Strings:
    """Read the words of one tab from `lessons/<slug>/`, those of the site behind them under `site.`."""
    if language not in LANGUAGES:
        raise ValueError(f"The languages are {', '.join(LANGUAGES)}, not {language!r}.")
    folder = LESSONS / slug
    words = flatten(read_toml(LESSONS / SITE / "strings.toml"), language, "site.")
    words.update(flatten(read_toml(folder / "strings.toml"), language))
    page = folder / f"{language}.md"
    lesson = split_lesson(page.read_text(encoding="utf-8")) if page.exists() else {}
    return Strings(slug, language, words, lesson, read_toml(folder / "quiz.toml"))


def discover(package: str = "demos") -> list[Tab]:
    """Every `TAB` in `demos/*.py` whose file name has no leading underscore, in the order of the lecture.

    Raises:
        ValueError: a file without TAB, a slug that differs from its file name, or two tabs with one slug.
    """
    tabs = []
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if info.name.startswith("_"):
            continue
        tab = getattr(importlib.import_module(f"{package}.{info.name}"), "TAB", None)
        if not isinstance(tab, Tab) or tab.slug != info.name:
            raise ValueError(f"demos/{info.name}.py must define TAB = Tab(slug={info.name!r}, order=…, build=…).")
        tabs.append(tab)
    return sorted(tabs, key=lambda tab: (tab.order, tab.slug))
