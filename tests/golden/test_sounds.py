"""Every sound that the site brings can be read to its end."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

ASSETS = Path(__file__).parents[2] / "assets"
SOUNDS = sorted(path for path in ASSETS.rglob("*") if path.suffix in {".flac", ".ogg", ".opus", ".wav"})


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in SOUNDS}), ids=lambda x: x.relative_to(ASSETS).as_posix()
)
def test_all_of_it_is_sound(folder: Path) -> None:
    for path in (path for path in SOUNDS if path.parent == folder):
        with soundfile.SoundFile(path) as file:  # in pieces: a voice's recordings are an hour long
            blocks = list(file.blocks(1 << 18, dtype="float32"))
        assert all(np.isfinite(block).all() and np.abs(block).max() <= 1.5 for block in blocks), path.name
        assert sum(map(len, blocks)) > 0, path.name
