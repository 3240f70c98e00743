"""Utterances -> batches, each time as from another throat, pace, microphone, room and noise; all on spectrograms.

Sources: Ko et al. 2015, "Audio augmentation for speech recognition" (speed); Jaitly and Hinton 2013 (the length of the
vocal tract); Park et al. 2019 (arXiv:1904.08779, SpecAugment: masks in time and frequency).
Differs from the papers: the mel's magnitudes are changed, not the waveform; a room is an exponential decay of energy.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

from core import audio
from core.errors import DataError
from core.recognition.data import Utterance
from core.recognition.model import encode_text

FRAMES_PER_SECOND = audio.SAMPLE_RATE_HZ / audio.HOP_SAMPLES  # 80
FIRST_SECONDS, SECONDS_PER_1000_STEPS = 2.4, 5.0
POOL_BATCHES = 8  # batches are cut from so many batches' worth of utterances, sorted by length


@dataclass(frozen=True)
class Strength:
    """How far and how often. speed, throat: factors within 1 ± so much.  noise, room, band: probabilities.
    snr_db: between these.  masks: of SpecAugment, in frequency and time, up to so many bands and frames.
    join: probability that a short utterance is followed by others of its speaker."""

    speed: float = 0.12
    throat: float = 0.12
    noise: float = 0.4
    room: float = 0.25
    band: float = 0.25
    snr_db: tuple[float, float] = (0.0, 30.0)
    frequency_masks: int = 2
    mask_bands: int = 12
    time_masks: int = 2
    mask_frames: int = 16
    join: float = 0.7

    def scaled(self, factor: float) -> Strength:
        """Everything that makes it harder so many times as strong or as frequent."""
        return replace(
            self, speed=factor * self.speed, throat=factor * self.throat, noise=factor * self.noise,
            room=factor * self.room, band=factor * self.band, mask_bands=round(factor * self.mask_bands),
            mask_frames=round(factor * self.mask_frames),
        )  # fmt: skip


class Batch(NamedTuple):
    """mel float [B, 80, F], frames int64 [B], targets int64 [sum of lengths], lengths int64 [B]."""

    mel: Tensor
    frames: Tensor
    targets: Tensor
    lengths: Tensor


@functools.lru_cache(maxsize=1)
def _centres_hz() -> np.ndarray:
    import librosa

    return librosa.mel_frequencies(n_mels=audio.MEL_BANDS + 2, fmin=0.0, fmax=8000.0)[1:-1]


def moved(mel: np.ndarray, *, speed: float, throat: float) -> np.ndarray:
    """Faster by a factor, and as of a throat that is shorter by a factor: float32 [80, F] -> [80, F / speed].

    The band at f Hz takes what was at f / throat; between bands and between frames, straight lines.
    """
    bands, frames = mel.shape
    centres = _centres_hz()
    at_band = np.interp(centres / throat, centres, np.arange(bands))
    at_frame = np.linspace(0, frames - 1, max(2, round(frames / speed)))
    low, left = at_band.astype(int).clip(max=bands - 2), at_frame.astype(int).clip(max=frames - 2)
    up, right = (at_band - low)[:, None].astype(np.float32), (at_frame - left).astype(np.float32)
    rows = mel[low] * (1 - up) + mel[low + 1] * up
    return rows[:, left] * (1 - right) + rows[:, left + 1] * right


def in_room(mel: np.ndarray, *, decay_s: float, wet: float) -> np.ndarray:
    """With reverberation: energy that dies away by 60 dB in `decay_s`, float32 [80, F] -> the same shape.

    Args:
        wet: energy of the whole tail, the direct sound's being 1.
    """
    energy = np.exp(2 * mel)
    keep = 10 ** (-6 / (decay_s * FRAMES_PER_SECOND))  # of the energy, from frame to frame
    tail = lfilter([0.0, wet * (1 - keep)], [1.0, -keep], energy, axis=1)
    return (0.5 * np.log(energy + tail)).astype(np.float32)


def with_noise(mel: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """The sum of two sounds whose phases are not related: energies add. float32 [80, F], [80, F or more] -> [80, F]."""
    speech, other = np.exp(2 * mel), np.exp(2 * noise[:, : mel.shape[1]])
    gain = speech.mean() / max(other.mean(), 1e-12) * 10 ** (-snr_db / 10)
    return (0.5 * np.log(speech + gain * other)).astype(np.float32)


def through_telephone(mel: np.ndarray, *, low_hz: float, high_hz: float) -> np.ndarray:
    """What is left of a sound outside low_hz … high_hz is the floor of the spectrogram."""
    centres = _centres_hz()
    out = mel.copy()
    out[(centres < low_hz) | (centres > high_hz)] = np.log(audio.MEL_FLOOR)
    return out


class Augmenter:
    """Draws utterances from their sources by share, joins short ones, changes them. All draws come from the seed."""

    def __init__(
        self, utterances: Sequence[Utterance], shares: dict[str, float], *, noises: Sequence[Tensor] = (),
        strength: Strength | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.random = np.random.default_rng(seed)
        self.strength = strength or Strength()
        self.noises = [noise.numpy() for noise in noises]  # float16 [80, F]
        self.by_source: dict[str, list[Utterance]] = {}
        self.by_speaker: dict[tuple[str, str], list[Utterance]] = {}
        for one in utterances:
            self.by_source.setdefault(one.source, []).append(one)
            self.by_speaker.setdefault((one.source, one.speaker), []).append(one)
        there = [source for source in self.by_source if shares.get(source, 0) > 0]
        if not there:
            raise DataError("There is no speech to learn from: point --data at a corpus.")
        self.sources = [*there, *(["nothing"] if self.noises and shares.get("nothing", 0) > 0 else [])]
        weights = np.array([shares[source] for source in self.sources])
        self.weights = weights / weights.sum()

    def draw(self, most: float = np.inf) -> tuple[np.ndarray, str]:
        """One training example: log-mel float32 [80, F] and its text. most: frames; longer ones are drawn anew."""
        source = self.sources[self.random.choice(len(self.sources), p=self.weights)]
        if source == "nothing":
            return self.noise(int(self.random.integers(60, 400))), ""
        one = self.pick(self.by_source[source])
        for _ in range(20):
            if one.frames < 0.9 * most:
                break
            one = self.pick(self.by_source[source])
        parts, texts = [one.mel.numpy().astype(np.float32)], [one.text]
        wanted = min(self.random.uniform(1.0, 4.0) * FRAMES_PER_SECOND, 0.5 * most)
        if one.frames < 1.5 * FRAMES_PER_SECOND and self.random.random() < self.strength.join:
            while sum(p.shape[1] for p in parts) < wanted:
                parts.append(self.pause(parts[0], self.random.uniform(0.0, 0.35)))
                other = self.pick(self.by_speaker[one.source, one.speaker])
                parts.append(other.mel.numpy().astype(np.float32))
                texts.append(other.text)
        before, after = (self.pause(parts[0], self.random.exponential(0.12)) for _ in range(2))
        return self.changed(np.concatenate([before, *parts, after], axis=1)), " ".join(texts)

    def pick(self, utterances: list[Utterance]) -> Utterance:
        return utterances[self.random.integers(len(utterances))]

    def pause(self, mel: np.ndarray, seconds: float) -> np.ndarray:
        """Silence as in the recording: its quietest frames, shuffled. float32 [80, n]."""
        quiet = np.argsort(mel.sum(axis=0))[: max(1, mel.shape[1] // 20)]
        return mel[:, self.random.choice(quiet, size=round(min(seconds, 1.0) * FRAMES_PER_SECOND))]

    def noise(self, frames: int) -> np.ndarray:
        """A stretch of one of the noises, or of noise with a straight spectrum: float32 [80, frames]."""
        if not self.noises or self.random.random() < 0.3:
            slope = np.linspace(0, self.random.uniform(-4, 2), audio.MEL_BANDS)[:, None]
            return (slope - 5 + 0.35 * self.random.standard_normal((audio.MEL_BANDS, frames))).astype(np.float32)
        noise = self.noises[self.random.integers(len(self.noises))].astype(np.float32)
        start = int(self.random.integers(max(1, noise.shape[1] - frames + 1)))
        return np.tile(noise[:, start:], (1, -(-frames // (noise.shape[1] - start))))[:, :frames]

    def changed(self, mel: np.ndarray) -> np.ndarray:
        """Another throat, pace, room, noise and microphone, each by its probability."""
        s, random = self.strength, self.random
        speed, throat = (1 + width * random.uniform(-1, 1) for width in (s.speed, s.throat))
        mel = moved(mel, speed=speed, throat=throat)
        if random.random() < s.room:
            mel = in_room(mel, decay_s=random.uniform(0.15, 0.7), wet=10 ** random.uniform(-2, 0))
        if random.random() < s.noise:
            mel = with_noise(mel, self.noise(mel.shape[1]), random.uniform(*s.snr_db))
        if random.random() < s.band:
            mel = through_telephone(
                mel, low_hz=random.choice([0.0, 150.0, 300.0]), high_hz=random.choice([3400.0, 3900.0, 5500.0, 9000.0])
            )
        return np.maximum(mel, np.log(audio.MEL_FLOOR) + random.exponential(1.0))


def longest(step: int) -> float:
    """Seconds of the longest utterances at a step of the training: short ones first, which show sooner which letter
    sounds how (Amodei et al. 2015, arXiv:1512.02595, section 3.2, "SortaGrad")."""
    return FIRST_SECONDS + SECONDS_PER_1000_STEPS * step / 1000


def batches(augmenter: Augmenter, *, seconds: float, step: int = 0) -> Iterator[Batch]:
    """Batches without end, each of about so many seconds of sound, of utterances of similar length.

    Args:
        step: of the training, which the first batch is for.
    """
    budget = seconds * FRAMES_PER_SECOND
    while True:
        drawn: list[tuple[np.ndarray, str]] = []
        most = min(budget, longest(step) * FRAMES_PER_SECOND)
        while sum(mel.shape[1] for mel, _ in drawn) < POOL_BATCHES * budget:
            mel, text = augmenter.draw(most)
            if needed_steps(text) <= mel.shape[1] // 2 and mel.shape[1] <= most:
                drawn.append((mel, text))
        drawn.sort(key=lambda one: one[0].shape[1])
        groups: list[list[tuple[np.ndarray, str]]] = [[]]
        for one in drawn:
            if groups[-1] and one[0].shape[1] * (len(groups[-1]) + 1) > budget:
                groups.append([])
            groups[-1].append(one)
        for place in augmenter.random.permutation(len(groups)):
            step += 1
            yield collate(groups[place])


def needed_steps(text: str) -> int:
    """Fewest steps in which CTC can write a text: one a letter, and a blank between two alike."""
    return len(text) + sum(a == b for a, b in zip(text, text[1:]))


def collate(examples: Sequence[tuple[np.ndarray, str]]) -> Batch:
    """Examples side by side, the shorter ones followed by zeros that `frames` tells from sound."""
    frames = torch.tensor([mel.shape[1] for mel, _ in examples])
    mels = torch.zeros(len(examples), audio.MEL_BANDS, int(frames.max()))
    for row, (mel, _) in zip(mels, examples):
        row[:, : mel.shape[1]] = torch.from_numpy(mel)
    texts = [encode_text(text) for _, text in examples]
    targets = torch.tensor([number for text in texts for number in text], dtype=torch.long)
    return Batch(mels, frames, targets, torch.tensor([len(text) for text in texts]))


def masked(features: Tensor, frames: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    """SpecAugment on normalised features: bands and frames that are 0, the mean. float [B, 80, F] -> the same.

    Source: Park et al. 2019, section 2; no time warping, for the speed changes already.
    """
    out = features.clone()
    draw = lambda most: int(torch.randint(0, max(1, most), (1,), generator=generator))
    for row, count in zip(out, frames.tolist()):
        for _ in range(strength.frequency_masks):
            width = draw(strength.mask_bands + 1)
            start = draw(row.shape[0] - width)
            row[start : start + width] = 0
        for _ in range(max(1, strength.time_masks * count // 240)):  # so many in 3 s
            width = draw(min(strength.mask_frames, count // 4) + 1)
            start = draw(count - width)
            row[:, start : start + width] = 0
    return out
