"""Where a phone stands: its neighbours, syllable, word, phrase and sentence, for every model that speaks from phones.

    from core.text import context, english
    contexts = context.contexts(english.words("Will we ever forget it?"))
    contexts[3].label()           an HTS-like full-context label, to be read
    context.features(contexts)    the same as numbers, to be learnt from

Source: the full-context labels of HTS (Tokuda, Zen, Black 2002, "An HMM-based speech synthesis system applied to
English"), without part of speech and ToBI, and with punctuation, which the text gives for nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import TextError
from core.text.articulation import FEATURES as ARTICULATION
from core.text.articulation import INDEX, PHONES, SILENCE, bare, table
from core.text.english import Word
from core.text.phones import Phones, is_vowel, syllables

__all__ = ["PLACES", "PUNCTUATION", "PhoneContext", "contexts", "default_pauses", "feature_names", "features"]

PLACES = ("onset", "nucleus", "coda", "pause")
PUNCTUATION = ("", ",", ";", ":", "-", ".", "?", "!")
# Words that are seldom accented. Source: the list of Festival's guess at part of speech (gpos), without its classes.
FUNCTION_WORDS = frozenset(
    "a an the this that these those some any no each every both all of for in on that with by at from as if "
    "against about before because under after over into while without through new between among until per up down "
    "to i you he she it we they me him her us them my your his its our their who whom whose which what and but or "
    "plus yet nor is am are was were be been being has have had do does did will would can could shall should may "
    "might must not than there i'm i've i'd i'll it's he's she's don't didn't couldn't wouldn't".split()
)


@dataclass(frozen=True)
class PhoneContext:
    """One phone of a sentence and where it stands. All counts begin at 0; in a pause those below `place` are 0.

    ll, l, c, r, rr: the phone (c), two before and two after it, without stress; SIL beyond the ends.
    stress: of the syllable, 0 none, 1 primary, 2 secondary; stress_before, stress_after: of the syllables beside it.
    place: in its syllable: "onset", "nucleus", "coda", or "pause" for SIL.
    x_in_y, x_after_in_y: how many x of the same y come before and after this one.
    phrase: words between two pauses; phrase_in_utterance, phrases_after.
    punctuation: that ends the phrase (of a pause: the phrase before it), one of `PUNCTUATION`.
    function_word: the word is one of those that are seldom accented.
    word: index into the words; in a pause that of the word before it, -1 at the beginning.
    """

    ll: str
    l: str  # noqa: E741
    c: str
    r: str
    rr: str
    stress: int = 0
    stress_before: int = 0
    stress_after: int = 0
    place: str = "pause"
    phone_in_syllable: int = 0
    phones_after_in_syllable: int = 0
    syllable_in_word: int = 0
    syllables_after_in_word: int = 0
    syllable_in_phrase: int = 0
    syllables_after_in_phrase: int = 0
    word_in_phrase: int = 0
    words_after_in_phrase: int = 0
    phrase_in_utterance: int = 0
    phrases_after: int = 0
    punctuation: str = ""
    function_word: bool = False
    word: int = -1

    @property
    def is_pause(self) -> bool:
        return self.c == SILENCE

    @property
    def phone(self) -> str:
        """The phone as ARPABET writes it, vowels with their stress."""
        return f"{self.c}{self.stress}" if self.place == "nucleus" and is_vowel(f"{self.c}0") else self.c

    def label(self) -> str:
        """An HTS-like label; "x" stands for what a pause lacks.

        ll^l-c+r=rr @ phone in syllable, after it /A: stress before, of it, after: place /B: syllable in word, after
        it: content or function /C: syllable in phrase, after: word in phrase, after /D: phrase, after: punctuation
        """
        quinphone = f"{self.ll}^{self.l}-{self.c}+{self.r}={self.rr}".lower()
        punctuation = self.punctuation or "0"
        utterance = f"/D:{self.phrase_in_utterance}_{self.phrases_after}:{punctuation}"
        if self.is_pause:
            return f"{quinphone}@x_x/A:{self.stress_before}_x_{self.stress_after}:pause/B:x/C:x{utterance}"
        return (
            f"{quinphone}@{self.phone_in_syllable}_{self.phones_after_in_syllable}"
            f"/A:{self.stress_before}_{self.stress}_{self.stress_after}:{self.place}"
            f"/B:{self.syllable_in_word}_{self.syllables_after_in_word}:{'f' if self.function_word else 'c'}"
            f"/C:{self.syllable_in_phrase}_{self.syllables_after_in_phrase}"
            f":{self.word_in_phrase}_{self.words_after_in_phrase}{utterance}"
        )


@dataclass(frozen=True)
class _Syllable:
    phones: Phones
    word: int

    @property
    def stress(self) -> int:
        return next((int(p[-1]) for p in self.phones if is_vowel(p)), 0)


def default_pauses(words: Sequence[Word]) -> frozenset[int]:
    """The words after which a reader pauses: those before punctuation, but the last."""
    return frozenset(i for i, word in enumerate(words[:-1]) if word.break_after)


def contexts(words: Sequence[Word], pauses: Collection[int] | None = None) -> list[PhoneContext]:
    """The phones of a sentence with their contexts, SIL at both ends and at the pauses.

    Args:
        words: as from `english.words`.  pauses: indices of the words that a pause follows (that of the last word
            is taken for granted); None puts one wherever punctuation stands.
    Returns:
        one entry a phone or pause, in order.
    Raises:
        TextError: no words, or a phone that is not ARPABET.
    """
    if not words:
        raise TextError("There is nothing to say: type a word or a sentence.")
    strange = [p for word in words for p in word.phones if bare(p) not in INDEX or p == SILENCE]
    if strange or not all(word.phones for word in words):
        raise TextError(f"{', '.join(strange) or 'A word without phones'} cannot be spoken: phones are ARPABET.")
    chosen = default_pauses(words) if pauses is None else pauses
    ends = sorted({i for i in chosen if 0 <= i < len(words) - 1} | {len(words) - 1})
    phrases = [list(range(a + 1, b + 1)) for a, b in zip([-1, *ends], ends)]  # word indices of each phrase
    entries: list[dict] = [{"c": SILENCE, "punctuation": "", "phrases_after": len(phrases) - 1}]
    for i, phrase in enumerate(phrases):
        where = {
            "phrase_in_utterance": i,
            "phrases_after": len(phrases) - 1 - i,
            "punctuation": _known(words[phrase[-1]].break_after),
        }
        entries += [entry | where for entry in _of_phrase(words, phrase)]
        entries.append({"c": SILENCE, "word": phrase[-1], **where})
    return _with_neighbours(entries)


def _known(mark: str) -> str:
    return mark if mark in PUNCTUATION else ""


def _of_phrase(words: Sequence[Word], phrase: list[int]) -> list[dict]:
    """The fields of every phone of a phrase that its syllables and words give."""
    found = [_Syllable(phones, word) for word in phrase for phones in syllables(words[word].phones)]
    entries = []
    for i, syllable in enumerate(found):
        in_word = [k for k, other in enumerate(found) if other.word == syllable.word]
        place = {
            "stress": syllable.stress,
            "syllable_in_word": i - in_word[0],
            "syllables_after_in_word": in_word[-1] - i,
            "syllable_in_phrase": i,
            "syllables_after_in_phrase": len(found) - 1 - i,
            "word_in_phrase": syllable.word - phrase[0],
            "words_after_in_phrase": phrase[-1] - syllable.word,
            "function_word": words[syllable.word].text in FUNCTION_WORDS,
            "word": syllable.word,
        }
        nucleus = next((k for k, p in enumerate(syllable.phones) if is_vowel(p)), 0)
        for k, phone in enumerate(syllable.phones):
            entries.append({
                "c": bare(phone),
                "place": "onset" if k < nucleus else "nucleus" if k == nucleus else "coda",
                "phone_in_syllable": k,
                "phones_after_in_syllable": len(syllable.phones) - 1 - k,
                **place,
            })  # fmt: skip
    return entries


def _with_neighbours(entries: list[dict]) -> list[PhoneContext]:
    """Fill in the two phones to each side, and the stress of the syllables before and after."""
    phones = [SILENCE, SILENCE, *(e["c"] for e in entries), SILENCE, SILENCE]
    group, groups = [], 0  # the syllable that each entry belongs to; a pause is one of its own
    for e in entries:
        groups += 1 if e["c"] == SILENCE or e["phone_in_syllable"] == 0 else 0
        group.append(groups)
    stress = {g: e.get("stress", 0) for g, e in zip(group, entries)}
    return [
        PhoneContext(
            phones[i], phones[i + 1], phones[i + 2], phones[i + 3], phones[i + 4],
            stress_before=stress.get(g - 1, 0), stress_after=stress.get(g + 1, 0),
            **{k: v for k, v in e.items() if k != "c"},
        )
        for i, (g, e) in enumerate(zip(group, entries))
    ]  # fmt: skip


# Counts, each with the value at which its feature reaches 1; greater ones stay there.
_COUNTS = {
    "phone_in_syllable": 3, "phones_after_in_syllable": 3, "syllable_in_word": 4, "syllables_after_in_word": 4,
    "syllable_in_phrase": 16, "syllables_after_in_phrase": 16, "word_in_phrase": 12, "words_after_in_phrase": 12,
    "phrase_in_utterance": 4, "phrases_after": 4,
}  # fmt: skip
_LAST = ("syllables_after_in_word", "syllables_after_in_phrase", "words_after_in_phrase", "phrases_after")
_FIRST = ("syllable_in_word", "syllable_in_phrase", "word_in_phrase", "phrase_in_utterance")
_NEIGHBOURS = ("ll", "l", "c", "r", "rr")


@functools.lru_cache(maxsize=1)
def feature_names() -> tuple[str, ...]:
    """What each column of `features` is: "c=AH", "l:nasal", "stress=1", "syllable_in_word / 4", …"""
    names = [f"{n}={phone}" for n in _NEIGHBOURS for phone in PHONES]
    names += [f"{n}:{feature}" for n in ("l", "c", "r") for feature in ARTICULATION]
    names += [f"{n}={s}" for n in ("stress", "stress_before", "stress_after") for s in (0, 1, 2)]
    names += [f"place={place}" for place in PLACES]
    names += [f"punctuation={mark or 'none'}" for mark in PUNCTUATION]
    names += [f"{name} / {limit}" for name, limit in _COUNTS.items()]
    names += [f"{name} = 0" for name in (*_FIRST, *_LAST)]
    return (*names, "place in phrase", "function word")


def features(sentence: Sequence[PhoneContext]) -> np.ndarray:
    """The contexts as numbers for a network, each column in [0, 1]; `feature_names` says what the columns are.

    One-hots of the quinphone, articulation of the phone and its neighbours, stress, place, punctuation, counts.

    Args:
        sentence: as from `contexts`.
    Returns:
        float32 [N, 319], one row a phone.
    """
    ids = np.array([[INDEX[getattr(x, n)] for n in _NEIGHBOURS] for x in sentence])  # [N, 5]
    quinphone = np.eye(len(PHONES))[ids].reshape(len(sentence), -1)  # [N, 5 * 40]
    articulation = table()[ids[:, 1:4]].reshape(len(sentence), -1)  # [N, 3 * 26]
    stress = np.eye(3)[[[x.stress, x.stress_before, x.stress_after] for x in sentence]].reshape(len(sentence), -1)
    place = np.eye(len(PLACES))[[PLACES.index(x.place) for x in sentence]]
    punctuation = np.eye(len(PUNCTUATION))[[PUNCTUATION.index(x.punctuation) for x in sentence]]
    counts = np.array([[min(getattr(x, n) / limit, 1.0) for n, limit in _COUNTS.items()] for x in sentence])
    edges = np.array([[float(not x.is_pause and getattr(x, n) == 0) for n in (*_FIRST, *_LAST)] for x in sentence])
    ratio = np.array(
        [x.syllable_in_phrase / max(x.syllable_in_phrase + x.syllables_after_in_phrase, 1) for x in sentence]
    )
    function = np.array([float(x.function_word) for x in sentence])
    parts = [quinphone, articulation, stress, place, punctuation, counts, edges, ratio[:, None], function[:, None]]
    return np.concatenate(parts, axis=1).astype(np.float32)
