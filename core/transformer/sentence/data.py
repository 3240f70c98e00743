"""Sentences for reading attention: every one that two small grammars allow, English and Korean.

What they are made for: each has a word that can only be right if one looks back at another.

    the bells near the girl ring .                 the verb agrees with the first noun, not with the nearest
    the boys near the bell fell because they …     the pronoun, too
    아이가 할머니께 책을 드린다 .                    준다, 드린다, 주신다 or 드리신다: the verb honours who receives
    할머니께서 아이에게 책을 주신다 .                and who gives; particles say who is who, in any order

We wrote both grammars; no text of others is in them.
"""

from __future__ import annotations

import hashlib
import itertools

NOUNS = ("girl", "boy", "bird", "bell")
PRESENT = {"girl": "sing", "boy": "dance", "bird": "fly", "bell": "ring"}
SINGULAR = {"sing": "sings", "dance": "dances", "fly": "flies", "ring": "rings"}
PRONOUNS = {"girl": "she", "boy": "he", "bird": "it", "bell": "it"}
PAST = ("stopped", "fell")
GIVERS = {"아이가": False, "친구가": False, "할머니께서": True, "선생님께서": True}  # honoured?
RECEIVERS = {"아이에게": False, "친구에게": False, "할머니께": True, "선생님께": True}
THINGS = ("책을", "꽃을", "편지를")
GIVING = {(False, False): "준다", (False, True): "드린다", (True, False): "주신다", (True, True): "드리신다"}
PLACES = {"정원에서": ("노래한다", "노래하신다"), "무대에서": ("춤춘다", "춤추신다")}
HELD_OUT = 8  # of so many sentences, one is not trained on


def english() -> list[tuple[str, ...]]:
    """the [old] NOUN [near the [old] NOUN] VERB . or … PAST because PRONOUN was wet ."""
    phrases = [(*old, noun, plural) for old in ((), ("old",)) for noun in NOUNS for plural in (False, True)]
    found: list[tuple[str, ...]] = []
    for subject, other in itertools.product(phrases, [None, *phrases]):
        noun, plural = str(subject[-2]), bool(subject[-1])
        if other is not None and other[-2] == noun:
            continue
        start = ("the", *_words(subject)) + (() if other is None else ("near", "the", *_words(other)))
        verb = PRESENT[noun]
        found.append((*start, verb if plural else SINGULAR[verb], "."))
        pronoun, be = ("they", "were") if plural else (PRONOUNS[noun], "was")
        found += [(*start, past, "because", pronoun, be, "wet", ".") for past in PAST]
    return found


def _words(phrase: tuple) -> tuple[str, ...]:
    *words, plural = phrase
    return (*words[:-1], words[-1] + "s" if plural else words[-1])


def korean() -> list[tuple[str, ...]]:
    """[오늘] GIVER RECEIVER THING VERB . in both orders of the first two, and [오늘] WHO WHERE VERB . likewise."""
    found: list[tuple[str, ...]] = []
    for (giver, high), (receiver, revered) in itertools.product(GIVERS.items(), RECEIVERS.items()):
        if giver[:2] == receiver[:2]:
            continue  # nobody gives to himself
        for thing, order in itertools.product(THINGS, (1, -1)):
            found.append((*(giver, receiver)[::order], thing, GIVING[high, revered], "."))
    for (who, high), (place, verbs), order in itertools.product(GIVERS.items(), PLACES.items(), (1, -1)):
        found.append((*(who, place)[::order], verbs[high], "."))
    return [(*today, *words) for today in ((), ("오늘",)) for words in found]


def split() -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Sentences to train on, and those held out: every eighth or so, chosen by a hash of its words."""
    kept: tuple[list[tuple[str, ...]], list[tuple[str, ...]]] = ([], [])
    for words in english() + korean():
        number = int.from_bytes(hashlib.sha256(" ".join(words).encode()).digest()[:4], "big")
        kept[number % HELD_OUT == 0].append(words)
    return kept


def vocabulary() -> tuple[str, ...]:
    """All words, in the order in which they first occur."""
    return tuple(dict.fromkeys(word for words in english() + korean() for word in words))


def decided(words: tuple[str, ...]) -> list[int]:
    """The places of the words that what came before decides, for one who looks at the right one.

    Verbs in the present, pronouns, and Korean verbs. (Whether a sentence goes on in the past tense is open.)
    """
    verbs = {*PRESENT.values(), *SINGULAR.values(), *GIVING.values(), *itertools.chain(*PLACES.values())}
    pronouns = {*PRONOUNS.values(), "they"}
    return [place for place, word in enumerate(words) if word in verbs | pronouns]
