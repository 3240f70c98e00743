"""What a Music Transformer looks at: attention as arcs between notes, as distances, and how surprised it is.

Source of the pictures: Huang et al. 2018, figures 8 and 9 (arXiv:1809.04281).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from core.midi.events import trace
from core.transformer.model import MusicTransformer

MOST_ARCS = 24  # of one head: what is fainter cannot be seen
FAINT = 0.01


class Arcs(NamedTuple):
    """Where a note's attention goes, in one layer."""

    rows: list[tuple[int, int, float]]  # note, head, share of the attention
    elsewhere: list[float]  # of each head: what goes to time shifts, velocities and the unheard


def note_arcs(model: MusicTransformer, ids: Sequence[int], note: int, layer: int, *, window: int = 512) -> Arcs:
    """The notes that the network looked at when it was to say this note.

    The row of attention is that of the event before the note's NOTE_ON, from whose output the note is predicted. What
    it gives to the NOTE_ON and the NOTE_OFF of one note is added up.

    Args:
        ids: the whole piece.  note: its number, in the order of `core.midi.events.trace`.
        layer: counted from 0.  window: events before the note that are read, at most the model's length.
    Returns:
        arcs, the strongest MOST_ARCS of each head.
    """
    found = trace(ids)
    row = int(found.on[note])  # the event that strikes the note
    first = max(0, row - min(window, model.config.length))
    if row == 0:
        return Arcs([], [1.0] * model.config.heads)
    _, weights = model.look(torch.tensor([list(ids[first:row])]))
    last = weights[layer, 0, :, -1].double().numpy()  # [H, M], the attention of the event before
    owner = np.full(row - first, -1)
    for events in (found.on, found.off):
        inside = (events >= first) & (events < row)
        owner[events[inside] - first] = np.flatnonzero(inside)
    rows, elsewhere = [], []
    for head, shares in enumerate(last):
        notes = np.bincount(owner[owner >= 0], shares[owner >= 0], minlength=len(found.on))
        strongest = np.argsort(-notes)[:MOST_ARCS]
        rows += [(int(j), head, float(notes[j])) for j in strongest if notes[j] >= FAINT]
        elsewhere.append(float(shares[owner < 0].sum()))
    return Arcs(rows, elsewhere)


def surprise(model: MusicTransformer, ids: Sequence[int]) -> NDArray[np.float64]:
    """Bits of every event but the first, given all before it: float64 [N - 1], N at most the model's length."""
    row = torch.tensor([list(ids)])
    with torch.inference_mode():
        logits = model(row[:, :-1]).float()
    nats = torch.nn.functional.cross_entropy(logits[0], row[0, 1:], reduction="none")
    return (nats / math.log(2)).double().numpy()


def reach(model: MusicTransformer, ids: Sequence[int], *, edges: Sequence[int] = (1, 4, 16, 64, 256)) -> NDArray:
    """How far back each layer and head looks, on average over the second half of a piece.

    Args:
        ids: at most the model's length.  edges: distances in events, rising, that part near from far.
    Returns:
        float64 [layers, H, len(edges) + 1]: shares of distance < edges[0], < edges[1], …, beyond; each row sums to 1.
    """
    _, weights = model.look(torch.tensor([list(ids)]))
    rows = weights[:, 0].double().numpy()  # [layers, H, N, N]
    length = rows.shape[-1]
    half = length // 2
    distance = np.arange(half, length)[:, None] - np.arange(length)[None]  # [N / 2, N]
    bins = np.searchsorted(edges, distance, side="right")
    shares = [(rows[:, :, half:] * ((bins == b) & (distance >= 0))).sum(axis=(2, 3)) for b in range(len(edges) + 1)]
    return np.stack(shares, axis=-1) / (length - half)


def running(bits: NDArray, *, over: int = 32) -> NDArray[np.float64]:
    """Mean of the last `over` events at every event (fewer at the beginning)."""
    total = np.concatenate([[0.0], np.cumsum(bits)])
    end = np.arange(1, len(bits) + 1)
    start = np.maximum(0, end - over)
    return (total[end] - total[start]) / (end - start)
