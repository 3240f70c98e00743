"""How written Korean sounds: the Standard Pronunciation (표준 발음법) as operations on neighbouring syllables.

Articles are those of the Standard Pronunciation, part 2 of 표준어 규정 (National Institute of Korean Language).
What a sound change needs to know of a word's parts comes from `respelling_ko`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.text.loanwords import LEADS, TAILS, VOWELS, syllable
from core.text.respelling_ko import respell

# Articles 8 to 11: seven sounds can close a syllable.
_CLOSED = dict(zip(TAILS, "\0ㄱㄱㄱㄴㄴㄴㄷㄹㄱㅁㄹㄹㄹㅂㄹㅁㅂㅂㄷㄷㅇㄷㄷㄱㄷㅂㄷ")) | {" ": ""}
# Each closing consonant as what stays under its syllable before a vowel, and what moves over.
_PARTS = {tail: (" ", tail) for tail in TAILS} | dict(
    zip("ㄳㄵㄶㄺㄻㄼㄽㄾㄿㅀㅄ", zip("ㄱㄴㄴㄹㄹㄹㄹㄹㄹㄹㅂ", "ㅅㅈㅎㄱㅁㅂㅅㅌㅍㅎㅅ"))
)
_TENSE = dict(zip("ㄱㄷㅂㅅㅈ", "ㄲㄸㅃㅆㅉ"))
_ASPIRATED = dict(zip("ㄱㄷㅂㅈ", "ㅋㅌㅍㅊ"))
_NASAL = dict(zip("ㄱㄷㅂ", "ㅇㄴㅁ"))
_NOUNS_IN_LG = frozenset("닭흙칡")  # article 11: before ㄱ the ㄺ of a verb stem is ㄹ, that of a noun ㄱ
_NOUNS_IN_LM_LB = frozenset("삶덟")  # articles 24 and 25 are about verb stems
PHRASE_SYLLABLES = 5  # Jun 1993: Korean is spoken in accentual phrases of about 2 to 5 syllables


@dataclass
class Syllable:
    """One syllable under way. lead, vowel, tail: letters, tail " " for none.  written: as it was spelled at first.

    gap: a space stands between it and the next.  ends_noun: a word ends here, or a particle of nouns follows.
    """

    lead: str
    vowel: str
    tail: str
    written: str
    gap: bool = False
    ends_noun: bool = False

    @classmethod
    def of(cls, character: str, written: str = "") -> Syllable:
        code = ord(character) - 0xAC00
        return cls(LEADS[code // 588], VOWELS[code // 28 % 21], TAILS[code % 28], written or character)

    @property
    def written_tail(self) -> str:
        return TAILS[(ord(self.written) - 0xAC00) % 28]

    def __str__(self) -> str:
        return syllable(self.lead, self.vowel, self.tail)


def _link(a: Syllable, b: Syllable) -> None:
    """A consonant before a vowel moves over: articles 13 to 15, and 17 where the vowel is ㅣ, 12.4 for ㅎ."""
    if a.gap:  # another word: only one of the seven sounds moves (15)
        a.tail = _CLOSED[a.tail] or " "
    if a.tail in (" ", "ㅇ"):
        return
    stays, moves = _PARTS[a.tail]
    if b.vowel in "ㅣㅕ" and moves in "ㄷㅌ" and a.written_tail in (moves, "ㄾ") and not a.gap:
        moves = "ㅈ" if moves == "ㄷ" else "ㅊ"
    if moves == "ㅎ":
        stays, moves = " ", stays
        if moves == " ":
            moves = "ㅇ"
    elif stays != " " and moves == "ㅅ":
        moves = "ㅆ"
    a.tail, b.lead = stays, moves


def _breathe(a: Syllable, b: Syllable) -> bool:
    """ㅎ and a plain stop become one aspirated stop, whichever comes first: article 12. True when it applied."""
    stays, last = _PARTS[a.tail]
    if b.lead == "ㅎ":
        if a.gap or a.written in _NOUNS_IN_LG or a.tail in "ㄳㅄㄿ" or last in "ㅅㅆㅊㅌㅋㅍㄲ":
            stays, last = " ", _CLOSED[a.tail]
        if last == "ㄷ" and b.vowel in "ㅣㅕ" and a.written_tail == "ㄷ" and not a.gap:
            last = "ㅈ"  # 17: 굳히다
        if last not in _ASPIRATED:
            return False
        a.tail, b.lead = stays, _ASPIRATED[last]
        return True
    if last == "ㅎ" and b.lead in _ASPIRATED and b.lead != "ㅂ":
        a.tail, b.lead = stays, _ASPIRATED[b.lead]
        return True
    if last == "ㅎ" and b.lead == "ㅅ":
        a.tail, b.lead = stays, "ㅆ"
        return True
    if last == "ㅎ" and stays != " ":
        a.tail = stays
    return False


def _makes(a: Syllable, b: Syllable) -> bool:
    """The -기- of 굶기다 and 옮겨, by which a verb makes others do: article 24 excepts it.

    굶기 at the end of a word or before 를, 가, 로, 도, 만 is the noun "starving", which is tense; 옮기 never is.
    """
    if a.tail != "ㄻ" or b.lead != "ㄱ" or b.vowel not in "ㅣㅕ":
        return False
    return a.written == "옮" or b.vowel == "ㅕ" or b.tail != " " or not b.ends_noun


def _is_stem_in_sonorant(a: Syllable, b: Syllable) -> bool:
    """앉-, 닮-, 넓-, 핥- and 맑- (before ㄱ): the next sound is tense, though a sonorant is heard: 11, 24, 25."""
    if _makes(a, b):
        return False
    if a.tail == "ㄺ":
        return b.lead == "ㄱ" and a.written not in _NOUNS_IN_LG
    return a.tail in "ㄵㄾ" or (a.tail in "ㄻㄼ" and a.written not in _NOUNS_IN_LM_LB)


def _close(a: Syllable, b: Syllable) -> None:
    """Two consonants meet: articles 9 to 11 (what is left of the first), 23 to 25 (tense), 18 to 20 (alike)."""
    stem = not a.gap and _is_stem_in_sonorant(a, b)
    sound = _CLOSED[a.tail]
    if stem and a.tail == "ㄺ":
        sound = "ㄹ"
    if a.written == "밟" or (a.written == "넓" and b.written in "죽둥적"):
        sound = "ㅂ"
    if (sound in tuple("ㄱㄷㅂ") or stem) and b.lead in _TENSE:
        b.lead = _TENSE[b.lead]
    if b.lead == "ㄹ" and sound in tuple("ㄱㄷㅂㅁㅇ"):
        b.lead = "ㄴ"
    if sound in _NASAL and b.lead in "ㄴㅁ":
        sound = _NASAL[sound]
    if (sound, b.lead) in (("ㄴ", "ㄹ"), ("ㄹ", "ㄴ")):
        sound = b.lead = "ㄹ"
    a.tail = sound or " "


def _vowels(s: Syllable) -> None:
    """Article 5: 져, 쪄, 쳐 are [저, 쩌, 처]; ㅢ after a consonant is ㅣ."""
    if s.vowel == "ㅕ" and s.lead in "ㅈㅉㅊ":
        s.vowel = "ㅓ"
    if s.vowel == "ㅢ" and Syllable.of(s.written).lead != "ㅇ":
        s.vowel = "ㅣ"


def _meet(a: Syllable, b: Syllable) -> None:
    if b.lead == "ㅇ":
        _link(a, b)
    elif not _breathe(a, b):
        _close(a, b)


def phrases(words: list[str]) -> list[str]:
    """Words in phrases of at most five syllables, so that "책 넣는다" is one and a long sentence is not.

    Source: Jun 1993, The phonetics and phonology of Korean prosody; from left to right, a simplification.
    """
    out: list[str] = []
    for word in words:
        if out and len((out[-1] + word).replace(" ", "")) <= PHRASE_SYLLABLES:
            out[-1] += " " + word
        else:
            out.append(word)
    return out


def _phrase(text: str, written: str) -> str:
    """A run of syllables with single spaces between words, respelled and as it was written."""
    out: list[Syllable] = []
    for i, character in enumerate(text):
        if character == " ":
            out[-1].gap = True
        else:
            out.append(Syllable.of(character, written[i]))
            out[-1].ends_noun = written[i + 1 : i + 2] in ("", *" 를가로도만")
    for a, b in zip(out, out[1:]):
        _meet(a, b)
    if out:
        out[-1].tail = _CLOSED[out[-1].tail] or " "
    for s in out:
        _vowels(s)
    return "".join(str(s) + " " * s.gap for s in out)


def sounds(text: str) -> str:
    """Hangul as it sounds, one syllable for each written one; what is not Hangul stays.

    sounds("같이 읽다") -> "가치 익따". Words of one phrase act on each other: "책 넣는다" -> "챙 넌는다".
    """
    respelled = respell(text)

    def spoken(m: re.Match[str]) -> str:
        # A word that begins otherwise than written is heard with the word before it: 할 일 [할릴].
        bound = [m.start() + i for i, c in enumerate(m[0]) if c == " " and text[m.start() + i + 1] != m[0][i + 1]]
        units = "".join("+" if m.start() + i in bound else c for i, c in enumerate(m[0])).split(" ")
        said, at = [], m.start()
        for phrase in phrases([unit.replace("+", " ") for unit in units]):
            said.append(_phrase(phrase, text[at : at + len(phrase)]))
            at += len(phrase) + 1
        return " ".join(said)

    return re.sub("[가-힣]+(?: [가-힣]+)*", spoken, respelled)
