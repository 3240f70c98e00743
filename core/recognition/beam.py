"""Prefix beam search: the texts that are most probable over all their paths, step by step, and with a language model.

Source: Graves 2006 section 3.2 (prefix search); Hannun, Maas, Jurafsky, Ng 2014, "First-pass large vocabulary
continuous speech recognition using bi-directional recurrent DNNs" (arXiv:1408.2873), algorithm 1.
Differs from the papers: the language model judges letters, not words (Hwang and Sung 2016, arXiv:1601.06581), so that
no word is impossible; symbols less probable than `least` at a step are not tried there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.errors import SamplingError
from core.recognition.model import ALPHABET, BLANK

NEVER = -math.inf
WIDTHS = (1, 256)


class LanguageModel(Protocol):
    """What letters are likely after a text: `core.recognition.language` has two."""

    def log_probability(self, text: str, letter: str) -> float:
        """ln p(letter | text); -inf for what cannot be."""


@dataclass(frozen=True)
class Prefix:
    """A text that the search holds at a step.

    text: so far.  log_blank, log_letter: ln of the probability of all its paths that end in a blank, in its last
    letter.  score: ln of their sum, and what the language model adds.  before: the text at the step before that most
    of it comes from; the same text if no letter was added.
    """

    text: str
    log_blank: float
    log_letter: float
    score: float
    before: str

    @property
    def log_probability(self) -> float:
        return _sum(self.log_blank, self.log_letter)


@dataclass(frozen=True)
class Beam:
    """text: the best at the end.  log_probability: of its paths that were followed.  score: with the language model.
    steps: for each step the prefixes that were kept, the best first: T of them."""

    text: str
    log_probability: float
    score: float
    steps: tuple[tuple[Prefix, ...], ...]


@dataclass
class _Grown:
    """A prefix in the making: where its probability comes from."""

    blank: float = NEVER
    letter: float = NEVER
    most: float = NEVER
    before: str = ""

    def add(self, amount: float, before: str, *, blank: bool) -> None:
        if blank:
            self.blank = _sum(self.blank, amount)
        else:
            self.letter = _sum(self.letter, amount)
        if amount > self.most:
            self.most, self.before = amount, before


def beam(
    log_probs: np.ndarray, width: int = 16, language_model: LanguageModel | None = None, *, weight: float = 0.5,
    bonus: float = 0.0, least: float = 1e-3,
) -> Beam:  # fmt: skip
    """Prefix beam search.

    Source: Hannun et al. 2014, algorithm 1; the score of a prefix is ln p(text | sound) + weight ln p_LM(text) +
    bonus |text|, their alpha and beta.

    Args:
        log_probs: float [T, K], T at least 1, the blank first.
        width: how many prefixes are kept at a step, 1 to 256.
        language_model: judges each letter by the text before it, and the end of the text as a space.
        weight: of the language model.  bonus: for each letter, since a language model likes short texts.
        least: symbols less probable at a step are not tried there; 0 tries all.
    Raises:
        SamplingError: the width is out of range.
    """
    if not WIDTHS[0] <= width <= WIDTHS[1]:
        raise SamplingError(f"The beam keeps {WIDTHS[0]} to {WIDTHS[1]} texts at each step, not {width}: choose so.")
    fused = _Fused(language_model, weight, bonus)
    held = [Prefix("", 0.0, NEVER, 0.0, "")]
    steps = []
    for row in np.asarray(log_probs, np.float64):
        held = _kept(_grown(held, row, fused, least), fused, width)
        steps.append(tuple(held))
    final = max(held, key=lambda one: one.score + fused.end(one.text))
    return Beam(final.text, final.log_probability, final.score + fused.end(final.text), tuple(steps))


def _grown(held: Sequence[Prefix], row: np.ndarray, fused: _Fused, least: float) -> dict[str, _Grown]:
    """All prefixes one step later."""
    limit = math.log(least) if least > 0 else NEVER
    letters = [(ALPHABET[k], float(p)) for k, p in enumerate(row) if k != BLANK and p >= limit]
    log_of = dict(zip(ALPHABET, row.tolist()))
    out: dict[str, _Grown] = {}
    for prefix in held:
        total, last = prefix.log_probability, prefix.text[-1:]
        same = out.setdefault(prefix.text, _Grown())
        same.add(total + log_of[ALPHABET[BLANK]], prefix.text, blank=True)
        if last:
            same.add(prefix.log_letter + log_of[last], prefix.text, blank=False)  # the letter lasts
        for letter, log_p in letters:
            # The same letter again begins anew only after a blank.
            amount = (prefix.log_blank if letter == last else total) + log_p
            if amount > NEVER and fused.of(prefix.text, letter) > NEVER:
                out.setdefault(prefix.text + letter, _Grown()).add(amount, prefix.text, blank=False)
    return out


def _kept(grown: dict[str, _Grown], fused: _Fused, width: int) -> list[Prefix]:
    """The best of them, by score."""
    found = [
        Prefix(text, one.blank, one.letter, _sum(one.blank, one.letter) + fused.total(text), one.before)
        for text, one in grown.items()
    ]
    found.sort(key=lambda one: (-one.score, one.text))
    return found[:width]


class _Fused:
    """What the language model adds to the score of a prefix: shallow fusion; each sum is computed once."""

    def __init__(self, model: LanguageModel | None, weight: float, bonus: float) -> None:
        self.model, self.weight, self.bonus = model, weight, bonus
        self.totals = {"": 0.0}

    def of(self, text: str, letter: str) -> float:
        """Added by one letter."""
        return (self.total(text + letter)) - self.total(text)

    def total(self, text: str) -> float:
        """Added by all letters of a text."""
        if text not in self.totals:
            before = self.total(text[:-1])
            likely = self.weight * self.model.log_probability(text[:-1], text[-1]) if self.model else 0.0
            self.totals[text] = before + likely + self.bonus
        return self.totals[text]

    def end(self, text: str) -> float:
        return self.weight * self.model.log_probability(text, " ") if self.model and text else 0.0


def _sum(a: float, b: float) -> float:
    """ln(e^a + e^b)."""
    if a < b:
        a, b = b, a
    return a if b == NEVER else a + math.log1p(math.exp(b - a))
