"""The CUDA kernel beside its peers on one GPU, in one run.

    python -m benchmarks.wavenet --cuda [--nv-wavenet BINARY] [--json FILE]

Builds, tests (pytest -m gpu), runs compute-sanitizer where it is installed, then measures: our kernel on network M at
20 and 30 layers, one sound and many; PyTorch's cached step captured as a CUDA graph; and NVIDIA's nv-wavenet,
persistent, fp16, from its own `nv_wavenet_perf`, which is built elsewhere.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from core.wavenet import PRESETS, WaveNet, engines
from core.wavenet.engines import cuda_device

SAMPLES, ROUNDS = 16_384, 5
BATCHES = (1, 2, 4, 8, 16, 32, 64)
NETWORKS = {"M, 20 layers": PRESETS["m"], "M, 30 layers": replace(PRESETS["m"], layers=30)}


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


def kernel_samples_per_s(model: WaveNet, batch: int, engine: str) -> float:
    """Our kernel, samples/s of each sound; the best of some rounds."""
    session = engines.create(engine, model).session(batch)
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


def tests() -> None:
    """The tests that need a GPU, and the kernel under compute-sanitizer where that is installed."""
    subprocess.run([sys.executable, "-m", "pytest", "-m", "gpu", "-q", "tests/unit"], check=False)
    if not (sanitizer := shutil.which("compute-sanitizer")):
        print("compute-sanitizer is not installed; it comes with the CUDA toolkit.")
        return
    code = (
        "import torch; from core.wavenet import WaveNet, PRESETS, generate\n"
        "model = WaveNet(PRESETS['tiny']).eval()\n"
        "print(generate(model, samples=200, engine='cuda').shape)"
    )
    for tool in ("memcheck", "racecheck"):
        subprocess.run([sanitizer, "--tool", tool, sys.executable, "-c", code], check=False)


def layout(model: WaveNet) -> str:
    """How the kernel is laid out on this GPU, and what it takes."""
    gpu = cuda_device.gpu_for(model, "fp16")
    plan, compiled = gpu.plan, cuda_device.compile_kernel(gpu.plan, gpu.architecture)
    place = "one cluster" if plan.cluster else "cooperative, messages through L2"
    return (
        f"{plan.stages} stages of up to {plan.per_stage} layers and {plan.heads} heads, {place}; {plan.threads} "
        f"threads of {compiled.registers} registers, {compiled.spill_bytes} bytes spilled, "
        f"{plan.shared_bytes(1):,} bytes of shared memory a block; {gpu.most_pipelines} pipelines fit"
    )


def run(
    nv_wavenet: Path | None, json_file: str | None, measure: Callable[..., Any] = kernel_samples_per_s
) -> None:
    """Everything, in order; prints a short table and writes it where asked."""
    reason = engines.why_not("cuda")
    if reason:
        sys.exit(f"The CUDA kernel cannot run here: {reason}")
    tests()
    result: dict[str, Any] = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "networks": {}}
    print(f"\n{result['gpu']}, torch {result['torch']}")
    for name, config in NETWORKS.items():
        torch.manual_seed(0)
        model = WaveNet(config).eval()
        print(f"\n{name}: {layout(model)}")
        rows = {f"cuda, batch {batch}": measure(model, batch, "cuda") for batch in BATCHES}
        rows |= {f"{engine}, batch 1": measure(model, 1, engine) for engine in ("cuda-bf16", "cuda-fp32")}
        rows["PyTorch, CUDA graph"] = graph_samples_per_s(WaveNet(config).eval())
        if nv_wavenet:
            rows["nv-wavenet, persistent"] = nv_wavenet_samples_per_s(nv_wavenet, config.layers)
        ours = rows["cuda, batch 1"]
        for row, speed in rows.items():
            together = re.match(r"cuda, batch (\d+)", row)
            total = f"   {speed * int(together.group(1)):12,.0f} in all" if together else ""
            print(f"  {row:24s}{speed:12,.0f} samples/s a sound{total}   ours is {ours / speed:.2f} x")
        result["networks"][name] = {"layout": layout(model), "samples_per_s": rows}
    if json_file:
        Path(json_file).write_text(json.dumps(result, indent=1))
