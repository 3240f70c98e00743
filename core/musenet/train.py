"""Train the composer: python -m core.musenet.train --data PATH --minutes 75

--data is what core.musenet.data reads; the tokens of all pieces are made once and kept in runs/musenet-tokens.npz.
Continues the run in --run; else begins from the shipped weights of --resume, if given; else anew. Ctrl-C ends a run in
good order.

Differs from MuseNet (Payne 2019): 4 layers of 3 heads and a context of 768 tokens, not 72 layers of 24 heads and 4,096;
no embeddings besides those of tokens and places; some 3,000 pieces, not hundreds of thousands. As there, pieces are
heard in many keys and a little faster or slower; that rare composers are heard more often than their share is ours.
"""

from __future__ import annotations

import argparse
import functools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core import training, weights
from core.gpt2.model import GPT2, GPT2Config
from core.muon import MuonAdam, muon_for
from core.musenet import data
from core.musenet import vocabulary as v

PRESETS = {
    "composer": GPT2Config(n_vocab=v.VOCABULARY, n_ctx=768, n_embd=192, n_head=3, n_layer=4, dropout=0.0),
    "tiny": GPT2Config(n_vocab=v.VOCABULARY, n_ctx=128, n_embd=64, n_head=2, n_layer=2, dropout=0.0),
}
BALANCE = 0.5  # a composer is drawn with the number of his tokens to this power
PERFORMED = 2.0  # how much likelier than a token of a score one of a performance is drawn
BEGINNINGS = 0.15  # share of the windows that begin a piece
STRETCH = 0.12  # times are stretched by up to this factor's exponential either way
SILENT = -1  # a target that does not count
HELD_OUT_WINDOWS = 6  # of each composer, while training


def likelihoods(pieces: Sequence[data.Piece]) -> np.ndarray:
    """How often to draw from each piece, float64 [K], summing to 1: rare composers are heard more than their share."""
    size = np.array([len(one.ids) * (PERFORMED if one.performed else 1.0) for one in pieces])
    total = {who: size[[one.composer == who for one in pieces]].sum() for who in {one.composer for one in pieces}}
    weight = np.array([total[one.composer] ** (BALANCE - 1) for one in pieces]) * size
    return weight / weight.sum()


def collate(rows: Sequence[Sequence[int]], length: int) -> tuple[Tensor, Tensor]:
    """Rows as inputs and targets, int64 [B, N] each: what comes next, but not which composer and instruments.

    Rows shorter than N + 1 are filled with <end>, which as a target counts once only.
    """
    ids = torch.full((len(rows), length + 1), v.END)
    counts = torch.zeros(len(rows), length, dtype=torch.bool)
    for i, row in enumerate(rows):
        cut = torch.as_tensor(row[: length + 1])
        ids[i, : len(cut)] = cut
        begin = next(j for j, token in enumerate(row) if token in (v.START, v.MIDDLE))
        counts[i, begin : len(cut) - 1] = True
    return ids[:, :-1], ids[:, 1:].masked_fill(~counts, SILENT)


def batches(pieces: Sequence[data.Piece], *, batch: int, length: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of windows from anywhere, in any key, a little faster or slower."""
    draw = np.random.default_rng(seed)
    chance = likelihoods(pieces)
    while True:
        rows = []
        for number in draw.choice(len(pieces), batch, p=chance):
            one = pieces[number]
            last = max(0, len(one.ids) - length // 2)
            position = 0 if draw.random() < BEGINNINGS else int(draw.integers(0, last + 1))
            shift = int(draw.choice(data.SHIFTS))
            stretch = math.exp(draw.uniform(-STRETCH, STRETCH))
            rows.append(data.window(one, position, length + 1, shift=shift, stretch=stretch))
        yield collate(rows, length)


def loss_of(model: GPT2, batch: tuple[Tensor, Tensor], *, half: bool = False) -> Tensor:
    """Mean cross-entropy of the tokens that count, in nats; matrix products in bfloat16 if `half`."""
    device = next(model.parameters()).device
    ids, targets = (one.to(device) for one in batch)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
        logits, _ = model(ids)
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=SILENT)


def step_loss(model: GPT2, batch: tuple[Tensor, Tensor]) -> float:
    """Loss and gradients of one batch."""
    loss = loss_of(model, batch, half=True)
    loss.backward()
    return loss.item()


def held_out_windows(
    pieces: Sequence[data.Piece], length: int, *, most: int | None = None
) -> dict[str, list[list[int]]]:
    """Composer -> rows that tile every held-out piece, as it stands; `most` evenly chosen ones of each composer."""
    found: dict[str, list[list[int]]] = {}
    for one in pieces:
        if one.held_out:
            for position in range(0, len(one.ids), length):
                found.setdefault(one.composer, []).append(data.window(one, position, length + 1))
    if most is None:
        return found
    return {
        who: [rows[i] for i in np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
        for who, rows in found.items()
    }


@torch.no_grad()
def bits(model: GPT2, rows: Sequence[Sequence[int]], *, batch: int = 8) -> float:
    """Mean bits per token of rows, headers apart: log2 of how many equally likely tokens it hesitates between."""
    total, count = 0.0, 0
    for i in range(0, len(rows), batch):
        one = collate(rows[i : i + batch], model.config.n_ctx)
        many = int((one[1] != SILENT).sum())
        total, count = total + float(loss_of(model, one)) * many, count + many
    return total / max(1, count) / math.log(2)


def evaluate(model: GPT2, windows: dict[str, list[list[int]]]) -> dict[str, float]:
    """Held-out bits per event of each composer, and their mean over composers."""
    found = {f"bits_{who}": round(bits(model, rows), 4) for who, rows in sorted(windows.items())}
    return {"held_out_bits": round(sum(found.values()) / max(1, len(found)), 4)} | found


def optimiser(model: GPT2) -> MuonAdam:
    """Muon for the matrices inside the blocks, Adam for the embeddings, norms and biases."""
    return muon_for(model, inner=("model/h",))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="composer")
    parser.add_argument("--data", type=Path, required=True, help="folder of archives or of composers' folders")
    parser.add_argument("--run", type=Path, default=Path("runs/musenet-composer"), help="folder of checkpoints")
    training.run_options(parser)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.5, help="last share of the run in which the rate falls")
    parser.add_argument("--ema", type=float, default=0.99)
    parser.add_argument("--evaluate-every", type=int, default=300)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.opening(options)
    pieces = data.load(options.data)
    model = cast(GPT2, weights.load(options.resume)) if options.resume else GPT2(PRESETS[options.preset])
    model = model.to(training.device_for(options.device)).train()
    learned = [one for one in pieces if not one.held_out]
    length = model.config.n_ctx
    print(
        f"{len(learned)} pieces, {sum(len(one.ids) for one in learned):,} tokens; "
        f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True,
    )  # fmt: skip
    windows = held_out_windows(pieces, length, most=HELD_OUT_WINDOWS)
    training.fit(
        model, batches(learned, batch=options.batch, length=length,
                       seed=options.seed + training.Checkpoint(options.run).steps()),
        step_loss, folder=options.run, optimizer=optimiser(model),
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
            warmup_steps=50, evaluate_every=options.evaluate_every, save_every=200, log_every=25, ema=options.ema,
        ),
        evaluate=functools.partial(evaluate, windows=windows), seed=options.seed,
        command=training.command_line("core.musenet.train", options),
        begun=training.begun_from(weights.card(options.resume)) if options.resume else None,
    )  # fmt: skip


if __name__ == "__main__":
    main()
