"""The stack of gated layers with its gradients written out: the same numbers as `WaveNet.forward`, twice as fast.

Automatic differentiation keeps and copies many large intermediate arrays. Here every product writes into memory
that is already there, a dilated tap is a view instead of a copy, and the gate with its conditioning is one pass
over memory, forward and backward (numba). `tests/unit/test_wavenet_fused.py` compares it with autograd.
"""

from __future__ import annotations

from typing import cast

import numba
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.wavenet.model import GatedLayer, WaveNet


@numba.njit(inline="always", fastmath=True)
def _tanh(x):
    """Rational approximation of tanh (numerator of degree 13, denominator of degree 6), error below 1e-6."""
    x = min(max(x, np.float32(-7.9)), np.float32(7.9))
    y = x * x
    p = np.float32(-2.76076847742355e-16)
    p = p * y + np.float32(2.00018790482477e-13)
    p = p * y + np.float32(-8.60467152213735e-11)
    p = p * y + np.float32(5.12229709037114e-08)
    p = p * y + np.float32(1.48572235717979e-05)
    p = p * y + np.float32(6.37261928875436e-04)
    p = p * y + np.float32(4.89352455891786e-03)
    q = np.float32(1.19825839466702e-06)
    q = q * y + np.float32(1.18534705686654e-04)
    q = q * y + np.float32(2.26843463243900e-03)
    q = q * y + np.float32(4.89352518554385e-03)
    return x * p / q


@numba.njit(parallel=True, fastmath=True, cache=True)
def _gate_forward(pre, bias, frames, up, z):
    """pre [B, F, hop, G] becomes tanh | sigmoid in place; z [B, F, hop, H] gets their product."""
    batch, count, hop, gate = pre.shape
    half = gate // 2
    for job in numba.prange(batch * count):
        b, f = job // count, job % count
        now, then = frames[b, f], frames[b, f + 1]
        for p in range(hop):
            u, v = up[p, 0], up[p, 1]
            row, out = pre[b, f, p], z[b, f, p]
            for c in range(half):
                t = _tanh(row[c] + bias[c] + u * now[c] + v * then[c])
                g = row[half + c] + bias[half + c] + u * now[half + c] + v * then[half + c]
                s = np.float32(0.5) + np.float32(0.5) * _tanh(np.float32(0.5) * g)
                row[c], row[half + c] = t, s
                out[c] = t * s


@numba.njit(parallel=True, fastmath=True, cache=True)
def _gate_backward(ts, dz, frames, up, sums, d_up):
    """ts [B, F, hop, G] becomes the gradient of the pre-activation.

    sums [B, F, 3, G] gets what the frame now, the frame then and the bias receive; d_up [B, F, hop, 2] is added to.
    """
    batch, count, hop, gate = ts.shape
    half = gate // 2
    for job in numba.prange(batch * count):
        b, f = job // count, job % count
        now, then = frames[b, f], frames[b, f + 1]
        d_now, d_then, d_bias = sums[b, f, 0], sums[b, f, 1], sums[b, f, 2]
        for p in range(hop):
            u, v = up[p, 0], up[p, 1]
            row, grad = ts[b, f, p], dz[b, f, p]
            sum_now, sum_then = np.float32(0), np.float32(0)
            for c in range(half):
                t, s = row[c], row[half + c]
                row[c] = grad[c] * s * (np.float32(1) - t * t)
                row[half + c] = grad[c] * t * s * (np.float32(1) - s)
            for c in range(gate):
                d = row[c]
                d_now[c] += u * d
                d_then[c] += v * d
                d_bias[c] += d
                sum_now += d * now[c]
                sum_then += d * then[c]
            d_up[b, f, p, 0] += sum_now
            d_up[b, f, p, 1] += sum_then


def _columns(batch: int, count: int, hop: int, columns: int) -> Tensor:
    """Memory for the z of all layers side by side, [B, F, hop, columns].

    Rows lie 16 floats further apart than they are long: a row stride that is a power of two would put every row's
    slice into the same few cache sets, and products into such slices run four times slower.
    """
    return torch.empty(batch, count, hop, columns + 16)[..., :columns]


class GatedStack(torch.autograd.Function):
    """All gated layers and the sum of their skips: x [B, T, R], frames [B, F + 1, L * G] -> [B, T, S]."""

    @staticmethod
    def forward(ctx, x, frames, up, dilations, w_skip, b_skip, *weights):  # type: ignore[no-untyped-def]
        batch, time, channels = x.shape
        layers, hop = len(dilations), up.shape[0]
        count, gate = time // hop, frames.shape[2] // layers
        half = gate // 2
        z_all = _columns(batch, count, hop, layers * half)
        kept = []
        for i, d in enumerate(dilations):
            w, bias, w_res, b_res = weights[4 * i : 4 * i + 4]
            pre = torch.mm(x.view(-1, channels), w[:, channels:].t()).view(batch, time, gate)
            if d < time:
                pre[:, d:].baddbmm_(x[:, : time - d], w[:, :channels].t().expand(batch, channels, gate))
            z = z_all[..., i * half : (i + 1) * half]
            part = frames[:, :, i * gate : (i + 1) * gate]
            blocks = pre.view(batch, count, hop, gate)
            _gate_forward(blocks.numpy(), bias.detach().numpy(), part.numpy(), up.numpy(), z.numpy())
            kept += [x, pre]
            if w_res is not None:
                x = torch.add(x, b_res)
                x.view(-1, channels).addmm_(z.view(-1, half), w_res.t())
        ctx.save_for_backward(frames, up, z_all, w_skip, *kept, *weights)
        ctx.dilations = dilations
        return torch.addmm(b_skip, z_all.view(-1, layers * half), w_skip.t()).view(batch, time, -1)

    @staticmethod
    def backward(ctx, d_skip):  # type: ignore[no-untyped-def]
        layers = len(ctx.dilations)
        frames, up, z_all, w_skip, *rest = ctx.saved_tensors
        kept, weights = rest[: 2 * layers], rest[2 * layers :]
        batch, time, channels = kept[0].shape
        hop, gate = up.shape[0], kept[1].shape[2]
        count, half = time // hop, gate // 2
        d_skip = d_skip.reshape(batch * time, -1)
        dz_all = _columns(batch, count, hop, layers * half)
        torch.mm(d_skip, w_skip, out=dz_all.view(-1, layers * half))
        dw_skip = torch.mm(d_skip.t(), z_all.view(-1, layers * half))
        d_frames, d_up = torch.zeros_like(frames), torch.zeros(batch, count, hop, 2)
        dx = torch.zeros(batch * time, channels)
        grads: list[Tensor | None] = [None] * (4 * layers)
        for i in reversed(range(layers)):
            d, (x, ts) = ctx.dilations[i], kept[2 * i : 2 * i + 2]
            w, _, w_res, _ = weights[4 * i : 4 * i + 4]
            dz = dz_all[..., i * half : (i + 1) * half]
            if w_res is not None:
                dz.view(-1, half).addmm_(dx, w_res)
                z = z_all[..., i * half : (i + 1) * half].view(-1, half)
                grads[4 * i + 2], grads[4 * i + 3] = torch.mm(dx.t(), z), dx.sum(0)
            columns = slice(i * gate, (i + 1) * gate)
            sums = torch.zeros(batch, count, 3, gate)
            blocks = ts.view(batch, count, hop, gate)
            _gate_backward(
                blocks.numpy(), dz.numpy(), frames[:, :, columns].numpy(), up.numpy(), sums.numpy(), d_up.numpy()
            )
            d_frames[:, :-1, columns] += sums[:, :, 0]
            d_frames[:, 1:, columns] += sums[:, :, 1]
            grads[4 * i + 1] = sums[:, :, 2].sum((0, 1))
            grads[4 * i] = _dilated_backward(ts, x, w, dx, d)
        return dx.view(batch, time, channels), d_frames, d_up.sum((0, 1)), None, dw_skip, d_skip.sum(0), *grads


def _dilated_backward(d_pre: Tensor, x: Tensor, w: Tensor, dx: Tensor, dilation: int) -> Tensor:
    """Gradients of pre[t] = W_past x[t - d] + W_now x[t]: adds to dx [B * T, R], returns that of w [G, 2 R]."""
    batch, time, channels = x.shape
    gate = w.shape[0]
    dw_now = torch.mm(d_pre.view(-1, gate).t(), x.view(-1, channels))
    dw_past = torch.zeros_like(dw_now)
    dx.addmm_(d_pre.view(-1, gate), w[:, channels:])
    if dilation < time:
        past = dx.view(batch, time, channels)[:, : time - dilation]
        past.baddbmm_(d_pre[:, dilation:], w[:, :channels].expand(batch, gate, channels))
        for b in range(batch):
            dw_past.addmm_(d_pre[b, dilation:].t(), x[b, : time - dilation])
    return torch.cat([dw_past, dw_now], dim=1)


def works_for(model: WaveNet) -> bool:
    """The fused stack is for the CPU, kernel 2 and the paper's gate."""
    config = model.config
    on_cpu = next(model.parameters()).device.type == "cpu"
    return on_cpu and config.kernel_size == 2 and config.gate == "multiply"


def forward(model: WaveNet, codes: Tensor, mel: Tensor | None = None) -> Tensor:
    """`model(codes, mel)` for int64 [B, N] with N a multiple of the hop: float [B, levels, N], differentiable."""
    config = model.config
    batch, samples = codes.shape
    previous = F.pad(codes, (config.kernel_size, 0), value=config.levels // 2)[:, :-1]
    x = model.embedding(previous)
    count = samples // config.condition_hop
    if mel is None:
        frames = torch.zeros(batch, count + 1, config.layers * config.gate_channels)
        up = torch.zeros(config.condition_hop, 2)
    else:
        assert model.condition is not None
        frames, up = model.condition.frames(mel)[:, : count + 1].contiguous(), model.condition.upsample
    layers = cast(list[GatedLayer], list(model.layers))
    weights: list[Tensor | None] = []
    for layer in layers:
        residual = (layer.residual.weight, layer.residual.bias) if layer.residual is not None else (None, None)
        weights += [layer.dilated.weight, layer.dilated.bias, *residual]
    w_skip = torch.cat([layer.skip.weight for layer in layers], dim=1)  # [S, L * H]
    skip = GatedStack.apply(x, frames, up, config.dilations, w_skip, layers[-1].skip.bias, *weights)
    return model.head2(torch.relu(model.head1(torch.relu(skip)))).transpose(1, 2)
