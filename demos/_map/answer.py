"""What a task says about a sound, in the picture of the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from demos._tab import Strings

if TYPE_CHECKING:
    from torch import Tensor


class Answer(NamedTuple):
    """text: a few words in the page's language.  sure: in [0, 1].  fits: whether this is a sound for the task."""

    text: str
    sure: float
    fits: bool


class Task(NamedTuple):
    """What answers for a leaf of the picture, and how good it is.

    answer: (words of the cell `field`, sound float32 [T] at 16 kHz) -> Answer; None where a tab of its own does it.
    quality: gives the values that the leaf's sentence, `<leaf>_good`, quotes from cards and tables; loads no torch.
    """

    answer: Callable[[Strings, Tensor], Answer] | None
    quality: Callable[[], dict[str, str]]


def table(path: Path) -> dict[str, Any]:
    """What a command measured and wrote into assets/tables; {} until it has."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
