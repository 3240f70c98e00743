"""Measure a separator on the test songs of MUSDB18, as SiSEC 2018 did, so that its scores may stand beside theirs.

    python -m core.separation.musdb --data PATH/musdb18 --out runs/musdb                       # one JSON a song
    python -m core.separation.musdb --data PATH/musdb18 --out runs/musdb --limit 2             # try it out
    python -m core.separation.musdb --data PATH/musdb18 --out runs/musdb --table               # assets/tables/sisec2018

--data: MUSDB18 (folders train and test of *.stem.mp4) or MUSDB18-HQ (folders of wav files); which of them it is, is
seen. Both need ffmpeg. Songs whose JSON is there already, in OUT/MODEL/test, are not measured again. SiSEC 2018 used
MUSDB18; scores on MUSDB18-HQ, which is not low-passed, belong in a table of their own, and --table refuses them.

Sources: Rafii et al. 2017, "The MUSDB18 corpus for music separation", doi:10.5281/zenodo.1117372; Stöter, Liutkus, Ito
2018; the packages musdb and museval (BSS Eval version 4, frames of one second).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core import weights
from core.errors import DataError
from core.packages import imported
from core.separation import remix, sisec
from core.separation.data import Song, whole
from core.separation.model import MMDenseLSTM
from core.separation.sample import separate

MODEL = "separation-4stems"
STEMS = ("vocals", "drums", "bass", "other")
STREAMS = {"mixture": 0, "drums": 1, "bass": 2, "other": 3, "vocals": 4}  # of a *.stem.mp4
PREROLL = 4096  # samples
PARTS = {"train": ("train", "train"), "validation": ("train", "valid"), "test": ("test", None)}  # -> subset, split
Separator = Callable[[Tensor, int], dict[str, Tensor]]  # mixture float32 [C, N], Hz -> stem -> float32 [C, N]


def is_wav(folder: Path) -> bool:
    """Whether a folder is MUSDB18-HQ (songs as folders of wav files) rather than MUSDB18 (songs as *.stem.mp4).

    Raises:
        DataError: it is neither.
    """
    for subset in ("test", "train"):
        if next((folder / subset).glob("*.stem.mp4"), None):
            return False
        if next((folder / subset).glob("*/mixture.wav"), None):
            return True
    raise DataError(f"{folder} is not MUSDB18: it has no songs in test or train, as *.stem.mp4 or as folders of wav.")


@dataclass(eq=False)
class StemOfFile:
    """One stream of a *.stem.mp4, of which only what is wanted is decoded, by ffmpeg.

    A process for every read: whoever trains on MUSDB18 decodes it to wav files first.
    """

    path: Path
    stream: int  # 0 is the mixture
    samples: int
    sample_rate_hz: int

    def read(self, start: int, count: int) -> Tensor:
        """float32 [2, count] from `start` on; silence beyond the end."""
        there = max(0, min(count, self.samples - start))
        if not there:
            return torch.zeros(2, count)
        early = min(start, PREROLL)  # frames of AAC overlap: the first one after a jump is wrong
        command = [
            "ffmpeg", "-v", "error", "-ss", f"{(start - early) / self.sample_rate_hz:.9f}", "-i", str(self.path),
            "-map", f"0:a:{self.stream}", "-t", f"{(early + there + 1) / self.sample_rate_hz:.9f}", "-f", "f32le", "-",
        ]  # fmt: skip
        try:
            said = subprocess.run(command, capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise DataError(f"ffmpeg cannot decode {self.path.name}: install ffmpeg, or use MUSDB18-HQ.") from error
        x = torch.from_numpy(np.frombuffer(said, dtype="<f4").reshape(-1, 2).T.copy())[:, early : early + there]
        return F.pad(x, (0, count - x.shape[1]))


def tracks(folder: Path, *, part: str, limit: int | None = None) -> list[remix.Track]:
    """Songs for the trainer, in the order of STEMS; nothing is decoded before a stretch of it is read.

    Args:
        part: "train" (86 songs), "validation" (the 14 of the musdb package) or "test" (50).
    Raises:
        DataError: the folder is not MUSDB18, or has no songs of that part.  PackageError: musdb is not installed.
    """
    return [
        remix.Track(track.name, tuple(_stem(track, name) for name in STEMS), int(track.rate))
        for track in _of(folder, part)[:limit]
    ]


def _stem(track: Any, name: str) -> remix.Stem:
    """A stem of a track of musdb, or its "mixture"."""
    path = Path(track.path)
    if track.is_wav:
        return remix.RecordingFile(path.with_name(f"{name}.wav"))
    return StemOfFile(path, STREAMS[name], int(track.samples), int(track.rate))


def load(folder: Path, *, part: str, limit: int | None = None) -> Iterator[Song]:
    """Whole songs, one after the other: parts float32 [4, 2, N] in the order of STEMS, at 44.1 kHz.

    Arguments and errors as those of `tracks`.
    """
    return (whole(track) for track in tracks(folder, part=part, limit=limit))


def _of(folder: Path, part: str) -> list[Any]:
    """Tracks of the musdb package."""
    if part not in PARTS:
        raise DataError(f"MUSDB18 has the parts {', '.join(PARTS)}, not {part}.")
    subset, split = PARTS[part]
    database = imported("musdb").DB(root=str(folder), is_wav=is_wav(folder), subsets=[subset], split=split)
    if not database.tracks:
        raise DataError(f"{folder} has no songs of the {part} part of MUSDB18.")
    return database.tracks


def evaluate(track: Any, separator: Separator, out: Path) -> dict[str, Any]:
    """Separate a track of musdb and judge it as SiSEC does; museval writes OUT/test/NAME.json.

    For four stems accompaniment, the sum of all but the vocals, is judged against the vocals, and with it the vocals.

    Returns:
        the content of that file.
    Raises:
        DataError: the separator gives no vocals, or what it gives is not as long as the song.
    """
    museval = imported("museval")
    mixture = _all_of(_stem(track, "mixture"))
    stems = dict(separator(mixture, int(track.rate)))
    if "vocals" not in stems or any(x.shape != mixture.shape for x in stems.values()):
        raise DataError("The separator must give vocals, and all of its stems in the shape of the mixture.")
    if "accompaniment" not in stems:
        stems["accompaniment"] = torch.stack([x for name, x in stems.items() if name != "vocals"]).sum(dim=0)
    for name in STEMS:  # musdb would start processes for every stem it reads, and keep them
        track.sources[name].audio = _all_of(_stem(track, name)).T.double().numpy()
    found = museval.eval_mus_track(
        track, {name: x.T.double().numpy() for name, x in stems.items()}, output_dir=str(out)
    )
    for name in STEMS:
        track.sources[name].audio = None
    return json.loads(found.json)


def _all_of(stem: remix.Stem) -> Tensor:
    return stem.read(0, stem.samples)


def rows(name: str, track: str, scores: dict[str, Any]) -> list[list[object]]:
    """Medians over frames of one JSON of museval, as rows with sisec.COLUMNS; frames without a score are left out."""
    out: list[list[object]] = []
    for target in scores["targets"]:
        for metric in sisec.METRICS:
            values = np.array([frame["metrics"][metric] for frame in target["frames"]], dtype=float)
            values, count = values[np.isfinite(values)], len(values)
            median = f"{np.median(values):.4f}" if len(values) else ""
            out.append([name, track, target["name"], metric, median, len(values), count])
    return out


def write_table(path: Path, found: list[list[object]]) -> None:
    """The same bytes for the same rows: csv, compressed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([list(sisec.COLUMNS), *found])
    path.write_bytes(gzip.compress(text.getvalue().encode("utf-8"), mtime=0))


def by_network(model: str) -> Separator:
    """A shipped network as a separator.

    Raises:
        WeightsError: there are no such weights.
    """
    network = cast(MMDenseLSTM, weights.load(model))
    return lambda mixture, rate_hz: separate(mixture, rate_hz, network=network)


def measure(folder: Path, separator: Separator, out: Path, *, limit: int | None = None) -> dict[str, dict[str, Any]]:
    """museval's scores of the test songs, by name; what was written before is read again.

    Raises:
        DataError: as `tracks` and `evaluate`.  PackageError: musdb or museval is not installed.
    """
    found = {}
    for track in _of(folder, "test")[:limit]:
        path = out / "test" / f"{track.name}.json"
        if not path.exists():
            evaluate(track, separator, out)
        found[track.name] = json.loads(path.read_text(encoding="utf-8"))
        said = [f"{row[2]} {row[4]}" for row in rows("", track.name, found[track.name]) if row[3] == "SDR"]
        print(f"{track.name}: SDR in dB: {', '.join(said)}", flush=True)
    return found


def main(arguments: list[str] | None = None, *, separator: Separator | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="MUSDB18 or MUSDB18-HQ")
    parser.add_argument("--out", type=Path, required=True, help="folder for museval's JSON")
    parser.add_argument("--model", default=MODEL, help="name of shipped weights")
    parser.add_argument("--limit", type=int, help="only so many songs, to try it out")
    parser.add_argument("--table", action="store_true", help=f"write assets/tables/sisec2018/{sisec.OURS}")
    options = parser.parse_args(arguments)
    if options.table and (is_wav(options.data) or options.limit):
        raise SystemExit("--table takes all songs of MUSDB18 itself (*.stem.mp4), as SiSEC 2018 did.")
    separator = separator or by_network(options.model)
    found = measure(options.data, separator, options.out / options.model, limit=options.limit)
    all_rows = [row for name, scores in found.items() for row in rows(options.model, name, scores)]
    for target in dict.fromkeys(row[2] for row in all_rows):
        for metric in sisec.METRICS:
            values = [float(str(r[4])) for r in all_rows if r[2:4] == [target, metric] and r[4] != ""]
            print(f"{target} {metric}: median over {len(values)} songs {np.median(values):.2f} dB", flush=True)
    if options.table:
        write_table(sisec.FOLDER / sisec.OURS, all_rows)


if __name__ == "__main__":
    main()
