"""Naive against cached: the story of each sample told value by value, and the real race on this machine.

The story and the counts are closed forms (`core.wavenet.count`) and need no torch; measuring does.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.wavenet import zero_gpu
from core.wavenet.count import count, trace_step

if TYPE_CHECKING:
    import torch

    from core.wavenet.engines.contract import Session
    from core.wavenet.model import WaveNet

STORY_SAMPLES = 40
STORED = Path(__file__).resolve().parent.parent.parent / "assets" / "tables" / "wavenet-speed.json"
CHUNK_S = 0.04  # a measured piece: long against the clock, short against the wait
MAX_CHUNK = 4000
LENGTHS = (1, 64, 256, 1024, 2048)


@dataclass(frozen=True)
class Small:
    """The animated network: kernel 2, four layers, and channels small enough to count by hand."""

    levels: int = 256
    residual_channels: int = 16
    gate_channels: int = 32
    skip_channels: int = 32
    head_channels: int = 32
    layers: int = 4
    kernel_size: int = 2
    mel_channels: int = 0

    @property
    def dilations(self) -> list[int]:
        return [2**layer for layer in range(self.layers)]

    @property
    def receptive_field_samples(self) -> int:
        return self.kernel_size + (self.kernel_size - 1) * sum(self.dilations)


def story(config: Any | None = None, *, samples: int = STORY_SAMPLES) -> list[dict[str, Any]]:
    """What both generators do for each of the first samples.

    Args:
        config: sizes with dilations, as `Small`; None is the animated network.
        samples: how many steps.
    Returns:
        one dict a step: all of `count.trace_step`, and
        "window": [first, last] moment that naive computes in every layer;
        "columns": how many layer outputs naive computes, "cached_columns": how many cached computes;
        "naive", "cached": multiply-adds of this sample; "naive_total", "cached_total": of all so far.
    """
    config = config or Small()
    steps: list[dict[str, Any]] = []
    totals = {"naive_total": 0, "cached_total": 0}
    for t in range(samples):
        cost = count(config, t)
        totals = {
            "naive_total": totals["naive_total"] + cost.naive,
            "cached_total": totals["cached_total"] + cost.cached,
        }
        moments = cost.naive_columns // config.layers
        steps.append(
            trace_step(config.dilations, config.kernel_size, t)
            | {"window": [t - moments + 1, t], "columns": cost.naive_columns, "cached_columns": cost.cached_columns}
            | {"naive": cost.naive, "cached": cost.cached}
            | totals
        )
    return steps


def cumulative(config: Any, samples: int) -> tuple[int, int]:
    """Multiply-adds for a whole sound of `samples`, (naive, cached), in closed form.

    The naive window grows by one column a sample until it spans the receptive field, then stays.
    """
    field = config.receptive_field_samples
    base, full = count(config, 0).naive, count(config).naive
    growth = (full - base) // field  # of one more column
    growing = min(samples, field)
    naive = growing * base + growth * (growing * (growing - 1) // 2) + (samples - growing) * full
    return naive, samples * count(config).cached


def stored(path: Path = STORED) -> dict[str, Any] | None:
    """What `python -m benchmarks.wavenet --json assets/tables/wavenet-speed.json` measured; None without a file.

    Returns:
        "processor"; "networks": name -> engine -> {"samples_per_s", ...}; "microseconds_by_length": engine ->
        {length: microseconds}.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        usable = isinstance(found["networks"], dict) and isinstance(found["processor"], str)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if usable else None


def processor() -> str:
    """The processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        name = ""
    if not name and platform.system() == "Darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        name = subprocess.run(asked, check=False, capture_output=True, text=True).stdout.strip()
    return name or platform.processor() or platform.machine()


def measure(model: WaveNet, engine: str, *, seconds: float = 1.0) -> float:
    """Samples/s of one engine for one sound, after the receptive field has filled.

    The median over pieces of about 40 ms, so that a pause of the machine does not count; the first piece, in which
    an engine may compile, is not measured.

    Args:
        engine: a name of `generate.engines()`.  seconds: how long to measure.
    Raises:
        EngineError: the engine does not work here.
    """
    if engine.startswith("cuda") and zero_gpu.lends():
        return zero_gpu.call(round(zero_gpu.START_S + 2 * seconds), measure, model, engine, seconds=seconds)
    with one_torch_thread():
        course = Course(model, engine)
        course.go_to(model.config.receptive_field_samples)
        course.draw(1)
        return course.speed(seconds)


def cost_by_length(
    model: WaveNet, engine: str, *, lengths: tuple[int, ...] = LENGTHS, seconds: float = 0.15
) -> Iterator[tuple[int, float]]:
    """Microseconds a sample costs after `length` others, for each length.

    Yields:
        (length, microseconds).
    """
    course = Course(model, engine)
    for length in sorted(lengths):
        with one_torch_thread():
            course.go_to(length)
            course.draw(1)
            microseconds = 1e6 / course.speed(seconds)
        yield length, microseconds


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """As in the benchmark: for the small products of a sample, PyTorch's threads wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Course:
    """One generation by one engine, to be timed anywhere along the way."""

    def __init__(self, model: WaveNet, engine: str) -> None:
        import torch

        from core.wavenet import engines

        self.model = model
        self.session: Session = engines.create(engine, model).session(1)
        self.chunk = 1
        bands = model.config.prepared_channels
        # A constant mel without end that takes no memory.
        self.mel = torch.full((1, bands, 1), -5.0).expand(1, bands, 10**7) if bands else None

    def frames(self, start: int, samples: int) -> torch.Tensor | None:
        from core.wavenet.conditioning import frames_between

        return frames_between(self.model, self.mel, start, samples)

    def go_to(self, length: int) -> None:
        """Have `length` samples behind us: random codes are fed.

        The PyTorch engines would take seconds. The naive one is told about the codes instead; the cached one's clock
        is put forward, for its rings have one size whatever they hold.
        """
        import torch

        from core.wavenet.engines.cached import CachedSession
        from core.wavenet.engines.naive import NaiveSession

        missing = length - self.session.position
        if missing <= 0:
            return
        codes = torch.randint(self.model.config.levels, (1, missing), generator=torch.Generator().manual_seed(0))
        if isinstance(self.session, NaiveSession):
            self.session.take_frames(self.frames(self.session.position, missing))
            self.session.codes = torch.cat([self.session.codes, codes], dim=1)
            self.session.position += missing
        elif isinstance(self.session, CachedSession):
            self.session.position += missing
        else:
            self.session.feed(codes, self.frames(self.session.position, missing), logits=False)

    def draw(self, samples: int) -> float:
        """Generate; returns the seconds that it took."""
        import torch

        uniforms = torch.rand(1, samples)
        frames = self.frames(self.session.position, samples)
        start = time.perf_counter()
        self.session.draw(uniforms, frames)
        return time.perf_counter() - start

    def speed(self, seconds: float) -> float:
        """Samples/s: the median over pieces, whose length adapts to the engine."""
        speeds: list[float] = []
        until = time.perf_counter() + seconds
        while not speeds or time.perf_counter() < until:
            taken = self.draw(self.chunk)
            if taken < CHUNK_S / 2 and self.chunk < MAX_CHUNK:
                self.chunk = min(MAX_CHUNK, self.chunk * max(2, int(CHUNK_S / max(taken, 1e-6) / 2)))
                continue
            speeds.append(self.chunk / taken)
        return statistics.median(speeds)
