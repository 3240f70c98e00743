"""The map in Chromium: the picture of the field, every cell on the sound at the top, sounds that do not fit."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile
from browsing import bring, drawn, open_patiently, plotly_click, upload
from hearing import sounds
from playwright.sync_api import Page, expect

from demos._map import field
from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e
TAB = "map"
MAIN = {  # cell -> the figure that asks for everything else, and the note that says what was heard
    "recognition": ("picture", "heard"), "enhancement": ("picture", "said"), "events": ("picture", "verdict"),
    "pitch": ("curves", "said"), "beats": ("envelope", "said"), "genre": ("taggram", "verdict"),
}  # fmt: skip
LIVE = [leaf.key for leaf in field.LEAVES if leaf.tab == TAB]


def answered(page: Page, before: str = "0") -> dict[str, str]:
    """What each task says, once all have answered to another sound than before: leaf -> state."""
    bring(page, "#field-view .field")
    page.wait_for_function(
        "before => { const now = document.querySelector('#field-view .field').dataset;"
        "return now.busy === '0' && now.run !== before; }",
        arg=before,
    )
    return {key: page.locator(f"[data-leaf={key}]").get_attribute("data-state") for key in LIVE}


def run_of(page: Page) -> str:
    return page.locator("#field-view .field").get_attribute("data-run")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_task_answers_and_every_cell_shows_the_stored_sentence(opener, language: str) -> None:
    page = open_patiently(opener, TAB, language, "field")
    t = strings(TAB, language).cell("field")
    states = answered(page)
    assert states["recognition"] == "done" and set(states.values()) <= {"done", "unsure"}
    for key in LIVE:
        expect(page.locator(f"[data-leaf={key}] .says")).not_to_be_empty()
    page.locator("[data-leaf=genre]").click()
    expect(page.locator("#field-view .facts-of h4")).to_have_text(t("genre_name"))
    expect(page.locator("#field-view .facts-of dl")).to_contain_text(t("genre_out"))
    for cell, (figure, note) in MAIN.items():
        drawn(page, f"{cell}-{figure}")
        stored = strings(TAB, language)("stored")
        expect(page.locator(f"#{cell}-{figure} .plot-caption p").first).to_contain_text(stored)
        expect(page.locator(f"#{cell}-{note}")).not_to_be_empty()
    bring(page, "#field-view .field")
    page.locator("#field-view .facts-of a").click()
    expect(page.locator("#step-genre h2")).to_be_in_viewport()


def test_a_helicopter_is_no_speech_and_the_cells_follow(opener) -> None:
    page = open_patiently(opener, TAB, "en", "field")
    answered(page)
    drawn(page, "recognition-picture")
    sentence = page.locator("#recognition-heard").inner_text()
    before = run_of(page)
    bring(page, "#field-sound-sample input").click()
    page.get_by_role("option", name=strings(TAB, "en").cell("field")("example_helicopter")).click()
    states = answered(page, before)
    assert states["recognition"] == states["pitch"] == "unsure"
    bring(page, "#recognition-picture")
    page.wait_for_function("was => document.querySelector('#recognition-heard').innerText.trim().length > 5 &&"
                           "document.querySelector('#recognition-heard').innerText !== was", arg=sentence)  # fmt: skip
    drawn(page, "recognition-picture")


def test_ones_own_file_is_asked_and_one_that_is_no_sound_is_explained(opener, tmp_path) -> None:
    page = open_patiently(opener, TAB, "ko", "field")
    answered(page)
    t = np.arange(48_000) / 16_000
    glide = 0.3 * np.sin(2 * np.pi * np.cumsum(220 * 2 ** (t / 3)) / 16_000)
    good, bad = tmp_path / "glide.wav", tmp_path / "song.wav"
    soundfile.write(good, glide, 16_000)
    before = run_of(page)
    upload(page, "field-sound", good)
    states = answered(page, before)
    assert states["pitch"] == "done" and states["recognition"] == "unsure"
    drawn(page, "pitch-curves")
    expect(page.locator("#pitch-said")).to_contain_text(re.compile("[가-힣]"))
    bad.write_text("no sound at all " * 50)
    upload(page, "field-sound", bad)
    expect(page.locator(".toast-body").first).to_contain_text(re.compile("[가-힣]"))
    for _ in range(30):  # Gradio's own preview cannot draw it either, and says so, sooner or later
        if any("MediaError" in error for error in page.watch.errors):
            break
        page.wait_for_timeout(100)
    page.watch.errors = [error for error in page.watch.errors if "MediaError" not in error]


def test_more_noise_is_heard_and_less_of_it_is_left(opener) -> None:
    page = open_patiently(opener, TAB, "en", "enhancement", "&enh-snr=0")
    drawn(page, "enhancement-picture")
    clean, mixture, ours = (x for x in sounds(page, "#enhancement-sound", players(page, "enhancement-sound"))[:3])

    def si_sdr(y: np.ndarray) -> float:
        count = min(len(clean), len(y))
        s, y = clean[:count], y[:count]
        target = s * (s @ y) / (s @ s)
        return float(10 * np.log10((target @ target) / ((y - target) @ (y - target))))

    assert si_sdr(mixture) == pytest.approx(0, abs=1.5)
    assert si_sdr(ours) > si_sdr(mixture) + 3


def players(page: Page, player: str) -> int:
    """How many sounds a player has, once it has any."""
    bring(page, f"#{player}")
    page.wait_for_selector(f"#{player} .downloads a", state="attached")
    return page.locator(f"#{player} .downloads a").count()


def test_a_song_s_beats_follow_the_tightness_and_a_click_explains_one(opener) -> None:
    page = open_patiently(opener, TAB, "en", "beats", "&field-sound-sample=song")
    drawn(page, "beats-envelope")
    music, with_clicks = sounds(page, "#beats-sounds", players(page, "beats-sounds"))[:2]
    assert np.abs(music[: len(with_clicks)] - with_clicks[: len(music)]).max() > 0.05
    before = page.locator("#beats-why").inner_text()
    plotly_click(page, "beats-envelope", x=5.0)
    page.wait_for_function("was => document.querySelector('#beats-why').innerText !== was", arg=before)


def test_tastes_are_heard_and_lead_to_their_tabs(opener) -> None:
    page = open_patiently(opener, TAB, "ko", "tastes")
    assert len(sounds(page, "#tastes-speech", 3)) == 3
    assert page.locator("#step-tastes .ways a").count() == 8
