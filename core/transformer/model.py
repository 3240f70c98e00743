"""The Music Transformer: a decoder of causal self-attention over event tokens.

Source: Huang et al. 2018 (arXiv:1809.04281), on the Transformer decoder of Vaswani et al. 2017 (arXiv:1706.03762).
Differs from the paper: layers are normalised before each part instead of after (pre-norm), and with relative position
no absolute position is added, so that the two kinds of position stand alone and can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import SamplingError
from core.transformer.attention import MultiHeadAttention, Past, sinusoids


@dataclass(frozen=True)
class MusicTransformerConfig:
    """Sizes. position: "relative" (E_r in every layer) or "absolute" (sinusoids added to the first)."""

    vocabulary: int = 388
    width: int = 256
    layers: int = 6
    heads: int = 4
    hidden: int = 1024
    length: int = 1024
    position: str = "relative"
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.position not in ("relative", "absolute"):
            raise ValueError(f"position is relative or absolute, not {self.position!r}")
        if self.width % self.heads or self.width % 2:
            raise ValueError(f"width {self.width} must be even and divide into {self.heads} heads")


class Layer(nn.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x)).

    Source: arXiv:1706.03762, sections 3.1 and 3.3 (equation 2), with the norms before the parts.
    """

    def __init__(self, config: MusicTransformerConfig) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(
            config.width, config.heads, config.length, relative_position=config.position == "relative"
        )
        self.norm_attention, self.norm_forward = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.widen, self.narrow = nn.Linear(config.width, config.hidden), nn.Linear(config.hidden, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def feed_forward(self, x: Tensor) -> Tensor:
        """max(0, x W1 + b1) W2 + b2, at every position alike."""
        return self.narrow(F.relu(self.widen(self.norm_forward(x))))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention.learn(self.norm_attention(x)))
        return x + self.dropout(self.feed_forward(x))

    def look(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`forward`, and the attention's weights [B, H, N, N]."""
        values, weights = self.attention(self.norm_attention(x))
        x = x + values
        return x + self.feed_forward(x), weights

    def step(self, x: Tensor, past: Past, done: int) -> Tensor:
        """The next positions [B, N, D] after `done` others, whose keys and values are in the past."""
        x = x + self.attention.step(self.norm_attention(x), past, done).values
        return x + self.feed_forward(x)


class MusicTransformer(nn.Module):
    """Predicts the next event from all before it."""

    def __init__(self, config: MusicTransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("positions", sinusoids(config.length, config.width), persistent=False)
        nn.init.normal_(self.embedding.weight, std=0.02)
        for layer in self.layers:  # what is added to the residual stream starts small
            for linear in (cast(Layer, layer).attention.out, cast(Layer, layer).narrow):
                nn.init.normal_(linear.weight, std=0.02 / math.sqrt(2 * config.layers))

    def embed(self, ids: Tensor, done: int = 0) -> Tensor:
        """Events as vectors; with absolute position, the waves of their places added.

        Args:
            ids: int64 [B, N].  done: how many positions came before.
        Returns:
            float [B, N, D].
        Raises:
            SamplingError: the sequence is longer than the model reaches.
        """
        if done + ids.shape[1] > self.config.length:
            raise SamplingError(
                f"{done + ids.shape[1]:,} events are more than the {self.config.length:,} that this model reaches: "
                "shorten the piece."
            )
        x = self.embedding(ids) * math.sqrt(self.config.width)  # arXiv:1706.03762, section 3.4
        if self.config.position == "absolute":
            x = x + cast(Tensor, self.positions)[done : done + ids.shape[1]].to(x.dtype)
        return x

    def predict(self, x: Tensor) -> Tensor:
        """The last layer's output as logits; the embedding's matrix, transposed (1706.03762, section 3.4)."""
        return self.norm(x) @ self.embedding.weight.T.to(x.dtype)

    def forward(self, ids: Tensor) -> Tensor:
        """Teacher forcing.

        Args:
            ids: int64 [B, N], N at most config.length.
        Returns:
            logits, float [B, N, V]; those of position n are for event n + 1.
        """
        x = self.dropout(self.embed(ids))
        for layer in self.layers:
            x = layer(x)
        return self.predict(x)

    @torch.inference_mode()
    def look(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, N, V] and the attention weights of every layer and head [layers, B, H, N, N]."""
        x, kept = self.embed(ids), []
        for layer in self.layers:
            x, weights = cast(Layer, layer).look(x)
            kept.append(weights)
        return self.predict(x), torch.stack(kept)

    def empty(self, batch: int) -> list[Past]:
        """Buffers for the keys and values of a whole sequence, a pair for each layer."""
        config, one = self.config, self.embedding.weight
        shape = (batch, config.heads, config.length, config.width // config.heads)
        return [Past(one.new_zeros(shape), one.new_zeros(shape)) for _ in self.layers]

    @torch.inference_mode()
    def step(self, ids: Tensor, past: list[Past], done: int) -> Tensor:
        """Go on from cached keys and values.

        Args:
            ids: int64 [B, N], the new events.  past: from `empty`, changed in place.  done: events already in it.
        Returns:
            logits [B, V] after the last of them: the same as `forward` gives for the whole sequence.
        """
        x = self.embed(ids, done)
        for layer, kept in zip(self.layers, past):
            x = cast(Layer, layer).step(x, kept, done)
        return self.predict(x[:, -1])
