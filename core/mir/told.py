"""Sounds of many kinds, by which `core.mir.measure` counts how often a pitch or a beat is claimed, rightly or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.mir import truth
from core.mir.frames import SAMPLE_RATE_HZ

__all__ = ["clips"]

SECONDS = 10
SONGS = ("4-potassium", "5-rubidium", "7-francium")  # of Everything is Free; constants were chosen on the others
STEMS = ("vocals", "drums", "bass", "other")
EVERY_S = 20
AUDIBLE = 0.02  # root mean square of a voice that sings


def clips(
    root: Path, melodies: Sequence[int], piano: Sequence[int], limit: int | None = None
) -> dict[str, list[NDArray]]:
    """Kind -> sounds of about ten seconds (noise: five) at 16 kHz, float64 [T].

    Args:
        root: the folder with the corpora.  melodies, piano: numbers of POP909 to play.
    """
    out: dict[str, list[NDArray]] = {
        "speech": list(_speech(root)), "sung voice": [], "melody": [one.x for one in truth.melodies(root, melodies)],
        "song": [], "piano": [_short(one) for one in truth.piano(root, piano)],
        "band": [_short(one) for one in truth.bands(root, part=1, most=25)],
    }  # fmt: skip
    for voice, whole in _songs(root):
        out["song"].append(truth.levelled(whole))
        if np.sqrt(np.mean(np.square(voice))) > AUDIBLE:
            out["sung voice"].append(truth.levelled(voice))
    for path in sorted(path for path in truth.found(root, "noise_esc10").rglob("*.opus"))[1::2]:
        kind = "ticking clock" if "clock" in path.stem else "noise"
        out.setdefault(kind, []).append(truth.levelled(truth.read_mono(path)))
    out["silence"] = [np.zeros(SECONDS * SAMPLE_RATE_HZ)]
    return {kind: sounds[:limit] for kind, sounds in out.items()}


def _short(piece: truth.Piece) -> NDArray:
    import soxr

    x = piece.x[: SECONDS * piece.sample_rate_hz].astype(np.float64)
    return truth.levelled(soxr.resample(x, piece.sample_rate_hz, SAMPLE_RATE_HZ))


def _speech(root: Path) -> Iterator[NDArray]:
    """Held-out sentences of one speaker in a row."""
    from core.wavenet import data

    kathleen = data.files_of(truth.found(root, "kathleen"), held_out=True)
    other = sorted(path for path in truth.found(root, "tsp").rglob("MD*") if path.suffix in (".opus", ".flac", ".wav"))
    for paths in (kathleen, other):
        for begin in range(0, len(paths) - 5, 3):
            row = [truth.levelled(truth.read_mono(path)) for path in paths[begin : begin + 6]]
            yield np.concatenate(row)[: SECONDS * SAMPLE_RATE_HZ]


def _songs(root: Path) -> Iterator[tuple[NDArray, NDArray]]:
    """The voice, and all parts together, of stretches of the songs."""
    folder = truth.found(root, "everything-is-free")
    for song in SONGS:
        for begin_s in range(EVERY_S, 280, EVERY_S):
            parts = [truth.read_mono(folder / song / f"{stem}.ogg", begin_s=begin_s, seconds=SECONDS) for stem in STEMS]
            shortest = min(len(part) for part in parts)
            if shortest >= 0.9 * SECONDS * SAMPLE_RATE_HZ:
                yield parts[0][:shortest], np.sum([part[:shortest] for part in parts], axis=0)
