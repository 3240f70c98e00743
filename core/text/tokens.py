"""Text as integers, for networks that read: each token with the characters of the text it came from.

Three tables, fixed for ever, since weights depend on them:
    phones   80: pad _, end ~, start ^, word boundary, 7 marks, 24 consonants, 15 vowels with stress 0, 1, 2
    letters  38: pad _, end ~, start ^, word boundary, apostrophe, 7 marks, a to z
    jamo     80: the table of K. Ito's and T. Kim's Tacotron for Korean (github.com/carpedm20/multi-speaker-tacotron-
             tensorflow): pad _, end ~, 19 leading consonants, 21 vowels, 27 trailing consonants, !'(),-.:;? and space
"""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import TextError
from core.text import english, korean
from core.text.characters import Span, strip_accents
from core.text.phones import CONSONANTS, VOWELS

PAD, END, START, BOUNDARY = "_", "~", "^", " "
MARKS = tuple(",-:;.?!")

PHONE_SYMBOLS = (PAD, END, START, BOUNDARY, *MARKS, *CONSONANTS, *(v + s for v in VOWELS for s in "012"))
LETTER_SYMBOLS = (PAD, END, START, BOUNDARY, "'", *MARKS, *"abcdefghijklmnopqrstuvwxyz")
_LEADS = "".join(map(chr, range(0x1100, 0x1113)))
_VOWELS = "".join(map(chr, range(0x1161, 0x1176)))
_TAILS = "".join(map(chr, range(0x11A8, 0x11C3)))
JAMO_SYMBOLS = (PAD, END, *_LEADS, *_VOWELS, *_TAILS, *korean.PUNCTUATION, BOUNDARY)

# language and unit: the table. The first unit of a language is its default.
TABLES: dict[tuple[str, str], tuple[str, ...]] = {
    ("en", "phones"): PHONE_SYMBOLS,
    ("en", "letters"): LETTER_SYMBOLS,
    ("ko", "jamo"): JAMO_SYMBOLS,  # as written
    ("ko", "sounds"): JAMO_SYMBOLS,  # as pronounced
}


@dataclass(frozen=True)
class Tokens:
    """A text for a network. All fields have N entries but the last two.

    ids: int, in [0, number of symbols).  symbols: what they stand for.
    spans: the characters of the original text behind each; empty spans (i, i) for start and end.
    language, unit: which table.
    """

    ids: tuple[int, ...]
    symbols: tuple[str, ...]
    spans: tuple[Span, ...]
    language: str
    unit: str

    def __len__(self) -> int:
        return len(self.ids)


_SHOWN = (
    dict(zip(_LEADS, "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"))
    | {vowel: chr(0x314F + i) for i, vowel in enumerate(_VOWELS)}
    | dict(zip(_TAILS, "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"))
    | {BOUNDARY: "␣"}
)


def shown(symbol: str) -> str:
    """A symbol as one knows it: the parts of a syllable as letters of their own, the boundary as a mark."""
    return _SHOWN.get(symbol, symbol)


def table(language: str, unit: str = "") -> tuple[str, ...]:
    """All symbols in the order of their ids; 0 is always padding, 1 the end.

    Args:
        language: "en" or "ko".  unit: "phones" or "letters"; "jamo" or "sounds"; "" for the first of these.
    Raises:
        TextError: another language or unit.
    """
    return TABLES[_choice(language, unit)]


def _choice(language: str, unit: str) -> tuple[str, str]:
    for known in TABLES:
        if known[0] == language and unit in ("", known[1]):
            return known
    names = ", ".join(" ".join(known) for known in TABLES)
    raise TextError(f"There are no tokens for {language} {unit}".rstrip() + f"; choose one of: {names}.")


def _english(text: str, unit: str) -> list[tuple[str, Span]]:
    """Start, the words with a boundary or a mark between them, the last mark, end."""
    said = english.words(text)
    out: list[tuple[str, Span]] = [(START, (0, 0))]
    for i, word in enumerate(said):
        if unit == "phones":
            out += [(phone, word.span) for phone in word.phones]
        else:
            out += [(c, word.span) for c in strip_accents(word.text) if c in LETTER_SYMBOLS]
        last = i + 1 == len(said)
        gap = (word.span[1], len(text) if last else said[i + 1].span[0])
        if gap[0] > gap[1]:  # between two words of one span, as in $5
            gap = word.span
        if word.break_after:
            out.append((word.break_after, gap))
        if not last:
            out.append((BOUNDARY, gap))
    return [*out, (END, (len(text), len(text)))]


def _korean(text: str, unit: str) -> list[tuple[str, Span]]:
    """The letters of every syllable, spaces and punctuation, and the end; no start, as in the table's first use."""
    hangul = korean.normalise(text)
    written = korean.sounds(hangul.text) if unit == "sounds" else hangul.text
    out = [(letter, hangul.spans[i]) for letter, i in korean.jamo(written)]
    return [*out, (END, (len(text), len(text)))]


def tokens(text: str, language: str, *, unit: str = "") -> Tokens:
    """A text as ids, each with the characters it came from.

    tokens("안녕", "ko").ids -> (13, 21, 45, 4, 27, 62, 1)

    Args:
        text: at most 600 characters.  language: "en" or "ko".
        unit: "phones" (with stress, the default) or "letters" for English; "jamo" (as written, the default) or
            "sounds" (as pronounced) for Korean.
    Raises:
        TextError: nothing to say, too long, another script, an unknown language or unit.
    """
    language, unit = _choice(language, unit)
    symbols = TABLES[language, unit]
    found = (_english if language == "en" else _korean)(text, unit)
    return Tokens(
        tuple(symbols.index(s) for s, _ in found),
        tuple(s for s, _ in found),
        tuple(p for _, p in found),
        language,
        unit,
    )
