"""One training example from the shipped excerpts, as `core.separation.remix` draws it, with what it drew."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import SamplingError
from core.separation import excerpts
from core.separation.remix import Drawn, Recording, Remixer, Track

SECONDS = 6.0
SEEDS = 1000


@dataclass(frozen=True)
class Placed:
    """A part of the example. excerpt: what it was cut from, start_s to end_s; level_db: as heard, in dBFS, and as it
    was there (None: silent); semitones: how much higher the speed makes it."""

    part: str
    excerpt: str
    start_s: float
    end_s: float
    speed: float
    semitones: float
    gain_db: float
    sign: int
    level_db: float | None
    level_before_db: float | None


@dataclass(frozen=True, eq=False)
class Example:
    """placed: one for each part.  parts: float32 [S, 2, T], whose sum is the mixture.  released: float32 [2, T], the
    song itself from where the first part was taken.  together: the parts are one song's, at one time."""

    placed: tuple[Placed, ...]
    parts: Tensor
    released: Tensor
    together: bool
    sample_rate_hz: int


@functools.lru_cache(maxsize=1)
def tracks() -> tuple[Track, ...]:
    """The shipped excerpts for a `Remixer`; a part that is silent throughout is missing, as it is in training."""
    found = []
    for name, excerpt in excerpts.index().items():
        parts = excerpts.load(name)
        stems = tuple(Recording(parts[part]) if excerpt.levels_db[part] else None for part in excerpts.PARTS)
        found.append(Track(name, stems, excerpt.sample_rate_hz))
    return tuple(found)


def example(seed: int) -> Example:
    """What a network would be trained on, six seconds of it.

    Raises:
        SamplingError: the seed is not one of 0 to 999.
    """
    if not 0 <= seed < SEEDS:
        raise SamplingError(f"Choose a seed from 0 to {SEEDS - 1}, got {seed}.")
    songs = tracks()
    rate = songs[0].sample_rate_hz
    remixer = Remixer(songs, round(SECONDS * rate), seed=seed, channels=2)
    drawn = remixer.draw()
    parts = remixer.render(drawn)
    placed = tuple(_placed(songs, one, x, rate) for one, x in zip(drawn, parts))
    first = drawn[0]
    whole = [stem.read(first.start, parts.shape[-1]) for stem in songs[first.track].stems if stem]
    together = len({(one.track, one.start, one.speed) for one in drawn}) == 1
    return Example(placed, parts, torch.stack(whole).sum(dim=0), together, rate)


def _placed(songs: tuple[Track, ...], one: Drawn, x: Tensor, rate: int) -> Placed:
    stem = songs[one.track].stems[one.source]
    assert stem is not None
    count = round(x.shape[-1] * one.speed)
    return Placed(
        excerpts.PARTS[one.source], songs[one.track].name, one.start / rate, (one.start + count) / rate, one.speed,
        12 * math.log2(one.speed), one.gain_db, one.sign, _level_db(x), _level_db(stem.read(one.start, count)),
    )  # fmt: skip


def _level_db(x: Tensor) -> float | None:
    """Root mean square in dBFS; None below -70."""
    power = float(x.square().mean())
    return 10 * math.log10(power) if power > 1e-7 else None
