"""Who wrote this? A classifier of composers that has heard real music only, to ask whose manner a made-up piece has.

It knows nothing of instruments, volumes and small deviations of time, by which it could tell editions and pianists
apart instead of composers: intervals, harmony, keys, note lengths and registers have to do. It is trained anew, from
the works that the composer learned from, wherever it is needed: in about a minute, always the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.musenet import encoding
from core.musenet import vocabulary as v
from core.musenet.data import Piece, window

STYLES = tuple(one for one in v.COMPOSERS if one != "various")  # what it chooses from: chance is 1 in 12
TOKENS = 384  # of an excerpt
MOST = 800  # excerpts of a composer to train with
TOGETHER_S = 0.05  # notes that begin within this time are one chord
# How well each degree fits a major and a minor key, as listeners said: Krumhansl and Kessler 1982.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def _counts(values: NDArray, low: int, high: int) -> NDArray[np.float64]:
    """Square roots of the shares of low..high, values beyond taken as the nearest: [high - low + 1]."""
    if not len(values):
        return np.zeros(high - low + 1)
    found = np.bincount(np.clip(values.astype(np.int64), low, high) - low, minlength=high - low + 1)
    return np.sqrt(found / found.sum())


def in_key(pitch: NDArray[np.int64], weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Shares of the twelve pitch classes counted from the tonic, and whether the key is minor.

    Source: the key whose profile correlates best (Krumhansl 1990, the algorithm of Krumhansl and Schmuckler).
    """
    shares = np.bincount(pitch % 12, weight, minlength=12)
    shares = shares / max(shares.sum(), 1e-12)
    fits = [np.corrcoef(np.roll(shares, -tonic), key)[0, 1] for key in (MAJOR, MINOR) for tonic in range(12)]
    best = int(np.argmax(np.nan_to_num(fits)))
    return np.roll(shares, -(best % 12)), best >= 12


def features(row: Iterable[int]) -> NDArray[np.float64]:
    """What is counted in a row of tokens, float [F]: the same in every key, and however loud it is played.

    Raises:
        DataError: fewer than eight notes.
    """
    given = [n for n in encoding.decode_notes(row) if n.instrument != v.DRUMS]
    if len(given) < 8:
        raise DataError("An excerpt of fewer than eight notes says nothing: give a longer one.")
    columns = encoding.arrays(given)
    pitch, start = columns["pitch"], columns["start_s"]
    length = columns["end_s"] - start
    heads = np.flatnonzero(np.diff(start, prepend=-1.0) > TOGETHER_S)  # where a chord begins
    bounds = np.append(heads, len(pitch))
    top, bottom = np.maximum.reduceat(pitch, heads), np.minimum.reduceat(pitch, heads)
    size = np.diff(bounds)
    above = pitch - np.repeat(bottom, size)
    up, down = np.diff(top), np.diff(bottom)
    pairs = np.clip(up[:-1], -7, 7) * 15 + np.clip(up[1:], -7, 7)
    moves = np.sign(up) * 3 + np.sign(down)
    shares, minor = in_key(pitch, length)
    gap = np.diff(start[heads])
    return np.concatenate([
        _counts(up, -12, 12), _counts(pairs, -112, 112), _counts(down, -19, 19), _counts(np.diff(pitch), -19, 19),
        _counts(moves, -4, 4), _counts(above[above > 0], 1, 36), _counts(size, 1, 7), np.sqrt(shares), [float(minor)],
        _counts(np.log2(length / 0.02) * 2, 0, 14), _counts(np.log2(np.maximum(gap, 0.02) / 0.02) * 2, 0, 14),
        _counts(pitch // 6, 4, 17), _counts(top // 6, 4, 17), _counts(bottom // 6, 4, 17),
        [np.log(len(pitch) / (start[-1] - start[0] + 1.0)), length.mean(), pitch.std() / 12],
    ])  # fmt: skip


def excerpts(pieces: Sequence[Piece], *, held_out: bool, most: int = MOST) -> dict[str, list[list[int]]]:
    """Composer -> excerpts that do not overlap, spread evenly over all of that composer's pieces."""
    found: dict[str, list[list[int]]] = {}
    for composer in STYLES:
        mine = [one for one in pieces if one.composer == composer and one.held_out == held_out]
        places = [(one, at) for one in mine for at in range(0, max(1, len(one.ids) - TOKENS // 2), TOKENS)]
        chosen = np.unique(np.linspace(0, max(0, len(places) - 1), min(most, len(places))).astype(int))
        found[composer] = [window(places[i][0], places[i][1], TOKENS) for i in chosen]
    return found


@dataclass(frozen=True)
class Classifier:
    """A trained classifier; `guess` names the composer of each excerpt."""

    steps: Any  # scikit-learn's pipeline

    def guess(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """The likeliest composer of each row; "" for one with too few notes to tell."""
        seen = [_or_none(row) for row in rows]
        known = [one for one in seen if one is not None]
        names = iter(self.steps.predict(np.stack(known)) if known else [])
        return [str(next(names)) if one is not None else "" for one in seen]

    def recognised(self, rows: dict[str, list[list[int]]]) -> dict[str, float]:
        """Composer -> share of his rows that are taken for his."""
        return {
            who: float(np.mean([one == who for one in self.guess(some)])) for who, some in rows.items() if len(some)
        }


def _or_none(row: Sequence[int]) -> NDArray[np.float64] | None:
    try:
        return features(row)
    except DataError:
        return None


def train(pieces: Sequence[Piece], *, most: int = MOST) -> Classifier:
    """A classifier from the pieces that are not held out: logistic regression, every composer counting alike."""
    return fit(excerpts(pieces, held_out=False, most=most))


def fit(rows: dict[str, list[list[int]]]) -> Classifier:
    """A classifier of the given composers' excerpts.

    Raises:
        DataError: fewer than two composers.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    seen = [(who, one) for who, some in rows.items() for one in map(_or_none, some) if one is not None]
    if len({who for who, _ in seen}) < 2:
        raise DataError("A classifier needs excerpts of at least two composers: give more of the data sets.")
    steps = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=300))
    return Classifier(steps.fit(np.stack([one for _, one in seen]), [who for who, _ in seen]))
