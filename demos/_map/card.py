"""The picture of the map: a sentence's waveform, and three ways to look at it.

Run it: python -m demos._map.card writes assets/site/map.svg.
"""

from __future__ import annotations

import numpy as np

from demos._map import sound
from demos._tab import ROOT

WIDTH, HEIGHT, LEFT = 640, 360, 36.0
SPEECH, SOUND, MUSIC = "var(--accent, #0b6a69)", "var(--model, #bf4a17)", "var(--reference, #2c5c9e)"
BOX, GAP, BOX_TOP, TALL = 176.0, 20.0, 210.0, 118.0
COLUMNS, ROWS = 34, 14


def svg(peaks: np.ndarray, mel: np.ndarray, f0_hz: np.ndarray) -> str:
    """peaks [n] in [0, 1]; mel [COLUMNS, ROWS] in [0, 1]; f0_hz [m], 0 where nothing is voiced."""
    out = []
    wide = (WIDTH - 2 * LEFT) / len(peaks)
    for place, high in enumerate(peaks):
        tall = max(2.0, 84 * float(high))
        out.append(f'<rect x="{LEFT + place * wide:.1f}" y="{66 - tall / 2:.1f}" width="{0.62 * wide:.1f}" '
                   f'height="{tall:.1f}" rx="1.5" fill="var(--ink, #1e2428)" fill-opacity="0.75"/>')  # fmt: skip
    for number, colour in enumerate((SPEECH, SOUND, MUSIC)):
        x = LEFT + number * (BOX + GAP)
        middle = x + BOX / 2
        out.append(f'<path d="M {WIDTH / 2:.0f} 122 C {WIDTH / 2:.0f} 168 {middle:.0f} 152 {middle:.0f} {BOX_TOP:.0f}" '
                   f'fill="none" stroke="{colour}" stroke-width="2.5"/>'
                   f'<circle cx="{middle:.0f}" cy="{BOX_TOP - 6:.0f}" r="5" fill="{colour}"/>')  # fmt: skip
    out += [*_letters(LEFT, mel), *_spectrogram(LEFT + BOX + GAP, mel), *_pitch(LEFT + 2 * (BOX + GAP), f0_hz)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
            f"{''.join(out)}</svg>\n")  # fmt: skip


def _letters(x: float, mel: np.ndarray) -> list[str]:
    """How loud each moment is, as a row of strokes under letters of the sentence."""
    text, out = "THE TASK WE SET", []
    each = BOX / len(text)
    for place, letter in enumerate(text):
        loud = float(mel[int(place / len(text) * len(mel))].mean())
        out.append(f'<text x="{x + (place + 0.5) * each:.1f}" y="{BOX_TOP + 44:.0f}" text-anchor="middle" '
                   f'font-family="ui-monospace, monospace" font-size="14" fill="{SPEECH}">{letter}</text>'
                   f'<rect x="{x + place * each + 2:.1f}" y="{BOX_TOP + 58:.0f}" width="{each - 4:.1f}" '
                   f'height="{6 + 44 * loud:.1f}" fill="{SPEECH}" '
                   f'fill-opacity="{0.25 + 0.6 * loud:.2f}"/>')  # fmt: skip
    return out


def _spectrogram(x: float, mel: np.ndarray) -> list[str]:
    wide, tall = BOX / COLUMNS, TALL / ROWS
    return [f'<rect x="{x + i * wide:.1f}" y="{BOX_TOP + TALL - (j + 1) * tall:.1f}" width="{wide - 0.6:.1f}" '
            f'height="{tall - 0.6:.1f}" fill="{SOUND}" fill-opacity="{float(mel[i, j]):.2f}"/>'
            for i in range(COLUMNS) for j in range(ROWS) if mel[i, j] > 0.04]  # fmt: skip


def _pitch(x: float, f0_hz: np.ndarray) -> list[str]:
    out = [f'<path d="M {x:.0f} {BOX_TOP + k * TALL / 4:.1f} h {BOX:.0f}" stroke="{MUSIC}" stroke-opacity="0.25"/>'
           for k in range(5)]  # fmt: skip
    voiced = f0_hz[f0_hz > 0]
    low, high = np.log2(np.percentile(voiced, [2, 98]))
    for place, hz in enumerate(f0_hz):
        if hz > 0:
            down = TALL * (0.95 - 0.9 * float(np.clip((np.log2(hz) - low) / (high - low), 0, 1)))
            out.append(f'<circle cx="{x + place / len(f0_hz) * BOX:.1f}" cy="{BOX_TOP + down:.1f}" r="2.6" '
                       f'fill="{MUSIC}"/>')  # fmt: skip
    return out


def main() -> None:
    import pyworld

    from core import audio

    x = audio.load_voice(sound.EXAMPLES[sound.FIRST])
    parts = np.array_split(np.abs(x.numpy()), 90)
    peaks = np.array([part.max() for part in parts])
    mel = np.clip((audio.mel(x).numpy().T + 9.0) / 9.0, 0, 1)  # [F, 80]
    cells = np.stack([np.stack([block.mean() for block in np.array_split(part, ROWS, axis=1)])
                      for part in np.array_split(mel, COLUMNS, axis=0)])  # fmt: skip
    f0_hz, _ = pyworld.harvest(x.double().numpy(), audio.SAMPLE_RATE_HZ, frame_period=20.0)
    path = ROOT / "assets/site/map.svg"
    path.write_text(svg(peaks / peaks.max(), cells, f0_hz), encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
