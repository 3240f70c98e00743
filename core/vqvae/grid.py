"""Nine small autoencoders, first phase only: codebooks of 32, 128 and 512 at 80, 40 and 20 codes a second.

    python -m core.vqvae.grid --data PATH --voices PATH --steps 3000

Each leaves a run, runs/vqvae-K-R; one that is already there is left alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from core import training
from core.vqvae import data, train
from core.vqvae.model import VQVAE

CODES = (32, 128, 512)
FRAMES_PER_CODE = (1, 2, 4)


def names() -> list[str]:
    """The names of the nine, as of their weights: vqvae-32-80 has 32 codes, 80 a second."""
    return [f"vqvae-{codes}-{80 // frames}" for frames in FRAMES_PER_CODE for codes in CODES]


def command(name: str, options: argparse.Namespace) -> list[str]:
    """The arguments of core.vqvae.train that train one of them."""
    _, codes, rate = name.split("-")
    voices = ["--voices", str(options.voices)] if options.voices else []
    threads = ["--threads", str(options.threads)] if options.threads else []
    return [
        "--preset", "small", "--codes", codes, "--frames-per-code", str(80 // int(rate)), "--data",
        str(options.data), *voices, "--run", str(options.runs / name), "--steps", str(options.steps), *threads,
    ]  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="corpus of the first speaker")
    parser.add_argument("--voices", type=Path, help="the other speakers")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--limit", type=int, help="only so many recordings a voice")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", nargs="+", choices=names(), default=names())
    options = parser.parse_args(arguments)
    training.prepare_cpu()
    recordings = data.load(options.data, options.voices, limit=options.limit)
    held = data.load(options.data, options.voices, held_out=True, limit=12)
    for name in options.only:
        if training.Checkpoint(options.runs / name).steps() >= options.steps:
            continue
        print(name, flush=True)
        one = train.parse(command(name, options))
        training.opening(one)
        train.spectral(one, VQVAE(train.config_for(one)), recordings, held)


if __name__ == "__main__":
    main()
