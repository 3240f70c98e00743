"""The table of faults in SECURITY.md names tests that exist; and what a machine lacks is told apart from mistakes."""

from __future__ import annotations

import ast
import errno
import re

import pytest

from demos import _jobs
from demos._tab import ROOT


def test_every_fault_of_the_table_has_its_test() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    there = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    named = [name for row in rows[1:] for name in re.findall(r"`([a-z0-9_]+)`", row[2])]
    assert len(rows) > 15 and len(named) > 30
    assert [name for name in named if not any(one.startswith(f"test_{name}") or name in one for one in there)] == []


def test_memory_and_disk_that_have_run_out_are_told_apart_from_mistakes(monkeypatch) -> None:
    import gradio as gr
    import torch

    from demos._tab import strings

    t = strings("_site", "ko")
    told: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: told.append(text))

    def fails(error) -> str:
        told.clear()

        def handler():
            raise error

        assert _jobs.readable(t, handler, 1)() == gr.skip()
        return told[0]

    with pytest.raises(RuntimeError) as of_torch:
        torch.empty(1 << 55)
    with pytest.raises(MemoryError) as of_python:
        bytearray(1 << 62)
    of_gpu, of_system = torch.OutOfMemoryError("CUDA out of memory"), OSError(errno.ENOMEM, "mmap")
    for error in (of_torch.value, of_python.value, of_gpu, of_system):
        assert fails(error) == t("error.memory"), error
    for code in (errno.ENOSPC, errno.EFBIG, errno.EROFS):
        assert fails(OSError(code, "write")) == t("error.disk")
    for error in (RuntimeError("shapes"), OSError(errno.ENOENT, "open"), ZeroDivisionError()):
        assert fails(error) == t("error.unexpected")
