"""requirements.lock: every pin of requirements.txt in its version, every file by its hash, and no machine's index."""

import ast
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.10", "3.11", "3.12")


def locked() -> list[tuple[Requirement, list[str]]]:
    """The requirements of the lock, each with its hashes."""
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(Requirement(line.split(" --hash")[0]), re.findall(r"--hash=(\S+)", line)) for line in lines]


def installed(requirements: list[Requirement], python: str) -> dict[str, Version]:
    """What is installed on Linux with this Python."""
    here = {
        "python_version": python, "python_full_version": f"{python}.12", "sys_platform": "linux", "extra": "",
        "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64",
        "implementation_name": "cpython", "platform_python_implementation": "CPython",
    }  # fmt: skip
    found: dict[str, Version] = {}
    for one in requirements:
        if one.marker is None or one.marker.evaluate(here):
            (pin,) = one.specifier
            assert pin.operator == "==" and canonicalize_name(one.name) not in found, one
            found[canonicalize_name(one.name)] = Version(pin.version)
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_every_pin_is_locked_in_its_version(python):
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    asked = installed([Requirement(line) for line in lines if line], python)
    lock = installed([one for one, _ in locked()], python)
    wrong = {name: (str(version), str(lock.get(name))) for name, version in asked.items() if lock.get(name) != version}
    assert not wrong, f"run `make lock`: {wrong}"
    assert len(lock) > len(asked) + 50 and {"starlette", "huggingface-hub", "nvidia-cudnn-cu13"} <= set(lock)


def test_every_file_is_known_by_its_hash():
    for one, hashes in locked():
        assert hashes and all(re.fullmatch("sha256:[0-9a-f]{64}", text) for text in hashes), one


def test_it_names_no_place():
    text = (ROOT / "requirements.lock").read_text()
    assert "make lock" in text and not re.search(r"https?:|file:|--(extra-)?index-url|--find-links|/opt/|/home/", text)


def test_make_renews_it():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^lock: setup$", makefile, re.M) and re.search(r"^audit: setup$", makefile, re.M)
    for option in ("--universal", "--generate-hashes", "--no-emit-index-url", "--strict --disable-pip"):
        assert option in makefile


def test_every_file_is_python_3_10_and_all_that_it_imports_is_locked():
    """The oldest Python that the site promises; and what requirements.txt does not name, another package brings."""
    from importlib.metadata import packages_distributions

    optional = {  # done without, if need be
        "accelerate", "pocketsphinx", "music21", "pesq", "pystoi", "spaces", "tomli", "IPython",
    }  # fmt: skip
    imported = set()
    for path in [ROOT / "app.py", *(ROOT / "core").rglob("*.py"), *(ROOT / "demos").rglob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"), path, feature_version=(3, 10))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    lock = set(installed([one for one, _ in locked()], "3.12"))
    of = packages_distributions()
    unknown = {
        module for module in imported - sys.stdlib_module_names - optional - {"core", "demos"}
        if not {canonicalize_name(name) for name in of.get(module, [module])} & lock
    }  # fmt: skip
    assert not unknown and {"gradio", "starlette", "huggingface_hub"} <= imported
    with pytest.raises(SyntaxError):
        ast.parse("try:\n    pass\nexcept* ValueError:\n    pass", feature_version=(3, 10))
