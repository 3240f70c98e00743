"""The picture of the VQ-VAE tab: a sentence's waveform on the cells of its codes.

Run it: python -m demos._vqvae.card writes assets/site/vqvae.svg.
"""

from __future__ import annotations

from demos._tab import ROOT

WIDTH, HEIGHT, LEFT, TOP, PER, TALL = 640, 360, 40.0, 34.0, 20, 92.0
LINES, GAP = 3, 8.0
COLOURS = (
    "var(--reference, #2c5c9e)", "var(--accent, #0b6a69)", "var(--muted, #59636a)", "var(--model, #bf4a17)",
)  # fmt: skip


def svg(codes: list[int], colours: dict[str, list[int]], peaks: bytes) -> str:
    """Three lines of twenty codes: colour by pitch of the sound, strength by loudness, the waveform's peaks on them."""
    wide, each, out = (WIDTH - 2 * LEFT) / PER, len(peaks) // len(codes), []
    for place, code in enumerate(codes[: LINES * PER]):
        x, y = LEFT + place % PER * wide, TOP + place // PER * (TALL + GAP)
        hue, loud = colours[str(code)]
        colour = COLOURS[min(len(COLOURS) - 1, hue * len(COLOURS) // 301)]
        out.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{wide - 2:.0f}" height="{TALL:.0f}" rx="2" fill="{colour}" '
            f'fill-opacity="{0.12 + 0.5 * loud / 100:.2f}"/>'
        )
        for k in range(0, each, 2):
            high = max(2.0, max(peaks[place * each + k : place * each + k + 2]) / 255 * TALL * 0.9)
            out.append(
                f'<rect x="{x + k * (wide - 2) / each:.1f}" y="{y + (TALL - high) / 2:.1f}" '
                f'width="{1.4 * wide / each:.1f}" height="{high:.1f}" fill="{colour}"/>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f"{''.join(out)}</svg>\n"
    )


def main() -> None:
    import base64

    from core.vqvae import examples

    kept = examples.index()["codes"]["speech"]
    path = ROOT / "assets/site/vqvae.svg"
    peaks = base64.b64decode(kept["wave"])
    each, start = len(peaks) // len(kept["codes"]), 20
    path.write_text(svg(kept["codes"][start:], kept["colours"], peaks[start * each :]), encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
