"""The picture of the Tacotron 2 tab: the alignment of a real sentence, its letters in a slanted line.

Run it: python -m demos._tacotron2.card writes assets/site/tacotron2.svg.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from demos._tab import ROOT

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 40.0, 610.0, 24.0, 340.0
TEXT = "the cat reads"
LEAST = 0.06  # weight that is drawn


def squares(weights: Sequence[Sequence[float]]) -> str:
    """One square for each weight worth seeing: [S, N], the first token below."""
    steps, count = len(weights), len(weights[0])
    wide, high = (RIGHT - LEFT) / steps, (BOTTOM - TOP) / count
    out = []
    for s, row in enumerate(weights):
        for j, weight in enumerate(row):
            if weight >= LEAST:
                x, y = LEFT + s * wide, BOTTOM - (j + 1) * high
                out.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide - 1:.1f}" height="{high - 1:.1f}" rx="2" '
                    f'fill="var(--accent, #0b6a69)" fill-opacity="{min(1.0, weight):.2f}"/>'
                )
    return "".join(out)


def letters(weights: Sequence[Sequence[float]], text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Each letter above the steps that look at its word."""
    steps, count = len(weights), len(weights[0])
    times: dict[int, list[float]] = {}
    for s, row in enumerate(weights):
        for c in range(*spans[max(range(count), key=row.__getitem__)]):
            times.setdefault(c, []).append(s)
    out = []
    for c, character in enumerate(text):
        at = times.get(c)
        if not at or character == " ":
            continue
        word = [k for k in times if times[k] == at]
        share = (word.index(c) + 0.5) / len(word)
        s = at[0] + share * (at[-1] + 1 - at[0])
        row = max(j for j, weight in enumerate(weights[min(int(s), steps - 1)]) if weight >= LEAST)
        x, y = LEFT + (RIGHT - LEFT) * s / steps, BOTTOM - (BOTTOM - TOP) * (row + 1) / count
        out.append(
            f'<text x="{x:.0f}" y="{y - 10:.0f}" font-size="25" text-anchor="middle" '
            f'fill="var(--ink, #22201b)">{html.escape(character)}</text>'
        )
    return "".join(out)


def svg(weights: Sequence[Sequence[float]], text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The picture; colours are the page's variables, with their light values as a fallback."""
    axes = f'<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="var(--rule, #dfdacd)" stroke-width="2"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f"{axes}{squares(weights)}{letters(weights, text, spans)}</svg>\n"
    )


if __name__ == "__main__":
    from core.tacotron2 import sample

    network = sample.load("en")
    said = sample.decode(sample.read(TEXT, network)[0], model=network)
    (ROOT / "assets/site/tacotron2.svg").write_text(
        svg(said.alignment.tolist(), TEXT, said.tokens.spans), encoding="utf-8"
    )
