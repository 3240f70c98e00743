"""Are the LSTM blocks worth it? python -m core.separation.ablation --data PATH/mir1k --minutes 180

Trains three networks on the same batches in the same order, for the same steps, from the same seed: MMDenseLSTM, the
MMDenseNet that is left when its LSTM blocks go, and an MMDenseNet that was widened until it has as many parameters.
Scores them on clips that none has heard; the table goes to assets/tables/separation-ablation.json.
"""

from __future__ import annotations

import argparse
import bisect
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core import training
from core.separation import data, measure, train
from core.separation.model import PRESETS, BandConfig, MMDenseLSTM, MMDenseLSTMConfig
from core.separation.sample import separate
from core.separation.shapes import without_lstm

TABLE = Path(__file__).resolve().parents[2] / "assets/tables/separation-ablation.json"
NETWORKS = ("MMDenseLSTM", "MMDenseNet", "MMDenseNet, widened")
TIMED_STEPS = 4  # the first does not count
WIDTHS = [1 + i / 200 for i in range(600)]  # of a widened network, as multiples: 1 to 4


def networks(base: MMDenseLSTMConfig) -> dict[str, MMDenseLSTMConfig]:
    """The three networks of the table, by the names of NETWORKS."""
    bare = without_lstm(base)
    return dict(zip(NETWORKS, (base, bare, widened(bare, parameters(base)))))


def parameters(config: MMDenseLSTMConfig) -> int:
    """How many numbers the network learns."""
    with torch.device("meta"):
        return sum(p.numel() for p in MMDenseLSTM(config).parameters())


def widened(config: MMDenseLSTMConfig, wanted: int) -> MMDenseLSTMConfig:
    """The network with more maps in every block, all by the same factor, until it has about `wanted` parameters."""

    def wider(band: BandConfig, factor: float) -> BandConfig:
        growth = tuple(round(k * factor) for k in band.growth)
        return replace(band, channels=round(band.channels * factor), growth=growth)

    def at(factor: float) -> MMDenseLSTMConfig:
        bands = tuple(wider(band, factor) for band in config.bands)
        final = round(config.final_growth * factor)
        return replace(config, bands=bands, full=wider(config.full, factor), final_growth=final)

    above = bisect.bisect_left(WIDTHS, wanted, key=lambda factor: parameters(at(factor)))
    near = [at(WIDTHS[i]) for i in (above - 1, above) if 0 <= i < len(WIDTHS)]
    return min(near, key=lambda one: abs(parameters(one) - wanted))


def build(config: MMDenseLSTMConfig, songs: Sequence[data.Song], samples: int, seed: int) -> MMDenseLSTM:
    """An untrained network with the input statistics of the songs, ready to train."""
    torch.manual_seed(seed)
    model = MMDenseLSTM(config)
    train.statistics(model, next(data.batches(songs, batch=64, samples=samples, seed=1)))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.train()


def seconds_per_step(config: MMDenseLSTMConfig, songs: Sequence[data.Song], batch: int, samples: int) -> float:
    """How long a step takes here, measured on a network that is thrown away."""
    model = build(config, songs, samples, seed=0)
    optimizer = torch.optim.Adam(model.parameters())
    stream = data.batches(songs, batch=batch, samples=samples)
    started = 0.0
    for step in range(TIMED_STEPS):
        started = time.perf_counter() if step == 1 else started
        train.step_loss(model, next(stream))
        optimizer.step()
        optimizer.zero_grad()
    return (time.perf_counter() - started) / (TIMED_STEPS - 1)


def scores(model: MMDenseLSTM, songs: Sequence[data.Song], name: str) -> dict[str, float]:
    """Plain SDR and its gain, and BSS Eval's figures of voice and accompaniment, mean over the clips, in dB."""

    def by_network(parts: Tensor) -> Tensor:
        found = separate(parts.sum(dim=0), songs[0].sample_rate_hz, network=model)
        return torch.stack(list(found.values()))

    plain = train.evaluate(model, songs)
    rows = measure.scored(name, songs, by_network, f"{len(songs)} clips")
    return {"SDR": plain["held_out_sdr"], "SDR gain": plain["held_out_gain"]} | {
        row.name.partition(" (dB)")[0]: row.value for row in rows
    }


def run(
    name: str, config: MMDenseLSTMConfig, *, songs: Sequence[data.Song], validation: Sequence[data.Song],
    test: Sequence[data.Song], schedule: training.Schedule, batch: int, samples: int, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Train one network and score it.

    Returns:
        network, config, parameters, steps, seconds_per_step, the mean loss of the last steps, and the scores of
        validation and test.
    """
    model = build(config, songs, samples, seed)
    stream: Iterator[Tensor] = data.batches(songs, batch=batch, samples=samples, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        state = training.fit(model, stream, train.step_loss, folder=Path(folder), schedule=schedule, seed=seed)
        seconds = time.perf_counter() - started
        lines = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()]
    model.eval()
    with torch.no_grad():
        found = {"validation": scores(model, validation, name), "test": scores(model, test, name)}
    return {
        "network": name, "config": asdict(config), "parameters": parameters(config),
        "lstm_parameters": parameters(config) - parameters(without_lstm(config)), "steps": state["step"],
        "seconds_per_step": round(seconds / state["step"], 3), "loss": round(lines[-1]["loss"], 5),
        **{part: {key: round(value, 3) for key, value in values.items()} for part, values in found.items()},
    }  # fmt: skip


def spread(songs: list[data.Song], count: int) -> list[data.Song]:
    """So many of the songs, evenly spaced, so that not all are of the first singers."""
    if count >= len(songs):
        return songs
    return [songs[i * len(songs) // count] for i in range(count)]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="MIR-1K")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="vocals", help="the network with LSTM blocks")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int, help="of each network")
    length.add_argument("--minutes", type=float, help="of training, all three together")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a crop")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--clips", type=int, default=24, help="how many test clips to score")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=int, help="use only so many training clips, to try things out")
    parser.add_argument("--table", type=Path, default=TABLE)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    training.prepare_cpu()
    configs = networks(PRESETS[options.preset])
    songs = data.load_mir1k(options.data, part="train", limit=options.limit)
    validation = data.load_mir1k(options.data, part="validation")
    test = spread(data.load_mir1k(options.data, part="test"), options.clips)
    samples = round(options.seconds * PRESETS[options.preset].sample_rate_hz)
    steps = options.steps
    if options.minutes:
        pace = sum(seconds_per_step(config, songs, options.batch, samples) for config in configs.values())
        steps = max(1, round(options.minutes * 60 / pace))
        print(f"{steps} steps each", flush=True)
    schedule = training.Schedule(
        steps=steps, learning_rate=options.learning_rate, decay=0.6, ema=0.998, log_every=min(50, steps),
        save_every=10**9,
    )  # fmt: skip
    table: dict[str, Any] = {
        "command": training.command_line("core.separation.ablation", options), "commit": training.commit_hash(),
        "device": training.device_name(torch.device("cpu")), "preset": options.preset, "seed": options.seed,
        "steps": steps, "batch": options.batch, "crop_seconds": options.seconds,
        "learning_rate": options.learning_rate, "train_clips": len(songs),
        "train_minutes": round(sum(song.parts.shape[-1] / song.sample_rate_hz for song in songs) / 60, 1),
        "validation": [song.name for song in validation], "test": [song.name for song in test], "runs": [],
    }  # fmt: skip
    for name, config in configs.items():
        found = run(
            name, config, songs=songs, validation=validation, test=test, schedule=schedule, batch=options.batch,
            samples=samples, seed=options.seed,
        )  # fmt: skip
        table["runs"].append(found)
    options.table.parent.mkdir(parents=True, exist_ok=True)
    options.table.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return table


if __name__ == "__main__":
    main()
