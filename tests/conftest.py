"""Two lines of tests side by side (`pytest -n 2`): one drives the browser and mostly waits, the other computes.

The browser's tests take longer: some of their files come last, one by one for whichever line is free.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

try:
    from xdist.scheduler import LoadScopeScheduling
except ImportError:  # one line of tests, then
    LoadScopeScheduling = object

LAST = (
    "test_lab.py", "test_shell.py", "test_start.py", "test_musenet_composer.py", "test_musenet_gpt2.py",
    "test_transformer_attention_cells.py", "test_transformer_chorales.py", "test_transformer_music_page.py",
    "test_transformer_tokens.py",
)  # fmt: skip

NO_BROWSER = ("test_faults.py", "test_door.py", "test_cluster.py", "test_site_benchmark.py")


def line(file: str) -> str:
    """The line of a file: "browser", "browser, later", or "" for those that compute."""
    folder, name = file.replace("\\", "/").rsplit("/", 2)[-2:]
    if folder != "e2e" or name in NO_BROWSER:
        return ""
    return "browser, later" if name in LAST else "browser"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests begin first: they take longest."""
    order = ("browser", "", "browser, later")
    items.sort(key=lambda item: order.index(line(item.path.as_posix())))


class TwoLines(LoadScopeScheduling):
    """Most of the browser's tests stay together, with one site and one browser; the others go by file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "browser" if line(file) == "browser" else file


@pytest.fixture(autouse=True)
def numbers_near_zero() -> Iterator[None]:
    """A trainer lets the processor take numbers below 1e-38 as zero; the next test wants them back."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoLines:
    """Takes the place of the scheduler that --dist names."""
    return TwoLines(config, log)
