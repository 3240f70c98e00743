"""An MMDenseLSTM block by block: shapes, parameters, and how much of the mixture one value depends on.

    facts = describe(PRESETS["vocals"], seconds=4.0)
    facts.blocks["bands.0.down.3"].output     # [1, 13, 32, 24]

Blocks have the names of their modules: `bands.<b>.down.<i>`, `bands.<b>.up.<i>`, `full.down.<i>`, `full.up.<i>` and
`final`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from core.errors import SamplingError
from core.separation.model import BandConfig, DenseBlock, LSTMBlock, MMDenseLSTM, MMDenseLSTMConfig, Scale

MAX_SECONDS = 60.0
LONG = 4096  # frames: more than any convolution here reaches
Intervals = tuple[np.ndarray, np.ndarray]  # first and last input cell on which each cell depends, int64 [N] each


@dataclass(frozen=True)
class Block:
    """A dense block, and the LSTM block behind it where there is one.

    part: "bands.0" … or "full" or "final".  step: frames, and bins, of the mixture in one cell.
    input, output: [B, maps, T, F] of both together.  squeezed: what the LSTM block makes of k maps.
    reach_frames, reach_bins: of the mixture, that one output value depends on, by the convolutions alone.
    whole: an LSTM stands here or before, so that the value depends on every frame.
    """

    name: str
    part: str
    step: int
    growth: int
    layers: int
    input: list[int]
    output: list[int]
    parameters: int
    units: int
    squeezed: list[int]
    lstm_parameters: int
    reach_frames: int
    reach_bins: int
    whole: bool


@dataclass(frozen=True)
class Facts:
    """A network at a length: the mixture's and the masks' shapes, its blocks by name in the order of the signal."""

    config: MMDenseLSTMConfig
    mixture: list[int]
    masks: list[int]
    blocks: dict[str, Block]
    parameters: int

    def milliseconds(self, frames: int) -> float:
        """The stretch of sound that so many neighbouring frames have been cut from."""
        config = self.config
        return ((frames - 1) * config.hop_samples + config.window_samples) / config.sample_rate_hz * 1000

    def hertz(self, bins: int) -> float:
        """The width of so many neighbouring bins."""
        return bins * self.config.sample_rate_hz / self.config.window_samples


def without_lstm(config: MMDenseLSTMConfig) -> MMDenseLSTMConfig:
    """The MMDenseNet of the same sizes: every LSTM block left out."""
    bands = tuple(replace(band, lstm=(0,) * len(band.lstm)) for band in config.bands)
    return replace(config, bands=bands, full=replace(config.full, lstm=(0,) * len(config.full.lstm)))


def describe(config: MMDenseLSTMConfig, *, seconds: float) -> Facts:
    """The numbers of a network that reads so many seconds; nothing is computed with it.

    Raises:
        SamplingError: no sound, or more than a minute.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise SamplingError(f"Choose a length above 0 and up to {MAX_SECONDS:.0f} seconds, got {seconds:g}.")
    with torch.device("meta"):  # sizes without numbers
        model = MMDenseLSTM(config)
    frames = 1 + round(seconds * config.sample_rate_hz) // config.hop_samples
    reached = reach(config)
    blocks = {}
    for name, module in model.named_modules():
        if name == "final" and isinstance(module, DenseBlock):
            size = [1, frames, config.bins]
            blocks[name] = _block(name, config, module, None, config.final_growth, size, reached[name])
        elif isinstance(module, Scale):
            band, step = _band(_part(name), config), _step(name, config)
            size = [step, -(-frames // _multiple(band)) * _multiple(band) // step, _padded(band) // step]
            blocks[name] = _block(name, config, module.dense, module.lstm, module.channels, size, reached[name])
    masks = [1, len(config.sources), config.channels, frames, config.bins]
    return Facts(config, [1, config.channels, frames, config.bins], masks, blocks, _count(model))


def _block(
    name: str, config: MMDenseLSTMConfig, dense: DenseBlock, lstm: LSTMBlock | None, maps: int, size: list[int],
    reached: tuple[int, int],
) -> Block:  # fmt: skip
    step, *cells = size
    first = dense.convolutions[0]
    assert isinstance(first, nn.Conv2d)
    growth, channels = first.out_channels, first.in_channels
    return Block(
        name=name, part=_part(name), step=step, growth=growth, layers=len(dense.convolutions),
        input=[1, channels, *cells], output=[1, maps, *cells], parameters=_count(dense),
        units=lstm.back.in_features if lstm else 0, squeezed=[1, 1, *cells] if lstm else [],
        lstm_parameters=_count(lstm), reach_frames=reached[0], reach_bins=reached[1], whole=_whole(name, config),
    )  # fmt: skip


def _count(module: nn.Module | None) -> int:
    return sum(p.numel() for p in module.parameters()) if module is not None else 0


def _part(name: str) -> str:
    """bands.0, full or final."""
    return name if name == "final" else name.rsplit(".", 2)[0]


def _band(part: str, config: MMDenseLSTMConfig) -> BandConfig:
    return config.full if part == "full" else config.bands[int(part.split(".")[1])]


def _step(name: str, config: MMDenseLSTMConfig) -> int:
    """Frames of the mixture in a cell of this block."""
    if name == "final":
        return 1
    part, way, number = name.rsplit(".", 2)
    depth = len(_band(part, config).growth) // 2
    return 2 ** (int(number) if way == "down" else depth - 1 - int(number))


def _whole(name: str, config: MMDenseLSTMConfig) -> bool:
    """Whether an LSTM block stands in this block or before it."""
    if name == "final":
        return any(any(band.lstm) for band in (*config.bands, config.full))
    part, way, number = name.rsplit(".", 2)
    band = _band(part, config)
    before = int(number) + 1 if way == "down" else len(band.lstm) // 2 + 2 + int(number)
    return any(band.lstm[:before])


def reach(config: MMDenseLSTMConfig) -> dict[str, tuple[int, int]]:
    """Frames and bins of the mixture that one value behind a dense block depends on at most; LSTM blocks left out.

    The blocks are squares in time and frequency, so the two can be followed apart. In frequency a band ends where it
    ends, and the reach with it.

    Returns:
        name of the block -> (frames, bins).
    """
    times, bins, at = [], [], 0
    for band in config.bands:
        times.append(follow(band, LONG, LONG))
        bins.append(follow(band, _padded(band), band.bins, first=at))
        at += band.bins
    times.append(follow(config.full, LONG, LONG))
    bins.append(follow(config.full, _padded(config.full), config.bins))
    parts = [f"bands.{i}" for i in range(len(config.bands))] + ["full"]
    found: dict[str, tuple[int, int]] = {}
    for part, in_time, in_bins in zip(parts, times, bins):
        found |= {f"{part}.{name}": (_longest(in_time[name]), _longest(in_bins[name])) for name in in_time}
    ends = [list(each.values())[-1] for each in times]
    last = [list(each.values())[-1] for each in bins]
    side = [np.concatenate([x[i][: band.bins] for x, band in zip(last, config.bands)]) for i in (0, 1)]
    wide = _both((side[0], side[1]), (last[-1][0][: config.bins], last[-1][1][: config.bins]))
    long = ends[0]
    for end in ends[1:]:
        long = _both(long, end)
    found["final"] = (_longest(_convolved(long, config.final_layers)), _longest(_convolved(wide, config.final_layers)))
    return found


def follow(band: BandConfig, cells: int, real: int, *, first: int = 0) -> dict[str, Intervals]:
    """Through one MDenseLSTM along one axis: on which cells of the mixture every cell of every block depends.

    Args:
        cells: length of the axis, a multiple of the lowest scale's step.  real: so many of them are no padding.
        first: number of the first cell.
    Returns:
        down.0 … up.<last> -> intervals; a cell that depends on nothing has its last before its first.
    """
    index = np.arange(cells)
    x = (np.where(index < real, index + first, cells + first), np.where(index < real, index + first, -1))
    depth = len(band.growth) // 2
    x = _convolved(x, 1)
    found: dict[str, Intervals] = {}
    kept: list[Intervals] = []
    for i in range(depth + 1):
        if i:
            x = (np.minimum(x[0][::2], x[0][1::2]), np.maximum(x[1][::2], x[1][1::2]))  # 2 x 2 average
        x = _convolved(x, band.layers[i])
        kept.append(x)
        found[f"down.{i}"] = x
    for i in range(depth):
        x = _both((np.repeat(x[0], 2), np.repeat(x[1], 2)), kept[depth - 1 - i])  # 2 x 2 transposed, and the short cut
        x = _convolved(x, band.layers[depth + 1 + i])
        found[f"up.{i}"] = x
    return found


def _convolved(x: Intervals, times: int) -> Intervals:
    """Behind convolutions of width 3 with zeros beyond the ends."""
    low, high = x
    for _ in range(times):
        beyond = np.array([low.max()]), np.array([-1])
        left, right = np.concatenate([beyond[0], low[:-1]]), np.concatenate([low[1:], beyond[0]])
        low = np.minimum(low, np.minimum(left, right))
        left, right = np.concatenate([beyond[1], high[:-1]]), np.concatenate([high[1:], beyond[1]])
        high = np.maximum(high, np.maximum(left, right))
    return low, high


def _both(a: Intervals, b: Intervals) -> Intervals:
    return np.minimum(a[0], b[0]), np.maximum(a[1], b[1])


def _longest(x: Intervals) -> int:
    return int((x[1] - x[0] + 1).max())


def _multiple(band: BandConfig) -> int:
    return 1 << len(band.growth) // 2


def _padded(band: BandConfig) -> int:
    return -(-band.bins // _multiple(band)) * _multiple(band)
