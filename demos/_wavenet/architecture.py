"""The whole architecture."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings


def build(t: Strings) -> None:
    """The cell `architecture`."""
    with w.cell(t, "architecture") as t:
        w.prose(t)
