"""The picture of the MelNet tab: a syllable of a real voice in five tiers, each in its colour, coarse to fine.

Run it: python -m demos._melnet.card writes assets/site/melnet.svg.
"""

from __future__ import annotations

import numpy as np

from demos._tab import ROOT
from demos._widgets import sample_path

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 40.0, 600.0, 24.0, 336.0
FRAMES, BANDS, TIERS, START = 56, 32, 5, 24
COLOURS = (
    "var(--reference, #2c5c9e)", "var(--model, #bf4a17)", "var(--accent, #0b6a69)", "var(--muted, #59636a)",
    "var(--ink, #1e2428)",
)  # fmt: skip
LEAST = 0.3


def levels() -> np.ndarray:
    """Levels in [0, 1] of the lowest bands: [FRAMES, BANDS]."""
    from core import audio

    mel = audio.mel(audio.load_voice(sample_path())).T[START : START + FRAMES, :BANDS].numpy()
    return np.clip((mel - mel.min()) / (mel.max() - mel.min()), 0, 1)


def svg(found: np.ndarray) -> str:
    """Squares: on the left only the first tier, then one more tier every fifth of the width."""
    from core.melnet.look import place_of

    wide, high, out = (RIGHT - LEFT) / FRAMES, (BOTTOM - TOP) / BANDS, []
    for t in range(FRAMES):
        for f in range(BANDS):
            tier = place_of(t, f, TIERS)[0]
            if tier > 1 + t * TIERS // FRAMES or found[t, f] < LEAST:
                continue
            share = (found[t, f] - LEAST) / (1 - LEAST)
            x, y = LEFT + t * wide, BOTTOM - (f + 1) * high
            out.append(
                f'<rect x="{x:.0f}" y="{y:.0f}" width="{wide - 1:.0f}" height="{high - 1:.0f}" '
                f'fill="{COLOURS[tier - 1]}" fill-opacity="{0.2 + 0.8 * share:.2f}"/>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f"{''.join(out)}</svg>\n"
    )


def main() -> None:
    path = ROOT / "assets/site/melnet.svg"
    path.write_text(svg(levels()), encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
