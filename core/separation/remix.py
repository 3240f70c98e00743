"""Random mixtures of parts: every source from another song half of the time, at random speeds, gains and signs; if
wanted, at random tempi, too, which leave the pitch alone.

Uhlich et al. 2017, "Improving music source separation based on deep neural networks through data augmentation and
network blending": with N songs of S sources there are N^S mixtures, not N. What fits is no longer heard
together: parts differ in key and beat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from core import audio
from core.errors import DataError
from core.separation.stretch import stretch

QUIET_RMS = 1e-3  # a crop of a part below -60 dBFS is silence
GAIN_DB = 6.0  # each part of a random mixture is up to so much louder or softer
SPEEDS = (0.9, 1.0, 1.1)  # pitch and tempo of a part, moved together by resampling, or each alone (see Remixer)
RELEASED = 0.5  # share of the mixtures whose parts are of one song, at one time, as released
TRIES = 4  # to find a place where a part is not silent, nine times of ten


class Stem(Protocol):
    """One part of one song."""

    @property
    def samples(self) -> int: ...

    def read(self, start: int, count: int) -> Tensor:
        """float32 [C, count] from `start` on; silence beyond the end."""
        ...


@dataclass(frozen=True, eq=False)
class Recording:
    """A part in memory: float32, or int16 for half the room, [C, N]."""

    x: Tensor

    @property
    def samples(self) -> int:
        return self.x.shape[-1]

    def read(self, start: int, count: int) -> Tensor:
        x = self.x[:, start : start + count]
        x = x.float() / 32767 if x.dtype == torch.int16 else x
        return F.pad(x, (0, count - x.shape[-1]))


class RecordingFile:
    """A part on disk, of which only what is wanted is read."""

    def __init__(self, path: Path) -> None:
        import soundfile

        self.path, self._samples = path, soundfile.info(str(path)).frames

    @property
    def samples(self) -> int:
        return self._samples

    def read(self, start: int, count: int) -> Tensor:
        import soundfile

        with soundfile.SoundFile(str(self.path)) as sound:
            sound.seek(min(start, sound.frames))
            x = torch.from_numpy(sound.read(count, dtype="float32", always_2d=True).T.copy())
        return F.pad(x, (0, count - x.shape[-1]))


@dataclass(frozen=True, eq=False)
class Track:
    """A song in its parts, None where it has none; of songs with a weight of 2, twice as much is heard a second."""

    name: str
    stems: tuple[Stem | None, ...]
    sample_rate_hz: int
    weight: float = 1.0

    @property
    def samples(self) -> int:
        return max((stem.samples for stem in self.stems if stem), default=0)


@dataclass(frozen=True)
class Drawn:
    """One part of a mixture: from where, and what was done to it.

    speed: of pitch and tempo.  levelled: brought to the level of the rest first.  stretch: of the tempo, once more.
    """

    source: int
    track: int
    start: int
    speed: float
    gain_db: float
    sign: int
    levelled: bool
    stretch: float = 1.0


class Remixer:
    """Draws mixtures.

    Args:
        tracks: with the same sources and sample rate.  samples: of a crop.
        apart: share of the parts whose pitch and tempo are moved apart from each other, by a phase vocoder.
    Raises:
        DataError: no track is as long as a crop; sample rates differ; a source that no track has.
    """

    def __init__(
        self, tracks: Sequence[Track], samples: int, *, seed: int = 0, gain_db: float = GAIN_DB, channels: int = 1,
        apart: float = 0.0,
    ) -> None:  # fmt: skip
        if not tracks or max(track.samples for track in tracks) < samples:
            raise DataError(f"No song is as long as a crop of {samples} samples: use shorter ones.")
        if len({track.sample_rate_hz for track in tracks}) > 1:
            raise DataError("The songs have different sample rates: resample them first.")
        self.tracks, self.samples, self.gain_db, self.channels = tracks, samples, gain_db, channels
        self.apart = apart
        self.generator = torch.Generator().manual_seed(seed)
        self.sources = len(tracks[0].stems)
        rows = [[t.weight * s.samples if (s := t.stems[i]) else 0.0 for t in tracks] for i in range(self.sources)]
        self.weights = torch.tensor(rows, dtype=torch.float64)  # [S, tracks]
        if not bool((self.weights.sum(dim=1) > 0).all()):
            raise DataError("There is a source that no song has.")
        several = (self.weights > 0).sum(dim=0) > 1
        self.whole = self.weights.amax(dim=0) * several  # songs of one part are only lent to others

    def _uniform(self) -> float:
        return float(torch.rand(1, generator=self.generator))

    def _speed(self) -> float:
        return SPEEDS[int(self._uniform() * len(SPEEDS))]

    def _place(self, weights: Tensor) -> tuple[int, float, float, float]:
        """A track, a speed, how the tempo differs from it, and where in it, as a share."""
        track, speed = int(torch.multinomial(weights, 1, generator=self.generator)), self._speed()
        moved = self.apart > 0 and self._uniform() < self.apart
        return track, speed, self._speed() / speed if moved else 1.0, self._uniform()

    def draw(self) -> list[Drawn]:
        """One part of each source."""
        released = bool(self.whole.sum() > 0) and self._uniform() < RELEASED
        together = self._place(self.whole) if released else None
        found = []
        for source in range(self.sources):
            of_song = together is not None and self.weights[source, together[0]] > 0
            patient = not of_song and self._uniform() < 0.9
            for _ in range(TRIES if patient else 1):
                place = together if together and of_song else self._place(self.weights[source])
                one = self._drawn(source, *place, levelled=not of_song)
                if not patient or bool(self._cut(one).square().mean().sqrt() > QUIET_RMS):
                    break
            found.append(one)
        return found

    def _drawn(
        self, source: int, track: int, speed: float, faster: float, share: float, *, levelled: bool
    ) -> Drawn:  # fmt: skip
        length = self.tracks[track].samples if not levelled else self._stem(source, track).samples
        start = int(share * max(0, length - round(self.samples * speed * faster) + 1))
        gain = (2 * self._uniform() - 1) * self.gain_db
        return Drawn(source, track, start, speed, gain, 1 if self._uniform() < 0.5 else -1, levelled, faster)

    def _stem(self, source: int, track: int) -> Stem:
        stem = self.tracks[track].stems[source]
        assert stem is not None
        return stem

    def _cut(self, one: Drawn) -> Tensor:
        """The part as recorded, float32 [C, samples x speed x stretch]."""
        x = self._stem(one.source, one.track).read(one.start, round(self.samples * one.speed * one.stretch))
        return x if x.shape[0] == self.channels else x.mean(dim=0, keepdim=True).expand(self.channels, -1)

    def render(self, drawn: Sequence[Drawn]) -> Tensor:
        """The parts of a mixture, float32 [S, C, samples]; their sum is at about -20 dBFS."""
        cuts = []
        for one in drawn:
            x = stretch(self._cut(one), one.stretch)  # [C, samples x speed]
            x = audio.resample(x, round(1000 * one.speed), 1000)[:, : self.samples]
            cuts.append(F.pad(x, (0, self.samples - x.shape[-1])))
        of_song = [x for x, one in zip(cuts, drawn) if not one.levelled]
        wanted = max(_loudness(sum(of_song)) / max(1, len(of_song)) ** 0.5, QUIET_RMS) if of_song else 1.0
        parts = []
        for x, one in zip(cuts, drawn):
            loudness = _loudness(x)
            if one.levelled and loudness > QUIET_RMS:  # of other songs: as loud as the rest, unless silent
                parts.append(x * (wanted / loudness * one.sign * 10 ** (one.gain_db / 20)))
            else:
                parts.append(x * (one.sign * 10 ** (one.gain_db / 20)))
        mixed = torch.stack(parts)
        return mixed * (0.1 / mixed.sum(dim=0).square().mean().sqrt().clamp(min=QUIET_RMS))


def _loudness(x: Tensor | int) -> float:
    return float(torch.as_tensor(x).square().mean().sqrt())


def batches(remixer: Remixer, *, batch: int) -> Iterator[Tensor]:
    """float32 [batch, S, C, samples] for ever; their sum over S is the mixture."""
    while True:
        yield torch.stack([remixer.render(remixer.draw()) for _ in range(batch)])
