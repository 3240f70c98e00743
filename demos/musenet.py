"""MuseNet, cell by cell: GPT-2, its past, the composer."""

from __future__ import annotations

from demos import _widgets as w
from demos._musenet import composer, gpt2, past
from demos._tab import Strings, Tab


def build(t: Strings) -> None:
    """Header, cells, references."""
    w.header(t, badge="real", minutes=50)
    gpt2.build(t)
    past.build(t)
    composer.build(t)
    w.references(t)


TAB = Tab(slug="musenet", order=70, build=build)

if __name__ == "__main__":
    from demos import _page

    _page.alone(TAB)
