"""A visitor of the site without a browser: opens a page, does what its script would ask of the server, and waits.

Speaks gradio's own protocol as its script does: an event is posted to `queue/join`, its progress comes by server-sent
events from `queue/data`, and a stream from `heartbeat` says that the visitor is still there. gradio_client would load
the configuration of all 20 pages at once and refuses the site's events, which are no public interface.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

CONFIG = re.compile(r"window\.gradio_config = (\{.*?\});</script>", re.DOTALL)
API = "/gradio_api"
TOO_LONG_S = 600.0


@dataclass
class Outcome:
    """One event, from the question to the whole answer."""

    tab: str
    name: str
    heavy: bool
    seconds: float = 0.0
    started_s: float | None = None  # when its turn in the queue came
    first_s: float | None = None  # when there was something to see or hear
    rank: int | None = None  # the place in the queue that was shown
    error: str = ""


@dataclass
class Page:
    """An open page: what its script knows."""

    tab: str
    session: str
    seconds: float
    values: dict[int, Any]
    events: list[dict[str, Any]]
    names: dict[int, str] = field(default_factory=dict)  # elem_id of a component

    def of(self, event: str, component: int | None = None) -> list[dict[str, Any]]:
        """The dependencies that an event triggers (of any component, or of one)."""
        return [one for one in self.events
                if any(kind == event and component in (None, at) for at, kind in one["targets"])]  # fmt: skip

    def after(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """What follows an event by `.then`."""
        return [one for one in self.events if one.get("trigger_after") == event["id"]]


class Visitor:
    """One visitor.

    Args:
        client: shared by all.  heavy: the numbers of the dependencies that wait in the one line of heavy work.
    """

    def __init__(self, client: httpx.AsyncClient, heavy: frozenset[int]) -> None:
        self.client, self.heavy = client, heavy

    @asynccontextmanager
    async def page(self, tab: str, path: str = "/") -> AsyncIterator[Page]:
        """Open a tab; the visitor is there until the end of the block."""
        began = time.perf_counter()
        answer = await self.client.get(path, params={"tab": tab}, headers={"accept-encoding": "br, gzip"})
        answer.raise_for_status()
        seconds = time.perf_counter() - began
        config = json.loads(CONFIG.search(answer.text)[1])  # type: ignore[index]
        components = config["components"]
        opened = Page(
            tab, secrets.token_hex(6), seconds,
            values={one["id"]: one["props"].get("value") for one in components if one["type"] != "state"},
            events=config["dependencies"],
            names={one["id"]: one["props"].get("elem_id") or "" for one in components},
        )  # fmt: skip
        beating = asyncio.create_task(self._stay(opened.session))
        try:
            yield opened
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _stay(self, session: str) -> None:
        async with self.client.stream("GET", f"{API}/heartbeat/{session}", timeout=None) as answer:
            async for _ in answer.aiter_bytes():
                pass

    async def upload(self, files: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
        """Send files; gives what a page then sends in their place."""
        answer = await self.client.post(f"{API}/upload", files=[("files", file) for file in files])
        answer.raise_for_status()
        return [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in answer.json()]

    async def fire(self, page: Page, event: dict[str, Any], trigger: int | None = None) -> list[Outcome]:
        """An event, and all that follows it by `.then`, one after the other."""
        outcomes = []
        if event["backend_fn"]:
            outcomes.append(await self._ask(page, event, trigger))
        for following in page.after(event):
            outcomes += await self.fire(page, following, trigger)
        return outcomes

    async def _ask(self, page: Page, event: dict[str, Any], trigger: int | None) -> Outcome:
        found = Outcome(page.tab, str(event["api_name"]), event["id"] in self.heavy)
        body = {
            "data": [page.values.get(one) for one in event["inputs"]], "event_data": None, "fn_index": event["id"],
            "trigger_id": trigger, "session_hash": page.session,
        }  # fmt: skip
        began = time.perf_counter()
        try:
            if event["queue"]:
                await asyncio.wait_for(self._queued(page, event, body, found, began), TOO_LONG_S)
            else:
                answer = await self.client.post(f"{API}/run/predict", params={"tab": page.tab}, json=body)
                answer.raise_for_status()
                _remember(page, event, answer.json()["data"])
        except (httpx.HTTPError, asyncio.TimeoutError, KeyError, ValueError) as error:
            found.error = f"{type(error).__name__}: {error}"[:300]
        found.seconds = time.perf_counter() - began
        return found

    async def _queued(self, page: Page, event: dict, body: dict, found: Outcome, began: float) -> None:
        answer = await self.client.post(f"{API}/queue/join", json=body)
        answer.raise_for_status()
        own = answer.json()["event_id"]
        async with self.client.stream(
            "GET", f"{API}/queue/data", params={"session_hash": page.session}, timeout=TOO_LONG_S
        ) as stream:  # fmt: skip
            stream.raise_for_status()
            async for line in stream.aiter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[5:])
                if message.get("event_id") not in (own, None):
                    continue
                if _told(page, event, message, found, time.perf_counter() - began):
                    return
        raise httpx.HTTPError("the stream ended before the answer")


def _told(page: Page, event: dict, message: dict, found: Outcome, now: float) -> bool:
    """Note what a message says; True when it was the last."""
    kind = message["msg"]
    if kind == "estimation" and message.get("rank") is not None:
        found.rank = max(found.rank or 0, message["rank"])
    elif kind == "process_starts":
        found.started_s = now
    elif kind == "process_generating":
        found.first_s = found.first_s or now
    elif kind == "log" and message.get("level") in ("warning", "error"):
        found.error = str(message.get("log"))[:300]
    elif kind == "process_completed":
        found.first_s = found.first_s or now
        output = message.get("output") or {}
        if not message.get("success"):
            found.error = str(output.get("error") or message.get("title") or "failed")[:300]
        _remember(page, event, output.get("data") or [])
        return True
    elif kind in ("unexpected_error", "server_stopped", "queue_full"):
        found.error = str(message.get("message") or kind)[:300]
        return True
    return False


def _remember(page: Page, event: dict, data: list[Any]) -> None:
    """The new values of the components, as far as the answer carries them whole."""
    for component, value in zip(event["outputs"], data):
        if isinstance(value, dict) and value.get("__type__") == "update":
            if "value" in value:
                page.values[component] = value["value"]
        elif component in page.values and not (isinstance(value, list) and event.get("types", {}).get("generator")):
            page.values[component] = value
