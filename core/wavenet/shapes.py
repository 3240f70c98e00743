"""What flows through a WaveNet: every tensor of one real forward pass, by the name of the arrow it travels on.

    with watch(model) as seen:
        model(codes, mel)
    seen["layers.3.gated"]  # float [B, N, G / 2], the tensor itself

Names are those of figure 4: codes, previous, embedded, then for each layer `layers.<l>.` input, taps, pre,
condition, gated, residual, then skip_sum, hidden, scores, logits; with a mel: mel, conv1, conv2, projected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import SamplingError
from core.wavenet.model import GatedLayer, WaveNet

MAX_BATCH, MAX_SAMPLES = 4, 2000

Seen = dict[str, Tensor]


@contextmanager
def watch(model: WaveNet) -> Iterator[Seen]:
    """Note the tensors of the forward passes made inside the `with`, by forward hooks; a later pass overwrites.

    The model computes as before, and loses the hooks on leaving.
    """
    seen: Seen = {}
    hooks = [hook for module, note in _notes(model, seen) for hook in [module.register_forward_hook(note)]]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _notes(model: WaveNet, seen: Seen) -> Iterator[tuple[nn.Module, Callable[..., None]]]:
    """Each watched module with a hook that notes the tensors going in and coming out under their names."""

    def note(inputs: tuple[str, ...], output: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], result: Tensor) -> None:
            for name, value in [*zip(inputs, args), (output, result)]:
                if isinstance(value, Tensor) and name:
                    seen[name] = value.detach()

        return hook

    yield model, note(("codes", "mel"), "logits")
    yield model.embedding, note(("previous",), "embedded")
    for index, layer in enumerate(model.layers):
        assert isinstance(layer, GatedLayer)
        at = f"layers.{index}."
        yield layer, note((at + "input", at + "condition"), at + "gated")
        yield layer.dilated, note((at + "taps",), at + "pre")
        if layer.residual is not None:
            yield layer.residual, note(("",), at + "residual")
    yield model.head1, note(("skip_sum",), "hidden")  # the sum after its ReLU
    yield model.head2, note(("hidden_relu",), "scores")
    if model.condition is not None:
        yield model.condition.conv1, note(("",), "conv1")
        yield model.condition.conv2, note(("",), "conv2")
        yield model.condition.project, note(("",), "projected")


@torch.no_grad()
def skip_of(layer: nn.Module, gated: Tensor) -> Tensor:
    """What one layer adds to the skip sum, [B, N, G / 2] -> [B, N, S]; `WaveNet.head` sums all in one product."""
    assert isinstance(layer, GatedLayer)
    return F.linear(gated, layer.skip.weight)


@torch.no_grad()
def record(model: WaveNet, *, batch: int = 1, samples: int = 1600, seed: int = 0) -> dict[str, list[int]]:
    """The shape of every arrow of figure 4, from one real forward pass over random codes.

    Args:
        batch: B, 1 to 4.  samples: N, 1 to 2000.
    Returns:
        name -> shape, as in the module's docstring; besides, for each layer, `filter` and `gate` (what tanh and the
        sigmoid take) and `skip`.
    Raises:
        SamplingError: batch or samples out of range.
    """
    if not 1 <= batch <= MAX_BATCH:
        raise SamplingError(f"The batch must be 1 to {MAX_BATCH} sounds, got {batch}.")
    if not 1 <= samples <= MAX_SAMPLES:
        raise SamplingError(f"Ask for 1 to {MAX_SAMPLES} samples, got {samples}.")
    config = model.config
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(config.levels, (batch, samples), generator=generator)
    mel = None
    if config.mel_channels:
        frames = -(-samples // config.hop_samples)
        mel = torch.randn(batch, config.mel_channels, frames, generator=generator)
    with watch(model) as seen:
        model(codes, mel)
    shapes = {name: list(tensor.shape) for name, tensor in seen.items()}
    for index, layer in enumerate(model.layers):
        at = f"layers.{index}."
        filter_, gate = seen[at + "pre"].chunk(2, dim=-1)
        shapes[at + "filter"], shapes[at + "gate"] = list(filter_.shape), list(gate.shape)
        shapes[at + "skip"] = list(skip_of(layer, seen[at + "gated"]).shape)
        shapes[at + "output"] = shapes[at + "input"]  # x + residual; the last layer has none
    return shapes


def parameters(model: WaveNet) -> dict[str, int]:
    """How many numbers were learned in each block of figure 4; blocks of the layers are summed over all layers.

    Returns:
        block -> count; `dilated`, `residual` and `skip` also for one layer, as `layers.<l>.<block>`. The blocks
        without a layer in their name add up to the whole network.
    """
    count = lambda module: sum(p.numel() for p in module.parameters()) if module is not None else 0  # noqa: E731
    out = {"embedding": count(model.embedding), "condition": count(model.condition)}
    for block in ("dilated", "residual", "skip"):
        each = [count(getattr(layer, block)) for layer in model.layers]
        out[block] = sum(each)
        out |= {f"layers.{index}.{block}": number for index, number in enumerate(each)}
    return out | {"head1": count(model.head1), "head2": count(model.head2)}
