"""The lattice of a sentence: a column a target, a row a candidate, costs at the nodes and on the edges."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from core.text.articulation import INDEX
from core.text.context import PhoneContext
from core.unit_selection import costs, data
from core.unit_selection.costs import JoinWeights, Targets, TargetWeights
from core.unit_selection.model import Voice, viterbi
from core.unit_selection.prosody import Prosody

__all__ = ["Column", "Lattice", "Path", "build", "cheapest"]


@dataclass(frozen=True, eq=False)
class Column:
    """One target with its candidates, the cheapest first.

    kind: "diphone", or "first half" / "second half" of one that the corpus lacks.
    wanted, used: the phones of the unit (a half has one), wanted and, where the corpus lacks one, its stand-in.
    at: which phone of the sentence the unit begins with (a second half: ends with).
    left, right: int64 [K], points of the corpus where each candidate begins and ends.
    parts: float32 [K, 7], sub-costs in the order of `costs.TARGET_NAMES`.  total: float32 [K], their weighted sum.
    """

    kind: str
    wanted: tuple[str, ...]
    used: tuple[str, ...]
    at: int
    left: np.ndarray
    right: np.ndarray
    parts: np.ndarray
    total: np.ndarray

    @property
    def label(self) -> str:
        """ "AH-N"; halves "AH-" and "-N"."""
        first, second = ("", self.wanted[0]) if self.kind == "second half" else (self.wanted[0], self.wanted[-1])
        return f"{first}-" if self.kind == "first half" else f"{first}-{second}"

    @property
    def backed_off(self) -> bool:
        """The corpus lacks this diphone, or one of its phones."""
        return self.kind != "diphone" or self.wanted != self.used


@dataclass(frozen=True, eq=False)
class Lattice:
    """contexts: of the sentence.  prosody: predicted.  joins: [K_i, K_{i+1}] float32 between neighbouring columns."""

    contexts: tuple[PhoneContext, ...]
    prosody: Prosody
    columns: tuple[Column, ...]
    joins: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Path:
    """The choice. rows: one candidate a column.  target_costs: of each, join_costs: of each edge, unweighted.

    total: what the search minimised.
    """

    rows: tuple[int, ...]
    target_costs: tuple[float, ...]
    join_costs: tuple[float, ...]
    total: float


def build(
    voice: Voice, contexts: Sequence[PhoneContext], *, candidates: int = 50, exclude: Collection[str] = (),
    target_weights: TargetWeights | None = None, join_weights: JoinWeights | None = None,
) -> Lattice:  # fmt: skip
    """All that the search needs to know.

    Args:
        contexts: the sentence, as from `context.contexts`.  candidates: kept in each column by their target cost;
            those that continue a kept neighbour in the recording are kept as well.
        exclude: names of recordings that may not be used.
    """
    prosody = voice.prosody.predict(contexts)
    pitch = np.log(np.maximum(prosody.f0_hz, 1.0))
    targets = Targets(_available(voice, contexts), np.log(prosody.seconds), pitch)
    allowed = np.array([r.name not in exclude for r in voice.recordings], bool)
    weights = np.array(list(vars(target_weights or TargetWeights()).values()))
    full = []
    for i in range(len(contexts) - 1):
        full += _columns(voice, contexts, targets, i, allowed, weights)
    columns = _pruned(full, candidates)
    joins = [join_matrix(voice, a, b, join_weights or JoinWeights()) for a, b in zip(columns, columns[1:])]
    return Lattice(tuple(contexts), prosody, tuple(columns), tuple(joins))


def _available(voice: Voice, contexts: Sequence[PhoneContext]) -> np.ndarray:
    """The codes of the sentence, phones that the corpus lacks replaced by the nearest."""
    codes = data.codes(contexts)
    codes[:, data.COLUMN["c"]] = [INDEX[costs.substitute(x.c, voice.inventory)] for x in contexts]
    return codes


def _columns(
    voice: Voice,
    contexts: Sequence[PhoneContext],
    targets: Targets,
    i: int,
    allowed: np.ndarray,
    weights: np.ndarray,
) -> list[Column]:
    """The diphone from phone i to the next: one column, or two of halves where the corpus has none."""
    wanted = (contexts[i].c, contexts[i + 1].c)
    used = tuple(costs.substitute(phone, voice.inventory) for phone in wanted)
    owner = voice.arrays["owner"]
    found = voice.diphones(*used)
    found = found[allowed[owner[found]]]
    if len(found):
        parts = _parts(voice, targets, [(i, found), (i + 1, found + 1)])
        return [Column("diphone", wanted, used, i, 2 * found, 2 * found + 2, parts, _sum(parts, weights))]
    halves = []
    for k, kind in enumerate(("first half", "second half")):
        found = voice.phones(used[k])
        found = found[allowed[owner[found]]]
        if k == 1:  # a half that begins at the end of the phone before it needs one in its recording
            found = found[(found > 0) & (owner[found - 1] == owner[found])]
        if not len(found):
            raise ValueError(f"The voice has no {used[k]} outside of the excluded recordings.")
        parts = _parts(voice, targets, [(i + k, found)], half=k)
        points = (2 * found, 2 * found + 1) if k == 0 else (2 * found - 1, 2 * found)
        halves.append(
            Column(kind, wanted[k : k + 1], used[k : k + 1], i + k, *points, parts, _sum(parts, weights))
        )
    return halves


def _parts(
    voice: Voice, targets: Targets, phones: list[tuple[int, np.ndarray]], *, half: int | None = None
) -> np.ndarray:
    """The sub-costs [K, 7] of units of one or two phones, each given as (place in the sentence, candidates [K])."""
    codes, measured = voice.arrays["codes"], voice.arrays["measured"]
    deviation = voice.prosody.deviation.numpy()
    rest = [
        costs.phone_costs(
            targets, at, codes[found], measured[found], deviation[targets.codes[at, data.COLUMN["c"]]]
        )
        for at, found in phones
    ]
    if half is None:
        (first, a), (second, b) = phones
        near = costs.context_costs(targets, first, codes[a], left=1.0, right=0.0)
        near += costs.context_costs(targets, second, codes[b], left=0.0, right=1.0)
    else:  # what the half lacks beside it is what matters most
        at, found = phones[0]
        near = costs.context_costs(targets, at, codes[found], left=1.0 + half, right=2.0 - half)
    return np.concatenate([near[:, None], sum(rest) / len(rest)], axis=1).astype(np.float32)


def _sum(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (parts @ weights).astype(np.float32)


def _pruned(columns: list[Column], candidates: int) -> list[Column]:
    """The cheapest of each column, and those beside the cheapest of its neighbours in a recording."""
    best = [np.argsort(c.total, kind="stable")[:candidates] for c in columns]
    out = []
    for i, column in enumerate(columns):
        keep = np.zeros(len(column.total), bool)
        keep[best[i]] = True
        if i > 0:
            keep |= np.isin(column.left, columns[i - 1].right[best[i - 1]])
        if i + 1 < len(columns):
            keep |= np.isin(column.right, columns[i + 1].left[best[i + 1]])
        rows = np.flatnonzero(keep)
        rows = rows[np.argsort(column.total[rows], kind="stable")]
        kept = (x[rows] for x in (column.left, column.right, column.parts, column.total))
        out.append(Column(column.kind, column.wanted, column.used, column.at, *kept))
    return out


def join_parts(voice: Voice, a: Column, b: Column) -> np.ndarray:
    """The sub-costs of every join between two neighbouring columns: float32 [3, K, L], as `costs.join_costs`."""
    there = voice.arrays["joins"]
    same = a.right[:, None] == b.left[None]
    return costs.join_costs(there[a.right], there[b.left], same)


def join_matrix(voice: Voice, a: Column, b: Column, weights: JoinWeights) -> np.ndarray:
    """The join cost between all candidates of two neighbouring columns: float32 [K, L]."""
    return np.tensordot(np.array(list(vars(weights).values()), np.float32), join_parts(voice, a, b), axes=1)


def cheapest(lattice: Lattice, *, target_weight: float = 1.0, join_weight: float = 1.0) -> Path:
    """The best path through a lattice, and what it costs."""
    totals = [column.total for column in lattice.columns]
    rows, total = viterbi(totals, lattice.joins, target_weight=target_weight, join_weight=join_weight)
    joined = [float(m[a, b]) for m, a, b in zip(lattice.joins, rows, rows[1:])]
    return Path(tuple(rows), tuple(float(t[k]) for t, k in zip(totals, rows)), tuple(joined), total)
