"""Which page an address means, and how it travels: `/ko?tab=wavenet` is gradio's page `ko-wavenet`.

    Middleware(Pages, tabs=["wavenet", "tts"])

Gradio makes the HTML of a page anew for every visitor, half a megabyte with some hundredths of a second of work, and
compresses each of the hundred scripts of a page anew. They are the same for all, as far as they know the site by the
same name: so they are made once, compressed once and kept.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import brotli
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response

from demos._start import SLUG as START

PATHS = {"en": "", "ko": "ko"}
LANGUAGE_OF = {f"/{path}": language for language, path in PATHS.items()}
KEPT = 100  # pages; whoever knows the site by yet another name has them made once more
SCRIPTS = re.compile(r"/(assets|site)/[\w./-]+\.(js|css|svg)")  # which of its files are kept, compressed
KEPT_SCRIPTS = 400
LARGEST = 5_000_000  # bytes of a script that is kept
# What gradio looks at to find the name by which a visitor knows the site (gradio.route_utils.get_root_url).
NAMED_BY = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")


def page_name(language: str, slug: str) -> str:
    """Gradio's name for a page: "" and "ko" for the start, "en-wavenet" and "ko-wavenet" for a tab."""
    return PATHS[language] if slug == START else f"{language}-{slug}"


@dataclass(frozen=True)
class Kept:
    """A page or a script, compressed in both ways that browsers take, and a mark of its content."""

    brotli: bytes
    gzip: bytes
    etag: str
    media_type: str = "text/html; charset=utf-8"
    cache: str = "no-cache"  # kept, but asked about each time

    @classmethod
    def of(cls, body: bytes, **options: str) -> Kept:
        mark = hashlib.sha256(body).hexdigest()[:20]
        return cls(brotli.compress(body, quality=6), gzip.compress(body, 6), f'W/"{mark}"', **options)

    def answer(self, asked: Headers) -> Response:
        """To a browser that may have this very page already."""
        headers = {"etag": self.etag, "cache-control": self.cache, "vary": "accept-encoding"}
        if self.etag in asked.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        accepted = asked.get("accept-encoding", "")
        if "br" in accepted:
            body, headers["content-encoding"] = self.brotli, "br"
        elif "gzip" in accepted:
            body, headers["content-encoding"] = self.gzip, "gzip"
        else:
            body = gzip.decompress(self.gzip)
        return Response(body, headers={**headers, "content-type": self.media_type})


class Shelf:
    """What is kept, by its key; what was not asked for the longest goes first."""

    def __init__(self, most: int) -> None:
        self.most, self.lock = most, threading.Lock()
        self.kept: OrderedDict[Any, Kept] = OrderedDict()

    def get(self, key: Any) -> Kept | None:
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
            return self.kept.get(key)

    def put(self, key: Any, kept: Kept) -> Kept:
        with self.lock:
            self.kept[key] = kept
            while len(self.kept) > self.most:
                self.kept.popitem(last=False)
        return kept


class Pages:
    """Lead an address to its page, and answer with the kept HTML. All other requests pass by untouched."""

    def __init__(self, app: Any, tabs: list[str]) -> None:
        self.app, self.tabs = app, frozenset(tabs)
        self.own_names = {f"/{page_name(language, tab)}": (language, tab) for language in PATHS for tab in tabs}
        self.pages, self.scripts = Shelf(KEPT), Shelf(KEPT_SCRIPTS)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].rstrip("/") or "/" if scope["type"] == "http" else ""
        if path in self.own_names:  # gradio's own name for a page is no address of ours
            language, tab = self.own_names[path]
            root = scope.get("root_path", "").rstrip("/")
            await RedirectResponse(f"{root}/{PATHS[language]}?tab={tab}", 307)(scope, receive, send)
        elif path in LANGUAGE_OF and scope["method"] == "GET":
            await self.page(scope, receive, send, LANGUAGE_OF[path])
        elif scope["type"] == "http" and scope["method"] == "GET" and SCRIPTS.fullmatch(path):
            await self.script(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def page(self, scope: Any, receive: Any, send: Any, language: str) -> None:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        tab = query.get("tab", [START])[0]
        name = page_name(language, tab if tab in self.tabs else START)
        headers = Headers(scope=scope)
        key = (name, scope.get("scheme"), scope.get("root_path"), *(headers.get(one) for one in NAMED_BY))
        kept = self.pages.get(key)
        if kept is None:
            inside = {**scope, "path": f"/{name}", "raw_path": f"/{name}".encode(), "query_string": b""}
            status, _, body = await self._made(inside, receive)
            if status != 200:
                await Response(body, status, media_type="text/html")(scope, receive, send)
                return
            kept = self.pages.put(key, Kept.of(speaking(placed(body, name, PATHS[language]), language)))
        await kept.answer(headers)(scope, receive, send)

    async def script(self, scope: Any, receive: Any, send: Any) -> None:
        """A script, style sheet or drawing. Those of gradio carry a hash of their content in their names: a browser
        need not ask for one again."""
        headers, path = Headers(scope=scope), scope["path"]
        kept = self.scripts.get(path)
        if kept is None:
            status, told, body = await self._made({**scope, "headers": [], "query_string": b""}, receive)
            if status != 200 or len(body) > LARGEST:
                await self.app(scope, receive, send)
                return
            cache = "public, max-age=31536000, immutable" if path.startswith("/assets/") else "no-cache"
            kept = self.scripts.put(path, Kept.of(body, media_type=told.get("content-type", "text/plain"), cache=cache))
        await kept.answer(headers)(scope, receive, send)

    async def _made(self, scope: Any, receive: Any) -> tuple[int, Headers, bytes]:
        """The answer of the site inside: its status, its headers and its whole body."""
        status, told, body = 500, Headers(), bytearray()

        async def collect(message: Any) -> None:
            nonlocal status, told
            if message["type"] == "http.response.start":
                status, told = message["status"], Headers(raw=message.get("headers", []))
            else:
                body.extend(message.get("body", b""))

        await self.app(scope, receive, collect)
        return status, told, bytes(body)


_CONFIG = re.compile(rb"(?<=window\.gradio_config = )\{.*?\}(?=;</script>)", re.DOTALL)


def placed(page: bytes, name: str, path: str) -> bytes:
    """The HTML of gradio's page `name`, to be shown at another path; a link `?tab=` in it stays on that path.

    The script of gradio takes the path in the browser's address for the name of the page, and brings the layouts of
    all pages along to choose from. It gets the one of this page, under this path.
    """
    found = _CONFIG.search(page)
    if found is None:
        raise RuntimeError("Gradio's page has no configuration where version 6.31 has it.")
    config = json.loads(found[0])
    config |= {"page": {path: config["page"][name]}, "pages": [[path, path, False]], "current_page": path}
    text = json.dumps(config, separators=(",", ":"), ensure_ascii=False)
    for mark in "<>&'":  # as gradio writes them: nothing in it may end the script
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    page = page[: found.start()] + text.encode() + page[found.end() :]
    return page.replace(b'<base href="./" />', b"", 1)  # it would lead `?tab=` on /ko to /


def speaking(page: bytes, language: str) -> bytes:
    """The HTML of a page with its language: the attribute of its root, and what gradio asks the browser for.

    Gradio chooses the language of its own widgets by `navigator.language`, before it runs the scripts of `head`. So
    the path decides it here: a Korean browser reads an English page in English, and the other way round.
    """
    own = f"{{value: '{language}', configurable: true}}"
    script = f"<script>Object.defineProperty(navigator, 'language', {own})</script>"
    page = page.replace(b'lang="en"', f'lang="{language}"'.encode(), 1)
    return page.replace(b"<head>", b"<head>" + script.encode(), 1)
