"""MIDI files below a folder, in it and in its .tar.xz archives, one after another."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from core.errors import DataError

ENDINGS = (".mid", ".midi", ".rmi")
ARCHIVES = (".tar", ".tar.gz", ".tar.xz", ".tar.bz2")


def files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and contents of every MIDI file, in the order of their names.

    Args:
        path: a folder (with files and archives, at any depth), an archive, or a file.
    Raises:
        DataError: nothing there.
    """
    if path.is_file():
        places = [path]
    elif path.is_dir():
        places = sorted(one for one in path.rglob("*") if one.is_file())
    else:
        raise DataError(f"There is nothing at {path}: give the folder with the MIDI files by --data.")
    found = False
    for place in places:
        name = place.name.lower()
        if name.endswith(ARCHIVES):
            inside = _unpacked(place)
        elif name.endswith(ENDINGS):
            inside = iter([(str(place.relative_to(path) if place != path else place), place.read_bytes())])
        else:
            continue
        for one in inside:
            found = True
            yield one
    if not found:
        raise DataError(f"There is no MIDI file below {path}: give the folder with them by --data.")


def _unpacked(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Nothing is written to the disk. The members are read in one pass, then sorted."""
    inside = []
    with tarfile.open(archive) as bundle:
        for member in bundle:
            if member.isfile() and member.name.lower().endswith(ENDINGS):
                content = bundle.extractfile(member)
                assert content is not None  # a file
                inside.append((f"{archive.name}/{member.name}", content.read()))
    yield from sorted(inside)
