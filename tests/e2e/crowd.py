"""Visitors without a browser for the tests of several copies of the site."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from benchmarks.visitors import Visitor


def run(what: Coroutine) -> Any:
    """What it gives; in a thread of its own, as Playwright keeps a running loop in the one of the browser's tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, what).result()


async def pressed(
    address: str, number: int, *, button: str = "conditional-run", sound: bytes = b""
) -> tuple[list, float]:
    """A visitor who opens the page and presses; all outcomes, and when they were there.

    sound: a WAV file that he brings, in place of the sample.
    """
    async with httpx.AsyncClient(base_url=address, timeout=120, trust_env=False) as client:
        visitor = Visitor(client, frozenset())
        async with visitor.page("wavenet", "/ko" if number % 2 else "/") as page:
            outcomes = []
            for event in page.of("load"):
                outcomes += await visitor.fire(page, event)
            if sound:
                own = next(k for k, name in page.names.items() if name == "conditional-voice")
                page.values[own] = (await visitor.upload([("own.wav", sound)]))[0]
            at = next(k for k, name in page.names.items() if name == button)
            for event in page.of("click", at):
                outcomes += await visitor.fire(page, event, at)
            return outcomes, time.monotonic()
