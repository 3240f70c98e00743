"""Speed and memory of taking songs apart: our networks, open-unmix and Demucs in one run, as ratios.

    python -m benchmarks.separation [--seconds 20] [--rounds 3] [--json FILE] [--without-peers]

The methods take turns, and the best round of each counts, so that a busy moment hits nobody alone. Random weights do:
the time does not depend on them. Open-unmix (umxhq) separates four targets and filters once (niter 1, its default);
Demucs is the hybrid transformer (HTDemucs, its default settings, overlap 0.25, no shifts). Memory: a process of its own
reads a stereo song of ten minutes from a file and writes its stems.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.wavenet import peak_mb, processor
from core.separation.model import PRESETS, MMDenseLSTM
from core.separation.sample import stream

ROOT = Path(__file__).resolve().parent.parent
RATE_HZ = 44_100
THREADS = 2
OURS = ("vocals", "4stems")
TARGETS = {"vocals": 4.0, "4stems": 2.0}  # times real time
MEMORY_TARGET_MB = 1500
FIRST_TARGET_S = 10.0
SONG_S = 600.0


def network(preset: str) -> MMDenseLSTM:
    torch.manual_seed(0)
    return MMDenseLSTM(PRESETS[preset]).eval()


def ours(preset: str, *, wiener: bool = False) -> Callable[[torch.Tensor], Any]:
    model = network(preset)

    def run(x: torch.Tensor) -> None:
        for _ in stream(x, RATE_HZ, network=model, wiener=wiener):
            pass

    return run


def open_unmix() -> Callable[[torch.Tensor], Any]:
    import openunmix

    model = openunmix.umxhq(pretrained=False).eval()
    return lambda x: model(x[None])


def demucs() -> Callable[[torch.Tensor], Any]:
    from demucs.apply import apply_model
    from demucs.htdemucs import HTDemucs

    model = HTDemucs(["drums", "bass", "other", "vocals"]).eval()
    return lambda x: apply_model(model, x[None], shifts=0)


def noise(seconds: float) -> torch.Tensor:
    return 0.1 * torch.randn(2, round(seconds * RATE_HZ), generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def timed(methods: dict[str, Callable[[torch.Tensor], Any]], seconds: float, rounds: int) -> dict[str, float]:
    """Times real time of each method, in its best round."""
    x, best = noise(seconds), dict.fromkeys(methods, float("inf"))
    for _ in range(rounds):
        for name, method in methods.items():
            started = time.perf_counter()
            method(x)
            best[name] = min(best[name], time.perf_counter() - started)
    return {name: seconds / took for name, took in best.items()}


def first_stems_s(preset: str, seconds: float = SONG_S) -> float:
    """Seconds from a loaded song to the first piece of its stems."""
    x = noise(seconds)
    model = network(preset)
    started = time.perf_counter()
    next(stream(x, RATE_HZ, network=model))
    return time.perf_counter() - started


def memory_mb(preset: str, seconds: float = SONG_S) -> float:
    """Peak memory of a process that reads a song and writes its stems."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.flac"
        with soundfile.SoundFile(path, "w", RATE_HZ, 2, "PCM_16", format="FLAC") as sound:
            block = noise(10.0).T.numpy()
            for _ in range(round(seconds / 10)):
                sound.write(block)
        command = [sys.executable, "-m", "benchmarks.separation", "--child", preset, str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=dict(os.environ))
        return float(done.stdout.split()[-1])


def child(preset: str, path: Path) -> None:
    from core.separation import files, song

    torch.set_num_threads(THREADS)
    loaded, model = song.load(path), network(preset)
    out = files.StemFiles(
        path.parent, model.config.sources, channels=loaded.x.shape[0], sample_rate_hz=loaded.sample_rate_hz
    )  # fmt: skip
    for parts in stream(loaded.x, loaded.sample_rate_hz, network=model):
        out.add(parts)
    out.close()
    print(peak_mb())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of stereo that every method takes apart")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--json", type=Path, help="where to store what was measured")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    torch.set_num_threads(THREADS)
    warnings.simplefilter("ignore")
    methods = {name: ours(name) for name in OURS} | {"4stems, Wiener": ours("4stems", wiener=True)}
    peers = {} if options.without_peers else {"open-unmix": open_unmix(), "demucs": demucs()}
    speeds = timed(methods | peers, options.seconds, options.rounds)
    print(f"{processor()}, {THREADS} threads, {options.seconds:.0f} s of stereo")
    for name, speed in speeds.items():
        ratios = ", ".join(f"{speed / speeds[peer]:.1f}x {peer}" for peer in peers if peer != name)
        print(f"{name:18} {speed:7.1f} times real time   {ratios}")
    found: dict[str, Any] = {"threads": THREADS, "seconds": options.seconds, "times_real_time": speeds}
    for name in OURS:
        first, memory = first_stems_s(name), memory_mb(name)
        found[name] = {"first_stems_s": first, "memory_mb": memory}
        print(f"{name:18} first stems of {SONG_S:.0f} s after {first:.1f} s; {memory:.0f} MB for the whole song")
        missed = [
            what for what, fine in (
                (f"{TARGETS[name]:.0f} times real time", speeds[name] >= TARGETS[name]),
                ("faster than both peers", all(speeds[name] > speeds[peer] for peer in peers)),
                (f"first stems within {FIRST_TARGET_S:.0f} s", first <= FIRST_TARGET_S),
                (f"{MEMORY_TARGET_MB} MB", memory <= MEMORY_TARGET_MB),
            ) if not fine
        ]  # fmt: skip
        print(f"{name:18} {'missed: ' + ', '.join(missed) if missed else 'all targets met'}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
