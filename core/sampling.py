"""Drawing the next token: logits become a distribution, a uniform number picks from it. All music models draw here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.errors import SamplingError

# What a grammar is to a sampler: the tokens of one row so far -> which may come next, bool [V], a tensor or an array.
Grammar = Callable[[Sequence[int]], Any]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class Options:
    """How boldly to draw.

    temperature: divides the logits; below 1 likely tokens become likelier.
    top_k: draw from the k likeliest only (Fan et al. 2018, arXiv:1805.04833); None for all.
    top_p: draw from the fewest likeliest tokens that hold this share of the probability together (nucleus sampling:
        Holtzman et al. 2020, arXiv:1904.09751, section 3.1); None or 1 for all.

    Raises:
        SamplingError: an option out of range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not _is_number(self.temperature) or not 0 < self.temperature <= 100:
            raise SamplingError(
                f"The temperature must be a number above 0, at most 100, got {self.temperature!r:.40}; "
                "1 is the network's own."
            )
        if self.top_k is not None and (type(self.top_k) is not int or self.top_k < 1):
            raise SamplingError(
                f"top_k must be a whole number of tokens, at least 1, got {self.top_k!r:.40}; "
                "leave it out to draw from all."
            )
        if self.top_p is not None and (not _is_number(self.top_p) or not 0 < self.top_p <= 1):
            raise SamplingError(
                f"top_p must be a share above 0, at most 1, got {self.top_p!r:.40}; leave it out to draw from all."
            )


OWN = Options()  # the network's own distribution


def distribution(logits: Tensor, options: Options = OWN, allowed: Tensor | None = None) -> Tensor:
    """The probabilities that are drawn from: grammar first, then temperature, top-k, top-p.

    Args:
        logits: float [..., V].
        allowed: bool [..., V] or [V], tokens that may come; None for all.
    Returns:
        float32 [..., V]; each row sums to 1. Of equal tokens at an edge of top-k or top-p the first ones stay.
    Raises:
        SamplingError: a row that allows nothing; logits that are not finite.
    """
    x = logits.float()
    if not math.isfinite(float(x.sum())):
        raise SamplingError("The network's logits are not finite: its weights are damaged, restore or train them.")
    if allowed is not None:
        if not bool(allowed.any(dim=-1).all()):
            raise SamplingError("The grammar allows no token here: begin from another start, or switch it off.")
        x = x.masked_fill(~allowed, -math.inf)
    x = x / options.temperature
    if options.top_k is not None and options.top_k < x.shape[-1]:
        order = x.argsort(dim=-1, descending=True, stable=True)
        x = x.scatter(-1, order[..., options.top_k :], -math.inf)
    probabilities = torch.softmax(x, dim=-1)
    if options.top_p is not None and options.top_p < 1:
        ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
        before = ordered.cumsum(dim=-1) - ordered  # how much the likelier tokens hold already
        probabilities = probabilities.scatter(-1, order, ordered.masked_fill(before >= options.top_p, 0.0))
        probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
    return probabilities


def draw(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """Draw by inverting the cumulative distribution: the same uniforms, the same tokens.

    Args:
        probabilities: float [..., V].
        uniforms: float [...] in [0, 1).
    Returns:
        int64 [...], the first token whose cumulative probability is above u; never one of probability 0.
    """
    cumulative = probabilities.double().cumsum(dim=-1)
    u = uniforms.double()[..., None] * cumulative[..., -1:]  # rounding may leave the last a little off 1
    # Were u rounded up to the last value itself, no cumulative probability would be above it.
    return torch.searchsorted(cumulative, torch.minimum(u, cumulative[..., -1:] * (1 - 1e-15)), right=True)[..., 0]


def uniforms_of(seed: int, tokens: int, batch: int = 1) -> Tensor:
    """Uniform numbers of a seed, float32 [batch, tokens]; a longer row begins like a shorter one.

    Raises:
        SamplingError: a seed that is no whole number; fewer than one token or row.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise SamplingError(f"The seed must be a whole number, got {seed!r:.40}.")
    if tokens < 1 or batch < 1:
        raise SamplingError(f"Ask for at least 1 token in at least 1 row, got {tokens} in {batch}.")
    generator = torch.Generator().manual_seed(seed % 2**63)
    return torch.rand(tokens, batch, generator=generator).T


def check_uniforms(uniforms: Tensor) -> None:
    """Raise SamplingError unless these are float [batch, tokens] in [0, 1)."""
    if uniforms.dim() != 2 or not uniforms.is_floating_point() or not uniforms.numel():
        raise SamplingError(
            f"Uniforms must be float [batch, tokens], got {uniforms.dtype} {list(uniforms.shape)}."
        )
    if not bool(((uniforms >= 0) & (uniforms < 1)).all()):
        raise SamplingError("Uniforms must lie in [0, 1); draw them with uniforms_of(seed, tokens).")
