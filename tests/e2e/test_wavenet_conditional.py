"""A voice through its mel and back: stored, live, changed, scored; bad input; in both languages."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile
from hearing import assert_is_sound, wav
from playwright.sync_api import expect

from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e
in_both = pytest.mark.parametrize("language", LANGUAGES)
PATHS = {"en": "/", "ko": "/ko"}
PATIENCE_MS = 120_000
LIVE = "#conditional-live .live"
SAMPLES = 39_471  # of the sentence b0481


def opened(opener, language: str, query: str = "&conditional-voice-sample=b0481"):
    page = opener(f"{PATHS[language]}?tab=wavenet&step=conditional{query}")
    page.set_default_timeout(PATIENCE_MS)
    page.wait_for_selector(LIVE, state="attached")
    page.locator("#conditional-mels").scroll_into_view_if_needed()
    page.wait_for_selector("#conditional-mels .plot-host[data-drawn]")
    return page


def snr_db(reference: np.ndarray, output: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(reference**2) / np.sum((output - reference) ** 2)))


def assert_versions(page) -> None:
    """Four sounds of one length: the original, nearly it, and two with its level but other waveforms."""
    page.wait_for_function("document.querySelectorAll('#conditional-versions .downloads a').length === 4")
    original, mu_law, griffin_lim, wavenet = (wav(page, "#conditional-versions", i)[0] for i in range(4))
    assert len(original) == len(mu_law) == len(griffin_lim) == len(wavenet) == SAMPLES
    for x in (original, mu_law, griffin_lim, wavenet):
        assert_is_sound(x)
    assert snr_db(original, mu_law) > 30
    assert snr_db(original, wavenet) < 10
    level = [20 * np.log10(np.sqrt(np.mean(x**2))) for x in (original, wavenet)]
    assert abs(level[0] - level[1]) < 8


@in_both
def test_the_stored_result_is_there_at_once_and_a_click_shows_one_instant(opener, language: str) -> None:
    page = opened(opener, language)
    page.wait_for_selector("#conditional-versions .player[data-ready]")
    assert_versions(page)
    expect(page.locator("#conditional-scores")).to_contain_text("core.wavenet.examples")
    summary = page.locator("#conditional-column p").last
    before = summary.inner_text()
    mels = page.locator("#conditional-mels .plot-host")
    mels.scroll_into_view_if_needed()
    box = mels.bounding_box()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    page.wait_for_timeout(300)
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    expect(summary).not_to_have_text(before)


@in_both
def test_a_changed_mel_is_spoken_live_compared_and_scored(opener, language: str) -> None:
    t = strings("wavenet", language).cell("conditional")
    page = opened(opener, language)
    page.get_by_role("button", name=t("preset_frequency"), exact=True).click()
    caption = page.locator("#conditional-mels p").last
    expect(caption).to_have_text(t("mels_waiting", frames=198, seconds="2.5"))
    assert len(page.evaluate("document.querySelector('#conditional-mels .plot-host').data")) == 2
    page.locator("#conditional-run").click()
    page.wait_for_selector(f"{LIVE}[data-state=running]", state="attached")
    page.wait_for_selector(f"{LIVE}[data-state=done]", state="attached")
    assert page.locator(LIVE).get_attribute("data-received") == str(SAMPLES)
    assert int(page.locator(LIVE).get_attribute("data-first-sound-ms")) > 0
    expect(page.locator("#conditional-scores")).to_contain_text(t("given_mel"))
    assert_versions(page)
    assert len(page.evaluate("document.querySelector('#conditional-mels .plot-host').data")) == 3
    db = float(re.search(r"(\d+\.\d) dB", caption.inner_text()).group(1))
    assert 0 < db < 25
    row = page.locator("#conditional-scores tr", has_text="WaveNet").inner_text().split()
    assert float(row[-1]) == pytest.approx(db, abs=0.1)  # the table and the figure say the same
    quiz = page.locator("#quiz-conditional-phase")
    quiz.scroll_into_view_if_needed()
    quiz.locator("input[type=radio]").nth(1).check()
    quiz.get_by_role("button").first.click()
    expect(page.locator("#conditional-answer")).to_contain_text("dB")


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
        page.locator("#conditional-voice button").first.click()  # clears it
        page.locator("#conditional-voice button[aria-label='Upload file']").click()
        page.locator("#conditional-voice input[type=file]").first.set_input_files(tmp_path / name)
        expect(page.locator(".toast-wrap")).to_contain_text(says[language])
        assert page.locator("#conditional-versions .choice").count() == 4
    page.locator("#conditional-run").click()
    page.wait_for_selector(f"{LIVE}[data-state=idle]", state="attached")
    assert page.locator("#conditional-versions .choice").count() == 4
    # the browser cannot draw a text file as a waveform, and says so; everything else would be our mistake
    page.watch.errors = [error for error in page.watch.errors if "MediaError" not in error]
