"""How a network is laid out over a GPU's thread blocks, and its weights in the order in which the threads read them.

The kernel (kernels/cuda/generate.cu) gets all of this as compile-time constants. Channels are padded with zeros to
whole 16-byte loads, which changes no result: a padded channel stays zero through gate, residual and ReLU.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from core.errors import EngineError
from core.wavenet.model import WaveNet, WaveNetConfig

WEIGHTS = {"fp32": 0, "fp16": 1, "bf16": 2}
WARP = 32
LARGEST_CLUSTER = 16  # blocks; more than 8 are "not portable" and have to be asked for
SPARE_REGISTERS = 56  # of a thread, beside the weights that it holds
REGISTERS = 65536  # of a multiprocessor
# Rough costs in clock cycles, to choose among layouts; only their order matters.
CLUSTER_HOP_CYCLES, L2_HOP_CYCLES, LAYER_CYCLES, BYTES_PER_CYCLE = 250, 700, 450, 128


def up(value: int, multiple: int) -> int:
    """The next multiple."""
    return -(-value // multiple) * multiple


@dataclass(frozen=True)
class Shape:
    """Who reads what of a matrix: `lanes` threads share a row, `per_pass` rows go at a time (product.h)."""

    rows: int
    columns: int
    threads: int
    chunk: int  # weights in a 16-byte word

    @property
    def lanes(self) -> int:
        lanes = 1
        while (
            lanes < WARP
            and 2 * lanes * self.rows <= self.threads
            and self.columns // self.chunk % (2 * lanes) == 0
        ):
            lanes *= 2
        return lanes

    @property
    def per_pass(self) -> int:
        return self.threads // self.lanes

    @property
    def passes(self) -> int:
        return -(-self.rows // self.per_pass)

    @property
    def each(self) -> int:
        """Words that one thread reads."""
        return self.passes * (self.columns // self.chunk // self.lanes)

    @property
    def words(self) -> int:
        return self.each * self.threads

    def pack(self, matrix: np.ndarray) -> np.ndarray:
        """[rows', columns'] -> [words, chunk]: passes, chunks, rows of a pass, lanes; padded with zeros."""
        padded = np.zeros((self.passes * self.per_pass, self.columns), matrix.dtype)
        padded[: matrix.shape[0], : matrix.shape[1]] = matrix
        parts = padded.reshape(self.passes, self.per_pass, -1, self.lanes, self.chunk)
        return parts.transpose(0, 2, 1, 3, 4).reshape(-1, self.chunk)


@dataclass(frozen=True)
class Plan:
    """The constants of one compiled kernel. Sizes are padded; `config` has the network's own."""

    config: WaveNetConfig
    weight: str = "fp16"
    per_stage: int = 1
    heads: int = 1
    chain: int = 256
    helpers: int = 256
    in_registers: bool = True
    resident: bool = True
    cluster: bool = True

    @property
    def chunk(self) -> int:
        return 4 if self.weight == "fp32" else 8

    @property
    def stages(self) -> int:
        return -(-self.config.layers // self.per_stage)

    @property
    def blocks(self) -> int:
        return self.stages + self.heads

    @property
    def threads(self) -> int:
        return self.chain + self.helpers

    @property
    def residual(self) -> int:
        return up(self.config.residual_channels, 8)

    @property
    def half(self) -> int:
        return up(self.config.gate_channels // 2, 8)

    @property
    def skip(self) -> int:
        return up(self.config.skip_channels, 8)

    @property
    def head(self) -> int:
        return up(self.config.head_channels, 8 * self.heads)

    @property
    def out(self) -> int:
        return up(self.config.levels, WARP * max(1, self.heads // WARP))

    @property
    def older(self) -> int:
        return self.config.kernel_size - 1

    @property
    def ring_starts(self) -> list[int]:
        """Where the ring of each layer begins, and where the last one ends, in vectors of R."""
        lengths = [max(1, self.older * dilation) for dilation in self.config.dilations]
        return [sum(lengths[:layer]) for layer in range(len(lengths) + 1)]

    def shape(self, name: str) -> Shape:
        rows, columns, threads = {
            "gate": (self.half, self.residual, self.chain),
            "residual": (self.residual, self.half, self.chain),
            "older": (2 * self.half, self.residual, self.helpers),
            "skip": (self.skip, self.half, self.helpers),
            "head1": (self.head // self.heads, self.skip, self.threads),
            "head2": (self.out // self.heads, self.head, self.threads),
        }[name]
        return Shape(rows, columns, threads, self.chunk)

    @property
    def chain_words(self) -> int:
        """Of a layer."""
        return 2 * self.shape("gate").words + self.shape("residual").words

    @property
    def helper_words(self) -> int:
        """Of a layer."""
        return self.older * self.shape("older").words + self.shape("skip").words

    @property
    def head_words(self) -> int:
        """Of one of the heads."""
        return self.shape("head1").words + self.shape("head2").words

    @property
    def held_registers(self) -> int:
        """32-bit registers in which a thread of the chain keeps weights."""
        each = 2 * self.shape("gate").each + self.shape("residual").each
        return 4 * each * self.per_stage if self.in_registers else 0

    def inbox_words(self, sounds: int) -> int:
        return sounds * (self.skip + max(self.residual, self.head + self.out))

    def shared_bytes(self, sounds: int) -> int:
        """Shared memory of a block for so many sounds in one pipeline; the same sum as in generate.cu."""
        chain = 0 if self.in_registers else self.chain_words
        stage = self.per_stage * (self.helper_words + chain) * 16 if self.resident else 0
        head = self.head_words * 16 if self.resident else 0
        inbox = self.inbox_words(sounds) * 8 if self.cluster else 0
        r, h = self.residual, self.half
        stage += inbox + 4 * (sounds * self.per_stage * (r + 3 * h + 1) + self.per_stage * self.older * r)
        head += inbox + 4 * (self.skip + self.head) + 4 * sounds * self.config.kernel_size
        return max(stage, head) + 16

    def most_sounds(self, shared_limit: int, most: int = 64) -> int:
        """How many sounds a pipeline can carry within a block's shared memory; 0: not even one."""
        fitting = [sounds for sounds in range(1, most + 1) if self.shared_bytes(sounds) <= shared_limit]
        return max(fitting, default=0)

    @property
    def hop_cycles(self) -> int:
        """A message from block to block."""
        return CLUSTER_HOP_CYCLES if self.cluster else L2_HOP_CYCLES

    @property
    def cycles(self) -> float:
        """A rough estimate of a sample's time, in clock cycles."""
        waits = self.stages + 1 + (2 if self.heads > 1 else 1)
        cost: float = self.hop_cycles * waits + LAYER_CYCLES * self.config.layers
        cost += self.head_words * 16 / BYTES_PER_CYCLE  # reading the heads' weights
        if not self.in_registers:
            cost += self.config.layers * self.chain_words * 16 / BYTES_PER_CYCLE * (1 if self.resident else 2)
        return cost

    def defines(self) -> dict[str, str]:
        """The kernel's constants."""
        c = self.config
        numbers = {
            "LEVELS": c.levels, "OUT": self.out, "R": self.residual, "H": self.half, "S": self.skip,
            "HEAD": self.head, "LAYERS": c.layers, "KERNEL": c.kernel_size, "STAGES": self.stages,
            "PER_STAGE": self.per_stage, "HEADS": self.heads, "HOP": c.condition_hop if c.mel_channels else 0,
            "WEIGHT": WEIGHTS[self.weight], "CHAIN": self.chain, "HELPERS": self.helpers,
            "IN_REGISTERS": int(self.in_registers), "RESIDENT": int(self.resident), "CLUSTER": int(self.cluster),
        }  # fmt: skip
        lists = {"DILATIONS": c.dilations, "RING_STARTS": self.ring_starts}
        return {name: str(n) for name, n in numbers.items()} | {
            name: ",".join(map(str, values)) for name, values in lists.items()
        }


def choose(
    config: WaveNetConfig, *, weight: str = "fp16", architecture: int = 90, shared_limit: int = 232_448,
    multiprocessors: int = 132,
) -> Plan:  # fmt: skip
    """The layout that should have the lowest latency on such a GPU.

    Args:
        weight: "fp32", "fp16" or "bf16", how weights are stored; arithmetic is fp32.
        architecture: compute capability times ten.  shared_limit: bytes a block may have.
    Raises:
        EngineError: the network is too large for this GPU in every layout.
    """
    cluster = architecture >= 90
    limit = LARGEST_CLUSTER if cluster else multiprocessors
    found = list(_fitting(Plan(config, weight=weight, cluster=cluster), limit, shared_limit))
    if not found and cluster:  # more blocks than a cluster has: messages through L2
        found = list(_fitting(Plan(config, weight=weight, cluster=False), multiprocessors, shared_limit))
    if not found:
        streamed = Plan(config, weight=weight, cluster=False, in_registers=False, resident=False)
        found = list(_fitting(streamed, multiprocessors, shared_limit))
    if not found:
        raise EngineError(f"This network is too large for a GPU with {shared_limit:,} bytes of memory a block.")
    return _fastest(found)


def steps(
    config: WaveNetConfig, *, weight: str = "fp16", architecture: int = 90, shared_limit: int = 232_448,
    multiprocessors: int = 132,
) -> dict[str, Plan]:  # fmt: skip
    """The best layouts that have one idea more from step to step, so that a benchmark can say what each of them gave.

    "one stage": all layers in one thread block, weights read from L2 for every sample. "spread": layers and heads over
    blocks, messages through L2. "resident": weights stay in shared memory. "registers": the chain's in registers.
    "cluster": messages through distributed shared memory. The last is what `choose` takes; steps that this GPU has no
    room for, or that change nothing, are left out.

    Args, Raises: as `choose`.
    """
    best = choose(
        config, weight=weight, architecture=architecture, shared_limit=shared_limit, multiprocessors=multiprocessors
    )  # fmt: skip
    base = Plan(config, weight=weight, cluster=False)
    streamed = replace(base, in_registers=False, resident=False)
    resident = list(_fitting(base, multiprocessors, shared_limit))
    candidates = {
        "one stage": [replace(streamed, per_stage=config.layers, helpers=best.helpers)],
        "spread": list(_fitting(streamed, multiprocessors, shared_limit)),
        "resident": [plan for plan in resident if not plan.in_registers],
        "registers": [plan for plan in resident if plan.in_registers],
        "cluster": [best],
    }
    found: dict[str, Plan] = {}
    for name, plans in candidates.items():
        fitting = [plan for plan in plans if plan == best or plan.most_sounds(shared_limit, most=1)]
        if fitting and _fastest(fitting) not in found.values():
            found[name] = _fastest(fitting)
    return found


def _fastest(plans: list[Plan]) -> Plan:
    return min(plans, key=lambda plan: (plan.cycles, plan.blocks, -plan.helpers))


def _fitting(base: Plan, blocks: int, shared_limit: int) -> Iterator[Plan]:
    """Every layout with at most so many blocks that fits in registers and shared memory."""
    places = [(True, True), (False, True)] if base.resident else [(False, False)]
    for in_registers, resident in places:
        for heads in (1, 2, 4, 8):
            for per_stage, helpers in itertools.product(range(1, min(8, base.config.layers) + 1), (256, 128)):
                plan = replace(
                    base, heads=heads, per_stage=per_stage, helpers=helpers, in_registers=in_registers,
                    resident=resident,
                )  # fmt: skip
                enough = plan.held_registers + SPARE_REGISTERS <= REGISTERS // plan.threads // 8 * 8
                if plan.blocks <= blocks and enough and plan.most_sounds(shared_limit, most=1):
                    yield plan


def stored(values: np.ndarray, weight: str) -> np.ndarray:
    """float32 numbers as the kernel reads them: float32, or the bits of fp16 or bf16 as uint16."""
    if weight == "fp32":
        return values
    kind = torch.float16 if weight == "fp16" else torch.bfloat16
    return torch.from_numpy(values).to(kind).view(torch.int16).numpy().view(np.uint16)


@dataclass(frozen=True)
class Packed:
    """Everything the kernel reads: `chain`, `helper`, `head` as bytes, the rest float32."""

    tensors: dict[str, Tensor]

    def to(self, device: torch.device) -> Packed:
        return Packed({name: tensor.to(device) for name, tensor in self.tensors.items()})


@torch.no_grad()
def pack(model: WaveNet, plan: Plan) -> Packed:
    """A network's weights in the kernel's order."""
    c = plan.config
    half, r = c.gate_channels // 2, c.residual_channels

    def numbers(tensor: Tensor) -> np.ndarray:
        return tensor.detach().float().cpu().numpy()

    def rows(tensor: Tensor, length: int) -> Tensor:
        """[..., n] -> [..., length], zeros behind."""
        flat = tensor.detach().float().cpu()
        return torch.nn.functional.pad(flat, (0, length - flat.shape[-1])).contiguous()

    chain, helper, gate_bias, residual_bias = [], [], [], []
    for layer in model.layers:
        taps = numbers(layer.dilated.weight).reshape(2 * half, c.kernel_size, r)  # [G, K, R]
        chain += [plan.shape("gate").pack(taps[:half, -1]), plan.shape("gate").pack(taps[half:, -1])]
        last = layer.residual is None
        residual = np.zeros((r, half), np.float32) if last else numbers(layer.residual.weight)
        chain.append(plan.shape("residual").pack(residual))
        for tap in range(plan.older):
            both = np.zeros((2 * plan.half, r), np.float32)
            both[:half], both[plan.half : plan.half + half] = taps[:half, tap], taps[half:, tap]
            helper.append(plan.shape("older").pack(both))
        helper.append(plan.shape("skip").pack(numbers(layer.skip.weight)))
        gate_bias.append(rows(layer.dilated.bias.view(2, half), plan.half).flatten())
        residual_bias.append(rows(torch.zeros(r) if last else layer.residual.bias, plan.residual))
    head1 = np.zeros((plan.head, c.skip_channels), np.float32)
    head1[: c.head_channels] = numbers(model.head1.weight)
    head2 = np.zeros((plan.out, c.head_channels), np.float32)
    head2[: c.levels] = numbers(model.head2.weight)
    head = []
    for part in range(plan.heads):
        head.append(plan.shape("head1").pack(np.split(head1, plan.heads)[part]))
        head.append(plan.shape("head2").pack(np.split(head2, plan.heads)[part]))
    embedding = torch.stack(list(model.embedding.taps.parameters()))  # [K, levels, R]
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(stored(np.concatenate(words), plan.weight)).view(np.uint8))
        for name, words in (("chain", chain), ("helper", helper), ("head", head))
    } | {
        "gate_bias": torch.stack(gate_bias), "residual_bias": torch.stack(residual_bias),
        "skip_bias": rows(model.layers[-1].skip.bias, plan.skip), "head1_bias": rows(model.head1.bias, plan.head),
        "head2_bias": rows(model.head2.bias, plan.out), "embedding": rows(embedding, plan.residual),
        "upsample": torch.zeros(1, 2) if model.condition is None else model.condition.upsample.detach().float().cpu(),
    }  # fmt: skip
    return Packed(tensors)


def pad_frames(frames: Tensor, plan: Plan) -> Tensor:
    """float [B, f, L * G] -> [B, f, L * 2 H], each half of each gate padded."""
    half = plan.config.gate_channels // 2
    if half == plan.half:
        return frames.contiguous()
    parts = frames.unflatten(-1, (-1, half))
    return torch.nn.functional.pad(parts, (0, plan.half - half)).flatten(-2).contiguous()


def pipelines_for(plan: Plan, batch: int, *, most_pipelines: int, shared_limit: int) -> tuple[int, int]:
    """(pipelines side by side, sounds in each) for a batch; a larger batch than both allow goes in turns."""
    pipelines = max(1, min(batch, most_pipelines))
    sounds = min(math.ceil(batch / pipelines), plan.most_sounds(shared_limit))
    return pipelines, sounds
