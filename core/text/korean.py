"""The Korean front end: a text becomes Hangul as it is said, Hangul as it sounds, and its letters (jamo)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from core.errors import TextError
from core.text.characters import Span, clean, script
from core.text.pronunciation_ko import sounds
from core.text.rules_ko import RULES, SAID

__all__ = ["Hangul", "jamo", "normalise", "pronounce"]

PUNCTUATION = "!'(),-.:;?"  # what the Korean symbol table of core.text.tokens can hold
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Hangul:
    """Korean text ready to be said: syllables, spaces and punctuation.

    text: the characters.  spans: for each of them the characters of the original text that it came from.
    dropped: emoji and signs without a name, with their places.
    """

    text: str
    spans: tuple[Span, ...]
    dropped: tuple[tuple[str, Span], ...] = ()


def _refuse_other_scripts(text: str, original: str, spans: tuple[Span, ...]) -> None:
    for m in _WORD.finditer(text):
        used = {script(c) for c in m[0]} - {"", "Latin", "Hangul"}
        if used:
            word = original[spans[m.start()][0] : spans[m.end() - 1][1]]
            if "Chinese" in used:
                raise TextError(f"“{word}” is in Chinese characters: write it in Hangul, which this voice reads.")
            raise TextError(f"“{word}” is in another script: write it in Hangul, which this voice reads.")


def _said(text: str, at: int) -> tuple[str, int]:
    """What the text says at a place, and where to go on."""
    for pattern, speak in RULES:
        m = pattern.match(text, at)
        if m and (words := speak(m)) is not None:
            return words, m.end()
    character = text[at]
    if character == "\n":
        return (" " if text[:at].rstrip()[-1:] in PUNCTUATION else ". "), at + 1
    if "가" <= character <= "힣" or character in PUNCTUATION + " ":
        return character, at + 1
    return {"[": "(", "]": ")", "—": "-", "–": "-"}.get(character, ""), at + 1


def _tidy(pieces: list[tuple[str, Span]]) -> list[tuple[str, Span]]:
    """One space where there were more, none before punctuation and at the ends."""
    out: list[tuple[str, Span]] = []
    for character, span in pieces:
        if out and out[-1][0] == " " and character in " .,!?:;)":
            out.pop()
        if out or character != " ":
            out.append((character, span))
    while out and out[-1][0] == " ":
        out.pop()
    return out


def normalise(text: str) -> Hangul:
    """Numbers, dates, money, signs and Latin letters in Hangul.

    normalise("오후 5시 7분에 KBS를") -> "오후 다섯 시 칠 분에 케이비에스를"

    Args:
        text: Korean, with English words and numbers, at most 600 characters.
    Raises:
        TextError: empty, too long, only punctuation or emoji, Chinese characters or another script.
    """
    source = clean(text, said=SAID)
    plain = source.text
    _refuse_other_scripts(plain, text, source.spans)
    pieces: list[tuple[str, Span]] = []
    at = 0
    while at < len(plain):
        words, end = _said(plain, at)
        if words == "= ":  # the particle goes by the letter before it: 일은, 이는
            closed = bool(pieces) and len(unicodedata.normalize("NFD", pieces[-1][0])) == 3
            words = "은 " if closed else "는 "
        pieces += [(c, source.span(at, end)) for c in words]
        at = end
    pieces = _tidy(pieces)
    if not any("가" <= c <= "힣" for c, _ in pieces):
        raise TextError(f"There is nothing to say in “{text.strip()}”: it has no word and no number. Type a word.")
    return Hangul("".join(c for c, _ in pieces), tuple(s for _, s in pieces), source.dropped)


def pronounce(text: str) -> str:
    """Hangul as spoken: pronounce("국물 3개를 같이") -> "궁물 세 개를 가치". One syllable for each of `normalise`.

    Source: Standard Pronunciation (표준 발음법); see `core.text.pronunciation_ko`.

    Raises:
        TextError: as `normalise`.
    """
    return sounds(normalise(text).text)


def jamo(text: str) -> list[tuple[str, int]]:
    """The letters of syllables; leading and trailing ones are different: "한" -> U+1112, U+1161, U+11AB.

    Args:
        text: syllables; other characters come back as they are.
    Returns:
        each letter with the index in `text` of the character it came from.
    """
    return [(letter, i) for i, c in enumerate(text) for letter in unicodedata.normalize("NFD", c)]
