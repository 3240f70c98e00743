"""Models load on first use, once, through one locked cache shared by all visitors."""

from __future__ import annotations

import threading
from typing import Any

_LOCK = threading.Lock()
_LOADED: dict[str, Any] = {}


def load(name: str) -> Any:
    """The shipped model of that name (`core.weights.load`), loaded once per process.

    Raises:
        WeightsError: the weights are missing or damaged; nothing is cached then.
    """
    with _LOCK:
        if name not in _LOADED:
            from core import weights  # torch: only when a visitor asks for a model

            _LOADED[name] = weights.load(name)
        return _LOADED[name]
