"""How the phones of ARPABET are made in the mouth: one table, from which features and distances of phones follow.

Source: the articulatory features of Festival's phone set "radio" (Black, Taylor, Caley 1998), by Ladefoged's charts.
"""

from __future__ import annotations

import functools

import numpy as np

from core.text.phones import CONSONANTS, VOWELS

SILENCE = "SIL"
PHONES = (SILENCE, *VOWELS, *CONSONANTS)  # 40, without stress
INDEX = {phone: i for i, phone in enumerate(PHONES)}

# name: the phones that have it
FEATURES: dict[str, frozenset[str]] = {
    name: frozenset(phones.split())
    for name, phones in {
        "vowel": "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW",
        "high": "IH IY UH UW",
        "mid": "AH EH ER EY OW AO OY",
        "low": "AA AE AW AY",
        "front": "AE EH EY IH IY",
        "central": "AH ER",
        "back": "AA AO OW OY UH UW AW AY",
        "round": "AO OW OY UH UW W",
        "long": "AA AO IY UW ER AE",
        "diphthong": "AW AY EY OW OY",
        "to the front": "AY EY OY",
        "voiced": "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW B D G JH L M N NG R V W Y Z DH ZH",
        "plosive": "P B T D K G",
        "affricate": "CH JH",
        "fricative": "F V TH DH S Z SH ZH HH",
        "sibilant": "S Z SH ZH CH JH",
        "nasal": "M N NG",
        "liquid": "L R ER",
        "glide": "W Y",
        "labial": "P B M F V W",
        "dental": "TH DH F V",
        "alveolar": "T D S Z N L",
        "palatal": "SH ZH CH JH Y R",
        "velar": "K G NG W",
        "glottal": "HH",
        "silence": SILENCE,
    }.items()
}


def bare(phone: str) -> str:
    """The phone without its stress digit: "AH0" -> "AH"."""
    return phone[:-1] if phone[-1:].isdigit() else phone


@functools.lru_cache(maxsize=1)
def table() -> np.ndarray:
    """The articulatory features of every phone: float32 [40, 26] of zeros and ones, rows as `PHONES`."""
    return np.array([[phone in having for having in FEATURES.values()] for phone in PHONES], np.float32)


@functools.lru_cache(maxsize=1)
def distances() -> np.ndarray:
    """How unlike two phones are: float32 [40, 40], the share of features in which they differ, scaled to [0, 1].

    Vowel or consonant and sound or silence count three times, the manner of a consonant twice.
    """
    counts = {"vowel": 3.0, "silence": 3.0, "plosive": 2.0, "affricate": 2.0, "fricative": 2.0, "nasal": 2.0}
    weights = np.array([counts.get(name, 1.0) for name in FEATURES], np.float32)
    differ = np.abs(table()[:, None] - table()[None]) @ weights  # [40, 40]
    return (differ / differ.max()).astype(np.float32)


def nearest(phone: str, among: frozenset[str]) -> str:
    """The phone of `among` that is made most like this one; itself where it is there.

    Args:
        phone: without stress.  among: not empty.
    """
    row = distances()[INDEX[phone]]
    return min(sorted(among), key=lambda other: (row[INDEX[other]], other))
