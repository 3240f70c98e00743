"""Drawing a spectrogram from a MelNet: tier by tier, frame by frame, bin by bin, every state kept.

Each recurrent state is carried from one step to the next, so that a bin costs the same wherever it lies: the cost of a
spectrogram is linear in its bins. `core.melnet.recompute` is the plain way, one run of the whole network a bin; both
give the same values from the same uniform numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import SamplingError
from core.melnet.model import MelNet
from core.melnet.session import TierSession
from core.melnet.tiers import divisors, interleave, merge, shapes, split_tiers

MAX_FRAMES = 1600  # 20 s
DEFAULT_FRAMES = 240  # 3 s
MAX_SEED = 2**31 - 1
TEMPERATURES = (0.05, 3.0)
SMALLEST = 1e-6  # uniform numbers stay within (SMALLEST, 1 - SMALLEST): the normal distribution has no end


@dataclass(frozen=True, eq=False)
class Drawn:
    """One look at a generation.

    tier: which one is being drawn, from 1.  done, frames: its frames so far, and in all.
    own: float32 [T_g, F_g], this tier in standardised values, NaN where it is not drawn yet.
    merged: float32 [T', F'], all tiers up to this one as log-mel, NaN likewise.
    """

    tier: int
    done: int
    frames: int
    own: Tensor
    merged: Tensor

    @property
    def complete(self) -> bool:
        return self.done == self.frames


def uniforms_of(seed: int, tier: int, shape: tuple[int, int]) -> Tensor:
    """The uniform numbers of a tier: float32 [T_g, F_g, 2] in (0, 1). A longer spectrogram begins like a shorter one.

    Raises:
        SamplingError: a seed that is no whole number from 0 to 2^31 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise SamplingError(f"The seed must be a whole number from 0 to {MAX_SEED}, got {seed!r:.40}.")
    generator = torch.Generator().manual_seed(seed * 16 + tier)
    return torch.rand(*shape, 2, generator=generator).clamp(SMALLEST, 1 - SMALLEST)


def check_temperature(temperature: float) -> None:
    """Raise SamplingError unless the temperature is a number within `TEMPERATURES`."""
    low, high = TEMPERATURES
    number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if not number or not low <= temperature <= high:
        raise SamplingError(
            f"The temperature must be a number from {low} to {high}, got {temperature!r:.40}; 1 is the network's own."
        )


def generate(
    model: MelNet, seed: int | Sequence[int] = 0, temperature: float = 1.0, tiers: int | None = None, *,
    frames: int = DEFAULT_FRAMES, given: Sequence[Tensor] = (), prime: Tensor | None = None,
    uniforms: Sequence[Tensor] | None = None, every: int = 0,
) -> Iterator[Drawn]:  # fmt: skip
    """Sample a spectrogram, each tier as it is done. Closing the iterator stops the drawing.

    Source: Vasquez and Lewis 2019 (arXiv:1906.01083): x^1 first, then each x^g given interleave(x^1 … x^{g-1}).

    Args:
        seed: one for all tiers, or one for each.
        temperature: of every bin's mixture; 1 is the network's own.
        tiers: stop after so many; None draws all.
        frames: of the finished spectrogram, of 12.5 ms; a multiple of `divisors(model.config.tiers)[0]`.
        given: the first tiers as they are to stay ("frozen"), `Drawn.own` of an earlier generation.
        prime: float [P, 80] log-mel that the sound begins with; P is cut to what divides.
        uniforms: in place of a seed, of each tier [T_g, F_g, 2].
        every: also yield while a tier is being drawn, after so many of its frames; 0 only when it is done.
    Yields:
        `Drawn`, the given tiers excepted.
    Raises:
        SamplingError: an option out of range, a prime shorter than one step of the coarsest tier, given tiers of
            another size.
        MelError: frames that do not divide.
    """
    config = model.config
    last = config.tiers if tiers is None else tiers
    check_temperature(temperature)
    if isinstance(last, bool) or not isinstance(last, int) or not 1 <= last <= config.tiers:
        raise SamplingError(
            f"This network has {config.tiers} tiers: ask for 1 to {config.tiers}, got {last!r:.40}."
        )
    if not 0 < frames <= MAX_FRAMES:
        raise SamplingError(f"Ask for 1 to {MAX_FRAMES} frames of 12.5 ms, got {frames}.")
    sizes = shapes(frames, config.bands, config.tiers)
    seeds = [seed] * config.tiers if isinstance(seed, int) else list(seed)
    if len(seeds) < last:
        raise SamplingError(f"Give one seed, or one for each of the {last} tiers, not {len(seeds)}.")
    drawn = [one.float() for one in given]
    if [tuple(one.shape) for one in drawn] != sizes[: len(drawn)] or len(drawn) > last:
        raise SamplingError("The frozen tiers have another size than the sound that is asked for: draw them anew.")
    primes = _primes(model, prime, frames)
    for index in range(len(drawn), last):
        numbers = uniforms[index] if uniforms is not None else uniforms_of(seeds[index], index + 1, sizes[index])
        before = interleave([one[None] for one in drawn])[0] if drawn else None
        for look in _draw_tier(model, index, numbers, before, primes, temperature, every):
            yield look
        drawn.append(look.own)


def _draw_tier(
    model: MelNet, index: int, uniforms: Tensor, before: Tensor | None, primes: list[Tensor], temperature: float,
    every: int,
) -> Iterator[Drawn]:  # fmt: skip
    """All frames of a tier; the last look is complete."""
    time = uniforms.shape[0]
    own = torch.full(uniforms.shape[:2], math.nan)
    session = TierSession(model.tiers[index], before, temperature)
    known = primes[index] if primes else own[:0]
    for frame in range(time):
        own[frame] = session.frame(uniforms[frame], known[frame] if frame < known.shape[0] else None)
        done = frame + 1
        if done == time or (every and done % every == 0):
            yield Drawn(index + 1, done, time, own.clone(), log_mel(model, own, before, index + 1))


def log_mel(model: MelNet, own: Tensor, before: Tensor | None, tier: int) -> Tensor:
    """A tier and those before it, standardised [T, F] each -> log-mel [T', F'] at the resolution that they reach."""
    merged = own if before is None else merge(before[None], own[None], tier)[0]
    step = model.config.bands // merged.shape[1]
    return merged * model.std[::step] + model.mean[::step]


def _primes(model: MelNet, prime: Tensor | None, frames: int) -> list[Tensor]:
    """A prime as tiers, standardised; [] without one."""
    if prime is None:
        return []
    step = divisors(model.config.tiers)[0]
    length = prime.shape[0] // step * step if prime.dim() == 2 else 0
    if length == 0:
        raise SamplingError(
            f"The beginning must have at least {step} frames of 12.5 ms, one step of the coarsest tier: record "
            "something longer."
        )
    if length >= frames:
        raise SamplingError(
            f"The beginning has {length} of the {frames} frames that are asked for: ask for more, or give less."
        )
    model.check(prime[None])
    return [one[0] for one in split_tiers(model.standardise(prime[None, :length]), model.config.tiers)]


def enlarge(merged: Tensor, frames: int, bands: int = 80) -> Tensor:
    """A coarse log-mel [T', F'] drawn large, to be heard or seen beside the others: float32 [frames, bands].

    Its rows and columns stand where they stand in the finished spectrogram, with straight lines between them.
    """
    x = merged
    for axis, size in ((0, frames), (1, bands)):
        step = size // x.shape[axis]
        if step > 1:
            end = x.shape[axis] - 1
            following = torch.cat([x.narrow(axis, 1, end), x.narrow(axis, end, 1)], dim=axis)
            share = torch.arange(step) / step  # [step]
            parts = [torch.lerp(x, following, float(one)) for one in share]
            x = torch.stack(parts, dim=axis + 1).flatten(axis, axis + 1)
    return x


@torch.no_grad()
def tier_nats(model: MelNet, mel: Tensor) -> list[float]:
    """Mean nats a bin of every tier, for log-mel [B, T, F]."""
    return [float(one.mean()) for one in model(mel)]


__all__ = ["DEFAULT_FRAMES", "MAX_FRAMES", "Drawn", "enlarge", "generate", "log_mel", "uniforms_of"]
