"""The CUDA kernel on the CPU: compiled by g++ against cuda_on_cpu/device.h, a fiber for each thread."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import tempfile
import threading
from pathlib import Path

import torch

from core.wavenet.engines import cuda_plan
from core.wavenet.engines.cuda import Arguments

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "unit" / "cuda_on_cpu"
KERNELS = ROOT / "core" / "wavenet" / "kernels" / "cuda"
CACHE = Path(tempfile.gettempdir()) / f"wavenet-cuda-on-cpu-{os.getuid()}"
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-pthread", "-Wno-unknown-pragmas")


def compile_kernel(
    plan: cuda_plan.Plan, source: Path = KERNELS / "generate.cu", *, sanitized: bool = False
) -> Path:
    """The shared library of this plan, compiled unless it is there; the thread sanitizer watches the kernel only."""
    defines = [f"-D{name}={value}" for name, value in plan.defines().items()] + [f'-DKERNEL_SOURCE="{source}"']
    digest = hashlib.sha256(repr([defines, sanitized, FLAGS]).encode())
    for path in (source, KERNELS / "product.h", *sorted(HERE.iterdir())):
        digest.update(path.read_bytes())
    CACHE.mkdir(mode=0o700, exist_ok=True)
    output = CACHE / f"{digest.hexdigest()[:16]}.so"
    if not output.exists():
        watch = ["-fsanitize=thread", "-g"] if sanitized else []
        include = [f"-I{HERE}", f"-I{KERNELS}"]
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            objects = [f"{folder}/kernel.o", f"{folder}/fibers.o"]
            kernel = [*watch, *defines, *include, "-c", str(HERE / "run_on_cpu.cpp"), "-o", objects[0]]
            fibers = ["-DSANITIZED"] * sanitized + ["-c", str(HERE / "fibers.cpp"), "-o", objects[1]]
            for arguments in (kernel, fibers, [*watch, "-shared", *objects, "-o", f"{folder}/all.so"]):
                subprocess.run(["g++", *FLAGS, *arguments], check=True)
            os.replace(f"{folder}/all.so", output)
    return output


class OnCpu:
    """A launch in a thread of its own."""

    def __init__(self, library: ctypes.CDLL, arguments: Arguments) -> None:
        self.thread = threading.Thread(target=lambda: library.run_on_cpu(ctypes.byref(arguments)))
        self.thread.start()

    def finished(self) -> bool:
        return not self.thread.is_alive()

    def wait(self) -> None:
        self.thread.join()


class CpuBackend:
    """Stands in for a GPU with room for so many pipelines and so much shared memory."""

    def __init__(
        self, plan: cuda_plan.Plan, most_pipelines: int = 2, shared_limit: int = 1 << 24, **compile_options
    ) -> None:  # fmt: skip
        self.plan, self.device = plan, torch.device("cpu")
        self.most_pipelines, self.shared_limit = most_pipelines, shared_limit
        self.library = ctypes.CDLL(str(compile_kernel(plan, **compile_options)))
        self.library.bytes_of_shared_memory.restype = ctypes.c_longlong

    def launch(self, arguments: Arguments, sounds: int) -> OnCpu:
        return OnCpu(self.library, arguments)
