"""Train Tacotron 2: python -m core.tacotron2.train --data PATH --alignment runs/alignment-kathleen.json --minutes 60

The alignment is written by `python -m core.text.alignment --data PATH --out FILE`. With it every decoder step is
computed at once (Tacotron2.teach), while the attention learns to look where the alignment says; `--own-attention`
trains as the paper does, step after step, with the attention that the network has by itself. Continues the run in
--run; else begins from the shipped weights of --resume, if given; else anew. Ctrl-C ends a run in good order.

    python -m core.tacotron2.train --language ko --data runs/teacher-ko --minutes 60

learns Korean, from the corpus of `python -m core.tacotron2.teacher`, which has its alignment in itself, or from one in
the layout of KSS, which has none, so that training goes step after step.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from core import training, weights
from core.tacotron2 import data
from core.tacotron2.model import PRESETS, Outputs, Tacotron2, Tacotron2Config
from core.text.tokens import table

ATTENTION_WEIGHT = 0.3  # of the cross-entropy between the attention and the alignment
STOP_WEIGHT = 0.2
UNITS = {"en": "phones", "ko": "sounds"}  # language -> unit of its tokens
STOP_S = 0.1  # at the end of a sentence, where to stop is right


def losses(model: Tacotron2, batch: data.Batch, out: Outputs) -> dict[str, Tensor]:
    """What is wrong with a batch: mel (before and after the postnet), stop, attention.

    The paper minimises squared errors alone; half of ours is absolute error, which blurs less on an hour of speech.
    """
    r, scale = model.config.frames_per_step, model.config.mel_scale
    steps = -(-batch.frames // r)
    real = (torch.arange(out.stop.shape[1])[None] < steps[:, None]).to(out.stop.device)  # [B, S]
    frames = real.repeat_interleave(r, dim=1)[:, None].float()  # [B, 1, F]
    count = frames.sum() * batch.mel.shape[1]
    mel = out.before.new_zeros(())
    for said in (out.before, out.after):
        error = (said - batch.mel) * frames / scale
        mel = mel + (error.abs().sum() + error.square().sum()) / count
    last = steps - max(1, round(STOP_S / (r * data.FRAME_S)))
    ends = (torch.arange(out.stop.shape[1])[None] >= last[:, None]).float().to(out.stop.device)
    stop = F.binary_cross_entropy_with_logits(out.stop, ends, weight=real.float(), reduction="sum") / real.sum()
    found = {"mel": mel, "stop": STOP_WEIGHT * stop}
    if batch.alignment is not None:
        log_weights = torch.log_softmax(out.energies, dim=2).masked_fill(batch.alignment == 0, 0.0)
        cross_entropy = -(batch.alignment * log_weights).sum(dim=2)  # [B, S]
        found["attention"] = ATTENTION_WEIGHT * (cross_entropy * real).sum() / real.sum()
    return found


def run(model: Tacotron2, batch: data.Batch, *, own_attention: bool = False) -> Outputs:
    """Teacher forcing, with the batch's alignment or with the network's own attention."""
    if own_attention or batch.alignment is None:
        return cast(Outputs, model(batch.ids, batch.lengths, batch.mel))
    return model.teach(batch.ids, batch.lengths, batch.mel, batch.alignment)


def step_loss(model: Tacotron2, batch: data.Batch, own_attention: bool = False) -> float:
    """Loss and gradients of one batch."""
    moved = on(batch, next(model.parameters()).device)
    loss = torch.stack(list(losses(model, moved, run(model, moved, own_attention=own_attention)).values())).sum()
    loss.backward()
    return loss.item()


def on(batch: data.Batch, device: torch.device) -> data.Batch:
    """The batch's large tensors on a device; lengths stay where they are counted with."""
    looks = None if batch.alignment is None else batch.alignment.to(device)
    return replace(batch, ids=batch.ids.to(device), mel=batch.mel.to(device), alignment=looks)


@torch.no_grad()
def evaluate(model: Tacotron2, examples: Sequence[data.Example], *, batch: int = 16) -> dict[str, float]:
    """Held-out losses with the true alignment, and how often the attention looks at the right token."""
    device = next(model.parameters()).device
    total: dict[str, float] = {}
    right = steps = 0
    ordered = sorted(examples, key=lambda one: one.mel.shape[1])
    for i in range(0, len(ordered), batch):
        group = on(data.collate(ordered[i : i + batch], model.config.frames_per_step), device)
        out = run(model, group)
        for name, value in losses(model, group, out).items():
            total[name] = total.get(name, 0.0) + float(value) * len(ordered[i : i + batch]) / len(ordered)
        if group.alignment is not None:
            real = group.alignment.sum(dim=2) > 0
            chosen = group.alignment.gather(2, out.alignment.argmax(dim=2, keepdim=True))[..., 0] > 0
            right, steps = right + int((chosen & real).sum()), steps + int(real.sum())
    return {f"held_out_{name}": value for name, value in total.items()} | {"attention_right": right / max(1, steps)}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=sorted(UNITS), default="en")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--attention", choices=("location", "content"), default="location")
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--alignment", type=Path, default=Path("runs/alignment-kathleen.json"), help="for English")
    parser.add_argument("--own-attention", action="store_true", help="step after step, as in the paper")
    parser.add_argument("--run", type=Path, help="folder of checkpoints, runs/tacotron2-english, -korean or -content")
    training.run_options(parser)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--decay", type=float, default=0.5, help="last share of the run in which the rate falls")
    parser.add_argument("--evaluate-every", type=int, default=500)
    parser.add_argument("--limit", type=int, help="only so many recordings, to try things out")
    parser.add_argument("--keep", type=int, nargs="*", default=[], help="steps whose weights are kept beside the run")
    options = parser.parse_args(arguments)
    if options.run is None:
        kind = "content" if options.attention == "content" else {"en": "english", "ko": "korean"}[options.language]
        options.run = Path(f"runs/tacotron2-{kind}")
    return options


def config_for(options: argparse.Namespace) -> Tacotron2Config:
    """The network's preset with the symbols of its language."""
    language, unit = options.language, UNITS[options.language]
    return replace(
        PRESETS[options.preset], attention=options.attention, symbols=len(table(language, unit)), language=language,
        unit=unit,
    )  # fmt: skip


def load(options: argparse.Namespace, *, held_out: bool = False) -> list[data.Example]:
    """The corpus of the command line, or the part of it that is held out."""
    limit = None if held_out else options.limit
    if options.language == "ko":
        return data.load_korean(options.data, held_out=held_out, limit=limit)
    return data.load(options.data, options.alignment, held_out=held_out, limit=limit)


def resumed(name: str, attention: str) -> Tacotron2:
    """Shipped weights; with content-based attention, all but those of the location features."""
    model = cast(Tacotron2, weights.load(name))
    if model.config.attention == attention:
        return model
    other = Tacotron2(replace(model.config, attention=attention))
    other.load_state_dict({key: value for key, value in model.state_dict().items() if key in other.state_dict()})
    return other


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.opening(options)
    model = resumed(options.resume, options.attention) if options.resume else Tacotron2(config_for(options))
    if model.config.language != options.language:
        raise SystemExit(f"{options.resume} speaks {model.config.language}: give --language {model.config.language}.")
    model = model.to(training.device_for(options.device)).train()
    examples, held_out = load(options), load(options, held_out=True)
    seconds = sum(one.mel.shape[1] for one in examples) * data.FRAME_S
    size = sum(p.numel() for p in model.parameters())
    print(f"{len(examples)} sentences, {seconds / 60:.1f} min; {size:,} parameters", flush=True)
    steps = training.Checkpoint(options.run).steps()
    training.fit(
        model, data.batches(examples, batch=options.batch, frames_per_step=model.config.frames_per_step,
                            seed=options.seed + steps),
        functools.partial(step_loss, own_attention=options.own_attention), folder=options.run,
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=options.decay,
            evaluate_every=options.evaluate_every, ema=0.998,
        ),
        evaluate=functools.partial(evaluate, examples=held_out), seed=options.seed,
        command=training.command_line("core.tacotron2.train", options), keep=options.keep,
        begun=training.begun_from(weights.card(options.resume)) if options.resume else None,
    )  # fmt: skip


if __name__ == "__main__":
    main()
