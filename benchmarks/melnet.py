"""Drawing a spectrogram with MelNet: every state kept, against one run of the network a bin.

    python -m benchmarks.melnet [--frames 256] [--bins 3] [--json FILE]

    cached       core.melnet.sample.generate: each recurrent state is carried on
    so far       for every bin the network runs over the frames so far, as a careful re-implementation does
    whole        for every bin it runs over the whole spectrogram, as public re-implementations do

The cached way draws everything. The other two would take hours: of each tier some bins are timed, spread evenly over
it, and the rest is reckoned (their mean times the number of bins). Before timing, all three must draw the same values
of a small spectrogram from the same uniform numbers. The ratio compares best cached with reckoned time, on as many
threads. Where shipped weights are missing the sizes of the preset stand in with random ones: the time is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.wavenet import processor
from core import weights
from core.melnet import recompute, sample
from core.melnet.model import PRESETS, MelNet
from core.melnet.tiers import interleave, shapes

TARGET = 20.0  # times recomputation
TARGET_S = 30.0  # for 3 s of sound
FIRST_S = 2.0  # until the first tier stands


def network(name: str) -> MelNet:
    """The shipped weights, else random ones of that preset's size."""
    if name in weights.names():
        return weights.load(name)
    torch.manual_seed(0)
    return MelNet(PRESETS[name.removeprefix("melnet-")]).eval()


def disagreement(model: MelNet, frames: int = 8) -> float:
    """The largest difference between cached and recomputed draws of a small spectrogram, in standardised values."""
    uniforms = [sample.uniforms_of(3, g + 1, size) for g, size in
                enumerate(shapes(frames, model.config.bands, model.config.tiers))]  # fmt: skip
    worst, drawn = 0.0, list[Tensor]()
    for index, look in enumerate(sample.generate(model, frames=frames, uniforms=uniforms)):
        before = interleave([one[None] for one in drawn])[0] if drawn else None
        for i, j in ((0, 0), (look.own.shape[0] - 1, look.own.shape[1] - 1)):
            other = recompute.next_bin(model.tiers[index], look.own, before, i, j, uniforms[index][i, j])
            worst = max(worst, abs(float(other - look.own[i, j])))
        drawn.append(look.own)
    return worst


def cached_s(model: MelNet, frames: int, rounds: int) -> dict[str, float]:
    """Seconds until the first tier stood, and in all, of the best round."""
    best = {"first": float("inf"), "all": float("inf")}
    for seed in range(rounds):
        started, first = time.perf_counter(), 0.0
        for _ in sample.generate(model, seed, frames=frames):
            first = first or time.perf_counter() - started
        best = {"first": min(best["first"], first), "all": min(best["all"], time.perf_counter() - started)}
    return best


def recomputed_s(model: MelNet, frames: int, bins: int, *, whole: bool) -> float:
    """Seconds that recomputation would take, from `bins` bins of each tier."""
    tiers = [look.own for look in sample.generate(model, 0, frames=frames)]
    total = 0.0
    for index, tier in enumerate(model.tiers):
        x = tiers[index]
        before = interleave([one[None] for one in tiers[:index]])[0] if index else None
        times = []
        for place in (np.arange(bins) + 0.5) / bins:
            i = int(place * x.shape[0])
            until = x.shape[0] if whole else i + 1
            started = time.perf_counter()
            part = None if before is None else before[: x.shape[0]]  # the tiers before are complete either way
            recompute.next_bin(tier, x[:until], part if whole or part is None else part[:until], i, x.shape[1] // 2,
                               torch.tensor([0.5, 0.5]))  # fmt: skip
            times.append(time.perf_counter() - started)
        total += float(np.mean(times)) * x.numel()
    return total


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="melnet-speech")
    parser.add_argument("--frames", type=int, default=256)
    parser.add_argument("--bins", type=int, default=3, help="bins of each tier that are recomputed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="where to store what was measured")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    model = network(options.name)
    load = os.getloadavg()[0]
    print(f"{processor()}, {options.threads} threads, load {load:.1f} at the start")
    difference = disagreement(model)
    if difference > 1e-3:
        raise SystemExit(f"cached and recomputed draws differ by {difference}")
    list(sample.generate(model, frames=8))  # compiles the loops
    ours = cached_s(model, options.frames, options.rounds)
    three = cached_s(model, 240, options.rounds)
    found: dict[str, Any] = {
        "processor": processor(), "threads": options.threads, "load_at_start": round(load, 1),
        "frames": options.frames, "bins": options.frames * model.config.bands, "cached_s": round(ours["all"], 2),
        "first_tier_s": round(ours["first"], 2), "three_seconds_s": round(three["all"], 2), "difference": difference,
    }  # fmt: skip
    print(f"cached     {ours['all']:10.2f} s, first tier after {ours['first']:.2f} s; 3 s of sound {three['all']:.2f}")
    for name, whole in (("so far", False), ("whole", True)):
        reckoned = recomputed_s(model, options.frames, options.bins, whole=whole)
        found[name.replace(" ", "_") + "_s"] = round(reckoned, 1)
        found[name.replace(" ", "_") + "_ratio"] = round(reckoned / ours["all"], 1)
        print(f"{name:10} {reckoned:10.0f} s reckoned, {reckoned / ours['all']:.0f} times the cached way")
    met = found["so_far_ratio"] >= TARGET and three["all"] <= TARGET_S and ours["first"] <= FIRST_S
    print(f"{'targets met' if met else 'below target'}: {TARGET:.0f} times, {TARGET_S:.0f} s, {FIRST_S:.0f} s; draws "
          f"differ by {difference:.1e} at most")  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
