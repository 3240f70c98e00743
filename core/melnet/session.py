"""One tier being drawn: its weights laid out for single steps, its recurrent states kept from frame to frame.

What can be done for a whole frame at once is a matrix product (torch); what must go band by band, because each bin
waits for the one below it, is a loop compiled by numba.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.melnet.mixture import LOG_SIGMA
from core.melnet.model import CentralisedLayer, FrequencyDelayedLayer, Tier, TimeDelayedLayer


@numba.njit(fastmath=True, cache=True, nogil=True, inline="always")
def _add_product(out, x, weight):
    """out += x @ weight, for x [N] and weight [N, M]; four rows at a time, so that out is touched less often."""
    rows, columns = weight.shape
    whole = rows - rows % 4
    for n in range(0, whole, 4):
        a, b, c, d = x[n], x[n + 1], x[n + 2], x[n + 3]
        for m in range(columns):
            out[m] += a * weight[n, m] + b * weight[n + 1, m] + c * weight[n + 2, m] + d * weight[n + 3, m]
    for n in range(whole, rows):
        a = x[n]
        for m in range(columns):
            out[m] += a * weight[n, m]


@numba.njit(fastmath=True, cache=True, nogil=True, inline="always")
def _cell(gates, h, c):
    """An LSTM's step from its four gates' sums [4 H] (input, forget, cell, output): h and c change in place."""
    width = h.shape[0]
    for n in range(width):
        i = np.float32(1) / (np.float32(1) + np.exp(-gates[n]))
        f = np.float32(1) / (np.float32(1) + np.exp(-gates[width + n]))
        g = np.tanh(gates[2 * width + n])
        o = np.float32(1) / (np.float32(1) + np.exp(-gates[3 * width + n]))
        c[n] = f * c[n] + i * g
        h[n] = o * np.tanh(c[n])


@numba.njit(fastmath=True, cache=True, nogil=True)
def _run(entered, hidden_weight, out, backwards):
    """An LSTM along a row: entered [S, 4 H] holds the input's part of the gates; out [S, H] gets the states."""
    steps, width = out.shape
    h, c = np.zeros(width, np.float32), np.zeros(width, np.float32)
    gates = np.empty(4 * width, np.float32)
    for n in range(steps):
        s = steps - 1 - n if backwards else n
        gates[:] = entered[s]
        _add_product(gates, h, hidden_weight)
        _cell(gates, h, c)
        out[s] = h


@numba.njit(fastmath=True, cache=True, nogil=True)
def _draw(theta, chooses, normal, temperature, low, high):
    """One value from a mixture: theta [3 K]; as core.melnet.mixture, in one pass."""
    count = theta.shape[0] // 3
    middle, half = (high + low) / 2, (high - low) / 2
    top = theta[2 * count]
    for k in range(1, count):
        top = max(top, theta[2 * count + k])
    total = 0.0
    for k in range(count):
        total += math.exp((theta[2 * count + k] - top) / temperature)
    reached, chosen = 0.0, count - 1
    for k in range(count):
        reached += math.exp((theta[2 * count + k] - top) / temperature) / total
        if reached > chooses:
            chosen = k
            break
    log_sigma = middle + half * math.tanh((theta[count + chosen] - middle) / half)
    return theta[chosen] + math.exp(log_sigma) * math.sqrt(temperature) * normal


@numba.njit(fastmath=True, cache=True, nogil=True)
def _draw_frame(entered, enter, context, w_in, w_hidden, w_project, b_project, w_theta, b_theta, chooses, normals,
                temperature, low, high, out):  # fmt: skip
    """The frequency-delayed stack over one frame, each bin drawn as soon as its distribution stands.

    entered [F, C]: what does not come from the bin below.  enter [C]: what does.  context [L, F, 4 H]: the gates' part
    of the other stacks.  w_in [L, C, 4 H], w_hidden [L, H, 4 H], w_project [L, H, C], b_project [L, C].
    """
    layers, bands, width = context.shape[0], entered.shape[0], entered.shape[1]
    hs, cs = np.zeros((layers, width), np.float32), np.zeros((layers, width), np.float32)
    gates, h, theta = np.empty(4 * width, np.float32), np.empty(width, np.float32), np.empty_like(b_theta)
    below = np.float32(0)
    for j in range(bands):
        for n in range(width):
            h[n] = entered[j, n] + enter[n] * below
        for layer in range(layers):
            gates[:] = context[layer, j]
            _add_product(gates, h, w_in[layer])
            _add_product(gates, hs[layer], w_hidden[layer])
            _cell(gates, hs[layer], cs[layer])
            h += b_project[layer]
            _add_product(h, hs[layer], w_project[layer])
        theta[:] = b_theta
        _add_product(theta, h, w_theta)
        below = np.float32(_draw(theta, chooses[j], normals[j], temperature, low, high))
        out[j] = below


@dataclass(frozen=True)
class Cell:
    """An LSTM's matrices, input first: w_in [C, 4 H], w_hidden [H, 4 H], bias [4 H] (torch adds two)."""

    w_in: Tensor
    w_hidden: Tensor
    bias: Tensor

    @staticmethod
    def of(rnn: nn.LSTM, suffix: str = "l0") -> Cell:
        w_in, w_hidden, b_in, b_hidden = (
            cast(Tensor, getattr(rnn, f"{name}_{suffix}")).detach()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        return Cell(w_in.T.contiguous(), w_hidden.T.contiguous(), b_in + b_hidden)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Many independent rows at once: x [N, C], h and c [N, H] -> the new h and c."""
        i, f, g, o = (torch.addmm(self.bias, x, self.w_in) + h @ self.w_hidden).chunk(4, dim=-1)  # [N, H] each
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def along(self, x: Tensor, *, backwards: bool) -> Tensor:
        """One row, step after step: x [S, C] -> [S, H]."""
        out = torch.empty(x.shape[0], self.w_hidden.shape[0])
        entered = torch.addmm(self.bias, x, self.w_in)
        _run(entered.numpy(), self.w_hidden.numpy(), out.numpy(), backwards)
        return out


class TierSession:
    """The drawing of one tier; `frame` is called once for every frame, in order."""

    @torch.no_grad()
    def __init__(self, tier: Tier, before: Tensor | None, temperature: float = 1.0) -> None:
        """before: float [T, F], all tiers before it (standardised), or None for the first."""
        self.tier, self.temperature = tier, temperature
        z = tier.features(None if before is None else before[None])
        self.z = None if z is None else z[0]  # [T, F, C]
        layers = cast(list[TimeDelayedLayer], list(tier.time_delayed))
        self.time = [Cell.of(layer.time) for layer in layers]
        self.up = [Cell.of(layer.frequency) for layer in layers]
        self.down = [Cell.of(layer.frequency, "l0_reverse") for layer in layers]
        central = cast(list[CentralisedLayer], list(tier.centralised))
        self.central = [Cell.of(layer.time) for layer in central]
        self.delayed = [
            Cell.of(layer.frequency) for layer in cast(list[FrequencyDelayedLayer], tier.frequency_delayed)
        ]
        self.stacked: dict[str, NDArray[Any]] = self._stacked()
        self.position = 0
        self.last: Tensor | None = None  # x_{i-1, *}
        self.states: list[tuple[Tensor, Tensor]] = []
        self.central_states: list[tuple[Tensor, Tensor]] = []

    def _stacked(self) -> dict[str, NDArray[Any]]:
        """The frequency-delayed stack's weights, all layers in one array each."""
        tier = self.tier
        projects = [cast(FrequencyDelayedLayer, layer).project for layer in tier.frequency_delayed]
        found = {
            "enter": tier.enter_frequency.weight[:, 0],
            "w_in": torch.stack([cell.w_in for cell in self.delayed]),
            "w_hidden": torch.stack([cell.w_hidden for cell in self.delayed]),
            "w_project": torch.stack([one.weight.T for one in projects]),
            "b_project": torch.stack([one.bias for one in projects]),
            "w_theta": tier.theta.weight.T, "b_theta": tier.theta.bias,
        }  # fmt: skip
        return {name: one.detach().contiguous().numpy() for name, one in found.items()}

    @torch.no_grad()
    def frame(self, uniforms: Tensor, known: Tensor | None = None) -> Tensor:
        """The next frame: drawn from [F, 2] uniform numbers, or the one that is known, float [F]."""
        bands, width = uniforms.shape[0], self.tier.theta.in_features
        last = torch.zeros(bands) if self.last is None else self.last
        h_time = self.tier.enter_time(last[:, None])  # [F, C]
        entered = self.tier.enter_frequency.bias.expand(bands, width)
        if self.z is not None:
            z = self.z[self.position]
            h_time = h_time + cast(nn.Module, self.tier.condition_time)(z)
            entered = entered + cast(nn.Module, self.tier.condition_frequency)(z)
        contexts = self._contexts(h_time, last)
        if known is None:
            out = torch.empty(bands)
            normal = (math.sqrt(2) * torch.erfinv(2 * uniforms[:, 1].double() - 1)).float()
            context = torch.stack([torch.addmm(c.bias, x, c.w_in) for c, x in zip(self.delayed, contexts)])
            _draw_frame(
                entered.contiguous().numpy(), self.stacked["enter"], context.numpy(), self.stacked["w_in"],
                self.stacked["w_hidden"], self.stacked["w_project"], self.stacked["b_project"],
                self.stacked["w_theta"], self.stacked["b_theta"], uniforms[:, 0].contiguous().numpy(),
                normal.numpy(), float(self.temperature), *LOG_SIGMA, out.numpy(),
            )  # fmt: skip
        else:
            out = known.float().clone()
        self.last = out
        self.position += 1
        return out

    def _contexts(self, h_time: Tensor, last: Tensor) -> list[Tensor]:
        """h^t + h^c of every layer [F, C], with the states moved on by a frame."""
        bands, width = h_time.shape
        if not self.states:
            self.states = [(torch.zeros(bands, width), torch.zeros(bands, width)) for _ in self.time]
            self.central_states = [(torch.zeros(1, width), torch.zeros(1, width)) for _ in self.central]
        enter = self.tier.enter_centralised
        h_central = None if enter is None else enter(last[None])  # [1, C]
        found = []
        for index, layer in enumerate(cast(list[TimeDelayedLayer], self.tier.time_delayed)):
            self.states[index] = self.time[index].step(h_time, *self.states[index])
            up = self.up[index].along(h_time, backwards=False)
            down = self.down[index].along(h_time, backwards=True)
            h_time = h_time + layer.project(torch.cat([self.states[index][0], up, down], dim=-1))
            context = h_time
            if h_central is not None:
                central = cast(CentralisedLayer, self.tier.centralised[index])
                self.central_states[index] = self.central[index].step(h_central, *self.central_states[index])
                h_central = h_central + central.project(self.central_states[index][0])
                context = h_time + h_central
            found.append(context)
        return found
