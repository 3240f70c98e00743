"""Half-minutes of a song in its parts, so that pages have a mixture whose answer is known.

    python -m core.separation.excerpts --data PATH/everything-is-free     # writes assets/audio/separation/ anew

They are cut from the song that no separator of this project was trained on, as Ogg Vorbis at 44.1 kHz. The album mixes
its voice far below the drums; each part is brought to the level written in the index, so that all of them are heard.
"""

from __future__ import annotations

import argparse
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = Path(__file__).resolve().parents[2] / "assets/audio/separation"
PARTS = ("vocals", "drums", "bass", "other")
SONG = "5-rubidium"
CUTS = {"verse": (40.0, 24.0), "bridge": (138.0, 24.0)}  # name -> start and length in seconds
LEVELS_DB = {"vocals": -24.0, "drums": -24.0, "bass": -25.0, "other": -27.0}  # root mean square in dBFS


@dataclass(frozen=True)
class Excerpt:
    """name; what it was cut from; its parts with their levels in dBFS. A part that is silent there has no level."""

    name: str
    song: str
    start_s: float
    seconds: float
    sample_rate_hz: int
    levels_db: dict[str, float | None]

    def path(self, part: str) -> Path:
        """The file of one part."""
        return FOLDER / f"{self.name}-{part}.ogg"


@functools.lru_cache(maxsize=1)
def index() -> dict[str, Excerpt]:
    """The shipped excerpts by name. Loads no torch."""
    found = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    return {one["name"]: Excerpt(**one) for one in found}


def load(name: str) -> dict[str, Tensor]:
    """The parts of an excerpt, float32 [2, T] each; their sum is the mixture.

    Raises:
        DataError: no such excerpt.
    """
    import soundfile
    import torch

    if name not in index():
        raise DataError(f"There is no excerpt {name!r}: there are {', '.join(index())}.")
    sounds = {part: soundfile.read(index()[name].path(part), dtype="float32")[0].T.copy() for part in PARTS}
    return {part: torch.from_numpy(x) for part, x in sounds.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of songs, each with vocals.ogg, drums.ogg …")
    options = parser.parse_args(arguments)
    import numpy as np
    import soundfile

    FOLDER.mkdir(parents=True, exist_ok=True)
    excerpts = []
    for name, (start_s, seconds) in CUTS.items():
        levels: dict[str, float | None] = {}
        for part in PARTS:
            with soundfile.SoundFile(options.data / SONG / f"{part}.ogg") as sound:
                rate = sound.samplerate
                sound.seek(round(start_s * rate))
                x = sound.read(round(seconds * rate), dtype="float32", always_2d=True)
            level = 10 * np.log10(np.mean(x**2) + 1e-12)
            levels[part] = LEVELS_DB[part] if level > -70 else None
            if levels[part] is not None:
                x *= 10 ** ((LEVELS_DB[part] - level) / 20)
            fade = np.minimum(1, np.minimum(np.arange(len(x)), np.arange(len(x))[::-1]) / (0.02 * rate))
            path = FOLDER / f"{name}-{part}.ogg"
            soundfile.write(path, (x * fade[:, None]).astype("float32"), rate, format="OGG", subtype="VORBIS")
            print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")
        excerpts.append(Excerpt(name, SONG, start_s, seconds, rate, levels).__dict__)
    (FOLDER / "index.json").write_text(json.dumps(excerpts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
