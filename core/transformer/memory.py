"""How much memory relative position takes, both ways, measured: python -m core.transformer.memory --write

Runs `relative_direct` and `relative` for growing L, each in a process of its own, and asks the kernel how far the
process grew. Beside it stands the formula: what each form lays out besides its result, in numbers of four bytes. The
table goes to assets/tables/attention-memory.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from core.transformer import attention

TABLE = Path(__file__).resolve().parents[2] / "assets/tables/attention-memory.json"
FORMS: dict[str, Callable] = {"direct": attention.relative_direct, "skew": attention.relative}
LENGTHS = (64, 128, 256, 512, 650, 1024, 2048, 4096)
HEADS, WIDTH = 8, 512  # of a layer: D = 64 a head
MOST_BYTES = 3_000_000_000  # what would take more by the formula is not run
BYTES = 4  # float32


class Needed(NamedTuple):
    """What a form needs by the formula, in bytes."""

    embeddings: int  # R, of L^2 D numbers, or E_r, of L D
    logits: int  # S_rel, of H L^2

    @property
    def laid_out(self) -> int:
        """All of it while it runs: S_rel is there twice, before and after the mask or the padding."""
        return self.embeddings + 2 * self.logits


def formula(form: str, length: int, *, heads: int = HEADS, width: int = WIDTH) -> Needed:
    """What a form lays out in float32.

    Source: Huang et al. 2018, table 1 (arXiv:1809.04281).

    Args:
        form: "direct" or "skew".  length: L.  heads: H.  width: D, all heads together.
    """
    embeddings = length * length * width if form == "direct" else length * width
    return Needed(BYTES * embeddings, BYTES * heads * length * length)


def measured_bytes(form: str, length: int, *, heads: int = HEADS, width: int = WIDTH) -> int:
    """How far this process grows when the form runs once, its result included.

    Meant for a fresh process: what was used before and given back would not be seen again.

    Args:
        form, length, heads, width: as for `formula`.
    Returns:
        growth of the peak resident size, in bytes.
    """
    torch.set_num_threads(1)
    with torch.inference_mode():
        FORMS[form](torch.zeros(1, heads, 4, width // heads), torch.zeros(heads, 4, width // heads))  # loads code
        q, embeddings = torch.ones(1, heads, length, width // heads), torch.ones(heads, length, width // heads)
        before = _peak_bytes()
        FORMS[form](q, embeddings)
    return _peak_bytes() - before


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kilobytes


def in_a_process(form: str, length: int) -> int:
    """`measured_bytes` in a fresh process."""
    command = [sys.executable, "-m", "core.transformer.memory", "--one", form, str(length)]
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "0"}
    run = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, cwd=TABLE.parents[2]
    )
    return int(run.stdout)


def table() -> dict:
    """All lengths and both forms: measured and by the formula; None where a form was not run."""
    rows = []
    for length in LENGTHS:
        row: dict = {"length": length}
        for form in FORMS:
            wanted = formula(form, length).laid_out
            row[form] = {
                "formula": wanted,
                "measured": in_a_process(form, length) if wanted < MOST_BYTES else None,
            }
        rows.append(row)
        print(line(row), flush=True)
    return {
        "command": "python -m core.transformer.memory --write", "machine": machine(), "heads": HEADS, "width": WIDTH,
        "torch": torch.__version__, "rows": rows,
    }  # fmt: skip


def line(row: dict) -> str:
    """A row as text, in MB."""
    parts = [f"L = {row['length']:5d}"]
    for form in FORMS:
        measured = row[form]["measured"]
        said = "             not run" if measured is None else f"{measured / 1e6:8.1f} MB measured"
        parts.append(f"{form}: {said}, {row[form]['formula'] / 1e6:8.1f} MB by the formula")
    return "   ".join(parts)


def machine() -> str:
    """The kind of processor, as the kernel names it."""
    info = Path("/proc/cpuinfo")
    names = (
        [text for text in info.read_text().splitlines() if text.startswith("model name")] if info.exists() else []
    )
    return names[0].split(":")[1].strip() if names else platform.processor() or platform.machine()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=2, metavar=("FORM", "L"), help="measure one form at one length, in bytes")
    parser.add_argument("--write", action="store_true", help="store the table")
    options = parser.parse_args(arguments)
    if options.one:
        print(measured_bytes(options.one[0], int(options.one[1])))
        return
    found = table()
    if options.write:
        TABLE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"written: {TABLE.name}")


if __name__ == "__main__":
    main()
