"""One line for heavy work, none for light work, and errors that a visitor can read.

`on(t, button.click, fn, inputs, outputs, heavy=True)` wires every event of the site. Heavy events share one queue
(`concurrency_id="heavy"`), so that thirty visitors wait in line and the page shows their place in it; one that hangs is
given up (`demos/_deadline.py`).
"""

from __future__ import annotations

import errno
import functools
import inspect
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from core.errors import LessonError
from demos import _deadline, _elsewhere, _memory
from demos._tab import Strings
from demos._translate import translate

HEAVY_JOBS = max(1, int(os.environ.get("HEAVY_JOBS", "1")))  # 1: two cores, and one job uses both
LIGHT_JOBS = 40
log = logging.getLogger("demos")


def tell(t: Strings, error: Exception) -> None:
    """Show an error on the page: a typed one as it stands, any other as a short message, with its trace in the log."""
    if isinstance(error, LessonError):
        gr.Warning(translate(str(error), t.language), duration=15)
        return
    log.error("A handler failed", exc_info=error)
    gr.Warning(t(f"error.{lacking(error) or 'unexpected'}"), duration=15)


def lacking(error: Exception) -> str:
    """What the machine has run out of: "memory", "disk", or "" if an error says nothing of the kind."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
        return "disk"
    told = str(error).lower()
    if isinstance(error, MemoryError) or isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return "memory"
    if isinstance(error, RuntimeError) and ("out of memory" in told or "can't allocate memory" in told):
        return "memory"  # what PyTorch says, of a GPU and of the machine
    if type(error).__name__ == "LibsndfileError" and getattr(error, "code", 0) == 2:  # "System error": of write(2)
        return "disk"
    return ""


def readable(t: Strings, fn: Callable[..., Any], outputs: int) -> Callable[..., Any]:
    """`fn` with its errors turned into messages; the outputs then keep what they show.

    Args:
        fn: a handler or a generator of results.  outputs: how many components it writes to.
    """
    unchanged = gr.skip() if outputs <= 1 else tuple(gr.skip() for _ in range(outputs))

    if inspect.isgeneratorfunction(fn):

        @functools.wraps(fn)
        def stream(*args: Any, **kwargs: Any) -> Any:
            try:
                yield from fn(*args, **kwargs)
            except gr.Error:
                raise
            except Exception as error:
                tell(t, error)
                yield unchanged

        return stream

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            tell(t, error)
            return unchanged

    return call


def on(
    t: Strings,
    events: Any,
    fn: Callable[..., Any],
    inputs: Any = None,
    outputs: Any = None,
    *,
    heavy: bool = False,
    **options: Any,
) -> Any:
    """Wire one event (or a list of events) to a handler.

    Args:
        events: `button.click`, or a list such as `[slider.release, box.change]`.
        heavy: True for anything over about 0.3 s of computing; it then waits in the one queue.
        options: handed to gradio, e.g. `show_progress="hidden"`, `trigger_mode="always_last"`.
    Returns:
        gradio's dependency: `.then(...)` works on it.
    """
    count = len(outputs) if isinstance(outputs, Sequence) else int(outputs is not None)
    options.setdefault("api_visibility", "private")
    options.setdefault("show_progress", "full" if heavy else "hidden")
    if heavy:
        fn = _memory.returned(_elsewhere.movable(_deadline.limited(fn)))
        options |= {"concurrency_id": "heavy", "concurrency_limit": HEAVY_JOBS}
    else:
        options.setdefault("concurrency_limit", LIGHT_JOBS)
    handler = readable(t, fn, count)
    if isinstance(events, list):
        return gr.on(events, handler, inputs, outputs, **options)
    return events(handler, inputs, outputs, **options)
