"""MelNet on the page: tiers at their places, drawing live, freezing, a voice continued, what a bin sees."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
import soundfile
from browsing import bring, drawn, open_patiently, still, upload
from hearing import assert_is_sound, sounds, wav
from playwright.sync_api import expect

from core import weights
from core.melnet.look import STACKS, place_of, visible
from core.melnet.tiers import shapes
from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e
needs = lambda *names: pytest.mark.skipif(  # noqa: E731
    not set(names) <= set(weights.names()), reason="the weights are not here"
)
AXIS = 20  # pixels below the pictures, for the seconds


def point(page, canvas, frame: int, band: int, frames: int) -> None:
    """Move the pointer to a bin of a picture of so many frames and 80 bands."""
    box = still(page, canvas)
    x = box["x"] + (frame + 0.5) / frames * box["width"]
    page.mouse.move(x, box["y"] + (1 - (band + 0.5) / 80) * (box["height"] - AXIS))


def table(page, view: str) -> list[dict[str, str]]:
    """The bins of the chosen take, as the CSV gives them."""
    with page.expect_download() as download:
        page.locator(f"#{view} .plot-export [data-kind=csv]").click()
    return list(csv.DictReader(io.StringIO(download.value.path().read_text())))


def press(page, button: str, view: str, state: str = "done") -> None:
    """Press a button and wait until another run than before has come to that state."""
    before = bring(page, f"#{view} .tiers-view").get_attribute("data-run") or ""
    page.locator(f"#{button}").click()
    page.wait_for_function(
        "([view, before, state]) => { const now = document.querySelector(view).dataset;"
        "return now.run !== before && now.state === state; }",
        arg=[f"#{view} .tiers-view", before, state],
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_tiers_stand_at_their_places_and_are_heard(opener, language) -> None:
    t = strings("melnet", language)
    page = open_patiently(opener, "melnet", language, "interleave", width=1280 if language == "en" else 390)
    view = bring(page, "#interleave-view .tiers-view[data-state=done]")
    sounds(page, "#interleave-sounds", 5)
    view.locator(".chip").nth(1).click()
    take = view.locator(".take")
    expect(take).to_have_attribute("data-tier", "2")
    frames = 4 * int(take.get_attribute("data-done"))  # tier 2 has every fourth frame
    view.locator(".next").click()
    expect(take).to_have_attribute("data-tier", "3")
    rows = table(page, "interleave-view")
    assert len(rows) == frames * 80
    assert all(int(row["tier"]) == place_of(int(row["frame"]), int(row["band"]), 5)[0] for row in rows[:997])
    canvas = take.locator("canvas")
    canvas.focus()
    canvas.press("ArrowRight")
    at = round(frames * 0.3 - 0.5) + 1, 12
    tier, i, j = place_of(*at, 5)
    time, bands = shapes(frames, 80, 5)[tier - 1]
    said = t("view.bin").split("{value}")[0].format(
        tier=tier, i=i + 1, j=j + 1, time=time, bands=bands, frame=at[0] + 1, band=at[1] + 1,
        seconds=f"{at[0] / 80:.3f}",
    )  # fmt: skip
    expect(view.locator(".at")).to_contain_text(said)


def test_a_bin_sees_on_the_page_what_python_says(opener) -> None:
    page = open_patiently(opener, "melnet", "en", "see")
    view = bring(page, "#see-view .see-view[data-spot]")
    canvas = view.locator("canvas")
    for frame, band in ((41, 13), (40, 32), (42, 20)):  # of tiers 5, 1 and 3
        point(page, canvas, frame, band, 80)
        expect(view).to_have_attribute("data-spot", f"{frame},{band}")
        expect(view).to_have_attribute("data-tier", str(place_of(frame, band, 5)[0]))
        expected = visible(frame, band, 80, 80, 5)
        for stack in STACKS:
            expect(view.locator(f".stack.{stack}")).to_have_attribute("data-count", str(int(expected[stack].sum())))
    if "melnet-speech" in weights.names():
        page.mouse.down()
        page.mouse.up()
        expect(view).to_have_attribute("data-influence", "42,20")
        expect(view).to_have_attribute("data-mode", "how_much")
        point(page, canvas, 38, 20, 80)
        expect(view.locator(".at").nth(1)).to_contain_text("Influence")
        rows = table(page, "see-view")
        assert sum(bool(row["influence"]) for row in rows) == sum(
            int(visible(42, 20, 80, 80, 5)[stack].sum()) for stack in STACKS if stack != "centralised"
        )


@needs("melnet-speech")
def test_stored_takes_at_sight_then_a_birth_and_frozen_tiers_stay(opener) -> None:
    page = open_patiently(opener, "melnet", "en", "born", "&seconds=1&takes=1&seed=7&keep=3")
    bring(page, "#born-view .tiers-view[data-state=done]")
    sounds(page, "#born-takes", 3)
    press(page, "born-run", "born-view")
    view = page.locator("#born-view .tiers-view")
    assert view.get_attribute("data-takes") == "1"
    page.wait_for_function("document.querySelectorAll('#born-takes .downloads a').length === 1")
    x, rate = wav(page, "#born-takes")
    assert_is_sound(x)
    assert abs(len(x) / rate - 1) < 0.05
    first = {(r["frame"], r["band"]): r for r in table(page, "born-view")}
    assert len(first) == 80 * 80
    press(page, "born-again", "born-view")
    assert view.get_attribute("data-takes") == "3"
    second = {(r["frame"], r["band"]): r for r in table(page, "born-view")}
    kept = [at for at, row in first.items() if int(row["tier"]) <= 3]
    assert all(first[at] == second[at] for at in kept) and len(kept) == 1600
    new = [first[at]["log_mel"] != second[at]["log_mel"] for at, row in first.items() if int(row["tier"]) > 3]
    assert np.mean(new) > 0.8
    view.locator(".chip").first.click()  # scrub back: only the first tier, which is larger pixels
    assert {view.locator(".take").nth(k).get_attribute("data-done") for k in range(3)} == {"20"}


@needs("melnet-speech")
def test_a_voice_goes_on_and_a_silent_one_is_explained(opener, tmp_path) -> None:
    page = open_patiently(opener, "melnet", "ko", "prime", "&prime=0.5&more=0.5&continuations=1")
    silent = tmp_path / "<b>silence.wav"
    soundfile.write(str(silent), np.zeros(16_000), 16_000)
    upload(page, "prime-voice", silent)
    page.locator("#prime-run").click()
    expect(page.locator(".toast-body").first).to_be_visible()
    expect(page.locator(".toast-body").first).to_contain_text("소리")
    voice = tmp_path / "voice.wav"
    x = np.random.default_rng(0).standard_normal(16_000) * 0.1
    soundfile.write(str(voice), x, 16_000)
    upload(page, "prime-voice", voice)
    press(page, "prime-run", "prime-view")
    page.wait_for_function("document.querySelectorAll('#prime-sounds .downloads a').length === 2")
    for k in range(2):
        assert_is_sound(wav(page, "#prime-sounds", k)[0])
    rows = table(page, "prime-view")
    assert len(rows) == 80 * 80
    given = np.array([float(row["log_mel"]) for row in rows if int(row["frame"]) < 40])
    assert given.std() < 2  # noise: flat, and not what the network would have drawn


@needs("melnet-speech", "melnet-one-tier")
def test_why_tiers_in_numbers_and_stopping(opener) -> None:
    page = open_patiently(opener, "melnet", "en", "why", "&long=6")
    asked = bring(page, "#quiz-why-steps .quiz-body")
    asked.locator("input").first.fill("240")
    asked.locator("button").click()
    expect(page.locator("#why-lengths")).to_contain_text("480")  # frames of 6 s, revealed after the question
    drawn(page, "why-nats")
    drawn(page, "why-likeness")
    bring(page, "#why-view .tiers-view[data-state=done]")
    sounds(page, "#why-sounds", 6)
    before = page.locator("#why-view .tiers-view").get_attribute("data-run")
    page.locator("#why-run").click()
    page.wait_for_function(
        "before => { const now = document.querySelector('#why-view .tiers-view').dataset;"
        "return now.run !== before && now.state === 'running'; }",
        arg=before,
    )
    page.locator("#why-stop").click()
    page.wait_for_selector("#why-view .tiers-view[data-state=stopped]", state="attached")
