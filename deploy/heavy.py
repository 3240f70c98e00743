"""Heavy work in processes of its own: a deployment that is scaled apart from the copies of the site.

    Heavy                    # the deployment: each replica has built the same pages, and does one job at a time
    asking(handle)           # for `demos._elsewhere.connect`: a job is done by the replica with the least to do

A job whose process dies is done once more by another one; its results come anew, and replace those of the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from deploy.cluster import ROOT, build, registry
from deploy.door import MOST_TRIES

POLL_S = 0.2
_END = object()


class Steps:
    """The results of a job one after the other, each in whatever thread asks for it."""

    def __init__(self, results: Iterator[Any]) -> None:
        self.results, self.lock = results, threading.Lock()

    def next(self) -> Any:
        """(True, a result), (False, an error), or _END."""
        with self.lock:
            try:
                return True, next(self.results)
            except StopIteration:
                return _END
            except Exception as error:
                return False, portable(error)

    def close(self) -> None:
        """Nobody waits for more: as soon as the current step is done, the rest is given up."""
        with self.lock:
            self.results.close()  # type: ignore[attr-defined]


def portable(error: Exception) -> Exception:
    """An error as it can travel: itself, or what it says where its kind cannot be made anew from that."""
    try:
        return pickle.loads(pickle.dumps(error))  # noqa: S301 (our own, of a moment ago)
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


class Heavy:
    """A process that computes for the copies."""

    def __init__(self, tabs: list[str], environment: dict[str, str]) -> None:
        os.environ.update(environment)
        os.chdir(ROOT)
        from demos import _memory, _page

        _memory.few_arenas()
        _page.site(build(tabs))
        _page.warm()
        self.registry = registry()
        threading.Thread(target=self._heed, daemon=True).start()

    def _heed(self) -> None:
        """Learn who wants no more."""
        import ray

        from demos import _stop

        number = 0
        while True:
            try:
                number, said = ray.get(self.registry.stops_after.remote(number), timeout=5)
                for session, cell, when in said:
                    _stop.heed(session, cell, when)
            except ray.exceptions.RayError:
                pass  # the registry does not answer for a moment
            time.sleep(POLL_S)

    async def work(self, job: Any) -> AsyncIterator[Any]:
        """(True, a result) again and again, or at last (False, an error)."""
        from demos import _elsewhere

        steps = Steps(_elsewhere.results(job))
        try:
            while (step := await asyncio.to_thread(steps.next)) is not _END:
                yield step
        finally:  # also when whoever asked has gone
            asyncio.get_running_loop().run_in_executor(None, steps.close)

    def process(self) -> int:
        """The number of this process, which a test may kill."""
        return os.getpid()


def asking(handle: Any) -> Any:
    """What `demos._elsewhere.connect` takes: jobs go to the replicas of a deployment."""
    import ray

    from demos._elsewhere import Job, gave_up

    heavy = handle.options(stream=True)

    def ask(job: Job) -> Iterator[Any]:
        for left in reversed(range(MOST_TRIES)):
            answers, over = heavy.work.remote(job), False
            try:
                for well, step in answers:
                    if not well:
                        raise step
                    yield step
                over = True
                return
            except (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError) as error:
                if not left:
                    raise gave_up() from error
            finally:
                if not over:
                    with contextlib.suppress(Exception):
                        answers.cancel()

    return ask
