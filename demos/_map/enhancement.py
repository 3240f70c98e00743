"""To be written: the cell `enhancement`."""

from __future__ import annotations

from demos import _widgets as w
from demos._map import sound
from demos._map.answer import Task
from demos._tab import Strings

TASK = Task(None, dict)


def build(t: Strings, source: sound.Source) -> None:
    """The cell `enhancement`."""
    with w.cell(t, "enhancement") as t:
        w.prose(t)
