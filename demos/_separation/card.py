"""The picture of the source separation tab: a mixture's spectrogram that falls apart into the colours of its parts.

Run it: python -m demos._separation.card writes assets/site/separation.svg.
"""

from __future__ import annotations

import numpy as np

from demos._tab import ROOT

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 40.0, 600.0, 24.0, 336.0
START_S = 6
ROWS, COLUMNS = 32, 54
COLOURS = {
    "vocals": "var(--model, #bf4a17)", "drums": "var(--ink, #1e2428)", "bass": "var(--reference, #2c5c9e)",
    "other": "var(--accent, #0b6a69)",
}  # fmt: skip
LEAST = 0.33  # level that is drawn


def squares(levels: np.ndarray, owners: np.ndarray) -> str:
    """levels [R, T] in [0, 1], lowest row first; owners int [R, T]: whose colour. Grey on the left, coloured on the
    right: the song, and what becomes of it."""
    wide, high = (RIGHT - LEFT) / levels.shape[1], (BOTTOM - TOP) / levels.shape[0]
    names, out = list(COLOURS), []
    for row, column in zip(*np.nonzero(levels > LEAST)):
        x, y = LEFT + column * wide, BOTTOM - (row + 1) * high
        apart = column >= levels.shape[1] // 3
        colour = COLOURS[names[owners[row, column]]] if apart else "var(--muted, #59636a)"
        share = (levels[row, column] - LEAST) / (1 - LEAST)
        out.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{wide - 1:.0f}" height="{high - 1:.0f}" fill="{colour}" '
            f'fill-opacity="{0.15 + 0.85 * share:.2f}"/>'
        )
    return "".join(out)


def svg(levels: np.ndarray, owners: np.ndarray) -> str:
    """The picture; colours are the page's variables, with their light values as a fallback."""
    axes = f'<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="var(--rule, #dfdacd)" stroke-width="2"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f"{axes}{squares(levels, owners)}</svg>\n"
    )


def main() -> None:
    """Of six seconds of the verse, whose parts are known: each point in the colour of its loudest part."""
    import torch

    from core.separation import excerpts
    from core.separation.look import mel_edges
    from core.separation.model import PRESETS
    from core.separation.spectrogram import analyse

    config = PRESETS["4stems"]
    parts = torch.stack(list(excerpts.load("verse").values()))
    parts = parts[..., START_S * config.sample_rate_hz : (START_S + 6) * config.sample_rate_hz]
    power = analyse(parts, config).abs().square().mean(dim=1).transpose(1, 2).numpy()  # [S, F, T]
    power = power[:, : round(5000 / (config.sample_rate_hz / config.window_samples))]
    edges = mel_edges(power.shape[1], config.sample_rate_hz / config.window_samples, ROWS)
    rows = np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges)[:, None]
    columns = np.linspace(0, rows.shape[2], COLUMNS + 1).astype(int)
    cells = np.add.reduceat(rows, columns[:-1], axis=2)  # [S, R, COLUMNS]
    decibels = 10 * np.log10(cells.sum(axis=0) + 1e-9)
    levels = np.clip(1 + (decibels - decibels.max()) / 55, 0, 1)
    (ROOT / "assets/site/separation.svg").write_text(svg(levels, cells.argmax(axis=0)), encoding="utf-8")


if __name__ == "__main__":
    main()
