"""The Music Transformer on the page: stored takes at sight, live playing, arcs, a bad file; in both languages."""

from __future__ import annotations

import base64
import io

import pretty_midi
import pytest
from browsing import bring, drawn, open_patiently
from hearing import assert_is_sound, sounds, wav
from playwright.sync_api import expect

from core import weights
from demos._tab import LANGUAGES, strings

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not {"transformer-relative", "transformer-absolute"} <= set(weights.names()), reason="the weights are not here"
    ),
]
ROLL = "#music-roll .roll-view"


def run(page, state: str = "done") -> None:
    """Press the button and wait until another piece than before has come to that state."""
    before = bring(page, ROLL).get_attribute("data-run")
    page.locator("#music-run").click()
    page.wait_for_function(
        "([roll, before, state]) => { const now = document.querySelector(roll).dataset;"
        "return now.run !== before && now.state === state; }",
        arg=[ROLL, before, state],
    )


def midi(page) -> pretty_midi.PrettyMIDI:
    href = page.locator("#music-midi a").get_attribute("href")
    return pretty_midi.PrettyMIDI(io.BytesIO(base64.b64decode(href.partition("base64,")[2])))


@pytest.mark.parametrize("language", LANGUAGES)
def test_stored_takes_at_sight_then_it_plays_live_and_shows_what_it_looked_at(opener, language) -> None:
    t = strings("transformer", language).cell("music")
    page = open_patiently(opener, "transformer", language, "music", "&music-length=100&music-seed=5")
    bring(page, ROLL)
    page.wait_for_selector(f"{ROLL}[data-state=done]")
    sounds(page, "#music-take", 2)  # both networks, at once
    stored = int(page.locator(ROLL).get_attribute("data-notes"))
    run(page)
    expect(page.locator(f"{ROLL} .state")).to_contain_text("100")
    page.wait_for_function("document.querySelectorAll('#music-take .downloads a').length === 2")
    assert_is_sound(wav(page, "#music-take")[0])
    notes = int(page.locator(ROLL).get_attribute("data-notes"))
    assert 0 < notes < stored
    assert sum(len(one.notes) for one in midi(page).instruments) == notes
    drawn(page, "music-reach")
    drawn(page, "music-surprise")
    expect(page.locator("#music-surprise .plot-caption")).to_contain_text(t("network_relative").split()[0])
    arcs = bring(page, "#music-arcs .roll-view")
    page.wait_for_function("Number(document.querySelector('#music-arcs .roll-view').dataset.arcs) > 0")
    assert arcs.locator(".roll-legend button.head").count() == 4


def test_another_layer_and_another_note_have_other_arcs(opener) -> None:
    page = open_patiently(opener, "transformer", "en", "music", width=390)
    arcs = bring(page, "#music-arcs .roll-view")
    page.wait_for_function("Number(document.querySelector('#music-arcs .roll-view').dataset.arcs) > 0")
    said = arcs.locator(".state").inner_text()
    assert "Layer 5" in said
    box = page.locator(".link-arc-layer input[type=number]")
    box.fill("1")
    box.press("Enter")
    expect(arcs.locator(".state")).to_contain_text("Layer 1")
    picture = arcs.locator("canvas")
    picture.focus()
    before = arcs.locator(".state").inner_text()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "Enter"):
        picture.press(key)
    expect(arcs.locator(".state")).not_to_have_text(before)
    arcs.locator(".roll-legend button.head").first.click()
    expect(arcs.locator(".roll-legend button.head").first).to_have_attribute("aria-pressed", "false")


def test_a_melody_is_accompanied_and_a_broken_file_is_explained(opener, tmp_path) -> None:
    page = open_patiently(opener, "transformer", "en", "music", "&music-mode=accompany")
    bring(page, ROLL)
    page.wait_for_selector(f"{ROLL}[data-state=done]")
    before = page.locator(ROLL).get_attribute("data-run")
    upload = page.locator("#music-upload")
    upload.locator("input[type=file]").first.set_input_files(
        {"name": "<b>broken.mid", "mimeType": "audio/midi", "buffer": b"MThd but no more"}
    )
    expect(page.locator(".toast-body").first).to_be_visible()
    chosen = page.locator(".link-music-piece input").first
    assert chosen.input_value() != "Your own file"  # what cannot be read is not chosen
    assert page.locator(ROLL).get_attribute("data-run") == before  # what was there stays
    upload.locator("button[aria-label='Clear']").first.click()
    tune = pretty_midi.PrettyMIDI()
    tune.instruments.append(pretty_midi.Instrument(0))
    for i, pitch in enumerate([72, 74, 76, 77, 79, 76, 72]):
        tune.instruments[0].notes.append(pretty_midi.Note(80, pitch, i * 0.5, i * 0.5 + 0.45))
    tune.write(str(tmp_path / "tune.mid"))
    upload.locator("input[type=file]").first.set_input_files(tmp_path / "tune.mid")
    page.wait_for_function("document.querySelector('.link-music-piece input').value === 'Your own file'")
    run(page)
    played = {(round(n.start, 1), n.pitch) for one in midi(page).instruments for n in one.notes}
    assert {(i * 0.5, p) for i, p in enumerate([72, 74, 76, 77, 79, 76, 72])} <= played
