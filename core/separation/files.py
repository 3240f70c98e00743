"""The parts of a song as files: short pieces to be played while the rest is made, and the whole parts to be kept."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import soundfile
from torch import Tensor

LIMIT = 1.0 - 2.0**-15  # 16 bits hold no more
_READ = 1 << 18  # samples copied at once


class StemFiles:
    """Writes the parts of one song piece by piece into a folder; memory does not grow with the song.

    Args:
        names: of the parts.  channels, sample_rate_hz: of all pieces.
    """

    def __init__(self, folder: Path, names: Sequence[str], *, channels: int, sample_rate_hz: int) -> None:
        self.folder, self.names, self.rate_hz, self.pieces = folder, tuple(names), sample_rate_hz, 0
        self.open = {
            name: soundfile.SoundFile(folder / f"{name}.flac", "w", sample_rate_hz, channels, "PCM_16", format="FLAC")
            for name in names
        }

    def add(self, parts: Mapping[str, Tensor]) -> list[str]:
        """Write the next piece, float [C, n] for each part; clipped at full scale.

        Returns:
            the names of its files, in the order of the parts.
        """
        written = []
        for name in self.names:
            x = parts[name].clamp(-LIMIT, LIMIT).T.numpy()
            self.open[name].write(x)
            written.append(f"{self.pieces:04}-{name}.flac")
            soundfile.write(self.folder / written[-1], x, self.rate_hz, "PCM_16", format="FLAC")
        self.pieces += 1
        return written

    def close(self) -> None:
        """No more pieces will come."""
        for sound in self.open.values():
            sound.close()


def as_wav(flac: Path, wav: Path) -> None:
    """A part as 16-bit WAV, copied in blocks."""
    with soundfile.SoundFile(flac) as source:
        with soundfile.SoundFile(wav, "w", source.samplerate, source.channels, "PCM_16", format="WAV") as out:
            while len(block := source.read(_READ, dtype="int16", always_2d=True)):
                out.write(block)


def as_zip(parts: Mapping[str, Path], out: Path) -> None:
    """Several files as one archive: name in the archive -> file. FLAC does not become smaller, so nothing is packed."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, path in parts.items():
            archive.write(path, name)


def sane(name: str) -> str:
    """A visitor's file name as part of ours: letters of any script, digits, a few signs; never empty, at most 60."""
    stem = Path(name.replace("\\", "/")).name.rsplit(".", 1)[0]
    kept = re.sub(r"[^\w ()&+,'-]", "_", stem, flags=re.UNICODE)
    return re.sub(r"\s+", " ", kept).strip(" ._")[:60].rstrip() or "song"
