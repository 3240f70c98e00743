"""Train a WaveNet: python -m core.wavenet.train --preset vocoder --data PATH --minutes 120

Continues the run in --run if there is one; else begins from the shipped weights of --resume, if given, and goes on
counting where their card stops; else anew.
Ctrl-C ends a run in good order. `python -m core.wavenet.measure --run RUN --write` measures the result and ships it.
"""

from __future__ import annotations

import argparse
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numba
import torch
import torch.nn.functional as F
from torch import Tensor

from core import training, weights
from core.muon import MuonAdam, muon_for
from core.wavenet import data, fused
from core.wavenet.model import PRESETS, WaveNet

BITS = 1 / math.log(2)


def bits_per_sample(model: Callable[..., Tensor], codes: Tensor, mel: Tensor | None) -> Tensor:
    """Cross-entropy in bits a sample: how surprised the network is, on average, by the next code."""
    logits = model(codes, mel).transpose(1, 2)  # [B, N, levels]
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), codes.reshape(-1)) * BITS


def disturbed(codes: Tensor, noise: float) -> Tensor:
    """The past as a generating network would see it: not quite right.

    A network taught on true samples alone never sees its own mistakes, and when it runs freely they pile up. So
    the past is disturbed and the target is not: the network learns to steer back (Jin et al. 2018, "FFTNet",
    section 3.3; Valin and Skoglund 2019, "LPCNet"). In steps of the mu-law code the disturbance is as
    much weaker in quiet places as the steps are finer there.

    Args:
        codes: int64 [B, N].
        noise: greatest standard deviation, in codes. Each row draws its own between 0 and this.
    Returns:
        int64 [B, N].
    """
    strength = noise * torch.rand(codes.shape[0], 1)
    return (codes + (strength * torch.randn(codes.shape)).round().long()).clamp(0, 255)


def step_loss(model: WaveNet, batch: tuple[Tensor, Tensor], noise: float = 0.0) -> float:
    """Loss and gradients of one batch: on the CPU by the fused stack, elsewhere by plain automatic differentiation."""
    codes, mel = batch
    device = next(model.parameters()).device
    run = functools.partial(fused.forward, model) if fused.works_for(model) else model
    past = disturbed(codes, noise) if noise else codes
    logits = run(past.to(device), mel.to(device) if model.config.mel_channels else None).transpose(1, 2)
    loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), codes.to(device).reshape(-1)) * BITS
    loss.backward()
    return loss.item()


@torch.no_grad()
def evaluate(model: WaveNet, recordings: list[data.Recording]) -> dict[str, float]:
    """Bits per sample over whole recordings, every sample counted once."""
    total, count = 0.0, 0
    device = next(model.parameters()).device
    for recording in recordings:
        codes = recording.codes.long()[None].to(device)
        mel = recording.mel[None].to(device) if model.config.mel_channels else None
        total += float(bits_per_sample(model, codes, mel)) * codes.shape[1]
        count += codes.shape[1]
    return {"held_out_bits_per_sample": total / count}


def optimizer_for(model: WaveNet, learning_rate: float) -> MuonAdam:
    """Muon for the matrices inside the network; Adam for embeddings, convolutions, biases and the output layer."""
    return muon_for(model, inner=("layers.", "head1", "condition.project"), lr=learning_rate)


def with_clock(model: WaveNet, recordings: list[data.Recording], *, fit: bool) -> list[data.Recording]:
    """The recordings as this network takes them: with the pitch's sines, if it has harmonics.

    fit: train the network that reads F0 off a mel first; it stays as it is from then on.
    """
    if model.condition is None or model.condition.pitch is None:
        return recordings
    from core.wavenet import pitch_train  # needs pyworld, which only training does

    if fit:
        print("fitting the pitch of mels")
        pitch_train.fit(model.condition.pitch, recordings)
    return [pitch_train.clocked(recording, model.config) for recording in recordings]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="vocoder")
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--run", type=Path, help="folder of checkpoints (default: runs/wavenet-PRESET)")
    parser.add_argument("--resume", type=str, help="name of shipped weights to begin from, e.g. wavenet-vocoder")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--frames", type=int, default=24, help="length of a crop, in hops of 200 samples")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.4, help="last share of the run in which the rate falls")
    parser.add_argument("--ema", type=float, default=0.999)
    parser.add_argument("--noise", type=float, default=0.0, help="disturb the past by up to so many codes")
    parser.add_argument("--evaluate-every", type=int, default=1000)
    parser.add_argument("--limit", type=int, help="use only so many recordings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--threads", type=int, help="CPU threads; one a run wastes least when runs share a machine"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.prepare_cpu()
    if options.threads:
        torch.set_num_threads(options.threads)
        numba.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    model = cast(WaveNet, weights.load(options.resume)) if options.resume else WaveNet(PRESETS[options.preset])
    device = training.device_for(options.device)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32
    folder = options.run or Path("runs") / f"wavenet-{options.preset}"
    begun = training.begun_from(weights.card(options.resume)) if options.resume else None
    done = training.Checkpoint(folder).steps() or (begun["step"] if begun else 0)
    recordings = with_clock(
        model, data.load(options.data, limit=options.limit), fit=not (options.resume or done)
    )  # fmt: skip
    held_out = with_clock(model, data.load(options.data, held_out=True, limit=8), fit=False)
    model.to(device).train()
    seconds = sum(r.codes.shape[0] for r in recordings) / 16_000
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{len(recordings)} recordings, {seconds / 60:.1f} min; {parameters:,} parameters")
    schedule = training.Schedule(
        steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
        ema=options.ema, evaluate_every=options.evaluate_every,
    )  # fmt: skip
    seed = options.seed + done  # a continued run draws new crops
    stream = data.batches(recordings, batch=options.batch, frames=options.frames, seed=seed)
    training.fit(
        model, stream, functools.partial(step_loss, noise=options.noise), folder=folder, schedule=schedule,
        evaluate=lambda m: evaluate(m, held_out), seed=options.seed,
        optimizer=optimizer_for(model, options.learning_rate), begun=begun,
        command=training.command_line("core.wavenet.train", options),
    )  # fmt: skip


if __name__ == "__main__":
    main()
