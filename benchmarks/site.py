"""How many can use the site at once: python -m benchmarks.site [--visitors 1 10 30 100] [--minutes 3] [--soak 60]

Starts app.py in a process of its own and lets visitors without a browser walk through it (benchmarks.visitors): each
opens one tab after the other, sees all its figures from top to bottom, as one does who scrolls, and presses the main
button of the tab. Between two deeds a visitor looks and reads for `--pace` seconds, half as long to half as long
again. All come within the first `--arrive` seconds, as a class does, and begin at different tabs. Meanwhile
`--browsers` Chromium windows open one page after the other, new each time, and measure until its heading is there.

    cost    one visitor alone, without pauses, each tab twice: the processor seconds of the second time
    load    for each number of visitors: time for light and heavy events (p50, p95), the wait for a turn, errors, memory
    soak    30 visitors for `--soak` minutes: memory over time

Everything runs on one machine, so the visitors take processor time from the site; how much is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import math
import os
import random
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks import start
from benchmarks.visitors import Outcome, Page, Visitor
from benchmarks.wavenet import processor

TARGET_LIGHT_S, TARGET_PAGE_S = 1.0, 3.0
MAIN_BUTTON = {
    "map": "field-run", "tts": "together-run", "wavenet": "conditional-run", "tacotron2": "speak-run",
    "melnet": "born-run", "vqvae": "codes-run", "transformer": "music-run", "musenet": "composer-run",
    "separation": "apart-run",
}  # fmt: skip
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Run:
    """What a crowd of visitors met."""

    visitors: int
    minutes: float
    outcomes: list[Outcome] = field(default_factory=list)
    pages_s: list[float] = field(default_factory=list)  # the HTML of a page
    browsers_s: list[float] = field(default_factory=list)  # a page in a browser, until its heading is there
    page_errors: list[str] = field(default_factory=list)
    memory_mb: list[tuple[float, float]] = field(default_factory=list)  # (seconds since the start, held)
    site_cpu_s: float = 0.0
    visitors_cpu_s: float = 0.0


def heavy_events() -> frozenset[int]:
    """The numbers of the events that wait in the one line of heavy work: the site is built here once more to see."""
    from demos import _page, _tab

    site = _page.site(_tab.discover())
    return frozenset(number for number, event in site.fns.items() if event.concurrency_id == "heavy")


def resident_mb(process: int) -> float:
    """What a process holds of the machine's memory, in MB (10^6 bytes); Linux."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(process: int) -> float:
    """Processor seconds of a process and of the children that it has waited for; Linux."""
    after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(one) for one in after_name[11:15]) / TICKS


def percentile(values: Iterable[float], share: float) -> float:
    """The value that this share of all does not exceed (nearest rank); nan of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


async def look_through(visitor: Visitor, page: Page, pause: Any, outcomes: list[Outcome]) -> None:
    """All that happens on a tab: the link is restored, each figure comes into sight, the main button is pressed."""
    for event in page.of("load"):
        outcomes += await visitor.fire(page, event)
    for event in page.of("appear"):
        await pause()
        trigger = next(at for at, kind in event["targets"] if kind == "appear")
        outcomes += await visitor.fire(page, event, trigger)
    wanted = MAIN_BUTTON.get(page.tab)
    for button in [one for one, name in page.names.items() if name == wanted]:
        await pause()
        for event in page.of("click", button):
            outcomes += await visitor.fire(page, event, button)
    await pause()


async def walk(visitor: Visitor, tabs: list[str], run: Run, until: float, pause: Any, path: str = "/") -> None:
    """From tab to tab until the time is over."""
    for tab in itertools.cycle(tabs):
        if time.perf_counter() > until:
            return
        try:
            async with visitor.page(tab, path) as page:
                run.pages_s.append(page.seconds)
                await look_through(visitor, page, pause, run.outcomes)
        except Over:
            return
        except (httpx.HTTPError, TypeError, KeyError, ValueError) as error:
            run.page_errors.append(f"{tab}: {type(error).__name__}: {error}"[:200])
            await asyncio.sleep(1)


class Over(Exception):
    """The time is over."""


async def browse(address: str, tabs: list[str], run: Run, until: float) -> None:
    """A browser without a cache that opens one page after the other."""
    from playwright.async_api import async_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next((path for path in map(shutil.which, names) if path), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for tab in itertools.cycle(["start", *tabs]):
            if time.perf_counter() > until:
                break
            context = await browser.new_context()
            opened = await context.new_page()
            began = time.perf_counter()
            try:
                await opened.goto(f"{address}/?tab={tab}", wait_until="commit")
                await opened.wait_for_selector("#lesson h1", timeout=60_000)
                run.browsers_s.append(time.perf_counter() - began)
            except Exception as error:  # playwright's own kinds
                run.page_errors.append(f"browser, {tab}: {error}"[:200])
            await context.close()
            await asyncio.sleep(2)
        await browser.close()


async def crowd(site: start.Served, heavy: frozenset[int], options: argparse.Namespace, run: Run) -> None:
    """Let `run.visitors` walk for `run.minutes`, and note what they meet."""
    began = time.perf_counter()
    until = began + 60 * run.minutes
    tabs, dice = options.tabs, random.Random(run.visitors)

    async def pause() -> None:
        if time.perf_counter() > until:
            raise Over
        await asyncio.sleep(options.pace * dice.uniform(0.5, 1.5))

    async def come(number: int, client: httpx.AsyncClient) -> None:
        await asyncio.sleep(options.arrive * number / run.visitors)
        shift = number % len(tabs)
        await walk(Visitor(client, heavy), tabs[shift:] + tabs[:shift], run, until, pause, "/" if number % 2 else "/ko")

    async def watch() -> None:
        while True:
            run.memory_mb.append((time.perf_counter() - began, resident_mb(site.process)))
            await asyncio.sleep(5)

    cpu, own = cpu_s(site.process), time.process_time()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(base_url=site.address, timeout=60, limits=limits, trust_env=False) as client:
        watching = asyncio.create_task(watch())
        jobs = [come(number, client) for number in range(run.visitors)]
        jobs += [browse(site.address, tabs, run, until) for _ in range(options.browsers)]
        walking = asyncio.gather(*jobs)
        done, _ = await asyncio.wait([walking, watching], return_when=asyncio.FIRST_COMPLETED)
        if watching in done:
            walking.cancel()
            raise RuntimeError("The site ended while it was visited.") from watching.exception()
        watching.cancel()
        await walking
    run.memory_mb.append((time.perf_counter() - began, resident_mb(site.process)))
    run.site_cpu_s, run.visitors_cpu_s = cpu_s(site.process) - cpu, time.process_time() - own


async def cost(site: start.Served, heavy: frozenset[int], tabs: list[str]) -> dict[str, dict[str, float]]:
    """Processor seconds of the site for one visitor who sees all of a tab, once its models are loaded."""
    found: dict[str, dict[str, float]] = {}

    async def at_once() -> None:
        return

    async with httpx.AsyncClient(base_url=site.address, timeout=120, trust_env=False) as client:
        visitor = Visitor(client, heavy)
        for tab in tabs:
            for _ in range(2):
                outcomes: list[Outcome] = []
                cpu, began = cpu_s(site.process), time.perf_counter()
                async with visitor.page(tab) as page:
                    await look_through(visitor, page, at_once, outcomes)
                found[tab] = {
                    "cpu_s": cpu_s(site.process) - cpu, "seconds": time.perf_counter() - began,
                    "events": len(outcomes), "heavy": sum(one.heavy for one in outcomes),
                    "errors": sum(bool(one.error) for one in outcomes), "memory_mb": resident_mb(site.process),
                }  # fmt: skip
            print(f"{tab:12} {found[tab]['cpu_s']:7.2f} s of processor for {found[tab]['events']} events "
                  f"({found[tab]['heavy']} heavy), {found[tab]['errors']} errors; "
                  f"the site holds {found[tab]['memory_mb']:.0f} MB", flush=True)  # fmt: skip
    whole = sum(one["cpu_s"] for one in found.values())
    per_hour = 3600 * (os.cpu_count() or 1) / whole
    print(f"All tabs once: {whole:.1f} s of processor. {os.cpu_count()} cores carry {per_hour:.0f} such walks an hour; "
          f"1,000 within one hour take {1000 * whole / 3600:.1f} cores.")  # fmt: skip
    return found


def report(run: Run) -> None:
    """One line a tab, then the sums."""
    print(f"\n{run.visitors} visitors, {run.minutes:g} minutes")
    print("tab           light   p50   p95  heavy   p50   p95  wait p95  first p95  errors")
    for tab in [*MAIN_BUTTON, "all"]:
        mine = [one for one in run.outcomes if tab in (one.tab, "all")]
        light = [one.seconds for one in mine if not one.heavy]
        heavy = [one for one in mine if one.heavy]
        whole = [one.seconds for one in heavy]
        turn, first = ([getattr(one, name) or 0.0 for one in heavy] for name in ("started_s", "first_s"))
        if mine:
            print(f"{tab:12} {len(light):6} {percentile(light, 0.5):5.2f} {percentile(light, 0.95):5.2f} "
                  f"{len(heavy):6} {percentile(whole, 0.5):5.1f} {percentile(whole, 0.95):5.1f} "
                  f"{percentile(turn, 0.95):9.1f} {percentile(first, 0.95):10.1f} "
                  f"{sum(bool(one.error) for one in mine):7}")  # fmt: skip
    waited = [one for one in run.outcomes if one.heavy and (one.started_s or 0) > 2]
    print(f"of {len(waited)} heavy events that waited longer than 2 s, {sum(one.rank is not None for one in waited)} "
          "were told their place in the line")  # fmt: skip
    for what, times in (("HTML of a page", run.pages_s), ("page in a browser", run.browsers_s)):
        if times:
            print(f"{what}: {len(times)}, p50 {percentile(times, 0.5):.2f} s, p95 {percentile(times, 0.95):.2f} s")
    held = [mb for _, mb in run.memory_mb]
    print(f"memory: {held[0]:.0f} MB at first, {max(held):.0f} at most, {held[-1]:.0f} at last; "
          f"processor: site {run.site_cpu_s:.0f} s, visitors {run.visitors_cpu_s:.0f} s")  # fmt: skip
    said = Counter(one.error for one in run.outcomes if one.error) + Counter(run.page_errors)
    for text, times in said.most_common(8):
        print(f"  error, {times} times: {text}")


def growth(memory_mb: list[tuple[float, float]]) -> tuple[float, float]:
    """How memory goes on after the first quarter of a soak, in which the models are loaded.

    Returns:
        (the mean of its second quarter, the mean of its last), in MB.
    """
    last = memory_mb[-1][0]
    second = [mb for at, mb in memory_mb if last / 4 <= at < last / 2]
    final = [mb for at, mb in memory_mb if at >= 3 * last / 4]
    return statistics.mean(second or final), statistics.mean(final)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, nargs="*", default=[1, 10, 30, 100])
    parser.add_argument("--minutes", type=float, default=3.0, help="for each number of visitors")
    parser.add_argument("--pace", type=float, default=15.0, help="seconds of reading between two deeds")
    parser.add_argument("--arrive", type=float, default=20.0, help="seconds within which all come")
    parser.add_argument("--browsers", type=int, default=1, help="Chromium windows beside them; needs playwright")
    parser.add_argument("--soak", type=float, default=0.0, help="minutes of 30 visitors")
    parser.add_argument("--tabs", nargs="*", default=list(MAIN_BUTTON), choices=list(MAIN_BUTTON))
    parser.add_argument("--no-cost", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to a file")
    options = parser.parse_args(arguments)
    heavy = heavy_events()
    print(f"{processor()}, {os.cpu_count()} cores")
    with start.serving() as site:
        print(f"the site holds {resident_mb(site.process):.0f} MB after its start of {site.seconds:.1f} s")
        costs = {} if options.no_cost else asyncio.run(cost(site, heavy, options.tabs))
        runs = [Run(visitors, options.minutes) for visitors in options.visitors]
        runs += [Run(30, options.soak)] if options.soak else []
        for run in runs:
            asyncio.run(crowd(site, heavy, options, run))
            report(run)
        if options.soak:
            early, late = growth(runs[-1].memory_mb)
            print(f"soak: {early:.0f} MB on average in the second quarter, {late:.0f} MB in the last")
    if options.json:
        machine = {"processor": processor(), "cores": os.cpu_count()}
        found = {**machine, "cost": costs, "runs": [asdict(run) for run in runs]}
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
