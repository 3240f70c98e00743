"""The persistent CUDA kernel of kernels/cuda/generate.cu behind the interface of all engines.

One launch makes a whole stretch of samples; while it runs, codes arrive in page-locked memory, block after block, and
it can be stopped. Between launches the ring buffers and the last codes stay on the GPU.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from core.errors import EngineError
from core.wavenet.engines import cuda_plan
from core.wavenet.engines.contract import Engine, Session
from core.wavenet.model import WaveNet

LARGEST_HALF = 65504.0
POLL_S = 0.0005
POINTERS = (
    "chain", "helper", "head", "gate_bias", "residual_bias", "skip_bias", "head1_bias", "head2_bias", "embedding",
    "upsample", "frames", "rings", "previous", "uniforms", "codes", "logits", "probabilities", "inboxes", "progress",
    "cancel",
)  # fmt: skip


class Arguments(ctypes.Structure):
    """As in generate.cu."""

    _fields_ = (
        [(name, ctypes.c_void_p) for name in POINTERS]
        + [(name, ctypes.c_int32) for name in ("position", "batch", "pipelines", "n", "frame_count")]
        + [("temperature", ctypes.c_float)]
    )


class Running(Protocol):
    """A launch under way."""

    def finished(self) -> bool: ...

    def wait(self) -> None:
        """Return when it is over. Raises EngineError if it failed."""


class Backend(Protocol):
    """Where a kernel runs: a GPU, or in a test the CPU."""

    plan: cuda_plan.Plan
    device: torch.device
    most_pipelines: int
    shared_limit: int

    def launch(self, arguments: Arguments, sounds: int) -> Running: ...


class Group:
    """The sounds of a batch that one launch makes together, and what lasts between launches."""

    def __init__(self, backend: Backend, batch: int) -> None:
        plan, device = backend.plan, backend.device
        self.backend, self.batch, self.position = backend, batch, 0
        self.pipelines, self.sounds = cuda_plan.pipelines_for(
            plan, batch, most_pipelines=backend.most_pipelines, shared_limit=backend.shared_limit
        )
        self.pipelines = -(-batch // self.sounds)
        c = plan.config
        try:
            self.rings = torch.zeros(batch, plan.ring_starts[-1], plan.residual, device=device)
            silence = torch.full((batch, c.kernel_size), c.levels // 2, dtype=torch.int32)
            self.previous = silence.to(device)
            words = 1 if plan.cluster else self.pipelines * plan.blocks * plan.inbox_words(self.sounds)
            self.inboxes = torch.zeros(words, dtype=torch.int64, device=device)
        except torch.OutOfMemoryError as error:
            raise EngineError(
                "The GPU has no memory left for this batch; ask for fewer sounds at once."
            ) from error

    def start(
        self, weights: dict[str, Tensor], n: int, *, temperature: float, frames: Tensor | None,
        uniforms: Tensor | None, codes: Tensor | None, logits: bool,
    ) -> Launch:  # fmt: skip
        """Launch the kernel for n samples of every sound, without waiting for it."""
        return Launch(self, weights, n, temperature, frames, uniforms, codes, logits)


class Launch:
    """One run of the kernel: its buffers, how far it is, and a way to stop it."""

    def __init__(
        self, group: Group, weights: dict[str, Tensor], n: int, temperature: float, frames: Tensor | None,
        uniforms: Tensor | None, codes: Tensor | None, logits: bool,
    ) -> None:  # fmt: skip
        backend, plan, batch = group.backend, group.backend.plan, group.batch
        device, locked = backend.device, backend.device.type == "cuda"

        def near_host(*shape: int, fill: int = 0) -> Tensor:  # page-locked memory has one address for both
            return torch.full(shape, fill, dtype=torch.int32, pin_memory=locked)

        self.group, self.n = group, n
        self.codes = near_host(batch, n) if codes is None else codes.to(torch.int32).contiguous().to(device)
        self.progress, self.cancel = near_host(group.pipelines), near_host(1)
        self.uniforms = None if uniforms is None else uniforms.float().contiguous().to(device)
        self.logits = torch.empty(n, batch, plan.out, device=device) if logits else None
        self.probabilities = torch.empty(batch, plan.out, device=device) if uniforms is not None else None
        self.frames = None if frames is None else cuda_plan.pad_frames(frames.float().to(device), plan)
        group.inboxes.zero_()
        addresses = weights | {
            "frames": self.frames, "rings": group.rings, "previous": group.previous, "uniforms": self.uniforms,
            "codes": self.codes, "logits": self.logits, "probabilities": self.probabilities,
            "inboxes": group.inboxes, "progress": self.progress, "cancel": self.cancel,
        }  # fmt: skip
        arguments = Arguments(
            **{name: None if tensor is None else tensor.data_ptr() for name, tensor in addresses.items()},
            position=group.position, batch=batch, pipelines=group.pipelines, n=n,
            frame_count=0 if self.frames is None else self.frames.shape[1], temperature=temperature,
        )  # fmt: skip
        self.running = backend.launch(arguments, group.sounds)

    def done(self) -> int:
        """Samples that every sound has so far."""
        return int(self.progress.min())

    def stop(self) -> None:
        """Ask the kernel to end early, and wait until it has."""
        self.cancel.fill_(1)
        self.finish()

    def finish(self) -> None:
        self.running.wait()
        self.group.position += self.done()


class CudaSession(Session):
    one_launch = True

    def __init__(self, engine: CudaEngine, batch: int, temperature: float) -> None:
        self.engine, self.batch, self.temperature, self.position = engine, batch, temperature, 0
        self.even = True  # all sounds stand at the same sample
        backend = engine.backend
        pipelines, sounds = cuda_plan.pipelines_for(
            backend.plan, batch, most_pipelines=backend.most_pipelines, shared_limit=backend.shared_limit
        )
        sizes = [len(part) for part in torch.arange(batch).split(pipelines * sounds)]
        self.groups = [Group(backend, size) for size in sizes]
        self.bounds = [sum(sizes[:i]) for i in range(len(sizes) + 1)]

    def _parts(self) -> Iterator[tuple[Group, slice]]:
        for group, start, end in zip(self.groups, self.bounds, self.bounds[1:]):
            yield group, slice(start, end)

    def draw(self, uniforms: Tensor, frames: Tensor | None = None) -> Tensor:
        return torch.cat(list(self.stream(uniforms, frames, block=uniforms.shape[1])), dim=1)

    def stream(self, uniforms: Tensor, frames: Tensor | None = None, *, block: int = 1600) -> Iterator[Tensor]:
        """One launch for all of it; blocks are yielded as they come, and closing the iterator stops the kernel.

        Args:
            uniforms: float32 [B, n].  frames: as in `draw`, for all n samples.
        Yields:
            int64 [B, up to block].
        Raises:
            EngineError: the kernel failed; or an earlier stream was stopped and left its sounds at different samples.
        """
        self._check_even()
        n = uniforms.shape[1]
        drawn = torch.empty(self.batch, n, dtype=torch.int64)
        distributions, given = [], 0
        for group, part in self._parts():  # a batch too large for one launch goes in turns; the last one streams
            launch = group.start(
                self.engine.weights, n, temperature=self.temperature, frames=None if frames is None else frames[part],
                uniforms=uniforms[part], codes=None, logits=False,
            )  # fmt: skip
            try:
                while group is self.groups[-1] and given < n:
                    if not launch.running.finished() and launch.done() < min(given + block, n):
                        time.sleep(POLL_S)
                        continue
                    if launch.running.finished():
                        launch.running.wait()  # raises if it failed
                    end = min(given + block, n)
                    drawn[part, given:end] = launch.codes[:, given:end]
                    if end == n:
                        break
                    yield drawn[:, given:end]
                    given = end
                launch.finish()
            except BaseException:  # closed, interrupted or failed: the kernel must not go on writing
                self._stop(launch)
                raise
            drawn[part] = launch.codes.cpu()
            assert launch.probabilities is not None  # there were uniforms
            distributions.append(launch.probabilities[:, : self.engine.config.levels].cpu())
        self.position += n
        self.probabilities = torch.cat(distributions)
        yield drawn[:, given:]

    def _stop(self, launch: Launch) -> None:
        """End a launch early. Pipelines hear of it one by one, and a batch in turns has sounds not yet begun."""
        self.even = False  # unless all of it goes well
        launch.stop()
        places = {group.position for group in self.groups}
        self.even = len(places) == 1 and int(launch.progress.min()) == int(launch.progress.max())
        self.position = min(places)

    def _check_even(self) -> None:
        if not self.even:
            raise EngineError(
                "This generation was broken off, and its sounds may stand at different samples; begin a new one."
            )

    def feed(self, codes: Tensor, frames: Tensor | None = None, *, logits: bool = True) -> Tensor | None:
        self._check_even()
        levels, found = self.engine.config.levels, []
        for group, part in self._parts():
            launch = group.start(
                self.engine.weights, codes.shape[1], temperature=1.0, frames=None if frames is None else frames[part],
                uniforms=None, codes=codes[part], logits=logits,
            )  # fmt: skip
            launch.finish()
            if launch.logits is not None:
                found.append(launch.logits[..., :levels].cpu().permute(1, 2, 0))  # [n, B, V] -> [B, V, n]
        self.position += codes.shape[1]
        return torch.cat(found) if found else None


class CudaEngine(Engine):
    """fp16 weights, fp32 arithmetic."""

    name, weight = "cuda", "fp16"

    def __init__(self, model: WaveNet, backend_for: Callable[[WaveNet, str], Any] | None = None) -> None:
        super().__init__(model)
        if backend_for is None:
            from core.wavenet.engines.cuda_device import gpu_for

            backend_for = gpu_for
        self.backend: Backend = backend_for(model, self.weight)
        self.weights = cuda_plan.pack(model, self.backend.plan).to(self.backend.device).tensors

    @classmethod
    def unavailable(cls, model: WaveNet | None = None) -> str:
        from core.wavenet.engines import cuda_device

        if model is not None and model.config.gate != "multiply":
            return f'it knows the gate "multiply" only, not "{model.config.gate}".'
        reason = cuda_device.why_not(model, cls.weight)
        if not reason and model is not None and cls.weight == "fp16":
            largest = max(float(p.detach().abs().max()) for p in model.parameters())
            if not largest <= LARGEST_HALF:
                return f"weights up to {largest:.3g} do not fit in fp16."
        return reason

    def session(self, batch: int, temperature: float = 1.0) -> CudaSession:
        return CudaSession(self, batch, temperature)


class CudaEngineBf16(CudaEngine):
    """bf16 weights, fp32 arithmetic."""

    name, weight = "cuda-bf16", "bf16"


class CudaEngineFp32(CudaEngine):
    """fp32 weights: the reference."""

    name, weight = "cuda-fp32", "fp32"
