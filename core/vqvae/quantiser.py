"""The two bottlenecks: nearest neighbour in a codebook (VQ-VAE), and argmax of a query (AMAE).

Both take what an encoder says at each place and give one whole number for it. A number has no gradient, so both let
the gradient of what they give pass straight through to what they took.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import SamplingError

UPDATES = ("loss", "ema")
RANK_STEPS = 64  # the rank variant remembers each channel's distribution at so many places
RANK_MEMORY = 0.98


@dataclass(frozen=True, eq=False)
class Quantised:
    """What a bottleneck gives.

    codes: int64 [B, N].  vectors: float [B, N, D], what the decoder gets.
    losses: name -> what is added to the loss, weighted.  perplexity: of the codes' use in this batch, 1 … K.
    """

    codes: Tensor
    vectors: Tensor
    losses: dict[str, Tensor]
    perplexity: Tensor


def perplexity(codes: Tensor, count: int) -> Tensor:
    """exp of the entropy of how often each code is used: 1 if one code serves for all, K if all serve equally.

    Args:
        codes: int64 of any shape.  count: K.
    Returns:
        float32 scalar.
    """
    share = torch.bincount(codes.reshape(-1), minlength=count).double() / max(1, codes.numel())
    return torch.exp(-torch.special.xlogy(share, share).sum()).float()


def nearest(z: Tensor, codebook: Tensor) -> Tensor:
    """The code nearest to each vector: argmin_k ||z - e_k||², without the ||z||² that is the same for all k.

    Source: van den Oord et al. 2017, equations 1 and 2 (arXiv:1711.00937).

    Args:
        z: float [..., D].  codebook: float [K, D].
    Returns:
        int64 [...].
    """
    scores = z.float() @ codebook.float().T  # [..., K]
    return (scores - codebook.float().square().sum(dim=1) / 2).argmax(dim=-1)


class VectorQuantiser(nn.Module):
    """VQ-VAE's bottleneck: K vectors of D numbers, of which the nearest one stands for what the encoder says.

    Source: van den Oord, Vinyals, Kavukcuoglu 2017 (arXiv:1711.00937): section 3.2 and equation 3 for the straight
    path of the gradient, the codebook's loss and the commitment; appendix A.1 for codes as moving averages.
    Differs from the paper: squared distances are means over the D numbers, not sums; averages begin at the codes
    themselves with a count of 1; `restart` is not in the paper (Dhariwal et al. 2020, "Jukebox", arXiv:2005.00341,
    do it): a code that no encoder output was nearest to for `restart_after` batches becomes one of the outputs.

    Args:
        codes: K.  channels: D.  update: "loss" (gradient descent) or "ema" (moving averages).
        commitment: weight β of what keeps the encoder near its code.  decay: γ of the averages.
    """

    def __init__(
        self, codes: int, channels: int, *, update: str = "ema", commitment: float = 0.25, decay: float = 0.99,
        restart: bool = True, restart_after: int = 50,
    ) -> None:  # fmt: skip
        super().__init__()
        if update not in UPDATES:
            raise ValueError(f"update is one of {', '.join(UPDATES)}, got {update!r}")
        self.update, self.commitment, self.decay = update, commitment, decay
        self.restart, self.restart_after = restart, restart_after
        begin = torch.empty(codes, channels).uniform_(-1, 1) / codes
        self.codebook = nn.Parameter(begin, requires_grad=update == "loss")
        self.register_buffer("counts", torch.ones(codes))  # N of appendix A.1
        self.register_buffer("idle", torch.zeros(codes))  # batches since each code was used

    @property
    def size(self) -> int:
        return self.codebook.shape[0]

    def forward(self, z: Tensor) -> Quantised:
        """float [B, N, D] -> the nearest codes; in training the codebook moves towards what it stands for."""
        z = z.float()
        codes = nearest(z.detach(), self.codebook)
        vectors = F.embedding(codes, self.codebook)  # [B, N, D]
        losses = {"commitment": self.commitment * F.mse_loss(z, vectors.detach())}
        if self.update == "loss":
            losses["codebook"] = F.mse_loss(vectors, z.detach())
        if self.training:
            self._learn(z.detach().reshape(-1, z.shape[-1]), codes.reshape(-1))
        through = z + (vectors - z).detach()  # forward: the code; backward: as if it were z
        return Quantised(codes, through, losses, perplexity(codes, self.size))

    def embed(self, codes: Tensor) -> Tensor:
        """int64 [B, N] in [0, K) -> float [B, N, D].  SamplingError: a code out of range."""
        return F.embedding(checked(codes, self.size), self.codebook)

    @torch.no_grad()
    def _learn(self, z: Tensor, codes: Tensor) -> None:
        """Appendix A.1: N <- γ N + (1 - γ) n, m <- γ m + (1 - γ) Σ z, e = m / N; then restarts."""
        used = torch.bincount(codes, minlength=self.size).to(z)  # n
        counts, idle = cast(Tensor, self.counts), cast(Tensor, self.idle)
        if self.update == "ema":
            sums = counts[:, None] * self.codebook  # m, which is N e and so need not be kept
            sums.mul_(self.decay).index_add_(0, codes, z, alpha=1 - self.decay)
            counts.mul_(self.decay).add_(used, alpha=1 - self.decay)
            alive = counts > 1e-3  # a code that is never used keeps its place
            self.codebook[alive] = sums[alive] / counts[alive, None]
        idle.add_(1).masked_fill_(used > 0, 0)
        if self.restart:
            stale = (idle >= self.restart_after).nonzero()[:, 0]
            if len(stale):
                self.codebook[stale] = z[torch.randint(len(z), (len(stale),), device=z.device)]
                counts[stale], idle[stale] = 1.0, 0.0


def simplex(z: Tensor) -> Tensor:
    """The query of an argmax autoencoder: ReLU, then divided by its sum, so that it lies on the simplex.

    Source: Dieleman, van den Oord, Simonyan 2018 (arXiv:1806.10474), the section on argmax autoencoders.
    Differs from the paper: 1e-6 is added to every channel, so that a query without a positive one is the centre.

    Args:
        z: float [..., K].
    Returns:
        float [..., K], nonnegative, its last axis sums to 1.
    """
    q = torch.relu(z.float()) + 1e-6
    return q / q.sum(dim=-1, keepdim=True)


def diversity(query: Tensor) -> Tensor:
    """How far the mean query is from using all codes equally: mean over k of (K q̄_k - 1)², 0 to K - 1.

    Source: Dieleman et al. 2018 (arXiv:1806.10474), the diversity loss of the argmax autoencoder.

    Args:
        query: float [..., K] on the simplex.
    """
    count = query.shape[-1]
    return (count * query.reshape(-1, count).mean(dim=0) - 1).square().mean()


class ArgmaxQuantiser(nn.Module):
    """AMAE's bottleneck: the encoder has a channel for each code, and the largest channel is the code.

    The query on the simplex is replaced by its nearest corner, a one-hot vector; there is no codebook that could be
    left behind. A linear map of the one-hot vector is what the decoder gets.

    Source: Dieleman, van den Oord, Simonyan 2018 (arXiv:1806.10474).
    Differs from the paper: `commitment` pulls queries to their corners, as VQ-VAE does to codes; sizes. `rank` is ours:
    each channel is compared by its rank among all places of the batch instead of by its value, so that every channel
    is first somewhere and no code can win everywhere. Outside training a channel's rank is read off what it remembers
    of its own distribution.

    Args:
        codes: K.  channels: D.  weight: of the diversity loss.  commitment: β.
    """

    def __init__(
        self, codes: int, channels: int, *, weight: float = 0.1, commitment: float = 0.25, rank: bool = False
    ) -> None:  # fmt: skip
        super().__init__()
        self.weight, self.commitment, self.rank = weight, commitment, rank
        self.embedding = nn.Linear(codes, channels, bias=False)
        with torch.no_grad():
            self.embedding.weight.normal_(std=0.5)
        if rank:
            self.register_buffer("levels", torch.zeros(codes, RANK_STEPS))  # of each channel, rising
            self.register_buffer("seen", torch.zeros(()))

    @property
    def size(self) -> int:
        return self.embedding.in_features

    def forward(self, z: Tensor) -> Quantised:
        """float [B, N, K] -> the largest channel of each place."""
        query = simplex(z)
        codes = (self.ranks(z.detach().float()) if self.rank else query).argmax(dim=-1)
        corner = F.one_hot(codes, self.size).to(query)  # [B, N, K]
        through = query + (corner - query).detach()
        losses = {
            "commitment": self.commitment * (query - corner).square().sum(dim=-1).mean(),
            "diversity": self.weight * diversity(query),
        }
        return Quantised(codes, self.embedding(through), losses, perplexity(codes, self.size))

    def embed(self, codes: Tensor) -> Tensor:
        """int64 [B, N] in [0, K) -> float [B, N, D].  SamplingError: a code out of range."""
        return F.embedding(checked(codes, self.size), self.embedding.weight.T)

    @torch.no_grad()
    def ranks(self, z: Tensor) -> Tensor:
        """Where each value stands within its channel, 0 (lowest) to 1: float [B, N, K] -> float [B, N, K].

        In training among the places of the batch; else among those remembered.
        """
        flat = z.reshape(-1, z.shape[-1])  # [B * N, K]
        places = len(flat)
        if self.training:
            rising, places_of = flat.T.sort(dim=1)  # [K, B * N]
            place = torch.arange(places, device=flat.device).expand_as(places_of)
            order = (
                torch.empty_like(places_of).scatter_(1, places_of, place).T
            )  # each value's place among its channel's
            self._remember(rising)
            return (order.to(flat) / max(1, places - 1)).reshape(z.shape)
        levels = cast(Tensor, self.levels)
        low = torch.searchsorted(levels, flat.T.contiguous()).T  # [B * N, K], 0 … RANK_STEPS
        # Beyond the highest level that is remembered, the larger excess wins.
        excess = (flat - levels[:, -1]).clamp(min=0) / (levels[:, -1] - levels[:, 0] + 1e-6)
        return (low / RANK_STEPS + excess).view_as(z)

    def _remember(self, rising: Tensor) -> None:
        """Each channel's values in rising order, [K, places]: keep some of them."""
        levels, seen = cast(Tensor, self.levels), cast(Tensor, self.seen)
        at = torch.linspace(0, rising.shape[1] - 1, RANK_STEPS, device=rising.device).round().long()
        levels.lerp_(rising[:, at], 1.0 if float(seen) == 0 else 1 - RANK_MEMORY)
        seen.fill_(1.0)


def checked(codes: Tensor, size: int) -> Tensor:
    """The codes, if they are int64 [B, N] within range.

    Raises:
        SamplingError: they are not.
    """
    if codes.dim() != 2 or codes.dtype != torch.int64 or codes.numel() == 0:
        raise SamplingError(f"Codes must be whole numbers [batch, count], got {list(codes.shape)} {codes.dtype}.")
    if not (0 <= int(codes.min()) and int(codes.max()) < size):
        raise SamplingError(f"Codes must lie in 0 … {size - 1}, got {int(codes.min())} … {int(codes.max())}.")
    return codes
