"""A GPU that is lent for one call at a time, as on Hugging Face's ZeroGPU Spaces.

There the main process has no GPU. What needs one is a function decorated by `spaces.GPU(duration=...)`: it runs in a
process of its own, and its arguments and what it yields are carried between the two. Visitors share few such minutes
a day, so "auto" stays on the CPU there, and only who names a CUDA engine borrows the GPU.

Elsewhere nothing is wrapped, and the package `spaces` is neither needed nor imported. The decorated function has to
exist when the site starts: the cell that shows the kernel imports this module, which needs no torch.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from core.errors import LessonError

START_S = 20  # of a lent call: a new process, CUDA's start, NVRTC
SLOWEST_HZ = 16_000  # samples/s of a sound that a call is planned for: real time

T = TypeVar("T")
_borrowed = False  # this process has the GPU


def lends() -> bool:
    """Whether a GPU has to be borrowed here, call by call."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true") and not _borrowed


def seconds_for(samples: int) -> int:
    """How long to borrow the GPU for so many samples."""
    return START_S + -(-samples // SLOWEST_HZ)


def stream(seconds: int, work: Callable[..., Iterator[T]], /, *args: Any, **kwargs: Any) -> Iterator[T]:
    """What `work(*args, **kwargs)` yields, with a GPU borrowed for so many seconds; closing it gives the GPU back.

    Args:
        work: a function of a module, or a method of an object that can be pickled, as all arguments.
    Raises:
        LessonError: as `work` raises it.
    """
    with closing(_with_gpu(seconds, work, *args, **kwargs)) as results:
        for result in results:
            if isinstance(result, _Failure):
                raise result.error
            yield result


def call(seconds: int, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """What `work(*args, **kwargs)` returns, with a GPU borrowed for it; else as `stream`."""
    (result,) = stream(seconds, _once, work, *args, **kwargs)
    return result


def _once(work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Iterator[T]:
    yield work(*args, **kwargs)


@dataclass(frozen=True)
class _Failure:
    """A typed error on its way to the process that asked; `spaces` would hand on its class without its text."""

    error: LessonError


def _gpu(duration: Callable[..., int]) -> Callable[[Callable], Callable]:
    """`spaces.GPU` where GPUs are lent and that package is there; else the function stays as it is."""
    if lends():
        try:
            return importlib.import_module("spaces").GPU(duration=duration)
        except ImportError:
            pass
    return lambda work: work


@_gpu(duration=lambda seconds, /, *args, **kwargs: seconds)
def _with_gpu(seconds: int, work: Callable[..., Iterator], /, *args: Any, **kwargs: Any) -> Iterator:
    global _borrowed  # noqa: PLW0603
    before, _borrowed = _borrowed, True
    try:
        yield from work(*args, **kwargs)
    except LessonError as error:
        yield _Failure(error)
    finally:
        _borrowed = before
