"""Weights of the training's earlier steps, and of another attention, shipped beside the last with 8 bits a number.

Each row of a matrix is divided by its largest magnitude and rounded to -127 … 127 (symmetric quantisation per output
channel, as in Jacob et al. 2018, arXiv:1712.05877, section 2.1, without zero points); biases and statistics stay fp16.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from safetensors.torch import load, save
from torch import Tensor

from core.errors import SamplingError
from core.tacotron2.model import Tacotron2, Tacotron2Config

__all__ = ["CONTENT", "at_step", "content_based", "kept_steps", "packed", "unpacked"]
CONTENT = "content.safetensors"
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
    """The state dict again, in float32, with errors of at most half a step of each row's scale."""
    found = load(content)
    out = {}
    for name, tensor in found.items():
        if name.endswith(SCALE):
            continue
        scale = found.get(name + SCALE)
        if scale is not None:
            out[name] = tensor.float() * scale.reshape(-1, *[1] * (tensor.dim() - 1))
        else:
            out[name] = tensor.float() if tensor.is_floating_point() else tensor
    return out


def kept_steps(files: Iterable[str]) -> list[int]:
    """The steps among a card's files, in order."""
    return sorted(int(file[len("step-") : -len(".safetensors")]) for file in files if file.startswith("step-"))


def at_step(model: Tacotron2, step: int) -> Tacotron2:
    """The network as it was after so many steps of its training.

    Args:
        model: as `core.weights.load` gives it, with its files.  step: one of `kept_steps(model.others)`.
    Raises:
        SamplingError: no weights of that step were kept.
    """
    if step not in kept_steps(model.others):
        known = ", ".join(map(str, kept_steps(model.others))) or "none"
        raise SamplingError(f"No weights of step {step} were kept; there are: {known}.")
    return _other(model, f"step-{step}.safetensors", model.config)


def content_based(model: Tacotron2) -> Tacotron2:
    """The network that learned its attention without location features.

    Raises:
        SamplingError: there is none beside this model.
    """
    if CONTENT not in model.others:
        raise SamplingError("No network with content-based attention was kept beside this one.")
    return _other(model, CONTENT, replace(model.config, attention="content"))


def _other(model: Tacotron2, file: str, config: Tacotron2Config) -> Tacotron2:
    network = Tacotron2(config)
    network.load_state_dict(unpacked(model.others[file].read_bytes()), strict=True)
    return network.eval()
