"""From a voice to codes and back, and what one can do with codes in between.

coder = sample.load("vqvae-speech")
codes = coder.encode(audio.load_voice(path))       # int64 [N], 40 a second
spoken = coder.speak(codes, "MC")                  # audio, frames; coder.stream(...) gives blocks as they come
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from core import audio, postfilter, weights
from core.audio import HOP_SAMPLES, Synthesis
from core.errors import SamplingError
from core.vqvae.model import VQVAE
from core.wavenet import generate
from core.wavenet.model import WaveNet

__all__ = [
    "MAX_CODES",
    "TEMPERATURE",
    "Block",
    "Coder",
    "Spoken",
    "excerpt",
    "load",
    "shuffled",
    "stretched",
    "swapped",
]

TEMPERATURE = 0.7  # of the WaveNet, as of the vocoder it comes from
BLOCK_SAMPLES = 1600
MAX_CODES = 80 * 60  # a minute at 80 codes a second
MAX_STRETCH = 8.0


@dataclass(frozen=True, eq=False)
class Spoken(Synthesis):
    """A sound with the codes int64 [N] it was made from, the speaker's name and the frames float32 [80, F]."""

    codes: Tensor
    frames: Tensor
    speaker: str


@dataclass(frozen=True, eq=False)
class Block:
    """A piece of a sound that is still being made: audio float32 [n], maybe n = 0; seconds of sound drawn so far."""

    audio: Tensor
    drawn_s: float


@dataclass(frozen=True, eq=False)
class Coder:
    """An autoencoder with its WaveNet."""

    name: str
    front: VQVAE
    wavenet: WaveNet

    @property
    def speakers(self) -> tuple[str, ...]:
        return self.front.config.speakers

    @property
    def codes_per_s(self) -> float:
        return self.front.config.codes_per_s

    @property
    def bits_per_s(self) -> float:
        """log2 K for each code, whatever is in it."""
        return math.log2(self.front.config.codes) * self.codes_per_s

    def encode(self, x: Tensor) -> Tensor:
        """A voice as codes.

        Args:
            x: float [T] at 16 kHz, levelled, as `core.audio.load_voice` gives it.
        Returns:
            int64 [N], one for each frames_per_code * 200 samples.
        Raises:
            AudioError: too short or not finite.
        """
        return self.front.encode(audio.mel(x)[None])[0]

    def frames(self, codes: Tensor, speaker: str | int = 0) -> Tensor:
        """int64 [N] -> the spectrogram float32 [80, N * frames_per_code] in a speaker's voice.

        Raises:
            SamplingError: a code out of range, none or too many, or no such speaker.
        """
        if codes.dim() != 1 or not 1 <= codes.shape[0] <= MAX_CODES:
            raise SamplingError(
                f"Give 1 to {MAX_CODES} codes in a row, got {list(codes.shape)}: a shorter sound does."
            )
        return self.front.frames(codes[None], speaker)[0]

    def stream(
        self, codes: Tensor, speaker: str | int = 0, *, uniforms: Tensor | None = None, seed: int = 0,
        temperature: float = TEMPERATURE, engine: str = "auto", correct: bool = True, block: int = BLOCK_SAMPLES,
    ) -> Iterator[Block]:  # fmt: skip
        """The sound of codes as it comes, from a network that draws sample after sample.

        Args:
            codes: int64 [N].  speaker: name or place.
            uniforms: float [1, N * frames_per_code * 200] in [0, 1); None draws them from `seed`.
            temperature, engine, block: as of `core.wavenet.generate`.
            correct: bring the sound's bands to the levels of the frames, by `core.postfilter`.
        Yields:
            Block; the first ones may be empty while the post-filter waits.
        Raises:
            SamplingError: as `frames`, or an option out of range.  EngineError: the engine does not work here.
        """
        frames = self.frames(codes, speaker)
        samples = frames.shape[1] * HOP_SAMPLES
        post = postfilter.PostFilter(frames) if correct else None
        drawn = 0
        for piece in generate.stream(
            self.wavenet, frames[None], samples, uniforms, seed, temperature, engine, block=block
        ):
            drawn += piece.shape[1]
            x = audio.mu_law_decode(piece[0])
            yield Block((post.push(x) if post else x).clamp(-1, 1), drawn / audio.SAMPLE_RATE_HZ)
        if post:
            yield Block(post.finish().clamp(-1, 1), drawn / audio.SAMPLE_RATE_HZ)

    def speak(
        self, codes: Tensor, speaker: str | int = 0, *, uniforms: Tensor | None = None, seed: int = 0,
        temperature: float = TEMPERATURE, engine: str = "auto", correct: bool = True,
    ) -> Spoken:  # fmt: skip
        """The whole sound of codes: as `stream`, [N * frames_per_code * 200] samples."""
        blocks = self.stream(
            codes, speaker, uniforms=uniforms, seed=seed, temperature=temperature, engine=engine, correct=correct
        )
        sound = torch.cat([one.audio for one in blocks])
        name = speaker if isinstance(speaker, str) else self.speakers[speaker]
        return Spoken(sound, audio.SAMPLE_RATE_HZ, codes, self.frames(codes, speaker), name)

    def preview(self, codes: Tensor, speaker: str | int = 0, *, iterations: int = 30) -> Tensor:
        """The frames by Griffin-Lim, at once: float32 [(F - 1) * 200]. For a first listen and for single codes."""
        return audio.griffin_lim(self.frames(codes, speaker), iterations=iterations).clamp(-1, 1)

    def typical(self, speaker: str | int = 0, *, repeats: int = 8) -> Tensor:
        """What each code sounds like on average: the middle frame where it is said again and again, [K, 80].

        Raises:
            SamplingError: no such speaker.
        """
        codes = torch.arange(self.front.config.codes)[:, None].expand(-1, repeats)  # [K, repeats]
        frames = self.front.frames(codes.contiguous(), speaker)  # [K, 80, repeats * frames_per_code]
        return frames[:, :, frames.shape[2] // 2]


def occurrences(sequences: Sequence[Tensor], code: int) -> list[tuple[int, int]]:
    """Where a code stands: (which sequence, place in it), in their order.

    Args:
        sequences: int64 [N] each, such as the codes of the held-out sentences.
    """
    return [(i, int(place)) for i, one in enumerate(sequences) for place in (one == code).nonzero()[:, 0]]


def load(name: str = "vqvae-speech") -> Coder:
    """An autoencoder by the name of its weights, with the WaveNet that its config names.

    Raises:
        WeightsError: as `core.weights.load`.
    """
    front = cast(VQVAE, weights.load(name))
    return Coder(name, front, wavenet(front.config.decoder))


@functools.lru_cache(maxsize=2)
def wavenet(name: str) -> WaveNet:
    return cast(WaveNet, weights.load(name))


def excerpt(codes: Tensor, start: int, count: int) -> Tensor:
    """`count` codes from place `start` on. SamplingError: they are not all there."""
    if not (0 <= start and 1 <= count and start + count <= len(codes)):
        raise SamplingError(f"Places {start} … {start + count - 1} are not all among the {len(codes)} codes: 0 … "
                            f"{len(codes) - 1}.")  # fmt: skip
    return codes[start : start + count]


def swapped(codes: Tensor, one: int, other: int) -> Tensor:
    """Every `one` becomes `other` and the other way round: int64 [N] -> int64 [N]."""
    out = codes.clone()
    out[codes == one], out[codes == other] = other, one
    return out


def shuffled(codes: Tensor, span: int, seed: int = 0) -> Tensor:
    """Pieces of `span` codes in random order; what is left over at the end stays there.

    Raises:
        SamplingError: the span is below 1.
    """
    if span < 1:
        raise SamplingError(f"A piece has at least 1 code, got {span}.")
    count = len(codes) // span
    order = torch.randperm(count, generator=torch.Generator().manual_seed(int(seed) % 2**63))
    pieces: Sequence[Tensor] = [codes[i * span : (i + 1) * span] for i in order.tolist()]
    return torch.cat([*pieces, codes[count * span :]])


def stretched(codes: Tensor, factor: float) -> Tensor:
    """Slower (above 1) or faster: place i of the result holds what was at i / factor.

    Returns:
        int64 [N * factor], rounded, at least 1.
    Raises:
        SamplingError: the factor is out of range.
    """
    if not (isinstance(factor, (int, float)) and 1 / MAX_STRETCH <= factor <= MAX_STRETCH):
        raise SamplingError(f"Stretch by {1 / MAX_STRETCH:g} to {MAX_STRETCH:g}, got {factor!r:.20}.")
    count = max(1, round(len(codes) * factor))
    places = ((torch.arange(count) + 0.5) / factor).long().clamp(max=len(codes) - 1)
    return codes[places]
