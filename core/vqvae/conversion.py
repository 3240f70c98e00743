"""Is it the other speaker's voice? Pitch and mean spectrum of what is said, against those of the speakers themselves.

    python -m core.vqvae.conversion --data PATH --voices PATH     # writes assets/tables/vqvae-speakers.json

The table holds what the training recordings of each speaker are like on average, so that a checkout without them can
measure.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core import audio
from core.errors import AudioError, DataError
from core.speech_metrics import DECIBELS_PER_NEPER
from core.vqvae import data
from core.vqvae.model import SPEAKERS

PATH = Path(__file__).resolve().parents[2] / "assets/tables/vqvae-speakers.json"
QUIET = 3.0  # nepers below the loudest frame that still count as speech
PER_SPEAKER = 54  # sentences the table is made from


@dataclass(frozen=True)
class Portrait:
    """What a voice is like: f0_hz, the median of its voiced frames; spectrum, its mean log-mel, 80 nepers, level 0."""

    f0_hz: float
    spectrum: list[float]


def portrait(sounds: Sequence[Tensor]) -> Portrait:
    """Of one speaker's sounds, float [T] at 16 kHz each.

    Raises:
        AudioError: nothing in them is voiced, or one is too short.
    """
    import pyworld

    pitches, spectra = [], []
    for x in sounds:
        f0 = pyworld.harvest(np.ascontiguousarray(x.double().numpy()), audio.SAMPLE_RATE_HZ, 60.0, 600.0)[0]
        pitches.append(f0[f0 > 0])
        mel = audio.mel(x)
        level = mel.mean(dim=0)
        spectra.append(mel[:, level > level.max() - QUIET])
    found = np.concatenate(pitches)
    if not len(found):
        raise AudioError("Nothing in this sound is voiced: a voice's pitch needs a vowel at least.")
    mean = torch.cat(spectra, dim=1).mean(dim=1)
    return Portrait(float(np.median(found)), (mean - mean.mean()).tolist())


def distance_db(one: Portrait, other: Portrait) -> float:
    """Root-mean-square difference of the mean spectra, in decibels, whatever their levels are."""
    difference = np.array(one.spectrum) - np.array(other.spectrum)
    return float(np.sqrt(np.mean(difference**2)) * DECIBELS_PER_NEPER)


@functools.lru_cache(maxsize=1)
def portraits(path: Path = PATH) -> dict[str, Portrait]:
    """The table, by speaker.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        return {name: Portrait(**one) for name, one in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{path.name} is missing or damaged: restore it with `git checkout -- assets/tables/{path.name}`."
        ) from error


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="corpus of the first speaker")
    parser.add_argument("--voices", type=Path, required=True, help="the other speakers")
    parser.add_argument("--out", type=Path, default=PATH)
    options = parser.parse_args(arguments)
    found = {}
    utterances = data.load(options.data, options.voices, limit=PER_SPEAKER)
    for place, name in enumerate(SPEAKERS):
        one = portrait([u.recording.audio for u in utterances if u.speaker == place])
        found[name] = {"f0_hz": round(one.f0_hz, 1), "spectrum": [round(v, 3) for v in asdict(one)["spectrum"]]}
        print(f"{name}: {one.f0_hz:.0f} Hz")
    options.out.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
