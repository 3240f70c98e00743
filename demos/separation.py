"""Source separation, cell by cell: a song, its masks, the data, the network, and the scores of thirty others."""

from __future__ import annotations

from demos import _widgets as w
from demos._separation import apart, architecture, data, masks, scores, sisec
from demos._tab import Strings, Tab


def build(t: Strings) -> None:
    """Header, cells, references."""
    w.header(t, badge="real", minutes=60)
    masks.build(t, apart.build(t))
    data.build(t)
    architecture.build(t)
    scores.build(t)
    sisec.build(t)
    w.references(t)


TAB = Tab(slug="separation", order=80, build=build)

if __name__ == "__main__":
    from demos import _page

    _page.alone(TAB)
