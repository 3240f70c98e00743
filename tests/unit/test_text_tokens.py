"""Tokens against the published Korean table, counts, and the way back to the text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import TextError
from core.text.english import words
from core.text.tokens import TABLES, table, tokens

LECTURE = "안녕하세요? 만나게 돼서 모두 반갑습니다."


def test_the_lectures_ids() -> None:
    """The table as its authors define it: '_~', then the code points in order, then "!'(),-.:;? "."""
    hangul = [*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]
    published = "_~" + "".join(map(chr, hangul)) + "!'(),-.:;? "
    assert "".join(table("ko")) == published and len(published) == 80
    expected = [published.index(c) for c in unicodedata.normalize("NFD", LECTURE)] + [1]
    got = tokens(LECTURE, "ko")
    assert list(got.ids) == expected
    assert got.ids[:9] == (13, 21, 45, 4, 27, 62, 20, 21, 11) and got.ids[-2:] == (75, 1)


def test_korean_as_pronounced() -> None:
    got = tokens("국물", "ko", unit="sounds")
    assert got.symbols == (*unicodedata.normalize("NFD", "궁물"), "~")
    assert got.spans[:6] == ((0, 1),) * 3 + ((1, 2),) * 3


def test_tables_are_fixed() -> None:
    for symbols in TABLES.values():
        assert len(set(symbols)) == len(symbols) and symbols[:2] == ("_", "~")
    phones = table("en")
    assert len(phones) == 80 and phones[2:11] == ("^", " ", ",", "-", ":", ";", ".", "?", "!")
    assert (phones[11], phones[34], phones[35], phones[79]) == ("B", "ZH", "AA0", "UW2")
    assert len(table("en", "letters")) == 38 and table("en", "letters")[-1] == "z"


def test_english_phones_with_marks_and_boundaries() -> None:
    text = "Hello, $5!"
    got = tokens(text, "en")
    assert " ".join(got.symbols).replace("   ", " | ") == "^ HH AH0 L OW1 , | F AY1 V | D AA1 L ER0 Z ! ~"
    assert [table("en")[i] for i in got.ids] == list(got.symbols)
    assert {text[slice(*span)] for s, span in zip(got.symbols, got.spans) if s in ("F", "Z")} == {"$5"}
    assert text[slice(*got.spans[got.symbols.index(",")])] == ", "
    assert got.spans[0] == (0, 0) and got.spans[-1] == (len(text), len(text)) and len(got) == 18


def test_english_letters() -> None:
    got = tokens("Dr. Café!", "en", unit="letters")
    assert "".join(got.symbols) == "^doctor cafe!~"
    assert got.spans[1:7] == ((0, 3),) * 6


@pytest.mark.parametrize("pair", [("fr", ""), ("en", "jamo"), ("ko", "phones"), ("", "")])
def test_unknown_languages_and_units(pair: tuple[str, str]) -> None:
    with pytest.raises(TextError, match="no tokens for.*choose one of: en phones"):
        tokens("hello", pair[0], unit=pair[1])


@pytest.mark.parametrize("choice", sorted(TABLES))
@given(text=st.text(st.sampled_from("abc AB12,.?!$%-'é안녕하세요값3개㎏ㅋ\n😀“"), min_size=1, max_size=30))
@settings(max_examples=150, deadline=None)
def test_ids_fit_and_spans_go_forward(choice: tuple[str, str], text: str) -> None:
    try:
        got = tokens(text, choice[0], unit=choice[1])
    except TextError:
        return
    assert all(0 <= i < len(table(*choice)) for i in got.ids) and got.ids[-1] == 1
    assert all(0 <= first <= last <= len(text) for first, last in got.spans)
    assert all(a[0] <= b[0] for a, b in zip(got.spans, got.spans[1:]))
    if choice == ("en", "phones"):
        assert sum(s[-1:].isdigit() for s in got.symbols) == sum(
            p[-1].isdigit() for w in words(text) for p in w.phones
        )
