"""The race."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings


def build(t: Strings) -> None:
    """The cell `race`."""
    with w.cell(t, "race") as t:
        w.prose(t)
