"""How long each cell of the tab "map" takes for ten seconds of sound, and what memory all of them hold.

    python -m benchmarks.map [--rounds 3] [--json FILE]

Three sounds of ten seconds each, made of the bundled ones: a voice, a street, a song. For each the picture of the field
answers and then every cell shows its result, in one fresh process with two threads, as the site's handlers do it. The
first sound loads the networks on the way; what that takes is printed too. Seconds are those of the clock: the best of
the rounds. Memory is what the process holds (resident), after the same clean-up as after every heavy job: first with
Gradio and PyTorch loaded, as every tab needs them, then with all cells answered; the tab's is the difference.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.wavenet import processor

TARGET_S, TARGET_MB = 2.0, 600.0
SECONDS, RATE_HZ = 10, 16_000
SOUNDS = {"voice": "sentence", "street": "street", "song": "song"}  # name -> an example of the map


def resident_mb() -> float:
    """What the process holds of the machine's memory, in MB (10^6 bytes); Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def ten_seconds(example: str, folder: Path, seed: int) -> str:
    """An example, repeated to SECONDS, with a little noise so that no two rounds hear the same sound."""
    from core import audio
    from demos._map import sound

    x = audio.load_voice(str(sound.EXAMPLES[example]), max_seconds=sound.MAX_SECONDS).numpy()
    x = np.resize(x, SECONDS * RATE_HZ) + 1e-4 * np.random.default_rng(seed).standard_normal(SECONDS * RATE_HZ)
    path = folder / f"{example}-{seed}.wav"
    soundfile.write(path, x, RATE_HZ, subtype="FLOAT")
    return str(path)


def cells() -> dict[str, Callable[[str], Any]]:
    """Name of a cell -> what it does with a sound. "field" is the whole picture at the top."""
    from demos import map as page
    from demos._map import beats, enhancement, events, field, genre, pitch, recognition
    from demos._tab import strings

    t = strings("map", "en")
    found: dict[str, Callable[[str], Any]] = {
        cell.CELL: lambda path, cell=cell: cell.show(t.cell(cell.CELL), path, 0, *cell.USUAL)
        for cell in (recognition, enhancement, events, pitch, beats, genre)
    }
    return found | {"field": lambda path: list(field.listen(t.cell(field.CELL), page.TASKS, path, 0))}


def measure(rounds: int) -> dict[str, Any]:
    """Returns "cells": cell -> sound -> best seconds; "first": cell -> seconds of the very first time; memory."""
    import gradio  # noqa: F401
    import torch

    from demos import _memory

    _memory.few_arenas()
    torch.set_num_threads(2)
    bare = resident_mb()
    first: dict[str, float] = {}
    taken: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(rounds + 1):
            for name, example in SOUNDS.items():
                path = ten_seconds(example, Path(folder), round_)
                for cell, show in cells().items():
                    began = time.perf_counter()
                    _memory.returned(show)(path)
                    seconds = time.perf_counter() - began
                    first.setdefault(cell, seconds)
                    if round_:
                        taken.setdefault(cell, {}).setdefault(name, []).append(seconds)
    best = {cell: {name: min(values) for name, values in by.items()} for cell, by in taken.items()}
    return {"cells": best, "first": first, "bare_mb": bare, "memory_mb": resident_mb()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the numbers there")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds is at least 1")
    print(f"{processor()}, load {os.getloadavg()[0]:.1f}")
    found = measure(options.rounds)
    print(f"seconds for {SECONDS} s of sound" + "".join(f"{name:>10}" for name in SOUNDS) + "   the first time")
    for cell, by in found["cells"].items():
        print(f"  {cell:<24}" + "".join(f"{by[name]:10.2f}" for name in SOUNDS) + f"{found['first'][cell]:10.2f}")
    slowest = max(max(by.values()) for by in found["cells"].values())
    print(f"slowest {slowest:.2f} s (aim {TARGET_S:g})")
    more = found["memory_mb"] - found["bare_mb"]
    print(f"memory: {found['bare_mb']:.0f} MB with Gradio and PyTorch, {found['memory_mb']:.0f} MB with all cells "
          f"answered; the tab's: {more:.0f} MB (aim {TARGET_MB:g})")
    if options.json:
        options.json.write_text(json.dumps(found | {"load": os.getloadavg()[0]}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
