"""One tier being drawn: its weights laid out for single steps, its recurrent states kept from frame to frame.

Each bin waits for the one below it, so all of it is small products, compiled by numba and run in one thread: several
threads would wait for each other at every step, and where others use the machine they would wait long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.melnet.mixture import LOG_SIGMA
from core.melnet.model import FeatureExtraction, Tier


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
def _run(x, w_in, w_hidden, bias, out, backwards):
    """An LSTM along a row: x [S, C] -> out [S, H], from zero states."""
    steps, width = out.shape
    h, c = np.zeros(width, np.float32), np.zeros(width, np.float32)
    gates = np.empty(4 * width, np.float32)
    for n in range(steps):
        s = steps - 1 - n if backwards else n
        gates[:] = bias
        _add_product(gates, x[s], w_in)
        _add_product(gates, h, w_hidden)
        _cell(gates, h, c)
        out[s] = h


@numba.njit(fastmath=True, cache=True, nogil=True)
def _contexts(x, time, up, down, project, b_project, states, out):
    """The time-delayed stack over one frame: x [F, C] becomes h^t of the last layer, out [L, F, C] holds all.

    time, up, down: of each LSTM (w_in [L, C, 4 H], w_hidden [L, H, 4 H], bias [L, 4 H]).  project [L, 3 C, C].
    states [L, 2, F, H]: h and c of the LSTM over time, moved on by a frame.
    """
    layers, bands, width = out.shape
    gates = np.empty(4 * width, np.float32)
    both = np.empty((bands, 3 * width), np.float32)
    for layer in range(layers):
        for j in range(bands):
            gates[:] = time[2][layer]
            _add_product(gates, x[j], time[0][layer])
            _add_product(gates, states[layer, 0, j], time[1][layer])
            _cell(gates, states[layer, 0, j], states[layer, 1, j])
            both[j, :width] = states[layer, 0, j]
        _run(x, up[0][layer], up[1][layer], up[2][layer], both[:, width : 2 * width], False)
        _run(x, down[0][layer], down[1][layer], down[2][layer], both[:, 2 * width :], True)
        for j in range(bands):
            x[j] += b_project[layer]
            _add_product(x[j], both[j], project[layer])
            out[layer, j] = x[j]


@numba.njit(fastmath=True, cache=True, nogil=True)
def _central(x, time, project, b_project, states, out):
    """The centralised stack's next step, x [C] in place; h^c of every layer is added to out [L, F, C]."""
    layers, bands, width = out.shape
    gates = np.empty(4 * width, np.float32)
    for layer in range(layers):
        gates[:] = time[2][layer]
        _add_product(gates, x, time[0][layer])
        _add_product(gates, states[layer, 0], time[1][layer])
        _cell(gates, states[layer, 0], states[layer, 1])
        x += b_project[layer]
        _add_product(x, states[layer, 0], project[layer])
        for j in range(bands):
            out[layer, j] += x


@numba.njit(fastmath=True, cache=True, nogil=True)
def _extract(x, time, back, up, down, project, b_project):
    """A layer of the feature extraction network: x [T, F, C] in place, LSTMs both ways along both axes."""
    frames, bands, width = x.shape
    every = np.empty((frames, bands, 4 * width), np.float32)
    for j in range(bands):
        _run(x[:, j], time[0], time[1], time[2], every[:, j, :width], False)
        _run(x[:, j], back[0], back[1], back[2], every[:, j, width : 2 * width], True)
    for i in range(frames):
        _run(x[i], up[0], up[1], up[2], every[i, :, 2 * width : 3 * width], False)
        _run(x[i], down[0], down[1], down[2], every[i, :, 3 * width :], True)
    for i in range(frames):
        for j in range(bands):
            x[i, j] += b_project
            _add_product(x[i, j], every[i, j], project)


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
def _draw_frame(entered, enter, context, rnn, project, b_project, w_theta, b_theta, chooses, normals, temperature,
                low, high, out):  # fmt: skip
    """The frequency-delayed stack over one frame, each bin drawn as soon as its distribution stands.

    entered [F, C]: what does not come from the bin below.  enter [C]: what does.  context [L, F, C]: h^t + h^c.
    rnn: w_in [L, C, 4 H], w_hidden [L, H, 4 H], bias [L, 4 H].  project [L, H, C], b_project [L, C].
    """
    layers, bands, width = context.shape
    summed = np.empty(width, np.float32)
    hs, cs = np.zeros((layers, width), np.float32), np.zeros((layers, width), np.float32)
    gates, h, theta = np.empty(4 * width, np.float32), np.empty(width, np.float32), np.empty_like(b_theta)
    below = np.float32(0)
    for j in range(bands):
        for n in range(width):
            h[n] = entered[j, n] + enter[n] * below
        for layer in range(layers):
            gates[:] = rnn[2][layer]
            summed[:] = h + context[layer, j]
            _add_product(gates, summed, rnn[0][layer])
            _add_product(gates, hs[layer], rnn[1][layer])
            _cell(gates, hs[layer], cs[layer])
            h += b_project[layer]
            _add_product(h, hs[layer], project[layer])
        theta[:] = b_theta
        _add_product(theta, h, w_theta)
        below = np.float32(_draw(theta, chooses[j], normals[j], temperature, low, high))
        out[j] = below


Arrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def _array(x: Tensor) -> NDArray[Any]:
    return np.ascontiguousarray(x.detach().cpu().float().numpy())


def _cells(layers: Sequence[Any], name: str, suffix: str = "l0") -> Arrays:
    """The LSTMs called `name` of all layers: w_in [L, C, 4 H], w_hidden [L, H, 4 H], bias [L, 4 H] (torch has two)."""
    found: list[list[Tensor]] = [[], [], []]
    for layer in layers:
        rnn = getattr(layer, name)
        found[0].append(getattr(rnn, f"weight_ih_{suffix}").T)
        found[1].append(getattr(rnn, f"weight_hh_{suffix}").T)
        found[2].append(getattr(rnn, f"bias_ih_{suffix}") + getattr(rnn, f"bias_hh_{suffix}"))
    first, second, third = (_array(torch.stack(one)) for one in found)
    return first, second, third


def _projects(layers: Sequence[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """What leads each layer's LSTMs back: weights [L, N, C], biases [L, C]."""
    weights = torch.stack([layer.project.weight.T for layer in layers])
    return _array(weights), _array(torch.stack([layer.project.bias for layer in layers]))


def extract(network: FeatureExtraction, before: Tensor) -> NDArray[Any]:
    """`FeatureExtraction.forward` of one spectrogram [T, F], in one thread: float32 [T, F, C]."""
    enter = network.enter
    x = before.numpy()[..., None] * _array(enter.weight)[:, 0] + _array(enter.bias)  # [T, F, C]
    x = np.ascontiguousarray(x, dtype=np.float32)
    for time, frequency, project in zip(network.time, network.frequency, network.project):
        rnns = []
        for rnn, suffix in ((time, "l0"), (time, "l0_reverse"), (frequency, "l0"), (frequency, "l0_reverse")):
            w_in, w_hidden, bias = _cells([_Holder(rnn)], "rnn", suffix)
            rnns.append((w_in[0], w_hidden[0], bias[0]))
        lead = cast(nn.Linear, project)
        _extract(x, rnns[0], rnns[1], rnns[2], rnns[3], _array(lead.weight.T), _array(lead.bias))
    return x


@dataclass(frozen=True)
class _Holder:
    rnn: nn.Module


class TierSession:
    """The drawing of one tier; `frame` is called once for every frame, in order. Everything runs in one thread."""

    @torch.no_grad()
    def __init__(self, tier: Tier, before: Tensor | None, temperature: float = 1.0) -> None:
        """before: float [T, F], all tiers before it (standardised), or None for the first."""
        self.temperature, self.position = float(temperature), 0
        time, delayed, central = list(tier.time_delayed), list(tier.frequency_delayed), list(tier.centralised)
        self.layers, self.width = len(time), tier.theta.in_features
        self.time = (_cells(time, "time"), _cells(time, "frequency"), _cells(time, "frequency", "l0_reverse"))
        self.time_project = _projects(time)
        self.delayed, self.delayed_project = _cells(delayed, "frequency"), _projects(delayed)
        self.theta = (_array(tier.theta.weight.T), _array(tier.theta.bias))
        self.enter_time = (_array(tier.enter_time.weight[:, 0]), _array(tier.enter_time.bias))
        self.enter_frequency = (_array(tier.enter_frequency.weight[:, 0]), _array(tier.enter_frequency.bias))
        self.central = (_cells(central, "time"), *_projects(central)) if central else None
        if tier.enter_centralised is not None:
            self.enter_central = (_array(tier.enter_centralised.weight.T), _array(tier.enter_centralised.bias))
        self.z: tuple[NDArray[Any], NDArray[Any]] | None = None
        if tier.extraction is None or before is None:
            tier.features(before)  # raises if a tier has nothing before it that needs it
        else:
            z = extract(tier.extraction, before)
            self.z = tuple(
                z @ _array(cast(nn.Linear, one).weight.T) for one in (tier.condition_time, tier.condition_frequency)
            )  # type: ignore[assignment]
        self.last: NDArray[Any] | None = None  # x_{i-1, *}
        self.states = np.zeros(0, np.float32)  # of the LSTMs over time, [L, 2, F, H]
        self.central_states = np.zeros((self.layers, 2, self.width), np.float32)

    def frame(self, uniforms: Tensor, known: Tensor | None = None) -> Tensor:
        """The next frame: drawn from [F, 2] uniform numbers, or the one that is known, float [F]."""
        bands = uniforms.shape[0]
        last = np.zeros(bands, np.float32) if self.last is None else self.last
        if self.last is None:
            self.states = np.zeros((self.layers, 2, bands, self.width), np.float32)
        h = last[:, None] * self.enter_time[0] + self.enter_time[1]  # [F, C]
        if self.z is not None:
            h = h + self.z[0][self.position]
        context = np.empty((self.layers, bands, self.width), np.float32)
        _contexts(h.astype(np.float32), *self.time, *self.time_project, self.states, context)
        if self.central is not None:
            whole = (last @ self.enter_central[0] + self.enter_central[1]).astype(np.float32)
            _central(whole, *self.central, self.central_states, context)
        self.last = self._drawn(uniforms, context) if known is None else known.float().numpy().copy()
        self.position += 1
        return torch.from_numpy(self.last)

    def _drawn(self, uniforms: Tensor, context: NDArray[Any]) -> NDArray[Any]:
        """One frame from the mixtures, bin by bin: float32 [F]."""
        enter, bias = self.enter_frequency
        entered = np.broadcast_to(bias, (uniforms.shape[0], self.width)).astype(np.float32)
        if self.z is not None:
            entered = (entered + self.z[1][self.position]).astype(np.float32)
        normal = (math.sqrt(2) * torch.erfinv(2 * uniforms[:, 1].double() - 1)).float()
        out = np.empty(uniforms.shape[0], np.float32)
        _draw_frame(
            entered, enter, context, self.delayed, *self.delayed_project, *self.theta,
            uniforms[:, 0].contiguous().numpy(), normal.numpy(), self.temperature, *LOG_SIGMA, out,
        )  # fmt: skip
        return out
