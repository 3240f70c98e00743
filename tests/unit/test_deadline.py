"""A heavy job that hangs is given up after its time; all others are as they were."""

from __future__ import annotations

import contextvars
import inspect
import threading
import time

import pytest

from demos import _deadline
from demos._deadline import DeadlineError, limited

said = contextvars.ContextVar("said", default="nothing")


def test_a_handler_is_as_it_was():
    said.set("hello")

    def half(x: float, *, times: int = 1) -> tuple[float, str]:
        return x / 2 / times, said.get()

    wrapped = limited(half, 5)
    assert inspect.signature(wrapped) == inspect.signature(half)
    assert wrapped(4, times=2) == (1.0, "hello"), "in the context of whoever asked"
    with pytest.raises(ZeroDivisionError):
        wrapped(1, times=0)

    def late():
        raise TimeoutError("of my own")

    with pytest.raises(TimeoutError, match="of my own"):
        limited(late, 5)()


def test_a_generator_is_as_it_was_and_closed_when_nobody_listens_any_more():
    ended = []

    def three(x):
        try:
            for k in range(3):
                yield x + k
        finally:
            ended.append(x)

    wrapped = limited(three, 5)
    assert inspect.isgeneratorfunction(wrapped) and list(wrapped(1)) == [1, 2, 3] and ended == [1]
    abandoned = wrapped(10)
    assert next(abandoned) == 10
    abandoned.close()
    assert ended == [1, 10]

    def breaks():
        yield 1
        raise KeyError("two")

    steps = limited(breaks, 5)()
    assert next(steps) == 1
    with pytest.raises(KeyError):
        next(steps)


def test_one_thread_serves_one_job_after_the_other():
    threads = {limited(threading.get_ident, 5)() for _ in range(5)}

    def steps():
        for _ in range(3):
            yield threading.get_ident()

    threads |= set(limited(steps, 5)())
    assert len(threads) == 1 and threading.get_ident() not in threads


@pytest.mark.parametrize("kind", ["python", "outside"])
def test_what_hangs_is_given_up_and_the_next_job_runs(kind):
    ended, release = threading.Event(), threading.Event()

    def hangs():
        try:
            if kind == "outside":
                release.wait(20)  # waits in C: the exception comes when it returns
            while True:
                pass
        finally:
            ended.set()

    began = time.monotonic()
    with pytest.raises(DeadlineError, match="nothing came for 0 s"):
        limited(hangs, 0.3)()
    assert time.monotonic() - began < 3
    assert limited(lambda: "next", 5)() == "next"
    assert kind == "python" or not ended.is_set()
    release.set()
    assert ended.wait(5), "the thread of the job that was given up ends, too"


def test_a_generator_is_given_its_time_for_every_step():
    def slow(*waits):
        for wait in waits:
            time.sleep(wait)
            yield wait

    assert list(limited(slow, 0.5)(*[0.2] * 5)) == [0.2] * 5  # one second in all
    steps = limited(slow, 0.3)(0.0, 3.0, 0.0)
    assert next(steps) == 0.0
    with pytest.raises(DeadlineError):
        next(steps)
    with pytest.raises(StopIteration):
        next(steps)


def test_heavy_events_have_a_deadline(monkeypatch):
    import gradio as gr

    from demos import _jobs
    from demos._tab import strings

    told = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: told.append(text))
    monkeypatch.setattr(_deadline, "LIMIT_S", 0.2)
    t = strings("_site", "ko")
    with gr.Blocks() as blocks:
        button, out = gr.Button(), gr.Textbox()
        _jobs.on(t, button.click, lambda: time.sleep(2), None, out, heavy=True)
        _jobs.on(t, button.click, lambda: "light", None, out)
    heavy, light = (one.fn for one in blocks.fns.values())
    assert heavy() == gr.skip() and light() == "light"
    assert len(told) == 1 and "멈췄습니다" in told[0]
