"""Weights to the Hub and back, against a stand-in for it that speaks the few requests huggingface_hub makes.

The stand-in takes all files within the commit. The Hub takes large ones by its own protocol (Xet), which is
huggingface_hub's matter and is not tried here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core import hub, weights
from core.errors import HubError, WeightsError

pytest.importorskip("huggingface_hub")
REPO, TOKEN = "school/audio", "hf_secret"


class StandIn(ThreadingHTTPServer):
    """A server with one repository."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.commits: list[dict[str, bytes]] = [{}]  # the files after each commit
        self.exists, self.may_write, self.cut = True, True, ""
        self.made: dict = {}  # what a repository was made with
        self.asked: list[str] = []

    def sha(self, revision: str | None) -> str | None:
        """Commits are called 000…0, 000…1; main is the last."""
        if revision in (None, "main"):
            return f"{len(self.commits) - 1:040d}"
        return revision if revision.isdigit() and int(revision) < len(self.commits) else None


class Answers(BaseHTTPRequestHandler):
    server: StandIn

    def log_message(self, *args) -> None:
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def say(self, status: int, content: bytes | dict | list = b"", **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            cut = self.server.cut and self.path.endswith(self.server.cut)
            self.wfile.write(data[: len(data) // 2] if cut else data)
            self.close_connection = True

    def do_GET(self) -> None:
        server, path = self.server, self.path.partition("?")[0]
        server.asked.append(f"{self.command} {path}")
        if not server.exists:
            self.say(404, X_Error_Code="RepoNotFound")
        elif found := re.fullmatch(f"/api/models/{REPO}(?:/revision/(.+))?", path):
            sha = server.sha(found[1])
            files = [{"rfilename": name, "size": len(data)} for name, data in server.commits[int(sha or 0)].items()]
            self.say(200, {"id": REPO, "sha": sha, "siblings": files}) if sha else self.say(
                404, X_Error_Code="RevisionNotFound"
            )
        elif found := re.fullmatch(f"/{REPO}/resolve/([0-9]+)/(.+)", path):
            data = server.commits[int(found[1])].get(found[2])
            etag = hashlib.sha256(data or b"").hexdigest()
            if data is None:
                self.say(404, X_Error_Code="EntryNotFound", X_Repo_Commit=found[1])
            else:
                self.say(200, data, ETag=f'"{etag}"', X_Repo_Commit=found[1])
        else:
            self.say(500)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        server, body = self.server, self.body()
        server.asked.append(f"POST {self.path}")
        if self.path == "/api/validate-yaml":
            self.say(200, {"errors": [], "warnings": []})
        elif self.headers.get("authorization") != f"Bearer {TOKEN}" or not server.may_write:
            self.say(403)
        elif self.path == "/api/repos/create":
            server.exists, server.made = True, json.loads(body)
            self.say(200, {"url": f"{server.address}/{REPO}"})
        elif self.path == f"/api/models/{REPO}/preupload/main":
            paths = [file["path"] for file in json.loads(body)["files"]]
            self.say(200, {"files": [{"path": p, "shouldIgnore": False, "uploadMode": "regular"} for p in paths]})
        elif self.path == f"/api/models/{REPO}/commit/main":
            server.commits.append(server.commits[-1] | committed(body))
            url = f"{server.address}/{REPO}/commit/{server.sha(None)}"
            self.say(200, {"commitUrl": url, "commitOid": server.sha(None)})
        else:
            self.say(500)


def committed(body: bytes) -> dict[str, bytes]:
    """The files of a commit: a header, then one line for each."""
    header, *values = [json.loads(line) for line in body.splitlines()]
    assert header["key"] == "header" and {value["key"] for value in values} == {"file"}
    return {one["value"]["path"]: base64.b64decode(one["value"]["content"]) for one in values}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Logged in, by the library's own place; and no waiting before the library tries again."""
    import huggingface_hub.file_download
    from huggingface_hub.utils import _http

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(huggingface_hub.file_download.time, "sleep", lambda seconds: None)


@pytest.fixture
def server():
    running = StandIn()
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def place(server):
    return hub.Place(REPO, server.address)


def made(folder, name: str, content: bytes = b"tensors", **others: bytes):
    """A folder of weights as core.weights knows it; the content need be no network for going there and back."""
    config = {
        "architecture": "WaveNet", "config": {}, "sample_rate_hz": 16000, "parameters": 7, "license": "apache-2.0",
        "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    if others:
        config["files"] = {file.replace("_", "."): hashlib.sha256(data).hexdigest() for file, data in others.items()}
    files = {
        "model.safetensors": content, "config.json": json.dumps(config).encode(), "README.md": b"# card",
        **{file.replace("_", "."): data for file, data in others.items()},
    }  # fmt: skip
    (folder / name).mkdir(parents=True)
    for file, data in files.items():
        (folder / name / file).write_bytes(data)
    return files


def held(folder) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_there_and_back_is_the_same_to_the_byte(server, place, tmp_path):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    made(mine, "wavenet-a", b"a" * 5000)
    made(mine, "unit-b", b"b", audio_ogg=b"sound", index_json=b"{}")
    (mine / "unit-b/LICENSE.txt").write_text("MIT")
    (mine / "unit-b/notes.txt").write_text("not for others")
    url = hub.push(place, folder=mine)
    assert url == f"{server.address}/{REPO}/commit/{1:040d}" and len(server.commits) == 2
    sent = {path: data for path, data in held(mine).items() if path != "unit-b/notes.txt"}
    table = server.commits[-1].pop("README.md").decode()
    assert server.commits[-1] == sent and "| [wavenet-a](wavenet-a) | WaveNet | 7 | apache-2.0 |" in table
    assert hub.pull(place, folder=theirs) == ["unit-b", "wavenet-a"]
    assert held(theirs) == sent  # and nothing else is left there
    assert hub.pull(place, folder=theirs, names=["unit-b"]) == ["unit-b"] and held(theirs) == sent


def test_shipped_weights_go_there_and_are_loaded_from_there(server, place, tmp_path):
    name = "transformer-sentence"
    hub.push(place, names=[name])
    hub.pull(place, folder=tmp_path)
    ours, theirs = weights.load(name).state_dict(), weights.load(name, folder=tmp_path).state_dict()
    assert set(ours) == set(theirs) and all(bool((ours[key] == theirs[key]).all()) for key in ours)


def test_an_earlier_revision_and_other_weights_beside(server, place, tmp_path):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    made(mine, "wavenet-a", b"first")
    hub.push(place, folder=mine)
    made(tmp_path / "later", "wavenet-a", b"second")
    hub.push(place, folder=tmp_path / "later")
    own = made(theirs, "own-weights")
    hub.pull(place, folder=theirs)
    assert (theirs / "wavenet-a/model.safetensors").read_bytes() == b"second"
    hub.pull(place._replace(revision=f"{1:040d}"), folder=theirs)
    assert (theirs / "wavenet-a/model.safetensors").read_bytes() == b"first"
    assert {file: (theirs / "own-weights" / file).read_bytes() for file in own} == own


def spoiled(server: StandIn, how: str) -> None:
    files = server.commits[-1]
    if how == "hash":
        files["wavenet-b/model.safetensors"] = b"other tensors"
    elif how == "gone":
        del files["wavenet-b/model.safetensors"]
    elif how == "large":
        files["wavenet-b/model.safetensors"] = bytes(weights.MAX_FILE_BYTES + 1)
    elif how == "config":
        files["wavenet-b/config.json"] = b"{}"
    elif how == "paths":
        config = json.loads(files["wavenet-b/config.json"])
        files["wavenet-b/config.json"] = json.dumps(config | {"files": {"../../x": "0"}}).encode()
    elif how == "cut":
        server.cut = "wavenet-b/model.safetensors"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("hash", "its SHA-256 differs"), ("gone", "has no wavenet-b/model.safetensors"), ("large", "more than 10 MB"),
        ("config", "cannot be used"), ("paths", "cannot be used"), ("cut", "broke off"),
    ],
)  # fmt: skip
def test_what_does_not_fit_changes_nothing(server, place, tmp_path, how, words):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for name in ("wavenet-a", "wavenet-b"):
        made(mine, name, name.encode())
        made(theirs, name, b"before")
    hub.push(place, folder=mine)
    before = held(theirs)
    spoiled(server, how)
    with pytest.raises(HubError, match=words):
        hub.pull(place, folder=theirs)
    assert held(theirs) == before and sorted(p.name for p in theirs.iterdir()) == ["wavenet-a", "wavenet-b"]


def test_a_folder_that_cannot_be_moved_takes_the_others_back(server, place, tmp_path, monkeypatch):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for name in ("wavenet-a", "wavenet-b"):
        made(mine, name, name.encode())
        made(theirs, name, b"before")
    hub.push(place, folder=mine)
    before, rename = held(theirs), type(theirs).rename

    def full(path, target):
        if path.parent.name == "new" and path.name == "wavenet-b":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(type(theirs), "rename", full)
    with pytest.raises(HubError, match="No space left"):
        hub.pull(place, folder=theirs)
    assert held(theirs) == before


def test_who_may_not_is_told_what_to_do(server, place, tmp_path, monkeypatch):
    made(tmp_path, "wavenet-a")
    server.may_write = False
    with pytest.raises(HubError, match="403.*hf auth login"):
        hub.push(place, folder=tmp_path)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    asked = len(server.asked)
    with pytest.raises(HubError, match="hf auth login"):
        hub.push(place, folder=tmp_path)
    assert len(server.asked) == asked and len(server.commits) == 1  # not even asked


def test_a_repository_is_made_only_when_asked_for(server, place, tmp_path):
    made(tmp_path, "wavenet-a")
    server.exists = False
    with pytest.raises(HubError, match="no repository school/audio.*--create"):
        hub.push(place, folder=tmp_path)
    with pytest.raises(HubError, match="no repository school/audio"):
        hub.pull(place, folder=tmp_path)
    assert hub.push(place, folder=tmp_path, create=True) and server.made["visibility"] == "private"


def test_revisions_and_names_that_are_not_there(server, place, tmp_path):
    made(tmp_path, "wavenet-a")
    hub.push(place, folder=tmp_path)
    with pytest.raises(HubError, match="no revision 'other'"):
        hub.pull(place._replace(revision="other"), folder=tmp_path)
    with pytest.raises(HubError, match=r"called wavenet-x \(there are: wavenet-a\)"):
        hub.pull(place, names=["wavenet-x"], folder=tmp_path)
    with pytest.raises(HubError, match="called wavenet-x"):
        hub.push(place, names=["wavenet-x"], folder=tmp_path)
    (tmp_path / "wavenet-a/model.safetensors").write_bytes(b"spoiled")
    with pytest.raises(WeightsError, match="SHA-256"):
        hub.push(place, folder=tmp_path)
    assert len(server.commits) == 2


def test_a_server_that_is_no_hub(server, place, tmp_path, monkeypatch):
    monkeypatch.setattr(Answers, "do_GET", lambda self: self.say(200, b"<html>"))
    with pytest.raises(HubError, match="does not answer as a Hub"):
        hub.pull(place, folder=tmp_path)


def test_no_network(server, place, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(HubError, match="cannot be reached"):
        hub.pull(place, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("endpoint", ["http://hub.school.example", "ftp://localhost", "school", "https://"])
def test_a_token_never_travels_in_the_clear(endpoint):
    with pytest.raises(HubError, match="https://"):
        hub.pull(hub.Place(REPO, endpoint))


@pytest.mark.parametrize("repo", ["audio", "a/b/c", "a/..//b", "", "학교/소리"])
def test_a_name_that_is_no_repository(repo):
    with pytest.raises(HubError, match="USER/NAME"):
        hub.push(hub.Place(repo))


def test_the_commands(server, tmp_path, capsys):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    made(mine, "wavenet-a")
    common = ["--repo", REPO, "--endpoint", server.address]
    hub.main(["push", *common, "--folder", str(mine)])
    assert capsys.readouterr().out.startswith(f"{server.address}/{REPO}/commit/")
    hub.main(["pull", *common, "--folder", str(theirs), "--only", "wavenet-a"])
    assert capsys.readouterr().out == "wavenet-a\n" and held(theirs) == held(mine)
    with pytest.raises(SystemExit, match="called wavenet-x"):
        hub.main(["pull", *common, "--folder", str(theirs), "--only", "wavenet-x"])
    with pytest.raises(SystemExit) as refused:
        hub.main(["push", *common, "--token", TOKEN])
    assert refused.value.code == 2  # a token is no argument: it would stay in the history of the shell
