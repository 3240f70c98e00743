"""The C++ kernel of kernels/generate.cpp behind the interface of all engines.

Weights are copied once an engine, in the order `flat_parameters` lists them. ctypes releases the interpreter's
lock while the kernel runs, so a page stays alive during a generation.
"""

from __future__ import annotations

import ctypes
import os
import weakref

import numpy as np
import torch
from torch import Tensor

from core.errors import EngineError
from core.wavenet.engines.compiler import CompileError, load_kernel
from core.wavenet.engines.contract import Engine, Session
from core.wavenet.model import WaveNet, WaveNetConfig

LARGEST_HALF = 65504.0
Pointer = ctypes.c_void_p


class Sizes(ctypes.Structure):
    """As in generate.cpp."""

    _fields_ = [
        (name, ctypes.c_int32)
        for name in ("levels", "residual", "gate", "skip", "head", "layers", "kernel", "hop")
    ]  # fmt: skip

    @classmethod
    def of(cls, c: WaveNetConfig) -> Sizes:
        hop = c.condition_hop if c.mel_channels else 0
        return cls(
            c.levels, c.residual_channels, c.gate_channels, c.skip_channels, c.head_channels, c.layers,
            c.kernel_size, hop,
        )  # fmt: skip


class Run(ctypes.Structure):
    """As in generate.cpp."""

    _fields_ = [
        ("n", ctypes.c_int64), ("uniforms", Pointer), ("codes", Pointer), ("frames", Pointer),
        ("frame_count", ctypes.c_int64), ("temperature", ctypes.c_float), ("logits", Pointer),
        ("probabilities", Pointer),
    ]  # fmt: skip


@torch.no_grad()
def flat_parameters(model: WaveNet) -> np.ndarray:
    """All numbers that generation needs, float32, in the order in which the kernel takes them."""
    c = model.config
    parts: list[Tensor] = list(model.embedding.taps.parameters())  # K x [levels, R]
    for layer in model.layers:
        parts += [layer.dilated.weight, layer.dilated.bias]  # [G, K * R], [G]
        if layer.residual is not None:
            parts += [layer.residual.weight, layer.residual.bias]  # [R, G / 2], [R]
        else:
            parts.append(torch.zeros(c.residual_channels * (c.gate_channels // 2 + 1)))
        parts.append(layer.skip.weight)  # [S, G / 2]
    parts += [model.layers[-1].skip.bias]
    parts += [model.head1.weight, model.head1.bias, model.head2.weight, model.head2.bias]
    if model.condition is not None:
        parts.append(model.condition.upsample)  # [hop, 2]
    return torch.cat([part.detach().float().cpu().reshape(-1) for part in parts]).numpy()


def address(array: np.ndarray | None) -> int | None:
    return None if array is None else array.ctypes.data


class NativeSession(Session):
    def __init__(self, engine: NativeEngine, batch: int, temperature: float) -> None:
        self.engine, self.batch, self.temperature, self.position = engine, batch, temperature, 0
        kernel = engine.kernel
        handle = kernel.session_new(engine.handle, engine.half, batch, engine.threads)
        if not handle:
            raise EngineError("The native engine has no memory left for this batch; ask for fewer sounds at once.")
        self.handle = handle
        weakref.finalize(self, kernel.session_free, handle, engine.half)

    def draw(self, uniforms: Tensor, frames: Tensor | None = None) -> Tensor:
        numbers = np.ascontiguousarray(uniforms.numpy(), dtype=np.float32)
        codes = np.zeros(numbers.shape, np.int64)
        probabilities = np.empty((self.batch, self.engine.config.levels), np.float32)
        self._run(codes, frames, uniforms=numbers, probabilities=probabilities)
        self.probabilities = torch.from_numpy(probabilities)
        return torch.from_numpy(codes)

    def feed(self, codes: Tensor, frames: Tensor | None = None, *, logits: bool = True) -> Tensor | None:
        given = np.ascontiguousarray(codes.cpu().numpy(), dtype=np.int64)
        rows = np.empty((given.shape[1], self.batch, self.engine.config.levels), np.float32) if logits else None
        self._run(given, frames, logits=rows)
        return torch.from_numpy(rows).permute(1, 2, 0) if rows is not None else None  # [B, levels, n]

    def _run(
        self, codes: np.ndarray, frames: Tensor | None, uniforms: np.ndarray | None = None,
        logits: np.ndarray | None = None, probabilities: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        condition = None if frames is None else np.ascontiguousarray(frames.cpu().numpy(), dtype=np.float32)
        count = 0 if condition is None else condition.shape[1]
        run = Run(
            codes.shape[1], address(uniforms), address(codes), address(condition), count, self.temperature,
            address(logits), address(probabilities),
        )  # fmt: skip
        if self.engine.kernel.session_run(self.handle, self.engine.half, ctypes.byref(run)):
            raise EngineError("The native engine could not start its second thread or lacks memory; take native.")
        self.position += codes.shape[1]


class NativeEngine(Engine):
    """fp32 weights on one thread."""

    name, half, threads = "native", 0, 1

    def __init__(self, model: WaveNet) -> None:
        super().__init__(model)
        self.kernel = declared_kernel()
        floats = flat_parameters(model)
        halves = floats.astype(np.float16) if self.half else None
        dilations = np.array(model.config.dilations, np.int32)
        sizes = Sizes.of(model.config)
        self.handle = self.kernel.wavenet_new(
            ctypes.byref(sizes), address(dilations), address(floats), address(halves)
        )
        if not self.handle:
            raise EngineError("The native engine has no memory left for the weights; use engine=cached.")
        weakref.finalize(self, self.kernel.wavenet_free, self.handle, self.half)

    @classmethod
    def unavailable(cls, model: WaveNet | None = None) -> str:
        if model is not None and model.config.gate != "multiply":
            return f'it knows the gate "multiply" only, not "{model.config.gate}".'
        if cls.threads > (os.cpu_count() or 1):
            return "it needs two processors."
        try:
            load_kernel()
        except CompileError as error:
            return str(error)
        if cls.half and model is not None:
            largest = max(float(p.detach().abs().max()) for p in model.parameters())
            if not largest <= LARGEST_HALF:
                return f"weights up to {largest:.3g} do not fit in fp16."
        return ""

    def session(self, batch: int, temperature: float = 1.0) -> NativeSession:
        return NativeSession(self, batch, temperature)


class NativeEngine2(NativeEngine):
    """fp32 weights on two threads."""

    name, threads = "native-2", 2


class NativeHalfEngine(NativeEngine):
    """fp16 weights, fp32 arithmetic, one thread."""

    name, half = "native-fp16", 1


class NativeHalfEngine2(NativeHalfEngine):
    """fp16 weights, fp32 arithmetic, two threads."""

    name, threads = "native-fp16-2", 2


def declared_kernel() -> ctypes.CDLL:
    """The kernel with its functions' types declared."""
    kernel = load_kernel()
    kernel.wavenet_new.argtypes, kernel.wavenet_new.restype = [Pointer] * 4, Pointer
    kernel.wavenet_free.argtypes, kernel.wavenet_free.restype = [Pointer, ctypes.c_int], None
    kernel.session_new.argtypes, kernel.session_new.restype = [Pointer, *[ctypes.c_int] * 3], Pointer
    kernel.session_free.argtypes, kernel.session_free.restype = [Pointer, ctypes.c_int], None
    kernel.session_run.argtypes, kernel.session_run.restype = [Pointer, ctypes.c_int, Pointer], ctypes.c_int
    kernel.read_memory.argtypes, kernel.read_memory.restype = [Pointer, *[ctypes.c_int64] * 2], ctypes.c_float
    return kernel
