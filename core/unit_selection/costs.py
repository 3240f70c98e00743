"""What a unit costs: how unlike the target it is, and how much is heard where it meets its neighbour.

Source: Hunt and Black 1996, sections 2.1 and 2.2: both costs are weighted sums of sub-costs,
C_t(t, u) = sum of w_j C_t,j(t, u) (equation 1), C_c(u, v) = sum of w_j C_c,j(u, v) (equation 2).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from core.text import articulation
from core.text.articulation import INDEX, PHONES
from core.text.context import PUNCTUATION
from core.unit_selection.data import CEPSTRA, COLUMN

VOWEL = articulation.table()[:, list(articulation.FEATURES).index("vowel")] > 0  # [40]


@dataclass(frozen=True)
class TargetWeights:
    """What each sub-cost of the target counts. Found by `python -m core.unit_selection.tune`."""

    context: float = 0.25  # phones beside the unit made otherwise
    stress: float = 0.5
    syllable: float = 0.12  # onset for coda
    word: float = 0.47  # a word begins or ends here in one and not in the other
    phrase: float = 0.2  # the same of phrases: final syllables are long and low
    duration: float = 0.19  # from what is predicted, in standard deviations of the phone
    pitch: float = 0.3


@dataclass(frozen=True)
class JoinWeights:
    """What each sub-cost of a join counts; each in standard deviations over the corpus. Found in the same way."""

    spectrum: float = 0.79
    pitch: float = 0.5
    energy: float = 0.75


TARGET_NAMES = tuple(asdict(TargetWeights()))
JOIN_NAMES = tuple(asdict(JoinWeights()))
_STRESS = np.array([[0.0, 1.0, 0.6], [1.0, 0.0, 0.4], [0.6, 0.4, 0.0]])  # none, primary, secondary
_SILENCE = INDEX["SIL"]
_QUESTION = PUNCTUATION.index("?")


@dataclass(frozen=True, eq=False)
class Targets:
    """What is wanted, a row a phone: codes [N, 22] as data.CODES; duration, pitch [N], log; pitch 0 if unvoiced."""

    codes: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray


def _column(codes: np.ndarray, name: str) -> np.ndarray:
    return codes[..., COLUMN[name]].astype(np.int64)


def phone_costs(
    targets: Targets, at: int, codes: np.ndarray, measured: np.ndarray, deviation: np.ndarray
) -> np.ndarray:
    """All sub-costs but the context of one phone of the target against candidates for it.

    Args:
        at: the phone of the target.  codes: [K, 22], measured: [K, 2] log duration and F0 of the candidates.
        deviation: [2], of that phone's log duration and log F0 in the corpus.
    Returns:
        float [K, 6]: stress, syllable, word, phrase, duration, pitch; 0 for a perfect match, about 1 for a bad one.
    """
    want = targets.codes[at]
    silent = _column(want, "c") == _SILENCE
    stress = _STRESS[_column(want, "stress"), _column(codes, "stress")] * (
        1.0 if VOWEL[_column(want, "c")] else 0.5
    )
    syllable = (_column(codes, "place") != _column(want, "place")) * 1.0
    edges = [
        (_column(codes, name) == 0) != (_column(want, name) == 0)
        for name in ("syllable_in_word", "syllables_after_in_word")
    ]
    word = (
        0.3 * edges[0] + 0.3 * edges[1] + 0.4 * (_column(codes, "function_word") != _column(want, "function_word"))
    )
    phrase = _phrase_costs(want, codes)
    duration = np.abs(measured[:, 0] - targets.duration[at]) / deviation[0]
    both = (measured[:, 1] > 0) & (targets.pitch[at] > 0)
    pitch = np.where(both, np.abs(measured[:, 1] - targets.pitch[at]) / deviation[1], 0.0)
    if silent:
        stress, syllable, word = (np.zeros(len(codes)) for _ in range(3))
    return np.stack([stress, syllable, word, phrase, np.minimum(duration, 3.0), np.minimum(pitch, 3.0)], axis=1)


def _phrase_costs(want: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """[K]: the last syllable of a phrase stands apart, that of a sentence too; so do first ones and questions."""
    last = _column(codes, "syllables_after_in_phrase") == 0
    wanted_last = _column(want, "syllables_after_in_phrase") == 0
    cost = 0.6 * (last != wanted_last)
    if wanted_last:  # how the phrase ends: within the sentence, at its end, asking
        ends = (_column(codes, "phrases_after") == 0) != (_column(want, "phrases_after") == 0)
        asks = (_column(codes, "punctuation") == _QUESTION) != (_column(want, "punctuation") == _QUESTION)
        cost = cost + last * (0.5 * ends + 0.3 * asks)
    first = _column(codes, "syllable_in_phrase") == 0
    return cost + 0.4 * (first != (_column(want, "syllable_in_phrase") == 0))


def context_costs(targets: Targets, at: int, codes: np.ndarray, *, left: float, right: float) -> np.ndarray:
    """How unlike the phones beside a candidate are to those wanted: float [K].

    Args:
        left, right: how much the phone before and after counts; the ones beyond count a fifth of that.
    """
    distance = articulation.distances()
    want = targets.codes[at]
    cost = np.zeros(len(codes))
    for name, weight in (("l", left), ("ll", left / 5), ("r", right), ("rr", right / 5)):
        if weight:
            cost += weight * distance[_column(want, name), _column(codes, name)]
    return cost


def join_costs(left: np.ndarray, right: np.ndarray, same: np.ndarray) -> np.ndarray:
    """The sub-costs of joining every unit of one column to every unit of the next.

    Args:
        left: [K, 15], the sound at the points where the units end.  right: [L, 15], where the next ones begin.
        same: bool [K, L], whether these are one point of one recording.
    Returns:
        float32 [3, K, L]: spectrum, pitch, energy. 0 for the same point; a voiced end on an unvoiced beginning
        costs 1 of pitch, two unvoiced ones nothing.
    """
    a, b = left[:, :CEPSTRA], right[:, :CEPSTRA]
    square = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T  # |a - b|^2
    spectrum = np.sqrt(np.maximum(square, 0) / CEPSTRA)
    energy = np.abs(left[:, None, CEPSTRA] - right[None, :, CEPSTRA])
    voiced_a, voiced_b = left[:, -1] > 0.5, right[:, -1] > 0.5
    apart = np.abs(left[:, None, CEPSTRA + 1] - right[None, :, CEPSTRA + 1]) / PITCH_DEVIATION
    pitch = np.where(voiced_a[:, None] & voiced_b[None], apart, (voiced_a[:, None] != voiced_b[None]) * 1.0)
    return np.where(same, 0.0, np.stack([spectrum, pitch, energy])).astype(np.float32)


PITCH_DEVIATION = 0.2  # of log F0 over a read text: three and a half semitones


def substitute(phone: str, inventory: frozenset[str]) -> str:
    """The phone itself, or the nearest one that the corpus has."""
    return phone if phone in inventory else articulation.nearest(phone, inventory - {PHONES[0]} or inventory)
