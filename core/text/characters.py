"""The characters of a text: cleaned, with the way back to the original, and checked for scripts we cannot read."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from core.errors import TextError

MAX_CHARACTERS = 600  # about 40 seconds of speech

Span = tuple[int, int]  # first character, one past the last

_PLAIN = {
    "‘": "'", "’": "'", "‛": "'", "ʼ": "'", "′": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "″": '"',
    "«": '"', "»": '"', "‹": "'", "›": "'", "‐": "-", "‑": "-", "‒": "–", "―": "—", "⁃": "-", "…": "...",
    "，": ",", "。": ".", "、": ",", "・": "·", "‧": "·", "ㆍ": "·", "•": ",",
    "¿": "", "¡": "", "™": "", "®": "", "©": "",
    "Þ": "Th", "þ": "th", "Ð": "Th", "ð": "th", "Ŋ": "Ng", "ŋ": "ng", "ə": "e",
    "ß": "ss", "æ": "ae", "œ": "oe", "Æ": "Ae", "Œ": "Oe", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D",
    "ł": "l", "Ł": "L",
    "µ": "μ", "⁄": "/", "∕": "/", "－": "-", "₩": "₩", "￦": "₩", "Ω": "Ω",
}  # fmt: skip
_KEPT = set("½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞²³°¢£¥€₩")  # NFKC would turn 1½ into 11/2 and m² into m2

# Unicode categories: emoji, modifiers, mathematics, currency; numbers of other kinds than digits
_SIGNS = ("So", "Sk", "Sm", "Sc", "No", "Nl")

_STROKE = re.compile("LATIN (SMALL|CAPITAL) LETTER (?:DOTLESS )?([A-Z])(?: WITH .*)?")

# First and last code point of scripts whose name a message gives; the rest are "another script".
_SCRIPTS = (
    ("Hangul", 0x1100, 0x11FF), ("Hangul", 0x3130, 0x318F), ("Hangul", 0xA960, 0xA97F), ("Hangul", 0xAC00, 0xD7FF),
    ("kana", 0x3040, 0x30FF), ("Chinese", 0x2E80, 0x2FDF), ("Chinese", 0x3400, 0x9FFF),
    ("Chinese", 0xF900, 0xFAFF), ("Chinese", 0x20000, 0x3FFFF), ("Cyrillic", 0x0400, 0x052F),
    ("Greek", 0x0370, 0x03FF), ("Latin", 0x0041, 0x024F), ("Latin", 0x1E00, 0x1EFF),
)  # fmt: skip


@dataclass(frozen=True)
class Clean:
    """A text in plain characters, and where each came from.

    text: the cleaned text.  spans: for each of its characters the span in the original.
    dropped: what is not said and is not punctuation (emoji, signs without a name), with its span.
    """

    text: str
    spans: tuple[Span, ...]
    dropped: tuple[tuple[str, Span], ...]

    def span(self, first: int, last: int) -> Span:
        """The original characters behind text[first:last]; last > first."""
        return self.spans[first][0], self.spans[last - 1][1]


def script(character: str) -> str:
    """The script of a letter: Latin, Hangul, kana, Chinese, Cyrillic, Greek or other; "" for what is no letter."""
    if not unicodedata.category(character).startswith("L"):
        return ""
    code = ord(character)
    name = next((name for name, first, last in _SCRIPTS if first <= code <= last), "other")
    return "other" if name == "Latin" and not strip_accents(character).isascii() else name


def _plain(cluster: str) -> str:
    """A letter with its combining marks, as plain characters."""
    if cluster in _PLAIN or cluster in _KEPT or "ㄱ" <= cluster <= "ㅣ":
        return _PLAIN.get(cluster, cluster)
    if cluster.isspace():
        return "\n" if cluster in "\n\r\v\f\x85\u2028\u2029" else " "
    category = unicodedata.category(cluster[0])
    if category[0] == "C" or (category[0] == "M" and len(cluster) == 1) or "\ufe00" <= cluster[0] <= "\ufe0f":
        return ""  # control, zero-width, private use, a mark with no letter
    return "".join(_PLAIN.get(c, c) for c in unicodedata.normalize("NFKC", cluster))


def clean(text: str, *, said: str = "") -> Clean:
    """Curly quotes, full-width digits, accents in two code points, control characters: all made plain.

    Args:
        text: as typed.  said: signs that the language reads aloud; other signs are dropped and reported.
    Returns:
        the plain text with spans.
    Raises:
        TextError: nothing in it, or more than 600 characters.
    """
    if not text.strip():
        raise TextError("There is nothing to say: type a word or a sentence.")
    if len(text) > MAX_CHARACTERS:
        raise TextError(
            f"The text has {len(text)} characters; at most {MAX_CHARACTERS} are taken. Say it in parts."
        )
    out: list[str] = []
    spans: list[Span] = []
    dropped: list[tuple[str, Span]] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and (unicodedata.combining(text[end]) or "\u1160" <= text[end] <= "\u11ff"):
            end += 1
        plain = _plain(text[start:end])
        unsaid = [c for c in plain if unicodedata.category(c) in _SIGNS and c not in said]
        dropped += [(c, (start, end)) for c in unsaid]
        kept = "".join(" " if c in unsaid else c for c in plain)
        out.append(kept)
        spans += [(start, end)] * len(kept)
        start = end
    return Clean("".join(out), tuple(spans), tuple(dropped))


def strip_accents(word: str) -> str:
    """How an English dictionary spells a word: "café" -> "cafe"."""
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(_base(c) for c in decomposed if not unicodedata.combining(c))


def _base(character: str) -> str:
    """The letter under a stroke or hook that Unicode does not decompose, by its name: "ƙ" -> "k"."""
    if character.isascii():
        return character
    m = _STROKE.fullmatch(unicodedata.name(character, ""))
    return (m[2].lower() if m[1] == "SMALL" else m[2]) if m else character
