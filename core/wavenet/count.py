"""What a sample costs: multiply-adds and parameters, counted from the sizes alone, and a step told value by value.

Pure Python, so that a page can count while nothing is loaded. Counted are the multiplications of matrix products;
the embedding is a look-up, and biases, gates and the softmax are left out, as in most counts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Counts:
    """multiply_adds for one generated sample; naive / cached: by those engines; columns: how many moments of how
    many layers the naive engine computes for it, where the cached one computes one moment a layer."""

    parameters: int
    receptive_field_samples: int
    naive: int
    cached: int
    naive_columns: int
    cached_columns: int

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


def layer_multiply_adds(config: Any, last: bool) -> tuple[int, int]:
    """(dilated convolution and residual, skip) of one layer at one moment; the last layer has no residual."""
    half = config.gate_channels // 2
    dilated = config.kernel_size * config.residual_channels * config.gate_channels
    residual = 0 if last else half * config.residual_channels
    return dilated + residual, half * config.skip_channels


def head_multiply_adds(config: Any) -> int:
    """The two 1x1 layers after the skip sum."""
    return config.skip_channels * config.head_channels + config.head_channels * config.levels


def multiply_adds(config: Any, columns: int) -> int:
    """Of a sample when every layer is computed at `columns` moments; skip rows and head are needed at one only.

    Args:
        config: a WaveNetConfig.
        columns: 1 for the cached engine; for the naive one the window that it runs over.
    """
    layers = [layer_multiply_adds(config, index == config.layers - 1) for index in range(config.layers)]
    return sum(columns * inner + skip for inner, skip in layers) + head_multiply_adds(config)


def parameters(config: Any) -> int:
    """Trainable numbers of the network, the conditioner included."""
    half, kernel = config.gate_channels // 2, config.kernel_size
    total = kernel * config.levels * config.residual_channels  # embedding
    for index in range(config.layers):
        last = index == config.layers - 1
        total += kernel * config.residual_channels * config.gate_channels + config.gate_channels
        total += 0 if last else half * config.residual_channels + config.residual_channels
        total += half * config.skip_channels + (config.skip_channels if last else 0)
    total += config.skip_channels * config.head_channels + config.head_channels
    total += config.head_channels * config.levels + config.levels
    if config.mel_channels:
        channels = config.condition_channels
        total += 3 * config.mel_channels * channels + channels + 3 * channels * channels + channels
        total += (channels + 1) * config.layers * config.gate_channels + 2 * config.condition_hop
        if config.harmonics:
            total += (2 * config.harmonics + 1) * config.layers * config.gate_channels
            total += 3 * config.mel_channels * 64 + 64 + 3 * 64 * 64 + 64 + 65 * 141  # MelPitch
    return total


def count(config: Any, generated: int | None = None) -> Counts:
    """Costs of the sample that follows `generated` others; None: so many that the receptive field is full.

    The naive engine runs over the codes it has, at most a receptive field of them, and one step more.
    """
    field = config.receptive_field_samples
    columns = 1 + (field if generated is None else min(generated, field))
    return Counts(
        parameters=parameters(config), receptive_field_samples=field, naive=multiply_adds(config, columns),
        cached=multiply_adds(config, 1), naive_columns=columns * config.layers, cached_columns=config.layers,
    )  # fmt: skip


def trace_step(dilations: list[int], kernel_size: int, t: int) -> dict[str, Any]:
    """Where the values come from that sample t needs: for a figure that sets the two ways side by side.

    A value (layer, time) is a layer's output column; layer 0 is the embedding, layer l the output of the l-th
    dilated layer. Only values that the prediction at t depends on are listed, times below 0 being silence.

    Args:
        dilations: of each layer, the first one first.
        kernel_size: taps a layer.
        t: time of the newest column.
    Returns:
        "needed": [layer, time] pairs that the newest output depends on: all of them are what naive computes anew;
        "new": those that cached computes, the column of t;  "read": those that cached finds in a ring buffer;
        "recomputed": those that naive computes although the step before had them;
        "edges": [[layer - 1, time], [layer, time]] within "needed";
        "rings": for each layer the times that its ring buffer holds when the step begins.
    """
    needed: list[set[int]] = [set() for _ in range(len(dilations) + 1)]
    needed[-1].add(t)
    edges = []
    for layer in range(len(dilations), 0, -1):
        for time in sorted(needed[layer]):
            for k in range(kernel_size):
                source = time - k * dilations[layer - 1]
                if source >= 0:
                    needed[layer - 1].add(source)
                    edges.append([[layer - 1, source], [layer, time]])
    pairs = [[layer, time] for layer, times in enumerate(needed) for time in sorted(times)]
    read = []
    for layer, dilation in enumerate(dilations):  # the inputs of the layer above
        taps = [t - k * dilation for k in range(1, kernel_size)]
        read += [[layer, time] for time in sorted(taps) if time >= 0]
    return {
        "t": t,
        "needed": pairs,
        "new": [[layer, t] for layer in range(len(dilations) + 1)],
        "read": read,
        "recomputed": [pair for pair in pairs if pair[1] < t],
        "edges": edges,
        "rings": [list(range(max(0, t - (kernel_size - 1) * d), t)) for d in dilations],
    }
