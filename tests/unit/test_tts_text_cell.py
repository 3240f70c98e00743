"""The front-end cell: every id of the text is shown once, under the characters it came from, and nothing is trusted."""

import html
import re

import pytest

from core.text.tokens import tokens
from demos._tab import strings
from demos._tts import text as cell

MONEY = "I paid $5 on 3/4/2021, Dr. Zyxkon!"


def words(language="en"):
    return strings("tts", language).cell("text")


def shown_ids(markup):
    return [int(i) for i in re.findall(r"<i>(\d+)</i>", markup)]


@pytest.mark.parametrize(("unit", "table"), [("sounds", "phones"), ("letters", "letters")])
def test_the_groups_hold_all_ids_of_an_english_sentence_but_start_end_and_boundaries(unit, table):
    groups = cell.english_groups(MONEY, table)
    found = tokens(MONEY, "en", unit=table)
    wanted = [number for number, symbol in zip(found.ids, found.symbols) if symbol not in "^~ "]
    assert [i for g in groups for p in g.pieces for _, i in p.tokens] == wanted
    assert [g.written for g in groups] == ["I", "paid", "$5", "on", "3/4/2021", "Dr.", "Zyxkon"]
    assert [p.said for p in groups[2].pieces] == ["five", "dollars"]
    assert groups[-1].pieces[0].source == "espeak-ng"
    markup, said = cell.show(words(), MONEY, unit)
    assert shown_ids(markup) == wanted and str(len(tokens(MONEY, "en", unit=table))) in said


def test_korean_is_found_out_and_what_sounds_otherwise_is_marked():
    markup, _ = cell.show(words("ko"), "국물 3개를 같이", "sounds")
    assert "[<mark>궁</mark>물]" in markup and "[<mark>가</mark><mark>치</mark>]" in markup
    assert '<span class="written">3개를</span>' in markup or '<span class="written">3</span>' in markup
    wanted = tokens("국물 3개를 같이", "ko", unit="sounds").ids[:-1]
    assert "세" in markup and shown_ids(markup) == [number for number in wanted if number != 79]  # but the spaces
    assert "ㄱ" in markup and "ᄀ" not in markup  # letters as one knows them, not parts for composing


def test_the_lectures_sentence_has_the_lectures_ids():
    markup, _ = cell.show(words("ko"), "안녕하세요? 만나게 돼서 모두 반갑습니다.", "letters")
    assert '<p class="ids">[13, 21, 45, 4, 27, 62, 20, 21' in markup


@pytest.mark.parametrize("text", ["", "   ", "?!…", "🙂", "a" * 700, None, "Привет"])
def test_what_cannot_be_said_is_explained_while_one_types(text):
    for language in ("en", "ko"):
        markup, said = cell.show(words(language), text, "sounds")
        assert 'class="problem"' in markup and said == ""
    assert re.search("[가-힣]", markup)  # the last one was the Korean page's


def test_markup_in_the_text_stays_text():
    markup, said = cell.show(words(), "Say <img src=x onerror=alert(1)> & 🙂 now", "sounds")
    assert "<img" not in markup and "<img" not in said
    assert html.unescape(re.sub("<[^>]*>", "", markup)).count("🙂") == 0 and "🙂" in said
