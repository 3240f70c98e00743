"""Tokens, roll and sound belong together: pointing, stepping, editing, playing the keyboard, bringing a file."""

from __future__ import annotations

import base64
import struct

import numpy as np
import pretty_midi
import pytest
from browsing import bring, open_patiently, still
from hearing import sounds, wav
from playwright.sync_api import expect

from core import midi
from core.midi import events, grammar
from demos._tab import LANGUAGES, strings
from demos._transformer.tokens import SLIDE

pytestmark = pytest.mark.e2e
VIEW = "#tokens-view .tokens-view"


def opened(opener, language, query=""):
    page = open_patiently(opener, "transformer", language, "tokens", query)
    bring(page, VIEW)
    page.wait_for_selector(f"{VIEW}[data-state=done]")
    return page


def shown(page):
    """The ids in the view."""
    return [events.parse(text) for text in page.locator(f"{VIEW} .token").all_inner_texts()]


def saved(page):
    """The ids in the MIDI file that the page offers."""
    link = page.locator("#tokens-midi a").get_attribute("href")
    return midi.encode(midi.read(base64.b64decode(link.partition(",")[2])).midi)


def another(page, act):
    """Do something, and wait until other tokens and their sound have come."""
    before = [page.locator(VIEW).get_attribute("data-run"), page.locator("#tokens-midi a").get_attribute("href")]
    act()
    page.wait_for_function(
        """([run, link]) => document.querySelector('#tokens-view .tokens-view').dataset.run !== run
        && document.querySelector('#tokens-midi a').href !== link""", arg=before,
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_tokens_notes_and_sound_belong_together(opener, language) -> None:
    page = opened(opener, language)
    view = page.locator(VIEW)
    ids = grammar.read_text(SLIDE).tolist()
    assert shown(page) == ids
    x = sounds(page, "#tokens-sound", 1)[0]
    assert saved(page) == ids
    rate = wav(page, "#tokens-sound")[1]
    assert np.abs(x[int(2.3 * rate) : int(2.45 * rate)]).max() < 0.3 * np.abs(x[int(2.5 * rate) : int(3 * rate)]).max()
    page.locator(f"{VIEW} .token").nth(3).hover()  # NOTE_ON<64>; its NOTE_OFF is the ninth token
    expect(view).to_have_attribute("data-lit", "3,8")
    expect(view).to_have_attribute("data-lit-notes", "1")
    expect(page.locator(f"{VIEW} .at-line")).to_contain_text("E4")
    page.locator(f"{VIEW} .token").nth(0).hover()  # SET_VELOCITY<80> governs three notes
    expect(view).to_have_attribute("data-lit-notes", "0,1,2")
    canvas = page.locator(f"{VIEW} canvas.picture")
    box = still(page, canvas)
    from_s, pitch, unit = 2.75, 65, 10  # the last note; rows from 73 downwards
    x_at = box["x"] + 36 + from_s * (box["width"] - 46) / 3
    page.mouse.move(x_at, box["y"] + 8 + (73 - pitch + 0.5) * unit)
    expect(view).to_have_attribute("data-lit-notes", "3")
    expect(view).to_have_attribute("data-lit", "12,14")
    t = strings("transformer", language).cell("tokens")
    page.get_by_role("button", name=t("view.first")).click()
    view.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(view).to_have_attribute("data-at", "2")
    expect(page.locator(f"{VIEW} .at-line")).to_contain_text("TIME_SHIFT<500>")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_edited_text_is_heard_and_its_mistakes_are_named(opener, language) -> None:
    page = opened(opener, language)
    bring(page, "#tokens-midi a")
    text = bring(page, "#tokens-text textarea")
    text.fill("SET_VELOCITY<100> NOTE_ON<72>\nTIME_SHIFT<700> NOTE_OFF<60> NOTE_OFF<72>")
    another(page, bring(page, "#tokens-hear").click)
    assert [events.name(i) for i in shown(page)][2:4] == ["TIME_SHIFT<700>", "NOTE_OFF<60>"]
    said = {"en": "Token 4: NOTE_OFF<60> has no effect", "ko": "4번째 토큰 NOTE_OFF<60>"}[language]
    expect(page.locator("#tokens-note")).to_contain_text(said)
    assert len(saved(page)) == 4  # without the one that has no effect
    text.fill("NOTE_ON<60>\nTIME_SHIFT<5> <b>x</b>")
    page.locator("#tokens-hear").click()
    said = page.locator(".toast-body").last
    expect(said).to_contain_text({"en": "Token 2 (line 2)", "ko": "2번째 토큰(2번째 줄)"}[language])
    expect(page.locator(VIEW)).to_have_attribute("data-tokens", "5")


def test_what_is_played_on_the_keyboard_becomes_tokens(opener) -> None:
    page = opened(opener, "en")
    bring(page, "#tokens-midi a")
    view = bring(page, VIEW)
    view.focus()

    def play() -> None:
        page.keyboard.down("a")  # C4
        page.keyboard.down("d")  # E4
        page.wait_for_timeout(300)
        page.keyboard.up("a")
        page.keyboard.up("d")
        page.wait_for_timeout(200)
        key = still(page, page.locator(f"{VIEW} .key[data-pitch='67']"))
        page.mouse.move(key["x"] + key["width"] / 2, key["y"] + key["height"] * 0.95)
        page.mouse.down()
        page.wait_for_timeout(300)
        page.mouse.up()

    another(page, play)
    page.wait_for_selector(f"{VIEW}[data-notes='3']")
    notes = events.decode_notes(shown(page))
    assert notes.pitch.tolist() == [60, 64, 67] and notes.start_s[0] == 0
    assert 0.4 < notes.start_s[2] < 8 and np.all(notes.end_s - notes.start_s > 0.2)
    assert notes.velocity[0] == 80 < 105 < notes.velocity[2]
    expect(page.locator("#tokens-text textarea")).to_have_value(grammar.write_text(shown(page)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_ones_own_file_is_mended_and_shown_from_any_place(opener, language, tmp_path) -> None:
    score = events.decode(events.encode_notes([0, 5, 20], [1, 6, 21], [60, 62, 64], [64, 64, 64]))
    score.instruments[0].control_changes = [
        pretty_midi.ControlChange(64, 127, 20.5), pretty_midi.ControlChange(64, 0, 22.0)
    ]  # fmt: skip
    data = midi.to_bytes(score)
    (tmp_path / "mine.rmi").write_bytes(b"RIFF" + struct.pack("<L", len(data) + 12) + b"RMIDdata" + b"\0\0\0\0" + data)
    (tmp_path / "no.mid").write_bytes(b"hello <b>you</b>")
    page = opened(opener, language, "&tokens-from=15")
    bring(page, "#tokens-midi a")
    another(page, lambda: page.locator("#tokens-upload input[type=file]").set_input_files(tmp_path / "mine.rmi"))
    notes = events.decode_notes(shown(page))
    assert (notes.start_s.tolist(), notes.end_s.tolist(), notes.pitch.tolist()) == ([5], [7], [64])
    expect(page.locator("#tokens-note")).to_contain_text("RIFF")
    another(page, lambda: bring(page, "#step-tokens .link-tokens-pedal input").uncheck())
    assert events.decode_notes(shown(page)).end_s.tolist() == [6]
    bring(page, "#tokens-upload button[aria-label]").click()
    page.locator("#tokens-upload input[type=file]").set_input_files(tmp_path / "no.mid")
    expect(page.locator(".toast-body").last).to_contain_text("MThd")
