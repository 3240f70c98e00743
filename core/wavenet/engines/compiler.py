"""Compile the C++ kernel at first use and keep the result in a cache folder of the user.

The file's name holds a hash of sources, flags, compiler and processor, so that a change of any compiles anew.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

KERNELS = Path(__file__).resolve().parent.parent / "kernels"
SOURCE = KERNELS / "generate.cpp"
COMPILERS = ("g++", "clang++", "c++")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-fPIC", "-shared", "-pthread")
TIMEOUT_S = 120

_lock = threading.Lock()
_loaded: dict[str, ctypes.CDLL] = {}
_failed: dict[str, str] = {}


class CompileError(Exception):
    """No usable compiler; the text is a sentence that says why."""


def load_kernel() -> ctypes.CDLL:
    """The compiled kernel, from memory, from the cache folder, or compiled now (a few seconds).

    Raises:
        CompileError: there is no compiler, or it fails.
    """
    with _lock:
        compiler = find_compiler()
        if compiler in _failed:  # do not try again and again
            raise CompileError(_failed[compiler])
        key = fingerprint(compiler)
        if key not in _loaded:
            try:
                _loaded[key] = _open_or_compile(compiler, key)
            except CompileError as error:
                _failed[compiler] = str(error)
                raise
        return _loaded[key]


def find_compiler() -> str:
    """The path of a C++ compiler: $CXX if set, else the first of COMPILERS on the PATH."""
    wanted = os.environ.get("CXX")
    for name in [wanted] if wanted else COMPILERS:
        path = shutil.which(name)
        if path:
            return path
    tried = wanted or ", ".join(COMPILERS)
    raise CompileError(f"no C++ compiler was found ({tried}); install g++ or clang++.")


def fingerprint(compiler: str) -> str:
    """Hash of everything that decides how the compiled file looks."""
    digest = hashlib.sha256()
    for path in sorted(KERNELS.glob("*.h")) + [SOURCE]:
        digest.update(path.read_bytes())
    status = os.stat(compiler)
    digest.update(repr((FLAGS, compiler, status.st_size, status.st_mtime_ns, processor())).encode())
    return digest.hexdigest()[:16]


@functools.lru_cache(maxsize=1)
def processor() -> str:
    """Model and instruction sets, because -march=native differs by them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        told = {line.split(":")[0].strip(): line for line in lines if ":" in line}
        named = [told.get(k, "") for k in ("model name", "flags", "CPU part", "Features")]
        return "".join(named) + platform.machine()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"


def cache_folder() -> Path:
    """A writable folder of this user: $XDG_CACHE_HOME or the system's usual place, else a private temporary."""
    base = os.environ.get("XDG_CACHE_HOME")
    if not base:
        home = Path.home()
        base = str(home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache")
    folder = Path(base) / "wavenet-kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            raise PermissionError("somebody else's folder")
        return folder
    except OSError:
        return _private_folder()


@functools.lru_cache(maxsize=1)
def _private_folder() -> Path:
    import atexit

    folder = tempfile.mkdtemp(prefix="wavenet-kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _open_or_compile(compiler: str, key: str) -> ctypes.CDLL:
    path = cache_folder() / f"generate-{key}.so"
    if path.exists():
        try:
            return ctypes.CDLL(str(path))
        except OSError:
            pass  # damaged: compile again
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".so", delete=False) as file:
        unfinished = Path(file.name)
    try:
        _compile(compiler, unfinished)
        os.replace(unfinished, path)  # whole or not at all, also when two processes compile at once
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CompileError(f"the compiled kernel cannot be loaded: {error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _compile(compiler: str, output: Path) -> None:
    """For this processor; some compilers do not know -march=native, so without it if need be."""
    failure = ""
    for flags in (FLAGS, tuple(flag for flag in FLAGS if flag != "-march=native")):
        try:
            command = [compiler, *flags, str(SOURCE), "-o", str(output)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CompileError(f"the compiler {compiler} could not be run: {error}.") from error
        if done.returncode == 0:
            return
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines()
        failure = failure or (lines[0] if lines else "without a message")
    raise CompileError(f"the compiler {compiler} failed: {failure}.")
