"""The site, started once on a free port, and Chromium; every page is watched for errors and for requests outside."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

playwright_api = pytest.importorskip("playwright.sync_api", reason="pip install -r tests/requirements.txt")

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required "
    "--use-fake-ui-for-media-stream --use-fake-device-for-media-stream"
).split()
SETTLE_MS = 1200  # a click within the first second after load can be lost
os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="uploads-"))  # where the tests look for what is left
# What gradio's client says when a page is left while its stream of answers is open.
LEAVING = ("AbortError: signal is aborted", "AbortError: BodyStreamBuffer was aborted", "Connection errored out")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A browser on a busy machine may miss a click: a test in the browser gets a second try.

    And of the tests that a tab has for both languages, every other one is run in English, the others in Korean: the
    words of every tab are compared in the unit tests, and each tab is still used in both. E2E_LANGUAGES=both runs all.
    """
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.flaky(reruns=1))
    if os.environ.get("E2E_LANGUAGES") == "both":
        return
    left_out = {item for tab in {tab_of(item) for item in here} for item in other_language(here, tab)}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def tab_of(item: pytest.Item) -> str:
    """Which tab a file of tests is about, by its name: test_wavenet_naive.py is about "wavenet"."""
    return item.path.stem.split("_")[1]


def other_language(items: list[pytest.Item], tab: str) -> list[pytest.Item]:
    """Of a tab's tests that come in both languages, the language that each is not run in. Of a single one, none."""
    spoken: dict[tuple[Path, str], dict[str, pytest.Item]] = {}
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if tab_of(item) == tab and set(parameters) == {"language"}:
            name = (item.path, item.originalname)  # type: ignore[attr-defined]
            spoken.setdefault(name, {})[parameters["language"]] = item
    both = [found for found in spoken.values() if len(found) == 2]
    if len(both) < 2:
        return []
    return [found[("ko", "en")[number % 2]] for number, found in enumerate(both)]


def pytest_terminal_summary(terminalreporter) -> None:
    """Print what the tests measured (`record_property`): times that a busy machine must not fail by."""
    done = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    rows = {(r.nodeid, what): value for r in done if r.when == "call" for what, value in r.user_properties}
    if rows:
        terminalreporter.section("measured")
    for (test, what), value in rows.items():
        terminalreporter.line(f"{value:8.2f} {what}  {test}")


@dataclass
class Watch:
    """What went wrong on a page, and how much it transferred."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    transferred_bytes: int = 0


@dataclass
class Opener:
    """Opens pages of the site: `opener("/?tab=wavenet", width=390, color_scheme="dark")`.

    address: of the site.
    """

    browser: object
    address: str
    contexts: list = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)

    def __call__(self, path: str, *, width: int = 1280, height: int = 900, **options):
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(60_000)
        self.contexts.append(context)
        page = context.new_page()
        page.watch = watch(page)
        self.watches.append(page.watch)
        page.goto(self.address + path)
        page.wait_for_selector("#lesson > *", state="attached")
        page.wait_for_timeout(SETTLE_MS)
        return page


def watch(page) -> Watch:
    """Record console errors, exceptions, failed answers and requests that leave the machine."""
    seen = Watch()

    def said(text: str) -> None:
        if not any(words in text for words in LEAVING):
            seen.errors.append(text)

    page.on("console", lambda message: said(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda e: said(str(e)))
    page.on("response", lambda r: seen.errors.append(f"{r.status} {r.url}") if r.status >= 400 else None)

    def leaves(request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost"):
            seen.outside.append(request.url)

    page.on("request", leaves)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def loaded(event) -> None:
        seen.transferred_bytes += int(event["encodedDataLength"])

    session.on("Network.loadingFinished", loaded)
    return seen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Iterator[str]:
    """`python app.py` on a free port; gives its address. With SITE=http://127.0.0.1:7860 a running one is used."""
    if "SITE" in os.environ:
        yield os.environ["SITE"]
        return
    yield from serve(["app.py"], tmp_path_factory.mktemp("site") / "log.txt")


@pytest.fixture(scope="session")
def lab_site(tmp_path_factory) -> Iterator[str]:
    """`tests/e2e/lab.py`, a site with one tab made for tests."""
    folder = tmp_path_factory.mktemp("lab")
    yield from serve(["tests/e2e/lab.py", str(folder / "lessons")], folder / "log.txt")


def serve(arguments: list[str], log: Path) -> Iterator[str]:
    """Run a Python script that serves on PORT, until the tests are over."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if k not in ("SITE_HOST", "SPACE_ID")}
    environment |= {"PORT": str(port), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *arguments]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_served(address, process, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_served(address: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=5).read()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("The site did not start:\n" + log.read_text()[-3000:])


@pytest.fixture(scope="session")
def browser():
    """Chromium, the system's if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next((path for path in map(shutil.which, names) if path), None)
    playwright_api.expect.set_options(timeout=30_000)
    with playwright_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def opener(site: str, browser) -> Iterator[Callable]:
    """Opens pages; at the end no page may have had an error or asked outside the machine."""
    yield from opening(browser, site)


@pytest.fixture
def lab_opener(lab_site: str, browser) -> Iterator[Callable]:
    """The same for the site of `lab.py`."""
    yield from opening(browser, lab_site)


def opening(browser, address: str) -> Iterator[Opener]:
    """An Opener that checks its pages at the end."""
    opens = Opener(browser, address)
    yield opens
    for context in opens.contexts:
        context.close()
    assert [error for seen in opens.watches for error in seen.errors] == []
    assert [url for seen in opens.watches for url in seen.outside] == []


@pytest.fixture
def page_en(opener):
    """The English start page."""
    return opener("/")


@pytest.fixture
def page_ko(opener):
    """The Korean start page."""
    return opener("/ko")
