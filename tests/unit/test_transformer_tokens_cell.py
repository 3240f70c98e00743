"""The cell of tokens without a browser: excerpts, what a browser may send, limits, and what the view is told."""

import gradio as gr
import numpy as np
import pytest

from core import midi
from core.errors import MidiError
from core.midi import events, grammar
from demos._jobs import translate
from demos._tab import LANGUAGES, strings
from demos._transformer import pieces, tokens

T = strings("transformer", "en").cell("tokens")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_view_knows_the_tokens_of_every_note(language):
    t = strings("transformer", language).cell("tokens")
    value, text, note, ids = tokens.from_piece(t, tokens.EXAMPLE, None, 0, True)
    assert value["ids"] == grammar.read_text(tokens.SLIDE).tolist() == grammar.read_text(text).tolist()
    assert value["notes"][0] == [0, 2000, 60, 80, 1, 7] and value["notes"][3] == [2500, 3000, 65, 100, 12, 14]
    assert value["times"] == [0, 0, 0, 500, 500, 1000, 1000, 2000, 2000, 2000, 2000, 2500, 2500, 2500, 3000]
    assert value["odd"] == {} and "15" in value["facts"] and "4" in value["facts"]
    assert note == "" and ids == value["ids"]
    (track,), saved = tokens.sounded(t, ids)
    assert "wav" in track and "audio/midi" in saved


@pytest.mark.parametrize("piece", [*pieces.NAMES, tokens.CHOPIN])
def test_every_example_gives_ten_seconds_of_clean_tokens(piece):
    value = tokens.from_piece(T, piece, None, 8, True)[0]
    assert 20 < len(value["ids"]) <= tokens.MOST_TOKENS and not value["odd"]
    assert 0 <= value["notes"][0][0] and max(note[0] for note in value["notes"]) <= 10_000
    whole = events.decode_notes(midi.encode(midi.read(tokens._path(piece)).midi))
    inside = (whole.start_s >= 8) & (whole.start_s < 18)
    assert abs(len(value["notes"]) - inside.sum()) <= 2  # of those at the edges


def test_a_place_beyond_the_end_or_without_notes():
    far = tokens.from_piece(T, pieces.FIRST, None, 1e9, True)[0]
    assert far["notes"]
    gap = events.decode(events.encode_notes([0, 50], [1, 51], [60, 60], [64, 64]))
    with pytest.raises(MidiError) as caught:
        tokens.excerpt(gap, 20, pedal=True)
    assert translate(str(caught.value), "ko") != str(caught.value)


def test_ones_own_file_and_none():
    score = midi.read(tokens._path(tokens.CHOPIN))
    assert tokens.from_piece(T, pieces.OWN, score, 3, True)[3] == tokens.from_piece(T, tokens.CHOPIN, None, 3, True)[3]
    with pytest.raises(MidiError, match="upload one"):
        tokens.from_piece(T, pieces.OWN, None, 3, True)


def test_too_many_tokens_are_cut_and_said():
    k = np.arange(900)
    crowd = events.encode_notes(k / 100, k / 100 + 0.02, k % 88 + 21, k % 120)
    ids, left_out = tokens.excerpt(events.decode(crowd), 0, pedal=True)
    assert left_out and len(ids) == tokens.MOST_TOKENS


@pytest.mark.parametrize(
    "text", ["", "  ", "NOTE_ON<60> NOTE_OFF", "NOTE_ON<60> " * 2001, "TIME_SHIFT<1000> " * 122, None]
)
def test_a_text_that_cannot_be_played_says_why(text):
    with pytest.raises(MidiError) as caught:
        tokens.from_text(T, text)
    assert translate(str(caught.value), "ko") != str(caught.value)


def test_oddities_are_named_where_they_stand():
    value, text, note, _ = tokens.from_text(T, "NOTE_OFF<60> NOTE_ON<61> TIME_SHIFT<100>")
    assert sorted(value["odd"]) == ["0", "1"] and "Token 1: NOTE_OFF&lt;60&gt;" in note
    assert "before any SET_VELOCITY" in value["odd"]["1"] and "is never ended" in value["odd"]["1"]
    assert text == gr.skip()  # the box keeps what was written
    note = tokens.from_text(T, "SET_VELOCITY<80> NOTE_ON<61> TIME_SHIFT<100> NOTE_OFF<61>")[2]
    assert note == T("no_odd")


def test_what_the_keyboard_sends_becomes_tokens():
    value = tokens.from_keys(T, [[0, 500, 60, 80], [250, 750, 64, 112]])[0]
    assert [events.name(i) for i in value["ids"]][:3] == ["SET_VELOCITY<80>", "NOTE_ON<60>", "TIME_SHIFT<250>"]
    many = [[10 * k, 10 * k + 10, 60, 80] for k in range(5000)]
    assert len(tokens.from_keys(T, many)[0]["notes"]) == tokens.MOST_NOTES


@pytest.mark.parametrize(
    "sent",
    [None, [], "x", [[1]], [[0, 1, 60]], [[0, 1, 300, 80]], [["a", 1, 60, 80]], [[0, 1e300, 60, 80]], {"a": 1},
     [[0, float("nan"), 60, 80]], [[0, float("inf"), 60, 80]], [[0, 9e6, 60, 80]], [[0, 1, float("inf"), 80]], 7],
)  # fmt: skip
def test_a_browser_may_send_anything(sent):
    with pytest.raises(MidiError) as caught:
        tokens.from_keys(T, sent)
    assert translate(str(caught.value), "ko") != str(caught.value)
