"""What every answer tells the browser to refuse: scripts, requests and frames that are not this site's.

    Middleware(Safety)    # around the whole site, as `demos._page.serve` does it

The headers are a second wall. The first is that the site itself asks nobody else for anything and never runs what a
visitor brings; if a page is tricked all the same, the browser stops what these headers forbid.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

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
        ours = self.file if scope["path"].startswith(VISITORS_FILES) else self.page

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in ours}
                kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in names]
                message = {**message, "headers": [*kept, *ours]}
            await send(message)

        await self.app(scope, receive, sent)
