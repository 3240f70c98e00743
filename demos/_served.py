"""Which page an address means, and how it travels: `/ko?tab=wavenet` is gradio's page `ko-wavenet`.

    Middleware(Pages, tabs=["wavenet", "tts"])

Gradio makes the HTML of a page anew for every visitor, half a megabyte with some hundredths of a second of work. It is
the same for all of them, as far as they know the site by the same name: so it is made once, compressed once and kept.
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
# What gradio looks at to find the name by which a visitor knows the site (gradio.route_utils.get_root_url).
NAMED_BY = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")


def page_name(language: str, slug: str) -> str:
    """Gradio's name for a page: "" and "ko" for the start, "en-wavenet" and "ko-wavenet" for a tab."""
    return PATHS[language] if slug == START else f"{language}-{slug}"


@dataclass(frozen=True)
class Kept:
    """The HTML of a page, compressed in both ways that browsers take, and a mark of its content."""

    brotli: bytes
    gzip: bytes
    etag: str

    @classmethod
    def of(cls, page: bytes) -> Kept:
        mark = hashlib.sha256(page).hexdigest()[:20]
        return cls(brotli.compress(page, quality=6), gzip.compress(page, 6), f'W/"{mark}"')

    def answer(self, asked: Headers) -> Response:
        """To a browser that may have this very page already."""
        headers = {"etag": self.etag, "cache-control": "no-cache", "vary": "accept-encoding"}
        if self.etag in asked.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        accepted = asked.get("accept-encoding", "")
        if "br" in accepted:
            body, headers["content-encoding"] = self.brotli, "br"
        elif "gzip" in accepted:
            body, headers["content-encoding"] = self.gzip, "gzip"
        else:
            body = gzip.decompress(self.gzip)
        return Response(body, media_type="text/html", headers=headers)


class Pages:
    """Lead an address to its page, and answer with the kept HTML. All other requests pass by untouched."""

    def __init__(self, app: Any, tabs: list[str]) -> None:
        self.app, self.tabs = app, frozenset(tabs)
        self.own_names = {f"/{page_name(language, tab)}": (language, tab) for language in PATHS for tab in tabs}
        self.kept: OrderedDict[tuple, Kept] = OrderedDict()
        self.lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].rstrip("/") or "/" if scope["type"] == "http" else ""
        if path in self.own_names:  # gradio's own name for a page is no address of ours
            language, tab = self.own_names[path]
            root = scope.get("root_path", "").rstrip("/")
            await RedirectResponse(f"{root}/{PATHS[language]}?tab={tab}", 307)(scope, receive, send)
        elif path in LANGUAGE_OF and scope["method"] == "GET":
            await self.page(scope, receive, send, LANGUAGE_OF[path])
        elif path.startswith("/assets/"):
            await self.app(scope, receive, _for_good(send))
        else:
            await self.app(scope, receive, send)

    async def page(self, scope: Any, receive: Any, send: Any, language: str) -> None:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        tab = query.get("tab", [START])[0]
        name = page_name(language, tab if tab in self.tabs else START)
        headers = Headers(scope=scope)
        key = (name, scope.get("scheme"), scope.get("root_path"), *(headers.get(one) for one in NAMED_BY))
        with self.lock:
            kept = self.kept.get(key)
            if kept:
                self.kept.move_to_end(key)
        if kept is None:
            status, body = await self._made({**scope, "path": f"/{name}", "raw_path": f"/{name}".encode(),
                                             "query_string": b""}, receive)  # fmt: skip
            if status != 200:
                await Response(body, status, media_type="text/html")(scope, receive, send)
                return
            kept = Kept.of(speaking(placed(body, name, PATHS[language]), language))
            with self.lock:
                self.kept[key] = kept
                while len(self.kept) > KEPT:
                    self.kept.popitem(last=False)
        await kept.answer(headers)(scope, receive, send)

    async def _made(self, scope: Any, receive: Any) -> tuple[int, bytes]:
        """Gradio's answer: its status and its whole body."""
        status, body = 500, bytearray()

        async def collect(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                body.extend(message.get("body", b""))

        await self.app(scope, receive, collect)
        return status, bytes(body)


def _for_good(send: Any) -> Any:
    """Gradio's scripts carry a hash of their content in their names: a browser need not ask for one again."""

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            cache = (b"cache-control", b"public, max-age=31536000, immutable")
            message = {**message, "headers": [*message.get("headers", ()), cache]}
        await send(message)

    return sent


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
