"""Heavy work in other processes: what travels, what comes back, who wants no more, and what happens when one dies."""

from __future__ import annotations

import functools
import pickle
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from core.errors import AudioError
from demos import _elsewhere, _numbers, _stop
from deploy.cluster import Registry


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(_elsewhere, "_handlers", [])
    monkeypatch.setattr(_elsewhere, "_asks", [])
    monkeypatch.setattr(_stop, "_stopped", {})
    monkeypatch.setattr(_stop, "_working", {})


def loopback(job):
    """As another process would do it: all that travels is a copy."""
    for step in _elsewhere.results(pickle.loads(pickle.dumps(job))):  # noqa: S301 (our own)
        yield pickle.loads(pickle.dumps(step))  # noqa: S301


def count(prefix: str, upto: int):
    for k in range(upto):
        yield f"{prefix}{k}"


def total(numbers: list) -> int:
    numbers.append(0)
    return sum(numbers)


def fail(kind: str) -> None:
    raise AudioError(f"{kind} is silent.")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_handler_gives_the_same_here_and_elsewhere(elsewhere):
    generator = _elsewhere.movable(functools.partial(count, "k"))
    plain, broken = _elsewhere.movable(total), _elsewhere.movable(fail)
    _elsewhere.connect(loopback if elsewhere else None)
    numbers = [1, 2]
    assert list(generator(3)) == ["k0", "k1", "k2"]
    assert plain(numbers) == 3 and numbers == ([1, 2] if elsewhere else [1, 2, 0]), "elsewhere it is a copy"
    with pytest.raises(AudioError, match="It is silent"):
        broken("It")


def test_of_the_page_only_the_session_and_what_an_event_says_travel():
    handler = _elsewhere.movable(lambda value, request, event: (request.session_hash, event.index, event.selected))
    asked: list = []
    _elsewhere.connect(lambda job: iter(asked.append(job) or loopback(job)))
    request = gr.Request(username="secret", session_hash="mine")
    component = SimpleNamespace()
    event = gr.SelectData(component, {"index": [1, 2], "value": {"x": 3.0}})
    _stop.stop("mine", "speak")
    assert handler(7, request, event) == ("mine", [1, 2], True)
    strokes = gr.EventData(component, {"strokes": [3]})
    assert _elsewhere._portable(strokes).strokes == [3], "a cell's own event has its own words"
    (job,) = asked
    assert job.arguments[2].value == {"x": 3.0} and not hasattr(job.arguments[2], "target")
    assert vars(job.arguments[1]) == {"session_hash": "mine"}
    assert (job.session, job.stopped) == ("mine", {"speak"})


def test_who_leaves_ends_the_work_elsewhere():
    closed = []

    def endless():
        try:
            while True:
                yield "more"
        finally:
            closed.append(True)

    handler = _elsewhere.movable(endless)
    _elsewhere.connect(_elsewhere.results)
    steps = handler()
    assert next(steps) == "more" and not closed
    steps.close()
    assert closed


def test_a_process_with_other_pages_refuses():
    _elsewhere.movable(total)
    for job in (_elsewhere.Job(0, "tests.other", ()), _elsewhere.Job(1, _elsewhere.name(total), ())):
        with pytest.raises(LookupError, match="the same pages"):
            list(_elsewhere.results(job))
    _elsewhere.begin()
    assert _elsewhere._handlers == []


def test_a_wish_to_stop_is_heard_in_the_other_process_and_an_old_one_is_not():
    now = time.time()
    _stop.work_for("mine", frozenset({"already"}), now)
    assert _stop.is_stopped("mine", "already") and not _stop.is_stopped("mine", "speak")
    _stop.heed("mine", "speak", now - 1)  # said before the visitor asked anew
    _stop.heed("another", "speak", now + 1)  # whose work is done elsewhere
    assert not _stop.is_stopped("mine", "speak") and not _stop.is_stopped("another", "speak")
    _stop.heed("mine", "speak", now + 1)
    assert _stop.is_stopped("mine", "speak")
    _stop.worked_for("mine", now)
    assert not _stop.is_stopped("mine", "speak") and _stop.cells("mine") == frozenset()


def test_wishes_are_told_and_found_in_order(monkeypatch):
    bulletin, told = Registry(), []
    monkeypatch.setattr(_stop, "told", [bulletin.stop, lambda *said: told.append(said)])
    _stop.stop("mine", "a")
    number, said = bulletin.stops_after(0)
    assert number == 1 and said == told and said[0][:2] == ("mine", "a")
    assert bulletin.stops_after(number) == (1, [])
    for k in range(1500):
        _stop.stop("mine", str(k))
    number, said = bulletin.stops_after(number)
    assert number == 1501 and len(said) == 1000 and said[-1][1] == "1499"
    _stop.begin("mine", "a")
    assert not _stop.is_stopped("mine", "a") and _stop.is_stopped("mine", "7")


def test_numbers_of_values_are_never_zero_and_never_twice():
    found = [_numbers.fresh() for _ in range(1000)]
    assert len(set(found)) == 1000 and min(found) > 0 and max(found) < 2**53


class Unportable(Exception):
    def __init__(self, path: Path, line: int) -> None:
        super().__init__(f"{path}:{line}")


def test_errors_travel_or_say_what_they_would_have_said():
    heavy = pytest.importorskip("deploy.heavy")
    assert isinstance(heavy.portable(AudioError("silent")), AudioError)
    changed = heavy.portable(Unportable(Path("a"), 3))
    assert type(changed) is RuntimeError and str(changed) == "Unportable: a:3"

    def failing():
        yield 1
        raise AudioError("silent")

    steps = heavy.Steps(failing())
    assert steps.next() == (True, 1)
    well, error = steps.next()
    assert not well and isinstance(error, AudioError) and steps.next() is heavy._END
    closed = heavy.Steps(iter(count("k", 3)))
    closed.close()
    assert closed.next() is heavy._END


class Answers:
    """What a handle gives: an iterator that can be cancelled. A Ray error among the steps is raised."""

    def __init__(self, steps: list) -> None:
        self.steps, self.cancelled = iter(steps), 0

    def __iter__(self):
        return self

    def __next__(self):
        step = next(self.steps)
        if isinstance(step, Exception):
            raise step
        return step

    def cancel(self) -> None:
        self.cancelled += 1


def asked_of(*tries: list):
    """`asking` of a deployment whose replicas give these answers, one after the other; and the answers."""
    heavy = pytest.importorskip("deploy.heavy")
    answers = [Answers(steps) for steps in tries]
    coming = iter(answers)
    handle = SimpleNamespace(work=SimpleNamespace(remote=lambda job: next(coming)))
    return heavy.asking(SimpleNamespace(options=lambda **_: handle)), answers


def test_a_job_whose_process_dies_is_done_once_more_and_not_a_third_time():
    ray = pytest.importorskip("ray", reason="pip install -r deploy/requirements.txt")
    dead = ray.exceptions.RayActorError()
    job = _elsewhere.Job(0, "x", ())
    ask, _ = asked_of([(True, 1), dead], [(True, 1), (True, 2)])
    assert list(ask(job)) == [1, 1, 2]
    ask, _ = asked_of([dead], [dead], [(True, 1)])
    with pytest.raises(_elsewhere.LostError, match="stopped the site twice"):
        list(ask(job))
    ask, answers = asked_of([(True, 1), (False, AudioError("silent"))])
    with pytest.raises(AudioError):
        list(ask(job))
    ask, answers = asked_of([(True, 1), (True, 2)])
    steps = ask(job)
    next(steps)
    steps.close()
    assert answers[0].cancelled == 1
