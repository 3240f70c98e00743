"""What a separator sees and does in some seconds of a song: spectrogram, masks, bands; masks painted over by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core import audio
from core.errors import AudioError
from core.separation.model import BandConfig, MMDenseLSTM, MMDenseLSTMConfig
from core.separation.sample import LEVEL, masks_of
from core.separation.spectrogram import analyse, synthesise

SECONDS = 8.0
ROWS = 160  # of the picture, evenly on the mel scale
RANGE_DB = 70.0  # below the loudest point


@dataclass(frozen=True)
class Stroke:
    """A rectangle of one source's mask that is set to a value in [0, 1]."""

    source: str
    start_s: float
    end_s: float
    low_hz: float
    high_hz: float
    value: float


@dataclass(frozen=True, eq=False)
class Look:
    """A piece of a song as a network sees it.

    x: float32 [C, N] at the network's rate.  spectrum: complex64 [C, T, F].  masks: float16 [S, 1 or C, T, F].
    """

    x: Tensor
    spectrum: Tensor
    masks: Tensor
    config: MMDenseLSTMConfig

    @property
    def seconds(self) -> float:
        return self.x.shape[1] / self.config.sample_rate_hz

    @property
    def bin_hz(self) -> float:
        return self.config.sample_rate_hz / self.config.window_samples

    @property
    def frame_s(self) -> float:
        return self.config.hop_samples / self.config.sample_rate_hz


def look(x: Tensor, sample_rate_hz: int, network: MMDenseLSTM) -> Look:
    """Masks of a piece of a song, at the level that the network has learned at.

    Args:
        x: float [C, N], some seconds; silence is looked at as it is.
    """
    config = network.config
    low = audio.resample(x, sample_rate_hz, config.sample_rate_hz)
    spectrum = analyse(low, config)
    level = max(float(low.square().mean().sqrt()), 1e-6)
    return Look(low, spectrum, masks_of(spectrum * (LEVEL / level), network).half(), config)


def painted(seen: Look, strokes: Sequence[Stroke]) -> Tensor:
    """The masks after some strokes, one on top of the other: float32 [S, 1 or C, T, F], still summing to one.

    What a stroke takes from a source, or gives to it, the others get or lose in proportion to what they have.

    Raises:
        AudioError: a source that there is not, or a value outside [0, 1].
    """
    masks = seen.masks.float().clone()
    names = seen.config.sources
    for one in strokes:
        if one.source not in names or not 0 <= one.value <= 1:
            raise AudioError(f"A stroke sets one of {', '.join(names)} to a value between 0 and 1.")
        source = names.index(one.source)
        frames = slice(max(0, round(one.start_s / seen.frame_s)), max(0, round(one.end_s / seen.frame_s)) + 1)
        bins = slice(max(0, round(one.low_hz / seen.bin_hz)), max(0, round(one.high_hz / seen.bin_hz)) + 1)
        spot = masks[:, :, frames, bins]
        others = spot.sum(dim=0) - spot[source]
        even = torch.full_like(spot, 1 / (len(names) - 1))
        shares = torch.where(others > 1e-4, spot / others.clamp(min=1e-4), even) * (1 - one.value)
        shares[source] = one.value
        masks[:, :, frames, bins] = shares
    return masks


def heard(seen: Look, masks: Tensor) -> dict[str, Tensor]:
    """The parts that masks [S, 1 or C, T, F] make: float32 [C, N] each."""
    found = synthesise(masks * seen.spectrum, seen.x.shape[1], seen.config)
    return dict(zip(seen.config.sources, found))


@dataclass(frozen=True, eq=False)
class Picture:
    """For the eye: rows of equal width on the mel scale, lowest first; a column is a frame.

    edges_hz: float [R + 1].  mixture: float [R, T] in [0, 1], of RANGE_DB.  masks: float [R, T] for each source.
    """

    edges_hz: np.ndarray
    mixture: np.ndarray
    masks: Mapping[str, np.ndarray]


def picture(seen: Look, masks: Tensor) -> Picture:
    """Energies and masks in the rows of a picture; a mask counts where there is energy."""
    bins = seen.config.bins
    edges = mel_edges(bins, seen.bin_hz)
    magnitude = seen.spectrum.abs().mean(dim=0).T.numpy()  # [F, T]
    power = np.add.reduceat(magnitude**2, edges[:-1]) / np.diff(edges)[:, None]
    decibels = 10 * np.log10(power + 1e-12)
    level = 1 + (decibels - decibels.max()) / RANGE_DB
    total = np.add.reduceat(magnitude + 1e-9, edges[:-1])
    found = {}
    for name, mask in zip(seen.config.sources, masks.float().mean(dim=1)):
        found[name] = np.add.reduceat(mask.T.numpy() * (magnitude + 1e-9), edges[:-1]) / total
    return Picture(edges * seen.bin_hz, level.clip(0, 1).astype(np.float32), found)


def mel_edges(bins: int, bin_hz: float, rows: int = ROWS) -> np.ndarray:
    """First bins of rows that are equally wide on the mel scale, 2595 log10(1 + f / 700), and the end; int [R + 1]."""
    top = 2595 * np.log10(1 + bins * bin_hz / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, rows + 1) / 2595) - 1)
    return np.unique(np.concatenate([[0], np.round(hertz / bin_hz).astype(int), [bins]]).clip(0, bins))


@dataclass(frozen=True)
class Band:
    """A band of the network and, where an LSTM reads it, how much one of that LSTM's cells covers."""

    low_hz: float
    high_hz: float
    full: bool
    cells: tuple[tuple[float, float], ...]  # (seconds, hertz), one for each LSTM


def bands(config: MMDenseLSTMConfig) -> list[Band]:
    """The bands from low to high, and the full band last."""
    bin_hz = config.sample_rate_hz / config.window_samples
    frame_s = config.hop_samples / config.sample_rate_hz
    found, first = [], 0
    for one in (*config.bands, config.full):
        full = one is config.full
        low = 0 if full else first
        first += 0 if full else one.bins
        cells = tuple((scale * frame_s, scale * bin_hz) for scale in lstm_scales(one))
        found.append(Band(low * bin_hz, (low + one.bins) * bin_hz, full, cells))
    return found


def lstm_scales(config: BandConfig) -> list[int]:
    """By how much time and frequency are divided where an LSTM stands, on the way down and up."""
    depth = len(config.growth) // 2
    return [2 ** (depth - abs(depth - i)) for i, units in enumerate(config.lstm) if units]
