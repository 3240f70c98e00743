"""Measure the Music Transformers on works that they have never heard, and ship training runs with what was measured.

    python -m core.transformer.measure --data PATH
    python -m core.transformer.measure --data PATH --run runs --write

Of both kinds of position: held-out bits an event over whole performances, in windows of 512 events and of 1,024, per
composer; how much the later half of a window gains from what came before it; beside the frequencies of events and of
pairs of events in the training works, which know no music; and events a second when sampling.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from core import training, weights
from core.midi.events import VOCABULARY
from core.transformer import data, sample
from core.transformer.model import MusicTransformer
from core.transformer.train import PRESETS

COMMAND = "python -m core.transformer.measure --data PATH"
Row = dict[str, Any]  # of a card, as `core.weights.save` takes it
POSITIONS = ("relative", "absolute")
SPLIT = "held-out works of ASAP"
DATA = [
    {
        "name": "ASAP 1.1, piano performances of 235 pieces, at most 5 of a piece; 16 works held out",
        "license": "CC BY-NC-SA 4.0",
        "source": "Foscarin et al. 2020, github.com/fosfrancesco/asap-dataset; most recordings are of MAESTRO",
    }
]
FAILURES = [
    "Knows the last 1,024 events, some half a minute: a theme that is to come back after that has been forgotten.",
    "Has heard competition pieces, most of them romantic: it does not swing, and in quiet, simple music it soon grows "
    "restless.",
    "Was trained on CC BY-NC-SA material: for non-commercial use only.",
]


@torch.no_grad()
def losses(model: MusicTransformer, rows: Tensor, *, batch: int = 4) -> NDArray[np.float64]:
    """Bits of every event of every window: float64 [K, N]."""
    found = []
    for part in rows.split(batch):
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(part[:, :-1])
        nats = F.cross_entropy(logits.float().transpose(1, 2), part[:, 1:], reduction="none")
        found.append((nats / math.log(2)).double().numpy())
    return np.concatenate(found)


def frequencies(pieces: list[data.Piece], rows: Tensor) -> dict[str, float]:
    """Bits an event of two models without a network: how often an event comes, and how often after the one before."""
    pairs = np.ones((VOCABULARY, VOCABULARY))  # add-one smoothing
    for piece in pieces:
        ids = data.augmented(piece.notes)
        np.add.at(pairs, (ids[:-1], ids[1:]), 1)
    single = pairs.sum(axis=0) / pairs.sum()
    after = pairs / pairs.sum(axis=1, keepdims=True)
    before, event = rows[:, :-1].numpy(), rows[:, 1:].numpy()
    return {
        "how often events come": float(-np.log2(single[event]).mean()),
        "how often they follow the one before": float(-np.log2(after[before, event]).mean()),
    }


def speed(model: MusicTransformer, events: int = 400) -> float:
    """Events a second, drawn with cached keys and values up to a full past."""
    started = time.perf_counter()
    drawn = sum(1 for _ in sample.generate(model, events=events))
    return drawn / (time.perf_counter() - started)


def row(name: str, value: float, split: str) -> Row:
    """One line of a card, printed as it is found."""
    print(f"{name:58s} {value:10.3f}   ({split})", flush=True)
    return {"name": name, "value": round(value, 3), "split": split, "command": COMMAND}


def measure(model: MusicTransformer, held_out: list[data.Piece], *, limit: int | None = None) -> list[Row]:
    """Bits per window length, over the later half of a window, and per composer."""
    found: list[Row] = []
    name = "bits an event"
    window = min(512, model.config.length)
    split = f"{SPLIT}, windows of {window}"
    groups = {
        composer: losses(model, data.windows(pieces, window=window, limit=limit))
        for composer, pieces in _by_composer(held_out, window).items()
    }
    bits = np.concatenate(list(groups.values()))
    found.append(row(name, bits.mean(), split))
    found.append(row(f"{name}, second half of the window", bits[:, window // 2 :].mean(), split))
    if model.config.length >= 1024:
        long = losses(model, data.windows(held_out, window=1024, limit=limit), batch=2)
        found.append(row(name, long.mean(), f"{SPLIT}, windows of 1024"))
    return found + [row(f"{name}, {composer}", values.mean(), split) for composer, values in groups.items()]


def _by_composer(pieces: list[data.Piece], window: int) -> dict[str, list[data.Piece]]:
    groups: dict[str, list[data.Piece]] = defaultdict(list)
    for piece in pieces:
        groups[piece.name.partition("/")[0]].append(piece)
    long = {name for name, found in groups.items() if any(2 * len(p.notes.pitch) > window + 8 for p in found)}
    return {name: groups[name] for name in sorted(long)}


def of_run(folder: Path, position: str, preset: str = "small") -> tuple[MusicTransformer, dict[str, Any]]:
    """The averaged weights of a training run, and its state."""
    model = MusicTransformer(replace(PRESETS[preset], position=position))
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), json.loads((folder / "state.json").read_text())


def ship(model: MusicTransformer, state: dict[str, Any], metrics: list[Row]) -> Path:
    """Write assets/weights/transformer-<position>."""
    position = model.config.position
    other = POSITIONS[1 - POSITIONS.index(position)]
    return weights.save(
        model, f"transformer-{position}", sample_rate_hz=0, license="cc-by-nc-sa-4.0",
        description=f"Music Transformer (arXiv:1809.04281) with {position} position, over the 388 events of a piano "
        f"performance. transformer-{other} has the same size, data, order of batches and steps.",
        training_command=training.commands(state), commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"), data=DATA,
        metrics=metrics, known_failures=FAILURES,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="ASAP, its folder or archive")
    parser.add_argument("--cache", type=Path, default=Path("runs/transformer-notes.npz"))
    parser.add_argument("--limit", type=int, help="only so many windows, spread over the corpus")
    parser.add_argument("--run", type=Path, help="folder with the runs transformer-relative and transformer-absolute")
    parser.add_argument("--write", action="store_true", help="with --run: ship both and write their cards")
    parser.add_argument("--position", choices=POSITIONS, help="only one of the two")
    options = parser.parse_args(arguments)
    pieces = data.load(options.data, held_out=False, cache=options.cache)
    held_out = data.load(options.data, held_out=True, cache=options.cache)
    plain = frequencies(pieces, data.windows(held_out, window=512))
    baselines = [row(f"bits an event of {name}", bits, f"{SPLIT}, windows of 512") for name, bits in plain.items()]
    for position in [options.position] if options.position else POSITIONS:
        print(f"transformer-{position}")
        if options.run:
            model, state = of_run(options.run / f"transformer-{position}", position)
        else:
            model, state = cast(MusicTransformer, weights.load(f"transformer-{position}")), {}
        found = [*measure(model, held_out, limit=options.limit), *baselines]
        found.append(row("events a second, sampling", speed(model), training.device_name(torch.device("cpu"))))
        if options.write and options.run:
            print(ship(model, state, found))


if __name__ == "__main__":
    main()
