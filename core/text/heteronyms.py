"""English words of one spelling and two sounds: chosen by the words beside them.

A small honest rule, not a parser: a word after "to", "will" or "they" is a verb; after "the", "a" or "of" it is a
noun; otherwise the commoner of the two.

Known limits: a verb after a noun ("the records they present", "the crowd tears through") and a word whose part of
speech only the whole sentence tells ("bow" and arrow or of a ship, "row", "sow", "minute") can still go wrong.
"""

from __future__ import annotations

from core.text.phones import Phones, is_vowel

_VERB_AFTER = frozenset(
    "to will would can could shall should may might must i you we they who not don't didn't doesn't cannot can't "
    "won't let please i'll you'll we'll they'll he'll she'll let's and never always".split()
)
_NOUN_AFTER = frozenset(
    "the a an of this that these those my your his her its our their no some any every each in on for with from "
    "by at first second last new old own good great better best more".split()
)
# "he read" can only be past: the present is "he reads"
_READ_PAST = frozenset(
    "have has had having i've you've we've they've was were been is are be being he she it never already just "
    "hasn't haven't hadn't".split()
)

# word: as a verb, as a noun or adjective, which of the two is commoner
_PAIRS = {
    word: (verb.split(), noun.split(), usual)
    for word, verb, noun, usual in (
        ("live", "L IH1 V", "L AY1 V", "verb"), ("lead", "L IY1 D", "L EH1 D", "verb"),
        ("use", "Y UW1 Z", "Y UW1 S", "verb"), ("uses", "Y UW1 Z IH0 Z", "Y UW1 S IH0 Z", "verb"),
        ("wind", "W AY1 N D", "W IH1 N D", "noun"), ("winds", "W AY1 N D Z", "W IH1 N D Z", "noun"),
        ("close", "K L OW1 Z", "K L OW1 S", "verb"), ("tear", "T EH1 R", "T IH1 R", "verb"),
        ("tears", "T EH1 R Z", "T IH1 R Z", "noun"), ("bow", "B AW1", "B OW1", "noun"),
        ("house", "HH AW1 Z", "HH AW1 S", "noun"), ("excuse", "IH0 K S K Y UW1 Z", "IH0 K S K Y UW1 S", "verb"),
        ("abuse", "AH0 B Y UW1 Z", "AH0 B Y UW1 S", "noun"), ("lives", "L IH1 V Z", "L AY1 V Z", "verb"),
        ("object", "AH0 B JH EH1 K T", "AA1 B JH EH0 K T", "noun"),
        ("record", "R IH0 K AO1 R D", "R EH1 K ER0 D", "noun"),
        ("records", "R IH0 K AO1 R D Z", "R EH1 K ER0 D Z", "noun"),
        ("present", "P R IY0 Z EH1 N T", "P R EH1 Z AH0 N T", "noun"),
        ("project", "P R AH0 JH EH1 K T", "P R AA1 JH EH0 K T", "noun"),
        ("produce", "P R AH0 D UW1 S", "P R OW1 D UW0 S", "verb"),
        ("permit", "P ER0 M IH1 T", "P ER1 M IH2 T", "verb"),
        ("conduct", "K AA0 N D AH1 K T", "K AA1 N D AH0 K T", "noun"),
        ("content", "K AH0 N T EH1 N T", "K AA1 N T EH0 N T", "noun"),
        ("contract", "K AH0 N T R AE1 K T", "K AA1 N T R AE2 K T", "noun"),
        ("desert", "D IH0 Z ER1 T", "D EH1 Z ER0 T", "noun"),
        ("refuse", "R AH0 F Y UW1 Z", "R EH1 F Y UW2 Z", "verb"),
        ("increase", "IH2 N K R IY1 S", "IH1 N K R IY2 S", "verb"),
        ("decrease", "D IH0 K R IY1 S", "D IY1 K R IY2 S", "verb"),
        ("rebel", "R IH0 B EH1 L", "R EH1 B AH0 L", "noun"),
        ("subject", "S AH0 B JH EH1 K T", "S AH1 B JH IH0 K T", "noun"),
        ("suspect", "S AH0 S P EH1 K T", "S AH1 S P EH2 K T", "verb"),
        ("progress", "P R AH0 G R EH1 S", "P R AA1 G R EH2 S", "noun"),
        ("protest", "P R AH0 T EH1 S T", "P R OW1 T EH2 S T", "noun"),
        ("convert", "K AH0 N V ER1 T", "K AA1 N V ER0 T", "verb"),
        ("perfect", "P ER0 F EH1 K T", "P ER1 F IH2 K T", "noun"),
        ("estimate", "EH1 S T AH0 M EY2 T", "EH1 S T AH0 M AH0 T", "noun"),
        ("separate", "S EH1 P ER0 EY2 T", "S EH1 P ER0 IH0 T", "noun"),
        ("graduate", "G R AE1 JH AH0 W EY2 T", "G R AE1 JH AH0 W AH0 T", "noun"),
        ("deliberate", "D IH0 L IH1 B ER0 EY2 T", "D IH0 L IH1 B ER0 AH0 T", "noun"),
        ("alternate", "AO1 L T ER0 N EY2 T", "AO1 L T ER0 N AH0 T", "noun"),
        ("attribute", "AH0 T R IH1 B Y UW2 T", "AE1 T R AH0 B Y UW2 T", "noun"),
        ("combine", "K AH0 M B AY1 N", "K AA1 M B AY0 N", "verb"),
        ("compound", "K AH0 M P AW1 N D", "K AA1 M P AW0 N D", "noun"),
        ("conflict", "K AH0 N F L IH1 K T", "K AA1 N F L IH0 K T", "noun"),
        ("contest", "K AH0 N T EH1 S T", "K AA1 N T EH0 S T", "noun"),
        ("extract", "IH0 K S T R AE1 K T", "EH1 K S T R AE2 K T", "verb"),
        ("import", "IH2 M P AO1 R T", "IH1 M P AO2 R T", "verb"),
    )
}  # fmt: skip
# Words before or after which the choice is clear, whatever the rule says: (word, neighbour) -> "verb" | "noun"
_AFTER_IT = {
    "live": {"noun": "music show concert broadcast audio performance stream version album band wire wires".split()},
    "lead": {"noun": "pipe pipes paint poisoning pencil bullet".split(),
             "verb": "singer guitar role actor to the".split()},
    "wind": {"verb": "up down back".split(), "noun": "blew blows turbine speed farm".split()},
    "close": {"noun": "to by friend friends call enough together up".split(),
              "verb": "the your it my this".split()},
    "bow": {"noun": "tie and".split(), "verb": "down".split()},
    "tear": {"verb": "up down apart the it a off open through into out away".split(), "noun": "drop gas".split()},
    "tears": {"verb": "it the a an up down apart off open out away my your his".split()},
}  # fmt: skip
_OBJECT = frozenset("the your my his her our their it them this that these those a an up".split())
_PASSIVE = frozenset("is are was were be been being often also commonly only".split())  # is used to cut
_BE = frozenset("is are was were so very too how as be been it's that's get gets got".split())


def _verb_or_noun(word: str, before: str, after: str) -> str:
    for kind, neighbours in _AFTER_IT.get(word, {}).items():
        if after in neighbours:
            return kind
    if word == "close" and before in _BE:
        return "noun"
    if word == "lead" and before in ("black", "white", "red", "molten", "of"):
        return "noun"
    if word == "lead" and before in ("the", "a", "my", "his", "her", "their"):
        return "verb"  # the lead of a race sounds as the verb; the metal mostly comes after "of"
    if before in _VERB_AFTER:
        return "verb"
    return "noun" if before in _NOUN_AFTER else _PAIRS[word][2]


def _polish(written: str, after: str, *, first: bool) -> Phones:
    """Of Poland by its capital; at the beginning of a sentence "Polish the shoes" is no country."""
    shine = written != "Polish" or (first and after in _OBJECT)
    return ("P", "AA1", "L", "IH0", "SH") if shine else ("P", "OW1", "L", "IH0", "SH")


def choose(
    word: str, *, before: str = "", after: str = "", next_phone: str = "", written: str = ""
) -> Phones | None:  # fmt: skip
    """The phones of a word that can be read in two ways, or None for any other word.

    Args:
        written: the word in the case it was written in, which tells Polish from polish.
        word, before, after: lower case; "" at the ends of the text or at a pause.
        next_phone: the first phone of the next word; "the apple" has DH IY0.
    """
    if word == "the":
        return ("DH", "IY0" if next_phone and is_vowel(next_phone) else "AH0")
    if word == "polish":
        return _polish(written, after, first=not before)
    if word == "read":
        return ("R", "EH1", "D") if before in _READ_PAST else ("R", "IY1", "D")
    if word == "bass":  # of music rather than a fish: this is a course about sound
        return ("B", "EY1", "S")
    if word == "wound":
        return ("W", "UW1", "N", "D") if before in _NOUN_AFTER else ("W", "AW1", "N", "D")
    if word == "used" and after == "to" and before not in _PASSIVE:
        return ("Y", "UW1", "S", "T")
    if word == "resume":
        return ("R", "EH1", "Z", "AH0", "M", "EY2") if before in _NOUN_AFTER else ("R", "IH0", "Z", "UW1", "M")
    if word not in _PAIRS:
        return None
    verb, noun, _ = _PAIRS[word]
    return tuple(verb if _verb_or_noun(word, before, after) == "verb" else noun)
