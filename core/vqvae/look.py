"""What a code sounds like by itself and where it stands, and colours in which codes that sound alike look alike."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core import audio
from core.vqvae.sample import Coder, occurrences

REPEATS = 12  # a code is said so often in a row, so that it has no neighbours but itself
AROUND = 2  # codes before and after a place that are played with it
PAUSE_S = 0.12
HUES = 300  # degrees of the colour circle that are used: red, over green, to violet


def alone(code: int) -> Tensor:
    """A code by itself: int64 [REPEATS]."""
    return torch.full((REPEATS,), int(code))


def recorded(
    coder: Coder, sounds: Sequence[Tensor], code: int, *, most: int = 6, sequences: Sequence[Tensor] | None = None
) -> tuple[Tensor, int]:
    """The recordings themselves where a code stands, one place after the other with pauses.

    Args:
        sounds: float [T] each.  sequences: their codes, int64 [N] each, if they are known already.
        most: places at most.
    Returns:
        (float32 [T], empty where the code stands nowhere; how many places there are).
    """
    sequences = [coder.encode(x) for x in sounds] if sequences is None else sequences
    places = occurrences(sequences, code)
    hop = round(audio.SAMPLE_RATE_HZ / coder.codes_per_s)
    fade = torch.ones((2 * AROUND + 1) * hop)
    edge = torch.linspace(0, 1, hop // 2)
    fade[: len(edge)], fade[-len(edge) :] = edge, edge.flip(0)
    pieces = []
    for which, place in places[:most]:
        piece = sounds[which][max(0, place - AROUND) * hop : (place + AROUND + 1) * hop]
        pieces += [piece * fade[: len(piece)], torch.zeros(round(PAUSE_S * audio.SAMPLE_RATE_HZ))]
    return torch.cat(pieces) if pieces else torch.zeros(0), len(places)


def colours(frames: Tensor) -> Tensor:
    """Codes as colours: hue by where the energy lies (low red, high violet), strength by loudness.

    Args:
        frames: log-mel, float [K, 80].
    Returns:
        int64 [K, 2]: degrees of the hue in 0 … HUES, by rank; loudness in percent of the range.
    """
    energy = frames.float().exp()
    bands = torch.arange(frames.shape[1], dtype=torch.float32)
    centre = (energy * bands).sum(dim=1) / energy.sum(dim=1)
    rank = centre.argsort().argsort().float()
    level = frames.float().mean(dim=1)
    loud = (level - level.min()) / (level.max() - level.min()).clamp(min=1e-6)
    return torch.stack([HUES * rank / max(1, len(rank) - 1), 100 * loud], dim=1).round().long()


def peaks(x: Tensor, codes: int, *, per_code: int = 8) -> Tensor:
    """How far a sound reaches from zero, for drawing: float [T] -> uint8 [codes * per_code], the loudest is 255."""
    count = codes * per_code
    step = -(-max(1, len(x)) // count)
    padded = torch.zeros(count * step)
    padded[: min(len(x), count * step)] = x.abs()[: count * step]
    found = padded.reshape(count, step).amax(dim=1)  # [codes * per_code]
    return (255 * found / found.max().clamp(min=1e-6)).round().to(torch.uint8)
