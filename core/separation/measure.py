"""Measure the separators on songs that they have never heard, and ship a training run with what was measured.

    python -m core.separation.measure --data PATH/mir1k
    python -m core.separation.measure --data PATH/mir1k --run runs/separation-vocals --write
    python -m core.separation.measure --data PATH/everything-is-free --name separation-4stems

For the voice: on whatever part of MIR-1K's 825 test clips is there, mixed at 0 dB as in the literature, GNSDR, GSIR
and GSAR of voice and accompaniment (BSS Eval of mir_eval; the first is the gain of SDR over the mixture), means
weighted by length, of the network and of an ideal ratio mask on the same spectrogram, which knows the answer. For four
stems: `core.separation.measure_stems`.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from core import training, weights
from core.packages import imported
from core.separation import data, measure_stems, published
from core.separation.model import PRESETS, MMDenseLSTM
from core.separation.sample import separate
from core.separation.spectrogram import analyse, synthesise
from core.voice_metrics import Metric, for_card, show

COMMAND = "python -m core.separation.measure --data PATH"
FIGURES = ("GNSDR", "GSIR", "GSAR")
DATA = [
    {
        "name": "MIR-1K, the published train part (171 clips; 4 more to watch the training)",
        "license": "research use; the recordings may not be passed on, and are not here",
        "source": "Hsu and Jang 2010, sites.google.com/site/unvoicedsoundseparation; as Opus, 72 kbit/s a channel",
    }
]
FAILURES = [
    "Has heard 23 minutes of two amateurs singing Chinese pop to karaoke tracks: choirs, rap, screams and "
    "instruments that sing, such as violins, are told apart less well.",
    "A mask keeps the mixture's phase: where voice and music are equally loud, a watery rest stays in both.",
    "Mono at 16 kHz: what lies above 8 kHz, the voice's sibilants too, stays with the accompaniment.",
]


def bss_eval(parts: Tensor, found: Tensor) -> np.ndarray:
    """SDR, SIR and SAR in dB of each source (Vincent et al. 2006, filters of 512 taps): float64 [3, S].

    Args:
        parts, found: float [S, N].
    Raises:
        PackageError: mir_eval is not installed.
    """
    bss_eval_sources = imported("mir_eval.separation").bss_eval_sources
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return np.stack(bss_eval_sources(parts.double().numpy(), found.double().numpy(), compute_permutation=False)[:3])


def ideal_ratio_mask(parts: Tensor, network: MMDenseLSTM) -> Tensor:
    """The parts [S, 1, N] by masks of their own magnitudes: |s| over the sum of all |s|."""
    spectra = analyse(parts, network.config)
    masks = spectra.abs() / spectra.abs().sum(dim=0).clamp(min=1e-8)
    return synthesise(masks * spectra.sum(dim=0), parts.shape[-1], network.config)


def scored(name: str, songs: Sequence[data.Song], method: Callable[[Tensor], Tensor], split: str) -> list[Metric]:
    """GNSDR, GSIR and GSAR of a method that gives [S, 1, N] for the parts [S, 1, N] of a song."""
    rows, lengths = [], []
    for song in songs:
        parts = data.at_zero_db(song.parts)
        mixture = parts.sum(dim=0).expand(len(parts), -1)
        figures = bss_eval(parts[:, 0], method(parts)[:, 0])
        figures[0] -= bss_eval(parts[:, 0], mixture)[0]
        rows.append(figures)
        lengths.append(parts.shape[-1])
    mean = np.average(np.stack(rows), axis=0, weights=lengths)  # [3, S]
    sources = ("voice", "accompaniment")
    return show([
        Metric(f"{figure}, {source} (dB), {name}", float(mean[i, j]), split, "mir1k")
        for j, source in enumerate(sources) for i, figure in enumerate(FIGURES)
    ])  # fmt: skip


def of_run(folder: Path, preset: str) -> tuple[MMDenseLSTM, dict[str, Any]]:
    """The averaged weights of a training run, and its counters."""
    model = MMDenseLSTM(PRESETS[preset])
    model.load_state_dict(load_file(folder / "average.safetensors"))
    return model.eval(), json.loads((folder / "state.json").read_text())


def measure(network: MMDenseLSTM, folder: Path, *, limit: int | None = None) -> list[Metric]:
    """All rows of the card."""
    songs = data.load_mir1k(folder, part="test", limit=limit)
    split = f"{len(songs)} of the 825 test clips"

    def by_network(parts: Tensor) -> Tensor:
        found = separate(parts.sum(dim=0), songs[0].sample_rate_hz, network=network)
        return torch.stack(list(found.values()))

    found = scored("network", songs, by_network, split)
    found += scored("ideal ratio mask", songs, lambda parts: ideal_ratio_mask(parts, network), split)
    mixture = songs[0].parts.sum(dim=0).repeat(1, 3)
    started = time.process_time()
    separate(mixture, songs[0].sample_rate_hz, network=network)
    ratio = mixture.shape[1] / songs[0].sample_rate_hz / (time.process_time() - started)
    return found + show([Metric("times real time, 1 thread", ratio, "mono, 16 kHz", "mir1k")])


def ship(network: MMDenseLSTM, name: str, state: dict[str, Any], metrics: list[Metric]) -> Path:
    """Write assets/weights/<name> with its card."""
    four = len(network.config.sources) > 2
    parts = "vocals, drums, bass and other" if four else "voice and accompaniment"
    others = published.on_musdb18() if four else published.on_mir1k()
    material, failures = (measure_stems.DATA, measure_stems.FAILURES) if four else (DATA, FAILURES)
    return weights.save(
        network, name, sample_rate_hz=network.config.sample_rate_hz,
        description=f"MMDenseLSTM (arXiv:1805.02410) that takes a song apart into {parts}. {others}",
        training_command=training.commands(state), commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"), data=material,
        metrics=for_card(metrics, COMMAND + (f" --name {name}" if four else "")), known_failures=failures,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="MIR-1K; for four stems, a folder of songs")
    parser.add_argument("--only", choices=("mir1k", "stems"), help="what the weights are for; there is no other part")
    parser.add_argument("--limit", type=int, help="only so many clips, or seconds of each song")
    parser.add_argument("--run", type=Path, help="measure this training run instead of the shipped weights")
    parser.add_argument("--name", default="separation-vocals", help="of the shipped weights")
    parser.add_argument("--write", action="store_true", help="with --run: ship it and write its card")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.run:
        network, state = of_run(options.run, options.name.removeprefix("separation-"))
    else:
        network, state = cast(MMDenseLSTM, weights.load(options.name)), {}
    four = len(network.config.sources) > 2
    found = (measure_stems.measure if four else measure)(network, options.data, limit=options.limit)
    if options.write and options.run:
        print(ship(network, options.name, state, found))


if __name__ == "__main__":
    main()
