"""The container, compose and systemd files: what they name is there, and what they run does what it should."""

from __future__ import annotations

import configparser
import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (INSTRUCTION, rest), continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def all_of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def copied() -> list[str]:
    """What the image gets from the repository."""
    return [source for rest in all_of("COPY") for source in rest.split()[:-1]]


def environment() -> dict[str, str]:
    return dict(one.split("=", 1) for rest in all_of("ENV") for one in shlex.split(rest))


def test_the_image_begins_with_the_python_of_the_space():
    front = yaml.safe_load((ROOT / "README.md").read_text().split("---")[1])
    (base,) = all_of("FROM")
    assert re.fullmatch(rf"python:{re.escape(front['python_version'])}-slim-\w+", base)


def test_it_installs_what_spaces_install_and_the_lock_by_its_hashes():
    runs = " && ".join(all_of("RUN"))
    (apt,) = re.findall(r"xargs -a /srv/site/(\S+) apt-get install ([^&]*)", runs)
    assert apt[0] == "packages.txt" and all(word.startswith("-") for word in apt[1].split())  # no package beside those
    assert [one.strip() for one in re.findall(r"pip install ([^&]*)", runs)] == [
        "--no-cache-dir --disable-pip-version-check --require-hashes -r /srv/site/requirements.lock"
    ]


def test_all_that_is_copied_is_there_and_not_ignored():
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    assert rules[0] == "*"
    for source in copied():
        assert (ROOT / source).exists(), source
        assert source in allowed, f"{source} is ignored"
    assert set(allowed) == set(copied())  # nothing is sent to the builder in vain
    for secret in (".git", ".venv", "runs", "tests"):
        assert not any(fnmatch(secret, rule) for rule in allowed)


def test_what_the_site_imports_is_in_the_image():
    """Every package of ours that app.py, core or demos import anywhere."""
    found = set()
    for path in [ROOT / "app.py", *(ROOT / "core").rglob("*.py"), *(ROOT / "demos").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"^\s*(?:from|import) (core|demos|benchmarks|tests|lessons)\b", text, re.M))
    assert {"core", "demos"} <= found <= set(copied())


def test_it_runs_as_a_user_who_can_write_only_where_it_must():
    names = [name for name, _ in instructions()]
    (user,) = all_of("USER")
    made = next(rest for rest in all_of("RUN") if "useradd" in rest)
    assert re.search(rf"--uid [1-9]\d+ .* {user}\b", made) and user != "root"
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :])  # nothing is made as this user
    writable = set(re.search(rf"install -d -o {user} -g {user} -m 700 (.*)", made)[1].split())
    assert set(json.loads(all_of("VOLUME")[0])) == writable
    env = environment()
    for name in ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR", "TMPDIR", "SITE_DATA"):
        assert any(Path(env[name]).is_relative_to(folder) for folder in writable), name
    assert env["SITE_HOST"] == "0.0.0.0" and all_of("EXPOSE") == [env["PORT"]]


def test_the_programs_it_starts_are_copied():
    (health,) = all_of("HEALTHCHECK")
    check, start = json.loads(health.partition("CMD ")[2]), json.loads(all_of("CMD")[0])
    assert check[:1] == ["python"] and check[1] in copied() and start[0] == "sh" and start[1] in copied()
    assert all_of("STOPSIGNAL") == ["SIGINT"]


@pytest.fixture
def answering():
    """A server that answers every question with what is in its list."""
    asked, status = [], [200]

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, *args) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server, asked, status
    server.shutdown()
    server.server_close()


def healthy(port: int) -> int:
    done = subprocess.run(
        [sys.executable, "-S", DEPLOY / "health.py"], env={"PORT": str(port), "http_proxy": "http://127.0.0.1:1"},
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    return done.returncode


def test_health_is_asked_of_a_file_that_the_site_serves(answering):
    server, asked, status = answering
    assert healthy(server.server_port) == 0
    status[0] = 503
    assert healthy(server.server_port) == 1
    server.server_close()
    assert healthy(server.server_port) == 1
    assert set(asked) == {"/site/site.css"} and (ROOT / "assets/site/site.css").stat().st_size < 50_000


def test_what_earlier_visitors_left_is_deleted_at_the_start(tmp_path):
    shutil.copytree(DEPLOY, tmp_path / "srv/deploy")
    (tmp_path / "srv/app.py").write_text("import os; print(os.listdir(os.environ['TMPDIR']), os.getcwd())")
    left = tmp_path / "tmp/site-abc"
    left.mkdir(parents=True)
    (left / "voice.wav").write_bytes(b"x")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(sys.executable)
    env = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "TMPDIR": str(tmp_path / "tmp")}
    script = ["sh", tmp_path / "srv/deploy/start.sh"]
    done = subprocess.run(script, env=env, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == f"[] {tmp_path / 'srv'}\n"
    without = subprocess.run(script, env={"PATH": env["PATH"]}, capture_output=True, timeout=30, check=False)
    assert without.returncode != 0  # and nothing is deleted anywhere


def test_compose_puts_caddy_before_the_images_own_health():
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    site, caddy = found["services"]["site"], found["services"]["caddy"]
    assert "healthcheck" not in site and caddy["depends_on"] == {"site": {"condition": "service_healthy"}}
    assert (DEPLOY / site["build"]["context"]).resolve() == ROOT
    assert site["read_only"] and site["cap_drop"] == ["ALL"] and "ports" not in site
    mounts = dict(mount.split(":")[:2] for mount in site["volumes"])
    assert set(mounts.values()) == set(json.loads(all_of("VOLUME")[0])) and set(mounts) <= set(found["volumes"])
    name = caddy["volumes"][0].split(":")[0]
    text = (DEPLOY / name).read_text()
    (port,) = all_of("EXPOSE")
    assert site["expose"] == [port] and f"site:{port}" in text and "flush_interval -1" in text
    assert text.count("{") == text.count("}")


def unit() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((DEPLOY / "site.service").read_text())
    return parser


def test_the_service_is_shut_in():
    service = unit()["Service"]
    for name, value in {"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "PrivateTmp": "yes",
                        "ProtectHome": "yes", "CapabilityBoundingSet": "", "KillSignal": "SIGINT"}.items():  # fmt: skip
        assert service[name] == value, name
    program = service["ExecStart"].split()
    assert program[0] == f"{service['WorkingDirectory']}/.venv/bin/python" and (ROOT / program[1]).exists()
    text = (DEPLOY / "site.service").read_text()
    given = dict(one.split("=", 1) for line in re.findall(r"^Environment=(.*)$", text, re.M) for one in line.split())
    assert set(given) >= set(environment()) - {"PORT"} and given["SITE_HOST"] == "127.0.0.1"


def test_systemd_understands_the_service(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    text = (DEPLOY / "site.service").read_text()
    here = text.replace("/srv/site/.venv/bin/python", sys.executable).replace("/srv/site", str(ROOT))
    path = tmp_path / "site.service"
    path.write_text(here)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 and "site.service" not in done.stderr, done.stderr  # it names lines it cannot read


def test_the_guide_names_every_file():
    text = (DEPLOY / "README.md").read_text()
    for path in DEPLOY.iterdir():
        if path.name == "__pycache__":
            continue
        assert path.name in text or path.name == "README.md", path.name
    for name in ("Dockerfile", "SITE_HOST", "PORT", "X-Forwarded", "requirements.lock"):
        assert name in text
