"""What others have published on the same kind of measurement, for orientation: not measured here."""

from __future__ import annotations

# Voice of MIR-1K's 825 test clips, mixed at 0 dB: GNSDR, GSIR, GSAR in dB, as in Park et al. 2018
# (arXiv:1805.08559).
MIR1K_VOICE = {
    "MLRR (Yang 2013)": (3.85, 5.63, 10.70),
    "DRNN (Huang et al. 2015)": (7.45, 13.08, 9.68),
    "U-Net (Jansson et al. 2017)": (7.43, 11.79, 10.42),
    "Stacked hourglass (Park et al. 2018)": (10.51, 16.01, 12.53),
}
# Open-Unmix (Stöter et al. 2019, JOSS 4(41), 1667) on the 50 test songs of MUSDB18: median SDR in dB.
OPEN_UNMIX_SDR = {"vocals": 6.32, "drums": 5.73, "bass": 5.23, "other": 4.02}


def on_mir1k() -> str:
    """A sentence for the card."""
    rows = "; ".join(f"{name} {' / '.join(f'{value:.2f}' for value in row)}" for name, row in MIR1K_VOICE.items())
    return f"Published for the voice on all 825 test clips, GNSDR / GSIR / GSAR in dB: {rows}."


def on_musdb18() -> str:
    """A sentence for the card."""
    scores = ", ".join(f"{stem} {value:.2f}" for stem, value in OPEN_UNMIX_SDR.items())
    return (
        f"For orientation: open-unmix, trained on MUSDB18's training songs, reaches {scores} dB (SDR) on its 50 test "
        "songs. Ours has heard five songs and was measured on a sixth by the same band."
    )
