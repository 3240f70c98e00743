"""Files of one visitor: served under an address that cannot be guessed, made on request, and deleted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demos import _kept
from demos._tab import ROOT


@pytest.fixture
def client(monkeypatch, tmp_path):
    monkeypatch.setattr(_kept, "_folders", {})
    monkeypatch.setattr(_kept, "_root", lambda: tmp_path)
    return TestClient(Starlette(routes=[_kept.ROUTE]))


def test_what_was_offered_is_served_whole_and_in_parts(client):
    folder = _kept.folder("one")
    (folder.path / "a.flac").write_bytes(b"0123456789")
    url = folder.offer("a.flac", "노래 (vocals).flac")
    answer = client.get(url)
    assert answer.content == b"0123456789" and answer.headers["cache-control"] == "private, no-store"
    assert "attachment" in answer.headers["content-disposition"] and "vocals" in answer.headers["content-disposition"]
    assert client.get(url, headers={"range": "bytes=2-4"}).content == b"234"


def test_nothing_else_is_served(client, tmp_path):
    one, two = _kept.folder("one"), _kept.folder("two")
    (one.path / "secret").write_text("x")
    (tmp_path / "outside").write_text("x")
    two.offer("secret", "secret")
    assert one.token != two.token and len(one.token) >= 20
    for url in (f"{one.token}/secret", f"{two.token}/secret", f"{one.token}/..%2Foutside", "x/a"):
        assert client.get(f"/kept/{url}").status_code == 404


def test_files_are_made_once_when_they_are_asked_for(client):
    folder = _kept.folder("one")
    made = []
    url = folder.offer("a.wav", "a.wav", lambda path: made.append(path.write_bytes(b"wav")))
    assert not made and [client.get(url).content for _ in range(2)] == [b"wav"] * 2 and len(made) == 1
    wrong = folder.offer("b.wav", "b.wav", lambda path: 1 / 0)
    assert client.get(wrong).status_code == 404 and client.get(url).status_code == 200


def test_who_leaves_takes_his_files_along(client):
    mine, other = _kept.folder("one"), _kept.folder("two")
    (mine.path / "a").write_text("x")
    url = mine.offer("a", "a")
    assert client.get(url).status_code == 200
    _kept.forget("one")
    assert mine.gone and not mine.path.exists() and client.get(url).status_code == 404
    assert not other.gone and other.path.exists()
    _kept.drop(other)
    _kept.drop(None)
    assert other.gone


def test_an_upload_goes_with_the_last_who_brought_it(client, monkeypatch, tmp_path):
    monkeypatch.setattr(_kept, "_uploads", {})
    path = tmp_path / "song.wav"
    path.write_bytes(b"x")
    _kept.adopt("one", str(path))
    _kept.adopt("two", str(path))
    _kept.adopt("three", None)
    _kept.forget("one")
    assert path.exists()
    _kept.forget("two")
    _kept.forget("two")
    assert not path.exists()


def test_old_files_go_and_too_many_too(client, monkeypatch):
    old = _kept.folder("one")
    _kept.sweep(time.monotonic() + _kept.KEEP_S + 1)
    assert old.gone
    monkeypatch.setattr(_kept, "MAX_BYTES", 100)
    first, second = _kept.folder("one"), _kept.folder("two")
    (first.path / "a").write_bytes(b"x" * 80)
    (second.path / "a").write_bytes(b"x" * 80)
    second.seen = first.seen + 1
    _kept.sweep()
    assert first.gone and not second.gone


def test_the_page_promises_what_is_kept():
    """Gradio looks every so often for uploads of some age: an hour at most together; ours goes by its own clock."""
    import inspect

    from demos import _page
    from demos._tab import strings

    assert "delete_cache=DELETE_S" in inspect.getsource(_page.site) and sum(_page.DELETE_S) <= 3600
    assert _kept.KEEP_S == 3600 and _kept.SWEEP_S <= 600
    for language, uploads, made in (("en", "within an hour", "about an hour"), ("ko", "한 시간 안에", "한 시간쯤")):
        words = strings("_site", language)("privacy_note")
        assert uploads in words and made in words


KILLED = """
import os, signal, sys
from demos import _kept
kept = _kept.folder("one")
(kept.path / "song.flac").write_bytes(b"private")
(_kept.uploads() / "voice.wav").write_bytes(b"private")
print(_kept._root(), flush=True)
sys.stdin.read(1)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_has_left_goes_when_the_next_one_starts(tmp_path, monkeypatch):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    def started():
        return subprocess.Popen([sys.executable, "-c", KILLED], cwd=ROOT, env=environment, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip

    killed, alive = started(), started()
    left, used = Path(killed.stdout.readline().strip()), Path(alive.stdout.readline().strip())
    foreign = tmp_path / f"{_kept.PREFIX}of-somebody"
    foreign.mkdir()
    killed.communicate("x")
    assert killed.returncode == -signal.SIGKILL and (left / "uploads/voice.wav").exists()
    assert left.stat().st_mode & 0o077 == 0, "nobody else may look into it"
    monkeypatch.setattr(_kept.tempfile, "gettempdir", lambda: str(tmp_path))
    _kept.clear_left_behind()
    assert not left.exists() and (used / "uploads/voice.wav").exists() and foreign.exists()
    alive.communicate("x")
