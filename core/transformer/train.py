"""Train the Music Transformer: python -m core.transformer.train --position relative --data PATH --steps 2000

PATH is ASAP (folder or archive), MAESTRO, or a folder of piano performances as MIDI. Continues the run in --run; else
begins from the shipped weights of --resume, if given; else anew. `--position absolute` with all else alike trains the
network that the relative one is compared with. Ctrl-C ends a run in good order.
"""

from __future__ import annotations

import argparse
import functools
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core import training, weights
from core.muon import MuonAdam, muon_for
from core.transformer import data
from core.transformer.model import MusicTransformer, MusicTransformerConfig

PRESETS = {
    "small": MusicTransformerConfig(width=192, layers=5, heads=4, hidden=768, length=1024, dropout=0.0),
    # For a GPU, of the order of the paper's; not trained here.
    "large": MusicTransformerConfig(width=512, layers=8, heads=8, hidden=2048, length=2048, dropout=0.1),
    "tiny": MusicTransformerConfig(width=32, layers=2, heads=2, hidden=64, length=128, dropout=0.0),  # for tests
}


def loss_of(model: nn.Module, ids: Tensor, *, half: bool = True) -> Tensor:
    """Mean negative log-likelihood in nats an event.

    Args:
        ids: int64 [B, N + 1].  half: matrix products in bfloat16.
    """
    ids = ids.to(next(model.parameters()).device)
    with torch.autocast(ids.device.type, torch.bfloat16, enabled=half):
        logits = model(ids[:, :-1])  # [B, N, V]
    return F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())


def step_loss(model: nn.Module, ids: Tensor) -> float:
    """Loss and gradients of one batch."""
    loss = loss_of(model, ids)
    loss.backward()
    return loss.item()


@torch.no_grad()
def evaluate(model: nn.Module, rows: Tensor, *, batch: int = 8) -> dict[str, float]:
    """Held-out bits an event."""
    total = sum(float(loss_of(model, part)) * len(part) for part in rows.split(batch))
    return {"held_out_bits": total / len(rows) / torch.log(torch.tensor(2.0)).item()}


def optimizer_for(model: MusicTransformer, rate: float) -> MuonAdam:
    """Muon for the matrices of the layers; Adam for embeddings, norms, biases and E_r."""
    return muon_for(model, inner=("layers.",), lr=rate, dtype=torch.bfloat16)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--position", choices=("relative", "absolute"), default="relative")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--data", type=Path, required=True, help="ASAP, MAESTRO, or a folder of MIDI performances")
    parser.add_argument("--cache", type=Path, default=Path("runs/transformer-notes.npz"), help="notes, once read")
    parser.add_argument("--run", type=Path, help="folder of checkpoints, runs/transformer-<position>")
    training.run_options(parser)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--window", type=int, default=512, help="events a window predicts")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.6, help="last share of the run in which the rate falls")
    parser.add_argument("--evaluate-every", type=int, default=500)
    options = parser.parse_args(arguments)
    options.run = options.run or Path(f"runs/transformer-{options.position}")
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.opening(options)
    config = replace(PRESETS[options.preset], position=options.position)
    model = weights.load(options.resume) if options.resume else MusicTransformer(config)
    if model.config.position != options.position:
        raise SystemExit(f"{options.resume} has {model.config.position} position: give --position.")
    if options.window > model.config.length:
        raise SystemExit(f"--window is at most {model.config.length}, what the model reaches.")
    model = model.to(training.device_for(options.device)).train()
    pieces = data.load(options.data, held_out=False, cache=options.cache)
    held_out = data.windows(
        data.load(options.data, held_out=True, cache=options.cache), window=options.window, limit=64
    )
    size = sum(p.numel() for p in model.parameters())
    count = sum(len(piece.notes.pitch) for piece in pieces)
    print(f"{len(pieces)} performances, {count:,} notes; {size:,} parameters", flush=True)
    steps = training.Checkpoint(options.run).steps()
    training.fit(
        model, data.batches(pieces, batch=options.batch, window=options.window, seed=options.seed + steps),
        step_loss, folder=options.run,
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
            evaluate_every=options.evaluate_every, ema=0.998,
        ),
        evaluate=functools.partial(evaluate, rows=held_out), seed=options.seed,
        optimizer=optimizer_for(model, options.learning_rate),
        command=training.command_line("core.transformer.train", options),
        begun=training.begun_from(weights.card(options.resume)) if options.resume else None,
    )  # fmt: skip


if __name__ == "__main__":
    main()
