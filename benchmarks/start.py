"""From start to a served page: python -m benchmarks.start [--rounds 3] [--json FILE]

Starts app.py in a fresh process on a free port, asks for / until it is answered, and prints the seconds that took and
the size of that HTML, as transferred (compressed) and unpacked. The first round of a machine reads everything from
its disk, later ones from memory; so each round is printed.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LONGEST_S = 300
POLL_S = 0.05


class Served(NamedTuple):
    """A site that answers: where, which process, how long its start took, and the size of its first page."""

    address: str
    process: int
    seconds: float
    transferred_bytes: int
    html_bytes: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def first_page(port: int) -> tuple[int, bytes] | None:
    """What / answers, as a browser asks for it: bytes transferred and the HTML; None while nobody answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    try:
        connection.request("GET", "/", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
    except OSError:
        return None
    finally:
        connection.close()
    if answer.status != 200:
        return None
    return len(body), gzip.decompress(body) if answer.getheader("Content-Encoding") == "gzip" else body


@contextmanager
def serving(*command: str, **environment: str) -> Iterator[Served]:
    """The site in a fresh process on a free port, from its first page on until the end of the block.

    Args:
        command: for Python, in place of app.py: "-m", "demos.wavenet" is the site with this one tab.
    Raises:
        RuntimeError: it ended before it served anything, or did not in LONGEST_S; with what it printed.
    """
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if name not in ("SITE_HOST", "SPACE_ID")}
    everything = {**inherited, "PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False", **environment}
    with tempfile.TemporaryFile("w+") as printed:
        began = time.perf_counter()
        site = subprocess.Popen([sys.executable, *(command or ["app.py"])], cwd=ROOT, env=everything,
                                stdout=printed, stderr=printed)  # fmt: skip
        try:
            while time.perf_counter() - began < LONGEST_S and site.poll() is None:
                if page := first_page(port):
                    seconds = time.perf_counter() - began
                    yield Served(f"http://127.0.0.1:{port}", site.pid, seconds, page[0], len(page[1]))
                    return
                time.sleep(POLL_S)
            printed.seek(0)
            raise RuntimeError("The site did not serve a page:\n" + printed.read()[-3000:])
        finally:
            site.terminate()
            try:
                site.wait(timeout=10)
            except subprocess.TimeoutExpired:
                site.kill()


def start() -> dict[str, float]:
    """Start the site once, and stop it when it has served a page.

    Returns:
        "seconds" from the start of the process to the whole page; "transferred_bytes" and "html_bytes" of that page.
    """
    with serving() as site:
        return {"seconds": site.seconds, "transferred_bytes": site.transferred_bytes, "html_bytes": site.html_bytes}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to a file")
    options = parser.parse_args(arguments)
    rounds = []
    for number in range(1, options.rounds + 1):
        found = start()
        rounds.append(found)
        print(f"{number}: a page after {found['seconds']:.1f} s; its HTML is {found['transferred_bytes'] / 1e3:.0f} KB "
              f"transferred, {found['html_bytes'] / 1e3:.0f} KB unpacked", flush=True)  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps({"processors": os.cpu_count(), "rounds": rounds}, indent=1))


if __name__ == "__main__":
    main()
