"""What a player plays, for the tests that listen."""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile


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
