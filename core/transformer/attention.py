"""Attention as in "Attention Is All You Need" (arXiv:1706.03762) and "Music Transformer" (arXiv:1809.04281).

The plain formulas come first, each as a function on tensors that can be printed. `MultiHeadAttention` puts them
together; it learns on whole sequences and, for sampling, goes on from cached keys and values, one position a call.

    attention        softmax(Q K^T / sqrt(D) + bias) V                     1706.03762, section 3.2.1, equation 1
    sinusoids        absolute positions                                    1706.03762, section 3.5
    relative_direct  S_rel from one embedding per pair, O(L^2 D) memory    1803.02155; 1809.04281, figure 1
    skew             S_rel from Q E_r^T by padding and reshaping, O(L D)   1809.04281, figure 1
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attended(NamedTuple):
    """What attention gives: the mixed values, and the weights by which they were mixed."""

    values: Tensor  # [..., N, D]
    weights: Tensor  # [..., N, M]


def causal_mask(queries: int, keys: int | None = None) -> Tensor:
    """True where a query may look: at itself and at what came before.

    Args:
        queries: N, the last positions of the sequence.  keys: M >= N, all positions; N of them if not given.
    Returns:
        bool [N, M].
    """
    keys = queries if keys is None else keys
    return torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)


def attention(q: Tensor, k: Tensor, v: Tensor, *, bias: Tensor | None = None, mask: Tensor | None = None) -> Attended:
    """Scaled dot-product attention, written out.

    Source: Vaswani et al. 2017, section 3.2.1, equation 1 (arXiv:1706.03762); with `bias` = S_rel it is the
    relative attention of the Music Transformer (arXiv:1809.04281), which scales the sum of both.

    Args:
        q: float [..., N, D], what each position looks for.  k: float [..., M, D], what each offers.
        v: float [..., M, E], what each gives.
        bias: float [..., N, M], added to q k^T before the division by sqrt(D).
        mask: bool [N, M] or [..., N, M], False where a query must not look.
    Returns:
        values [..., N, E] and weights [..., N, M]; the weights of a row sum to 1.
    """
    logits = q @ k.transpose(-1, -2)  # [..., N, M]
    if bias is not None:
        logits = logits + bias
    logits = logits / math.sqrt(q.shape[-1])
    if mask is not None:
        logits = logits.masked_fill(~mask.to(logits.device), float("-inf"))
    weights = torch.softmax(logits, dim=-1)
    return Attended(weights @ v, weights)


def sinusoids(length: int, width: int) -> Tensor:
    """Absolute positions as waves: PE(n, 2i) = sin(n / 10000^(2i/D)), PE(n, 2i+1) = cos of the same.

    Source: Vaswani et al. 2017, section 3.5 (arXiv:1706.03762).

    Args:
        length: positions.  width: D, even.
    Returns:
        float32 [length, width].
    """
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))  # [D / 2]
    phases = torch.arange(length)[:, None] * rates[None]  # [L, D / 2]
    return torch.stack((phases.sin(), phases.cos()), dim=2).reshape(length, width)  # [L, D / 2, 2] -> [L, D]


def relative_direct(q: Tensor, embeddings: Tensor) -> Tensor:
    """S_rel as Shaw et al. compute it: the embedding of every pair's distance laid out in one tensor R.

    Source: Shaw et al. 2018 (arXiv:1803.02155); Huang et al. 2018, figure 1, top (arXiv:1809.04281).

    Args:
        q: float [B, H, L, D].
        embeddings: E_r, float [H, L, D]; row r belongs to the distance r - (L - 1), so the last one to 0.
    Returns:
        S_rel [B, H, L, L]: entry (i, j) is q_i . E_r[j - i]; 0 where j > i. R takes H L^2 D numbers.
    """
    length = q.shape[2]
    distance = torch.arange(length)[None, :] - torch.arange(length)[:, None]  # [L, L], j - i
    rows = (distance + length - 1).clamp(max=length - 1)
    r = embeddings[:, rows]  # [H, L, L, D]
    s_rel = torch.einsum("bhid,hijd->bhij", q, r)
    return s_rel.masked_fill(distance.to(q.device) > 0, 0.0)


def skew(qe: Tensor) -> Tensor:
    """Turn columns that mean distances into columns that mean positions.

    Source: Huang et al. 2018, figure 1, bottom (arXiv:1809.04281), "skewing": pad a column on the left, read
    the memory with rows of one number less, drop the first row.

    Args:
        qe: Q E_r^T, float [..., L, L]; column r of row i is q_i . E_r of the distance r - (L - 1).
    Returns:
        float [..., L, L]; entry (i, j) is q_i . E_r[j - i] for j <= i. What stands above the diagonal belongs to
        other rows and has no meaning: a causal mask must cover it.
    """
    *batch, length, _ = qe.shape
    padded = F.pad(qe, (1, 0))  # [..., L, L + 1]
    return padded.reshape(*batch, length + 1, length)[..., 1:, :]  # [..., L, L]


def relative(q: Tensor, embeddings: Tensor) -> Tensor:
    """S_rel by skewing: as `relative_direct` up to the diagonal, in O(L D) memory besides the result.

    Source: Huang et al. 2018 (arXiv:1809.04281).

    Args:
        q: float [B, H, L, D].  embeddings: E_r, float [H, M, D], M >= L distances, the last one 0.
    Returns:
        S_rel [B, H, L, L]; to be covered by a causal mask.
    """
    length = q.shape[2]
    near = embeddings[:, -length:]  # the distances -(L - 1) … 0
    return skew(q @ near.transpose(1, 2))


class Past(NamedTuple):
    """Keys and values of the positions so far, in buffers of full length that are written in place."""

    keys: Tensor  # [B, H, length, D]
    values: Tensor  # [B, H, length, D]


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each on its own part of the width; causal.

    Source: Vaswani et al. 2017, section 3.2.2 (arXiv:1706.03762); relative position as in Huang et al. 2018
    (arXiv:1809.04281): every layer has its own E_r, every head its own part of it.

    Args:
        width: D of the model.  heads: H, divides width.
        length: the most positions; with `relative_position`, distances reach back so far.
    """

    def __init__(self, width: int, heads: int, length: int, *, relative_position: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.embeddings = (
            nn.Parameter(torch.randn(heads, length, width // heads) * 0.02) if relative_position else None
        )  # E_r [H, L, D / H]

    def forward(self, x: Tensor) -> Attended:
        """All positions at once.

        Args:
            x: float [B, N, D].
        Returns:
            values [B, N, D], weights [B, H, N, N].
        """
        q, k, v = self.project(x)
        bias = None if self.embeddings is None else relative(q, self.embeddings.to(q.dtype))
        mixed, weights = attention(q, k, v, bias=bias, mask=causal_mask(x.shape[1]))
        return Attended(self.out(self._join(mixed)), weights)

    def learn(self, x: Tensor) -> Tensor:
        """`forward` without its weights, and quicker: product, S_rel and mask are summed in one go."""
        q, k, v = self.project(x)
        if self.embeddings is None:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            batch, heads, length, width = q.shape
            q = q * (1 / math.sqrt(width))
            s_rel = relative(q, self.embeddings.to(q.dtype))
            s_rel = s_rel.masked_fill(~causal_mask(length).to(x.device), float("-inf"))
            q, k, s_rel = q.flatten(0, 1), k.flatten(0, 1), s_rel.flatten(0, 1)  # [B H, N, D], [B H, N, N]
            weights = torch.softmax(torch.baddbmm(s_rel, q, k.transpose(1, 2)), dim=-1, dtype=v.dtype)
            mixed = weights.view(batch, heads, length, length) @ v
        return self.out(self._join(mixed))

    def step(self, x: Tensor, past: Past, done: int) -> Attended:
        """The next positions, with the keys and values of all before them.

        Args:
            x: float [B, N, D], N new positions.  past: buffers; the new keys and values are written into them.
            done: positions that are in the past already.
        Returns:
            values [B, N, D], weights [B, H, N, done + N].
        """
        q, k, v = self.project(x)
        new = x.shape[1]
        total = done + new
        past.keys[:, :, done:total] = k
        past.values[:, :, done:total] = v
        bias = None
        if self.embeddings is not None:
            qe = q @ self.embeddings[:, -total:].transpose(1, 2)  # [B, H, N, total]
            bias = qe if new == 1 else _shifted(qe)
        mask = None if new == 1 else causal_mask(new, total)
        mixed, weights = attention(q, past.keys[:, :, :total], past.values[:, :, :total], bias=bias, mask=mask)
        return Attended(self.out(self._join(mixed)), weights)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Q, K, V of all heads, each [B, H, N, D / H]."""
        batch, length, width = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads)  # [B, N, 3, H, D / H]
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        return q, k, v

    @staticmethod
    def _join(x: Tensor) -> Tensor:
        batch, heads, length, width = x.shape
        return x.transpose(1, 2).reshape(batch, length, heads * width)  # [B, H, N, D / H] -> [B, N, D]


def _shifted(qe: Tensor) -> Tensor:
    """`skew` for the last N of M positions: row i's columns move left by the N - 1 - i positions that come after it."""
    new, total = qe.shape[-2:]
    columns = torch.arange(total)[None] + torch.arange(new - 1, -1, -1)[:, None]  # [N, M]
    columns = columns.clamp(max=total - 1).expand(*qe.shape[:-2], new, total)
    return qe.gather(-1, columns.to(qe.device))
