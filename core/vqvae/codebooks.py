"""How a codebook comes to life or dies: five short trainings from one seed, looked at on the way.

    python -m core.vqvae.codebooks --data PATH --voices PATH          # writes assets/tables/vqvae-codebooks.npz

"loss": codes learn by gradient descent; "ema": codes are moving averages; "restart": the same, and codes that nobody
used for 50 batches begin anew; "argmax": an argmax autoencoder, which has no codebook; "rank": the same, channels
compared by rank. Each snapshot counts how often every code is used on held-out sentences, and shows codes and encoder
outputs in the plane in which the encoder's outputs at the end spread most.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from core import training
from core.errors import DataError
from core.speech_metrics import mel_distance_db
from core.vqvae import data
from core.vqvae.data import Batch, Utterance
from core.vqvae.model import PRESETS, VQVAE, VQVAEConfig
from core.vqvae.quantiser import VectorQuantiser
from core.vqvae.train import optimizer_for, reader, spectral_step

PATH = Path(__file__).resolve().parents[2] / "assets/tables/vqvae-codebooks.npz"
STEPS = (0, 10, 25, 50, 100, 200, 300, 400, 600, 800, 1000, 1200)
POINTS = 400  # encoder outputs that are shown
RUNS = {
    "loss": {"update": "loss", "restart": False},
    "ema": {"update": "ema", "restart": False},
    "restart": {"update": "ema", "restart": True},
    "argmax": {"quantiser": "argmax", "commitment": 0.02},
    "rank": {"quantiser": "argmax", "commitment": 0.02, "rank": True},
}


@dataclass(frozen=True)
class Snapshots:
    """What the table holds of one run, S moments of it.

    steps: int [S].  counts: int [S, K], how often each code was used on the held-out sentences.
    error_db: float [S], held-out distance of the frames.  outputs: float [S, POINTS, 2], encoder outputs in the plane;
    codes: float [S, K, 2], the codebook there. Both are empty for "argmax" and "rank", which have no codebook.
    """

    steps: np.ndarray
    counts: np.ndarray
    error_db: np.ndarray
    outputs: np.ndarray
    codes: np.ndarray

    @property
    def perplexity(self) -> np.ndarray:
        """exp of the entropy of the counts: float [S]."""
        share = self.counts / self.counts.sum(axis=1, keepdims=True)
        return np.exp(-(share * np.log(np.maximum(share, 1e-12))).sum(axis=1))

    @property
    def dead(self) -> np.ndarray:
        """How many codes nobody used: int [S]."""
        return (self.counts == 0).sum(axis=1)


@functools.lru_cache(maxsize=1)
def load(path: Path = PATH) -> dict[str, Snapshots]:
    """The stored snapshots by the name of their run. Loads no model.

    Raises:
        DataError: the table is missing or damaged.
    """
    fields = Snapshots.__dataclass_fields__
    try:
        with np.load(path) as table:
            return {name: Snapshots(**{key: table[f"{name}.{key}"] for key in fields}) for name in RUNS}
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{path.name} is missing or damaged: restore it with `git checkout -- assets/tables/{path.name}`."
        ) from error


@dataclass
class Watch:
    """Looks at a model from time to time."""

    model: VQVAE
    held_out: Sequence[Utterance]
    counts: list[np.ndarray] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    books: list[Tensor] = field(default_factory=list)

    @torch.no_grad()
    def look(self) -> None:
        """One snapshot."""
        model = self.model
        used, errors, outputs = [], [], []
        for one in self.held_out:
            codes = model.encode(one.mel[None])
            said = model.frames(codes, one.speaker)[0, :, : one.mel.shape[1]]
            errors.append(mel_distance_db(one.mel, said))
            used.append(codes[0])
            if model.config.quantiser == "vq":
                outputs.append(model.encoder(model.centred(one.mel[None]))[0])
        self.counts.append(torch.bincount(torch.cat(used), minlength=model.config.codes).numpy())
        self.errors.append(float(np.mean(errors)))
        if outputs:
            every = torch.cat(outputs)
            self.outputs.append(every[:: max(1, len(every) // POINTS)][:POINTS].clone())
            self.books.append(cast(VectorQuantiser, model.quantiser).codebook.detach().clone())
        print(f"  dead {int((self.counts[-1] == 0).sum())}, {self.errors[-1]:.2f} dB", flush=True)

    def table(self, steps: Sequence[int]) -> dict[str, np.ndarray]:
        """The fields of `Snapshots`, small."""
        flat = np.zeros((len(steps), 0, 2), np.float16)
        found: dict[str, np.ndarray] = {
            "steps": np.array(steps, np.int32), "counts": np.stack(self.counts).astype(np.uint16),
            "error_db": np.array(self.errors, np.float32), "outputs": flat, "codes": flat,
        }  # fmt: skip
        if self.outputs:
            last = self.outputs[-1] - self.outputs[-1].mean(dim=0)
            plane = torch.linalg.svd(last, full_matrices=False).Vh[:2].T  # [D, 2]
            middle = self.outputs[-1].mean(dim=0)
            for name, moments in (("outputs", self.outputs), ("codes", self.books)):
                found[name] = torch.stack([(one - middle) @ plane for one in moments]).numpy().astype(np.float16)
        return found


def watched(stream: Iterable[Batch], steps: Sequence[int], look: Callable[[], None]) -> Iterator[Batch]:
    """The batches; before that of step n, if n is among the steps, a look."""
    for step, batch in enumerate(stream):
        if step in steps:
            look()
        yield batch


def watch(config: VQVAEConfig, train: Sequence[Utterance], held: Sequence[Utterance], folder: Path,
          steps: Sequence[int] = STEPS, seed: int = 0) -> dict[str, np.ndarray]:  # fmt: skip
    """One run, from scratch: the fields of its `Snapshots`."""
    torch.manual_seed(seed)
    model = VQVAE(config).train()
    watcher = Watch(model, held)
    stream = watched(data.batches(train, batch=16, frames=128, seed=seed), steps, watcher.look)
    training.fit(
        model, stream, functools.partial(spectral_step, reader=reader()), folder=folder,
        schedule=training.Schedule(steps=steps[-1] + 1, decay=0.6, save_every=10**9, log_every=500), seed=seed,
        optimizer=optimizer_for(model, 2e-3),
    )  # fmt: skip
    return watcher.table(steps)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="corpus of the first speaker")
    parser.add_argument("--voices", type=Path, help="the other speakers")
    parser.add_argument("--run", type=Path, default=Path("runs/vqvae-codebooks"))
    parser.add_argument("--out", type=Path, default=PATH)
    parser.add_argument("--limit", type=int, help="only so many recordings a voice")
    parser.add_argument("--last", type=int, default=STEPS[-1], help="steps of each run")
    parser.add_argument(
        "--only", nargs="+", choices=list(RUNS), default=list(RUNS), help="keep the table's others"
    )
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(arguments)
    training.prepare_cpu()
    if options.threads:
        torch.set_num_threads(options.threads)
    train = data.load(options.data, options.voices, limit=options.limit)
    held = data.load(options.data, options.voices, held_out=True, limit=20)
    steps = [step for step in STEPS if step < options.last] + [options.last]
    for name in options.only:
        print(name, flush=True)
        config = replace(PRESETS["small"], **RUNS[name])  # type: ignore[arg-type]
        keep(options.out, name, watch(config, train, held, options.run / name, steps))
    print(f"{options.out}, {options.out.stat().st_size / 1e3:.0f} kB")


def keep(path: Path, name: str, run: dict[str, np.ndarray]) -> None:
    """Put one run into the table, in place of an earlier one of that name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, np.ndarray] = {}
    if path.exists():
        with np.load(path) as before:
            found |= dict(before)
    found |= {f"{name}.{key}": value for key, value in run.items()}
    np.savez_compressed(path, **found)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
