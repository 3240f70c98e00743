"""Train the recogniser.

    python -m core.recognition.train --data PATH/kathleen --voices PATH/tsp_harvard --digits PATH/fsdd \\
        --prompts PATH/sounds --prompt-texts PATH/transcripts.csv --synthetic runs/recognition-synthetic \\
        --noise PATH/noise_esc10 PATH/everything-is-free --minutes 60

--data is a voice in LJSpeech's layout; the others are welcome, none is needed. Continues the run in --run; else begins
from the shipped weights of --resume, if given; else anew. Ctrl-C ends a run in good order.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from core import audio, training, weights
from core.recognition import augment, data
from core.recognition.augment import Augmenter, Batch, Strength
from core.recognition.data import Sound, Utterance
from core.recognition.model import BLANK, PRESETS, Recogniser, decode_text

# How often a training example is of each source; only ratios among those that are there matter.
SHARES = {"sentences": 0.34, "voices": 0.13, "digits": 0.12, "prompts": 0.13, "synthetic": 0.23, "nothing": 0.05}
# Sounds that confidence is set (the first three) and measured with.
NOT_TO_TRAIN = ("chainsaw", "clock_tick", "7-francium", "5-rubidium")
STATISTICS_OF = 300  # utterances that say what an average voice is


def step_loss(strength: Strength, generator: torch.Generator) -> Callable[[Recogniser, Batch], float]:
    """Loss and gradients of one batch, for `core.training.fit`.

    -log p(text | sound), equation 12 of Graves et al. 2006, for each letter of the batch.
    """

    def step(model: Recogniser, batch: Batch) -> float:
        device = next(model.parameters()).device
        features = model.normalise(batch.mel.to(device), batch.frames.to(device))
        features = augment.masked(features, batch.frames, strength, generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cpu"):
            scores = model.scores(features)
        loss = ctc_loss(scores, batch)
        loss.backward()
        return loss.item()

    return step


def ctc_loss(scores: Tensor, batch: Batch) -> Tensor:
    """Mean over the batch's letters of -log p(text). scores: float [B, T, K]. All T steps count: what follows an
    utterance is silence, and its steps are blanks."""
    steps = torch.full((len(scores),), scores.shape[1], dtype=torch.long)
    log_probs = scores.float().log_softmax(dim=-1).transpose(0, 1)  # [T, B, K]
    found = F.ctc_loss(
        log_probs, batch.targets.to(scores.device), steps, batch.lengths, blank=BLANK, reduction="sum",
        zero_infinity=True,
    )  # fmt: skip
    return found / (batch.lengths.sum() + len(scores))


@torch.no_grad()
def heard(model: Recogniser, utterances: Sequence[Utterance]) -> list[str]:
    """What the network writes, by the most probable symbol of each step."""
    out = []
    for one in utterances:
        best = model(one.mel.float()[None])[0].argmax(dim=-1)
        out.append(decode_text(torch.unique_consecutive(best).tolist()))
    return out


def evaluate(model: Recogniser, watched: dict[str, list[Utterance]]) -> dict[str, float]:
    """Character errors of each part that watches the training: edits for each letter of the right text."""
    return {
        f"{part}_error": round(edits(heard(model, them), [one.text for one in them]), 4)
        for part, them in watched.items() if them
    }  # fmt: skip


def edits(found: Sequence[str], wanted: Sequence[str]) -> float:
    """All insertions, deletions and substitutions for all letters wanted (Levenshtein 1966)."""
    total = 0
    for a, b in zip(found, wanted):
        row = list(range(len(b) + 1))
        for i, letter in enumerate(a, start=1):
            corner, row[0] = row[0], i
            for j, other in enumerate(b, start=1):
                corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (letter != other))
        total += row[-1]
    return total / max(1, sum(map(len, wanted)))


def corpora(options: argparse.Namespace) -> list[list[Sound]]:
    """The sounds of each corpus that the command names."""
    found = [data.sentences(options.data)]
    if options.voices:
        found.append(data.voices(options.voices))
    if options.digits:
        found.append(data.digits(options.digits))
    if options.prompts:
        found.append(data.prompts(options.prompts, options.prompt_texts))
    return found


def material(options: argparse.Namespace, cache: Path) -> tuple[list[Utterance], dict[str, list[Utterance]]]:
    """What is learned from, and what watches the training."""
    learn: list[Utterance] = []
    watched: dict[str, list[Utterance]] = {}
    for sounds in corpora(options):
        for part, most in (("train", options.limit), ("watch", 60), ("test", 60)):
            chosen = data.of_part(sounds, part)
            if part == "test":
                chosen = chosen[:: max(1, len(chosen) // most)]
            found = data.load(chosen[:most], cache=cache)
            if part == "train":
                learn += found
            elif found:
                watched[f"{found[0].source}_{part}"] = found
    if options.synthetic:
        learn += data.kept(options.synthetic)
    return learn, watched


def noises(options: argparse.Namespace, cache: Path) -> list[Tensor]:
    """Log-mels float16 [80, F] of sounds without speech."""
    out = []
    for place, folder in enumerate(options.noise):
        stored = cache / f"noise-{place}"
        if not stored.with_suffix(".json").exists():
            data.keep(stored, (
                Utterance(name, "noise", "", "", audio.mel(x).half()) for name, x in data.noises(folder)
                if not any(song in name for song in NOT_TO_TRAIN)
            ))  # fmt: skip
        out += [one.mel for one in data.kept(stored)]
    return out


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="english")
    parser.add_argument("--data", type=Path, required=True, help="one voice: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--voices", type=Path, help="TSP speech database: metadata.csv beside opus/")
    parser.add_argument("--digits", type=Path, help="Free Spoken Digit Dataset")
    parser.add_argument("--prompts", type=Path, help="telephone prompts: Asterisk's core sounds")
    parser.add_argument("--prompt-texts", type=Path, help="what they say: name|text")
    parser.add_argument("--synthetic", type=Path, help="what core.recognition.synthetic wrote")
    parser.add_argument("--noise", type=Path, nargs="*", default=[], help="folders of sounds without speech")
    parser.add_argument("--run", type=Path, help="folder of checkpoints (default: runs/recognition-PRESET)")
    parser.add_argument("--cache", type=Path, help="folder of spectrograms (default: RUN/cache)")
    training.run_options(parser)
    parser.add_argument("--batch-seconds", type=float, default=40.0, help="of sound in a batch")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.6, help="last share of the run in which the rate falls")
    parser.add_argument("--evaluate-every", type=int, default=500)
    parser.add_argument("--strength", type=float, default=1.0, help="of the augmentation")
    parser.add_argument("--dropout", type=float, default=PRESETS["english"].dropout)
    parser.add_argument("--shares", nargs="*", default=[], help="SOURCE=SHARE, see SHARES")
    parser.add_argument("--limit", type=int, help="use only so many utterances of a corpus, to try things out")
    options = parser.parse_args(arguments)
    if options.prompts and not options.prompt_texts:
        parser.error("--prompts needs --prompt-texts")
    return options


def command(options: argparse.Namespace) -> str:
    """How to start such a run, for the card: every corpus is PATH."""
    shown = vars(options).copy()
    for name in ("digits", "prompts", "prompt_texts"):
        shown[name] = shown[name] and "PATH"
    shown["noise"] = ["PATH"] * len(options.noise)
    shown["synthetic"] = options.synthetic and "runs/recognition-synthetic"
    return training.command_line("core.recognition.train", argparse.Namespace(**shown))


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.opening(options)
    folder = options.run or Path("runs") / f"recognition-{options.preset}"
    cache = options.cache or folder / "cache"
    learn, watched = material(options, cache)
    model = cast(Recogniser, weights.load(options.resume)) if options.resume else Recogniser(PRESETS[options.preset])
    model.config = replace(model.config, dropout=options.dropout)
    begun: dict[str, Any] | None = training.begun_from(weights.card(options.resume)) if options.resume else None
    done = training.Checkpoint(folder).steps() or (begun["step"] if begun else 0)
    if not options.resume:
        model.set_statistics([one.mel.float() for one in learn[:: max(1, len(learn) // STATISTICS_OF)]])
    shares = SHARES | {key: float(value) for key, value in (one.split("=") for one in options.shares)}
    strength = Strength().scaled(options.strength)
    augmenter = Augmenter(
        learn, shares, noises=noises(options, cache), strength=strength, seed=options.seed + done
    )
    model = model.to(training.device_for(options.device)).train()
    hours: dict[str, float] = {}
    for one in learn:
        hours[one.source] = hours.get(one.source, 0.0) + one.frames * audio.HOP_SAMPLES / audio.SAMPLE_RATE_HZ / 3600
    size = sum(p.numel() for p in model.parameters())
    print({source: round(value, 2) for source, value in hours.items()}, "hours;", f"{size:,} parameters", flush=True)
    training.fit(
        model, augment.batches(augmenter, seconds=options.batch_seconds, step=done),
        step_loss(strength, torch.Generator().manual_seed(options.seed + done)),
        folder=folder,
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
            evaluate_every=options.evaluate_every, ema=0.998,
        ),
        evaluate=lambda network: evaluate(network, watched), seed=options.seed, begun=begun, command=command(options),
    )  # fmt: skip


if __name__ == "__main__":
    main()
