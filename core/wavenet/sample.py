"""Generating with a WaveNet: one call, or block by block, by any engine.

Randomness is an argument: a sample is drawn by inverting the softmax's cumulative distribution at a given uniform
number, so the same uniforms give the same sound from every engine, up to rounding, and from every block size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from core.errors import SamplingError
from core.wavenet import engines, zero_gpu
from core.wavenet.conditioning import Room, frames_between
from core.wavenet.engines.contract import Session, inverse_cdf
from core.wavenet.model import WaveNet

__all__ = ["MAX_SAMPLES", "generate", "inverse_cdf"]

MAX_SAMPLES = 10 * 60 * 16_000  # ten minutes at 16 kHz, a call
LAUNCH_SAMPLES = 2**17  # eight seconds; the condition of the shipped vocoder takes 107 MB for them
CHUNK_SAMPLES = 4000  # the most that an engine is asked for at once: a quarter of a second at 16 kHz


class Generate:
    """`generate(model, ...)` returns all codes; `generate.stream(model, ...)` yields them block by block."""

    def __call__(
        self, model: WaveNet, mel: Tensor | None = None, samples: int | None = None, uniforms: Tensor | None = None,
        seed: int = 0, temperature: float = 1.0, engine: str = "auto", *, prime: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Sample from the network.

        Source: van den Oord et al. 2016, section 2.

        Args:
            model: the network; its weights are read at the start.
            mel: float [B, M, F] for a conditioned network, else None. Covers the prime, if any, and what follows.
            samples: how many to generate; None with a mel or uniforms means as many as those reach for.
            uniforms: float [B, N] in [0, 1), one for each sample; None draws them from `seed`.
            temperature: divides the logits; 1 samples from the network's own distribution.
            engine: "auto" or one of `engines.ENGINES`.
            prime: int64 [B, P] codes to continue, fed to the network before the first draw.
        Returns:
            int64 [B, samples], without the prime.
        Raises:
            SamplingError: an option out of range.  MelError: the mel does not fit.
            EngineError: the named engine does not work here.
        """
        blocks = self.stream(model, mel, samples, uniforms, seed, temperature, engine, prime=prime)
        return torch.cat(list(blocks), dim=1)

    def stream(
        self, model: WaveNet, mel: Tensor | None = None, samples: int | None = None, uniforms: Tensor | None = None,
        seed: int = 0, temperature: float = 1.0, engine: str = "auto", *, prime: Tensor | None = None,
        block: int = 1600, with_probabilities: bool = False,
    ) -> Iterator:  # fmt: skip
        """The same codes as `generate`, yielded as they come; closing the iterator stops the generation.

        Args:
            block: samples a block, at least 1; the last block may be shorter.
            with_probabilities: yield (codes, probabilities [B, levels] of the block's last sample) instead.
            others: as in `generate`.
        Yields:
            int64 [B, n].
        """
        if isinstance(block, bool) or not isinstance(block, int) or block < 1:
            raise SamplingError(f"block must be a whole number of samples, at least 1, got {block!r}.")
        batch, samples = check(model, mel, samples, uniforms, temperature, prime)
        if uniforms is None:  # [N, B], so that a longer generation begins like a shorter one
            generator = torch.Generator().manual_seed(int(seed) % 2**63)
            uniforms = torch.rand(samples, batch, generator=generator).T
        if engine.startswith("cuda") and zero_gpu.lends() and not engines.why_not(engine, model):
            seconds = zero_gpu.seconds_for(samples + (0 if prime is None else prime.shape[1]))
            return zero_gpu.stream(
                seconds, self.stream, model, mel, samples, uniforms, seed, temperature, engine, prime=prime,
                block=block, with_probabilities=with_probabilities,
            )  # fmt: skip
        session = engines.create(engine, model).session(batch, float(temperature))
        if mel is not None and model.condition is not None:
            with torch.no_grad():
                mel = model.condition.prepare(mel.float())
        return _blocks(model, session, mel, uniforms, prime, block, with_probabilities)

    def engines(self) -> list[tuple[str, bool, str]]:
        """Every engine as (name, works on this machine, why not)."""
        return [(name, not reason, reason) for name in engines.ENGINES for reason in [engines.why_not(name)]]

    def best(self, model: WaveNet) -> tuple[str, str]:
        """The engine that "auto" takes for this network, and why, in a sentence."""
        return engines.best(model)


generate = Generate()


def _blocks(
    model: WaveNet, session: Session, mel: Tensor | None, uniforms: Tensor, prime: Tensor | None, block: int,
    with_probabilities: bool,
) -> Iterator:  # fmt: skip
    """Feed the prime, then draw block after block; the session holds the state between them."""
    for codes in prime.split(CHUNK_SAMPLES, dim=1) if prime is not None else ():
        session.feed(codes, frames_between(model, mel, session.position, codes.shape[1]), logits=False)
    if session.one_launch and not with_probabilities:
        # A clocked condition of many moments would fill the GPU's memory: such a sound takes several launches.
        count = uniforms.shape[1] if model.config.moments == 1 else LAUNCH_SAMPLES // block * block or block
        for part in uniforms.float().split(count, dim=1):
            yield from session.stream(
                part, frames_between(model, mel, session.position, part.shape[1]), block=block
            )  # fmt: skip
        return
    room = Room()
    for start in range(0, uniforms.shape[1], block):
        given = uniforms[:, start : start + block].float()
        codes = torch.empty(given.shape, dtype=torch.int64)  # at once: pieces between the conditions would pin them
        for chunk, place in zip(given.split(CHUNK_SAMPLES, dim=1), codes.split(CHUNK_SAMPLES, dim=1)):
            condition = frames_between(model, mel, session.position, chunk.shape[1], room)
            place.copy_(session.draw(chunk, condition))
        yield (codes, session.probabilities) if with_probabilities else codes


def check(
    model: WaveNet, mel: Tensor | None, samples: int | None, uniforms: Tensor | None, temperature: float,
    prime: Tensor | None,
) -> tuple[int, int]:  # fmt: skip
    """Raise a typed error for options that cannot be used, else return (batch, samples)."""
    config = model.config
    if not (isinstance(temperature, (int, float)) and math.isfinite(temperature) and temperature > 0):
        raise SamplingError(
            f"The temperature must be a number above 0, got {temperature}; 1 is the network's own."
        )
    primed = check_prime(model, prime)
    if samples is None and uniforms is not None and uniforms.dim() == 2:
        samples = uniforms.shape[1]
    if samples is None and mel is not None and mel.dim() == 3:
        samples = mel.shape[2] * config.hop_samples - primed
    if isinstance(samples, bool) or not isinstance(samples, int):
        raise SamplingError(f"samples must say how many samples to generate, as a whole number, got {samples!r}.")
    if samples < 1:
        raise SamplingError(f"{samples} samples cannot be generated; ask for at least 1.")
    if samples > MAX_SAMPLES:
        raise SamplingError(
            f"{samples:,} samples are too many; the limit is {MAX_SAMPLES:,} a call (10 minutes at 16 kHz). "
            "Generate in parts, each primed with the end of the one before."
        )
    batches = [x.shape[0] for x, dim in ((uniforms, 2), (mel, 3), (prime, 2)) if x is not None and x.dim() == dim]
    batch = batches[0] if batches else 1
    if uniforms is not None:
        check_uniforms(uniforms, batch, samples)
    if batch < 1 or (prime is not None and prime.shape[0] != batch):
        raise SamplingError(f"The prime must have as many rows as the rest, {batch}, and at least 1.")
    model.check_mel(mel, batch, samples + primed)
    return batch, samples


def check_uniforms(uniforms: Tensor, batch: int, samples: int) -> None:
    """Raise SamplingError unless uniforms are float [B, N] in [0, 1)."""
    if list(uniforms.shape) != [batch, samples] or not uniforms.is_floating_point():
        raise SamplingError(
            f"uniforms must be floats [{batch}, {samples}], got {list(uniforms.shape)} {uniforms.dtype}."
        )
    if not bool(((uniforms >= 0) & (uniforms.float() < 1)).all()):  # false for NaN too
        raise SamplingError("uniforms must lie in [0, 1); torch.rand makes such numbers.")


def check_prime(model: WaveNet, prime: Tensor | None) -> int:
    """Raise SamplingError unless the prime is integer codes [B, P] in range; return P, 0 without a prime."""
    if prime is None:
        return 0
    levels = model.config.levels
    if prime.dim() != 2 or prime.is_floating_point() or prime.dtype == torch.bool or prime.numel() < 1:
        raise SamplingError(f"The prime must be integer codes [batch, samples], got {list(prime.shape)}.")
    if not (0 <= int(prime.min()) and int(prime.max()) < levels):
        raise SamplingError(f"The prime's codes must lie in 0 … {levels - 1}; encode the audio by mu-law first.")
    if prime.shape[1] > MAX_SAMPLES:
        raise SamplingError(f"The prime is too long; the limit is {MAX_SAMPLES:,} samples.")
    return prime.shape[1]
