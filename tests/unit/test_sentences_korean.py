"""The Korean sentences that the teacher says: particles, endings, what sounds they cover, what they leave unseen."""

from __future__ import annotations

import re
import unicodedata

import pytest

from core.tacotron2.sentences_ko import UNSEEN, Verb, agree, conjugate, sentences
from core.tacotron2.words_ko import ACTIONS, NOUNS, QUALITIES, SCENES
from core.text import korean

ALL = sentences(5000)
AFTER_CONSONANT = {"은": True, "는": False, "이": True, "가": False, "을": True, "를": False, "과": True, "와": False}


def closed(syllable: str) -> bool:
    """By Unicode's own decomposition: a closed syllable has three letters."""
    return len(unicodedata.normalize("NFD", syllable)) == 3


def test_particles_agree_with_the_syllable_before():
    nouns = {word.replace("_", " ") for words in NOUNS.values() for word in words.split()}
    seen = 0
    for text in ALL:
        for word in re.findall("[가-힣]+", text):
            if word[:-1] in nouns and word not in nouns and word[-1] in AFTER_CONSONANT:
                assert closed(word[-2]) == AFTER_CONSONANT[word[-1]], (word, text)
                seen += 1
    assert seen > 3000
    assert agree("물⟩으로 집⟩으로 바다⟩으로 물⟩에서") == "물로 집으로 바다로 물에서"
    assert agree("의사⟩이에요 학생⟩이에요 의사⟩이라고 형⟩이랑") == "의사예요 학생이에요 의사라고 형이랑"


@pytest.mark.parametrize(
    "verb, forms",
    [
        ("먹/먹어", "었어요=먹었어요 습니다=먹습니다 으면=먹으면 는다=먹는다 으세요=드세요 지=먹지 ㄹ까요=먹을까요"),
        ("가/가", "었어요=갔어요 습니다=갑니다 으면=가면 는다=간다 으세요=가세요 ㄴ=간 ㄹ게=갈게"),
        ("만들/만들어", "습니다=만듭니다 으면=만들면 으세요=만드세요 는=만드는 ㄴ=만든 ㄹ=만들 으려고=만들려고"),
        ("듣/들어/들으", "습니다=듣습니다 었어요=들었어요 으면=들으면 고=듣고 ㄹ=들을 으셨어요=들으셨어요"),
        ("줍/주워/주우", "었어요=주웠어요 습니다=줍습니다 ㄴ=주운 으려고=주우려고 는=줍는"),
        ("짓/지어/지으", "었어요=지었어요 으면=지으면 고=짓고 는다=짓는다"),
        ("부르/불러", "었어요=불렀어요 습니다=부릅니다 으면=부르면"),
        ("하얗/하얘/하야", "었어요=하얬어요 ㄴ=하얀 으면=하야면 습니다=하얗습니다"),
        ("쓰/써", "었어요=썼어요 ㄹ=쓸 어요=써요 습니까=씁니까"),
    ],
)
def test_conjugation(verb, forms):
    for ending, form in (pair.split("=") for pair in forms.split()):
        assert conjugate(Verb.read(verb), ending) == form


def test_sentences_are_whole_distinct_and_always_the_same():
    assert len(set(ALL)) == len(ALL) == 5000
    assert sentences(50) == ALL[:50] != sentences(50, seed=1)
    assert not [text for text in ALL if not re.fullmatch("[가-힣]+(,? [가-힣]+)*[.?!]([ ][가-힣 ]+!)?", text)]
    lengths = [len(text.split()) for text in ALL]
    assert min(lengths) == 1 and max(lengths) >= 14
    assert sum(text.endswith("?") for text in ALL) > 500 and sum(text.endswith("!") for text in ALL) > 150
    assert sum("," in text for text in ALL) > 300


def test_there_are_words_enough():
    nouns = {word for words in NOUNS.values() for word in words.split()}
    rows = [row for table in (ACTIONS, QUALITIES, SCENES) for row in table.strip().splitlines()]
    stems = {verb.split("/")[0] for row in rows for verb in row.split("|")[1].split()}
    assert len(nouns) > 700 and len(stems) > 150


def test_every_sound_of_korean_is_there():
    said = [unicodedata.normalize("NFD", korean.pronounce(text)) for text in ALL[:1200]]
    letters = set("".join(said))
    assert {chr(i) for i in range(0x1100, 0x1113)} <= letters  # 19 leading consonants
    assert {chr(i) for i in range(0x1161, 0x1176)} <= letters  # 21 vowels
    tails = {letter for letter in letters if "\u11a8" <= letter <= "\u11c2"}
    assert tails == set("\u11a8\u11ab\u11ae\u11af\u11b7\u11b8\u11bc")  # article 8: seven sounds
    pairs = {text[i : i + 2] for text in said for i in range(len(text) - 1)}
    begins = [pair for pair in pairs if re.match("[\u1100-\u1112][\u1161-\u1175]", pair)]
    assert len(begins) > 260  # of 399; 299 in all 5,000
    # What is never taught is made of pairs that are.
    told = [unicodedata.normalize("NFD", korean.pronounce(text)) for text in UNSEEN]
    asked = [text[i : i + 2] for text in told for i in range(len(text) - 1)]
    assert sum(pair in pairs for pair in asked) > 0.98 * len(asked)


def test_the_unseen_sentences_are_never_taught():
    assert UNSEEN[0] == "안녕하세요? 만나게 돼서 모두 반갑습니다."
    assert len(UNSEEN) == len(set(UNSEEN)) == 60
    assert all(3 <= len(text.split()) <= 12 for text in UNSEEN)
    assert not set(UNSEEN) & set(ALL) and not set(UNSEEN) & set(sentences(3000, seed=7))
