"""Text to speech, cell by cell: one sentence on top drives all of them."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings, Tab
from demos._tts import parametric, sentence, text, together, units


def build(t: Strings) -> None:
    """Header, the sentence, the cells, references."""
    w.header(t, badge="real", minutes=40)
    box = sentence.build(t)
    for cell in (together, text, units, parametric):
        cell.build(t, box)
    w.references(t)


TAB = Tab(slug="tts", order=20, build=build)

if __name__ == "__main__":
    from demos import _page

    _page.alone(TAB)
