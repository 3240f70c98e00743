"""What letters follow a text: n-grams of letters from books, and a grammar that knows some words and no others.

    python -m core.recognition.language --texts PATH --data PATH/kathleen … --out language.bin

Source: Witten and Bell 1991, "The zero-frequency problem" (method C), as interpolated in Chen and Goodman 1999.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from core.errors import WeightsError
from core.recognition.model import ALPHABET

LETTERS = ALPHABET[1:]  # without the blank: 28
STEPS_PER_OCTAVE = 4  # counts are stored as 4 log2, rounded


class CharacterModel:
    """p(letter | the letters before), mixed from contexts of 0 to order - 1 letters.

    p_n(c | h) = (count(h c) + types(h) p_(n-1)(c | h')) / (count(h) + types(h)), where types(h) is how many different
    letters followed h, and h' is h without its first letter; p_(-1) = 1/28. A text begins and ends with a space.
    Differs from the source: rare strings are not kept, and what they counted goes to p_(n-1), as types(h) does.
    """

    def __init__(self, counts: dict[str, float], order: int) -> None:
        """counts: of each string of 1 to `order` letters."""
        self.order = order
        self.counts = counts
        followed: dict[str, float] = {}
        types: dict[str, int] = {}
        for gram, count in counts.items():
            context = gram[:-1]
            followed[context] = followed.get(context, 0.0) + count
            types[context] = types.get(context, 0) + 1
        self.rest = {h: types[h] + max(0.0, counts.get(h, 0.0) - kept) for h, kept in followed.items()}
        self.totals = {h: self.rest[h] + kept for h, kept in followed.items()}

    @classmethod
    def learn(
        cls, texts: Iterable[tuple[str, float]], *, order: int = 7, least: Sequence[float] = ()
    ) -> CharacterModel:
        """From texts, each with how often it counts.

        Args:
            least: of strings of 1, 2, … letters, those that count less are left out; 0 beyond the list.
        """
        counts: Counter[str] = Counter()
        for text, weight in texts:
            line = f" {text} "
            for n in range(1, order + 1):
                for at in range(len(line) - n + 1):
                    counts[line[at : at + n]] += weight  # type: ignore[assignment]
        limits = [*least, *[0.0] * order]
        return cls({gram: count for gram, count in counts.items() if count >= limits[len(gram) - 1]}, order)

    def probability(self, text: str, letter: str) -> float:
        """p(letter | text); over the 28 letters it sums to 1."""
        line = f" {text}"
        p = 1 / len(LETTERS)
        for n in range(min(self.order, len(line) + 1)):
            context = line[len(line) - n :]
            if context not in self.totals:
                break  # nor is any longer one known
            p = (self.counts.get(context + letter, 0.0) + self.rest[context] * p) / self.totals[context]
        return p

    def log_probability(self, text: str, letter: str) -> float:
        return math.log(self.probability(text, letter))

    def bits_per_letter(self, texts: Iterable[str]) -> float:
        """Mean of -log2 p over the letters of texts and the space after each."""
        total, letters = 0.0, 0
        for text in texts:
            for at, letter in enumerate(text + " "):
                total -= math.log2(self.probability(text[:at], letter))
                letters += 1
        return total / letters

    def to_bytes(self) -> bytes:
        """Small: strings in the order of the alphabet as differences of their numbers, counts by their logarithm."""
        place = {letter: i for i, letter in enumerate(LETTERS)}
        parts = [np.array([self.order], np.uint32).tobytes()]
        for n in range(1, self.order + 1):
            rows = sorted((_number(gram, place), count) for gram, count in self.counts.items() if len(gram) == n)
            numbers = np.array([number for number, _ in rows], np.int64)
            steps = np.diff(numbers, prepend=0)
            codes = np.round(STEPS_PER_OCTAVE * np.log2([max(1.0, count) for _, count in rows])).astype(np.uint8)
            planes = steps.astype("<u8").view(np.uint8).reshape(-1, 8).T[:6]  # bytes of like weight compress best
            parts += [np.array([len(rows)], np.uint32).tobytes(), planes.tobytes(), codes.tobytes()]
        return zlib.compress(b"".join(parts), 9)

    @classmethod
    def from_bytes(cls, content: bytes) -> CharacterModel:
        """What `to_bytes` wrote.

        Raises:
            WeightsError: the file is damaged.
        """
        try:
            raw = zlib.decompress(content)
            order, at = int(np.frombuffer(raw, np.uint32, 1)[0]), 4
            counts: dict[str, float] = {}
            for n in range(1, order + 1):
                size = int(np.frombuffer(raw, np.uint32, 1, at)[0])
                planes = np.zeros((8, size), np.uint8)
                planes[:6] = np.frombuffer(raw, np.uint8, 6 * size, at + 4).reshape(6, size)
                numbers = np.cumsum(np.ascontiguousarray(planes.T).view("<u8")[:, 0] if size else np.zeros(0, "<u8"))
                codes = np.frombuffer(raw, np.uint8, size, at + 4 + 6 * size)
                at += 4 + 7 * size
                for number, code in zip(numbers.tolist(), codes.tolist()):
                    counts[_gram(int(number), n)] = 2 ** (code / STEPS_PER_OCTAVE)
        except (zlib.error, ValueError, IndexError):
            raise WeightsError(
                "The language model is damaged: restore it with `git checkout`, or train it again."
            ) from None
        return cls(counts, order)


def _number(gram: str, place: dict[str, int]) -> int:
    """A string as a number of base 28."""
    number = 0
    for letter in gram:
        number = number * len(LETTERS) + place[letter]
    return number


def _gram(number: int, length: int) -> str:
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(LETTERS))
        letters.append(LETTERS[place])
    return "".join(reversed(letters))


class Words:
    """A grammar: any sequence of these words, all equally likely; nothing else can be said."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)

    def log_probability(self, text: str, letter: str) -> float:
        """ln of the share of the words that go on with this letter among those that begin as the last one does."""
        begun = text.rpartition(" ")[2]
        fitting = [f"{word} " for word in self.words if f"{word} ".startswith(begun)]
        going_on = sum(word.startswith(begun + letter) for word in fitting)
        return math.log(going_on / len(fitting)) if going_on else -math.inf
