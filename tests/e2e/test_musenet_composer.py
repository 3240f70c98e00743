"""The composer in the browser: stored pieces at sight, four ways to go on, versions, uploads that are no music."""

from __future__ import annotations

import io
import urllib.request

import mido
import numpy as np
import pretty_midi
import pytest
import soundfile
from browsing import bring, drawn, open_patiently
from playwright.sync_api import expect

from core import midi, weights
from core.musenet import encoding, examples
from demos._musenet import starts
from demos._tab import LANGUAGES, strings

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif("musenet-composer" not in weights.names(), reason="the weights are not here yet"),
]
in_both = pytest.mark.parametrize("language", LANGUAGES)
ROLL = "#composer-roll .roll-view"
PLAYER = "#composer-player .player"


def words(language: str):
    return strings("musenet", language).cell("composer")


def opened(opener, language: str, query: str = "", **options):
    page = open_patiently(opener, "musenet", language, "composer", query, **options)
    bring(page, ROLL)
    return page


def fetched(opener, address: str) -> bytes:
    with urllib.request.urlopen(opener.address + address, timeout=60) as answer:
        return answer.read()


def level(sound: bytes) -> float:
    x, _ = soundfile.read(io.BytesIO(sound))
    return float(np.sqrt(np.mean(x**2)))


def pitches(score: pretty_midi.PrettyMIDI) -> list[int]:
    return [note.pitch for note in sorted(encoding.notes(score), key=lambda n: (n.start_s, n.pitch))]


def composed(page, press: str) -> None:
    """Press something and wait until four takes are in the player."""
    before = page.locator(ROLL).get_attribute("data-run")
    bring(page, press).click()
    page.wait_for_function(
        "([roll, player, before]) => { const now = document.querySelector(roll).dataset;"
        "return now.run !== before && now.state === 'done'"
        " && document.querySelectorAll(player + ' .choice').length === 4; }",
        arg=[ROLL, PLAYER, before],
    )


def versions(page) -> list[str]:
    return page.locator("#composer-versions label").all_inner_texts()


@pytest.mark.skipif(not examples.stored(), reason="no stored pieces yet")
@in_both
def test_a_stored_piece_is_seen_and_heard_at_sight(opener, language: str) -> None:
    page, t = opened(opener, language), words(language)
    page.wait_for_selector(f"{ROLL}[data-state=done]")
    piece = examples.stored()[0]
    assert int(page.locator(ROLL).get_attribute("data-notes")) == len(encoding.decode_notes(piece["tokens"]))
    bring(page, f"{PLAYER}[data-ready]")
    assert level(fetched(opener, page.locator(f"{PLAYER} .downloads a").get_attribute("href"))) > 0.01
    bring(page, f"{PLAYER} .play").click()
    page.wait_for_function(f"Number(document.querySelector('{PLAYER}').dataset.position) > 0.3")
    page.locator(f"{PLAYER} .play").click()
    score = pretty_midi.PrettyMIDI(io.BytesIO(fetched(opener, page.locator("#composer-links a").get_attribute("href"))))
    assert len(pitches(score)) == int(page.locator(ROLL).get_attribute("data-notes"))
    expect(drawn(page, "composer-produced").locator("..")).to_contain_text(t("instrument_piano"))
    drawn(page, "composer-mask")
    expect(page.locator("#composer-mask .plot-caption")).to_contain_text(t("stored"))
    bring(page, "#composer-further").click()
    page.wait_for_selector("#composer-versions input >> nth=1")
    assert len(versions(page)) == 2 and t("style_chopin") in versions(page)[1]


@in_both
def test_chopin_from_mozarts_rondo_four_ways_one_kept_undone_and_branched(opener, language: str) -> None:
    page, t = opened(opener, language, "&composer-mode=live&length=3"), words(language)
    composed(page, "#composer-preset-turca")
    assert page.locator("#composer-player .choice").count() == 4
    tracks = page.locator(f"{PLAYER} .downloads a").all()
    assert min(level(fetched(opener, track.get_attribute("href"))) for track in tracks) > 0.005
    links = {one.inner_text(): one.get_attribute("href") for one in page.locator("#composer-links a").all()}
    score = pretty_midi.PrettyMIDI(io.BytesIO(fetched(opener, links["MIDI B"])))
    rondo = pitches(midi.read(starts.FOLDER / starts.PIECES["rondo"]).midi)
    assert pitches(score)[:40] == rondo[:40] and {part.name for part in score.instruments} == {"piano"}
    wav = soundfile.info(io.BytesIO(fetched(opener, links["WAV B"])))
    assert (wav.format, wav.samplerate, wav.channels) == ("WAV", 32_000, 2) and wav.duration > 12
    bring(page, f"{PLAYER} .choice >> nth=2").click()
    expect(page.locator(ROLL)).to_have_attribute("data-take", "2")
    bring(page, "#composer-roll .take >> nth=1").click()
    expect(page.locator(PLAYER)).to_have_attribute("data-track", "1")
    bring(page, "#composer-keep-b").click()
    page.wait_for_selector("#composer-versions input >> nth=1")
    assert len(versions(page)) == 2 and "B" in versions(page)[1] and t("style_chopin") in versions(page)[1]
    expect(page.locator(f"{PLAYER} .choice")).to_have_count(1)
    composed(page, "#composer-run")
    bring(page, "#composer-keep-d").click()
    page.wait_for_selector("#composer-versions input >> nth=2")
    bring(page, "#composer-undo").click()
    expect(page.locator("#composer-versions label").nth(1).locator("input")).to_be_checked()
    bring(page, "#composer-versions label >> nth=0").click()
    expect(page.locator(f"{PLAYER} .choice")).to_contain_text(t("beginning"))
    assert len(versions(page)) == 3


def test_a_run_can_be_stopped_and_what_was_made_is_kept(opener) -> None:
    page = opened(opener, "en", "&composer-mode=live&length=20&start=nothing&boldness=1.3")
    bring(page, "#composer-run").click()
    page.wait_for_function(f"Number(document.querySelector('{ROLL}').dataset.notes) > 3")
    page.locator("#composer-stop").click()
    page.wait_for_selector(f"{ROLL}[data-state=stopped]")
    expect(page.locator("#composer-keep-a")).to_be_visible()


def upload(page, path) -> None:
    page.locator("#composer-upload input[type=file]").first.set_input_files(path)


def test_uploads_that_are_no_music_are_explained_and_others_mended(opener, tmp_path) -> None:
    page = opened(opener, "en", "&composer-mode=live&length=2&start=own")
    page.wait_for_selector("#composer-upload input[type=file]", state="attached")
    (tmp_path / "text.mid").write_bytes(b"no music")
    file = mido.MidiFile()
    track = mido.MidiTrack()
    file.tracks.append(track)
    for pitch in (60, 64, 67):
        track.append(mido.Message("note_on", note=pitch, velocity=80, time=240))
    file.save(tmp_path / "<b>hangs.mid")
    upload(page, tmp_path / "text.mid")
    expect(page.locator(".toast-body").filter(has_text="not a MIDI file").first).to_be_visible()
    expect(page.locator(ROLL)).to_have_attribute("data-state", "idle")
    page.locator("#composer-upload button[aria-label]").first.click()
    upload(page, tmp_path / "<b>hangs.mid")
    expect(page.locator("#composer-note")).to_contain_text("Notes that never end were ended")
    assert page.locator("#composer-note b").count() == 0
    page.wait_for_function(f"document.querySelector('{ROLL}').dataset.notes === '3'")
    composed(page, "#composer-run")


def test_the_masks_effect_is_measured_anew(opener) -> None:
    page = opened(opener, "ko", "&composer-mode=live&start=nothing&boldness=1.5&topp=1")
    caption = "#composer-mask .plot-caption"
    before = page.locator(caption).inner_text()
    bring(page, "#composer-mask-run").click()
    page.wait_for_function(
        "([at, before]) => { const now = document.querySelector(at).innerText;"
        "return now !== before && now.includes('있으면 0개'); }",
        arg=[caption, before],
    )
    bring(page, "#composer-mask-player .player[data-ready]")
    assert page.locator("#composer-mask-player .choice").count() == 2
