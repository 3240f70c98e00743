"""Speed of WaveNet generation: our engines and r9y9's wavenet_vocoder in one run, as ratios.

    python -m benchmarks.wavenet [--quick] [--network m] [--network s] [--json FILE] [--without-peer]
    python -m benchmarks.wavenet --cuda [--nv-wavenet BINARY] [--json FILE]      on a GPU: see wavenet_cuda.py

All engines take turns, several rounds of them, and the best round counts, so that a busy moment hits nobody alone.
The memory bandwidth is measured in the same run, by reading as many bytes as the network's weights have, again and
again: they come from the cache level in which the weights live.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import resource
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from core.wavenet import PRESETS, WaveNet, WaveNetConfig, engines, generate
from core.wavenet.engines.contract import Session
from core.wavenet.engines.naive import NaiveSession

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_RATE_HZ = 16_000
NATIVE_AHEAD = 8  # samples whose older taps are one product, in native and numba
TARGETS = [  # (engine, compared with, ratio), on networks M and S
    ("native", "cached", 18.0), ("native", "r9y9", 45.0), ("native-fp16-2", "cached", 40.0), ("numba", "cached", 12.0),
]  # fmt: skip
PAST = {"naive": "random codes", "cached": "generated", "native": "generated"}  # what came before a timed sample
REAL_TIME_TARGET_HZ = 24_000  # the vocoder on one core: 1.5 times real time
MEMORY_TARGET_MB = 200


def network(name: str) -> WaveNet:
    torch.manual_seed(0)
    return WaveNet(PRESETS[name]).eval()


def frames_for(model: WaveNet, samples: int) -> torch.Tensor | None:
    """Projected frames of a random mel, for timing a session by itself."""
    config = model.config
    if not config.mel_channels:
        return None
    with torch.no_grad():
        return model.condition.frames(torch.randn(1, config.mel_channels, samples // config.hop_samples + 2))


def draws(session: Session, samples: int, frames: torch.Tensor | None, hop: int) -> float:
    """Seconds for so many samples."""
    uniforms = torch.rand(1, samples)
    near = None if frames is None else frames[:, (session.position // hop) % 2 :]
    start = time.perf_counter()
    session.draw(uniforms, near)
    return time.perf_counter() - start


def at_full_field(model: WaveNet, generated: int) -> NaiveSession:
    """A naive session that already has so many samples."""
    session = engines.create("naive", model).session(1)
    session.codes = torch.randint(0, model.config.levels, (1, generated))
    session.position = generated
    return session


def naive_seconds(model: WaveNet, generated: int, samples: int) -> float:
    frames = frames_for(model, generated + samples)
    session = at_full_field(model, generated)
    if frames is not None:
        session.frames = frames
    start = time.perf_counter()
    session.draw(torch.rand(1, samples))
    return time.perf_counter() - start


def peer(config: WaveNetConfig) -> Callable[[int], float]:
    """r9y9's network of the same sizes and its incremental_forward; its head is as wide as its skip path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from wavenet_vocoder import WaveNet as Peer

        model = Peer(
            out_channels=config.levels, layers=config.layers, stacks=config.layers // config.layers_per_cycle,
            residual_channels=config.residual_channels, gate_channels=config.gate_channels,
            skip_out_channels=config.skip_channels, kernel_size=config.kernel_size,
            cin_channels=config.mel_channels or -1, weight_normalization=False, legacy=False,
        ).eval()  # fmt: skip

    def seconds(samples: int) -> float:
        condition = torch.randn(1, config.mel_channels, samples) if config.mel_channels else None
        start = time.perf_counter()
        with torch.no_grad():
            model.incremental_forward(c=condition, T=samples)
        return time.perf_counter() - start

    return seconds


def bytes_per_sample(config: WaveNetConfig, bytes_per_weight: int) -> float:
    """Weights read for one sample when the older taps are shared by up to eight."""
    half = config.gate_channels // 2
    tap = config.residual_channels * config.gate_channels
    total = config.skip_channels * config.head_channels + config.head_channels * config.levels
    for index, dilation in enumerate(config.dilations):
        total += tap + (config.kernel_size - 1) * tap / min(dilation, NATIVE_AHEAD)
        total += half * config.skip_channels + (half * config.residual_channels if index + 1 < config.layers else 0)
    return total * bytes_per_weight


def read_bandwidth(size: int, threads: int) -> float:
    """Bytes a second, reading `size` bytes again and again, each thread its own part."""
    from core.wavenet.engines.native import declared_kernel

    kernel, part = declared_kernel(), size // threads // 4096 * 4096
    arrays = [np.ones(part // 4 + 1024, np.float32) for _ in range(threads)]
    times = max(1, 300_000_000 // size)

    def read(array: np.ndarray) -> None:
        start = (array.ctypes.data + 4095) // 4096 * 4096
        kernel.read_memory(ctypes.c_void_p(start), part, times)

    best = 0.0
    for _ in range(12):
        workers = [threading.Thread(target=read, args=(array,)) for array in arrays]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        best = max(best, part * threads * times / (time.perf_counter() - start))
    return best


def speeds(name: str, quick: bool, with_peer: bool) -> dict[str, float]:
    """Samples a second of every engine that works here, and of the peer."""
    model = network(name)
    hop, contestants = model.config.hop_samples, {}
    for engine in [name for name in engines.ENGINES if not name.startswith("cuda")]:
        reason = engines.why_not(engine, model)
        if reason:
            print(f"  {engine}: not here, {reason}")
            continue
        if engine == "naive":
            field = model.config.receptive_field_samples
            contestants[engine] = (4 if quick else 12, lambda n, f=field: naive_seconds(model, f, n))
            continue
        samples = {"cached": 200, "numba": 2000}.get(engine, 6000) // (2 if quick else 1)
        session, frames = engines.create(engine, model).session(1), frames_for(model, samples + 2 * hop)
        contestants[engine] = (samples, lambda n, s=session, f=frames: draws(s, n, f, hop))
    if with_peer:
        contestants["r9y9"] = (100 if quick else 200, peer(model.config))
    best = dict.fromkeys(contestants, 0.0)
    for samples, seconds in contestants.values():
        seconds(max(4, samples // 10))  # warm up, compile
    for _ in range(3 if quick else 5):
        for engine, (samples, seconds) in contestants.items():
            best[engine] = max(best[engine], samples / seconds(samples))
    return best


def report_speeds(name: str, quick: bool, with_peer: bool) -> dict:
    config, found = PRESETS[name], speeds(name, quick, with_peer)
    sizes = f"residual {config.residual_channels}, gate {config.gate_channels}, skip {config.skip_channels}"
    print(f"\nNetwork {name}: {config.layers} layers, {sizes}" + (", with a mel" if config.mel_channels else ""))
    print(f"  {'engine':15s}{'samples/s':>11s}{'x cached':>10s}{'x r9y9':>9s}{'GB/s':>8s}{'of bandwidth':>14s}")
    rows = {}
    for engine, speed in sorted(found.items(), key=lambda item: item[1]):
        row = {"samples_per_s": speed, "x_cached": speed / found["cached"]}
        row["x_r9y9"] = speed / found["r9y9"] if with_peer else None
        line = f"  {engine:15s}{speed:11,.0f}{row['x_cached']:10.1f}"
        line += f"{row['x_r9y9']:9.1f}" if with_peer else f"{'-':>9s}"
        if engine.startswith(("native", "numba")):
            needed = bytes_per_sample(config, 2 if "fp16" in engine else 4)
            bandwidth = read_bandwidth(int(needed), 2 if engine.endswith("-2") else 1)
            row.update(bytes_per_s=needed * speed, bandwidth_bytes_per_s=bandwidth)
            line += f"{needed * speed / 1e9:8.1f}{needed * speed / bandwidth:10.0%} of {bandwidth / 1e9:.0f} GB/s"
        print(line)
        rows[engine] = row
    return rows


def verdicts(name: str, rows: dict) -> list[dict]:
    """The targets of this network: what was wanted and what was measured."""
    result = []
    if name in ("m", "s"):
        for engine, against, wanted in TARGETS:
            if engine in rows and against in rows:
                ratio = rows[engine]["samples_per_s"] / rows[against]["samples_per_s"]
                what = f"network {name}: {engine} at least {wanted:.0f} x {against}"
                result.append({"what": what, "measured": f"{ratio:.1f} x", "reached": ratio >= wanted})
    elif name == "vocoder" and "native" in rows:
        speed = rows["native"]["samples_per_s"]
        what = f"vocoder: native at least {REAL_TIME_TARGET_HZ:,} samples/s on one core"
        result.append({"what": what, "measured": f"{speed:,.0f}", "reached": speed >= REAL_TIME_TARGET_HZ})
    return result


def costs_by_length(engine: str, model: WaveNet, lengths: list[int], quick: bool) -> list[float]:
    """Seconds that a sample costs after so many others, which were really generated before it.

    The naive engine would take minutes to generate them: it is given random codes instead, and has to read as many.
    """
    if engine == "naive":
        count = 3 if quick else 8
        return [min(naive_seconds(model, length, count) for _ in range(2)) / count for length in lengths]
    count, block = (60, 100) if engine == "cached" else (1500, 4000)
    costs, session, hop = [], engines.create(engine, model).session(1), model.config.hop_samples
    for length in lengths:
        while session.position < length:
            draws(session, block, frames_for(model, block + 2 * hop), hop)
        frames = frames_for(model, count + 2 * hop)
        costs.append(min(draws(session, count, frames, hop) for _ in range(3)) / count)
    return costs


def report_growth(name: str, quick: bool) -> dict:
    """Cost of a sample after so many others."""
    model = network(name)
    field = model.config.receptive_field_samples
    lengths = [0, field // 8, field, 2 * field, 8 * field]
    print(f"\nMicroseconds a sample after so many samples (network {name}, receptive field {field})")
    print(f"  {'engine':15s}" + "".join(f"{length:>10,d}" for length in lengths))
    result = {}
    for engine in PAST:
        if engines.why_not(engine, model):
            continue
        costs = costs_by_length(engine, model, lengths, quick)
        print(f"  {engine:15s}" + "".join(f"{cost * 1e6:10,.0f}" for cost in costs))
        result[engine] = {length: cost * 1e6 for length, cost in zip(lengths, costs)}
    print("  The past: " + ", ".join(f"{engine} {PAST[engine]}" for engine in result))
    return result


def peak_mb() -> float:
    """The most memory that this process has had, in MB.

    On Linux `ru_maxrss` will not do: it begins with the peak of the process that started this one.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 2**10
    except (OSError, StopIteration):  # not Linux
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)


def generate_seconds(seconds: float) -> None:
    """In a process of its own: generate so much with the vocoder preset, then print samples and peak memory in MB."""
    torch.set_num_threads(1)
    model = network("vocoder")
    samples = int(seconds * SAMPLE_RATE_HZ)
    mel = torch.randn(1, model.config.mel_channels, -(-samples // model.config.hop_samples))
    name = "native" if not engines.why_not("native", model) else "cached"
    codes = generate(model, mel, samples, engine=name)
    print(codes.shape[1], peak_mb())


def peak_mb_of(seconds: float) -> float:
    """Peak memory of a fresh process that generates so much."""
    command = [sys.executable, "-m", "benchmarks.wavenet", "--memory", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return float(done.stdout.split()[-1])


def report_memory(quick: bool) -> dict:
    lengths = (1, 10) if quick else (1, 60)
    peaks = {seconds: peak_mb_of(seconds) for seconds in lengths}
    more = peaks[lengths[1]] - peaks[lengths[0]]
    print(f"\nPeak memory of a process that generates {lengths[0]} s: {peaks[lengths[0]]:.0f} MB; "
          f"{lengths[1]} s: {peaks[lengths[1]]:.0f} MB, {more:.0f} MB more")  # fmt: skip
    verdict = {
        "what": f"{lengths[1]} s take at most {MEMORY_TARGET_MB} MB more than 1 s", "measured": f"{more:.0f} MB",
        "reached": more <= MEMORY_TARGET_MB,
    }  # fmt: skip
    return {"peak_mb": peaks, "verdict": verdict}


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", action="append", choices=list(PRESETS), help="default: m, s and vocoder")
    parser.add_argument("--quick", action="store_true", help="fewer samples and rounds, shorter memory test")
    parser.add_argument("--without-peer", action="store_true", help="do not compare with wavenet-vocoder")
    parser.add_argument("--json", metavar="FILE", help="write all numbers to a file")
    parser.add_argument("--cuda", action="store_true", help="the CUDA kernel and its peers on this GPU instead")
    parser.add_argument("--nv-wavenet", type=Path, metavar="BINARY", help="with --cuda: its nv_wavenet_perf")
    parser.add_argument("--memory", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        return generate_seconds(options.memory)
    if options.cuda:
        from benchmarks import wavenet_cuda

        return wavenet_cuda.run(options.nv_wavenet, options.json)
    if not options.without_peer:
        try:
            import wavenet_vocoder  # noqa: F401
        except ImportError as error:
            sys.exit(f"The peer is missing ({error}). Install it with\n"
                     "    pip install --no-deps -r benchmarks/requirements.txt\n"
                     "or leave it out with --without-peer.")  # fmt: skip
    torch.set_num_threads(1)
    print(f"{processor()}, {os.cpu_count()} processors; torch {torch.__version__}, one PyTorch thread")
    if os.getloadavg()[0] > 0.5:
        print(f"This machine is busy (load {os.getloadavg()[0]:.1f}): two-thread numbers will be low, all will vary.")
    networks = options.network or ["m", "s", "vocoder"]
    result: dict = {"processor": processor(), "torch": torch.__version__, "networks": {}}
    judged = []
    for name in networks:
        rows = report_speeds(name, options.quick, not options.without_peer)
        result["networks"][name] = rows
        judged += verdicts(name, rows)
    result["microseconds_by_length"] = report_growth(networks[0], options.quick)
    result["past_by_engine"] = PAST
    result["memory"] = report_memory(options.quick)
    judged.append(result["memory"]["verdict"])
    print("\nTargets")
    for verdict in judged:
        print(f"  {'reached' if verdict['reached'] else 'MISSED ':8s} {verdict['what']}: {verdict['measured']}")
    result["targets"] = judged
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
