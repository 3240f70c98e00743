"""Files made for one visitor: at an address that nobody can guess, for an hour, or until the page is closed.

    folder = _kept.folder(request.session_hash)               # its path, to write into
    folder.offer("song.flac", "My song.flac")                 # the URL of folder.path / "song.flac"
    folder.offer("song.wav", "My song.wav", ("wav", "song.flac"))   # made when it is first asked for
    _kept.adopt(request.session_hash, path)                   # an upload that goes when its visitor leaves

The folders lie in one temporary folder of this process, uploads beside them; it goes away with the process. What a
process has left that was killed goes when the next one starts. All that is known of a folder lies in it: several
processes that share one by SITE_KEPT serve and delete what any of them has made.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import logging
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from demos._translate import plain

KEEP_S = 3600.0
SWEEP_S = 600.0
MAX_BYTES = 4_000_000_000  # of all visitors; beyond that the oldest folders go first
PREFIX, LOCK = "audio-site-", ".in-use"
OWNER, OFFERS = ".owner", ".offers"  # in each folder: whose it is, seen when it was changed; what of it is served
TOKEN = re.compile(r"[\w-]{24}")
_locks: list[IO[str]] = []  # held open
_lock = threading.RLock()
_making = [threading.Lock() for _ in range(16)]
_uploads: dict[str, set[str]] = {}  # path -> whose it is: gradio gives the same path to the same file of two visitors
log = logging.getLogger("demos")
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Folder:
    """Where a visitor's files lie; only what was offered is served."""

    path: Path

    @property
    def token(self) -> str:
        return self.path.name

    @property
    def gone(self) -> bool:
        """Its visitor has left, or it was swept away: whatever is still being made for it is for nobody."""
        return not (self.path / OWNER).exists()

    @property
    def session(self) -> str:
        """Whose it is; "" of one that is gone."""
        try:
            return (self.path / OWNER).read_text(encoding="utf-8")
        except OSError:
            return ""

    @property
    def seen(self) -> float:
        """When it was last asked for, in seconds as of time.time(); of one half made or half deleted, when that was."""
        for path in (self.path / OWNER, self.path):
            try:
                return path.stat().st_mtime
            except OSError:
                continue
        return 0.0

    @property
    def names(self) -> dict[str, tuple[str, Any]]:
        """What is served: what each file is called when it is kept, and the recipe it is made by, or None."""
        try:
            found = json.loads((self.path / OFFERS).read_text(encoding="utf-8"))
        except OSError:
            return {}
        return {name: (called, recipe) for name, (called, recipe) in found.items()}

    def offer(self, name: str, called: str, recipe: tuple[str, Any] | None = None) -> str:
        """The address of a file of this folder.

        Args:
            name: of the file, our own choice.  called: what it is named when it is kept; may be a visitor's wording.
            recipe: by which it is made once somebody asks for it, a key of RECIPES and what to make it of; None if it
                is there already.
        """
        with _lock, contextlib.suppress(FileNotFoundError):  # the folder may go at any moment, with its visitor
            offers = {**self.names, name: (called, recipe)}
            fresh = self.path / f"{OFFERS}.new"
            fresh.write_text(json.dumps(offers), encoding="utf-8")
            fresh.replace(self.path / OFFERS)
        return f"/kept/{self.token}/{quote(name)}"


def _wav(folder: Path, flac: str, out: Path) -> None:
    from core.separation import files

    files.as_wav(folder / flac, out)


def _zip(folder: Path, parts: dict[str, str], out: Path) -> None:
    from core.separation import files

    files.as_zip({called: folder / name for called, name in parts.items()}, out)


RECIPES = {"wav": _wav, "zip": _zip}  # of a FLAC file; of files, by their names in the archive


@functools.cache
def _root() -> Path:
    if shared := os.environ.get("SITE_KEPT"):
        root = Path(shared)
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
    else:
        root = private_folder()
    threading.Thread(target=_sweep_for_ever, daemon=True).start()
    return root


def private_folder() -> Path:
    """A new folder for this user alone, that goes with this process, or else when the next one starts."""
    clear_left_behind()
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    if fcntl:
        _locks.append((root / LOCK).open("w"))
        fcntl.flock(_locks[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)  # as long as this process lives
    atexit.register(shutil.rmtree, root, ignore_errors=True)
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
        if os.environ.get("SITE_KEPT"):
            sweep_uploads(Path(os.environ["GRADIO_TEMP_DIR"]))


def sweep_uploads(folder: Path, now: float | None = None) -> None:
    """Delete uploads that are older than an hour: where several processes share the folder, gradio deletes those of its
    own process alone, and nobody those of one that was killed."""
    now = time.time() if now is None else now
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before the folder
        try:
            if now - path.stat().st_mtime > KEEP_S:
                path.rmdir() if path.is_dir() else path.unlink()
        except OSError:
            continue  # not empty, or gone already


def _folders() -> Iterator[Folder]:
    """All folders that are there."""
    for path in list(_root().iterdir()):
        if TOKEN.fullmatch(path.name):
            yield Folder(path)


def folder(session: str | None) -> Folder:
    """A new folder for a visitor; old ones are swept away."""
    sweep()
    made = Folder(_root() / secrets.token_urlsafe(18))
    made.path.mkdir()
    (made.path / OWNER).write_text(session or "", encoding="utf-8")
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
    for kept in _folders():
        if kept.session == (session or "") and not kept.gone:
            drop(kept)


def drop(old: Folder | None) -> None:
    """Delete one folder."""
    if old is not None:
        (old.path / OWNER).unlink(missing_ok=True)  # first, so that it is gone at once
        shutil.rmtree(old.path, ignore_errors=True)


def sweep(now: float | None = None) -> None:
    """Delete what nobody has asked for during the last hour, and the oldest while there is too much.

    now: in seconds as of time.time().
    """
    now = time.time() if now is None else now
    oldest_first = sorted((kept.seen, kept.path.name, kept) for kept in _folders())
    sizes = {kept: _size(kept.path) for *_, kept in oldest_first}
    total = sum(sizes.values())
    for seen, _, kept in oldest_first:
        if now - seen > KEEP_S or total > MAX_BYTES:
            total -= sizes[kept]
            drop(kept)


def _size(path: Path) -> int:
    """Bytes of the files of a folder, which may be deleted meanwhile."""
    try:
        return sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    except OSError:
        return 0


async def serve(request: Request) -> Response:
    """GET /kept/{token}/{name}: a file that was offered; the browser may ask for a part of it."""
    token, name = request.path_params["token"], request.path_params["name"]
    kept = Folder(_root() / token)
    offered = {} if not TOKEN.fullmatch(token) or kept.gone else kept.names
    if name not in offered:
        return plain(request.headers, "This file has been deleted: make it anew.", 404)
    called, recipe = offered[name]
    path = kept.path / name
    try:
        os.utime(kept.path / OWNER)
        if recipe is not None:
            await run_in_threadpool(_made, kept, path, recipe)
        if not path.is_file():
            raise FileNotFoundError(path)
    except Exception:
        log.exception("A kept file could not be made")
        return plain(request.headers, "This file could not be made: make it anew.", 404)
    headers = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
    return FileResponse(path, filename=called, headers=headers, content_disposition_type="attachment")


def _made(kept: Folder, path: Path, recipe: tuple[str, Any]) -> None:
    """Make a file that is not there yet; once, also where several ask for it at the same time."""
    with _making[hash(path) % len(_making)]:
        if path.is_file():
            return
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        RECIPES[recipe[0]](kept.path, recipe[1], part)
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
