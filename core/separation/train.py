"""Train a separator: python -m core.separation.train --preset vocals --data PATH/mir1k --minutes 60

Continues the run in --run; else begins from the shipped weights of --resume, if given; else anew. Ctrl-C ends a run
in good order.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from core import training, weights
from core.separation import data
from core.separation.model import PRESETS, MMDenseLSTM
from core.separation.spectrogram import analyse, synthesise


def loss_of(model: MMDenseLSTM, parts: Tensor) -> Tensor:
    """How far the masked mixture is from each part: mean modulus of the complex difference, all sources alike.

    A real mask cannot turn the mixture's phase, so where phases disagree the best mask is smaller than the ratio of
    magnitudes: comparing complex values teaches that (Erdogan et al. 2015, "Phase-sensitive and recognition-boosted
    speech separation", section 3). The papers of MMDenseNet compare magnitudes.

    Args:
        parts: float [B, S, C, N].
    """
    wanted = analyse(parts, model.config)  # complex [B, S, C, T, bins]
    mixture = wanted.sum(dim=1)
    device_type = mixture.device.type
    with torch.autocast(device_type, torch.bfloat16, enabled=device_type == "cpu"):
        masks = model(mixture.abs().contiguous(memory_format=torch.channels_last))
    error = masks.float() * mixture[:, None] - wanted
    return (error.real.square() + error.imag.square() + 1e-8).sqrt().mean()


def step_loss(model: MMDenseLSTM, parts: Tensor) -> float:
    """Loss and gradients of one batch."""
    loss = loss_of(model, parts.to(next(model.parameters()).device))
    loss.backward()
    return loss.item()


@torch.no_grad()
def evaluate(model: MMDenseLSTM, songs: Sequence[data.Song]) -> dict[str, float]:
    """Mean signal-to-distortion ratio (dB, plain, not BSS Eval's) and its gain over the mixture, mixed at 0 dB."""
    device = next(model.parameters()).device
    ratios, gains = [], []
    for song in songs:
        parts = data.at_zero_db(song.parts).to(device)
        mixture = parts.sum(dim=0)  # [C, N]
        level = 0.1 / mixture.square().mean().sqrt().clamp(min=1e-6)
        spectrum = analyse((mixture * level)[None], model.config)  # [1, C, T, bins]
        found = synthesise(model(spectrum.abs())[0] * spectrum, mixture.shape[-1], model.config) / level
        for said, part in zip(found, parts):
            ratios.append(_ratio_db(part, said - part))
            gains.append(ratios[-1] - _ratio_db(part, mixture - part))
    return {"held_out_sdr": sum(ratios) / len(ratios), "held_out_gain": sum(gains) / len(gains)}


def _ratio_db(signal: Tensor, noise: Tensor) -> float:
    return float(10 * torch.log10(signal.square().sum().clamp(min=1e-12) / noise.square().sum().clamp(min=1e-12)))


def statistics(model: MMDenseLSTM, songs: Sequence[data.Song], samples: int) -> None:
    """Set the network's input statistics from some random mixtures."""
    parts = next(data.batches(songs, batch=64, samples=samples, seed=1))
    model.set_statistics(list(analyse(parts.sum(dim=1), model.config).abs()))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="vocals")
    parser.add_argument("--data", type=Path, required=True, help="MIR-1K")
    parser.add_argument("--run", type=Path, help="folder of checkpoints (default: runs/separation-PRESET)")
    parser.add_argument("--resume", type=str, help="name of shipped weights to begin from")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a crop")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.6, help="last share of the run in which the rate falls")
    parser.add_argument("--evaluate-every", type=int, default=500)
    parser.add_argument("--limit", type=int, help="use only so many songs, to try things out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="auto")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    if not (options.steps or options.minutes):
        raise SystemExit("Give --steps or --minutes.")
    torch.manual_seed(options.seed)
    folder = options.run or Path("runs") / f"separation-{options.preset}"
    model = cast(MMDenseLSTM, weights.load(options.resume)) if options.resume else MMDenseLSTM(PRESETS[options.preset])
    songs = data.load_mir1k(options.data, part="train", limit=options.limit)
    held_out = data.load_mir1k(options.data, part="validation")
    samples = round(options.seconds * model.config.sample_rate_hz)
    if not options.resume:
        statistics(model, songs, samples)
    model = model.to(training.device_for(options.device)).train()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seconds = sum(song.parts.shape[-1] / song.sample_rate_hz for song in songs)
    size = sum(p.numel() for p in model.parameters())
    print(f"{len(songs)} songs, {seconds / 60:.1f} min; {size:,} parameters", flush=True)
    begun = training.begun_from(weights.card(options.resume)) if options.resume else None
    done = training.Checkpoint(folder).steps() or (begun["step"] if begun else 0)
    training.fit(
        model, data.batches(songs, batch=options.batch, samples=samples, seed=options.seed + done), step_loss,
        folder=folder,
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
            evaluate_every=options.evaluate_every, ema=0.998,
        ),
        evaluate=lambda network: evaluate(network, held_out), seed=options.seed, begun=begun,
        command=training.command_line("core.separation.train", options),
    )  # fmt: skip


if __name__ == "__main__":
    main()
