"""The set-up scripts, run in copies of the repository with stand-ins for Python, apt and the requirement files."""

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASKED_FOR = ["gradio", "torch", "torchaudio", "librosa", "matplotlib", "plotly", "pretty_midi", "numpy", "pytest"]
TOOLS = ["sh", "sed", "cat", "dirname", "uname", "id", "grep", "env", "make", "test"]  # all that the scripts call


def requirements(path):
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("-r")]


@pytest.fixture
def checkout(tmp_path):
    """A repository with the real scripts and Makefile, and requirement files that ask for nothing."""
    for name in ("scripts", ".ci"):
        shutil.copytree(ROOT / name, tmp_path / "repo" / name)
    repo = tmp_path / "repo"
    shutil.copy(ROOT / "Makefile", repo)
    (repo / "tests").mkdir()
    for name in ("requirements.txt", "tests/requirements.txt"):
        (repo / name).write_text("# nothing\n")
    return repo


@pytest.fixture
def programs(tmp_path):
    """A folder to be the only one on PATH: the tools of a bare machine, no Python, no ffmpeg."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found:
            (folder / tool).symlink_to(found)
    return folder


def program(folder, name, script):
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def run(repo, programs, *command, **variables):
    environment = {"PATH": str(programs), "HOME": str(repo), "PIP_NO_INDEX": "1", **variables}
    return subprocess.run(
        command,
        cwd=repo,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def python_stand_in(folder, name, version):
    """Answers as a Python of this version would to the two questions that setup.sh asks."""
    suitable = int(not (3, 10) <= version <= (3, 12))
    text = ".".join(map(str, version))
    return program(folder, name, f'case "$1" in --version) echo "Python {text}.0";; -c) exit {suitable};; esac')


def test_every_requirement_is_pinned_once_for_each_python():
    for path in (ROOT / f"{folder}requirements.txt" for folder in ("", "tests/", "benchmarks/", "deploy/")):
        lines = requirements(path)
        for line in lines:
            pin = r'[A-Za-z0-9_-]+(\[serve\])?==[0-9.post]+(; python_version (>=|<) "3\.11")?'
            assert re.fullmatch(pin, line), line
        assert len({line.split("==")[0] + line.partition(";")[2] for line in lines}) == len(lines)


def test_what_was_asked_for_is_required_and_installed_as_pinned():
    from importlib.metadata import version

    from packaging.requirements import Requirement

    pinned = [Requirement(line) for line in requirements(ROOT / "requirements.txt")]
    assert set(ASKED_FOR) <= {one.name for one in pinned}
    for one in pinned:
        if one.marker is None or one.marker.evaluate():
            assert version(one.name) in one.specifier, f"{one.name} {version(one.name)} is not {one.specifier}"


def test_what_the_site_imports_is_pinned():
    """All but what another pinned package brings and limits: gradio, matplotlib, librosa and, on Linux, torch."""
    from importlib.metadata import packages_distributions

    brought = {"cycler", "markdown_it", "pygments", "starlette", "cuda", "sklearn", "httpx", "huggingface_hub"}
    for_trainers = {"accelerate", "pocketsphinx", "music21"}  # tests/requirements.txt; the make target of the chorales
    for_notebooks = {"IPython"}  # which whoever runs a notebook has
    imported = set()
    for path in [ROOT / "app.py", *(ROOT / "core").rglob("*.py"), *(ROOT / "demos").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    ours = {"core", "demos", "tomli"}  # tomli: before 3.11
    imported -= sys.stdlib_module_names | ours | brought | for_trainers | for_notebooks
    names = {re.split("[=;]", line)[0].lower() for line in requirements(ROOT / "requirements.txt")}
    for module in imported:
        assert {one.lower() for one in packages_distributions()[module]} & names, f"{module} is not pinned"
    assert {"gradio", "brotli", "numpy"} <= imported


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        ({"python3": (3, 11)}, "python3"),
        ({"python3": (3, 9), "python3.10": (3, 10)}, "python3.10"),
        ({"python3": (3, 13), "python3.12": (3, 12), "python3.11": (3, 11)}, "python3.12"),
        ({"python": (3, 10)}, "python"),
    ],
)
def test_a_suitable_python_is_chosen(checkout, programs, present, chosen):
    for name, version in present.items():
        python_stand_in(programs, name, version)
    done = run(checkout, programs, "sh", "scripts/setup.sh", "python")
    assert done.stdout.strip() == str(programs / chosen)


def test_a_python_that_does_not_start_is_passed_over(checkout, programs):
    program(programs, "python3.12", "exit 127")  # as a pyenv shim of a version that is not active
    python_stand_in(programs, "python3", (3, 10))
    assert run(checkout, programs, "sh", "scripts/setup.sh", "python").stdout.strip() == str(programs / "python3")


@pytest.mark.parametrize("present", [{}, {"python3": (3, 9)}, {"python3": (3, 13)}])
def test_no_suitable_python_is_said_clearly(checkout, programs, present):
    for name, version in present.items():
        python_stand_in(programs, name, version)
    done = run(checkout, programs, "make", "run")
    assert done.returncode != 0
    for words in ("No Python 3.10, 3.11 or 3.12", "apt install", "brew install", "PYTHON="):
        assert words in done.stderr
    if present:
        assert "Python 3." in done.stderr
    assert not (checkout / ".venv").exists()


def test_python_can_be_named(checkout, programs):
    python_stand_in(programs, "python3.12", (3, 12))
    mine = python_stand_in(programs, "my-python", (3, 11))
    assert run(checkout, programs, "sh", "scripts/setup.sh", "python", PYTHON=str(mine)).stdout.strip() == str(
        mine
    )


def test_a_missing_venv_module_is_installed_by_root_or_asked_for(checkout, programs):
    body = 'case "$*" in --version) echo "Python 3.11.2";; *ensurepip*) exit 1;; *%d.%d*) echo 3.11;; *) exit 0;; esac'
    program(programs, "python3", body)
    log = checkout / "apt.log"
    program(programs, "apt-get", f'echo "$@" >> {log}; exit 1')
    program(programs, "id", "echo 0")
    done = run(checkout, programs, "sh", "scripts/setup.sh", "run")
    assert done.returncode != 0 and "install python3.11-venv" in done.stderr
    assert (
        "install -y -q --no-install-recommends python3.11-venv" in log.read_text() and "update" in log.read_text()
    )
    log.unlink()
    program(programs, "id", "echo 1000")
    done = run(checkout, programs, "sh", "scripts/setup.sh", "run")
    assert done.returncode != 0 and "sudo apt-get install python3.11-venv" in done.stderr
    assert not log.exists()  # no rights, no attempt


def test_a_second_run_installs_nothing_until_a_requirement_changes(checkout, programs):
    (programs / "python3").symlink_to(getattr(sys, "_base_executable", sys.executable))
    first = run(checkout, programs, "make", "setup")
    assert first.returncode == 0, first.stderr
    assert "Making .venv" in first.stdout and "Installing requirements.txt" in first.stdout
    second = run(checkout, programs, "make", "setup")
    assert second.returncode == 0 and "Making" not in second.stdout and "Installing" not in second.stdout
    (checkout / "requirements.txt").write_text("# still nothing\n")
    third = run(checkout, programs, "make", "setup")
    assert third.returncode == 0 and "Making" not in third.stdout and "Installing requirements.txt" in third.stdout
    (checkout / "requirements.txt").write_text("no-such-package-anywhere==1.0\n")
    for _ in range(2):  # a failed installation is not taken for a finished one
        failed = run(checkout, programs, "make", "setup")
        assert failed.returncode != 0 and "pip could not install requirements.txt" in failed.stderr


@pytest.mark.parametrize(
    ("system", "compilers", "advice"),
    [
        ("Linux", [], "apt install g++"),
        ("Linux", ["clang++"], None),
        ("Linux", ["c++"], None),
        ("Darwin", ["g++", "clang++"], "xcode-select --install"),  # what is there only asks to install the tools
        ("Darwin", ["g++", "xcode-select"], None),
    ],
)
def test_without_a_compiler_one_sentence_says_what_to_install(checkout, programs, system, compilers, advice):
    (checkout / ".venv/bin").mkdir(parents=True)
    program(checkout / ".venv/bin", "python", 'case "$1" in -) echo stamp;; esac')
    program(programs, "uname", f"echo {system}")
    program(programs, "ffmpeg", "exit 0")
    for name in compilers:
        program(programs, name, "exit 0")
    for _ in range(2):  # not only when something is installed
        done = run(checkout, programs, "make", "setup")
        assert done.returncode == 0, done.stderr
        notes = [line for line in done.stdout.splitlines() if "compiler" in line]
        assert len(notes) == (advice is not None)
        assert advice is None or (advice in notes[0] and "numba" in notes[0])


def test_the_compilers_of_the_note_are_those_of_the_engine():
    from core.wavenet.engines import compiler

    script = (ROOT / "scripts/setup.sh").read_text()
    body = script.split("has_compiler() {")[1].split("\n}")[0]
    assert all(f"has {name}" in body for name in compiler.COMPILERS) and "CXX" in body


def serving(checkout, programs, **variables):
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(sys.executable)
    (checkout / "app.py").write_text("import os; print('app on', os.environ['PORT'])\n")
    return run(checkout, programs, "sh", "scripts/serve.sh", **variables)


def test_the_address_is_printed_and_the_port_passed_on(checkout, programs):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    done = serving(checkout, programs, PORT=port)
    assert f"http://127.0.0.1:{port}" in done.stdout and f"app on {port}" in done.stdout


@pytest.mark.parametrize("port", ["abc", "-1", "70000", "7860; id", ""])
def test_a_port_that_is_none(checkout, programs, port):
    done = serving(checkout, programs, PORT=port)
    if port == "":
        assert "7860" in done.stdout + done.stderr  # unset: the default
    else:
        assert done.returncode != 0 and "PORT must be a number" in done.stderr and "app on" not in done.stdout


def test_a_port_that_is_taken(checkout, programs):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = serving(checkout, programs, PORT=str(port))
    assert done.returncode != 0 and f"PORT={port + 1}" in done.stderr


def test_training_asks_for_data(checkout, programs):
    (checkout / "scripts/setup.sh").write_text("exit 0\n")
    for name in ("vocoder", "speech"):
        done = run(checkout, programs, "make", f"train-wavenet-{name}")
        assert done.returncode != 0 and f"make train-wavenet-{name} DATA=" in done.stderr
        shown = run(checkout, programs, "make", "-n", f"train-wavenet-{name}", "DATA=/data/a b", "ARGS=--steps 5")
        assert f'-m core.wavenet.train --preset {name} --data "/data/a b" --steps 5' in shown.stdout


def test_the_checks_all_run_and_pytest_has_the_last_word(checkout, programs):
    (checkout / ".venv/bin").mkdir(parents=True)
    log = checkout / "calls.log"
    body = f'echo "$@" >> {log}; case "$*" in *ruff*) exit 1;; *pytest*) echo "== 3 passed in 1s ==";; esac'
    program(checkout / ".venv/bin", "python", body)
    (checkout / "tests/unit").mkdir()
    done = run(checkout, programs, "sh", "scripts/test.sh")
    assert done.returncode != 0  # because ruff failed
    assert done.stdout.strip().splitlines()[-1] == "== 3 passed in 1s =="
    assert "Failed before pytest: ruff" in done.stdout
    called = log.read_text()
    assert "-m ruff check ." in called and "-m mypy" in called and "-m pytest tests/unit" in called


def test_ci_calls_make_test():
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("exec make test </dev/null")
    assert os.access(ROOT / ".ci/run", os.X_OK)
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^test:\n\t@sh scripts/setup.sh test\n\t@sh scripts/test.sh$", makefile, re.M)


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_scripts_are_plain_shell(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    for script in [*(ROOT / "scripts").glob("*.sh"), ROOT / ".ci/run"]:
        subprocess.run([shell, "-n", str(script)], check=True)


def test_the_makefile_uses_nothing_newer_than_make_3_81():
    text = (ROOT / "Makefile").read_text()
    assert not re.search(r"\.ONESHELL|!=|\$\(file |&:|::=|\.SHELLFLAGS", text)


def test_the_readme_begins_with_what_a_space_needs():
    import yaml

    text = (ROOT / "README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert front["sdk"] == "gradio" and front["app_file"] == "app.py" and front["license"] == "apache-2.0"
    gradio = next(line for line in requirements(ROOT / "requirements.txt") if line.startswith("gradio=="))
    assert gradio == f"gradio=={front['sdk_version']}"
    assert str(front["python_version"]) in ("3.10", "3.12")
    for command in ("make run", "make test"):
        assert command in text


def test_the_licences_are_there():
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    notice = (ROOT / "NOTICE").read_text()
    for name in ("Kathleen", "CC0", "CMU ARCTIC", "Pretendard", "Open Font License", "plotly.js"):
        assert name in notice
    for folder in ("", "tests/", "benchmarks/", "deploy/"):
        for line in requirements(ROOT / f"{folder}requirements.txt"):
            package = re.split(r"[=;\[]", line)[0]
            assert package.lower() in notice.lower(), f"NOTICE does not name {package}"
    for config in (ROOT / "assets/weights").glob("*/config.json"):
        assert config.parent.name in notice, f"NOTICE does not name the weights {config.parent.name}"
