"""The picture of the WaveNet tab: sixteen samples of a real voice on mu-law levels, and the tree above them.

Run it: python -m demos._wavenet.card writes assets/site/wavenet.svg.
"""

from __future__ import annotations

from collections.abc import Sequence

from demos._tab import ROOT
from demos._widgets import sample_path

WIDTH, HEIGHT, SAMPLES, LEVELS = 640, 360, 16, 32
LEFT, STEP = 32.0, 38.0
TREE_TOP, TREE_BOTTOM, WAVE_TOP, WAVE_BOTTOM = 34.0, 190.0, 214.0, 340.0


def excerpt() -> list[tuple[float, float]]:
    """(sample, its mu-law value) of the loudest stretch of the bundled voice, at every third sample, scaled to 1."""
    from core import audio

    x = audio.load_voice(sample_path())
    centre = int(x.abs().argmax())
    part = x[centre - 24 : centre + 24 : 3]
    part = part / part.abs().max()
    coded = audio.mu_law_decode(audio.mu_law_encode(part, levels=LEVELS), levels=LEVELS)
    return list(zip(part.tolist(), coded.tolist()))


def svg(samples: Sequence[tuple[float, float]]) -> str:
    """The picture; colours are the page's variables, with their light values as a fallback."""
    place = lambda i: LEFT + STEP * i  # noqa: E731
    height = lambda v: WAVE_BOTTOM - (v + 1) / 2 * (WAVE_BOTTOM - WAVE_TOP)  # noqa: E731
    parts = [_tree(place)]
    curve = " ".join(f"{place(i):.1f},{height(v):.1f}" for i, (v, _) in enumerate(samples))
    parts.append(f'<polyline points="{curve}" fill="none" stroke="var(--reference, #2c5c9e)" stroke-width="1.5"/>')
    stairs = f"M{place(0) - STEP / 2:.1f} {height(samples[0][1]):.1f}" + "".join(
        f"V{height(v):.1f}H{place(i) + STEP / 2:.1f}" for i, (_, v) in enumerate(samples)
    )
    parts.append(f'<path d="{stairs}" fill="none" stroke="var(--model, #bf4a17)" stroke-width="2"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f"{''.join(parts)}</svg>\n"
    )


def _tree(place) -> str:
    """Four dilated layers of kernel 2: everything in grey, what the last output sees in colour."""
    dilations = (1, 2, 4, 8)
    row = [TREE_BOTTOM - k * (TREE_BOTTOM - TREE_TOP) / len(dilations) for k in range(len(dilations) + 1)]
    seen = [set() for _ in row]
    seen[-1] = {SAMPLES - 1}
    for layer in range(len(dilations) - 1, -1, -1):
        seen[layer] = {i - d for i in seen[layer + 1] for d in (0, dilations[layer])}
    grey, colour = [], []
    for layer, dilation in enumerate(dilations):
        for i in range(SAMPLES):
            for j in (i, i - dilation):
                if j >= 0:
                    line = f"M{place(j):.1f} {row[layer]:.1f}L{place(i):.1f} {row[layer + 1]:.1f}"
                    (colour if i in seen[layer + 1] else grey).append(line)
    dots = "".join(
        f'<circle cx="{place(i):.1f}" cy="{row[layer]:.1f}" r="{4.5 if i in seen[layer] else 3}" '
        f'fill="{_fill(layer, i in seen[layer])}"/>'
        for layer in range(len(row))
        for i in range(SAMPLES)
    )
    return (
        f'<path d="{"".join(grey)}" stroke="var(--rule, #dfdacd)" stroke-width="1"/>'
        f'<path d="{"".join(colour)}" stroke="var(--accent, #0b6a69)" stroke-width="1.6"/>{dots}'
    )


def _fill(layer: int, seen: bool) -> str:
    if not seen:
        return "var(--rule, #dfdacd)"
    return {0: "var(--reference, #2c5c9e)", 4: "var(--model, #bf4a17)"}.get(layer, "var(--accent, #0b6a69)")


if __name__ == "__main__":
    (ROOT / "assets/site/wavenet.svg").write_text(svg(excerpt()), encoding="utf-8")
