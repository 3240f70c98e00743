"""Heavy jobs give their memory back, however they end; the site's process does not grow with its threads."""

from __future__ import annotations

import inspect
import platform
import subprocess
import sys

import pytest

from demos import _memory
from demos._tab import ROOT


@pytest.fixture
def given(monkeypatch):
    calls: list[str] = []
    monkeypatch.setattr(_memory, "give_back", lambda: calls.append("given"))
    return calls


def test_a_handler_gives_back_after_its_result_and_after_its_error(given):
    def half(x: int) -> float:
        assert not given
        return 1 / x

    wrapped = _memory.returned(half)
    assert inspect.signature(wrapped) == inspect.signature(half)
    assert wrapped(2) == 0.5 and given == ["given"]
    given.clear()
    with pytest.raises(ZeroDivisionError):
        wrapped(0)
    assert given == ["given"]


def test_a_generator_gives_back_at_its_end_and_when_nobody_listens_any_more(given):
    def three():
        yield from (1, 2, 3)

    assert inspect.isgeneratorfunction(_memory.returned(three))
    assert list(_memory.returned(three)()) == [1, 2, 3] and given == ["given"]
    abandoned = _memory.returned(three)()
    assert next(abandoned) == 1 and given == ["given"]
    abandoned.close()
    assert given == ["given"] * 2


def test_without_glibc_nothing_is_asked_for(monkeypatch):
    monkeypatch.setattr(_memory, "_libc", lambda: None)
    _memory.few_arenas()
    _memory.give_back()


GROWTH = """
import sys, threading
from demos import _memory
if "frugal" in sys.argv:
    _memory.few_arenas()

def held_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

def job():  # 60 MB in pieces too small for pages of their own, each kept from its neighbours by a byte that stays
    kept.append([(bytearray(100_000), bytes(64))[1] for _ in range(2)])
    pieces = [bytearray(100_000) for _ in range(600)]
    kept.append(bytes(5000))

kept, over = [], threading.Event()
before = held_mb()
for _ in range(8):
    done = threading.Event()
    work = _memory.returned(job) if "frugal" in sys.argv else job
    threading.Thread(target=lambda: (work(), done.set(), over.wait()), daemon=True).start()
    done.wait()
print(held_mb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries have no arenas")
def test_eight_threads_hold_no_more_than_one_after_their_jobs():
    def growth_mb(*arguments: str) -> float:
        command = [sys.executable, "-c", GROWTH, *arguments]
        return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)

    assert growth_mb("frugal") < 60 < growth_mb()
