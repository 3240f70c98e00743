"""Weights with 8 bits a number: half the size of fp16.

Each row of a matrix is divided by its largest magnitude and rounded to -127 … 127 (symmetric quantisation per output
channel, as in Jacob et al. 2018, arXiv:1712.05877, section 2.1, without zero points); biases and statistics stay fp16.
"""

from __future__ import annotations

import torch
from safetensors.torch import load, save
from torch import Tensor

__all__ = ["packed", "unpacked"]
SCALE = ".scale"


def packed(tensors: dict[str, Tensor]) -> bytes:
    """A state dict as a safetensors file with int8 matrices. float [...] -> bytes."""
    out = {}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            out[name] = tensor
        elif tensor.dim() < 2:
            out[name] = tensor.half()
        else:
            rows = tensor.detach().float().reshape(tensor.shape[0], -1)
            scale = rows.abs().amax(dim=1).clamp(min=1e-8) / 127
            out[name] = (rows / scale[:, None]).round().to(torch.int8).reshape(tensor.shape)
            out[name + SCALE] = scale
    return save({name: tensor.contiguous() for name, tensor in out.items()})


def unpacked(content: bytes) -> dict[str, Tensor]:
    """The state dict again, in float32, with errors of at most half a step of each row's scale.

    A file without int8 matrices comes back as it is.
    """
    found = load(content)
    out = {}
    for name, tensor in found.items():
        whole = found.get(name.removesuffix(SCALE))
        if name.endswith(SCALE) and whole is not None and whole.dtype == torch.int8:
            continue
        scale = found.get(name + SCALE) if tensor.dtype == torch.int8 else None
        if scale is not None:
            out[name] = tensor.float() * scale.reshape(-1, *[1] * (tensor.dim() - 1))
        else:
            out[name] = tensor.float() if tensor.is_floating_point() else tensor
    return out
