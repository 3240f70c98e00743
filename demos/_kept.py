"""Files made for one visitor: at an address that nobody can guess, for an hour, or until the page is closed.

    folder = _kept.folder(request.session_hash)      # its path, to write into
    folder.offer("song.flac", "My song.flac")        # the URL of folder.path / "song.flac"
    folder.offer("song.wav", "My song.wav", make)    # make(path) writes it when it is first asked for
    _kept.adopt(request.session_hash, path)          # an upload that goes when its visitor leaves

The folders lie in one temporary folder of this process, uploads beside them; it goes away with the process. What a
process has left that was killed goes when the next one starts.
"""

from __future__ import annotations

import atexit
import functools
import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

KEEP_S = 3600.0
SWEEP_S = 600.0
MAX_BYTES = 4_000_000_000  # of all visitors; beyond that the oldest folders go first
PREFIX, LOCK = "audio-site-", ".in-use"
_locks: list[IO[str]] = []  # held open
_lock = threading.RLock()
_folders: dict[str, Folder] = {}
_uploads: dict[str, set[str]] = {}  # path -> whose it is: gradio gives the same path to the same file of two visitors
log = logging.getLogger("demos")
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@dataclass(eq=False)
class Folder:
    """Where a visitor's files lie; only what was offered is served."""

    session: str
    token: str
    path: Path
    seen: float = field(default_factory=time.monotonic)
    names: dict[str, tuple[str, Callable[[Path], object] | None]] = field(default_factory=dict)
    making: threading.Lock = field(default_factory=threading.Lock)

    @property
    def gone(self) -> bool:
        """Its visitor has left, or it was swept away: whatever is still being made for it is for nobody."""
        return self.token not in _folders

    def offer(self, name: str, called: str, make: Callable[[Path], object] | None = None) -> str:
        """The address of a file of this folder.

        Args:
            name: of the file, our own choice.  called: what it is named when it is kept; may be a visitor's wording.
            make: writes it to the path that it is given, once somebody asks for it; None if it is there already.
        """
        self.names[name] = (called, make)
        return f"/kept/{self.token}/{quote(name)}"


@functools.cache
def _root() -> Path:
    clear_left_behind()
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    if fcntl:
        _locks.append((root / LOCK).open("w"))
        fcntl.flock(_locks[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)  # as long as this process lives
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    threading.Thread(target=_sweep_for_ever, daemon=True).start()
    return root


def uploads() -> Path:
    """The folder for what visitors bring; gradio puts it there if GRADIO_TEMP_DIR says so."""
    folder = _root() / "uploads"
    folder.mkdir(exist_ok=True)
    return folder


def clear_left_behind() -> None:
    """Delete the folders of processes that are gone: nobody holds the lock in them. All others stay."""
    if not fcntl:
        return
    for root in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with (root / LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(root, ignore_errors=True)
        except OSError:
            continue  # in use, of another user, or no folder of ours


def _sweep_for_ever() -> None:
    while True:
        time.sleep(SWEEP_S)
        sweep()


def folder(session: str | None) -> Folder:
    """A new folder for a visitor; old ones are swept away."""
    sweep()
    token = secrets.token_urlsafe(18)
    made = Folder(session or "", token, _root() / token)
    made.path.mkdir()
    with _lock:
        _folders[token] = made
    return made


def adopt(session: str | None, path: str | None) -> None:
    """An upload of a visitor, to be deleted once all who have brought it have left."""
    if path:
        with _lock:
            _uploads.setdefault(path, set()).add(session or "")


def forget(session: str | None) -> None:
    """Delete all that was made for a visitor, and what he brought."""
    with _lock:
        for path in [path for path, owners in _uploads.items() if (session or "") in owners]:
            _uploads[path].discard(session or "")
            if not _uploads[path]:
                del _uploads[path]
                Path(path).unlink(missing_ok=True)
        gone = [token for token, kept in _folders.items() if kept.session == (session or "")]
    for token in gone:
        _delete(token)


def drop(old: Folder | None) -> None:
    """Delete one folder."""
    if old is not None:
        _delete(old.token)


def _delete(token: str) -> None:
    with _lock:
        old = _folders.pop(token, None)
    if old is not None:
        shutil.rmtree(old.path, ignore_errors=True)


def sweep(now: float | None = None) -> None:
    """Delete what nobody has asked for during the last hour, and the oldest while there is too much."""
    now = time.monotonic() if now is None else now
    with _lock:
        oldest_first = sorted(_folders.values(), key=lambda kept: kept.seen)
    sizes = {kept.token: sum(f.stat().st_size for f in kept.path.glob("*") if f.is_file()) for kept in oldest_first}
    total = sum(sizes.values())
    for kept in oldest_first:
        if now - kept.seen > KEEP_S or total > MAX_BYTES:
            total -= sizes[kept.token]
            _delete(kept.token)


async def serve(request: Request) -> Response:
    """GET /kept/{token}/{name}: a file that was offered; the browser may ask for a part of it."""
    kept = _folders.get(request.path_params["token"])
    name = request.path_params["name"]
    if kept is None or name not in kept.names:
        return PlainTextResponse("This file has been deleted: make it anew.", status_code=404)
    kept.seen = time.monotonic()
    called, make = kept.names[name]
    path = kept.path / name
    try:
        if make is not None:
            await run_in_threadpool(_made, kept, path, make)
        if not path.is_file():
            raise FileNotFoundError(path)
    except Exception:
        log.exception("A kept file could not be made")
        return PlainTextResponse("This file could not be made: make it anew.", status_code=404)
    headers = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
    return FileResponse(path, filename=called, headers=headers, content_disposition_type="attachment")


def _made(kept: Folder, path: Path, make: Callable[[Path], object]) -> None:
    with kept.making:
        if path.is_file():
            return
        part = path.with_name(path.name + ".part")
        make(part)
        part.replace(path)


ROUTE = Route("/kept/{token}/{name}", serve)


def clean_broken_uploads() -> None:
    """Let an upload that breaks off leave nothing behind: gradio keeps what had come, under a name nobody knows."""
    from gradio.route_utils import GradioMultiPartParser

    parse = GradioMultiPartParser.parse
    if getattr(parse, "cleans", False):
        return

    @functools.wraps(parse)
    async def cleaning(self: GradioMultiPartParser) -> object:
        try:
            return await parse(self)
        except BaseException:
            for file in self._files_to_close_on_error:
                file.close()
                Path(file.name).unlink(missing_ok=True)
            raise

    cleaning.cleans = True  # type: ignore[attr-defined]
    GradioMultiPartParser.parse = cleaning  # type: ignore[method-assign]
