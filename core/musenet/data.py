"""What the composer learns from: rows of tokens of whole pieces, cut into windows.

    python -m core.musenet.data --data PATH        # writes runs/musenet-tokens.npz

PATH holds the archives asap-midi, chopin-nifc-midi, mutopia-piano-midi, pop909-midi and multitrack-midi (.tar.xz or
extracted), or the public layouts of ASAP (asap-dataset) and POP909, or any folders named by composers with MIDI files
in them. Where the package music21 is installed, its corpus adds Bach's chorales and string quartets, played by
strings: without it the composer hears strings only in the music of games.
"""

from __future__ import annotations

import argparse
import io
import json
import tarfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError, MidiError
from core.musenet import encoding, quartets, works
from core.musenet import vocabulary as v
from core.musenet.grammar import preamble
from core.whole import whole

if TYPE_CHECKING:
    import pretty_midi

CACHE = Path("runs/musenet-tokens.npz")
COLLECTIONS = {  # name -> archives or folders it may be in
    "asap": ("asap-midi", "asap-dataset", "asap-dataset-master"),
    "nifc": ("chopin-nifc-midi",),
    "mutopia": ("mutopia-piano-midi",),
    "pop909": ("pop909-midi", "POP909"),
    "multitrack": ("multitrack-midi",),
}
SHORTEST = 64  # tokens of a piece
SCORE_NOTES_S = 6.0  # notes a second of a score that names no tempo
SHARED = 0.25  # of a held-out piece's melody in a training piece: the same work under another name


@dataclass(frozen=True)
class Piece:
    """One edition or performance: music from behind <start> up to <end>, uint16 [N]."""

    name: str
    composer: str
    work: str
    performed: bool
    instruments: tuple[str, ...]
    ids: NDArray[np.uint16]

    @property
    def held_out(self) -> bool:
        return works.held_out(self.work)


def files(root: Path) -> Iterator[tuple[str, str, bytes]]:
    """(collection, path within it, content) of every MIDI file below --data.

    Raises:
        DataError: nothing there that we know.
    """
    count, taken = 0, set()
    for collection, places in COLLECTIONS.items():
        for place in places:
            taken.add(place)
            if (root / place).is_dir():
                found = _in_folder(root / place)
            elif (root / f"{place}.tar.xz").is_file():
                found = _in_archive(root / f"{place}.tar.xz")
            else:
                continue
            for path, content in found:
                count += 1
                yield collection, path, content
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        if folder.is_dir() and folder.name not in taken and folder.name.lower() in v.COMPOSERS:
            for path, content in _in_folder(folder):
                count += 1
                yield "folder", f"{folder.name}/{path}", content
    if not count:
        raise DataError(
            f"No MIDI files that we know below {root}: give the folder that holds asap-midi.tar.xz or "
            f"pop909-midi.tar.xz, or folders named {', '.join(v.COMPOSERS[:3])} ... with .mid files in them."
        )


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*.mid")):
        yield path.relative_to(folder).as_posix(), path.read_bytes()


def _in_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive:
            opened = archive.extractfile(member) if member.isfile() and member.name.endswith(".mid") else None
            if opened:
                yield member.name.split("/", 1)[1], opened.read()


def read(collection: str, path: str, content: bytes) -> Piece | None:
    """A MIDI file as a piece; None if it cannot be read or is too short."""
    import pretty_midi

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            midi = pretty_midi.PrettyMIDI(io.BytesIO(content))
        given = encoding.notes(midi)
    except (MidiError, OSError, ValueError, KeyError, IndexError, EOFError):
        return None
    composer, work = works.of(collection, path)
    performed = collection == "pop909" or (collection == "asap" and not path.endswith("midi_score.mid"))
    if collection == "mutopia" and _tempo_missing(midi):
        given = in_tempo(given)
    return piece(f"{collection}/{path}", composer, work, performed, given)


def piece(name: str, composer: str, work: str, performed: bool, given: list[encoding.Note]) -> Piece | None:
    """Notes as a piece; None if it is too short."""
    row = encoding.encode_notes(given, composer)
    body = row[row.index(v.START) + 1 :]
    if len(body) < SHORTEST:
        return None
    return Piece(name, composer, work, performed, tuple(encoding.declared(row)[1]), np.array(body, np.uint16))


def _tempo_missing(midi: pretty_midi.PrettyMIDI) -> bool:
    tempi = midi.get_tempo_changes()[1]
    return len(tempi) == 1 and round(float(tempi[0])) == 60


def in_tempo(given: list[encoding.Note]) -> list[encoding.Note]:
    """A score whose tempo is not known, hurried to `SCORE_NOTES_S` notes a second if it is slower."""
    seconds = max(n.end_s for n in given) - min(n.start_s for n in given)
    factor = max(0.3, min(1.0, len(given) / max(seconds, 1e-3) / SCORE_NOTES_S))
    return [n._replace(start_s=n.start_s * factor, end_s=n.end_s * factor) for n in given]


def load(root: Path, *, cache: Path = CACHE) -> list[Piece]:
    """All pieces, from the cache if there is one.

    Raises:
        DataError: as `files`.
    """
    if cache.exists():
        return restore(cache)
    found = [one for one in (read(*file) for file in files(root)) if one is not None]
    corpus = quartets.corpus()
    if corpus is None:
        print("music21 is not installed: no chorales and quartets for strings (pip install music21).")
    else:
        made = (piece(name, composer, work, False, given) for name, composer, work, given in quartets.scores(corpus))
        found += [one for one in made if one is not None]
    found = without_copies(found)
    store(found, cache)
    return found


def store(pieces: list[Piece], cache: Path) -> None:
    """Write the pieces to an npz file: "ids" uint16, "ends" int64, "about" JSON."""
    about = [[one.name, one.composer, one.work, one.performed, one.instruments] for one in pieces]
    with whole(cache) as part:
        np.savez_compressed(
            part, ids=np.concatenate([one.ids for one in pieces]), ends=np.cumsum([len(one.ids) for one in pieces]),
            about=np.array(json.dumps(about)),
        )  # fmt: skip


def restore(cache: Path) -> list[Piece]:
    """The pieces that `store` wrote.

    Raises:
        DataError: the file is damaged.
    """
    try:
        with np.load(cache, allow_pickle=False) as held:
            rows = np.split(held["ids"], held["ends"][:-1])
            about = json.loads(str(held["about"]))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{cache} is damaged ({type(error).__name__}): delete it, it is made anew from --data."
        ) from None
    return [
        Piece(name, composer, work, performed, tuple(instruments), ids)
        for (name, composer, work, performed, instruments), ids in zip(about, rows)
    ]


def melody(ids: NDArray[np.uint16], *, length: int = 12) -> set[bytes]:
    """Every run of intervals between the highest notes that begin together: what copies of a work share in any key."""
    row = np.asarray(ids)
    waits = (row >= v.WAIT) & (row < v.NOTE)
    time = np.cumsum(np.where(waits, row.astype(np.int64) - v.WAIT + 1, 0))
    on = v.IS_ON[row] & (v.INSTRUMENT_OF[row] != v.DRUMS)
    steps, pitch = time[on], v.PITCH_OF[row[on]]
    if not len(steps):
        return set()
    heads = np.flatnonzero(np.diff(steps, prepend=-1))
    line = np.diff(np.maximum.reduceat(pitch, heads)).astype(np.int8)
    return {line[i : i + length].tobytes() for i in range(len(line) - length + 1)}


def without_copies(pieces: list[Piece]) -> list[Piece]:
    """The pieces without those for training that share a melody with a held-out score.

    Names of works can err: a score that has a quarter of the runs of a held-out one is the same piece, or another
    harmony to its tune.
    """
    runs = {one.name: melody(one.ids) for one in pieces if not one.performed}
    held = [runs[one.name] for one in pieces if one.held_out and one.name in runs and len(runs[one.name]) > 8]
    kept = []
    for one in pieces:
        mine = runs.get(one.name, set())
        if not one.held_out and any(len(mine & other) > SHARED * len(other) for other in held):
            print(f"left out, as it shares a melody with a held-out work: {one.name}")
            continue
        kept.append(one)
    return kept


def window(one: Piece, position: int, length: int, *, shift: int = 0, stretch: float = 1.0) -> list[int]:
    """A row of at most `length` tokens that begins at a place of a piece, as `grammar.resumed` would.

    Args:
        position: from 0 to N - 1; 0 begins with <start>, all others with <middle> and what sounds there.
        shift: semitones; 0 is taken instead if a note would leave its instrument's range.
        stretch: factor of all times.
    """
    first = v.START if position == 0 else v.MIDDLE
    row = v.header(one.composer, one.instruments, first=first)
    part = one.ids[position : position + length].astype(np.int64)
    before = preamble(*sounding(one.ids[:position])) if position else []
    music = np.concatenate([np.array(before, np.int64), part])
    moved = _TRANSPOSED[shift][music]
    music = moved if moved.min() >= 0 else music
    return [*row, *(stretched(music, stretch) if stretch != 1 else music).tolist()][:length]


def sounding(past: NDArray) -> tuple[dict[int, int], int]:
    """What sounds at the end of a row of music, token -> volume, and the volume there."""
    last = np.full(v.VOCABULARY, -1)
    last[past] = np.arange(len(past))
    on = np.array(sorted(token for (who, _), token in v.ON.items() if who != v.DRUMS))
    on = on[last[on] > last[v.OTHER[on]]]
    places = np.where((past >= v.VOLUME) & (past < v.WAIT), np.arange(len(past)), 0)
    places = np.maximum.accumulate(places)  # where the volume in force was said
    volumes = past[places].astype(np.int64) - v.VOLUME
    return {int(token): int(volumes[last[token]]) for token in on}, int(volumes[-1])


def stretched(row: NDArray[np.int64], factor: float) -> NDArray[np.int64]:
    """The row with all its waits so many times as long, on the grid, without errors adding up."""
    waits = (row >= v.WAIT) & (row < v.NOTE)
    time = np.cumsum(np.where(waits, row - v.WAIT + 1, 0))[~waits]
    gaps = np.diff(np.floor(time * factor + 0.5).astype(np.int64), prepend=0)
    out: list[int] = []
    for token, gap in zip(row[~waits].tolist(), gaps.tolist()):
        out += [v.NOTE - 1] * (gap // v.WAITS)
        if gap % v.WAITS:
            out.append(v.WAIT + gap % v.WAITS - 1)
        out.append(token)
    return np.array(out, np.int64)


def _transposition(shift: int) -> NDArray[np.int64]:
    """Where each token goes when everything but drums is moved by semitones; -1 out of range."""
    table = np.arange(v.VOCABULARY)
    for token, (who, pitch, begins) in enumerate(v.NOTES, v.NOTE):
        if who != v.DRUMS:
            table[token] = (v.ON if begins else v.OFF).get((who, pitch + shift), -1)
    return table


SHIFTS = range(-5, 7)
_TRANSPOSED = {shift: _transposition(shift) for shift in SHIFTS}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of archives or of composers' folders")
    options = parser.parse_args(arguments)
    pieces = load(options.data)
    print("composer        pieces  held out    works     tokens")
    for composer in v.COMPOSERS:
        mine = [one for one in pieces if one.composer == composer]
        print(
            f"{composer:14s} {len(mine):7d} {sum(one.held_out for one in mine):9d} "
            f"{len({one.work for one in mine}):8d} {sum(len(one.ids) for one in mine):10,d}"
        )


if __name__ == "__main__":
    main()
