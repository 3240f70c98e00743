"""The door before several copies of the site: leads each visitor to one of them, and does a lost job again.

    Door(addresses)        # an ASGI application; addresses() are the copies that live, such as "http://10.0.0.4:7861"

Gradio keeps a visitor's queue and state in the process that took his first request, so all his requests must reach the
same copy: the door remembers which one. It also remembers each job from the question to the answer. When a copy dies,
its jobs are asked for again at another copy, and their answers go on in the streams that the pages have open; a page
notices a pause. What the dead copy had computed before for a visitor, and kept in its memory, is gone. Files are not:
all copies see the same folders (GRADIO_TEMP_DIR, SITE_KEPT).

A job that has taken two copies with it is not tried a third time. A copy that says nothing for a minute, where it would
say every 15 s that it lives, is dead.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from demos._translate import language_of, plain, translate

API = "/gradio_api"
MOST_TRIES = 2
MOST_SESSIONS = 20_000
DEAD_S = 15.0  # so long a copy that did not answer is left alone; longer than deploy.cluster takes to miss it
SILENT_S = 60.0  # so long a stream may say nothing; gradio's heart beats every 15 s
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailers", "transfer-encoding", "upgrade", "date", "server"}
NOT_PASSED = HOP_BY_HOP | {"content-length", "accept-encoding"}  # of a question that is asked anew
NOBODY = "The site is starting. Try again in a minute."
CUT_OFF = "The upload was interrupted. Send it again."
GAVE_UP = "This could not be computed: it stopped the site twice. Try something shorter."


@dataclass
class Job:
    """A question that has not been answered yet.

    id: by which the page knows it.  there: by which the copy knows it, "" while no copy does.
    headers: of the question, by which the copy knows the name of the site that the visitor knows.
    begun: the page has had results.  fresh: those of the latest try have not come yet.
    """

    id: str
    there: str
    body: bytes
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    tries: int = 1
    begun: bool = False
    fresh: bool = True


@dataclass
class Session:
    """A visitor's open page."""

    name: str
    address: str
    language: str = "en"
    jobs: dict[str, Job] = field(default_factory=dict)  # by the id that the page knows
    early: deque[str] = field(default_factory=lambda: deque(maxlen=50))  # answered before the question was noted
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    def job(self, there: str | None) -> Job | None:
        return next((job for job in self.jobs.values() if job.there == there), None)


class NobodyThere(Exception):
    """No copy of the site lives."""


class Door:
    """See above.

    Args:
        addresses: of the copies that live now.
        patience_s: how long a request waits for one to come to life.
    """

    def __init__(self, addresses: Callable[[], Sequence[str]], *, patience_s: float = 60.0) -> None:
        self.addresses, self.patience_s = addresses, patience_s
        self.sessions: OrderedDict[str, Session] = OrderedDict()
        self.dead: dict[str, float] = {}
        self.again = 0  # jobs that were asked for once more
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
        patience = httpx.Timeout(300.0, connect=5.0)
        self.client = httpx.AsyncClient(timeout=patience, limits=limits, trust_env=False)
        self.listening = httpx.Timeout(SILENT_S, connect=5.0)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            request = Request(scope, receive)
            try:
                answer = await self._answer(request)
            except NobodyThere:
                answer = plain(Headers(scope=scope), NOBODY, 503, {"retry-after": "30"})
            except ClientDisconnect:
                return
            await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path == "/door":
            jobs = sum(len(session.jobs) for session in self.sessions.values())
            return JSONResponse({"copies": len(self._alive()), "jobs": jobs, "again": self.again})
        if path == f"{API}/queue/data":
            session = await self._session(request.query_params.get("session_hash", ""), request)
            return StreamingResponse(self._answers(session), media_type="text/event-stream")
        if path.startswith(f"{API}/heartbeat/"):
            return StreamingResponse(self._beats(path.rpartition("/")[2], request), media_type="text/event-stream")
        if path.startswith(f"{API}/stream/"):  # sound that gradio streams for a session
            session = await self._session(path.removeprefix(f"{API}/stream/").partition("/")[0], request)
            return await self._passed(request, session.address, None)
        if request.method == "POST" and path != f"{API}/upload":
            return await self._posted(request)
        return await self._passed(request, await self._free(), request.stream() if request.method == "POST" else None)

    # Which copy.

    def _alive(self) -> list[str]:
        now = time.monotonic()
        return [one for one in self.addresses() if now - self.dead.get(one, -DEAD_S) >= DEAD_S]

    async def _free(self) -> str:
        """The copy with the fewest jobs, and of these the one with the fewest visitors."""
        until = time.monotonic() + self.patience_s
        while not (alive := self._alive()):
            if time.monotonic() > until:
                raise NobodyThere
            await asyncio.sleep(0.1)
        visitors = Counter(session.address for session in self.sessions.values())
        jobs = Counter(session.address for session in self.sessions.values() for _ in session.jobs)
        return min(alive, key=lambda address: (jobs[address], visitors[address]))

    async def _session(self, name: str, request: Request) -> Session:
        """A visitor's session, at a copy that lives."""
        if name not in self.sessions:
            address = await self._free()  # meanwhile another of his requests may have begun it
            self.sessions.setdefault(name, Session(name, address, language_of(request.headers)))
        session = self.sessions[name]
        if session.address not in self._alive():
            await self._move(session, session.address)
        self.sessions.move_to_end(name)
        while len(self.sessions) > MOST_SESSIONS:
            self.sessions.popitem(last=False)
        return session

    async def _move(self, session: Session, lost: str) -> None:
        """Lead a visitor away from a copy that has lost him, and ask elsewhere for what he waits for."""
        async with session.moving:
            if session.address != lost:  # another of his requests has noticed it before
                return
            for job in session.jobs.values():
                job.there = ""
            session.address = await self._free()
            for job in list(session.jobs.values()):
                if job.tries < MOST_TRIES:  # else `_answers` tells the page
                    await self._ask_again(session, job)

    async def _ask_again(self, session: Session, job: Job) -> None:
        job.tries, job.fresh = job.tries + 1, True
        self.again += 1
        try:
            answer = await self.client.post(
                f"{session.address}{API}/queue/join", content=job.body, headers=job.headers, timeout=self.listening
            )
        except httpx.HTTPError:
            self._died(session.address)
            return
        if answer.status_code == 200:
            job.there = str(answer.json()["event_id"])

    def _died(self, address: str) -> None:
        self.dead[address] = time.monotonic()

    # What is passed on.

    async def _passed(self, request: Request, address: str, body: Any) -> Response:
        """The answer of a copy, as it comes; once more from another one where the first does not answer."""
        headers = [(name, value) for name, value in request.headers.raw if name.decode().lower() not in HOP_BY_HOP]
        for _ in range(MOST_TRIES):
            asked = self.client.build_request(
                request.method, address + request.url.path, params=request.url.query.encode() or None,
                headers=headers, content=body,
            )  # fmt: skip
            try:
                answer = await self.client.send(asked, stream=True)
            except (httpx.ReadTimeout, httpx.WriteTimeout):  # slow, but there: other visitors stay with it
                return plain(request.headers, NOBODY, 504)
            except httpx.HTTPError:
                self._died(address)
                if body is not None and not isinstance(body, bytes):
                    return plain(request.headers, CUT_OFF, 503)
                address = await self._free()
                continue
            passed = StreamingResponse(_closing(answer), answer.status_code)
            passed.raw_headers = [
                (name.lower(), value) for name, value in answer.headers.raw if name.decode().lower() not in HOP_BY_HOP
            ]
            return passed
        raise NobodyThere

    async def _posted(self, request: Request) -> Response:
        """A question of a page: to the copy of its session. A job is remembered until it is answered."""
        body = await request.body()
        try:
            said = json.loads(body)
            name = str(said["session_hash"])
        except (ValueError, KeyError, TypeError):
            return await self._passed(request, await self._free(), body)
        session = await self._session(name, request)
        if request.url.path == f"{API}/cancel" and (job := session.jobs.pop(str(said.get("event_id")), None)):
            body = json.dumps({**said, "event_id": job.there}).encode()
        if request.url.path != f"{API}/queue/join":
            return await self._passed(_with_length(request, body), session.address, body)
        headers = [(name, value) for name, value in request.headers.raw if name.decode().lower() not in NOT_PASSED]
        for _ in range(MOST_TRIES):
            address = session.address
            try:
                found = await self.client.post(
                    f"{address}{API}/queue/join", content=body, params=request.url.query.encode() or None,
                    headers=headers, timeout=self.listening,
                )  # fmt: skip
            except httpx.HTTPError:
                self._died(address)
                await self._move(session, address)
                continue
            if found.status_code == 200 and (there := str(found.json()["event_id"])) not in session.early:
                session.jobs[there] = Job(there, there, body, headers)
            return Response(found.content, found.status_code, media_type="application/json")
        raise NobodyThere

    # Streams that outlive a copy.

    async def _answers(self, session: Session) -> AsyncIterator[bytes]:
        """All answers of a session, until there is nothing left to wait for."""
        whole = False
        try:
            while not whole:
                address = session.address
                async for message in self._told(address, session.name):
                    yield _event(_translated(session, message))
                    whole = whole or message["msg"] == "close_stream"
                if whole:
                    return
                if session.address == address:  # nobody has moved it meanwhile: what it waited for is lost
                    for job in [one for one in session.jobs.values() if one.tries >= MOST_TRIES]:
                        yield _failed(session, job, GAVE_UP)
                if not session.jobs:
                    whole = True
                    yield _event({"msg": "close_stream", "event_id": None})
                    return
                try:
                    await self._move(session, address)
                except NobodyThere:
                    for job in list(session.jobs.values()):
                        yield _failed(session, job, NOBODY)
        finally:
            if not whole:  # the page has gone: nobody waits any more
                session.jobs.clear()

    async def _told(self, address: str, name: str) -> AsyncIterator[dict[str, Any]]:
        """What a copy says to a session, until it has said all, or dies; nothing if it does not know the session."""
        params = {"session_hash": name}
        try:
            asked = self.client.stream("GET", f"{address}{API}/queue/data", params=params, timeout=self.listening)
            async with asked as answer:
                if answer.status_code != 200:
                    return
                async for line in answer.aiter_lines():
                    if line.startswith("data:"):
                        message = json.loads(line[5:])
                        yield message
                        if message["msg"] == "close_stream":
                            return
        except httpx.HTTPError:
            pass
        self._died(address)

    async def _beats(self, name: str, request: Request) -> AsyncIterator[bytes]:
        """The stream by which a copy knows that the visitor is there; when the page closes it, the session is over."""
        try:
            while True:
                session = await self._session(name, request)
                address = session.address
                asked = self.client.stream("GET", f"{address}{API}/heartbeat/{name}", timeout=self.listening)
                try:
                    async with asked as answer:
                        async for piece in answer.aiter_bytes():
                            yield piece
                            if session.address != address:
                                break
                except httpx.HTTPError:
                    self._died(address)
                await asyncio.sleep(0.2)
        except NobodyThere:
            pass  # the page asks again by itself
        finally:
            self.sessions.pop(name, None)


def _failed(session: Session, job: Job, text: str) -> bytes:
    """The end of a job that nobody will answer."""
    del session.jobs[job.id]
    output = {"error": translate(text, session.language)}
    return _event({"msg": "process_completed", "event_id": job.id, "success": False, "output": output})


def _translated(session: Session, message: dict[str, Any]) -> dict[str, Any]:
    """A message of a copy as the page expects it.

    With the id that the page knows. And results come as differences to the ones before: of a second try, the first
    come whole, and are made into differences that replace all that the page has had of the first.
    """
    job = session.job(message.get("event_id"))
    if job is None:
        if message["msg"] == "process_completed":
            session.early.append(str(message.get("event_id")))
        return message
    message["event_id"] = job.id
    if message["msg"] in ("process_generating", "process_streaming"):
        data = message["output"].get("data")
        if job.fresh and job.begun and data is not None:
            message["output"]["data"] = [[["replace", [], value]] for value in data]
        job.begun, job.fresh = True, False
    elif message["msg"] == "process_completed":
        del session.jobs[job.id]
    return message


def _event(message: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(message, ensure_ascii=False)}\n\n".encode()


def _with_length(request: Request, body: bytes) -> Request:
    """The request with the length of a body that was changed."""
    others = [(name, value) for name, value in request.scope["headers"] if name.lower() != b"content-length"]
    return Request({**request.scope, "headers": [*others, (b"content-length", str(len(body)).encode())]})


async def _closing(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
