"""Transformers on notes, cell by cell: events, attention, relative position, the Music Transformer."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings, Tab
from demos._transformer import attention, chorales, music, relative, tokens


def build(t: Strings) -> None:
    """Header, cells, references."""
    w.header(t, badge="real", minutes=60)
    tokens.build(t)
    attention.build(t)
    relative.build(t)
    music.build(t)
    chorales.build(t)
    w.references(t)


TAB = Tab(slug="transformer", order=60, build=build)

if __name__ == "__main__":
    from demos import _page

    _page.alone(TAB)
