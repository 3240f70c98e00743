"""Where a phone stands, against counts made by hand."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from core.errors import TextError
from core.text import articulation, context, english
from core.text.english import Word


def of(text: str, pauses=None) -> list[context.PhoneContext]:
    return context.contexts(english.words(text), pauses)


def test_a_sentence_counted_by_hand() -> None:
    found = of("Yes, forget it!")
    assert [x.phone for x in found] == "SIL Y EH1 S SIL F ER0 G EH1 T IH1 T SIL".split()
    g = found[7]  # the G of "forget": onset of its second syllable, second phrase
    assert (g.ll, g.l, g.c, g.r, g.rr) == ("F", "ER", "G", "EH", "T")
    assert dataclasses.asdict(g) | {
        "stress": 1, "stress_before": 0, "stress_after": 1, "place": "onset",
        "phone_in_syllable": 0, "phones_after_in_syllable": 2,
        "syllable_in_word": 1, "syllables_after_in_word": 0, "syllable_in_phrase": 1, "syllables_after_in_phrase": 1,
        "word_in_phrase": 0, "words_after_in_phrase": 1, "phrase_in_utterance": 1, "phrases_after": 0,
        "punctuation": "!", "function_word": False, "word": 1,
    } == dataclasses.asdict(g)  # fmt: skip
    assert [x.place for x in found[5:12]] == "onset nucleus onset nucleus coda nucleus coda".split()
    assert [x.word for x in found] == [-1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2]
    assert [x.punctuation for x in found if x.is_pause] == ["", ",", "!"]
    assert [x.function_word for x in found[10:12]] == [True, True]
    assert found[7].label() == "f^er-g+eh=t@0_2/A:0_1_1:onset/B:1_0:c/C:1_1:0_1/D:1_0:!"
    assert found[4].label() == "eh^s-sil+f=er@x_x/A:1_x_0:pause/B:x/C:x/D:0_1:,"


def test_pauses_are_where_the_punctuation_or_the_speaker_puts_them() -> None:
    text = "One, two three"
    assert [x.phone for x in of(text)].count("SIL") == 3
    assert [x.phone for x in of(text, set())].count("SIL") == 2
    read = of(text, {0, 1, 2})
    assert [x.word for x in read if x.is_pause] == [-1, 0, 1, 2]
    assert {x.phrases_after for x in read if x.word == 1} == {1}


@pytest.mark.parametrize("text", ["Will we, ever, forget it?", "I paid $5 on 3/4/2021, Dr. O'Neil!", "a"])
def test_neighbours_and_counts_agree_along_the_sentence(text: str) -> None:
    found = of(text)
    for a, b in itertools.pairwise(found):
        assert (a.r, a.rr, b.ll, b.l) == (b.c, b.r, a.l, a.c)
    for name, group in itertools.groupby(found, key=lambda x: (x.phrase_in_utterance, x.is_pause)):
        phrase = list(group)
        if not name[1]:
            assert len({x.syllable_in_phrase + x.syllables_after_in_phrase for x in phrase}) == 1
            assert phrase[0].syllable_in_phrase == phrase[-1].syllables_after_in_phrase == 0
    spoken = [x.phone for x in found if not x.is_pause]
    assert spoken == [p for word in english.words(text) for p in word.phones]
    assert len({x.label() for x in found}) == len(found)


def test_features_have_names_and_mean_them() -> None:
    found = of("Yes, forget it!")
    values, names = context.features(found), context.feature_names()
    assert values.shape == (13, 319) and values.dtype == np.float32
    assert len(names) == len(set(names)) == 319
    assert values.min() >= 0 and values.max() <= 1
    g = dict(zip(names, values[7]))
    on = {name for name, value in g.items() if value == 1 and "=" in name and " " not in name}
    assert on == {
        "ll=F", "l=ER", "c=G", "r=EH", "rr=T", "stress=1", "stress_before=0", "stress_after=1", "place=onset",
        "punctuation=!",
    }  # fmt: skip
    assert g["c:plosive"] == g["c:velar"] == g["c:voiced"] == g["l:vowel"] == 1 and g["c:vowel"] == 0
    assert g["syllable_in_phrase / 16"] == pytest.approx(1 / 16) and g["place in phrase"] == 0.5


def test_sentences_that_differ_have_other_features() -> None:
    one, other = (context.features(of(text)) for text in ("Forget it.", "Forget it?"))
    assert one.shape == other.shape and not np.array_equal(one, other)


def test_bad_words() -> None:
    with pytest.raises(TextError, match="nothing to say"):
        context.contexts([])
    for phones in (("QQ",), (), ("SIL",)):
        with pytest.raises(TextError, match="ARPABET"):
            context.contexts([Word("x", (0, 1), phones, "dictionary", "")])


def test_phones_are_as_far_apart_as_they_sound() -> None:
    d = articulation.distances()
    assert d.shape == (40, 40) and np.array_equal(d, d.T) and not d.diagonal().any() and d.max() == 1
    assert (d + np.eye(40) > 0).all(), "two phones have the same articulation"
    every = frozenset(articulation.PHONES)
    for phone, close in {"ZH": "SH", "P": "B", "T": "D", "NG": "N", "DH": "TH", "Z": "S"}.items():
        row = d[articulation.INDEX[phone]]
        assert row[articulation.INDEX[close]] < np.median(row)
        assert articulation.nearest(phone, every) == phone
    assert articulation.nearest("ZH", every - {"ZH"}) == "SH"
