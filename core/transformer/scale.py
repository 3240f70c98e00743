"""Why the logits are divided by sqrt(D): the softmax of random queries and keys, with and without."""

from __future__ import annotations

import math

from torch import Tensor

from core.transformer.attention import attention


def largest_weight(queries: Tensor, keys: Tensor, *, scaled: bool) -> float:
    """How much of its attention a query gives to one key, on average over queries.

    With entries of variance 1, q . k has variance D (arXiv:1706.03762, section 3.2.1, footnote 4): the larger D, the
    further the logits lie apart, and the softmax gives all to one key, where its gradient vanishes.

    Args:
        queries: float [N, D].  keys: float [M, D].
    Returns:
        the mean of the rows' maxima, between 1 / M and 1.
    """
    unscale = 1.0 if scaled else math.sqrt(queries.shape[1])
    return float(attention(queries * unscale, keys, keys).weights.amax(-1).mean())


def curve(widths: tuple[int, ...], *, normals: Tensor) -> dict[bool, list[float]]:
    """`largest_weight` for growing D, scaled (True) and not (False).

    Args:
        widths: the values of D.  normals: standard normal numbers [2, N, D_max]; the first D of each are used.
    """
    return {
        scaled: [largest_weight(normals[0, :, :d], normals[1, :, :d], scaled=scaled) for d in widths]
        for scaled in (True, False)
    }
