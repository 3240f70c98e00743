"""Bach's chorales and string quartets, played by strings: from the MusicXML files in the package music21.

Only its files are read, by a reader of our own that knows what notes need: music21 itself takes ten minutes for them.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from core.musenet import vocabulary as v
from core.musenet import works
from core.musenet.encoding import Note, within

FOLDERS = ("bach", "haydn", "mozart", "beethoven", "schumann_robert")  # what our composers wrote for four parts
SKIPPED = ("k545", "dichterliebe", "opus48", "bwv846")  # for piano, or songs
VELOCITY = 72
CHORALE_BPM = 84.0  # of a chorale that names no tempo
BPM = 108.0  # of any other score
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def corpus() -> Path | None:
    """The folder of music21's scores; None where it is not installed."""
    found = importlib.util.find_spec("music21")
    return Path(found.origin).parent / "corpus" if found and found.origin else None


def scores(root: Path) -> Iterator[tuple[str, str, str, list[Note]]]:
    """(path, composer, work, notes) of every score for strings or four voices below the corpus's folder."""
    strings = v.NAMES.index("strings")
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.mxl")):
            name = path.relative_to(root).as_posix()
            if any(word in name for word in SKIPPED):
                continue
            composer, work = works.of("music21", name)
            rows, bpm = read_musicxml(unpacked(path))
            second = 60 / (bpm or (CHORALE_BPM if composer == "bach" else BPM))
            given = [
                Note(strings, within(pitch, v.INSTRUMENTS[strings]), VELOCITY, start * second, end * second)
                for start, end, pitch in rows
            ]
            if given:
                yield f"music21/{name}", composer, work, given


def unpacked(path: Path) -> bytes:
    """The score inside a compressed MusicXML file."""
    with zipfile.ZipFile(path) as archive:
        names = [one for one in archive.namelist() if not one.startswith("META-INF")]
        return archive.read(next(one for one in names if one.endswith((".xml", ".musicxml"))))


def read_musicxml(content: bytes) -> tuple[list[tuple[float, float, int]], float | None]:
    """The notes of a score: (start, end) in quarter notes and MIDI pitch, ties joined, without grace notes and repeats.

    Source: MusicXML 4.0, partwise scores: a note's duration is in divisions of a quarter; <backup> and <forward> move
    the time between voices; <chord> begins with the note before it.

    Returns:
        notes, and the first tempo in quarters a minute, None where there is none.
    """
    root = ElementTree.fromstring(content)
    found: list[tuple[float, float, int]] = []
    for part in root.iter("part"):
        found += _part(part)
    tempi = [float(one.get("tempo", 0)) for one in root.iter("sound") if one.get("tempo")]
    return found, next((one for one in tempi if 30 <= one <= 240), None)


def _part(part: ElementTree.Element) -> Iterator[tuple[float, float, int]]:
    divisions, transpose, measure_start = 1.0, 0, 0.0
    tied: dict[int, float] = {}  # pitch -> where a note began that is tied on
    for measure in part.iter("measure"):
        now = latest = begun = measure_start
        for element in measure:
            length = float(element.findtext("duration") or 0) / divisions
            if element.tag == "attributes":
                divisions = float(element.findtext("divisions") or divisions)
                transpose = int(element.findtext("transpose/chromatic") or transpose)
                transpose += 12 * int(element.findtext("transpose/octave-change") or 0)
            elif element.tag == "backup":
                now -= length
            elif element.tag == "forward":
                now += length
            elif element.tag == "note" and element.find("grace") is None:
                if element.find("chord") is None:
                    begun, now = now, now + length
                pitch = _pitch(element)
                if pitch is not None:
                    pitch += transpose
                    ties = {one.get("type") for one in element.findall("tie")}
                    start = tied.pop(pitch, begun) if "stop" in ties else begun
                    if "start" in ties:
                        tied[pitch] = start
                    else:
                        yield start, begun + length, pitch
            latest = max(latest, now)
        measure_start = latest


def _pitch(note: ElementTree.Element) -> int | None:
    """The MIDI pitch of a <note>; None for a rest."""
    step, octave = note.findtext("pitch/step"), note.findtext("pitch/octave")
    if step is None or octave is None:
        return None
    return 12 * (int(octave) + 1) + STEPS[step] + round(float(note.findtext("pitch/alter") or 0))
