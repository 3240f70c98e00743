"""What a heavy job has used goes back to the machine when it ends.

glibc gives every thread an arena of its own, up to eight a core, and an arena keeps what is freed in it. The server's
pool has many threads, and each that has once taken a song apart would hold on to a hundred megabytes.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
from collections.abc import Callable
from typing import Any

ARENAS = 2  # all threads share so many
_M_ARENA_MAX = -8


@functools.cache
def _libc() -> ctypes.CDLL | None:
    """glibc, or None on systems that have another library, whose defaults then stay."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
    except OSError:
        return None


def few_arenas() -> None:
    """Before any thread starts: `ARENAS` for all of them together."""
    if libc := _libc():
        libc.mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return free pages of all arenas to the machine; takes some hundredths of a second after a large job."""
    if libc := _libc():
        libc.malloc_trim(0)


def returned(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn`, a handler or a generator, followed by `give_back`, also when it fails or is abandoned."""
    if inspect.isgeneratorfunction(fn):

        @functools.wraps(fn)
        def stream(*args: Any, **kwargs: Any) -> Any:
            try:
                yield from fn(*args, **kwargs)
            finally:
                give_back()

        return stream

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        finally:
            give_back()

    return call
