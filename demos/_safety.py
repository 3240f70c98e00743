"""What the site refuses: requests that are too large, addresses that it should fetch, and, by the browser of each
visitor, scripts, requests and frames that are not this site's.

    Middleware(Safety)    # around the whole site, as `demos._page.serve` does it
    ask_nobody()          # before it starts

The headers are a second wall. The first is that the site itself asks nobody else for anything and never runs what a
visitor brings; if a page is tricked all the same, the browser stops what these headers forbid.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from demos._translate import plain

HUGGING_FACE = ("https://huggingface.co", "https://*.huggingface.co")  # shows a Space in a frame of its own page
VISITORS_FILES = ("/gradio_api/file", "/gradio_api/stream/", "/kept/")  # what was uploaded, recorded or made for one

# Gradio compiles handlers given as text (`js=`, `js_on_load=`) with `new Function`, which is 'unsafe-eval'. Its player
# reads sound from blob: and data: addresses; recorders start their worklets and workers from blob: addresses.
PAGE = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "worker-src": "'self' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
# Opened by itself, a visitor's file may be looked at and played; `sandbox` takes from it every script and this origin.
FILE = {
    "default-src": "'none'",
    "style-src": "'unsafe-inline'",
    "img-src": "'self' data:",
    "media-src": "'self' data:",
    "sandbox": "",
}


MAX_UPLOAD = "100mb"  # a file: gradio stops there
MAX_BYTES = {"/gradio_api/upload": 220_000_000}  # of a request with all its files, by the beginning of its path
MAX_OTHER_BYTES = 16_000_000  # of any other: the largest that a page sends is a drawing on a spectrogram, 2 MB
MOST_WORDS = 65_536  # bytes of an address, and of all headers together
ELSEWHERE = re.compile(r"/gradio_api/(file=|proxy=|stream/).{0,8}?(https?|ftp|file|data):", re.IGNORECASE)


def ask_nobody() -> None:
    """Let gradio fetch nothing: it would follow an address that a visitor sends in place of an uploaded file.

    It refuses addresses of the machine's own network, but this site needs none of the others either.
    """

    from gradio import processing_utils

    async def refuse(url: str, *_: Any, **__: Any) -> Any:
        raise ValueError("This site fetches nothing from other machines: upload the file instead.")

    processing_utils.async_ssrf_protected_get = refuse
    processing_utils.async_ssrf_protected_download = refuse


class TooLarge(Exception):
    """A request has more bytes than it may."""


def headers(*, file: bool = False, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The headers of an answer, by their names in lower case.

    Args:
        file: for a visitor's file, not a page or a script of the site.
        environment: in place of os.environ. On Spaces (SPACE_ID is set) huggingface.co may frame the page.
    """
    environment = os.environ if environment is None else environment
    frames = " ".join(("'self'", *(HUGGING_FACE if "SPACE_ID" in environment else ())))
    policy = {**(FILE if file else PAGE), "frame-ancestors": frames}
    return {
        "content-security-policy": "; ".join(f"{name} {value}".rstrip() for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "permissions-policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
    }


class Safety:
    """Add the headers as an answer begins; its body passes by untouched, so streams stay streams."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.page, self.file = (
            [(name.encode(), value.encode()) for name, value in headers(file=file).items()] for file in (False, True)
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if refused := _refused(scope):
            await refused(scope, receive, self._marked(scope, send))
            return
        most = next((most for path, most in MAX_BYTES.items() if scope["path"].startswith(path)), MAX_OTHER_BYTES)
        body = Body(receive, most, scope)
        marked = self._marked(scope, send)
        begun = False

        async def sent(message: Any) -> None:
            nonlocal begun
            if not body.too_large or begun:
                begun = True
                await marked(message)

        try:
            body.check()
            await self.app(scope, body, sent)
        except TooLarge:
            pass
        if body.too_large and not begun:
            text = f"A request may have {most // 1_000_000} MB here. Send a smaller file."
            refused = plain(Headers(raw=list(scope.get("headers", ()))), text, 413, {"connection": "close"})
            await refused(scope, receive, marked)

    def _marked(self, scope: Any, send: Any) -> Any:
        """`send` with our headers in place of others of their names."""
        ours = self.file if scope["path"].startswith(VISITORS_FILES) else self.page
        names = {name for name, _ in ours}

        async def marked(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in names]
                message = {**message, "headers": [*kept, *ours]}
            await send(message)

        return marked


def _refused(scope: Any) -> PlainTextResponse | None:
    """The answer to a request that asks for another machine, or has more words than any honest one."""
    asked = Headers(raw=list(scope.get("headers", ())))
    if ELSEWHERE.match(scope["path"]):
        return plain(asked, "This site fetches nothing from other machines.", 404)
    if len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") > MOST_WORDS:
        return plain(asked, "This address is too long.", 414)
    if sum(len(name) + len(value) for name, value in scope.get("headers", ())) > MOST_WORDS:
        return plain({}, "This request has too many headers.", 431)
    return None


class Body:
    """`receive`, which raises TooLarge as soon as more bytes are announced, or have come, than may be."""

    def __init__(self, receive: Any, most: int, scope: Any) -> None:
        announced = next((value for name, value in scope.get("headers", ()) if name.lower() == b"content-length"), b"0")
        self.receive, self.most, self.seen = receive, most, 0
        self.too_large = announced.isdigit() and int(announced) > most

    def check(self) -> None:
        if self.too_large:
            raise TooLarge

    async def __call__(self) -> Any:
        message = await self.receive()
        self.seen += len(message.get("body", b""))
        self.too_large = self.too_large or self.seen > self.most
        self.check()
        return message
