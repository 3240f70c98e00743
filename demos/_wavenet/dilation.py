"""Causality and dilation."""

from __future__ import annotations

from demos import _widgets as w
from demos._tab import Strings


def build(t: Strings) -> None:
    """The cell `dilation`."""
    with w.cell(t, "dilation") as t:
        w.prose(t)
