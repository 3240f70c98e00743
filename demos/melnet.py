"""MelNet, cell by cell: each cell is a module of `demos/_melnet/`."""

from __future__ import annotations

from demos import _widgets as w
from demos._melnet import born, interleave, prime, see, why
from demos._tab import Strings, Tab

CELLS = (interleave, born, prime, why, see)


def build(t: Strings) -> None:
    """Header, the five cells, references."""
    w.header(t, badge="real", minutes=40)
    for cell in CELLS:
        cell.build(t)
    w.references(t)


TAB = Tab(slug="melnet", order=55, build=build)

if __name__ == "__main__":
    from demos import _page

    _page.alone(TAB)
