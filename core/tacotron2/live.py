"""Tacotron 2 speaking to somebody who listens: the decoder's steps as they come, the vocoder right behind it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core import audio, postfilter
from core.tacotron2 import sample
from core.tacotron2.model import DROPOUT, Tacotron2
from core.tacotron2.sample import Decoded, Step
from core.text.tokens import Tokens
from core.wavenet import live as wavenet_live
from core.wavenet.examples import TEMPERATURE
from core.wavenet.model import WaveNet

__all__ = ["Update", "speak"]

UPDATE_S = 0.1  # between two updates, by the clock


@dataclass(frozen=True, eq=False)
class Update:
    """What has come since the update before: steps of one sentence, or sound of it.

    sentence: its number.  tokens: what is read.  steps: new ones.  decoded: the sentence, once its last step is there.
    sound: float32 [n], new samples.  drawn: samples of the whole text so far.
    real_time: seconds of sound that the vocoder makes in a second, 0 before it has begun.
    """

    sentence: int
    tokens: Tokens
    steps: tuple[Step, ...] = ()
    decoded: Decoded | None = None
    sound: Tensor | None = None
    drawn: int = 0
    real_time: float = 0.0


def speak(
    parts: Sequence[Tokens], *, model: Tacotron2, vocoder: WaveNet | None = None, seed: int = 0,
    prenet_dropout: float = DROPOUT, update_s: float = UPDATE_S,
) -> Iterator[Update]:  # fmt: skip
    """Sentence by sentence: decode it (a tenth of the time that it lasts), then stream its sound.

    Args:
        parts: sentences, from `sample.read`.  vocoder: a WaveNet conditioned on mels; without one, Griffin-Lim.
        seed: of the prenet's dropout and of the vocoder.
    Yields:
        Update; all sounds together last F frames of 200 samples for each sentence.
    Raises:
        SamplingError, EngineError: as `sample.steps` and `core.wavenet.generate`.
    """
    drawn = 0
    for number, tokens in enumerate(parts):
        made: list[Step] = []
        fresh: list[Step] = []
        shown = time.perf_counter()
        for step in sample.steps(tokens, model=model, seed=seed, prenet_dropout=prenet_dropout):
            fresh.append(step)
            if time.perf_counter() - shown >= update_s:
                yield Update(number, tokens, tuple(fresh), drawn=drawn)
                made, fresh, shown = made + fresh, [], time.perf_counter()
        made += fresh
        decoded = sample.gathered(tokens, made, model)
        yield Update(number, tokens, tuple(fresh), decoded, drawn=drawn)
        for sound, real_time in _sounds(decoded.mel, vocoder, seed):
            drawn += len(sound)
            yield Update(number, tokens, sound=sound, drawn=drawn, real_time=real_time)


def _sounds(mel: Tensor, vocoder: WaveNet | None, seed: int) -> Iterator[tuple[Tensor, float]]:
    """The sound of a mel [80, F], F x 200 samples in pieces, with the vocoder's speed."""
    samples = mel.shape[1] * audio.HOP_SAMPLES
    if vocoder is None:
        started = time.perf_counter()
        sound = audio.griffin_lim(mel, seed=seed).clamp(-1, 1)
        sound = torch.nn.functional.pad(sound, (0, max(0, samples - len(sound))))[:samples]
        yield sound, samples / audio.SAMPLE_RATE_HZ / (time.perf_counter() - started)
        return
    post, drawn = postfilter.PostFilter(mel), 0
    for update in wavenet_live.speak(vocoder, mel=mel, samples=samples, seed=seed, temperature=TEMPERATURE):
        drawn += len(update.codes)
        piece = post.push(audio.mu_law_decode(update.codes)).clamp(-1, 1)
        if drawn == samples:
            piece = torch.cat([piece, post.finish().clamp(-1, 1)])
        yield piece, update.real_time
