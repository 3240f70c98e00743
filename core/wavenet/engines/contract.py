"""What every generation engine offers, and the one definition of a draw.

An `Engine` holds a network's weights in the form it likes best. A `Session` is one generation: it holds the state
between two blocks of samples, so two sessions never disturb each other, not even in two threads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from core.wavenet.model import WaveNet

LOGITS_BLOCK = 4096  # samples fed at a time by Engine.logits


def inverse_cdf(logits: Tensor, uniforms: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """Draw codes from a softmax by inverting its cumulative distribution: the same uniforms, the same codes.

    Args:
        logits: float [B, levels].
        uniforms: float [B] in [0, 1).
        temperature: divides the logits; below 1 likely codes become likelier.
    Returns:
        codes int64 [B], the number of cumulative probabilities that are <= u, and the probabilities [B, levels].
    """
    probabilities = torch.softmax(logits.float() / temperature, dim=-1)
    cumulative = probabilities.cumsum(dim=-1)
    codes = (cumulative <= uniforms[:, None]).sum(dim=-1)
    return codes.clamp(max=logits.shape[-1] - 1), probabilities  # the last cumulative may round to below 1


class Session(ABC):
    """One generation of B sounds in lockstep, continued from block to block.

    `position` counts the samples so far. `probabilities` [B, levels] are those of the last sample drawn.
    For a conditioned network each call gets the frames [B, f, L * G] that its samples lie between, the first of
    them being moment `position // condition_hop`; see `conditioning.frames_between`. Their memory is the caller's: it
    holds other frames by the next call.
    """

    position: int = 0
    probabilities: Tensor
    one_launch = False  # `stream` makes any length in one go, and yields while it runs

    def stream(self, uniforms: Tensor, frames: Tensor | None = None, *, block: int = 1600) -> Iterator[Tensor]:
        """As `draw`, yielding int64 [B, up to block] as they come; only for sessions with `one_launch`."""
        raise NotImplementedError

    @abstractmethod
    def draw(self, uniforms: Tensor, frames: Tensor | None = None) -> Tensor:
        """Generate: float32 [B, n] uniforms -> int64 [B, n] codes."""

    @abstractmethod
    def feed(self, codes: Tensor, frames: Tensor | None = None, *, logits: bool = True) -> Tensor | None:
        """Teacher forcing: take int64 [B, n] codes as drawn -> float32 [B, levels, n], what predicted each.

        With logits=False nothing is returned, which is faster: the way to feed a prime.
        """


class Engine(ABC):
    """A network made ready for generation. Sessions are independent of each other."""

    name: str

    def __init__(self, model: WaveNet) -> None:
        self.model, self.config = model, model.config

    @classmethod
    def unavailable(cls, model: WaveNet | None = None) -> str:
        """Why this engine does not work on this machine (or for this network), as a sentence; "" when it does."""
        return ""

    @abstractmethod
    def session(self, batch: int, temperature: float = 1.0) -> Session:
        """A new generation, starting from silence."""

    @torch.no_grad()
    def logits(self, codes: Tensor, mel: Tensor | None = None) -> Tensor:
        """What this engine, step by step, gives for codes known beforehand: comparable to `model(codes, mel)`.

        Args:
            codes: int64 [B, N].
            mel: float [B, M, F] or None, as in `WaveNet.forward`.
        Returns:
            float32 [B, levels, N].
        Raises:
            SamplingError, MelError: as `WaveNet.forward`.
        """
        from core.wavenet.conditioning import frames_between

        self.model.check(codes, mel)
        if mel is not None and self.model.condition is not None:
            mel = self.model.condition.prepare(mel)
        session = self.session(codes.shape[0])
        pieces = []
        for start in range(0, codes.shape[1], LOGITS_BLOCK):
            block = codes[:, start : start + LOGITS_BLOCK]
            pieces.append(session.feed(block, frames_between(self.model, mel, start, block.shape[1])))
        return torch.cat([piece for piece in pieces if piece is not None], dim=-1)
