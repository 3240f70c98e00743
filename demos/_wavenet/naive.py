"""The lecture's naive network."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings


def build(t: Strings) -> None:
    """The cell `naive`."""
    with w.cell(t, "naive") as t:
        w.prose(t)
