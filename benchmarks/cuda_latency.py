"""Latencies of this GPU's instructions, for the floor that the CUDA kernel is compared with: latency.cu, run once."""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch

from core.wavenet.cuda_timeline import Latencies
from core.wavenet.engines import cuda_device

SOURCE = Path(__file__).with_name("latency.cu")
THREADS, ROUNDS = 256, 5


def measured() -> Latencies:
    """The smallest of some rounds, in clock cycles.

    Raises:
        CompileError, EngineError: NVRTC or the driver refuse.
    """
    from cuda.bindings import driver

    major, minor = torch.cuda.get_device_capability()
    known = [arch for arch in cuda_device.architectures() if arch // 10 == major and arch <= 10 * major + minor]
    if not known:
        raise cuda_device.CompileError(f"NVRTC cannot compile for sm_{major}{minor}.")
    cycles, sink = torch.zeros(4, device="cuda"), torch.zeros(THREADS, device="cuda")
    module = cuda_device.check(driver.cuModuleLoadData(cuda_device.compile_file(SOURCE, known[-1]).image))
    function = cuda_device.check(driver.cuModuleGetFunction(module, b"latencies"))
    values = ((cycles.data_ptr(), sink.data_ptr(), 0.5), (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_float))
    stream, best = torch.cuda.current_stream().cuda_stream, torch.full((4,), float("inf"))
    for _ in range(ROUNDS):
        size = (1, 1, 1, THREADS, 1, 1)
        cuda_device.check(driver.cuLaunchKernel(function, *size, 0, stream, values, 0))
        best = torch.minimum(best, cycles.cpu())
    return Latencies(*best.tolist())
