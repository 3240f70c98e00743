"""Faults provoked on the running site: it says what to do, nothing is lost, and others notice nothing.

The table of all faults, with those tested elsewhere, is in SECURITY.md.
"""

from __future__ import annotations

import asyncio
import http.server
import os
import resource
import shutil
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import faults
import httpx
import pytest
from crowd import run

from benchmarks.start import serving
from benchmarks.visitors import Page, Visitor
from demos import _safety
from demos._tab import ROOT

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc and sets limits of another process")
needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="an upload in AAC is made by ffmpeg")


def visit(address: str, work, tab: str = "wavenet"):
    """Let `work(visitor, page)` do something on an open page; gives what it returns."""

    async def there():
        async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client:
            visitor = Visitor(client, frozenset())
            async with visitor.page(tab) as page:
                return await work(visitor, page)

    return run(there())


def component(page: Page, name: str) -> int:
    return next(number for number, found in page.names.items() if found == name)


async def hear(visitor: Visitor, page: Page, file: dict) -> str:
    """The mu-law cell with a sound of one's own: what it says against it, or ""."""
    page.values[component(page, "mulaw-voice")] = file
    return await press(visitor, page, "mulaw-run")


async def press(visitor: Visitor, page: Page, button: str) -> str:
    at = component(page, button)
    said = [one.error for event in page.of("click", at) for one in await visitor.fire(page, event, at)]
    return " ".join(said).strip()


@needs_ffmpeg
def test_five_hundred_damaged_uploads_each_get_an_answer_and_another_visitor_is_served_all_the_while(site) -> None:
    sounds = faults.damaged(440, (*faults.SOUNDS, "aac"))
    scores = faults.damaged(60, ("mid",))

    async def work(visitor: Visitor, page: Page) -> list[str]:
        async def part(files: list, page: Page) -> list[str]:
            sent = [file for at in range(0, len(files), 40) for file in await visitor.upload(files[at : at + 40])]
            return [await hear(visitor, page, file) for file in sent]

        async with visitor.page("wavenet") as second, visitor.page("wavenet") as third:
            pages = (page, second, third)
            parts = await asyncio.gather(*(part(sounds[k::3], one) for k, one in enumerate(pages)))
        return [text for found in parts for text in found]

    async def read(visitor: Visitor, page: Page) -> list[str]:
        at = component(page, "tokens-upload")
        said = []
        for file in await visitor.upload(scores):
            page.values[at] = file
            outcomes = [one for event in page.of("upload", at) for one in await visitor.fire(page, event, at)]
            said.append(" ".join(one.error for one in outcomes).strip())
        return said

    done, slowest = threading.Event(), [0.0]

    def another() -> None:
        while not done.wait(0.5):
            began = time.monotonic()
            assert urllib.request.urlopen(site + "/?tab=tts", timeout=60).status == 200
            slowest[0] = max(slowest[0], time.monotonic() - began)

    beside = threading.Thread(target=another)
    beside.start()
    try:
        said = visit(site, work) + visit(site, read, "transformer")
    finally:
        done.set()
        beside.join()
    assert len(said) == 500 and sum(map(bool, said)) > 100, "most of the damage is noticed"
    ours = ("went wrong here", "Error", "Traceback", "HTTP")
    assert [text for text in said if any(word in text for word in ours)] == []
    assert 0 < slowest[0] < 10


@needs_ffmpeg
def test_files_that_are_tricks_are_refused_in_words_and_touch_nothing(site, tmp_path) -> None:
    async def work(visitor: Visitor, page: Page) -> dict[str, str]:
        said = {}
        for name, content in faults.tricks():
            (file,) = await visitor.upload([(name, content)])
            assert Path(file["path"]).resolve().is_relative_to(Path(os.environ["GRADIO_TEMP_DIR"]).resolve()), name
            said[name] = await hear(visitor, page, file)
        return said

    said = visit(site, work)
    assert [name for name, text in said.items() if len(text) < 20 or "went wrong here" in text] == []
    assert not any("<img" in text or "root:" in text for text in said.values())
    assert not (ROOT / "hacked").exists()


def test_a_visitors_page_can_name_no_file_but_its_own_uploads(site, tmp_path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(faults.good()["wav"])
    (ROOT / "runs").mkdir(exist_ok=True)
    asked = []

    class Trap(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

    trap = http.server.HTTPServer(("127.0.0.1", 0), Trap)
    threading.Thread(target=trap.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{trap.server_port}/a.wav"
    named = ["/etc/passwd", str(secret), str(ROOT / "app.py"), f"{ROOT}/assets/audio/../../app.py", url]

    async def work(visitor: Visitor, page: Page) -> list[str]:
        data = [{"path": path, "url": url, "meta": {"_type": "gradio.FileData"}} for path in named]
        return [await hear(visitor, page, one) for one in data]

    assert all(visit(site, work)), "each is refused"
    for path in [*named, "http:/example.com", "%2e%2e/%2e%2e/etc/passwd", f"{os.environ['GRADIO_TEMP_DIR']}/x/y.wav"]:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{site}/gradio_api/file={urllib.request.quote(path, safe='/:%')}", timeout=30)
        assert refused.value.code in (403, 404), path
    trap.shutdown()
    assert asked == [], "the site fetches nothing"


def test_large_bodies_and_floods_of_headers_are_refused_and_others_are_served(site) -> None:
    for length in (_safety.MAX_OTHER_BYTES + 1, 10**15):
        answer = raw(site, f"POST /gradio_api/queue/join HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{{")
        assert answer.startswith(b"HTTP/1.1 413")
    flood = "".join(f"X-{k}: {'y' * 900}\r\n" for k in range(2_000))  # 1.8 MB
    assert not raw(site, f"GET / HTTP/1.1\r\nHost: x\r\n{flood}\r\n").startswith(b"HTTP/1.1 200")
    assert not raw(site, f"GET /{'z' * 200_000} HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert raw(site, "\x16\x03\x01\x02\0garbage\r\n\r\n").startswith((b"HTTP/1.1 400", b""))
    idle = [socket.create_connection(address(site)) for _ in range(200)]  # say nothing, and stay
    assert urllib.request.urlopen(site + "/?tab=wavenet", timeout=30).status == 200
    for one in idle:
        one.close()


def address(site: str) -> tuple[str, int]:
    host, port = site.removeprefix("http://").split(":")
    return host, int(port)


def raw(site: str, request: str) -> bytes:
    """What comes back for bytes sent as they are; b"" when the line is cut."""
    with socket.create_connection(address(site), timeout=30) as line:
        try:
            line.sendall(request.encode("latin-1"))
            return line.recv(4096)
        except (ConnectionResetError, BrokenPipeError):
            return b""


def test_texts_that_are_programs_stay_texts(site) -> None:
    """What a visitor types comes back as a text: in a message as in the page."""

    async def work(visitor: Visitor, page: Page) -> list[str]:
        at = next(number for number, value in page.values.items() if page.names[number] == "sentence")
        said = []
        for text in ("<script>alert(1)</script>", "{{7*7}} ${7*7} %s %n", "'; DROP TABLE x; --", "a" * 10_000, "😀"):
            page.values[at] = text
            said.append(await press(visitor, page, "together-run"))
        return said

    said = visit(site, work, "tts")
    assert not any("<script" in text or "49" in text or "went wrong here" in text for text in said)


@linux
def test_a_full_disk_is_told_nothing_breaks_and_it_works_again(tmp_path) -> None:
    """No file may be longer than 50 KB from now on: to the process this is what a full disk is, an error of write."""
    with serving("-m", "demos.separation", TMPDIR=str(tmp_path)) as site:
        unlimited = resource.prlimit(site.process, resource.RLIMIT_FSIZE)
        run = lambda: visit(site.address, lambda visitor, page: press(visitor, page, "apart-run"), "separation")  # noqa: E731
        resource.prlimit(site.process, resource.RLIMIT_FSIZE, (50_000, unlimited[1]))
        assert "disk" in run()
        assert urllib.request.urlopen(site.address + "/ko?tab=separation", timeout=60).status == 200
        resource.prlimit(site.process, resource.RLIMIT_FSIZE, unlimited)
        assert run() == ""


@linux
def test_killed_in_the_middle_of_a_separation_it_starts_again_with_nothing_of_anybody_left(tmp_path) -> None:
    async def killed(visitor: Visitor, page: Page) -> str:
        at = component(page, "apart-run")
        job = asyncio.create_task(press(visitor, page, "apart-run"))
        while not [path for path in tmp_path.rglob("*") if path.suffix in (".flac", ".npy", ".f32", ".wav", ".raw")]:
            await asyncio.sleep(0.05)
            assert not job.done(), at
        os.kill(site.process, signal.SIGKILL)
        return await job

    with serving("-m", "demos.separation", TMPDIR=str(tmp_path)) as site:
        said = visit(site.address, killed, "separation")
    assert "Error" in said, "the visitor's connection is gone"
    left = set(tmp_path.glob("audio-site-*"))
    assert left
    with serving("-m", "demos.separation", TMPDIR=str(tmp_path)) as site:
        assert not left & set(tmp_path.glob("audio-site-*")), "what the killed one had is gone"
        run = lambda visitor, page: press(visitor, page, "apart-run")  # noqa: E731
        assert visit(site.address, run, "separation") == ""
