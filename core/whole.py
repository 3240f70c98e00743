"""Files that are there whole or not at all.

    with whole(cache) as part:        # a path beside it, with the same ending
        np.savez(part, mels=mels)     # takes the name `cache` at the end of the block

A reader never meets half a file: not of a process that was killed while it wrote, nor of another one that writes the
same file at the same time, as the processes of `accelerate launch` do; the last one to finish wins.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes `path` if the block ends well; its folder is made.

    Args:
        path: of the file, new or to be replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
