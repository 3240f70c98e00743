"""Who wants no more of what a cell is making: `begin` at the click that asks for it, `stop` at the one that ends it.

    _stop.begin(session, cell);  _stop.stop(session, cell);  _stop.is_stopped(session, cell)

Whoever makes something asks `is_stopped` again and again. Where heavy work is done in another process
(demos/_elsewhere.py), the wish is told to it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

MOST = 10_000
_lock = threading.Lock()
_stopped: dict[tuple[str, str], float] = {}  # when the wish was said, in seconds as of time.time()
_working: dict[str, float] = {}  # visitors of another process whose work is done in this one, and since when
told: list[Callable[[str, str, float], None]] = []  # who else is to know: (session, cell, when)


def begin(session: str | None, cell: str) -> None:
    """A visitor has asked for something: forget an earlier wish to stop."""
    with _lock:
        _stopped.pop((session or "", cell), None)


def stop(session: str | None, cell: str) -> None:
    """A visitor wants no more; whoever makes something asks `is_stopped` between two pieces."""
    now = time.time()
    with _lock:
        if len(_stopped) > MOST:
            _stopped.clear()  # long gone visitors
        _stopped[session or "", cell] = now
    for tell in told:
        tell(session or "", cell, now)


def is_stopped(session: str | None, cell: str) -> bool:
    return (session or "", cell) in _stopped


def cells(session: str | None) -> frozenset[str]:
    """The cells of which a visitor wants no more."""
    with _lock:
        return frozenset(cell for visitor, cell in _stopped if visitor == (session or ""))


def work_for(session: str, cells: frozenset[str], since: float) -> None:
    """This process is to work for the visitor of another one, who has said so far what he does not want."""
    with _lock:
        for key in [key for key in _stopped if key[0] == session]:
            del _stopped[key]
        _stopped.update({(session, cell): since for cell in cells})
        _working[session] = since


def worked_for(session: str, since: float) -> None:
    """That work is over."""
    with _lock:
        if _working.get(session) == since:
            del _working[session]
            for key in [key for key in _stopped if key[0] == session]:
                del _stopped[key]


def heed(session: str, cell: str, when: float) -> None:
    """A visitor of another process wants no more; an older wish than his work does not count."""
    with _lock:
        if when >= _working.get(session, float("inf")):
            _stopped[session, cell] = when
