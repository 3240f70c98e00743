"""MIDI files that anybody may have made, read and written: every limit, and every message about one.

    score = read("piece.mid")
    score.midi                       # pretty_midi.PrettyMIDI
    score.repairs                    # ["Notes that never end were ended with the piece: 3."]
"""

from __future__ import annotations

import io
import os
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import MidiError
from core.midi.chunks import Limits, clean

if TYPE_CHECKING:
    import pretty_midi

__all__ = ["Limits", "Score", "read", "to_bytes"]


@dataclass(frozen=True)
class Score:
    """A file that was read: its music, and what had to be mended, each in a sentence."""

    midi: pretty_midi.PrettyMIDI
    repairs: list[str]
    format: int  # 0, 1 or 2, as the file came
    notes: int  # without the drums'
    seconds: float  # to the end of the last note


def read(source: str | Path | bytes, *, limits: Limits | None = None) -> Score:
    """Read a MIDI file of format 0, 1 or 2, bare or RIFF-wrapped; mend what can be mended.

    Sizes are looked at before anything is parsed; mido and pretty_midi see only what `core.midi.chunks` wrote anew.

    Args:
        source: a path, or the bytes of a file.
        limits: see Limits; a piece longer than it allows is cut, and `repairs` says so.
    Raises:
        MidiError: no such file, empty, not MIDI, damaged beyond use, too large, without notes, only drums.
    """
    import mido
    import pretty_midi

    limits = limits or Limits()
    data, name = _bytes_of(source, limits)
    cleaned = clean(data, name, limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = mido.MidiFile(file=io.BytesIO(cleaned.data))
            midi = pretty_midi.PrettyMIDI(mido_object=parsed)
    except (OSError, EOFError, ValueError, IndexError, KeyError, LookupError) as error:
        raise MidiError(f"{name} cannot be read ({type(error).__name__}): export it again as MIDI.") from None
    for instrument in midi.instruments:
        instrument.name = "".join(c for c in instrument.name if c.isprintable())
    pitched = [note for one in midi.instruments if not one.is_drum for note in one.notes]
    heard = pitched or [note for one in midi.instruments for note in one.notes]
    if not heard:
        raise MidiError(f"There are no notes in {name}: choose a file with some, or export it again.")
    if not pitched and not limits.drums_alone:
        raise MidiError(f"{name} has only drums, which have no pitch: choose a piece with another instrument.")
    return Score(midi, cleaned.repairs, cleaned.format, len(pitched), float(max(note.end for note in heard)))


def to_bytes(midi: pretty_midi.PrettyMIDI) -> bytes:
    """A MIDI file of format 1, to be offered for download."""
    out = io.BytesIO()
    midi.write(out)
    return out.getvalue()


def _bytes_of(source: str | Path | bytes, limits: Limits) -> tuple[bytes, str]:
    """The contents and the name for messages."""
    if isinstance(source, bytes):
        data, name = source, "the file"
        if not data:
            raise MidiError("The file is empty (0 bytes): export it again.")
        if len(data) > limits.file_bytes:
            raise _too_large(name, len(data), limits)
        return data, name
    if not isinstance(source, (str, os.PathLike)) or not os.fspath(source):
        raise MidiError("There is no MIDI file: upload one or choose an example first.")
    path = Path(source)
    name = re.sub(r"[^\w .()-]", "?", path.name)[:60] or "the file"
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise MidiError(f"{name} is a folder or a device: choose a MIDI file inside it.")
        if status.st_size > limits.file_bytes:
            raise _too_large(name, status.st_size, limits)
        with path.open("rb") as file:
            data = file.read(limits.file_bytes + 1)
    except FileNotFoundError:
        raise MidiError(f"There is no file {name}: check the name, or upload it again.") from None
    except (OSError, ValueError) as error:
        raise MidiError(f"{name} cannot be opened ({type(error).__name__}): check its name and rights.") from None
    if not data:
        raise MidiError(f"{name} is empty (0 bytes): export it again.")
    return data, name


def _too_large(name: str, size: int, limits: Limits) -> MidiError:
    return MidiError(
        f"{name} has {size / 1e6:.1f} MB; at most {limits.file_bytes / 1e6:.0f} MB are taken: MIDI files are small."
    )
