"""Voices and noises -> random mixtures, made as they are wanted, so that no two are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from scipy.signal import fftconvolve, lfilter
from torch import Tensor

from core.enhancement import corpora
from core.enhancement.mixing import active_power, looped
from core.enhancement.spectrum import SAMPLE_RATE_HZ
from core.errors import DataError
from core.whole import whole


@dataclass(frozen=True, eq=False)
class Sounds:
    """Many recordings behind each other: samples int16 [N]; recording i is samples[bounds[i] : bounds[i + 1]]."""

    samples: np.ndarray
    bounds: np.ndarray
    groups: tuple[str, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> np.ndarray:
        """float32 [T]."""
        return self.samples[self.bounds[index] : self.bounds[index + 1]].astype(np.float32) / 32767

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.bounds)


def load(items: Sequence[corpora.Item], cache: Path | None = None) -> Sounds:
    """Decode recordings; with a folder `cache` only once: samples as .npy, opened without being read whole."""
    if not items:
        raise DataError("There are no recordings of this part: check what is below --data.")
    key = hashlib.sha256("\n".join(f"{i.part} {i.name}" for i in items).encode()).hexdigest()[:12]
    place = cache / f"{items[0].kind}-{items[0].part}-{key}" if cache else None
    if place and place.with_suffix(".json").exists():
        lengths = json.loads(place.with_suffix(".json").read_text())
        samples = np.load(place.with_suffix(".npy"), mmap_mode="r")
    else:
        sounds = [corpora.decode(item) for item in items]
        lengths, samples = [len(sound) for sound in sounds], np.concatenate(sounds)
        if place:
            with whole(place.with_suffix(".npy")) as written:
                np.save(written, samples)
            with whole(place.with_suffix(".json")) as written:
                written.write_text(json.dumps(lengths))
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    return Sounds(samples, bounds, tuple(i.group for i in items), tuple(i.name for i in items))


def parts(items: Sequence[corpora.Item], part: str, cache: Path | None = None) -> dict[str, Sounds]:
    """Kind -> sounds of a part: "voice", "noise" and, where there is some, "music"."""
    chosen = {kind: [i for i in items if i.part == part and i.kind == kind] for kind in ("voice", "noise", "music")}
    return {kind: load(wanted, cache) for kind, wanted in chosen.items() if wanted}


@dataclass(frozen=True)
class Recipe:
    """How a mixture is made. Shares are probabilities; ranges are drawn from evenly."""

    seconds: float = 3.0
    snr_db: tuple[float, float] = (-6.0, 22.0)
    level_dbfs: tuple[float, float] = (-42.0, -14.0)  # of the mixture
    music: float = 0.15  # share of noises that are music
    coloured: float = 0.12  # … that are computed: white, pink, brown, and between
    babble: float = 0.08  # … that are four to eight other voices
    second_noise: float = 0.3  # share of mixtures with two noises
    no_voice: float = 0.07
    no_noise: float = 0.04
    faster: float = 0.5  # share of voices that are resampled, which moves pitch, formants and tempo
    faster_range: tuple[float, float] = (0.78, 1.25)
    room: float = 0.25
    filtered: float = 0.6


class Mixer:
    """Draws mixtures. All of its choices come from one generator."""

    def __init__(self, sounds: dict[str, Sounds], recipe: Recipe, *, seed: int) -> None:
        self.recipe, self.random = recipe, np.random.default_rng(seed)
        self.samples = round(recipe.seconds * SAMPLE_RATE_HZ)
        self.voices, self.noises, self.music = sounds["voice"], sounds["noise"], sounds.get("music")
        self.speakers = by_group(self.voices)
        minutes = {name: self.voices.lengths[index].sum() for name, index in self.speakers.items()}
        total = sum(value**0.5 for value in minutes.values())
        self.names = list(minutes)
        self.shares = [minutes[name] ** 0.5 / total for name in self.names]  # few minutes weigh more than their length
        self.classes = list(by_group(self.noises).values())

    def mixture(self) -> tuple[np.ndarray, np.ndarray]:
        """A noisy voice and the voice in it, each float32 [T]; the voice is zero where nobody speaks."""
        recipe, random = self.recipe, self.random
        kind = random.random()
        noise = self.noise()
        if kind < recipe.no_voice:
            voice = np.zeros(self.samples, np.float32)
        else:
            voice = self.voice()
            snr_db = 60.0 if kind > 1 - recipe.no_noise else random.uniform(*recipe.snr_db)
            power = float(np.mean(noise**2)) + 1e-12
            noise = noise * np.float32((active_power(voice) / power / 10 ** (snr_db / 10)) ** 0.5)
        mixture = voice + noise
        level = 10 ** (random.uniform(*recipe.level_dbfs) / 20) / (float(np.mean(mixture**2)) ** 0.5 + 1e-9)
        gain = np.float32(min(level, 0.99 / (float(np.abs(mixture).max()) + 1e-9)))
        return mixture * gain, voice * gain

    def voice(self) -> np.ndarray:
        """One speaker's sentences with pauses between them, changed a little: float32 [T]."""
        recipe, random = self.recipe, self.random
        faster = random.random() < recipe.faster
        factor = float(np.exp(random.uniform(*np.log(recipe.faster_range)))) if faster else 1.0
        speaker = self.speakers[self.names[random.choice(len(self.names), p=self.shares)]]
        voice = self.sentences(speaker, int(self.samples * factor) + 64)
        if factor != 1.0:
            voice = soxr.resample(voice, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ, quality="MQ")
        voice = self.coloured(voice[: self.samples])
        if random.random() < recipe.room:
            voice = fftconvolve(voice, self.room())[: self.samples].astype(np.float32)
        return voice

    def sentences(self, speaker: np.ndarray, samples: int) -> np.ndarray:
        """Recordings of one speaker behind each other, from somewhere in the first: float32 [samples]."""
        random = self.random
        out = np.zeros(samples, np.float32)
        at = -int(random.integers(0, SAMPLE_RATE_HZ)) if random.random() < 0.7 else int(random.integers(0, 12_000))
        while at < samples:
            one = self.voices[int(random.choice(speaker))]
            if at < 0:
                skip = min(-at, max(0, len(one) - SAMPLE_RATE_HZ // 2))
                one, at = one[skip:], 0
            one = one[: samples - at]
            out[at : at + len(one)] = one / (active_power(one) ** 0.5 + 1e-6) * 10 ** (random.uniform(-3, 3) / 20)
            at += len(one) + int(random.exponential(0.25) * SAMPLE_RATE_HZ)
        return out

    def room(self) -> np.ndarray:
        """Decaying noise behind the direct sound, 0.1 to 0.5 s to -60 dB: a light reverberation (Polack 1988)."""
        random = self.random
        seconds = random.uniform(0.1, 0.5)
        t = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        tail = random.standard_normal(len(t)) * 10 ** (-3 * t / seconds)
        tail *= 10 ** (-random.uniform(0, 12) / 20) / np.sqrt(np.sum(tail**2) + 1e-9)
        tail[: int(random.uniform(0.001, 0.01) * SAMPLE_RATE_HZ)] = 0
        tail[0] = 1
        return tail.astype(np.float32)

    def coloured(self, x: np.ndarray) -> np.ndarray:
        """Another microphone: a random filter with two zeros and two poles (Valin 2018, section 4)."""
        if self.random.random() > self.recipe.filtered:
            return x
        r = self.random.uniform(-3 / 8, 3 / 8, 4)
        return lfilter([1, r[0], r[1]], [1, r[2], r[3]], x).astype(np.float32)

    def noise(self) -> np.ndarray:
        """One or two noises at random levels: float32 [T]."""
        noise = self.one_noise()
        if self.random.random() < self.recipe.second_noise:
            noise = noise + 10 ** (self.random.uniform(-10, 5) / 20) * self.one_noise()
        return noise.astype(np.float32)

    def one_noise(self) -> np.ndarray:
        """Of one kind, root mean square 1: float32 [T]."""
        recipe, random = self.recipe, self.random
        kind = random.random() - recipe.coloured
        if kind < 0:
            noise = coloured_noise(random, self.samples, random.uniform(0, 2))
        elif (kind := kind - recipe.babble) < 0:
            noise = np.sum([self.voice() for _ in range(random.integers(4, 9))], axis=0)
        elif self.music is not None and kind - recipe.music < 0:
            noise = self.coloured(self.crop(self.music, int(random.choice(len(self.music)))))
        else:
            members = self.classes[random.integers(len(self.classes))]
            noise = self.coloured(self.crop(self.noises, int(random.choice(members))))
        return noise / np.float32(np.sqrt(np.mean(noise**2)) + 1e-6)

    def crop(self, sounds: Sounds, index: int) -> np.ndarray:
        """A piece of a recording; a short one is repeated, with its ends faded into each other."""
        start, stop = sounds.bounds[index], sounds.bounds[index + 1]
        if stop - start > self.samples:
            start += int(self.random.integers(stop - start - self.samples))
            return sounds.samples[start : start + self.samples].astype(np.float32) / 32767
        return looped(sounds[index], self.samples, offset=int(self.random.integers(stop - start)))


def coloured_noise(random: np.random.Generator, samples: int, exponent: float) -> np.ndarray:
    """Noise whose power falls with f to the exponent: 0 white, 1 pink, 2 brown; float32 [samples]."""
    spectrum = np.fft.rfft(random.standard_normal(samples))
    hz = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ), 40.0)
    noise = np.fft.irfft(spectrum * hz ** (-exponent / 2), samples)
    return (noise / (noise.std() + 1e-9)).astype(np.float32)


def by_group(sounds: Sounds) -> dict[str, np.ndarray]:
    groups = np.array(sounds.groups)
    return {str(name): np.flatnonzero(groups == name) for name in np.unique(groups)}


def batches(mixer: Mixer, *, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Mixtures without end: noisy and clean, each float32 [batch, T]."""
    while True:
        pairs = [mixer.mixture() for _ in range(batch)]
        yield torch.from_numpy(np.stack([a for a, _ in pairs])), torch.from_numpy(np.stack([b for _, b in pairs]))
