"""From a mel to your voice."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings


def build(t: Strings) -> None:
    """The cell `conditional`."""
    with w.cell(t, "conditional") as t:
        w.prose(t)
