"""The picture of the text-to-speech tab: a real sentence as sound, cut where its words begin, each piece on its own.

Run it: python -m demos._tts.card writes assets/site/tts.svg.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from demos._tab import ROOT
from demos._widgets import SAMPLES, sample_path

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, MIDDLE, TALL = 30.0, 610.0, 205.0, 105.0
KEY = "b0481"
STEP_S = 0.008
COLOURS = ("var(--reference, #2c5c9e)", "var(--model, #bf4a17)", "var(--accent, #0b6a69)")


def envelope() -> np.ndarray:
    """Peaks of the bundled sentence every 8 ms, scaled to 1: float64 [n]."""
    from core import audio

    x = audio.load_voice(sample_path(KEY)).abs().double().numpy()
    step = round(STEP_S * audio.SAMPLE_RATE_HZ)
    peaks = x[: len(x) // step * step].reshape(-1, step).max(axis=1)
    return peaks / peaks.max()


def cuts(peaks: np.ndarray, count: int) -> list[int]:
    """Where the sentence is quietest, `count` places that are not close to each other, in order."""
    smooth = np.convolve(peaks, np.ones(3) / 3, mode="same")
    chosen: list[int] = []
    for place in np.argsort(smooth):
        if 8 < place < len(peaks) - 8 and all(abs(place - other) > len(peaks) / (2.2 * count) for other in chosen):
            chosen.append(int(place))
        if len(chosen) == count:
            break
    return sorted(chosen)


def svg(peaks: Sequence[float], places: Sequence[int]) -> str:
    """The picture; colours are the page's variables, with their light values as a fallback."""
    ends = [0, *places, len(peaks)]
    scale = (RIGHT - LEFT - 10 * len(places)) / len(peaks)
    parts = []
    for number, (begin, end) in enumerate(zip(ends, ends[1:])):
        x = lambda i, n=number: LEFT + scale * i + 10 * n  # noqa: E731
        y = MIDDLE + (14 if number % 2 else -14)
        bars = "".join(
            f"M{x(i):.1f} {y - TALL * peaks[i]:.1f}V{y + TALL * peaks[i]:.1f}" for i in range(begin, end)
        )
        parts.append(
            f'<path d="{bars}" stroke="{COLOURS[number % 3]}" stroke-width="{scale * 0.7:.1f}" stroke-linecap="round"/>'
        )
        if number:
            seam = x(begin) - 5 - scale / 2
            parts.append(f'<path d="M{seam:.1f} 70V340" stroke="var(--rule, #dfdacd)" stroke-dasharray="3 4"/>')
    parts.append(
        f'<text x="{WIDTH / 2}" y="42" text-anchor="middle" font-size="21" fill="var(--ink, #22201b)">'
        f"{SAMPLES[KEY]}</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f"{''.join(parts)}</svg>\n"
    )


if __name__ == "__main__":
    found = envelope()
    (ROOT / "assets/site/tts.svg").write_text(svg(found.tolist(), cuts(found, 7)), encoding="utf-8")
