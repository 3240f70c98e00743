"""The reference of fast generation: each layer keeps its past inputs in a ring buffer, and computes one column.

Source: Le Paine et al. 2016, "Fast WaveNet Generation Algorithm" (arXiv:1611.09482). The cost of a sample is that
of L layers at one moment, however far the network sees back.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.wavenet.conditioning import condition_at
from core.wavenet.engines.contract import Engine
from core.wavenet.engines.stepwise import StepwiseSession
from core.wavenet.model import GatedLayer, WaveNet


class Ring:
    """The last (K - 1) * d inputs of a layer. Sample t lives in slot t modulo the length."""

    def __init__(self, batch: int, channels: int, dilation: int, kernel_size: int, device: torch.device) -> None:
        self.delays = [k * dilation for k in range(kernel_size - 1, 0, -1)]  # the oldest first
        self.length = max(1, (kernel_size - 1) * dilation)
        self.slots = torch.zeros(self.length, batch, channels, device=device)  # silence before the start

    def exchange(self, x: Tensor, t: int) -> Tensor:
        """Read the inputs of t - (K - 1) d, ..., t - d, then overwrite the oldest by x [B, R] -> [B, K * R]."""
        past = [self.slots[(t - delay) % self.length] for delay in self.delays]
        taps = torch.cat([*past, x], dim=-1)
        self.slots[t % self.length] = x
        return taps


def layer_step(
    layer: GatedLayer, ring: Ring, x: Tensor, condition: Tensor | None, t: int
) -> tuple[Tensor, Tensor]:
    """One gated layer at one moment: x [B, R] -> its gated values z [B, G / 2] and the next layer's input."""
    pre = layer.dilated(ring.exchange(x, t))
    if condition is not None:
        pre = pre + condition
    z = layer.activate(pre)
    return z, x if layer.residual is None else x + layer.residual(z)


class CachedSession(StepwiseSession):
    def __init__(self, model: WaveNet, batch: int, temperature: float) -> None:
        super().__init__(model, batch, temperature)
        config = model.config
        self.previous = torch.full((batch, config.kernel_size), config.levels // 2, device=self.device)
        self.rings = [
            Ring(batch, config.residual_channels, dilation, config.kernel_size, self.device)
            for dilation in config.dilations
        ]
        self.frames: Tensor | None = None
        self.first_frame = 0
        with torch.no_grad():  # all layers' skip products as one, as in WaveNet.head
            self.skip = torch.cat([layer.skip.weight for layer in model.layers], dim=1)  # [S, L * G / 2]

    def next_logits(self) -> Tensor:
        model, t = self.model, self.position
        conditions = self.conditions()
        x = model.embedding(self.previous)[:, 0]  # [B, R]
        gated = []
        for layer, ring, condition in zip(model.layers, self.rings, conditions):
            z, x = layer_step(layer, ring, x, condition, t)
            gated.append(z)
        skip = F.linear(torch.cat(gated, dim=-1), self.skip, model.layers[-1].skip.bias)  # [B, S]
        return model.head2(torch.relu(model.head1(torch.relu(skip))))  # [B, levels]

    def conditions(self) -> list[Tensor | None]:
        """For each layer what the mel adds at this moment, [B, G]."""
        layers = self.model.config.layers
        if self.frames is None:
            return [None] * layers
        mixed = condition_at(self.model.condition.upsample, self.frames, self.position, self.first_frame)
        return list(mixed.chunk(layers, dim=-1))

    def append(self, codes: Tensor) -> None:
        self.previous = torch.cat([self.previous[:, 1:], codes[:, None]], dim=1)
        self.position += 1

    def take_frames(self, frames: Tensor | None) -> None:
        if frames is not None:
            self.frames = frames.to(self.device)
            self.first_frame = self.position // self.model.config.condition_hop


class CachedEngine(Engine):
    name = "cached"

    def session(self, batch: int, temperature: float = 1.0) -> CachedSession:
        return CachedSession(self.model, batch, temperature)
