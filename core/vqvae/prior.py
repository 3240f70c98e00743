"""A prior over codes: a WaveNet whose samples are codes, 40 a second instead of 16,000.

    python -m core.vqvae.prior --front vqvae-speech --data PATH --voices PATH --minutes 4

It hears the past as numbers only and says what code comes next; what it draws, the autoencoder's decoder speaks.
Source: van den Oord et al. 2017 (arXiv:1711.00937), section 3.3, and section 4.3 for speech.
Differs from the paper: sizes; one hour of speech, so every sentence is coded anew from warped spectra and from
beginnings moved by a frame, and some of the past is replaced by random codes.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core import training, weights
from core.errors import SamplingError
from core.muon import muon_for
from core.vqvae import data
from core.vqvae.data import Utterance
from core.vqvae.model import VQVAE
from core.vqvae.sample import MAX_CODES
from core.vqvae.train import front
from core.wavenet import generate
from core.wavenet.model import CausalEmbedding, WaveNet, WaveNetConfig

CONFIG = WaveNetConfig(
    levels=512, residual_channels=48, gate_channels=96, skip_channels=64, head_channels=64, layers=12,
    layers_per_cycle=6, hop_samples=8,
)  # fmt: skip
BITS = 1 / math.log(2)
WARPS = (0.94, 0.97, 1.0, 1.03, 1.06)
LENGTH = 192  # codes of a training sequence: 4.8 s
NOISE = 0.15  # share of the past that is replaced


def network(levels: int, config: WaveNetConfig = CONFIG) -> WaveNet:
    """A WaveNet over codes. A code is a word, not a loudness: its embeddings begin independent of each other."""
    model = WaveNet(replace(config, levels=levels))
    for tap in cast(CausalEmbedding, model.embedding).taps:
        nn.init.normal_(cast(nn.Embedding, tap).weight, std=0.5)
    return model


@torch.no_grad()
def coded(model: VQVAE, utterances: Sequence[Utterance], *, warps: Sequence[float] = (1.0,)) -> list[list[Tensor]]:
    """Each utterance's codes, int64 [N], in several versions: spectra warped, and begun one frame later."""
    found = []
    shifts = range(model.config.frames_per_code) if len(warps) > 1 else (0,)
    for one in utterances:
        versions = []
        for warp in warps:
            mel = data.warped(one.mel[None], torch.tensor([warp]))
            versions += [model.encode(mel[:, :, shift:])[0] for shift in shifts]
        found.append(versions)
    return found


def sequences(
    versions: Sequence[Sequence[Tensor]], *, batch: int, length: int = LENGTH, seed: int = 0
) -> Iterator[Tensor]:
    """Sentences in random order and random versions, one after the other: int64 [batch, length] without end.

    Every sequence begins where a sentence begins, so that a sample does, too.
    """
    generator = torch.Generator().manual_seed(seed)

    def some(count: int) -> int:
        return int(torch.randint(count, (1,), generator=generator))

    while True:
        rows = []
        for _ in range(batch):
            row = torch.zeros(0, dtype=torch.int64)
            while len(row) < length:
                version = versions[some(len(versions))]
                row = torch.cat([row, version[some(len(version))]])
            rows.append(row[:length])
        yield torch.stack(rows)


def bits_per_code(model: WaveNet, codes: Tensor, mel: Tensor | None = None, noise: float = 0.0) -> Tensor:
    """Cross-entropy in bits a code: int64 [B, N] -> scalar. noise: share of the past replaced by random codes."""
    past = codes
    if noise:
        other = torch.randint(model.config.levels, codes.shape)
        past = torch.where(torch.rand(codes.shape) < noise, other, codes)
    logits = model(past, mel).transpose(1, 2)  # [B, N, K]
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), codes.reshape(-1)) * BITS


def step(model: WaveNet, codes: Tensor) -> float:
    """Loss and gradients of one batch."""
    loss = bits_per_code(model, codes, noise=NOISE)
    loss.backward()
    return loss.item()


@torch.no_grad()
def evaluate(model: WaveNet, held_out: Sequence[Tensor]) -> dict[str, float]:
    """Bits a code over whole sentences, every code counted once."""
    total = sum(float(bits_per_code(model, one[None])) * len(one) for one in held_out)
    return {"held_out_bits_per_code": total / sum(map(len, held_out))}


def frequencies_bits(train: Sequence[Tensor], held_out: Sequence[Tensor], levels: int, *, order: int = 0) -> float:
    """Bits a code of counting instead: how often each code occurs (order 0), or after the one before (order 1).

    Order 1 mixes its counts with order 0's in the proportion in which it has seen the one before: weight n / (n + 20).
    """
    alone = torch.ones(levels, dtype=torch.float64)
    pairs = torch.zeros(levels, levels, dtype=torch.float64)
    for one in train:
        alone += torch.bincount(one, minlength=levels)
        pairs.index_put_((one[:-1], one[1:]), torch.ones(len(one) - 1, dtype=torch.float64), accumulate=True)
    p = alone / alone.sum()
    total, count = 0.0, 0
    for one in held_out:
        found = p[one]
        if order:
            seen = pairs[one[:-1]].sum(dim=1)
            after = (pairs[one[:-1], one[1:]] + 20 * p[one[1:]]) / (seen + 20)
            found = torch.cat([found[:1], after])
        total -= float(found.log2().sum())
        count += len(one)
    return total / count


def draw(
    model: WaveNet, count: int, *, seed: int = 0, temperature: float = 1.0, prime: Tensor | None = None,
    uniforms: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Codes that the prior makes up.

    Args:
        count: how many.  prime: int64 [P] codes to continue.  uniforms: float [1, count].
    Returns:
        int64 [count], without the prime.
    Raises:
        SamplingError: the count is out of range, or as `core.wavenet.generate`.
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_CODES:
        raise SamplingError(f"Ask for 1 to {MAX_CODES} codes, got {count!r:.20}.")
    return generate(
        model, None, count, uniforms, seed, temperature, "cached", prime=None if prime is None else prime[None]
    )[0]


def options_over_codes(parser: argparse.ArgumentParser, *, run: str, batch: int) -> None:
    """What the command of every network over codes takes: a front, its corpora, a run and how fast to learn."""
    parser.add_argument("--front", default="vqvae-speech", help="name of weights, or a run's folder")
    parser.add_argument("--data", type=Path, required=True, help="corpus of the first speaker")
    parser.add_argument("--voices", type=Path, help="the other speakers")
    parser.add_argument("--run", type=Path, default=Path(run))
    training.run_options(parser)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--decay", type=float, default=0.8)
    parser.add_argument("--evaluate-every", type=int, default=200)
    parser.add_argument("--limit", type=int, help="only so many recordings a voice")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options_over_codes(parser, run="runs/vqvae-prior", batch=16)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.prepare_cpu()
    training.opening(options)
    coder = front(options.front)[1]
    train, held = (
        data.load(
            options.data, options.voices, held_out=held_out, limit=options.limit, speakers=coder.config.speakers
        )
        for held_out in (False, True)
    )
    codes, held_codes = coded(coder, train, warps=WARPS), [one[0] for one in coded(coder, held)]
    plain = [one[1 + 2 * coder.config.frames_per_code] for one in codes]
    levels = coder.config.codes
    counted = [frequencies_bits(plain, held_codes, levels, order=order) for order in (0, 1)]
    print(
        f"{sum(map(len, plain)):,} codes; counting alone {counted[0]:.2f} bits, pairs {counted[1]:.2f}", flush=True
    )
    model = cast(WaveNet, weights.load(options.resume)) if options.resume else network(levels)
    options.run.mkdir(parents=True, exist_ok=True)
    (options.run / "config.json").write_text(json.dumps(model.config.to_dict(), indent=1))
    state = training.fit(
        model.train(), sequences(codes, batch=options.batch, seed=options.seed), step, folder=options.run,
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
            evaluate_every=options.evaluate_every, ema=0.995,
        ),
        evaluate=functools.partial(evaluate, held_out=held_codes), seed=options.seed,
        optimizer=muon_for(model, inner=("layers.", "head1"), lr=options.learning_rate, dtype=torch.bfloat16),
        command=training.command_line("core.vqvae.prior", options),
    )  # fmt: skip
    print(json.dumps(state["evaluation"]))


if __name__ == "__main__":
    main()
