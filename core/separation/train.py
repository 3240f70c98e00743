"""Train a separator.

    python -m core.separation.train --preset vocals --data PATH/mir1k --minutes 60
    python -m core.separation.train --preset 4stems --data PATH/everything-is-free --more runs/rendered \\
        --voices PATH/mir1k --minutes 60

For four stems, --data is a folder of songs, each with vocals, drums, bass and other as sound files, such as
MUSDB18-HQ, or MUSDB18 itself; --more has songs for remixing only, --voices MIR-1K.

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
from core.separation import data, remix
from core.separation.model import PRESETS, MMDenseLSTM, MMDenseLSTMConfig
from core.separation.spectrogram import analyse, synthesise

PIECE_S = 9.0  # of a song that watches the training, looked at in one go
WATCHED_S = 60.0  # of each of these songs
MORE_WEIGHT, VOICES_WEIGHT = 0.12, 0.5  # a second of these counts for so much of one of the songs


def loss_of(model: MMDenseLSTM, parts: Tensor) -> Tensor:
    """How far the masked mixture is from each part: mean modulus of the complex difference, all sources alike.

    A real mask cannot turn the mixture's phase, so where phases disagree the best mask is smaller than the ratio of
    magnitudes: comparing complex values teaches that (Erdogan et al. 2015, "Phase-sensitive and recognition-boosted
    speech separation"). The papers of MMDenseNet compare magnitudes.

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
    """Plain signal-to-distortion ratio (dB) and its gain over the mixture: means over songs and sources.

    Voice and accompaniment are mixed at 0 dB, four stems as they are, in pieces.
    """
    device = next(model.parameters()).device
    ratios, gains = [], []
    for song in songs:
        energies = []  # of the part, of the error, of all other parts; [3, S] for each piece
        for piece in pieces(song):
            parts = piece.to(device)
            mixture = parts.sum(dim=0)  # [C, N]
            level = 0.1 / mixture.square().mean().sqrt().clamp(min=1e-6)
            spectrum = analyse((mixture * level)[None], model.config)  # [1, C, T, bins]
            found = synthesise(model(spectrum.abs())[0] * spectrum, mixture.shape[-1], model.config) / level
            signals = torch.stack([parts, found - parts, mixture - parts])
            energies.append(signals.double().square().sum(dim=(2, 3)).cpu())
        part, error, others = torch.stack(energies).sum(dim=0).clamp(min=1e-9)
        sounding = part > 1e-3
        ratios.append(10 * torch.log10(part / error)[sounding])
        gains.append(10 * torch.log10(others / error)[sounding])
    return {"held_out_sdr": float(torch.cat(ratios).mean()), "held_out_gain": float(torch.cat(gains).mean())}


def pieces(song: data.Song) -> list[Tensor]:
    """What `evaluate` looks at in one go, each [S, C, n]."""
    if len(song.parts) == 2:
        return [data.at_zero_db(song.parts)]
    return list(song.parts.split(round(PIECE_S * song.sample_rate_hz), dim=-1))


def statistics(model: MMDenseLSTM, parts: Tensor) -> None:
    """Set the network's input statistics from random mixtures [B, S, C, N]."""
    model.set_statistics(list(analyse(parts.sum(dim=1), model.config).abs()))


def material(options: argparse.Namespace, config: MMDenseLSTMConfig) -> tuple[list[remix.Track], list[data.Song]]:
    """What is learned from, and what watches the training."""
    if len(config.sources) == 2:
        songs = data.load_mir1k(options.data, part="train", limit=options.limit)
        return [song.track() for song in songs], data.load_mir1k(options.data, part="validation")
    wanted = (config.sources, config.sample_rate_hz)
    tracks = songs_of(options.data, config, "train")[: options.limit]
    for folder in options.more:
        tracks += data.load_stems(folder, *wanted, weight=MORE_WEIGHT)
    if options.voices:
        tracks += data.voices(options.voices, *wanted, weight=VOICES_WEIGHT)
    watching = songs_of(options.data, config, "validation")
    return tracks, [data.whole(track, seconds=WATCHED_S) for track in watching]


def songs_of(folder: Path, config: MMDenseLSTMConfig, part: str) -> list[remix.Track]:
    """Songs in folders, or MUSDB18 as it is given out, in STEMS files."""
    if folder.is_dir() and any(folder.rglob("*.stem.mp4")):
        from core.separation import musdb  # which knows measuring, too, and needs more packages

        return musdb.tracks(folder, part=part)
    return data.load_stems(folder, config.sources, config.sample_rate_hz, part=part)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="vocals")
    parser.add_argument("--data", type=Path, required=True, help="MIR-1K; for four stems, a folder of songs")
    parser.add_argument("--more", type=Path, action="append", default=[], help="more songs, for remixing")
    parser.add_argument("--voices", type=Path, help="MIR-1K, for remixing its voices")
    parser.add_argument("--run", type=Path, help="folder of checkpoints (default: runs/separation-PRESET)")
    training.run_options(parser)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a crop")
    parser.add_argument("--apart", type=float, default=0.15, help="share of the parts with a tempo of their own")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.6, help="last share of the run in which the rate falls")
    parser.add_argument("--evaluate-every", type=int, default=500)
    parser.add_argument("--limit", type=int, help="use only so many songs, to try things out")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.opening(options)
    folder = options.run or Path("runs") / f"separation-{options.preset}"
    model = cast(MMDenseLSTM, weights.load(options.resume)) if options.resume else MMDenseLSTM(PRESETS[options.preset])
    tracks, held_out = material(options, model.config)
    samples = round(options.seconds * model.config.sample_rate_hz)
    begun = training.begun_from(weights.card(options.resume)) if options.resume else None
    done = training.Checkpoint(folder).steps() or (begun["step"] if begun else 0)
    remixer = remix.Remixer(
        tracks, samples, seed=options.seed + done, channels=model.config.channels, apart=options.apart
    )
    if not options.resume:
        statistics(model, next(remix.batches(remixer, batch=64)))
    model = model.to(training.device_for(options.device)).train()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    minutes = sum(track.samples / track.sample_rate_hz for track in tracks) / 60
    size = sum(p.numel() for p in model.parameters())
    print(f"{len(tracks)} songs, {minutes:.1f} min; {size:,} parameters", flush=True)
    training.fit(
        model, remix.batches(remixer, batch=options.batch), step_loss,
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
