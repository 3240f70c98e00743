"""A network speaking to somebody who listens: updates a few times a second, with its speed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.audio import SAMPLE_RATE_HZ, mu_law_encode
from core.errors import AudioError
from core.wavenet.model import WaveNet
from core.wavenet.sample import generate

__all__ = ["BLOCK_SAMPLES", "Update", "entropy_bits", "prime_codes", "speak"]

BLOCK_SAMPLES = 800  # 50 ms: how often the softmax is looked at, and how soon a wish to stop is heard
FIRST_SAMPLES = 4000  # sound in the first update: a quarter of a second,
FIRST_S = 0.7  # or what has come after this time
UPDATE_S = 0.25  # between the later ones, by the clock


@dataclass(frozen=True, eq=False)
class Update:
    """What a network has said since the update before.

    codes: int64 [n], new ones.  positions: of each look at the softmax, the number of its sample.
    probabilities: float32 [looks, levels], what those samples were drawn from.
    drawn: samples so far.  samples_per_s: the network's speed so far, without what the prime took.
    engine: what draws.
    """

    codes: Tensor
    positions: list[int]
    probabilities: Tensor
    drawn: int
    samples_per_s: float
    engine: str

    @property
    def real_time(self) -> float:
        """Seconds of sound made in a second; above 1 it can be heard without a pause."""
        return self.samples_per_s / SAMPLE_RATE_HZ


def speak(
    model: WaveNet, *, samples: int, mel: Tensor | None = None, prime: Tensor | None = None, seed: int = 0,
    temperature: float = 1.0, engine: str = "auto", update_s: float = UPDATE_S,
) -> Iterator[Update]:  # fmt: skip
    """`generate.stream` in small blocks, gathered: a quarter of a second of sound first, then what `update_s` brings.

    Args:
        mel: float [80, F] for a conditioned network.  prime: int64 [P] codes to continue.
        others: as in `core.wavenet.generate`.
    Yields:
        Update; together their codes are those of `generate` with the same arguments.
    Raises:
        SamplingError, MelError, EngineError: as `generate`.
    """
    name = generate.best(model)[0] if engine == "auto" else engine
    blocks = generate.stream(
        model, None if mel is None else mel[None], samples, None, seed, temperature, name,
        prime=None if prime is None else prime[None], block=BLOCK_SAMPLES, with_probabilities=True,
    )  # fmt: skip
    codes: list[Tensor] = []
    looks: list[Tensor] = []
    positions: list[int] = []
    drawn = timed = 0
    seconds, shown = 0.0, time.perf_counter()
    while drawn < samples:
        before = time.perf_counter()
        block, probabilities = next(blocks)
        if drawn or prime is None:  # the first block has to wait for the prime
            seconds += time.perf_counter() - before  # and none for the listener
            timed += block.shape[1]
        drawn += block.shape[1]
        codes.append(block[0])
        looks.append(probabilities[0].float().clone())
        positions.append(drawn - 1)
        first = drawn == sum(map(len, codes))
        waited = time.perf_counter() - shown
        enough = drawn >= FIRST_SAMPLES or waited >= FIRST_S if first else waited >= update_s
        if enough or drawn == samples:
            speed = timed / seconds if timed else 0.0
            yield Update(torch.cat(codes), positions, torch.stack(looks), drawn, speed, name)
            codes, looks, positions, shown = [], [], [], time.perf_counter()


def entropy_bits(probabilities: Tensor) -> Tensor:
    """H = -sum_i p_i log2 p_i: how undecided the network is; 0 when sure, 8 for 256 equally likely codes.

    Args:
        probabilities: float [..., levels].
    Returns:
        float32 [...], in bits.
    """
    p = probabilities.double()
    return (-torch.special.xlogy(p, p).sum(dim=-1) / math.log(2)).clamp(min=0).float()


def prime_codes(x: Tensor, seconds: float) -> Tensor:
    """The beginning of a voice as codes to continue, from where it first rises above a twentieth of its peak.

    Args:
        x: float [T] at 16 kHz, levelled as `core.audio.load_voice` does.  seconds: at most that much.
    Returns:
        int64 [P].
    Raises:
        AudioError: the sound is silent, or `seconds` is not positive.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise AudioError(f"The prime must last longer than 0 s, got {seconds}.")
    peak = float(x.abs().max()) if x.numel() else 0.0
    if peak == 0.0:
        raise AudioError("The sound is silent: check the microphone and its level, then record again.")
    start = max(0, int((x.abs() > peak / 20).nonzero()[0]) - SAMPLE_RATE_HZ // 50)  # 20 ms earlier
    return mu_law_encode(x[start : start + max(1, round(seconds * SAMPLE_RATE_HZ))])
