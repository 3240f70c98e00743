"""Heavy work done by other processes, where there are some (deploy/heavy.py); otherwise here.

    handler = movable(fn)         # a heavy handler, or a generator of results; called as before
    connect(ask)                  # from now on ask(job) gives the results of a job, as they come
    for step in results(job): …   # the other process: it has built the same pages, so the same handlers have the
                                  # same numbers

Arguments and results travel as copies. What does not travel is the page: of a request a handler learns the visitor's
session alone, and of an event what it says, but not which component said it.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import gradio as gr

from core.errors import LessonError
from demos import _memory, _stop


class LostError(LessonError):
    """A job that took the process with it that did it, again and again."""


def gave_up() -> LostError:
    """What to raise after the last try."""
    return LostError("This could not be computed: it stopped the site twice. Try something shorter.")


@dataclass(frozen=True)
class Asker:
    """What a handler knows of a request that was made to another process."""

    session_hash: str


@dataclass(frozen=True)
class Job:
    """A question for another process.

    number, name: of the handler.  arguments: for it.  session: the visitor's.  stopped: cells that he has stopped.
    asked: when, in seconds as of time.time().
    """

    number: int
    name: str
    arguments: tuple[Any, ...]
    session: str = ""
    stopped: frozenset[str] = frozenset()
    asked: float = field(default_factory=time.time)


Ask = Callable[[Job], Iterator[Any]]
_handlers: list[Callable[..., Any]] = []
_asks: list[Ask] = []  # one, if heavy work is done elsewhere


def connect(ask: Ask | None) -> None:
    """Let heavy work be done elsewhere from now on; None: here."""
    _asks[:] = [ask] if ask else []


def begin() -> None:
    """The pages are built: count their handlers from the first one."""
    _handlers.clear()


def name(fn: Callable[..., Any]) -> str:
    """What a handler is called, without what is partly applied to it or wrapped around it."""
    while inner := fn.func if isinstance(fn, functools.partial) else getattr(fn, "__wrapped__", None):
        fn = inner
    return f"{fn.__module__}.{fn.__qualname__}"


def movable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn`, done elsewhere where there is such a place."""
    number = len(_handlers)
    _handlers.append(fn)

    if inspect.isgeneratorfunction(fn):

        @functools.wraps(fn)
        def stream(*args: Any) -> Any:
            yield from _asks[0](_job(number, fn, args)) if _asks else fn(*args)

        return stream

    @functools.wraps(fn)
    def call(*args: Any) -> Any:
        if not _asks:
            return fn(*args)
        *_, result = _asks[0](_job(number, fn, args))
        return result

    return call


def _job(number: int, fn: Callable[..., Any], args: tuple[Any, ...]) -> Job:
    session = next((one.session_hash or "" for one in args if isinstance(one, gr.Request)), "")
    return Job(number, name(fn), tuple(_portable(one) for one in args), session, _stop.cells(session))


def _portable(argument: Any) -> Any:
    """An argument that gradio has put in, without the page that it is tied to; any other as it is."""
    if isinstance(argument, gr.Request):
        return Asker(argument.session_hash or "")
    if isinstance(argument, gr.EventData):
        own = {name: value for name, value in vars(argument).items() if name not in ("target", "_data")}
        return SimpleNamespace(**{**(argument._data or {}), **own})
    return argument


def results(job: Job) -> Iterator[Any]:
    """All results of a job, computed in this process; one of a handler that is no generator.

    Raises:
        LookupError: this process has built other pages.
        whatever the handler raises.
    """
    if job.number >= len(_handlers) or name(_handlers[job.number]) != job.name:
        raise LookupError(f"Handler {job.number} is not {job.name} here: both processes must build the same pages.")
    fn = _handlers[job.number]
    _stop.work_for(job.session, job.stopped, job.asked)
    try:
        if inspect.isgeneratorfunction(fn):
            yield from fn(*job.arguments)
        else:
            yield fn(*job.arguments)
    finally:
        _stop.worked_for(job.session, job.asked)
        _memory.give_back()
