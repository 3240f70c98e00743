"""Compile the CUDA kernel with NVRTC, which torch's wheels bring, and launch it through the driver: no nvcc."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.errors import EngineError
from core.wavenet import zero_gpu
from core.wavenet.engines import compiler, cuda_plan
from core.wavenet.engines.cuda import Arguments
from core.wavenet.model import WaveNet, WaveNetConfig

SOURCES = compiler.KERNELS / "cuda"
OLDEST = 75  # compute capability times ten: T4 and RTX 20
OPTIONS = ("--std=c++17", "--device-as-default-execution-space", "--ptxas-options=-v")
SPARE_BYTES = 256 << 20  # of GPU memory, for PyTorch's own needs


class CompileError(Exception):
    """NVRTC is missing or refuses; the text is a sentence that says why."""


@dataclass(frozen=True)
class Compiled:
    """A kernel for one architecture, and what it takes of it (from the assembler's report)."""

    image: bytes
    registers: int
    spill_bytes: int
    log: str


def nvrtc() -> Any:
    """The bindings of NVRTC. Raises CompileError where they or the library are missing."""
    try:
        from cuda.bindings import nvrtc as bindings

        bindings.nvrtcVersion()
    except Exception as error:  # the bindings raise RuntimeError, ImportError or their own for a missing library
        raise CompileError(
            f"NVRTC is not installed ({type(error).__name__}); torch's CUDA wheels for Linux bring it."
        ) from error
    return bindings


def architectures() -> list[int]:
    """What this NVRTC can compile for, compute capability times ten."""
    return list(nvrtc().nvrtcGetSupportedArchs()[1])


def compile_kernel(plan: cuda_plan.Plan, architecture: int) -> Compiled:
    """Compile generate.cu for this layout and GPU; no GPU is needed for it.

    Raises:
        CompileError: NVRTC is missing, does not know the architecture, or refuses the source.
    """
    defines = [f"-D{name}={value}" for name, value in plan.defines().items()]
    return compile_file(SOURCES / "generate.cu", architecture, ("device.h", "product.h"), defines)


def compile_file(
    path: Path, architecture: int, headers: Sequence[str] = (), defines: Sequence[str] = ()
) -> Compiled:
    """Compile a CUDA source with headers that lie beside it.

    Raises:
        CompileError: as `compile_kernel`.
    """
    bindings = nvrtc()
    if architecture not in architectures():
        raise CompileError(f"NVRTC cannot compile for sm_{architecture}; it knows {architectures()}.")
    contents = [(path.parent / name).read_bytes() for name in headers]
    _, program = bindings.nvrtcCreateProgram(
        path.read_bytes(), path.name.encode(), len(headers), contents, [name.encode() for name in headers]
    )
    options = [*OPTIONS, f"--gpu-architecture=sm_{architecture}", *defines]
    (result,) = bindings.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])
    log = b" " * bindings.nvrtcGetProgramLogSize(program)[1]
    bindings.nvrtcGetProgramLog(program, log)
    text = log.decode(errors="replace").rstrip("\0")
    if int(result) != 0:
        lines = [line for line in text.splitlines() if "error" in line] or [str(result)]
        raise CompileError(f"NVRTC refused the kernel: {lines[0].strip()}.")
    image = b" " * bindings.nvrtcGetCUBINSize(program)[1]
    bindings.nvrtcGetCUBIN(program, image)
    bindings.nvrtcDestroyProgram(program)
    registers = max(map(int, re.findall(r"Used (\d+) registers", text)), default=0)
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill", text)))
    return Compiled(image, registers, spilled, text)


def fingerprint(plan: cuda_plan.Plan, architecture: int) -> str:
    """Hash of everything that decides how the compiled file looks."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.iterdir()):
        digest.update(path.read_bytes())
    digest.update(repr((plan.defines(), OPTIONS, architecture, nvrtc().nvrtcVersion())).encode())
    return digest.hexdigest()[:16]


def image_for(plan: cuda_plan.Plan, architecture: int) -> bytes:
    """The compiled kernel from the user's cache folder, or compiled now (about a second) and kept there."""
    path = compiler.cache_folder() / f"generate-sm{architecture}-{fingerprint(plan, architecture)}.cubin"
    try:
        return path.read_bytes()
    except OSError:
        image = compile_kernel(plan, architecture).image
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".cubin", delete=False) as file:
        file.write(image)
    os.replace(file.name, path)  # whole or not at all
    return image


def why_not(model: WaveNet | None = None, weight: str = "fp16") -> str:
    """Why the kernel cannot run on this machine, or this network on its GPU, as a sentence; "" when it can."""
    try:
        nvrtc()
    except CompileError as error:
        return str(error)
    if not torch.cuda.is_available():
        return "there is no NVIDIA GPU here that PyTorch can use."
    major, minor = torch.cuda.get_device_capability()
    if 10 * major + minor < OLDEST:
        return f"the GPU is of architecture sm_{major}{minor}; the kernel needs sm_{OLDEST} or newer."
    if model is None:
        return ""
    needed = 4 * sum(p.numel() for p in model.parameters()) + SPARE_BYTES
    free = torch.cuda.mem_get_info()[0]
    if free < needed:
        return f"the GPU has {free >> 20} MB of free memory, and {needed >> 20} MB are needed."
    if zero_gpu.lends():
        return ""  # the driver answers once the GPU has been borrowed
    try:
        _gpu(model.config, weight, torch.cuda.current_device())
    except (CompileError, EngineError) as error:
        return str(error)
    return ""


def gpu_for(model: WaveNet, weight: str) -> Gpu:
    """The compiled kernel for this network on the current GPU, loaded once."""
    try:
        return _gpu(model.config, weight, torch.cuda.current_device())
    except CompileError as error:
        raise EngineError(str(error)) from error


@functools.lru_cache(maxsize=8)
def _gpu(config: WaveNetConfig, weight: str, index: int) -> Gpu:
    return Gpu(config, weight, index)


def check(result: tuple) -> Any:
    """The value of a driver call. Raises EngineError with the driver's name for what went wrong."""
    status, *values = result
    if int(status) != 0:
        raise EngineError(f"The CUDA driver reports {getattr(status, 'name', status)}.")
    return values[0] if len(values) == 1 else values


class Gpu:
    """A kernel loaded on a GPU, in the layout that suits it or in a given one."""

    def __init__(self, config: WaveNetConfig, weight: str, index: int, plan: cuda_plan.Plan | None = None) -> None:
        from cuda.bindings import driver

        self.driver, self.device = driver, torch.device("cuda", index)
        properties = torch.cuda.get_device_properties(index)
        architecture = 10 * properties.major + properties.minor
        torch.cuda.current_stream(index).synchronize()  # makes PyTorch's context the current one
        optin = driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
        self.shared_limit = int(check(driver.cuDeviceGetAttribute(optin, index)))
        # The newest architecture that NVRTC knows and the GPU can run: the same major number.
        known = [arch for arch in architectures() if arch <= architecture and arch // 10 == properties.major]
        if not known:
            raise CompileError(f"NVRTC cannot compile for sm_{architecture}.")
        self.architecture, self.multiprocessors = known[-1], properties.multi_processor_count
        for clusters in (True, False):  # a GPU may be unable to place clusters of this size
            self.plan = plan or cuda_plan.choose(
                config, weight=weight, architecture=self.architecture if clusters else 80,
                shared_limit=self.shared_limit, multiprocessors=self.multiprocessors,
            )  # fmt: skip
            self.function = self._load()
            self.most_pipelines = self._pipelines()
            if self.most_pipelines:
                return
        raise EngineError("The GPU cannot run all blocks of this network at once.")

    def _load(self) -> Any:
        driver, attribute = self.driver, self.driver.CUfunction_attribute
        module = check(driver.cuModuleLoadData(image_for(self.plan, self.architecture)))
        function = check(driver.cuModuleGetFunction(module, b"generate"))
        limit = attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        check(driver.cuFuncSetAttribute(function, limit, self.shared_limit))
        if self.plan.cluster and self.plan.blocks > 8:
            larger = attribute.CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED
            check(driver.cuFuncSetAttribute(function, larger, 1))
        return function

    def _pipelines(self) -> int:
        """How many pipelines can run side by side, each with room for at least one sound."""
        if not self.plan.cluster:
            return self.multiprocessors // self.plan.blocks
        config = self._configuration(1, self.plan.shared_bytes(1), 0)
        status, count = self.driver.cuOccupancyMaxActiveClusters(self.function, config)
        return int(count) if int(status) == 0 else 0

    def _configuration(self, pipelines: int, shared: int, stream: int) -> Any:
        driver, plan = self.driver, self.plan
        config, attribute = driver.CUlaunchConfig(), driver.CUlaunchAttribute()
        config.gridDimX, config.gridDimY, config.gridDimZ = pipelines * plan.blocks, 1, 1
        config.blockDimX, config.blockDimY, config.blockDimZ = plan.threads, 1, 1
        config.sharedMemBytes, config.hStream = shared, stream
        if plan.cluster:
            attribute.id = driver.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION
            dimension = attribute.value.clusterDim
            dimension.x, dimension.y, dimension.z = plan.blocks, 1, 1
            attribute.value.clusterDim = dimension
        else:
            attribute.id = driver.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_COOPERATIVE
            attribute.value.cooperative = 1
        config.attrs, config.numAttrs = [attribute], 1
        return config

    def launch(self, arguments: Arguments, sounds: int) -> OnGpu:
        """Start the kernel on a stream of its own, after what PyTorch has queued so far."""
        stream = torch.cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream(self.device))
        config = self._configuration(arguments.pipelines, self.plan.shared_bytes(sounds), stream.cuda_stream)
        parameters = (ctypes.c_void_p * 1)(ctypes.addressof(arguments))
        check(self.driver.cuLaunchKernelEx(config, self.function, ctypes.addressof(parameters), 0))
        event = torch.cuda.Event()
        event.record(stream)
        return OnGpu(event)


class OnGpu:
    """A launch under way on a GPU."""

    def __init__(self, event: torch.cuda.Event) -> None:
        self.event = event

    def finished(self) -> bool:
        try:
            return self.event.query()
        except RuntimeError:
            return True  # wait() says what happened

    def wait(self) -> None:
        try:
            self.event.synchronize()
        except RuntimeError as error:
            raise EngineError(f"The CUDA kernel failed: {str(error).splitlines()[0]}") from error


def sources() -> list[Path]:
    """The kernel's files, the main one first: for the lesson."""
    return [SOURCES / name for name in ("generate.cu", "product.h", "device.h")]
