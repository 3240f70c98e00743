"""Short links to a state of the site, and their QR codes: what a teacher shows on the wall.

    GET /site/short?page=ko&state=tab=wavenet&step=mulaw   {"link": "http://…/s/k3f9a", "qr": "<svg …>", "reach": "…"}
    GET /s/k3f9a                                           leads to /ko?tab=wavenet&step=mulaw

The code is the beginning of a hash of the state, so that the same state has the same link everywhere. The states lie in
a folder, one small file each: $SITE_DATA/links, else the user's cache folder. Where it cannot be written, a link lives
as long as the process. A link leads to a page of this site and nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import re
import socket
import threading
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import segno
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

MAX_STATE = 1500  # characters of a query
MAX_LINKS = 20_000  # beyond that the oldest are forgotten
LENGTHS = range(5, 14)  # of a code: as short as no other state has it
_CODE = re.compile(r"[a-z2-7]{5,13}")
_memory: dict[str, str] = {}
_lock = threading.Lock()


def folder() -> Path:
    """Where the links are kept; they outlive the process."""
    if base := os.environ.get("SITE_DATA"):
        return Path(base) / "links"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "audio-site/links"


def keep(page: str, state: str) -> str:
    """The code of a state; the same state has the same code.

    Args:
        page: "" for English or "ko".
        state: a query, such as "tab=wavenet&step=mulaw".
    Raises:
        ValueError: longer than MAX_STATE, or not a page of ours.
    """
    if page not in ("", "ko") or len(state) > MAX_STATE:
        raise ValueError("This is no state of the site.")
    target = f"/{page}?{urlencode(parse_qsl(state, keep_blank_values=True))}"
    whole = base64.b32encode(hashlib.sha256(target.encode()).digest()).decode().lower()
    with _lock:
        code = next(whole[:n] for n in LENGTHS if find(whole[:n]) in (None, target))
        if find(code) is None:
            _memory[code] = target
            _write(code, target)
    return code


def find(code: str) -> str | None:
    """Where a code leads: a path of this site with its query; None for a code that was never given."""
    if not _CODE.fullmatch(code):
        return None
    if code not in _memory:
        try:
            _memory[code] = (folder() / code).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
    target = _memory[code]
    return target if re.match(r"/(ko)?\?", target) else None


def _write(code: str, target: str) -> None:
    """Into the folder, whole or not at all; the oldest links go when there are too many."""
    while len(_memory) > MAX_LINKS:
        del _memory[next(iter(_memory))]
    try:
        folder().mkdir(parents=True, exist_ok=True)
        unfinished = folder() / f".{code}-{os.getpid()}"
        unfinished.write_text(target, encoding="utf-8")
        unfinished.replace(folder() / code)
        there = list(folder().iterdir())
        if len(there) > MAX_LINKS:
            for path in sorted(there, key=lambda path: path.stat().st_mtime)[: len(there) - MAX_LINKS]:
                path.unlink(missing_ok=True)
    except OSError:
        pass  # read-only or full: the link lives as long as the process


def address(request: Request) -> tuple[str, bool]:
    """What others type to reach this site, without a slash at its end, and whether they can.

    A page that was opened at 127.0.0.1 is known to nobody else under that name: then the machine's address in its
    network stands in, and others reach it if the site listens there (SITE_HOST=0.0.0.0).
    """
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    host, root = request.headers.get("host", request.url.netloc), request.scope.get("root_path", "").rstrip("/")
    name = request.url.hostname or ""
    if name != "localhost" and not _is_loopback(name):
        return f"{scheme}://{host}{root}", True
    listening = os.environ.get("SITE_HOST", "")
    if listening in ("0.0.0.0", "::") and (own := _own_address()):
        port = f":{request.url.port}" if request.url.port else ""
        return f"{scheme}://{own}{port}{root}", True
    return f"{scheme}://{host}{root}", False


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _own_address() -> str | None:
    """The machine's address in its network. Nothing is sent: a UDP socket only looks up the way."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("10.255.255.255", 9))
            own = probe.getsockname()[0]
    except OSError:
        return None
    return None if _is_loopback(own) else own


def qr_svg(text: str) -> str:
    """A QR code as SVG without a size of its own, dark on white in every theme; error correction M (15 %)."""
    code = segno.make(text, error="m", micro=False)
    return code.svg_inline(border=3, dark="#1e2428", light="#ffffff", omitsize=True)


def short(request: Request) -> Response:
    """The short link of ?page=&state=, as JSON."""
    try:
        code = keep(request.query_params.get("page", ""), request.query_params.get("state", ""))
    except ValueError as error:
        return PlainTextResponse(str(error), 400)
    base, reached = address(request)
    link = f"{base}/s/{code}"
    return JSONResponse({"link": link, "qr": qr_svg(link), "reached": reached})


def follow(request: Request) -> Response:
    """Lead to the state of a short link; an unknown one leads to the start."""
    root = request.scope.get("root_path", "").rstrip("/")
    return RedirectResponse(root + (find(request.path_params["code"]) or "/"), 307)


ROUTES = [Route("/site/short", short), Route("/s/{code}", follow)]
