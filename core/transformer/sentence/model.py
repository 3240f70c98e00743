"""One layer of attention, laid open: every matrix on the way from words to a row of weights, small enough to read."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from core.errors import TextError
from core.transformer.sentence import data

if TYPE_CHECKING:
    from torch import Tensor

    from core.transformer.model import MusicTransformer

LONGEST = 13  # words of a sentence, its full stop among them
MOST_SHIFT = 11
LENGTH = LONGEST + MOST_SHIFT  # positions that the models have


@functools.cache
def numbers() -> dict[str, int]:
    """Word -> id."""
    return {word: i for i, word in enumerate(data.vocabulary())}


def read(text: str) -> list[str]:
    """The words of a sentence, a full stop by itself.

    Args:
        text: words of the vocabulary with spaces between; capitals count as small letters.
    Returns:
        2 to LONGEST words.
    Raises:
        TextError: a word that the models do not know, fewer than two words, or too many.
    """
    words = str(text or "").casefold().replace(".", " . ").split()
    for word in words:
        if word not in numbers():
            known = f"one of the {len(numbers())} that this model knows: take words of the examples."
            shown = word[:30].replace("<", "‹").replace(">", "›")  # a page shows it, and must not take it for HTML
            raise TextError(f"The word “{shown}” is not {known}")
    if not 2 <= len(words) <= LONGEST:
        raise TextError(f"The sentence has {len(words)} words; write 2 to {LONGEST}, the full stop among them.")
    return words


def to_ids(words: list[str]) -> list[int]:
    """The ids of words that `read` gave."""
    return [numbers()[word] for word in words]


@dataclass(frozen=True)
class Look:
    """Attention over a sentence, step by step. H heads, N words, D numbers a head, V words in the vocabulary."""

    words: list[str]
    queries: Tensor  # [H, N, D]
    keys: Tensor  # [H, N, D]
    values: Tensor  # [H, N, D]
    content: Tensor  # [H, N, N], q_i . k_j
    position: Tensor  # [H, N, N], S_rel; zero with absolute position
    logits: Tensor  # [H, N, N], their sum, divided by sqrt(D) if scaled
    weights: Tensor  # [H, N, N], softmax of the logits' rows
    mixed: Tensor  # [H, N, D], weights times values
    guesses: Tensor  # [N, V], probabilities of the word after each

    def top(self, place: int, count: int = 3) -> list[tuple[str, float]]:
        """The likeliest words after the one at `place`."""
        chances, found = self.guesses[place].topk(count)
        return [(data.vocabulary()[i], float(p)) for p, i in zip(chances, found.tolist())]


def look(
    model: MusicTransformer, words: list[str], *, shift: int = 0, causal: bool = True, scaled: bool = True
) -> Look:
    """Run the one layer of a sentence model and keep all that comes up on the way.

    Source: Vaswani et al. 2017, section 3.2 (arXiv:1706.03762); Huang et al. 2018 (arXiv:1809.04281).

    Args:
        model: of one layer.  words: as `read` gives them.
        shift: how many positions later the sentence stands, 0 to MOST_SHIFT; what stands before it, full stops, is
            hidden from it.
        causal: False lets every word look at all words; there is no E_r for what comes later, so S_rel is 0 there.
        scaled: False leaves out the division by sqrt(D).
    """
    import torch

    from core.transformer.attention import attention, relative, relative_direct
    from core.transformer.model import Layer

    layer = cast(Layer, model.layers[0])
    with torch.inference_mode():
        before = to_ids(["."]) * shift
        x = model.embed(torch.tensor([before + to_ids(words)]))  # [1, shift + N, width]
        q, k, v = layer.attention.project(layer.norm_attention(x))  # [1, H, shift + N, D]
        count = shift + len(words)
        bias = torch.zeros(*q.shape[:2], count, count)
        if layer.attention.embeddings is not None:
            near = layer.attention.embeddings[:, -count:]
            bias = relative(q, near).tril() if causal else relative_direct(q, near)
        mask = torch.ones(count, count, dtype=torch.bool)
        mask = mask.tril() if causal else mask
        mask[shift:, :shift] = False  # the sentence does not look at what stands before it
        size = math.sqrt(q.shape[-1])
        unscale = 1.0 if scaled else size  # attention() divides both terms by sqrt(D)
        mixed, rows = attention(q * unscale, k, v, bias=bias * unscale, mask=mask)
        x = x + layer.attention.out(mixed.transpose(1, 2).flatten(2))  # [1, H, N, D] -> [1, N, width]
        guesses = model.predict(x + layer.feed_forward(x)).softmax(-1)[0, shift:]  # [N, V]
        content = q @ k.transpose(-1, -2)
        logits = (content + bias) / (size if scaled else 1.0)
    own = slice(shift, None)
    return Look(
        words, q[0, :, own], k[0, :, own], v[0, :, own], content[0, :, own, own], bias[0, :, own, own],
        logits[0, :, own, own], rows[0, :, own, own], mixed[0, :, own], guesses,
    )  # fmt: skip
