"""Connectionist temporal classification: from steps to letters, and how probable a text is, whenever it is written.

Source: Graves, Fernández, Gomez, Schmidhuber 2006, "Connectionist temporal classification: labelling unsegmented
sequence data with recurrent neural networks", sections 3 and 4. In NumPy and in logarithms, to be read and drawn;
training uses torch's function, which the tests compare with this one.

A path is one symbol for each step. `collapse` makes a text of it; many paths give the same text. The lattice of a text
of U letters has S = 2 U + 1 states: its letters with a blank before, between and after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core.errors import TextError
from core.recognition.model import BLANK

NEVER = -np.inf  # the logarithm of a probability of zero


def collapse(path: Sequence[int]) -> list[int]:
    """The map B of section 3.1: repeated symbols become one, then blanks vanish. [a, a, -, a, b] -> [a, a, b]."""
    return [symbol for i, symbol in enumerate(path) if symbol != BLANK and (i == 0 or symbol != path[i - 1])]


def extended(letters: Sequence[int]) -> np.ndarray:
    """l' of section 4.1: a blank before, between and after the letters. int64 [2 U + 1]."""
    out = np.full(2 * len(letters) + 1, BLANK)
    out[1::2] = letters
    return out


def may_skip(states: np.ndarray) -> np.ndarray:
    """Which states may be reached from the one before last: letters that differ from the letter before. bool [S]."""
    out = np.zeros(len(states), bool)
    out[2:] = (states[2:] != BLANK) & (states[2:] != states[:-2])
    return out


def forward_variables(log_probs: np.ndarray, letters: Sequence[int]) -> np.ndarray:
    """alpha: the logarithm of the probability of all paths that have come to state s at step t.

    Source: equations 5 to 7 (without the rescaling of section 4.1, which logarithms make unnecessary).

    Args:
        log_probs: float [T, K].  letters: U numbers in 1 … K - 1.
    Returns:
        float64 [T, S], S = 2 U + 1; -inf where no path goes.
    """
    states = extended(letters)
    skips = may_skip(states)
    emitted = np.asarray(log_probs, np.float64)[:, states]  # log y_t of l'_s: [T, S]
    alpha = np.full(emitted.shape, NEVER)
    alpha[0, :2] = emitted[0, :2]  # equation 5: a path begins with a blank or with the first letter
    for t in range(1, len(emitted)):
        before = alpha[t - 1]
        stay = before
        step = np.concatenate([[NEVER], before[:-1]])
        skip = np.where(skips, np.concatenate([[NEVER, NEVER], before[:-2]])[: len(states)], NEVER)
        alpha[t] = emitted[t] + np.logaddexp(np.logaddexp(stay, step), skip)  # equations 6 and 7
    return alpha


def backward_variables(log_probs: np.ndarray, letters: Sequence[int]) -> np.ndarray:
    """beta: the same from the end, equations 9 to 11: float64 [T, S], with the symbol of step t in it, as alpha has."""
    return forward_variables(log_probs[::-1], list(letters)[::-1])[::-1, ::-1]


def log_probability(log_probs: np.ndarray, letters: Sequence[int]) -> float:
    """ln p(text | sound), equation 8: paths end in the last letter or in the blank after it. Its negative is CTC's
    loss. -inf for a text that does not fit into T steps."""
    return float(np.logaddexp.reduce(forward_variables(log_probs, letters)[-1, -2:]))


def occupancy(log_probs: np.ndarray, letters: Sequence[int]) -> np.ndarray:
    """Of all paths that give the text, the share that is in state s at step t: alpha beta / y, equation 14.

    Returns:
        float64 [T, S]; each row sums to 1.
    Raises:
        TextError: the text does not fit into T steps.
    """
    total = log_probability(log_probs, letters)
    if total == NEVER:
        raise _too_long(len(log_probs), len(letters))
    emitted = np.asarray(log_probs, np.float64)[:, extended(letters)]
    both = forward_variables(log_probs, letters) + backward_variables(log_probs, letters)
    return np.exp(both - emitted - total)


class Path(NamedTuple):
    """states: int64 [T], the state of the lattice at each step.  log_probability: of this one path."""

    states: np.ndarray
    log_probability: float


def best_path(log_probs: np.ndarray, letters: Sequence[int]) -> Path:
    """The most probable of the paths that give the text (Viterbi 1967): `forward_variables` with max for sum.

    Args:
        log_probs: float [T, K].  letters: U numbers in 1 … K - 1.
    Raises:
        TextError: the text does not fit into T steps.
    """
    states = extended(letters)
    skips = may_skip(states)
    emitted = np.asarray(log_probs, np.float64)[:, states]  # [T, S]
    score = np.full(len(states), NEVER)
    score[:2] = emitted[0, :2]
    came_from = np.zeros(emitted.shape, np.int64)  # how many states back: 0, 1 or 2
    for t in range(1, len(emitted)):
        step = np.concatenate([[NEVER], score[:-1]])
        skip = np.where(skips, np.concatenate([[NEVER, NEVER], score[:-2]])[: len(states)], NEVER)
        ways = np.stack([score, step, skip])  # [3, S]
        came_from[t] = ways.argmax(axis=0)
        score = ways.max(axis=0) + emitted[t]
    last = len(states) - 1
    if len(states) > 1 and score[last - 1] > score[last]:
        last -= 1
    if score[last] == NEVER:
        raise _too_long(len(log_probs), len(letters))
    path = np.zeros(len(emitted), np.int64)
    path[-1] = last
    for t in range(len(emitted) - 1, 0, -1):
        path[t - 1] = path[t] - came_from[t, path[t]]
    return Path(path, float(score[last]))


def _too_long(steps: int, letters: int) -> TextError:
    return TextError(
        f"A text of {letters} letters does not fit into this sound, which has {steps} steps of 25 ms: CTC writes at "
        "most one letter a step, and needs one more between two alike. Take a shorter text."
    )
