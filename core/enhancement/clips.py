"""A handful of noises that the enhancer has never heard, for the page: written by

    python -m core.enhancement.clips --data PATH          # writes assets/audio/map/noise-*.ogg anew

Five seconds each, Ogg Opus at 16 kHz mono, -26 dBFS: ESC-10's held-out clips that are CC0, and a babble of eight
voices, which are Kathleen's held-out sentences (CC0) played faster and slower.
"""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor

from core import audio
from core.enhancement import corpora
from core.enhancement.spectrum import SAMPLE_RATE_HZ
from core.errors import DataError

FOLDER = Path(__file__).resolve().parents[2] / "assets/audio/map"
INDEX = FOLDER / "noise.json"
CLIPS = {
    "rain": "rain_1-21189-A", "sea": "sea_waves_4-204618-A", "clock": "clock_tick_3-142593-A",
    "helicopter": "helicopter_5-220955-A", "chainsaw": "chainsaw_4-169127-A",
}  # fmt: skip
SECONDS, DBFS = 5, -26.0
FACTORS = (0.74, 0.8, 0.87, 0.94, 1.0, 1.08, 1.16, 1.25)  # of the babble's voices: deep and slow to high and fast
COMPRESSION = 0.9  # of soundfile's scale


@functools.lru_cache(maxsize=1)
def names() -> dict[str, str]:
    """Short name of each noise -> who recorded it, in the order of the page."""
    return json.loads(INDEX.read_text(encoding="utf-8"))


def load(name: str) -> Tensor:
    """A noise, float32 [T] at 16 kHz.

    Raises:
        DataError: no such noise.
    """
    if name not in names():
        raise DataError(f"There is no noise called {name!r}: choose one of {', '.join(names())}.")
    x, _ = audio.read(FOLDER / f"noise-{name}.ogg")
    return x[0]


def babble(sentences: list[np.ndarray], seed: int = 0) -> np.ndarray:
    """Eight voices at once out of one: each says other sentences, at another pitch and tempo. float32 [T]."""
    order = iter(np.random.default_rng(seed).permutation(len(sentences)))
    out = np.zeros(SECONDS * SAMPLE_RATE_HZ, np.float32)
    for factor in FACTORS:
        voice = np.zeros(0, np.float32)
        while len(voice) < 1.1 * len(out):
            one = sentences[int(next(order))]
            one = one / (np.sqrt(np.mean(one**2)) + 1e-9)
            voice = np.append(voice, soxr.resample(one, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ))
        out += voice[len(voice) - len(out) :]
    return out


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with ESC-10's clips and Kathleen")
    options = parser.parse_args(arguments)
    items = [item for item in corpora.found(options.data) if item.part == "test"]
    sounds = {}
    for name, clip in CLIPS.items():
        sounds[name] = next(corpora.decode(item) for item in items if item.paths[0].stem == clip) / 32767
    kathleen = [item for item in items if item.group == "kathleen"]
    sounds["babble"] = babble([corpora.decode(item).astype(np.float32) / 32767 for item in kathleen])
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, x in sounds.items():
        level = audio.level_to(torch.from_numpy(x.astype(np.float32)), dbfs=DBFS, peak=0.9)
        soundfile.write(
            FOLDER / f"noise-{name}.ogg", level.numpy(), SAMPLE_RATE_HZ, format="OGG", subtype="OPUS",
            compression_level=COMPRESSION,
        )  # fmt: skip
    size = sum(path.stat().st_size for path in FOLDER.glob("noise-*.ogg"))
    print(f"{len(sounds)} noises, {size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
