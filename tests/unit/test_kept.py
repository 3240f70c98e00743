"""Files of one visitor: served under an address that cannot be guessed, made on request, and deleted."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import soundfile
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demos import _kept
from demos._tab import ROOT


@pytest.fixture
def client(monkeypatch, tmp_path):
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
    soundfile.write(folder.path / "a.flac", [[0.5, -0.25]] * 100, 16_000)
    url = folder.offer("a.wav", "a.wav", ("wav", "a.flac"))
    assert not (folder.path / "a.wav").exists()
    first = client.get(url).content
    made = (folder.path / "a.wav").stat()
    assert client.get(url).content == first and (folder.path / "a.wav").stat().st_mtime_ns == made.st_mtime_ns
    x, rate = soundfile.read(io.BytesIO(first))
    assert rate == 16_000 and x.shape == (100, 2) and x[7].tolist() == [0.5, -0.25]
    url_of_all = folder.offer("a.zip", "a.zip", ("zip", {"노래": "a.flac"}))
    packed = zipfile.ZipFile(io.BytesIO(client.get(url_of_all).content))
    assert packed.namelist() == ["노래"] and packed.read("노래") == (folder.path / "a.flac").read_bytes()
    wrong = folder.offer("b.wav", "b.wav", ("wav", "missing.flac"))
    assert client.get(wrong).status_code == 404 and client.get(url).status_code == 200


def test_what_another_process_has_made_is_served_and_deleted(client, tmp_path):
    other = """
from demos import _kept
folder = _kept.folder("one")
(folder.path / "a").write_text("made elsewhere")
print(folder.offer("a", "b.txt"), _kept.folder("two").token)
"""
    environment = {**os.environ, "SITE_KEPT": str(tmp_path)}
    url, stays = subprocess.check_output([sys.executable, "-c", other], cwd=ROOT, env=environment, text=True).split()
    answer = client.get(url)
    assert answer.text == "made elsewhere" and "b.txt" in answer.headers["content-disposition"]
    _kept.forget("one")
    assert client.get(url).status_code == 404 and [kept.token for kept in _kept._folders()] == [stays]


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
    _kept.sweep(time.time() + _kept.KEEP_S + 1)
    assert old.gone
    monkeypatch.setattr(_kept, "MAX_BYTES", 100)
    first, second = _kept.folder("one"), _kept.folder("two")
    (first.path / "a").write_bytes(b"x" * 80)
    (second.path / "a").write_bytes(b"x" * 80)
    os.utime(second.path / _kept.OWNER, (first.seen + 1, first.seen + 1))
    _kept.sweep()
    assert first.gone and not second.gone


def test_uploads_of_a_killed_copy_go_within_the_hour(tmp_path):
    old, new = tmp_path / "ab" / "voice.wav", tmp_path / "cd" / "song.wav"
    for path in (old, new):
        path.parent.mkdir()
        path.write_bytes(b"x")
    os.utime(old, (0, time.time() - _kept.KEEP_S - 10))
    _kept.sweep_uploads(tmp_path)
    assert not old.exists() and new.exists()
    assert old.parent.exists(), "an upload may just be about to come into it"
    _kept.sweep_uploads(tmp_path, time.time() + _kept.KEEP_S + 10)
    assert list(tmp_path.iterdir()) == []
    _kept.sweep_uploads(tmp_path / "nowhere")


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
