"""Train a MelNet, tier by tier: python -m core.melnet.train --preset speech --data PATH --minutes 60

The tiers do not need each other to learn: each has a run of its own, RUN/tier-1 and so on, and its share of the
minutes. `--tier 3` trains that one alone. A run that is there goes on. Ctrl-C ends the tier at work in good order.
`python -m core.melnet.measure --run RUN --write` puts them together, measures and ships.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from core import training, weights
from core.melnet import data
from core.melnet.model import PRESETS, MelNet, Tier
from core.melnet.tiers import interleave, split_tiers
from core.muon import MuonAdam, muon_for

# Of a tier's step: crops and their frames. Coarse tiers look further; fine ones have more bins in a frame.
CROPS = {1: (4, 384), 2: (4, 256), 3: (3, 256), 4: (2, 192), 5: (2, 128)}
ONE_TIER_CROP = (1, 192)
SHARES = (0.3, 0.2, 0.2, 0.15, 0.15)  # of the minutes, by tier
HELD_OUT_ROWS = 16

Batch = tuple[Tensor, "Tensor | None"]


def parts_of(model: MelNet, mel: Tensor, index: int) -> Batch:
    """(x^g, x^{<g}) of standardised crops [B, T, F]; the second is None for the first tier."""
    parts = split_tiers(model.standardise(mel), model.config.tiers)
    return parts[index], interleave(parts[:index]) if index else None


def batches(model: MelNet, mel: Tensor, index: int, *, crop: tuple[int, int], seed: int) -> Iterator[Batch]:
    """Crops without end, as one tier takes them."""
    for one in data.crops(mel, batch=crop[0], frames=crop[1], seed=seed):
        yield parts_of(model, one, index)


def step_loss(tier: Tier, batch: Batch, half: bool = False) -> float:
    """Mean nats a (standardised) bin; the gradients stay in `.grad`. half: LSTMs and products in bfloat16."""
    device = next(tier.parameters()).device
    x, before = batch[0].to(device), None if batch[1] is None else batch[1].to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        found = tier(x, before)
    loss = found.nats(x).mean()
    loss.backward()
    return loss.item()


@torch.no_grad()
def evaluate(tier: Tier, batch: Batch, offset: float) -> dict[str, float]:
    """Nats a bin, of log-mel values, on held-out stretches. offset: mean log of the standard deviations."""
    device = next(tier.parameters()).device
    total = 0.0
    for row in range(0, batch[0].shape[0], 4):
        x = batch[0][row : row + 4].to(device)
        before = None if batch[1] is None else batch[1][row : row + 4].to(device)
        with torch.autocast(device.type, torch.bfloat16):
            found = tier(x, before)
        total += float(found.nats(x).sum())
    return {"held_out_nats_per_bin": total / batch[0].numel() + offset}


def optimizer_for(tier: Tier, learning_rate: float) -> MuonAdam:
    """Muon for the matrices of the stacks, Adam for the layers that enter and leave them."""
    inner = ("time_delayed.", "frequency_delayed.", "centralised.", "extraction.time", "extraction.frequency",
             "extraction.project", "condition_")  # fmt: skip
    return muon_for(tier, inner=inner, lr=learning_rate, dtype=torch.bfloat16)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="speech")
    parser.add_argument(
        "--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/, or any sounds"
    )
    parser.add_argument("--run", type=Path, help="folder of the tiers' runs (default: runs/melnet-PRESET)")
    parser.add_argument("--tier", type=int, help="train this one alone, from 1")
    parser.add_argument("--learning-rate", type=float, default=1.5e-3)
    parser.add_argument("--decay", type=float, default=0.5)
    parser.add_argument("--full", action="store_true", help="float32 all through, where bfloat16 is slow")
    parser.add_argument("--limit", type=int, help="use only so many sounds")
    training.run_options(parser)
    return parser.parse_args(arguments)


def train_tier(model: MelNet, corpus: data.Corpus, index: int, options: argparse.Namespace, folder: Path) -> None:
    """One tier's run. Its share of the minutes is that of `SHARES`, unless it is trained alone."""
    tier = model.tiers[index]
    alone = options.tier is not None or model.config.tiers == 1
    share = 1.0 if alone else SHARES[index] / sum(SHARES[: model.config.tiers])
    crop = CROPS[index + 1] if model.config.tiers > 1 else ONE_TIER_CROP
    held = data.rows(corpus.held_out, frames=min(256, corpus.held_out.shape[0] // 8 * 8), limit=HELD_OUT_ROWS)
    offset = float(split_tiers(model.std.log().expand(held.shape), model.config.tiers)[index].mean())
    batch = parts_of(model, held, index)
    schedule = training.Schedule(
        steps=options.steps, minutes=options.minutes and options.minutes * share, learning_rate=options.learning_rate,
        decay=options.decay, warmup_steps=50, log_every=50, evaluate_every=200, save_every=200,
    )  # fmt: skip
    begun = begun_from(options.resume, model.config.tiers) if options.resume else None
    done = training.Checkpoint(folder).steps() or (begun["step"] if begun else 0)
    device = training.device_for(options.device)
    print(f"tier {index + 1}: {sum(p.numel() for p in tier.parameters()):,} parameters", flush=True)
    training.fit(
        tier.to(device).train(), batches(model, corpus.train, index, crop=crop, seed=options.seed + done),
        functools.partial(step_loss, half=not options.full), folder=folder, schedule=schedule,
        evaluate=lambda one: evaluate(one, batch, offset), seed=options.seed,
        optimizer=optimizer_for(tier, options.learning_rate), begun=begun,
        command=training.command_line("core.melnet.train", options),
    )  # fmt: skip
    tier.to("cpu")


def begun_from(name: str, tiers: int) -> dict[str, Any]:
    """The state of a tier that goes on from shipped weights: its share of the card's steps and hours."""
    state = training.begun_from(weights.card(name))
    return {**state, "step": state["step"] // tiers, "hours": state["hours"] / tiers}


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.prepare_cpu()
    training.opening(options)
    model = cast(MelNet, weights.load(options.resume)) if options.resume else MelNet(PRESETS[options.preset])
    folder = options.run or Path("runs") / f"melnet-{options.preset}"
    cache = None if options.limit else folder.parent / f"melnet-{options.data.name}.npz"
    corpus = data.load(options.data, limit=options.limit, cache=cache)
    print(f"{corpus.sounds[0]} sounds, {corpus.train.shape[0] / 80 / 60:.1f} min", flush=True)
    if not options.resume:
        model.mean.copy_(corpus.train.mean(dim=0))
        model.std.copy_(corpus.train.std(dim=0).clamp(min=0.05))
    wanted = range(model.config.tiers) if options.tier is None else [options.tier - 1]
    for index in wanted:
        train_tier(model, corpus, index, options, folder / f"tier-{index + 1}")


if __name__ == "__main__":
    main()
