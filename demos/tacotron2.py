"""Tacotron 2, cell by cell: one sentence on top, read by an attention that is drawn while it works."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings, Tab
from demos._tacotron2 import energies, failures, ids, learned, sentence, speak, vocoders


def build(t: Strings) -> None:
    """Header, the sentence, the cells, references."""
    w.header(t, badge="real synthetic", minutes=45)
    box = sentence.build(t)
    ids.build(t, box)
    energies.build(t, box, speak.build(t, box))
    learned.build(t, box)
    failures.build(t, box)
    vocoders.build(t)
    w.references(t)


TAB = Tab(slug="tacotron2", order=40, build=build)

if __name__ == "__main__":
    from demos import _page

    _page.alone(TAB)
