"""What separators are trained and measured on: facts of the public data sets, each with its source. Loads no torch.

    python -m core.separation.datasets --data PATH/everything-is-free     # measures our own songs anew
"""

from __future__ import annotations

import argparse
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.separation.excerpts import PARTS, SONG

TABLE = Path(__file__).resolve().parents[2] / "assets/tables/separation-songs.json"
SPLITS = ("train", "test")
OWN = "own"


@dataclass(frozen=True)
class Dataset:
    """One data set.

    songs: pieces of each split (MIR-1K: clips).  mean_s: their mean length in seconds, as published.
    stems: what each piece is in.  genres: of the songs, as the authors list them; empty where they do not.
    citation: who says so.
    """

    key: str
    name: str
    year: int | None
    songs: dict[str, int]
    mean_s: dict[str, float]
    stems: tuple[str, ...]
    sample_rate_hz: int
    channels: int
    genres: dict[str, int]
    citation: str
    where: str

    def hours(self, split: str) -> float:
        """Pieces times their mean length."""
        return self.songs[split] * self.mean_s[split] / 3600

    def mixtures(self) -> int:
        """How many ways there are to take every stem from some song of the train part: N to the power of S."""
        return self.songs["train"] ** len(self.stems)


def _evenly(seconds: float) -> dict[str, float]:
    return dict.fromkeys(SPLITS, seconds)


# Songs and mean lengths: sigsep.github.io/datasets. Genres: counted in sigsep.github.io's list of MUSDB18's tracks,
# whose source column says which of them are DSD100's. MIR-1K: 133 minutes in 1,000 clips; its split: Huang et al. 2014.
PUBLISHED = (
    Dataset(
        "musdb18", "MUSDB18", 2017, {"train": 100, "test": 50}, _evenly(236.0), PARTS, 44_100, 2,
        {"Pop/Rock": 72, "Rock": 17, "Singer/Songwriter": 14, "Heavy Metal": 12, "Pop": 11, "Rap": 8, "Electronic": 8,
         "Country": 3, "Jazz": 3, "Reggae": 2},
        "Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis, R. Bittner, 2017", "doi.org/10.5281/zenodo.1117372",
    ),
    Dataset(
        "dsd100", "DSD100", 2015, {"train": 50, "test": 50}, _evenly(251.0), PARTS, 44_100, 2,
        {"Pop/Rock": 70, "Heavy Metal": 12, "Rap": 6, "Electronic": 6, "Reggae": 2, "Jazz": 2, "Country": 1, "Rock": 1},
        "A. Liutkus et al., The 2016 signal separation evaluation campaign, LVA/ICA 2017",
        "sigsep.github.io/datasets/dsd100.html",
    ),
    Dataset(
        "mir1k", "MIR-1K", 2010, {"train": 175, "test": 825}, _evenly(133 * 60 / 1000), ("vocals", "accompaniment"),
        16_000, 1, {}, "C.-L. Hsu, J.-S. R. Jang, IEEE Trans. Audio, Speech, Lang. Process. 18(2), 2010",
        "sites.google.com/site/unvoicedsoundseparation/mir-1k",
    ),
)  # fmt: skip


@functools.lru_cache(maxsize=1)
def everything() -> dict[str, Dataset]:
    """All data sets by key, our own songs last; those are left out where they have not been measured."""
    found = {one.key: one for one in PUBLISHED}
    if TABLE.exists():
        songs = json.loads(TABLE.read_text(encoding="utf-8"))["songs"]
        found[OWN] = own(songs)
    return found


def own(songs: list[dict[str, Any]]) -> Dataset:
    """The songs that we train four stems with, from what `measure` gives."""
    lengths = {split: [song["seconds"] for song in songs if song["split"] == split] for split in SPLITS}
    mean = {split: sum(each) / max(1, len(each)) for split, each in lengths.items()}
    counts = {split: len(each) for split, each in lengths.items()}
    return Dataset(
        OWN, "Everything is Free", None, counts, mean, PARTS, songs[0]["sample_rate_hz"], 2,
        {"Electronic": len(songs)}, "Software-Entwicklungskit, CC0 1.0", "github.com/ichbinsoftware/everythingisfree",
    )  # fmt: skip


def measure(folder: Path) -> list[dict[str, Any]]:
    """Name, seconds, sample rate and split of every song below a folder; the one that pages play is for testing.

    Raises:
        DataError: no folder, or no songs in it.
    """
    import soundfile

    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Point --data at songs, each with vocals.ogg, drums.ogg …")
    found = []
    for song in sorted(path.parent for path in folder.glob("*/vocals.*")):
        about = soundfile.info(str(next(song.glob("vocals.*"))))
        split = "test" if song.name == SONG else "train"
        found.append({
            "name": song.name, "seconds": round(about.frames / about.samplerate, 2),
            "sample_rate_hz": about.samplerate, "split": split,
        })  # fmt: skip
    if not found:
        raise DataError(f"No songs below {folder}: each is a folder with {', '.join(PARTS)} as sound files.")
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of songs, each with vocals.ogg, drums.ogg …")
    parser.add_argument("--table", type=Path, default=TABLE)
    options = parser.parse_args(arguments)
    table = {"command": "python -m core.separation.datasets --data PATH", "songs": measure(options.data)}
    options.table.parent.mkdir(parents=True, exist_ok=True)
    options.table.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"{options.table.name}: {len(table['songs'])} songs")


if __name__ == "__main__":
    main()
