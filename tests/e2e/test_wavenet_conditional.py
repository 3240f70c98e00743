"""A voice through its mel and back: stored, live, changed, scored; bad input; in both languages."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile
from browsing import answer, click_at, drawn, open_cell, plotly_click, upload
from hearing import assert_is_sound, first_sound, said_live, wav
from playwright.sync_api import expect

from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e
in_both = pytest.mark.parametrize("language", LANGUAGES)
PATIENCE_MS = 120_000
LIVE = "#conditional-live .live"
SAMPLES = 39_471  # of the sentence b0481


def opened(opener, language: str, query: str = "&conditional-voice-sample=b0481"):
    page = open_cell(opener, language, "conditional", query, ready=LIVE)
    page.set_default_timeout(PATIENCE_MS)
    drawn(page, "conditional-mels")
    return page


def snr_db(reference: np.ndarray, output: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(reference**2) / np.sum((output - reference) ** 2)))


def assert_versions(page, *, within_db: float = 8) -> None:
    """Five sounds of one length: the original, nearly it, and three with its level but other waveforms."""
    page.wait_for_function("document.querySelectorAll('#conditional-versions .downloads a').length === 5")
    letters = page.locator("#conditional-versions .choice b").all_inner_texts()
    assert letters == ["A", "B", "C", "D", "E"]
    original, mu_law, griffin_lim, raw, wavenet = (wav(page, "#conditional-versions", i)[0] for i in range(5))
    for x in (original, mu_law, griffin_lim, raw, wavenet):
        assert len(x) == SAMPLES
        assert_is_sound(x)
    assert snr_db(original, mu_law) > 30
    assert snr_db(original, wavenet) < 10
    level = [20 * np.log10(np.sqrt(np.mean(x**2))) for x in (original, wavenet)]
    assert abs(level[0] - level[1]) < within_db


@in_both
def test_the_stored_result_is_there_at_once_and_a_click_shows_one_instant(opener, language: str) -> None:
    page = opened(opener, language)
    page.wait_for_selector("#conditional-versions .player[data-ready]")
    assert_versions(page)
    expect(page.locator("#conditional-scores")).to_contain_text("core.wavenet.examples")
    summary = page.locator("#conditional-column p").last
    before = summary.inner_text()
    click_at(page, drawn(page, "conditional-mels"), 0.75, 0.25)
    expect(summary).not_to_have_text(before)


@in_both
def test_a_changed_mel_is_spoken_live_compared_and_scored(opener, language: str, record_property) -> None:
    t = strings("wavenet", language).cell("conditional")
    page = opened(opener, language)
    page.get_by_role("button", name=t("preset_frequency"), exact=True).click()
    caption = page.locator("#conditional-mels p").last
    expect(caption).to_have_text(t("mels_waiting", frames=198, seconds="2.5"))
    assert len(page.evaluate("document.querySelector('#conditional-mels .plot-host').data")) == 2
    said_live(page, LIVE, "#conditional-run")
    assert page.locator(LIVE).get_attribute("data-received") == str(SAMPLES)
    first_sound(page, LIVE, record_property)
    expect(page.locator("#conditional-scores")).to_contain_text(t("given_mel"))
    assert_versions(page, within_db=14)  # a mel without harmonics has no pitch: she whispers
    assert len(page.evaluate("document.querySelector('#conditional-mels .plot-host').data")) == 3
    db = float(re.search(r"(\d+\.\d) dB", caption.inner_text()).group(1))
    assert 0 < db < 25
    row = page.locator("#conditional-scores tr", has_text="WaveNet").last.inner_text().split()
    assert float(row[-1]) == pytest.approx(db, abs=0.1)  # the table and the figure say the same
    answer(page, "conditional-phase", 1)
    expect(page.locator("#conditional-answer")).to_contain_text("dB")


@in_both
def test_more_rounds_of_the_post_filter_bring_the_levels_closer(opener, language: str) -> None:
    """Stored draws through 8 rounds at sight, through none after the slider is moved; noise is the control."""
    page = opened(opener, language)
    drawn(page, "conditional-lacking")
    page.wait_for_function("document.querySelectorAll('#conditional-filtered .downloads a').length === 3")
    raw, filtered, noise = (wav(page, "#conditional-filtered", i)[0] for i in range(3))
    assert len(raw) == len(filtered) == len(noise) == SAMPLES
    stored = wav(page, "#conditional-versions", 4)[0]
    assert np.abs(filtered - stored).max() < 2e-3  # the sound above has had these rounds
    caption = page.locator("#conditional-lacking p").last
    away = [float(db) for db in re.findall(r"(\d+\.\d) dB", caption.inner_text())]
    assert len(away) == 3 and away[1] < away[0] / 2 and away[1] < away[2]
    before = caption.inner_text()
    click_at(page, page.locator(".link-rounds input[type=range]"), 0)
    expect(caption).not_to_have_text(before)
    none = [float(db) for db in re.findall(r"(\d+\.\d) dB", caption.inner_text())]
    assert none[0] == none[1] == away[0] and none[2] > 2 * away[2]


@pytest.mark.parametrize("language", ["ko"])  # the message must be translated, too
def test_bad_sounds_are_refused_and_the_page_stays(opener, language: str, tmp_path) -> None:
    page = opened(opener, language, "")
    page.wait_for_selector("#conditional-versions .player[data-ready]")
    (tmp_path / "words.wav").write_text("this is no sound")
    soundfile.write(tmp_path / "long.wav", 0.1 * np.sin(np.arange(16_000 * 11) * 0.1), 16_000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    expected = {
        "words.wav": {"en": "words.wav is not a sound", "ko": "words.wav: 읽을 수 있는 소리"},
        "long.wav": {"en": "at most 10 s", "ko": "10초"},
        "silent.wav": {"en": "The sound is silent", "ko": "소리가 들어 있지 않습니다"},
    }
    for name, says in expected.items():
        upload(page, "conditional-voice", tmp_path / name)
        expect(page.locator(".toast-wrap")).to_contain_text(says[language])
        assert page.locator("#conditional-versions .choice").count() == 5
    page.locator("#conditional-run").click()
    page.wait_for_selector(f"{LIVE}[data-state=idle]", state="attached")
    assert page.locator("#conditional-versions .choice").count() == 5
    # the browser cannot draw a text file as a waveform, and says so; everything else would be our mistake
    page.watch.errors = [error for error in page.watch.errors if "MediaError" not in error]


@in_both
def test_the_clock_runs_beside_the_waveform_and_a_click_moves_it(opener, language: str) -> None:
    page = opened(opener, language)
    plot = drawn(page, "conditional-clock")
    names = plot.evaluate("p => p.data.map(d => d.name || '')")
    t = strings("wavenet", language).cell("conditional")
    assert t("clock_hand") in names and t("clock_sound") in names
    summary = page.locator("#conditional-clock .plot-caption p")
    before = summary.inner_text()
    plotly_click(page, "conditional-clock", x=0.3)
    expect(summary).not_to_have_text(before)
