"""Train the Music Transformer on chorales.

    python -m core.transformer.chorales_corpus --out runs/chorales.json
    python -m core.transformer.chorales_train --data runs/chorales.json --position relative --steps 2000
    python -m core.transformer.chorales_train --data runs/chorales.json --position absolute --steps 2000

--data is also Jsb16thSeparated.json of the public JSB-Chorales-dataset. Continues the run in --run; else begins from
the shipped weights of --resume, if given; else anew. Ctrl-C ends a run in good order.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core import training, weights
from core.muon import MuonAdam, muon_for
from core.transformer import chorales
from core.transformer.model import MusicTransformer, MusicTransformerConfig

POSITIONS = ("relative", "absolute")
SMALL = MusicTransformerConfig(
    vocabulary=chorales.VOCABULARY, width=128, layers=3, heads=4, hidden=512, length=1024, dropout=0.1
)
TINY = replace(SMALL, width=16, layers=1, heads=2, hidden=32, length=64)
PRESETS = {"small": SMALL, "tiny": TINY}


def step_loss(model: MusicTransformer, batch: tuple[Tensor, Tensor]) -> float:
    """Mean cross-entropy (nats) of a batch's targets, and its gradients."""
    device = next(model.parameters()).device
    inputs, targets = (one.to(device) for one in batch)
    with torch.autocast(device.type, torch.bfloat16):
        logits = model(inputs)
    loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=chorales.IGNORED)
    loss.backward()
    return loss.item()


@torch.no_grad()
def nll_of(model: MusicTransformer, steps: chorales.NDArray) -> Tensor:
    """What each token of a chorale costs, -log p in nats: float32 [T, 4]."""
    device, found = next(model.parameters()).device, []
    for inputs, targets in chorales.windows(steps, length=model.config.length):
        logits = model(torch.from_numpy(inputs)[None].to(device))[0].float().cpu()
        costs = F.cross_entropy(logits, torch.from_numpy(targets), reduction="none", ignore_index=chorales.IGNORED)
        found.append(costs[torch.from_numpy(targets != chorales.IGNORED)])
    return torch.cat(found).reshape(-1, len(chorales.VOICES))


def evaluate(model: MusicTransformer, held_out: Sequence[chorales.Chorale]) -> dict[str, float]:
    """Mean over all tokens of all chorales, in nats."""
    return {"held_out_nll": float(torch.cat([nll_of(model, one.steps) for one in held_out]).mean())}


def optimizer_for(model: nn.Module, rate: float) -> MuonAdam:
    """Muon on the matrices of the layers, Adam on embeddings, E_r, norms and biases."""
    return muon_for(model, inner=("layers.",), lr=rate)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--position", choices=POSITIONS, default="relative")
    parser.add_argument("--data", type=Path, required=True, help="the corpus, or Jsb16thSeparated.json")
    parser.add_argument("--run", type=Path, help="folder of checkpoints (default: runs/transformer-chorales-POSITION)")
    training.run_options(parser)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=SMALL.dropout)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.6, help="last share of the run in which the rate falls")
    parser.add_argument("--evaluate-every", type=int, default=500)
    return parser.parse_args(arguments)


def config_for(options: argparse.Namespace) -> MusicTransformerConfig:
    """The preset with the position and the dropout of the command line."""
    return replace(PRESETS[options.preset], position=options.position, dropout=options.dropout)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.opening(options)
    folder = options.run or Path("runs") / f"transformer-chorales-{options.position}"
    model = cast(MusicTransformer, weights.load(options.resume) if options.resume else MusicTransformer(
        config_for(options)
    ))  # fmt: skip
    if model.config.position != options.position:
        raise SystemExit(f"{options.resume} has {model.config.position} position: give --position to match.")
    model = model.to(training.device_for(options.device)).train()
    corpus = chorales.read(options.data)
    learned = corpus["train"]
    size, tokens = sum(p.numel() for p in model.parameters()), sum(one.steps.size for one in learned)
    print(f"{len(learned)} chorales, {tokens:,} tokens; {size:,} parameters", flush=True)
    begun = training.begun_from(weights.card(options.resume)) if options.resume else None
    done = training.Checkpoint(folder).steps() or (begun["step"] if begun else 0)
    training.fit(
        model, chorales.batches(learned, batch=options.batch, length=model.config.length, seed=options.seed + done),
        step_loss, folder=folder,
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
            evaluate_every=options.evaluate_every, ema=0.995,
        ),
        evaluate=lambda network: evaluate(network, corpus["valid"]), seed=options.seed, begun=begun,
        optimizer=optimizer_for(model, options.learning_rate),
        command=training.command_line("core.transformer.chorales_train", options),
    )  # fmt: skip


if __name__ == "__main__":
    main()
