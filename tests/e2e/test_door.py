"""Several copies of the site behind one door: visitors stay with their copy, and a dead copy's jobs are done again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from crowd import pressed, run

from benchmarks.start import free_port, serving
from demos._translate import translate
from deploy.door import GAVE_UP, Door, Job, Session, _translated


@contextmanager
def listening(door: Door) -> Iterator[str]:
    """The door on a free port, in a thread."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(door, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Two sites with the tab "wavenet", and a folder for uploads that both see."""
    folder = tmp_path_factory.mktemp("shared")
    shared = {"GRADIO_TEMP_DIR": str(folder / "uploads"), "SITE_KEPT": str(folder / "kept"), "OMP_NUM_THREADS": "1"}
    with serving("-m", "demos.wavenet", **shared) as one, serving("-m", "demos.wavenet", **shared) as other:
        yield one, other


def test_one_copy_dies_under_load_and_nobody_loses_more_than_a_pause(copies, record_property) -> None:
    one, other = copies
    door = Door(lambda: [one.address, other.address])

    def begun() -> bool:
        """Somebody hears already what the copy says that is going to die."""
        here = [session for session in door.sessions.values() if session.address == one.address]
        return any(job.begun for session in here for job in session.jobs.values())

    async def crowd() -> tuple[list, float]:
        visitors = [asyncio.create_task(pressed(address, number, button="unconditional-run")) for number in range(4)]
        while sum(bool(session.jobs) for session in door.sessions.values()) < 4 or not begun():
            await asyncio.sleep(0.05)
        where = [session.address for session in door.sessions.values()]
        assert sorted(where) == sorted([one.address, other.address] * 2), "two visitors each"
        os.kill(one.process, signal.SIGKILL)
        killed = time.monotonic()
        return await asyncio.gather(*visitors), killed

    with listening(door) as address:
        found, killed = run(crowd())
        outcomes = [one for outcomes, _ in found for one in outcomes]
        assert [one.error for one in outcomes if one.error] == [] and len(outcomes) >= 12
        assert 1 <= door.again <= 2, "the jobs of the dead copy, and no others"
        record_property("seconds from the death of a copy to the last answer", max(at for _, at in found) - killed)
        told = httpx.get(f"{address}/door", trust_env=False).json()
        assert told["jobs"] == 0 and told["again"] == door.again
        # and the site goes on with the copy that is left
        later, _ = run(pressed(address, 0, button="mulaw-run"))
        assert [one.error for one in later if one.error] == []


def test_results_of_a_second_try_replace_those_of_the_first() -> None:
    session = Session("s", "http://a", jobs={"page": Job("page", "first", b"")})

    def told(there: str, data: list) -> dict:
        message = {"msg": "process_generating", "event_id": there, "output": {"data": data}}
        return _translated(session, message)

    assert told("first", ["one"]) == {"msg": "process_generating", "event_id": "page", "output": {"data": ["one"]}}
    assert told("first", [[["append", [], "!"]]])["output"]["data"] == [[["append", [], "!"]]]
    job = session.jobs["page"]
    job.there, job.tries, job.fresh = "second", 2, True
    assert told("first", ["late"])["event_id"] == "first", "nobody waits for that any more"
    assert told("second", ["anew"])["output"]["data"] == [[["replace", [], "anew"]]]
    assert told("second", [[["append", [], "?"]]])["output"]["data"] == [[["append", [], "?"]]]
    done = _translated(session, {"msg": "process_completed", "event_id": "second", "success": True, "output": {}})
    assert done["event_id"] == "page" and not session.jobs


class Stub:
    """A copy that answers as it is told: an ASGI application."""

    def __init__(self, name: str, *, dies_in: int = 0) -> None:
        self.name, self.dies_in, self.asked, self.seen = name, dies_in, 0, []

    async def __call__(self, scope, receive, send) -> None:
        path, body = scope["path"], b""
        if scope["type"] != "http":
            return
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.seen.append((path, dict(scope["headers"]).get(b"host", b"").decode(), len(body)))
        say = lambda text: {"type": "http.response.body", "body": text.encode(), "more_body": True}  # noqa: E731
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if path.endswith("/queue/join"):
            self.asked += 1
            await send(say(json.dumps({"event_id": f"{self.name}{self.asked}"})))
        elif path.endswith("/queue/data"):
            if self.dies_in:
                raise RuntimeError("dies")
            for k in range(self.asked):
                done = {"msg": "process_completed", "event_id": f"{self.name}{k + 1}", "success": True, "output": {}}
                await send(say(f"data: {json.dumps(done)}\n\n"))
            await send(say('data: {"msg": "close_stream", "event_id": null}\n\n'))
        else:
            await send(say(f"{self.name} {scope['method']} {path}"))
        await send({"type": "http.response.body", "body": b""})


def events(client: httpx.Client, session: str) -> list[dict]:
    text = client.get("/gradio_api/queue/data", params={"session_hash": session}).text
    return [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")]


def test_a_job_that_takes_two_copies_with_it_is_not_tried_again() -> None:
    a, b = Stub("a", dies_in=1), Stub("b", dies_in=1)
    with listening(a) as first, listening(b) as second:
        door = Door(lambda: [first, second], patience_s=1)
        with listening(door) as address, httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
            for session, page, asked in (("s", "", 1), ("t", "ko", 2)):
                door.dead.clear()
                client.headers["referer"] = f"{address}/{page}?tab=wavenet"
                own = client.post("/gradio_api/queue/join", json={"session_hash": session}).json()["event_id"]
                found = events(client, session)
                assert [one["msg"] for one in found] == ["process_completed", "close_stream"]
                said = translate(GAVE_UP, page or "en")
                assert found[0]["event_id"] == own and found[0]["output"]["error"] == said and not found[0]["success"]
                assert (a.asked, b.asked, door.again) == (asked, asked, asked)
    assert said != GAVE_UP


def test_a_visitor_stays_with_his_copy_and_others_go_to_the_one_with_less_to_do() -> None:
    a, b = Stub("a"), Stub("b")
    with listening(a) as first, listening(b) as second:
        alive = [first, second]
        with listening(Door(lambda: list(alive), patience_s=1)) as address:
            with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
                for _ in range(3):
                    client.post("/gradio_api/queue/join", json={"session_hash": "s"})
                client.post("/gradio_api/queue/join", json={"session_hash": "t"})
                assert (a.asked, b.asked) in ((3, 1), (1, 3))
                assert len(events(client, "s")) == 4 and len(events(client, "t")) == 2
                assert client.get("/kept/a/x").text.endswith("/kept/a/x")
                hosts = {host for one in (a, b) for path, host, _ in one.seen if "join" in path or "/kept" in path}
                assert hosts == {address.removeprefix("http://")}, "a copy knows the name that the visitor knows"
                mine = next(one for one in (a, b) if one.asked == 3)
                assert client.get("/gradio_api/stream/s/1/2/playlist.m3u8").text.startswith(f"{mine.name} GET")
                sent = client.post("/gradio_api/upload", files={"files": ("a.wav", bytes(3_000_000))})
                assert sent.status_code == 200
                assert max(size for stub in (a, b) for path, _, size in stub.seen if "upload" in path) > 3_000_000
                alive.clear()
                assert client.get("/").status_code == 503
                korean = client.get("/", headers={"referer": f"{address}/ko?tab=wavenet"})
                assert korean.status_code == 503 and korean.text.startswith("사이트를 시작하는")
