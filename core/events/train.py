"""Train the event network.

    python -m core.events.train --data PATH/urbansound8k --minutes 45
    python -m core.events.train --data PATH/urbansound8k --folds 1 --watch 2 --run runs/events-1 --minutes 20

--data is UrbanSound8K, ours or as it is given out. --speech, --music and --noise are folders with sounds of none of its
classes, which teach the last output: Kathleen's voice or TSP; songs in parts or MIR-1K; ESC-10's noises.

Continues the run in --run; else begins from the shipped weights of --resume, if given; else anew. Ctrl-C ends a run
in good order.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core import training, weights
from core.events import augment, data
from core.events.model import PRESETS, URBAN, EventCNN
from core.events.spectrogram import log_mel

OTHERS = ("speech", "music", "noise")


def loss_of(model: EventCNN, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross entropy against the shares of the names, in nats."""
    picture, targets = batch
    device_type = picture.device.type
    with torch.autocast(device_type, torch.bfloat16, enabled=device_type == "cpu"):
        logits = model(picture)
    return F.cross_entropy(logits.float(), targets, label_smoothing=0.05)


def step_loss(model: EventCNN, batch: tuple[Tensor, Tensor]) -> float:
    """Loss and gradients of one batch."""
    device = next(model.parameters()).device
    loss = loss_of(model, (batch[0].to(device), batch[1].to(device)))
    loss.backward()
    return loss.item()


@torch.no_grad()
def logits_of(model: EventCNN, clips: data.Clips, *, size: int = 32) -> np.ndarray:
    """What the network says of whole clips: float32 [N, K]."""
    device = next(model.parameters()).device
    found = []
    for start in range(0, len(clips), size):
        indices = np.arange(start, min(start + size, len(clips)))
        picture = log_mel(augment.whole(clips, indices, data.SAMPLES), model.config.bands).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cpu"):
            found.append(model(picture).float().cpu().numpy())
    return np.concatenate(found)


def evaluate(model: EventCNN, clips: data.Clips, others: data.Clips | None) -> dict[str, float]:
    """Accuracy in percent among the named classes, and how well the last output tells the others apart."""
    logits = logits_of(model, clips)
    named = logits[:, : len(URBAN)]
    right = named.argmax(axis=1) == clips.labels
    found = {"accuracy": 100 * float(right.mean())}
    found["accuracy_by_class"] = 100 * float(np.mean([right[clips.labels == k].mean() for k in set(clips.labels)]))
    if others is not None:
        none = logits_of(model, others)
        found["others_refused"] = 100 * float((none.argmax(axis=1) == len(URBAN)).mean())
        found["clips_kept"] = 100 * float((logits.argmax(axis=1) != len(URBAN)).mean())
    return found


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="urban")
    parser.add_argument("--data", type=Path, required=True, help="UrbanSound8K")
    for kind in OTHERS:
        parser.add_argument(f"--{kind}", type=Path, help=f"a folder of {kind}, for the output `none of these`")
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2], help="folds to learn from")
    parser.add_argument("--watch", type=int, nargs="*", default=[], help="folds that watch the training")
    parser.add_argument("--run", type=Path, default=Path("runs/events"), help="folder of checkpoints")
    parser.add_argument("--cache", type=Path, default=Path("runs/events-cache"), help="folder of decoded sounds")
    training.run_options(parser)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--others", type=int, default=6, help="sounds of none of the classes in a batch, besides")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--weight-decay", type=float, default=0.02)
    parser.add_argument("--decay", type=float, default=0.7, help="last share of the run in which the rate falls")
    parser.add_argument("--evaluate-every", type=int, default=500)
    return parser.parse_args(arguments)


def material(options: argparse.Namespace) -> tuple[data.Clips, data.Clips | None]:
    """All clips, and all sounds of none of the classes that may be learned from."""
    folders = {kind: getattr(options, kind) for kind in OTHERS}
    return data.load(options.data, cache=options.cache), data.load_others(**folders, cache=options.cache)


def command(options: argparse.Namespace) -> str:
    """How to start such a run, for the card."""
    named = "".join(f" --{kind} PATH" for kind in OTHERS if getattr(options, kind))
    return training.command_line("core.events.train", options) + named


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.opening(options)
    model = cast(EventCNN, weights.load(options.resume)) if options.resume else EventCNN(PRESETS[options.preset])
    clips, others = material(options)
    learned, watched = clips.of(options.folds), clips.of(options.watch) if options.watch else None
    no_class = others.of(options.folds) if others else None
    watched_others = others.of(options.watch) if others and options.watch else None
    begun = training.begun_from(weights.card(options.resume)) if options.resume else None
    done = training.Checkpoint(options.run).steps() or (begun["step"] if begun else 0)
    stream = augment.batches(
        learned, no_class, model.config, size=options.batch, other_size=options.others, seed=options.seed + done
    )
    model = model.to(training.device_for(options.device)).train()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    size = sum(p.numel() for p in model.parameters())
    print(f"{len(learned)} clips of {len(set(learned.groups))} recordings; {size:,} parameters", flush=True)
    training.fit(
        model, stream, step_loss,
        folder=options.run,
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
            evaluate_every=options.evaluate_every, ema=0.998,
        ),
        evaluate=(lambda network: evaluate(network, watched, watched_others)) if watched else None,
        seed=options.seed, begun=begun, command=command(options),
        optimizer=torch.optim.AdamW(
            model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, betas=(0.9, 0.99)
        ),
    )  # fmt: skip


if __name__ == "__main__":
    main()
