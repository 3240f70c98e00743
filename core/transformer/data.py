"""Piano performances as rows of events: ASAP and MAESTRO, whole works held out, windows for training.

    ASAP       a folder, or its archive, with metadata.csv and Composer/.../Performer.mid (Foscarin et al. 2020)
    MAESTRO    a folder with maestro-v*.csv, whose column `split` says what is held out (Hawthorne et al. 2019)
    other      any folder of MIDI files; works are told apart by their folders, and by HELD_OUT
"""

from __future__ import annotations

import csv
import io
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import DataError, MidiError
from core.midi.events import Notes, encode_notes
from core.whole import whole

# Whole works, in ASAP's folders: every movement, every performance. Of Bach's pairs both, prelude and fugue.
HELD_OUT = (
    "Bach/Prelude/bwv_848", "Bach/Fugue/bwv_848", "Bach/Prelude/bwv_860", "Bach/Fugue/bwv_860",
    "Bach/Prelude/bwv_885", "Bach/Fugue/bwv_885", "Beethoven/Piano_Sonatas/17", "Beethoven/Piano_Sonatas/24",
    "Chopin/Ballades/4", "Chopin/Etudes_op_10/12", "Chopin/Etudes_op_25/2", "Haydn/Keyboard_Sonatas/48",
    "Liszt/Transcendental_Etudes/10", "Mozart/Piano_Sonatas/11", "Schubert/Impromptu_op142", "Schumann/Arabeske",
)  # fmt: skip
SEMITONES = (-3, -2, -1, 0, 1, 2, 3)  # as in arXiv:1809.04281: transposed by up to a minor third …
STRETCHES = (0.95, 0.975, 1.0, 1.025, 1.05)  # … and up to 5 % slower or faster
PIANO = (21, 108)  # the lowest and the highest key


@dataclass(frozen=True)
class Piece:
    """One performance: its place in the corpus, and its notes as the pedal holds them."""

    name: str
    notes: Notes


def is_held_out(name: str) -> bool:
    """Does a performance belong to a work of HELD_OUT? "Etudes_op_10/1" must not stand for "Etudes_op_10/12"."""
    folder = name.rpartition("/")[0]
    return any(folder == work or folder.startswith((work + "/", work + "-")) for work in HELD_OUT)


def load(path: Path, *, held_out: bool, cache: Path | None = None) -> list[Piece]:
    """The performances of a corpus, or those of the works that are held out.

    Args:
        path: folder or tar archive.  cache: an .npz that keeps the notes, since reading MIDI takes minutes.
    Raises:
        DataError: nothing there that we can read.
    """
    if cache is None or not cache.exists():
        pieces = [Piece(name, notes) for name, content in _files(path) if (notes := _notes(name, content))]
        if not pieces:
            raise DataError(f"{path} holds no MIDI performances: give ASAP's or MAESTRO's folder, or an archive.")
        if cache is not None:
            _store(cache, pieces)
    else:
        pieces = _restore(cache)
    split = _maestro_split(path)
    away = (lambda name: split[name] != "train") if split else is_held_out
    return [piece for piece in pieces if away(piece.name) == held_out]


def augmented(notes: Notes, *, semitones: int = 0, stretch: float = 1.0) -> NDArray[np.int64]:
    """A performance as events, transposed and slowed down.

    Args:
        semitones: upwards; a key that would leave the piano stays where it is, an octave nearer.
        stretch: above 1 is slower.
    Returns:
        int64 [N].
    """
    pitch = notes.pitch + semitones
    pitch = np.where(pitch < PIANO[0], pitch + 12, np.where(pitch > PIANO[1], pitch - 12, pitch))
    return encode_notes(notes.start_s * stretch, notes.end_s * stretch, pitch, notes.velocity)


def batches(pieces: list[Piece], *, batch: int, window: int, seed: int, pool: int = 4096) -> Iterator[Tensor]:
    """Windows of performances, for ever, each performance transposed and stretched anew in every round.

    Args:
        window: events a window predicts.  pool: windows among which a batch is drawn.
    Yields:
        int64 [batch, window + 1].
    """
    random = np.random.default_rng(seed)
    waiting: list[NDArray] = []
    while True:
        for i in random.permutation(len(pieces)):
            ids = augmented(
                pieces[i].notes, semitones=int(random.choice(SEMITONES)), stretch=float(random.choice(STRETCHES))
            )
            start = int(random.integers(0, max(1, min(window, len(ids) - window))))
            waiting += [ids[at : at + window + 1] for at in range(start, len(ids) - window, window)]
            while len(waiting) >= pool:
                random.shuffle(waiting)
                drawn, waiting = waiting[:batch], waiting[batch:]
                yield torch.from_numpy(np.stack(drawn))
        if len(waiting) < batch and not any(len(piece.notes.pitch) * 2 > window for piece in pieces):
            raise DataError(f"No performance has {window + 1} events: give longer ones, or a shorter --window.")
        pool = min(pool, max(batch, len(waiting)))  # a small corpus never fills the pool


def windows(pieces: list[Piece], *, window: int, limit: int | None = None) -> Tensor:
    """The held-out performances as they are, cut into windows that do not overlap.

    Args:
        limit: so many windows, spread evenly over the corpus.
    Returns:
        int64 [K, window + 1].
    """
    rows = []
    for piece in pieces:
        ids = augmented(piece.notes)
        rows += [ids[at : at + window + 1] for at in range(0, len(ids) - window, window)]
    if not rows:
        raise DataError(f"No held-out performance has {window + 1} events: give longer ones, or a shorter --window.")
    if limit and len(rows) > limit:
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, limit).astype(int)]
    return torch.from_numpy(np.stack(rows))


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every performance; deadpan scores are left out."""
    if path.is_file() and tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.partition("/")[2]
                if member.isfile() and _is_performance(name):
                    opened = archive.extractfile(member)
                    if opened is not None:
                        yield name, opened.read()
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path).as_posix()
            if file.is_file() and _is_performance(name):
                yield name, file.read_bytes()
    else:
        raise DataError(f"{path} is neither a folder nor an archive: say where the performances are with --data.")


def _is_performance(name: str) -> bool:
    return name.lower().endswith((".mid", ".midi")) and not name.lower().endswith("midi_score.mid")


def _notes(name: str, content: bytes) -> Notes | None:
    """The notes of a MIDI file, or None with a word of warning."""
    import pretty_midi

    from core.midi.pedal import played

    try:
        notes = played(pretty_midi.PrettyMIDI(io.BytesIO(content)))
    except (MidiError, OSError, ValueError, KeyError, IndexError, EOFError, AttributeError) as error:
        print(f"left out {name}: {error}", file=sys.stderr)
        return None
    return notes if len(notes.pitch) else None


def _store(cache: Path, pieces: list[Piece]) -> None:
    columns = [np.concatenate([piece.notes[i] for piece in pieces]) for i in range(4)]
    lengths = np.array([len(piece.notes.pitch) for piece in pieces])
    with whole(cache) as part:
        np.savez(part, *columns, lengths=lengths, names=np.array([piece.name for piece in pieces]))


def _restore(cache: Path) -> list[Piece]:
    with np.load(cache) as kept:
        cuts = np.cumsum(kept["lengths"])[:-1]
        columns = [np.split(kept[f"arr_{i}"], cuts) for i in range(4)]
        return [Piece(str(name), Notes(*parts)) for name, *parts in zip(kept["names"], *columns)]


def _maestro_split(path: Path) -> dict[str, str]:
    """MAESTRO's own split: file -> train, validation or test; empty for other corpora."""
    tables = sorted(path.glob("maestro-v*.csv")) if path.is_dir() else []
    if not tables:
        return {}
    with tables[-1].open(encoding="utf-8", newline="") as file:
        return {row["midi_filename"]: row["split"] for row in csv.DictReader(file)}
