"""The picture of the MuseNet tab: a piano roll that somebody began and the network goes on with.

Run it: python -m demos._musenet.card writes assets/site/musenet.svg, from the first stored piece; where there is none,
from the Rondo alla Turca alone.
"""

from __future__ import annotations

from core.musenet import encoding
from core.musenet.encoding import Note
from demos._musenet import show
from demos._tab import ROOT

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 40.0, 600.0, 24.0, 336.0
SECONDS, BEFORE_S = 14.0, 5.0  # shown, and how much of it before the network takes over


def svg(notes: list[Note], split_s: float) -> str:
    """The picture; colours are the page's variables, with their light values as a fallback."""
    low = min(note.pitch for note in notes) - 1
    high = max(note.pitch for note in notes) + 1
    tall = (BOTTOM - TOP) / (high - low)
    wide = (RIGHT - LEFT) / SECONDS
    out = [f'<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="var(--rule, #dfdacd)" stroke-width="2"/>']
    for note in notes:
        x, end = LEFT + note.start_s * wide, LEFT + min(note.end_s, SECONDS) * wide
        colour = "var(--muted, #59636a)" if note.start_s < split_s else "var(--model, #bf4a17)"
        loud = 0.35 + 0.65 * note.velocity / 127
        out.append(
            f'<rect x="{x:.1f}" y="{BOTTOM - (note.pitch - low) * tall:.1f}" width="{max(2.0, end - x - 1):.1f}" '
            f'height="{max(3.0, tall - 1):.1f}" fill="{colour}" fill-opacity="{loud:.2f}"/>'
        )
    cut = LEFT + split_s * wide
    out.append(f'<path d="M{cut:.1f} {TOP}V{BOTTOM}" stroke="var(--muted, #59636a)" stroke-dasharray="6 6"/>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
    return f"{head}{''.join(out)}</svg>\n"


def main() -> None:
    from core import midi
    from demos._musenet import examples, starts

    found = examples.chosen(None)
    if found is None:
        notes, split_s = encoding.notes(midi.read(starts.FOLDER / starts.PIECES["rondo"]).midi), BEFORE_S
    else:
        notes = encoding.decode_notes(found["tokens"])
        split_s = show.length_s(found["tokens"][: int(found["begun"])])
    start_s = max(0.0, split_s - BEFORE_S)
    seen = [note for note in show.from_(notes, start_s) if note.start_s < SECONDS]
    (ROOT / "assets/site/musenet.svg").write_text(svg(seen, split_s - start_s), encoding="utf-8")


if __name__ == "__main__":
    main()
