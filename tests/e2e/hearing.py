"""What a player plays and when live sound began, for the tests that listen."""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile
from browsing import bring

LATEST_S = 60  # far beyond the 2 s that the site aims at (17 s were seen on a machine with six jobs for each core)


def wav(page, player: str, index: int = 0) -> tuple[np.ndarray, int]:
    """A player's sound as its WAV link gives it: float64 [T], and the sample rate."""
    text = (
        page.locator(f"{player} .downloads a")
        .nth(index)
        .evaluate(
            """async a => {
            const bytes = new Uint8Array(await (await fetch(a.href)).arrayBuffer());
            return btoa(Array.from(bytes, b => String.fromCharCode(b)).join(''));
        }"""
        )
    )
    return soundfile.read(io.BytesIO(base64.b64decode(text)))


def assert_is_sound(x: np.ndarray) -> None:
    """Neither silence nor clipped, and not a constant."""
    rms_dbfs = 20 * np.log10(np.sqrt(np.mean(x**2)) + 1e-12)
    assert -50 < rms_dbfs < -6
    assert np.mean(np.abs(x) > 0.999) < 1e-3


def sounds(page, player: str, count: int) -> list[np.ndarray]:
    """The sounds of a player, once there are so many; each is a sound."""
    bring(page, player)
    page.wait_for_function(f"document.querySelectorAll('{player} .downloads a').length === {count}")
    found = [wav(page, player, i)[0] for i in range(count)]
    for x in found:
        assert_is_sound(x)
    return found


def said_live(page, live: str, button: str) -> None:
    """Press the button and wait until the sound that plays while it is made has been made.

    A busy browser may draw the last of it before any of it: only another run is waited for.
    """
    before = page.locator(live).get_attribute("data-run")
    page.locator(button).click()
    page.wait_for_function(
        "([live, before]) => { const now = document.querySelector(live).dataset;"
        "return now.run && now.run !== before && ['done', 'stopped'].includes(now.state); }",
        arg=[live, before],
    )


def first_sound(page, live: str, record_property) -> None:
    """Report the seconds from the click to the first sound, as the page has clocked them; they are below LATEST_S."""
    seconds = int(page.locator(live).get_attribute("data-first-sound-ms")) / 1000
    record_property("seconds from the click to live sound", seconds)
    assert 0 < seconds < LATEST_S
