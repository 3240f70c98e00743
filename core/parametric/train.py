"""Train the voice: python -m core.parametric.train --model acoustic --data PATH --minutes 25

Needs the corpus and its alignment (python -m core.text.alignment). Continues the run in --run if there is one; else
begins from the shipped weights of --resume, if given; else anew. Ctrl-C ends a run in good order.
`python -m core.parametric.measure --data PATH --run runs --write` measures both networks and ships them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core import training, weights
from core.muon import MuonAdam, muon_for
from core.parametric import data
from core.parametric.data import Batch, Utterance
from core.parametric.model import AcousticModel, DurationModel
from core.parametric.vocoder import CEPSTRA, FRAME_MS
from core.text.context import feature_names

MODELS = {"duration": DurationModel, "acoustic": AcousticModel}
SHARE = 1 / 3  # of the frames of a batch that a step of the acoustic model looks at
DECIBELS = 10 / np.log(10) * np.sqrt(2)  # of a mel-cepstral distance of 1


def pauses(features: np.ndarray) -> np.ndarray:
    """Which phones are pauses: float [N, 319] -> bool [N]."""
    return features[:, feature_names().index("c=SIL")] > 0.5


def speech(one: Utterance) -> np.ndarray:
    """Which frames are no pause: bool [F]."""
    return ~np.repeat(pauses(one.features), one.durations)


def standardise(model: AcousticModel, utterances: Sequence[Utterance]) -> None:
    """Give the network the corpus's means, deviations and global variances.

    The global variance of the pitch is that of the voiced frames, all others that of every frame of speech.
    """
    rows = np.concatenate([data.targets(one)[:, :-1] for one in utterances])  # [frames, 126]
    within = []
    for one in utterances:
        variance = one.static[speech(one)].var(axis=0)
        sung = speech(one) & one.voiced
        variance[CEPSTRA] = one.static[sung, CEPSTRA].var() if sung.any() else np.nan
        within.append(variance)
    model.mean.copy_(torch.from_numpy(rows.mean(axis=0, dtype=np.float64)))
    model.deviation.copy_(torch.from_numpy(np.maximum(rows.std(axis=0, dtype=np.float64), 1e-4)))
    model.sentence_deviation.copy_(torch.from_numpy(np.sqrt(np.nanmean(within, axis=0))))


def duration_loss(model: DurationModel, batch: Batch) -> Tensor:
    """Negative log-likelihood of gamma distributions of one shape, but for a constant: log m + d / m, mean over d > 0.

    Its minimum lies at m = E[d]: the durations of a sentence add up to the right length.
    """
    log_mean = model(batch.features, batch.phones)  # [B, N]
    real = batch.durations > 0
    return (log_mean + batch.durations * (-log_mean).exp())[real].mean()


def acoustic_loss(model: AcousticModel, batch: Batch, share: float = SHARE) -> Tensor:
    """Mean squared error of the standardised parameters, and cross-entropy of the voicing.

    share: of the frames, chosen at random. Neighbours 5 ms apart say nearly the same, so a third of the frames of
    three times as many sentences teaches more than all frames of one.
    """
    frames = len(batch.targets)
    chosen = torch.randperm(frames)[: max(1, round(share * frames))]
    out = model(batch.features, batch.durations, batch.phones, chosen)  # [C, 127]
    wanted = batch.targets[chosen]
    squared = (out[:, :-1] - (wanted[:, :-1] - model.mean) / model.deviation).square().mean()
    return squared + F.binary_cross_entropy_with_logits(out[:, -1], wanted[:, -1])


def step_loss(model: DurationModel | AcousticModel, batch: Batch) -> float:
    """Loss and gradients of one batch."""
    loss = acoustic_loss(model, batch) if isinstance(model, AcousticModel) else duration_loss(model, batch)
    loss.backward()
    return loss.item()


@torch.no_grad()
def evaluate_durations(model: DurationModel, utterances: Sequence[Utterance]) -> dict[str, float]:
    """Of the phones, pauses left out: root-mean-square error, correlation, and length said for length predicted."""
    said, predicted = [], []
    for one in utterances:
        real = ~pauses(one.features) & (one.durations > 0)
        said.append(one.durations[real] * FRAME_MS)
        predicted.append(model.predict(one.features)[real] * FRAME_MS)
    a, b = np.concatenate(said), np.concatenate(predicted)
    return {
        "duration_rmse_ms": float(np.sqrt(np.mean((a - b) ** 2))),
        "duration_correlation": float(np.corrcoef(a, b)[0, 1]),
        "predicted_length_ratio": float(b.sum() / a.sum()),
    }


@torch.no_grad()
def evaluate_acoustics(model: AcousticModel, utterances: Sequence[Utterance]) -> dict[str, float]:
    """With natural durations and before parameter generation: distortion, F0, voicing, and the loss."""
    distances, cents, wrong, squared = [], [], [], []
    for one in utterances:
        means, probability = model.predict(one.features, one.durations)
        spoken, voiced = speech(one), probability > 0.5
        difference = means[:, 1:CEPSTRA] - one.static[:, 1:CEPSTRA]
        distances.append(DECIBELS * np.sqrt(np.square(difference).sum(axis=1))[spoken])
        both = voiced & one.voiced
        cents.append(np.square(np.exp(means[both, CEPSTRA]) - np.exp(one.static[both, CEPSTRA])))
        wrong.append((voiced != one.voiced)[spoken])
        wanted = (data.targets(one)[:, :-1] - means) / model.deviation.numpy()
        squared.append(np.square(wanted).mean(axis=1))
    return {
        "mel_cepstral_distortion_db": float(np.concatenate(distances).mean()),
        "f0_rmse_hz": float(np.sqrt(np.concatenate(cents).mean())),
        "voicing_error": float(np.concatenate(wrong).mean()),
        "held_out_squared_error": float(np.concatenate(squared).mean()),
    }


def optimizer_for(model: nn.Module, learning_rate: float) -> MuonAdam:
    """Muon for the matrices of the frame layers; Adam for the GRU, what enters and leaves, biases."""
    return muon_for(model, inner=("layers.",), lr=learning_rate)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(MODELS), required=True)
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--alignment", type=Path, default=data.ALIGNMENT, help="made by core.text.alignment")
    parser.add_argument("--cache", type=Path, default=data.CACHE, help="analysed recordings, made if absent")
    parser.add_argument("--run", type=Path, help="folder of checkpoints (default: runs/parametric-MODEL)")
    parser.add_argument(
        "--resume", type=str, help="name of shipped weights to begin from, e.g. parametric-acoustic"
    )
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--batch", type=int, default=12, help="sentences")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.6, help="last share of the run in which the rate falls")
    parser.add_argument("--ema", type=float, default=0.995)
    parser.add_argument("--evaluate-every", type=int, default=500)
    parser.add_argument("--limit", type=int, help="use only so many recordings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.prepare_cpu()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    found = data.prepare(options.data, options.alignment, cache=options.cache, limit=options.limit)
    learnt, held_out = data.split(found)
    model = cast(nn.Module, weights.load(options.resume) if options.resume else MODELS[options.model]())
    acoustic = isinstance(model, AcousticModel)
    folder = options.run or Path("runs") / f"parametric-{options.model}"
    begun = training.begun_from(weights.card(options.resume)) if options.resume else None
    done = training.Checkpoint(folder).steps() or (begun["step"] if begun else 0)
    if isinstance(model, AcousticModel) and not (options.resume or done):
        standardise(model, learnt)
    frames = sum(len(one.static) for one in learnt)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{len(learnt)} recordings, {frames * FRAME_MS / 60_000:.1f} min; {parameters:,} parameters", flush=True)
    schedule = training.Schedule(
        steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
        ema=options.ema, evaluate_every=options.evaluate_every, save_every=250,
    )  # fmt: skip
    stream = data.batches(learnt, batch=options.batch, seed=options.seed + done, acoustic=acoustic)
    training.fit(
        model.train(), stream, step_loss, folder=folder, schedule=schedule, seed=options.seed,
        command=training.command_line("core.parametric.train", options),
        evaluate=lambda m: (evaluate_acoustics if acoustic else evaluate_durations)(m, held_out),
        optimizer=optimizer_for(model, options.learning_rate), begun=begun,
    )  # fmt: skip


if __name__ == "__main__":
    main()
