"""The corpus of chorales, from the scores that come with the package music21, in the standard split.

    python -m core.transformer.chorales_corpus --out runs/chorales.json       # write it; needs `pip install music21`
    python -m core.transformer.chorales_corpus --match Jsb16thSeparated.json  # find the split anew, by the music

The standard split (Boulanger-Lewandowski et al. 2012, arXiv:1206.6392; 229, 76 and 77 chorales) is given as music
without names, in a file of the public JSB-Chorales-dataset. `--match` looks for each of its pieces among music21's
scores and writes which number in the catalogue (BWV) belongs to which part: assets/tables/chorales-split.json.
Nothing else of that file is kept.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError, PackageError
from core.transformer import chorales
from core.transformer.chorales import SILENT, SPLITS, STEPS_PER_QUARTER, VOICES

TABLE = Path(__file__).resolve().parents[2] / "assets/tables/chorales-split.json"
EXAMPLES = TABLE.with_name("chorales-held-out.json")
SHOWN = ("bwv12.7", "bwv244.3", "bwv9.7", "bwv78.7", "bwv248.17", "bwv245.14")  # of test: their openings are shipped
SHOWN_STEPS = 128
GRAM = 7  # intervals in a row
SAME = 0.5  # two scores are one setting if they share more of such rows; below: the same hymn in other harmonies
Grams = set[tuple[int, ...]]
Public = dict[str, list[chorales.Chorale]]


def split_table() -> dict[str, Any]:
    """"train", "valid", "test": names of music21's scores; "once": those that the standard files play unrepeated."""
    return json.loads(TABLE.read_text(encoding="utf-8"))


def examples() -> list[chorales.Chorale]:
    """The openings of some chorales of test, 8 bars of common time each, for the page."""
    found = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return [chorales.Chorale(name, np.array(found[name]).T) for name in SHOWN]  # [4, T] -> [T, 4]


def write_examples(test: Sequence[chorales.Chorale]) -> None:
    """Write assets/tables/chorales-held-out.json from the test part of the corpus."""
    steps = {one.name: one.steps[:SHOWN_STEPS].T.tolist() for one in test if one.name in SHOWN}
    rows = ",\n".join(f' "{name}": {json.dumps(steps[name])}' for name in SHOWN)
    EXAMPLES.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")


def scores() -> dict[str, Path]:
    """Name -> file of every score by Bach that music21 brings, such as "bwv269".

    Raises:
        PackageError: music21 is not installed.
    """
    try:
        from music21 import corpus
    except ImportError:
        raise PackageError("The scores come with the package music21: `pip install music21`.") from None
    files = [Path(path) for path in corpus.getComposer("bach")]
    ordered = sorted(files, key=lambda path: (path.suffix != ".krn", path.name))  # of two formats the later counts
    return {path.stem: path for path in ordered if path.suffix != ".rntxt"}


def voices_of(score: Any) -> list[Any] | None:
    """Its four voices from soprano to bass; None if it has no such. Instruments beside them are left out."""
    parts = list(score.parts)
    if len(parts) == len(VOICES):
        return parts
    named = [[p for p in parts if (p.partName or "").lower().startswith(v)] for v in ("sopr", "alto", "tenor", "bass")]
    return [found[0] for found in named] if all(named) else None


def grid(parts: Sequence[Any]) -> NDArray[np.int64]:
    """What sounds at each sixteenth: int64 [T, 4], of four parts of music21."""
    quarters = max(float(part.duration.quarterLength) for part in parts)
    steps = np.full((math.ceil(quarters * STEPS_PER_QUARTER), len(VOICES)), SILENT, dtype=np.int64)
    for voice, part in enumerate(parts):
        for note in part.flatten().notes:
            if not note.duration.isGrace:
                first = float(note.offset) * STEPS_PER_QUARTER
                end = first + float(note.duration.quarterLength) * STEPS_PER_QUARTER
                steps[_ceil(first) : _ceil(end), voice] = note.pitches[-1].midi
    return steps


def _ceil(x: float) -> int:
    return math.ceil(x - 1e-4)


class Both(NamedTuple):
    """The steps [T, 4] of a score as written, and with its repeats played."""

    short: NDArray[np.int64]
    long: NDArray[np.int64]


def parsed(path: Path) -> Both | None:
    """A score of music21; None if it is not for four voices."""
    from music21 import converter
    from music21.repeat import ExpanderException

    score = converter.parse(path, forceSource=True, storePickle=False)
    parts = voices_of(score)
    if parts is None:
        return None
    short = grid(parts)
    if not len(score.recurse().getElementsByClass("RepeatMark")):
        return Both(short, short)
    try:
        return Both(short, grid(voices_of(score.expandRepeats()) or parts))
    except ExpanderException:
        return Both(short, short)  # badly written repeats: play it once


def corpus() -> dict[str, Any]:
    """All chorales of the split, in the layout that `chorales.read` reads. Takes minutes.

    Raises:
        PackageError: music21 is not installed.  DataError: its corpus lacks a chorale of the table.
    """
    table, files = split_table(), scores()
    found: dict[str, Any] = {"names": {split: table[split] for split in SPLITS}}
    for split in SPLITS:
        found[split] = []
        for name in table[split]:
            both = parsed(files[name]) if name in files else None
            if both is None:
                raise DataError(f"This music21 has no {name} for four voices: `pip install --upgrade music21`.")
            found[split].append((both.short if name in table["once"] else both.long).tolist())
    return found


def grams(steps: NDArray[np.int64]) -> Grams:
    """Rows of GRAM melodic intervals of each voice, without rhythm: the same in every key and for every length."""
    rows: Grams = set()
    for voice in range(steps.shape[1]):
        line = steps[:, voice][steps[:, voice] != SILENT]
        intervals = np.diff(line)
        intervals = intervals[intervals != 0]
        rows |= {(voice, *intervals[i : i + GRAM].tolist()) for i in range(len(intervals) - GRAM + 1)}
    return rows


def likeness(a: Grams, b: Grams) -> float:
    """Share of the smaller set that is in the other."""
    return len(a & b) / max(1, min(len(a), len(b)))


def match(public: Public, ours: dict[str, NDArray[np.int64]]) -> dict[str, list[str]]:
    """Which score belongs to which part of the standard split: each piece gets the score most like it, one each.

    A score that is the music of a piece of valid or test (in whatever key, under whatever number) is never in train,
    even if the standard split has it there, too.

    Args:
        ours: name -> steps [T, 4] of scores, no repeats played.
    """
    from scipy.optimize import linear_sum_assignment

    pieces = [(split, grams(one.steps)) for split in SPLITS for one in public[split]]
    names, theirs = list(ours), [grams(steps) for steps in ours.values()]
    same = np.array([[likeness(a, b) for b in theirs] for _, a in pieces])
    rows, columns = linear_sum_assignment(np.where(same > SAME, same, 0), maximize=True)
    held_out = np.array([split != "train" for split, _ in pieces])
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    pairs = [(i, j) for i, j in zip(rows, columns) if same[i, j] > SAME]
    watched = [theirs[j] for i, j in pairs if held_out[i]]
    for i, j in pairs:
        known = same[held_out, j].max(initial=0) > SAME or any(likeness(theirs[j], g) > SAME for g in watched)
        if held_out[i] or not known:
            found[pieces[i][0]].append(names[j])
    return found


def played_once(public: Public, found: dict[str, list[str]], both: dict[str, Both]) -> list[str]:
    """The scores whose length without repeats is nearer to that of the public piece."""
    once = []
    for split in SPLITS:
        pieces = [(grams(one.steps), len(one.steps)) for one in public[split]]
        for name in found[split]:
            short, long = both[name]
            rows = grams(short)
            wanted = max(pieces, key=lambda one: likeness(one[0], rows))[1]  # noqa: B023
            if abs(len(short) - wanted) < abs(len(long) - wanted):
                once.append(name)
    return once


def write_table(public: Public, both: dict[str, Both]) -> None:
    """Match, and write assets/tables/chorales-split.json."""
    found = match(public, {name: short for name, (short, _) in both.items()})
    table = {
        "what": "BWV numbers of music21's chorales in the standard split of JSB Chorales, found by their music; "
        "once: those whose repeats the standard files leave out",
        "command": "python -m core.transformer.chorales_corpus --match Jsb16thSeparated.json",
        "pieces": {split: len(public[split]) for split in SPLITS},
        **found, "once": played_once(public, found, both),
    }  # fmt: skip
    TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    for split in SPLITS:
        print(f"{split}: {len(found[split])} of {len(public[split])}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the corpus here")
    parser.add_argument("--examples", action="store_true", help="with --out: also write the openings for the page")
    parser.add_argument("--match", type=Path, help="Jsb16thSeparated.json: find the split anew")
    options = parser.parse_args(arguments)
    if options.match:
        public, read = chorales.read(options.match), {name: parsed(path) for name, path in scores().items()}
        write_table(public, {name: both for name, both in read.items() if both is not None})
    if options.out:
        found = corpus()
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found), encoding="utf-8")
        print({split: len(found[split]) for split in SPLITS}, options.out)
        if options.examples:
            write_examples(chorales.read(options.out)["test"])
    if not (options.match or options.out):
        raise SystemExit("Give --out or --match.")


if __name__ == "__main__":
    main()
