"""What a tab shows, in the order of the page: noted while it is built, so that its notebook can follow it.

It is the same in every language: the words are looked up later, by their anchors and names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demos._links import current_page


@dataclass(frozen=True)
class Part:
    """One thing on the page.

    kind: "header" (value: badges and minutes), "prose" (value: whether it has a heading of its own), "quiz" or
        "exercise" (value: its name) or "code" (value: references).
    anchor: the section of the lesson whose prose stands here, or the cell in which the rest stands.
    """

    kind: str
    anchor: str
    value: Any = None


_OUTLINES: dict[str, list[Part]] = {}


def add(kind: str, anchor: str, value: Any = None) -> None:
    """Note a part of the tab that is being built; a header begins anew."""
    slug = current_page().tab
    if kind == "header":
        _OUTLINES[slug] = []
    _OUTLINES.setdefault(slug, []).append(Part(kind, anchor, value))


def built() -> set[str]:
    """The tabs that have been built."""
    return set(_OUTLINES)


def outline(slug: str) -> list[Part]:
    """The parts of a tab that has been built.

    Raises:
        KeyError: no such tab, or it was not built.
    """
    return list(_OUTLINES[slug])
