"""Mu-law."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings


def build(t: Strings) -> None:
    """The cell `mulaw`."""
    with w.cell(t, "mulaw") as t:
        w.prose(t)
