"""WaveNet, cell by cell: each cell is a module of `demos/_wavenet/`."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings, Tab
from demos._wavenet import architecture, conditional, dilation, gpu, mulaw, naive, race, unconditional

CELLS = (mulaw, dilation, naive, architecture, unconditional, conditional, race, gpu)


def build(t: Strings) -> None:
    """Header, the eight cells in the order of the lecture, references."""
    w.header(t, badge="real", minutes=50)
    for cell in CELLS:
        cell.build(t)
    w.references(t)


TAB = Tab(slug="wavenet", order=30, build=build)

if __name__ == "__main__":
    from demos import _page

    _page.alone(TAB)
