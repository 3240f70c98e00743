"""Fine-tune our WaveNet on what Tacotron 2 makes: python -m core.tacotron2.vocoder --data PATH --minutes 30

A vocoder that has only met the mels of recordings takes a predicted, blurred one at its word. So it goes on learning
from the predictions themselves, each made while the true frames are fed to the decoder, so that it fits the recording
in time (Shen et al. 2018, arXiv:1712.05884, sections 2.3 and 3.3.2: "ground truth aligned").

Begins from the shipped vocoder and continues the run in --run. `--compare` judges both on the held-out prompts, read
from their text; `--write` ships the run with what was measured. Differs from the paper: it trained its vocoder on
predictions alone, this one goes on from one trained on recordings.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numba
import torch
from safetensors.torch import load_file

from core import audio, training, weights
from core.tacotron2 import data, measure, sample
from core.tacotron2.model import Tacotron2
from core.tacotron2.train import run as teacher_forced
from core.text import alignment
from core.voice_metrics import Metric, for_card, harvard, judged
from core.wavenet import data as corpus
from core.wavenet import train as wavenet_train
from core.wavenet.model import WaveNet

NAME = "wavenet-vocoder-tacotron2"
COMMAND = "python -m core.tacotron2.vocoder --data PATH --compare"
BASE = "wavenet-vocoder"
FAILURES = [
    "Tuned to what one Tacotron 2 makes of one woman's voice: mels of recordings are wavenet-vocoder's.",
    "Short of training, as wavenet-vocoder is.",
]


def predicted(
    model: Tacotron2, recordings: Sequence[corpus.Recording], known: dict[str, alignment.Alignment], *,
    own_attention: bool = True, batch: int = 16,
) -> Iterator[corpus.Recording]:  # fmt: skip
    """Recordings with the mels that the network predicts for them, frame by frame beside their sound.

    The silences around the speech, which the network does not make, are cut off the sound as well.

    Args:
        known: the alignment of every recording that is wanted.
        own_attention: whether the network looks by itself, or where the alignment says.
    Yields:
        Recordings of F frames and (F - 1) 200 samples, in order of their length.
    """
    there = [one for one in recordings if one.name in known]
    there.sort(key=lambda one: one.mel.shape[1])
    for i in range(0, len(there), batch):
        group = there[i : i + batch]
        batch_of = data.collate([data.aligned(one, known[one.name]) for one in group], model.config.frames_per_step)
        with torch.no_grad():
            mels = teacher_forced(model, batch_of, own_attention=own_attention).after  # [B, 80, F]
        for one, mel in zip(group, mels):
            low, high = data.spoken(one, known[one.name])
            span = slice(low * audio.HOP_SAMPLES, (high - 1) * audio.HOP_SAMPLES)
            said = mel[:, : high - low].contiguous()
            yield corpus.Recording(one.name, one.audio[span], one.codes[span], said)


def compare(networks: dict[str, WaveNet], model: Tacotron2, folder: Path, *, limit: int | None = None) -> list[Metric]:
    """Character error and DNSMOS of the prompts and the Harvard sentences, read from their text, by each network."""
    prompts = alignment.texts(folder)
    names = sorted(corpus.HELD_OUT & prompts.keys())[:limit]
    found = []
    for split, texts in (("held-out prompts", [prompts[name] for name in names]), ("Harvard", harvard(limit or 100))):
        said = measure.decoded(texts, model)
        for name, network in networks.items():
            sounds = [sample.vocode(one.mel, wavenet=network) for one in said]
            found += judged(f"Tacotron 2, {name}", sounds, texts, f"{len(texts)} {split}", "compare")
    return found


def of_run(folder: Path) -> tuple[WaveNet, dict[str, Any]]:
    """The averaged weights of a run, and its counters."""
    model = WaveNet(cast(WaveNet, weights.load(BASE)).config)
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), json.loads((folder / "state.json").read_text())


def ship(model: WaveNet, state: dict[str, Any], metrics: list[Metric]) -> Path:
    """Write assets/weights/wavenet-vocoder-tacotron2 with its card."""
    return weights.save(
        model, NAME, sample_rate_hz=audio.SAMPLE_RATE_HZ,
        description=f"{BASE}, trained on with the mels that tacotron2-english predicts for its recordings "
        "(teacher-forced, arXiv:1712.05884, section 2.3): it speaks what Tacotron 2 makes.",
        training_command=training.commands(state), commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"),
        data=measure.DATA, metrics=for_card(metrics, COMMAND.removesuffix(" --compare")), known_failures=FAILURES,
    )  # fmt: skip


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--alignment", type=Path, default=Path("runs/alignment-kathleen.json"))
    parser.add_argument("--tacotron", type=Path, help="training run of Tacotron 2 in place of the shipped weights")
    parser.add_argument("--given-attention", action="store_true", help="Tacotron 2 looks where the alignment says")
    parser.add_argument("--run", type=Path, default=Path("runs") / NAME, help="folder of checkpoints")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--frames", type=int, default=16, help="length of a crop, in hops of 200 samples")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--noise", type=float, default=2.0, help="disturb the past by up to so many codes")
    parser.add_argument("--evaluate-every", type=int, default=2000)
    parser.add_argument("--limit", type=int, help="use only so many recordings, to try things out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--compare", action="store_true", help="judge the run beside the vocoder it began from")
    parser.add_argument("--write", action="store_true", help="with --compare: ship the run")
    return parser.parse_args(arguments)


def fit(options: argparse.Namespace, tacotron: Tacotron2) -> None:
    """The training itself."""
    known = alignment.read(options.alignment)
    model = cast(WaveNet, weights.load(BASE)).train()
    parts = []
    for held_out in (False, True):
        found = corpus.load(options.data, held_out=held_out, limit=8 if held_out else options.limit)
        made = list(predicted(tacotron, found, known, own_attention=not options.given_attention))
        parts.append(wavenet_train.with_clock(model, made, fit=False))
    recordings, held = parts
    print(f"{len(recordings)} recordings with predicted mels", flush=True)
    begun = training.begun_from(weights.card(BASE))
    done = training.Checkpoint(options.run).steps() or begun["step"]
    training.fit(
        model, corpus.batches(recordings, batch=options.batch, frames=options.frames, seed=options.seed + done),
        functools.partial(wavenet_train.step_loss, noise=options.noise), folder=options.run,
        schedule=training.Schedule(
            steps=options.steps, minutes=options.minutes, learning_rate=options.learning_rate, decay=1.0,
            evaluate_every=options.evaluate_every,
        ),
        evaluate=lambda network: wavenet_train.evaluate(network, held), seed=options.seed, begun=begun,
        optimizer=wavenet_train.optimizer_for(model, options.learning_rate),
        command=training.command_line("core.tacotron2.vocoder", options),
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    training.prepare_cpu()
    if options.threads:
        torch.set_num_threads(options.threads)
        numba.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    tacotron = measure.of_run(options.tacotron)[0] if options.tacotron else sample.load()
    if options.steps or options.minutes:
        fit(options, tacotron)
    elif not options.compare:
        raise SystemExit("Give --steps or --minutes, or --compare.")
    if options.compare:
        there = (options.run / "state.json").is_file()
        tuned, state = of_run(options.run) if there else (cast(WaveNet, weights.load(NAME)), {})
        networks = {BASE: cast(WaveNet, weights.load(BASE)), NAME: tuned}
        found = compare(networks, tacotron, options.data, limit=options.limit)
        if options.write and there:
            print(ship(tuned, state, found))


if __name__ == "__main__":
    main()
