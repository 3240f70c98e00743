"""The sentence box: what cannot be said is told once, and all that is not said stands quietly below the box."""

import gradio as gr
import pytest

from demos import _widgets
from demos._tab import strings
from demos._tts import sentence

KOREAN = "안녕하세요?"


@pytest.fixture
def told(monkeypatch):
    """The warnings that were shown."""
    found = []
    monkeypatch.setattr(_widgets, "tell", lambda t, error: found.append(str(error)))
    return found


def test_a_refusal_is_told_once_until_the_text_changes(told):
    t = strings("tts", "en")
    accepted, refused = sentence.judge(t, "Hello there. ", None)
    assert (accepted, refused, told) == ("Hello there.", None, [])
    for _ in range(3):  # Enter, then the box is left again and again
        accepted, refused = sentence.judge(t, KOREAN, refused)
        assert accepted == gr.skip() and refused == KOREAN
    assert len(told) == 1 and "Korean" in told[0]
    _, refused = sentence.judge(t, "안녕", refused)
    assert len(told) == 2
    _, refused = sentence.judge(t, "Hello there.", refused)
    _, refused = sentence.judge(t, "안녕", refused)
    assert len(told) == 3
    for _ in range(2):
        _, refused = sentence.judge(t, None, refused)
    assert len(told) == 4


@pytest.mark.parametrize(("language", "words"), [("en", "Not said"), ("ko", "읽지 않은")])
def test_what_is_dropped_is_said_below_the_box(language, words):
    t = strings("tts", language)
    shown = sentence.remark(t, "I <3 you 🙂 ☃")
    assert shown["visible"] and words in shown["value"] and "🙂" in shown["value"] and "<3" not in shown["value"]
    assert not sentence.remark(t, "I paid $5 & left.")["visible"]


def test_a_refusal_stays_below_the_box_in_the_language_of_the_page():
    shown = sentence.remark(strings("tts", "ko"), KOREAN)
    assert shown["visible"] and "영어" in shown["value"]
    assert "<b>" not in sentence.remark(strings("tts", "en"), "<b>Привет</b>")["value"]


def test_a_quoted_sentence_formats_nothing_and_is_short():
    assert sentence.quoted("a *b* | <i> [c](d) `e` _f_ # $5 &amp;") == (
        r"a \*b\* \| \<i\> \[c\](d) \`e\` \_f\_ \# $5 \&amp;"
    )
    assert sentence.quoted("  two\n lines ") == "two lines"
    assert len(sentence.quoted("word " * 100)) <= sentence.SHOWN_CHARACTERS and sentence.quoted(None) == ""
