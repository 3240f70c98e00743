"""A heavy job that shows no sign of life is given up, so that the line behind it moves on.

    fn = limited(fn, seconds)     # a handler, or a generator of results

A job works in a thread of its own, which is kept for the next one. Whoever asked waits for each result no longer than
`seconds`; then a typed error is raised, and the thread is left to itself: code in Python is ended by an exception
there, other code runs on until it returns, beside the jobs that follow.
"""

from __future__ import annotations

import contextvars
import ctypes
import functools
import inspect
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import Any

from core.errors import LessonError

LIMIT_S = float(os.environ.get("HEAVY_LIMIT_S", "240"))  # benchmarks.site has had no job given up by it
_END = object()
_idle: list[Worker] = []
_lock = threading.Lock()


class DeadlineError(LessonError):
    """A job that showed no sign of life for too long."""


class GivenUp(BaseException):
    """Raised in the thread of a job that nobody waits for any more."""


class Worker:
    """A thread for heavy jobs, one at a time."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="heavy")
        self.thread = self.pool.submit(threading.get_ident).result()

    def ask(self, call: Callable[[], Any], seconds: float) -> Any:
        """What the call returns or raises.

        Raises:
            DeadlineError: it did neither in time.
        """
        future = self.pool.submit(call)
        try:
            return future.result(seconds)
        except Late:
            if future.done():  # it came in the last moment, or the TimeoutError is the job's own
                return future.result()
        self.give_up()
        raise DeadlineError(
            f"This took too long: nothing came for {seconds:.0f} s, and it was stopped. Try again with something "
            "shorter; if it happens again, tell whoever runs this site."
        )

    def give_up(self) -> None:
        self.pool.shutdown(wait=False)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread), ctypes.py_object(GivenUp))


def _worker() -> Worker:
    with _lock:
        return _idle.pop() if _idle else Worker()


def limited(fn: Callable[..., Any], seconds: float | None = None) -> Callable[..., Any]:
    """`fn`, whose result, or each of whose results if it is a generator, must come in time (LIMIT_S by default)."""

    if inspect.isgeneratorfunction(fn):

        @functools.wraps(fn)
        def stream(*args: Any, **kwargs: Any) -> Any:
            steps, context, worker = fn(*args, **kwargs), contextvars.copy_context(), _worker()
            hangs = False
            try:
                while (step := worker.ask(lambda: context.run(next, steps, _END), seconds or LIMIT_S)) is not _END:
                    yield step
            except DeadlineError:
                hangs = True
                raise
            finally:
                if not hangs:
                    worker.ask(steps.close, seconds or LIMIT_S)
                    _idle.append(worker)

        return stream

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        context, worker = contextvars.copy_context(), _worker()
        try:
            result = worker.ask(lambda: context.run(fn, *args, **kwargs), seconds or LIMIT_S)
        except DeadlineError:
            raise
        except BaseException:
            _idle.append(worker)
            raise
        _idle.append(worker)
        return result

    return call
