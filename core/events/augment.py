"""Seventeen hundred clips of three hundred recordings, made into endless many that have the same names.

Every step changes what a listener would not call another class: when it begins, how loud, how fast, how high, in which
room and through which microphone it is heard. Mixing two clips mixes their names in the same shares.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core import audio
from core.events import data
from core.events.data import Clips
from core.events.model import EventCNNConfig
from core.events.spectrogram import log_mel

LEVEL = 0.1  # -20 dBFS, the level at which the network hears everything
NOISE_SAMPLES = 2 * data.SAMPLES  # of each noise, of which any stretch is taken
SILENCE = 1e-3  # root mean square below which there is nothing to name: -60 dBFS


@dataclass(frozen=True)
class Strength:
    """How far each step goes; all zero is no augmentation.

    gain_db, equal_db: at most so many up or down, of all and of a curve over the bands.  tempo, semitones: at most.
    noise: share of the clips with noise 5 to 30 dB below.  mixed: share of the batches whose clips are mixed by twos.
    styled: share of the clips that take on another's mean and deviation in each band, in part (MixStyle, Zhou et al.
    2021, arXiv:2104.02008, by band as in Kim et al. 2022, arXiv:2206.12513).
    masks, bands, frames: how many stripes along each axis are blotted out, and how wide each is at most, as a share
    (SpecAugment, Park et al. 2019, arXiv:1904.08779).
    """

    gain_db: float = 8.0
    equal_db: float = 8.0
    tempo: float = 0.2
    semitones: float = 2.5
    noise: float = 0.3
    mixed: float = 0.5
    styled: float = 0.4
    masks: int = 2
    bands: float = 0.12
    frames: float = 0.15
    shortest_s: float = 2.0


NO_CHANGE = Strength(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4.0)


def levelled(x: Tensor) -> Tensor:
    """Each sound at LEVEL: float [B, T] -> [B, T]; silence stays silence."""
    rms = x.square().mean(dim=-1, keepdim=True).sqrt()
    return torch.where(rms > 1e-5, x * (LEVEL / rms.clamp(min=1e-5)), x)


def cut(clips: Clips, index: int, samples: int, random: np.random.Generator) -> np.ndarray:
    """A random stretch of a clip, or a shorter clip at a random place in silence: float32 [samples]."""
    length = int(clips.samples[index])
    sound = clips.sound[index, :length].astype(np.float32) / 32767
    if length >= samples:
        start = int(random.integers(0, length - samples + 1))
        return sound[start : start + samples]
    out = np.zeros(samples, np.float32)
    start = int(random.integers(0, samples - length + 1))
    out[start : start + length] = sound
    return out


def whole(clips: Clips, indices: np.ndarray, samples: int) -> Tensor:
    """Clips as they are, from their beginnings, levelled: float32 [B, samples]."""
    return levelled(torch.from_numpy(clips.sound[indices, :samples].astype(np.float32) / 32767))


def between(random: np.random.Generator, extent: float, size: int) -> Tensor:
    """Uniform in -extent … extent: float32 [size]."""
    return torch.from_numpy(random.uniform(-extent, extent, size).astype(np.float32))


@functools.lru_cache(maxsize=2)
def noises(samples: int, seed: int = 0) -> Tensor:
    """Sixteen noises at LEVEL, from white to falling 6 dB an octave: float32 [16, samples]."""
    white = torch.from_numpy(np.random.default_rng(seed).standard_normal((16, samples), dtype=np.float32))
    spectrum = torch.fft.rfft(white)
    hz = torch.arange(1, spectrum.shape[1] + 1, dtype=torch.float32)
    return levelled(torch.fft.irfft(spectrum * hz ** -torch.linspace(0, 1, 16)[:, None], n=samples))


def with_noise(x: Tensor, share: float, random: np.random.Generator) -> Tensor:
    """Noise 5 to 30 dB below some of the sounds, which are levelled: float [B, T] -> [B, T]."""
    bank, out = noises(NOISE_SAMPLES), x.clone()
    for row in np.flatnonzero(random.random(len(x)) < share):
        start = int(random.integers(0, NOISE_SAMPLES - x.shape[1] + 1))
        noise = bank[int(random.integers(len(bank))), start : start + x.shape[1]]
        out[row] += noise * 10 ** (-random.uniform(5, 30) / 20)
    return out


def mixed(x: Tensor, targets: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Each sound and another, in random shares of energy; the names in the same shares of amplitude.

    Source: mixup, Zhang et al. 2018 (arXiv:1710.09412); of sounds, Tokozume et al. 2018 (arXiv:1711.10282).

    Args:
        x: float [B, T], levelled.  targets: float [B, K], each row sums to one.
    """
    other = torch.from_numpy(random.permutation(len(x)))
    share = torch.from_numpy(random.uniform(0, 1, (len(x), 1)).astype(np.float32))
    both = share * x + (1 - share) * x[other]
    return levelled(both), share * targets + (1 - share) * targets[other]


def styled(picture: Tensor, share: float, random: np.random.Generator) -> Tensor:
    """Some pictures with band means and deviations between their own and another's: float [B, T, F] -> same."""
    other = torch.from_numpy(random.permutation(len(picture)))
    mean, deviation = picture.mean(dim=1, keepdim=True), picture.std(dim=1, keepdim=True) + 1.0
    own = torch.from_numpy(random.beta(0.6, 0.6, (len(picture), 1, 1)).astype(np.float32))
    own = torch.where(torch.from_numpy(random.random((len(picture), 1, 1)) < share), own, torch.ones(()))
    new_mean = own * mean + (1 - own) * mean[other]
    new_deviation = own * deviation + (1 - own) * deviation[other]
    return (picture - mean) / deviation * new_deviation + new_mean


def equalised(picture: Tensor, extent_db: float, random: np.random.Generator) -> Tensor:
    """Another microphone and room: a smooth random curve over the bands, in dB: float [B, T, F] -> same."""
    points = torch.from_numpy(random.uniform(-extent_db, extent_db, (len(picture), 1, 6)).astype(np.float32))
    curve = F.interpolate(points, size=picture.shape[2], mode="linear", align_corners=True)  # [B, 1, F]
    return picture + curve


def masked(picture: Tensor, strength: Strength, random: np.random.Generator) -> Tensor:
    """Stripes along both axes set to the picture's mean: float [B, T, F] -> same."""
    out = picture.clone()
    for row in range(len(out)):
        fill = float(out[row].mean())
        for _ in range(strength.masks):
            for axis, share in ((0, strength.frames), (1, strength.bands)):
                size = out.shape[axis + 1]
                width = int(random.integers(0, round(share * size) + 1))
                start = int(random.integers(0, size - width + 1))
                out[row].narrow(axis, start, width).fill_(fill)
    return out


def batch(
    clips: Clips, indices: np.ndarray, config: EventCNNConfig, random: np.random.Generator,
    strength: Strength = Strength(),
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Pictures and names of some clips.

    Returns:
        float [B, T, F] in dB and float [B, K], each row of which sums to one.
    """
    bands, count = config.bands, len(indices)
    seconds = random.uniform(strength.shortest_s, 4.0) if random.random() < 0.5 else 4.0
    faster = float(2 ** random.uniform(-strength.tempo, strength.tempo))
    samples = round(min(seconds * audio.SAMPLE_RATE_HZ, clips.sound.shape[1]))
    x = levelled(torch.from_numpy(np.stack([cut(clips, int(i), samples, random) for i in indices])))
    targets = F.one_hot(torch.from_numpy(clips.labels[indices]), len(config.classes)).float()
    if random.random() < strength.mixed:
        x, targets = mixed(x, targets, random)
    x = with_noise(x, strength.noise, random) * 10 ** (between(random, strength.gain_db, count)[:, None] / 20)
    higher = 2 ** (between(random, strength.semitones, count) / 12)
    picture = log_mel(x, bands, faster=faster, higher=higher)
    picture = equalised(styled(picture, strength.styled, random), strength.equal_db, random)
    return masked(picture.clamp(min=bands.floor_db), strength, random), targets


def batches(
    clips: Clips, others: Clips | None, config: EventCNNConfig, *, size: int, other_size: int, seed: int,
    strength: Strength = Strength(),
) -> Iterator[tuple[Tensor, Tensor]]:  # fmt: skip
    """Endless batches: `size` clips of the set, each as often as another, and `other_size` of the others."""
    everything = clips if others is None else data.joined([clips, others])
    random, order = np.random.default_rng(seed), np.empty(0, np.int64)
    while True:
        while len(order) < size:
            order = np.concatenate([order, random.permutation(len(clips))])
        chosen, order = order[:size], order[size:]
        if others is not None:
            chosen = np.concatenate([chosen, len(clips) + random.integers(0, len(others), other_size)])
        yield batch(everything, chosen, config, random, strength)
