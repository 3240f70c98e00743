"""Generation compiled by numba, for machines without a C++ compiler: the sums of the native engine, in Python.

As there, the older taps of up to eight future samples are one product, and each matrix is stored input by input,
so that the innermost loop runs along contiguous outputs, which the compiler turns into vector instructions. The
sounds of a batch are generated one after the other.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import torch
from numba import njit
from torch import Tensor

from core.wavenet.engines.contract import Engine, Session
from core.wavenet.model import WaveNet

AHEAD = 8  # future samples whose older taps are computed together
Weights = namedtuple(
    "Weights",
    "embedding taps gate_bias residual residual_bias skip skip_bias head1 head1_bias head2 head2_bias upsample "
    "dilations",
)
State = namedtuple(
    "State",
    "previous rings ring_first ring_length older block_start next_block x z bits powers skip hidden logits "
    "probabilities",
)


def jit(function):
    """Compile at first call, and keep the result for the next process where a folder can be written."""
    try:
        return njit(cache=True, fastmath=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # no folder for the cache
        return njit(fastmath=True, nogil=True, error_model="numpy")(function)


ONE, TWO, HALF, MAGIC_LOG2 = np.float32(1), np.float32(2), np.float32(0.5), np.float32(1.44269504)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
C3, C4, C5, C6, C7 = (np.float32(1 / f) for f in (6, 24, 120, 720, 5040))
TWENTY, SIXTY = np.float32(20), np.float32(60)


@jit
def multiply(w, x, y):
    """y += x w for w [n, m], eight inputs at a time."""
    n, m = w.shape
    whole = n - n % 8
    for j in range(0, whole, 8):
        x0, x1, x2, x3, x4, x5, x6, x7 = x[j], x[j + 1], x[j + 2], x[j + 3], x[j + 4], x[j + 5], x[j + 6], x[j + 7]
        w0, w1, w2, w3, w4, w5, w6, w7 = w[j], w[j + 1], w[j + 2], w[j + 3], w[j + 4], w[j + 5], w[j + 6], w[j + 7]
        for i in range(m):
            low = w0[i] * x0 + w1[i] * x1 + w2[i] * x2 + w3[i] * x3
            y[i] += low + (w4[i] * x4 + w5[i] * x5 + w6[i] * x6 + w7[i] * x7)
    for j in range(whole, n):
        row, xj = w[j], x[j]
        for i in range(m):
            y[i] += row[i] * xj


@jit
def gate(pre, z, bits, powers):
    """z = tanh(filter) * sigmoid(gate), with e^x as 2^n (1 + rest); `powers` is `bits` seen as floats, [2, H]."""
    half = z.shape[0]
    for i in range(half):
        a = min(max(TWO * pre[i], -TWENTY), TWENTY)
        b = min(max(-pre[half + i], -SIXTY), SIXTY)
        bits[0, i] = (np.int32(np.floor(a * MAGIC_LOG2 + HALF)) + np.int32(127)) << np.int32(23)
        bits[1, i] = (np.int32(np.floor(b * MAGIC_LOG2 + HALF)) + np.int32(127)) << np.int32(23)
    for i in range(half):
        a = min(max(TWO * pre[i], -TWENTY), TWENTY)
        b = min(max(-pre[half + i], -SIXTY), SIXTY)
        s, r = powers[0, i], remainder(a)
        e = powers[1, i] + powers[1, i] * remainder(b)
        z[i] = ((s - ONE) + s * r) / (((s + ONE) + s * r) * (ONE + e))


@jit
def remainder(x):
    """e^f - 1 for what is left of x after whole multiples of ln 2."""
    n = np.floor(x * MAGIC_LOG2 + HALF)
    f = (x - n * LN2_HIGH) - n * LN2_LOW
    p = ((((C7 * f + C6) * f + C5) * f + C4) * f + C3) * f + HALF
    return p * f * f + f


@jit
def draw(logits, uniform, temperature, probabilities):
    """The number of cumulative probabilities <= uniform."""
    levels, largest, total = logits.shape[0], logits.max(), 0.0
    for i in range(levels):
        probabilities[i] = np.exp((logits[i] - largest) / temperature)
        total += probabilities[i]
    cumulative, code = 0.0, levels - 1
    goal = uniform * total
    for i in range(levels):
        cumulative += probabilities[i]
        if cumulative > goal:
            code = i
            break
    for i in range(levels):
        probabilities[i] /= total
    return code


@jit
def older_taps(w, s, layer, t):
    """Bias and older taps of one layer for samples t, t + 1, ...: as many as are known, at most AHEAD."""
    kernel, dilation = w.taps.shape[1], w.dilations[layer]
    block = min(dilation, AHEAD) if kernel > 1 else AHEAD
    count = block - (t + layer) % block  # layers take turns
    s.block_start[layer], s.next_block[layer] = t, t + count
    length, first = s.ring_length[layer], s.ring_first[layer]
    for c in range(count):
        pre = s.older[layer, c]
        pre[:] = w.gate_bias[layer]
        for k in range(kernel - 1):
            delay = (kernel - 1 - k) * dilation
            multiply(w.taps[layer, k], s.rings[first + (t + c - delay + length) % length], pre)


@jit
def step(w, s, t, frames, frame, place):
    """All layers at sample t; leaves the gated values of all layers in s.z."""
    layers, kernel = w.taps.shape[0], w.taps.shape[1]
    x = s.x
    x[:] = w.embedding[0, s.previous[0]]
    for k in range(1, kernel):
        x += w.embedding[k, s.previous[k]]
    for layer in range(layers):
        if t == s.next_block[layer]:
            older_taps(w, s, layer, t)
        pre = s.older[layer, t - s.block_start[layer]]
        if frames.shape[0]:
            u0, u1 = w.upsample[place, 0], w.upsample[place, 1]
            before, after = frames[frame, layer], frames[frame + 1, layer]
            for i in range(pre.shape[0]):
                pre[i] += u0 * before[i] + u1 * after[i]
        s.rings[s.ring_first[layer] + t % s.ring_length[layer]] = x
        multiply(w.taps[layer, kernel - 1], x, pre)
        z = s.z[layer]
        gate(pre, z, s.bits, s.powers)
        if layer + 1 < layers:
            x += w.residual_bias[layer]
            multiply(w.residual[layer], z, x)


@jit
def rectify(x):
    for i in range(x.shape[0]):
        x[i] = max(x[i], np.float32(0))


@jit
def head(w, s):
    """Skip products of all layers as one, ReLU, 1x1, ReLU, 1x1."""
    s.skip[:] = w.skip_bias
    multiply(w.skip, s.z.reshape(-1), s.skip)
    rectify(s.skip)
    s.hidden[:] = w.head1_bias
    multiply(w.head1, s.skip, s.hidden)
    rectify(s.hidden)
    s.logits[:] = w.head2_bias
    multiply(w.head2, s.hidden, s.logits)


@jit
def run(w, s, position, uniforms, codes, frames, temperature, logits, with_head):
    """n samples of one sound: drawn if there are uniforms, else given in `codes`."""
    hop = w.upsample.shape[0]
    for i in range(codes.shape[0]):
        t = position + i
        frame, place = (t // hop - position // hop, t % hop) if hop else (0, 0)
        step(w, s, t, frames, frame, place)
        if with_head:
            head(w, s)
        if logits.shape[0]:
            logits[i] = s.logits
        if uniforms.shape[0]:
            codes[i] = draw(s.logits, uniforms[i], temperature, s.probabilities)
        s.previous[:-1] = s.previous[1:]
        s.previous[-1] = codes[i]


@torch.no_grad()
def weights_of(model: WaveNet) -> Weights:
    """The network's numbers as float32 arrays, every matrix as [inputs, outputs]."""
    c, layers = model.config, model.layers

    def array(x: Tensor) -> np.ndarray:
        return np.array(x.detach().float().cpu().numpy(), dtype=np.float32, order="C")

    taps = torch.stack([layer.dilated.weight for layer in layers])  # [L, G, K * R]
    taps = taps.view(c.layers, c.gate_channels, c.kernel_size, c.residual_channels)
    inner = [layer.residual for layer in layers if layer.residual is not None]
    half = c.gate_channels // 2
    upsample = torch.zeros(0, 2) if model.condition is None else model.condition.upsample
    return Weights(
        embedding=array(torch.stack(list(model.embedding.taps.parameters()))),  # [K, levels, R]
        taps=array(taps.permute(0, 2, 3, 1)),  # [L, K, R, G]
        gate_bias=array(torch.stack([layer.dilated.bias for layer in layers])),
        residual=array(torch.stack([one.weight.T for one in inner]) if inner else torch.zeros(0, half, 1)),
        residual_bias=array(torch.stack([one.bias for one in inner]) if inner else torch.zeros(0, 1)),
        skip=array(torch.cat([layer.skip.weight.T for layer in layers])),  # [L * G / 2, S]
        skip_bias=array(layers[-1].skip.bias),
        head1=array(model.head1.weight.T), head1_bias=array(model.head1.bias),
        head2=array(model.head2.weight.T), head2_bias=array(model.head2.bias),
        upsample=array(upsample), dilations=np.array(c.dilations),
    )  # fmt: skip


def new_state(model: WaveNet) -> State:
    """Silence."""
    c = model.config
    half, lengths = c.gate_channels // 2, [max(1, (c.kernel_size - 1) * d) for d in c.dilations]

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    bits = np.zeros((2, half), np.int32)
    return State(
        previous=np.full(c.kernel_size, c.levels // 2), rings=zeros(sum(lengths), c.residual_channels),
        ring_first=np.cumsum([0, *lengths[:-1]]), ring_length=np.array(lengths),
        older=zeros(c.layers, AHEAD, c.gate_channels), block_start=np.zeros(c.layers, np.int64),
        next_block=np.zeros(c.layers, np.int64), x=zeros(c.residual_channels), z=zeros(c.layers, half),
        bits=bits, powers=bits.view(np.float32), skip=zeros(c.skip_channels), hidden=zeros(c.head_channels),
        logits=zeros(c.levels), probabilities=zeros(c.levels),
    )  # fmt: skip


class NumbaSession(Session):
    def __init__(self, engine: NumbaEngine, batch: int, temperature: float) -> None:
        self.engine, self.temperature, self.position = engine, temperature, 0
        self.states = [new_state(engine.model) for _ in range(batch)]

    def draw(self, uniforms: Tensor, frames: Tensor | None = None) -> Tensor:
        numbers = np.ascontiguousarray(uniforms.cpu().numpy(), dtype=np.float32)
        codes = np.zeros(numbers.shape, np.int64)
        self._run(codes, frames, numbers, np.zeros((len(codes), 0, 1), np.float32), True)
        self.probabilities = torch.from_numpy(np.stack([state.probabilities for state in self.states]))
        return torch.from_numpy(codes)

    def feed(self, codes: Tensor, frames: Tensor | None = None, *, logits: bool = True) -> Tensor | None:
        given = np.array(codes.cpu().numpy(), dtype=np.int64, order="C")
        rows = np.zeros((*given.shape, self.engine.config.levels) if logits else (len(given), 0, 1), np.float32)
        self._run(given, frames, np.zeros((len(given), 0), np.float32), rows, logits)
        return torch.from_numpy(rows).transpose(1, 2) if logits else None  # [B, levels, n]

    def _run(
        self, codes: np.ndarray, frames: Tensor | None, uniforms: np.ndarray, logits: np.ndarray, head: bool
    ) -> None:
        c, batch = self.engine.config, len(self.states)
        condition = np.zeros((batch, 0, 1, 1), np.float32)
        if frames is not None:
            condition = np.ascontiguousarray(frames.cpu().numpy(), dtype=np.float32)
            condition = condition.reshape(batch, -1, c.layers, c.gate_channels)
        for b, state in enumerate(self.states):
            run(
                self.engine.weights, state, self.position, uniforms[b], codes[b], condition[b],
                np.float32(self.temperature), logits[b], head,
            )  # fmt: skip
        self.position += codes.shape[1]


class NumbaEngine(Engine):
    """fp32, one thread."""

    name = "numba"

    def __init__(self, model: WaveNet) -> None:
        super().__init__(model)
        self.weights = weights_of(model)

    @classmethod
    def unavailable(cls, model: WaveNet | None = None) -> str:
        if model is not None and model.config.gate != "multiply":
            return f'it knows the gate "multiply" only, not "{model.config.gate}".'
        return ""

    def session(self, batch: int, temperature: float = 1.0) -> NumbaSession:
        return NumbaSession(self, batch, temperature)
