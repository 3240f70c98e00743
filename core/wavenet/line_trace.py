"""Run a function and note, line by line, the tensors that each line made: what the annotated listing shows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor


def line_by_line(function: Callable[..., Any], *args: Any) -> tuple[Any, dict[int, list[dict[str, list[int]]]]]:
    """Call function(*args) under Python's trace hook.

    Args:
        function: a Python function or method. A line is finished when the next one begins.
    Returns:
        (its result, visits): visits[n] has one entry each time line n of the function ran (1 is its `def`), a dict
        from the variables that the line bound to a new tensor to their shapes; "return" is what was returned.
    """
    code: CodeType = function.__func__.__code__ if hasattr(function, "__func__") else function.__code__
    visits: dict[int, list[dict[str, list[int]]]] = {}
    state: dict[str, Any] = {"line": None, "before": {}}

    def finish(frame: FrameType, returned: Any = None) -> None:
        now = {name: value for name, value in frame.f_locals.items() if isinstance(value, Tensor)}
        if state["line"] is not None:
            made = {name: list(v.shape) for name, v in now.items() if state["before"].get(name) is not v}
            if isinstance(returned, Tensor):
                made["return"] = list(returned.shape)
            visits.setdefault(state["line"] - code.co_firstlineno + 1, []).append(made)
        state["before"], state["line"] = now, frame.f_lineno

    def local(frame: FrameType, event: str, arg: Any) -> Any:
        if event in ("line", "return"):
            finish(frame, arg if event == "return" else None)
        return local

    def watch(frame: FrameType, event: str, arg: Any) -> Any:
        return local if frame.f_code is code and event == "call" else None

    previous = sys.gettrace()
    sys.settrace(watch)
    try:
        with torch.no_grad():
            result = function(*args)
    finally:
        sys.settrace(previous)
    return result, visits
