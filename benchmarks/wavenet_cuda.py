"""The CUDA kernel beside its peers on one GPU, in one run.

    python -m benchmarks.wavenet --cuda [--nv-wavenet BINARY] [--json FILE]

Builds (NVRTC, also where there is no GPU), tests (pytest -m gpu), runs compute-sanitizer where it is installed, then
measures: our kernel on network M at 20 and 30 layers, one sound and many; each step of its optimisation; PyTorch's
cached step captured as a CUDA graph; and NVIDIA's nv-wavenet, persistent, fp16, from its own `nv_wavenet_perf`, which
is built elsewhere. Closes with the floor of latency and the targets. Without a GPU it says what was left out.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from core.errors import EngineError
from core.wavenet import PRESETS, WaveNet, WaveNetConfig, cuda_timeline, engines
from core.wavenet.engines import cuda_device, cuda_plan
from core.wavenet.engines.contract import Engine
from core.wavenet.engines.cuda import CudaEngine

ROOT = Path(__file__).resolve().parent.parent
SAMPLES, ROUNDS = 16_384, 5
BATCHES = (1, 2, 4, 8, 16, 32, 64)
NETWORKS = {"M, 20 layers": PRESETS["m"], "M, 30 layers": replace(PRESETS["m"], layers=30)}
GPU_TESTS = ("tests/unit/test_cuda_gpu.py", "tests/unit/test_wavenet_engines.py")
BUILT_FOR = {75: (65_536, 40), 80: (166_912, 108), 90: (232_448, 132), 120: (101_376, 170)}  # shared bytes, SMs
NV_WAVENET, GRAPH = "nv-wavenet, persistent", "PyTorch, CUDA graph"
REAL_TIME_HZ = 16_000


class GraphStep:
    """One sample of cached generation on static tensors, so that it can be captured as a CUDA graph and replayed."""

    def __init__(self, model: WaveNet, device: torch.device, uniforms: torch.Tensor) -> None:
        self.model, self.uniforms = model.to(device), uniforms.to(device)  # [N]
        config, kernel = model.config, model.config.kernel_size
        self.previous = torch.full((1, kernel), config.levels // 2, device=device)
        self.position = torch.zeros((), dtype=torch.int64, device=device)
        self.codes = torch.zeros(uniforms.shape[0], dtype=torch.int64, device=device)
        self.rings = [
            torch.zeros((kernel - 1) * d, config.residual_channels, device=device) for d in config.dilations
        ]
        self.delays = [
            torch.tensor([k * d for k in range(kernel - 1, 0, -1)], device=device) for d in config.dilations
        ]
        self.skip = torch.cat([layer.skip.weight for layer in model.layers], dim=1)

    @torch.no_grad()
    def __call__(self) -> None:
        model, t = self.model, self.position
        x = model.embedding(self.previous)[:, 0]  # [1, R]
        gated = []
        for layer, ring, delays in zip(model.layers, self.rings, self.delays):
            past = ring.index_select(0, (t - delays) % ring.shape[0]).view(1, -1)
            ring.index_copy_(0, (t % ring.shape[0]).view(1), x)
            z = layer.activate(layer.dilated(torch.cat([past, x], dim=1)))
            gated.append(z)
            x = x if layer.residual is None else x + layer.residual(z)
        skip = F.linear(torch.cat(gated, dim=1), self.skip, model.layers[-1].skip.bias)
        logits = model.head2(torch.relu(model.head1(torch.relu(skip))))
        cumulative = torch.softmax(logits, dim=-1).cumsum(dim=-1)
        u = self.uniforms.index_select(0, t.view(1))
        code = (cumulative <= u[:, None]).sum(dim=-1).clamp(max=model.config.levels - 1)  # [1]
        self.codes.index_copy_(0, t.view(1), code)
        self.previous.copy_(torch.cat([self.previous[:, 1:], code[:, None]], dim=1))
        self.position += 1


def graph_samples_per_s(model: WaveNet, samples: int = 2000) -> float:
    """PyTorch's cached step as a CUDA graph, half precision where the products are."""
    step = GraphStep(model.half(), torch.device("cuda"), torch.rand(samples + 20))
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(samples // 4):
            graph.replay()
        torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - start) / (samples // 4))
    return 1 / best


def kernel_samples_per_s(engine: Engine, batch: int) -> float:
    """Our kernel, samples/s of each sound; the best of some rounds."""
    session = engine.session(batch)
    uniforms = torch.rand(batch, SAMPLES)
    session.draw(uniforms[:, :1000])
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        session.draw(uniforms)
        best = min(best, time.perf_counter() - start)
    return SAMPLES / best


def nv_wavenet_samples_per_s(binary: Path, layers: int) -> float:
    """NVIDIA's own measurement: persistent, fp16, one sound."""
    command = [str(binary), "-l", str(layers), "-r", "64", "-s", "256", "-a", "256", "-n", str(SAMPLES), "-m", "3"]
    rates = []
    for _ in range(ROUNDS):
        done = subprocess.run([*command, "-p", "16"], capture_output=True, text=True, check=True, timeout=120)
        found = re.search(r"Sample rate: ([0-9.]+) kHz", done.stdout)
        rates.append(1000 * float(found.group(1)) if found else 0.0)
    return max(rates)


def build() -> None:
    """Network M for the architectures that we promise, by NVRTC; no GPU is needed.

    Raises:
        CompileError: NVRTC is missing or refuses the source.
    """
    print("Build: network M, 20 layers, fp16 weights")
    for architecture, (shared, multiprocessors) in BUILT_FOR.items():
        plan = cuda_plan.choose(
            PRESETS["m"], architecture=architecture, shared_limit=shared, multiprocessors=multiprocessors
        )
        start = time.perf_counter()
        print(f"  sm_{architecture}: {described(plan, cuda_device.compile_kernel(plan, architecture))}; "
              f"{time.perf_counter() - start:.1f} s")  # fmt: skip


def tests() -> dict[str, str]:
    """The tests that need a GPU, and the kernel under compute-sanitizer where that is installed; how each ended."""
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-q", "-p", "no:cacheprovider", *GPU_TESTS]
    ended = {"pytest -m gpu": subprocess.run(command, check=False, cwd=ROOT).returncode}
    sanitizer = shutil.which("compute-sanitizer")
    if not sanitizer:
        print("compute-sanitizer is not on PATH and is left out; it comes with the CUDA toolkit.")
    code = (
        "import torch; from core.wavenet import WaveNet, PRESETS, generate\n"
        "model = WaveNet(PRESETS['tiny']).eval()\n"
        "print(generate(model, samples=200, engine='cuda').shape)"
    )
    for tool in ("memcheck", "racecheck", "synccheck") if sanitizer else ():
        checked = [sanitizer, "--tool", tool, "--error-exitcode", "1", sys.executable, "-c", code]
        ended[f"compute-sanitizer {tool}"] = subprocess.run(checked, check=False, cwd=ROOT).returncode
    said = {name: "passed" if code == 0 else f"FAILED ({code})" for name, code in ended.items()}
    return said if sanitizer else said | {"compute-sanitizer": "left out: not on PATH"}


def described(plan: cuda_plan.Plan, compiled: cuda_device.Compiled) -> str:
    """A layout and what it takes."""
    place = "one cluster" if plan.cluster else "messages through L2"
    return (
        f"{plan.stages} stages of up to {plan.per_stage} layers and {plan.heads} heads, {place}; {plan.threads} "
        f"threads of {compiled.registers} registers, {compiled.spill_bytes} bytes spilled, "
        f"{plan.shared_bytes(1):,} bytes of shared memory a block"
    )


def layout(model: WaveNet) -> str:
    """How the kernel is laid out on this GPU."""
    gpu = cuda_device.gpu_for(model, "fp16")
    compiled = cuda_device.compile_kernel(gpu.plan, gpu.architecture)
    return f"{described(gpu.plan, compiled)}; {gpu.most_pipelines} pipelines fit"


def speeds(config: WaveNetConfig, nv_wavenet: Path | None) -> dict[str, float]:
    """Samples/s of each sound: our kernel for several batches and weights, and the peers."""
    torch.manual_seed(0)
    model = WaveNet(config).eval()
    ours = engines.create("cuda", model)
    rows = {f"cuda, batch {batch}": kernel_samples_per_s(ours, batch) for batch in BATCHES}
    for name in ("cuda-bf16", "cuda-fp32"):
        rows[f"{name}, batch 1"] = kernel_samples_per_s(engines.create(name, model), 1)
    rows[GRAPH] = graph_samples_per_s(WaveNet(config).eval())
    if nv_wavenet:
        rows[NV_WAVENET] = nv_wavenet_samples_per_s(nv_wavenet, config.layers)
    return rows


def step_speeds(config: WaveNetConfig) -> dict[str, float]:
    """Samples/s of one sound in layouts that have one idea more from step to step (cuda_plan.steps)."""
    torch.manual_seed(0)
    model, index = WaveNet(config).eval(), torch.cuda.current_device()
    gpu, found = cuda_device.gpu_for(model, "fp16"), {}
    plans = cuda_plan.steps(
        config, architecture=gpu.architecture, shared_limit=gpu.shared_limit, multiprocessors=gpu.multiprocessors
    )
    for name, plan in plans.items():
        try:
            engine = CudaEngine(
                model, lambda model, weight, p=plan: cuda_device.Gpu(model.config, weight, index, p)
            )
            found[name] = kernel_samples_per_s(engine, 1)
        except EngineError as error:
            print(f"  {name}: left out, {error}")
    return found


def latencies() -> tuple[cuda_timeline.Latencies, bool]:
    """Of this GPU's instructions, and whether they were measured; else our assumptions."""
    from benchmarks import cuda_latency

    try:
        return cuda_latency.measured(), True
    except (EngineError, cuda_device.CompileError) as error:
        print(f"The latencies could not be measured, and assumptions take their place: {error}")
        return cuda_timeline.Latencies(), False


def clock_hz() -> float:
    """The highest clock of the multiprocessors, as the driver says."""
    from cuda.bindings import driver

    rate = driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_CLOCK_RATE  # in kHz
    return 1000.0 * int(cuda_device.check(driver.cuDeviceGetAttribute(rate, torch.cuda.current_device())))


def floor_of(plan: cuda_plan.Plan, known: cuda_timeline.Latencies, hz: float, speed: float) -> dict[str, float]:
    """The floor of latency of a layout, in samples/s, and how close the kernel is."""
    floor = cuda_timeline.floor(plan, known)
    return {"cycles": floor.cycles, "samples_per_s": hz / floor.cycles, "share_reached": speed * floor.cycles / hz}


def verdicts(networks: dict[str, Any]) -> list[dict[str, Any]]:
    """The targets: what was wanted and what was measured."""
    result = []

    def judge(what: str, measured: float, wanted: float, unit: str) -> None:
        said = f"{measured:.2f} {unit}" if unit == "x" else f"{measured:,.0f} {unit}"
        result.append({"what": what, "measured": said, "reached": measured >= wanted})

    for name, found in networks.items():
        rows = found["samples_per_s"]
        ours = rows["cuda, batch 1"]
        if NV_WAVENET in rows:
            judge(f"{name}: at least 1.5 x nv-wavenet", ours / max(rows[NV_WAVENET], 1e-9), 1.5, "x")
        if found["layers"] == 20:
            judge(f"{name}: at least 100,000 samples/s for one sound", ours, 100_000, "samples/s")
            batches = {int(row.split()[-1]): v for row, v in rows.items() if row.startswith("cuda, batch ")}
            in_time = [batch * v for batch, v in batches.items() if v >= REAL_TIME_HZ]
            what = f"{name}: at least 4 million samples/s in all, every sound at 16 kHz or more"
            judge(what, max(in_time, default=0.0), 4e6, "samples/s")
    return result


def report(name: str, found: dict[str, Any]) -> None:
    """The short table of a network."""
    rows, steps, floor = found["samples_per_s"], found["steps"], found["floor"]
    ours = rows["cuda, batch 1"]
    print(f"\n{name}: {found['layout']}")
    for row, speed in rows.items():
        together = re.match(r"cuda, batch (\d+)", row)
        total = f"   {speed * int(together.group(1)):12,.0f} in all" if together else ""
        print(f"  {row:24s}{speed:12,.0f} samples/s a sound{total}   ours is {ours / max(speed, 1e-9):.2f} x")
    before = 0.0
    for step, speed in steps.items():
        gain = f"   {speed / before:.2f} x the step before" if before else ""
        print(f"  step {step:19s}{speed:12,.0f} samples/s{gain}")
        before = speed
    print(f"  floor: {floor['cycles']:,.0f} cycles, {floor['samples_per_s']:,.0f} samples/s; "
          f"the kernel reaches {floor['share_reached']:.0%} of it")  # fmt: skip


def run(nv_wavenet: Path | None, json_file: str | None) -> None:
    """Everything, in order; prints a short table and writes it where asked. Exits with a sentence where it cannot."""
    try:
        build()
    except cuda_device.CompileError as error:
        sys.exit(f"The CUDA kernel cannot be built here: {error}")
    reason = engines.why_not("cuda")
    if reason:
        sys.exit(
            f"The kernel was built, but it cannot run here: {reason} Left out: the tests on a GPU, compute-sanitizer, "
            "the measurement. `make test` runs the same kernel on the CPU."
        )
    result: dict[str, Any] = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "tests": tests()}
    known, measured = latencies()
    hz = clock_hz()
    result |= {"clock_hz": hz, "latency_cycles": asdict(known), "latencies_measured": measured, "networks": {}}
    print(f"\n{result['gpu']}, torch {result['torch']}")
    for name, config in NETWORKS.items():
        model, rows = WaveNet(config), speeds(config, nv_wavenet)
        found = {
            "layers": config.layers,
            "layout": layout(model),
            "samples_per_s": rows,
            "steps": step_speeds(config),
        }
        found["floor"] = floor_of(cuda_device.gpu_for(model, "fp16").plan, known, hz, rows["cuda, batch 1"])
        result["networks"][name] = found
        report(name, found)
    result["targets"] = verdicts(result["networks"])
    print("\nTests: " + ", ".join(f"{name}: {ended}" for name, ended in result["tests"].items()))
    if not nv_wavenet:
        print("nv-wavenet was left out; --nv-wavenet BINARY compares with it.")
    for verdict in result["targets"]:
        print(f"  {'reached' if verdict['reached'] else 'MISSED ':8s} {verdict['what']}: {verdict['measured']}")
    if json_file:
        Path(json_file).write_text(json.dumps(result, indent=1))
    if any(ended.startswith("FAILED") for ended in result["tests"].values()):
        sys.exit("Some tests failed; see above.")
