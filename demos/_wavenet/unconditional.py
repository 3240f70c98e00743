"""Unconditional generation."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings


def build(t: Strings) -> None:
    """The cell `unconditional`."""
    with w.cell(t, "unconditional") as t:
        w.prose(t)
