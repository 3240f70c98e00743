"""Is the product in the gate worth it? python -m core.wavenet.ablation --data PATH [--steps N]

Trains small WaveNets that differ in one line: the gate multiplies tanh and sigmoid (the paper), adds them (the
lecture's code), or is a ReLU. Same recordings, same batches in the same order, same seeds, same steps, the same
optimiser, and as nearly as possible the same number of parameters that learn. The curves go to
assets/tables/wavenet-ablation.json.
"""

from __future__ import annotations

import argparse
import json
import shlex
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from core import training
from core.wavenet import data
from core.wavenet.model import WaveNet, WaveNetConfig
from core.wavenet.train import bits_per_sample, evaluate

GATES = ("multiply", "add", "relu")
TABLE = Path(__file__).resolve().parents[2] / "assets/tables/wavenet-ablation.json"
BASE = WaveNetConfig(
    residual_channels=32, gate_channels=64, skip_channels=64, head_channels=64, layers=10, layers_per_cycle=10,
    condition_channels=32,
)  # fmt: skip


def config_for(gate: str, base: WaveNetConfig = BASE) -> WaveNetConfig:
    """The network of one gate.

    A ReLU has no second half to feed, so at equal width it would have a third fewer weights in each layer. It gets
    more channels instead, until its layers have as many as the others'.

    Args:
        gate: one of GATES.  base: the sizes of the network that multiplies.
    Returns:
        the configuration; for "relu" its gate_channels are larger.
    Raises:
        ValueError: no such gate.
    """
    if gate not in GATES:
        raise ValueError(f"The gates are {', '.join(GATES)}, not {gate!r}.")
    if gate != "relu":
        return replace(base, gate=gate)
    candidates = [replace(base, gate=gate, gate_channels=2 * half) for half in range(1, 2 * base.gate_channels)]
    target = learning_parameters(base)
    return min(candidates, key=lambda config: abs(learning_parameters(config) - target))


def learning_parameters(config: WaveNetConfig) -> int:
    """How many numbers the network learns; the half that a ReLU ignores is not counted."""
    with torch.device("meta"):
        model = WaveNet(config)
    total = sum(parameter.numel() for parameter in model.parameters())
    if config.gate != "relu":
        return total
    ignored = config.gate_channels // 2 * (config.kernel_size * config.residual_channels + 1)
    if config.mel_channels:
        ignored += config.gate_channels // 2 * (config.condition_channels + 1)
    return total - config.layers * ignored


def step_loss(model: nn.Module, batch: tuple) -> float:
    """Loss in bits per sample, and its gradients; plain automatic differentiation for every gate."""
    codes, mel = batch
    loss = bits_per_sample(model, codes, mel if model.config.mel_channels else None)
    loss.backward()
    return loss.item()


def run(
    gate: str, seed: int, *, recordings: list, held_out: list, schedule: training.Schedule, batch: int, frames: int,
    base: WaveNetConfig = BASE,
) -> dict:  # fmt: skip
    """Train one network.

    Args:
        recordings, held_out: from `data.load`.  batch, frames: crops a step, and their length in hops of 200 samples.
    Returns:
        gate, seed, parameters, seconds, and the curves: train and held_out, each [[step, bits per sample], ...].
    """
    config = config_for(gate, base)
    torch.manual_seed(seed)
    model = WaveNet(config).train()
    stream = data.batches(recordings, batch=batch, frames=frames, seed=seed)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        training.fit(
            model, stream, step_loss, folder=Path(folder), schedule=schedule,
            evaluate=lambda m: evaluate(m, held_out), seed=seed,
        )  # fmt: skip
        lines = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()]
    held = {line["step"]: line["held_out_bits_per_sample"] for line in lines if "held_out_bits_per_sample" in line}
    return {
        "gate": gate, "seed": seed, "gate_channels": config.gate_channels,
        "learning_parameters": learning_parameters(config), "seconds": round(time.perf_counter() - started, 1),
        "train": [[line["step"], round(line["loss"], 4)] for line in lines if "loss" in line],
        "held_out": [[step, round(bits, 4)] for step, bits in sorted(held.items())],
    }  # fmt: skip


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="corpus: metadata.csv beside wavs/ or flac/")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--gates", nargs="+", choices=GATES, default=list(GATES))
    parser.add_argument("--mel", action="store_true", help="condition on the mel spectrogram, as a vocoder is")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--frames", type=int, default=24, help="length of a crop, in hops of 200 samples")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--limit", type=int, help="use only so many training recordings")
    parser.add_argument("--held-out", type=int, default=6, help="how many held-out sentences to measure on")
    parser.add_argument("--evaluate-every", type=int, default=250)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--add", action="store_true", help="keep the runs that the table has, and add these seeds")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> dict:
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    recordings = data.load(options.data, limit=options.limit)
    held_out = data.load(options.data, held_out=True, limit=options.held_out)
    base = replace(BASE, mel_channels=80 if options.mel else 0)
    schedule = training.Schedule(
        steps=options.steps, learning_rate=options.learning_rate, ema=0.99, log_every=25,
        evaluate_every=options.evaluate_every, save_every=10**9,
    )  # fmt: skip
    table = {
        "command": "", "steps": options.steps, "seeds": [], "batch": options.batch,
        "crop_samples": options.frames * 200, "learning_rate": options.learning_rate, "base": base.to_dict(),
        "training_recordings": len(recordings), "held_out_recordings": [recording.name for recording in held_out],
        "held_out_samples": sum(recording.codes.shape[0] for recording in held_out), "runs": [],
    }  # fmt: skip
    if options.add:
        table |= {key: json.loads(options.table.read_text(encoding="utf-8"))[key] for key in ("seeds", "runs")}
    for seed in options.seeds:
        table["runs"] += [
            run(gate, seed, recordings=recordings, held_out=held_out, schedule=schedule, batch=options.batch,
                frames=options.frames, base=base)
            for gate in options.gates
        ]  # fmt: skip
        table["seeds"] = sorted({*table["seeds"], seed})
        table["command"] = command(options, table["seeds"])
        options.table.parent.mkdir(parents=True, exist_ok=True)
        options.table.write_text(json.dumps(table) + "\n", encoding="utf-8")
    return table


def command(options: argparse.Namespace, seeds: list[int]) -> str:
    """What to type for the whole table; options at their defaults are left out."""
    words = ["python", "-m", "core.wavenet.ablation", "--data", "PATH"]
    defaults = parse(["--data", "PATH"])
    for name, value in vars(options).items():
        if name in ("data", "table", "add", "seeds") or value == getattr(defaults, name):
            continue
        values = value if isinstance(value, list) else [] if value is True else [value]
        words += ["--" + name.replace("_", "-"), *map(str, values)]
    return shlex.join([*words, *(["--seeds", *map(str, seeds)] if seeds != defaults.seeds else [])])


if __name__ == "__main__":
    main()
