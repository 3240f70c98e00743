"""Sounds whose pitch or beats are known, because they were made from them: for `core.mir.measure`.

    melodies   MELODY tracks of POP909, played by FluidSynth on six instruments: the notes are the pitch
    voices     real sentences taken apart and put together again by WORLD: the contour it used is the pitch
    piano      whole arrangements of POP909, whose beats are published
    bands      game music with drums and bass, whose tempo the file gives
"""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.mir.frames import HOP_SAMPLES, SAMPLE_RATE_HZ, count, times

if TYPE_CHECKING:
    import pretty_midi

__all__ = ["Piece", "Sung", "bands", "found", "levelled", "melodies", "noisy", "piano", "read_mono", "voices"]

INSTRUMENTS = {  # General MIDI programs that hold one note at a time
    "flute": 73, "violin": 40, "clarinet": 71, "trumpet": 56, "voice": 53, "guitar": 24,
}  # fmt: skip
MELODY_SECONDS = 12.0
PIECE_SECONDS = 20.0
TAIL_S = 0.15  # after a note, in which it is faded out; nothing is judged there
LEVEL = 0.1  # root mean square of what is heard


@dataclass(frozen=True, eq=False)
class Sung:
    """x: float64 [T] at 16 kHz.  f0_hz: float64 [F] every 10 ms, 0 where there is no pitch.  judged: bool [F]."""

    name: str
    x: NDArray
    f0_hz: NDArray
    judged: NDArray


@dataclass(frozen=True, eq=False)
class Piece:
    """x: float32 [T] at `sample_rate_hz`.  beats_s: float64 [K]."""

    name: str
    x: NDArray
    sample_rate_hz: int
    beats_s: NDArray

    @property
    def bpm(self) -> float:
        return float(60 / np.median(np.diff(self.beats_s)))


def found(root: Path, *names: str) -> Path:
    """The folder or archive below a place whose name begins with one of these, whatever its case.

    Raises:
        DataError: nothing there.
    """
    for path in [root, *sorted(root.rglob("*"), key=lambda one: (len(one.parts), one.name))]:
        if path.name.lower().startswith(names):
            return path
    raise DataError(f"Nothing called {' or '.join(names)} is below {root}: give the folder that holds it by --data.")


def read_mono(path: Path, *, begin_s: float = 0.0, seconds: float | None = None) -> NDArray:
    """Part of a sound file at 16 kHz: float64 [T]."""
    import soundfile
    import soxr

    with soundfile.SoundFile(str(path)) as sound:
        sound.seek(min(sound.frames, int(begin_s * sound.samplerate)))
        x = sound.read(-1 if seconds is None else int(seconds * sound.samplerate), always_2d=True).mean(axis=1)
        return x if sound.samplerate == SAMPLE_RATE_HZ else soxr.resample(x, sound.samplerate, SAMPLE_RATE_HZ)


def levelled(x: NDArray) -> NDArray:
    """At a root mean square of 0.1."""
    return x * (LEVEL / max(1e-9, float(np.sqrt(np.mean(np.square(x))))))


def noisy(x: NDArray, snr_db: float | None, *, seed: int) -> NDArray:
    """With pink noise, as loud in every octave, at a signal-to-noise ratio over the whole sound; None: as it is."""
    if snr_db is None:
        return x
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(x)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[: max(1, int(20 * len(x) / SAMPLE_RATE_HZ))] = 0  # below 20 Hz
    noise = np.fft.irfft(spectrum, len(x))
    return x + noise * np.sqrt(np.mean(np.square(x)) / np.mean(np.square(noise))) * 10 ** (-snr_db / 20)


# --- POP909 -----------------------------------------------------------------------------------------------------


def _pop909(root: Path, numbers: Sequence[int]) -> Iterator[tuple[str, bytes, str]]:
    """Number, MIDI file and chords (begin, end, name a line) of some songs, from our archive or POP909's folders."""
    place = found(root, "pop909")
    wanted = [f"{number:03d}" for number in numbers]
    if place.is_dir():
        for number in wanted:
            folder = next((path.parent for path in sorted(place.rglob(f"{number}.mid"))), place)
            chords = folder / "chord_midi.txt"
            chords = chords if chords.exists() else folder / f"{number}.chords.txt"
            yield number, (folder / f"{number}.mid").read_bytes(), chords.read_text(encoding="utf-8")
        return
    held: dict[str, bytes] = {}
    with tarfile.open(place) as bundle:
        for member in bundle:
            name = Path(member.name).name
            if member.isfile() and name[:3] in wanted and (content := bundle.extractfile(member)):
                held[name] = content.read()
    for number in wanted:
        yield number, held[f"{number}.mid"], held[f"{number}.chords.txt"].decode()


def _midi(content: bytes) -> pretty_midi.PrettyMIDI:
    from core.midi import files

    return files.read(content, limits=files.Limits(drums_alone=True)).midi


def melodies(root: Path, numbers: Sequence[int]) -> list[Sung]:
    """The melodies of some songs, one instrument after another: from the first note after 30 s on."""
    names = list(INSTRUMENTS)
    return [
        _melody(f"{number} {names[i % len(names)]}", _midi(content), INSTRUMENTS[names[i % len(names)]])
        for i, (number, content, _) in enumerate(_pop909(root, numbers))
    ]


def _melody(name: str, song: pretty_midi.PrettyMIDI, program: int) -> Sung:
    """A melody alone, each note cut where the next begins."""
    import pretty_midi

    from core.midi import sound

    track = next(one for one in song.instruments if one.name.strip().upper() == "MELODY")
    notes = sorted(track.notes, key=lambda note: note.start)
    begin = next((note.start for note in notes if note.start >= 30), notes[0].start) - 0.2
    player = pretty_midi.Instrument(program)
    for note, following in zip(notes, [*notes[1:], None]):
        end = min(note.end, following.start) if following else note.end
        if begin <= note.start and end <= begin + MELODY_SECONDS - TAIL_S and end - note.start > 0.04:
            player.notes.append(pretty_midi.Note(100, note.pitch, note.start - begin, end - begin))
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(player)
    x = levelled(sound.render(midi, sample_rate_hz=SAMPLE_RATE_HZ).mean(axis=0)[: int(MELODY_SECONDS * SAMPLE_RATE_HZ)])
    at, moment = times(count(len(x))), np.arange(len(x)) / SAMPLE_RATE_HZ
    f0, tail, gate = np.zeros(len(at)), np.zeros(len(at), dtype=bool), np.zeros(len(x))
    for note in player.notes:
        tail |= (at >= note.end) & (at < note.end + TAIL_S)
        f0[(at >= note.start) & (at < note.end)] = 440 * 2 ** ((note.pitch - 69) / 12)
        here = moment >= note.start - 0.005
        gate[here] = np.maximum(gate[here], np.clip(1 - (moment[here] - note.end) / TAIL_S, 0, 1))
    return Sung(name, x * gate, f0, (f0 > 0) | ~tail)  # without the echo, which has a pitch, too


def piano(root: Path, numbers: Sequence[int]) -> list[Piece]:
    """Twenty seconds of some arrangements, from the first chord after 30 s on, with their beats."""
    out = []
    for number, content, chords in _pop909(root, numbers):
        song = _midi(content)
        beats = _beats_of_chords(chords, song)
        begin = beats[np.searchsorted(beats, 30.0)] - 0.3
        out.append(_piece(f"piano {number}", song, beats, begin))
    return out


def _beats_of_chords(chords: str, song: pretty_midi.PrettyMIDI) -> NDArray:
    """Chords begin on beats; the file's tempo tells how many beats lie between. Agrees with beat_midi.txt."""
    edges = sorted({float(value) for line in chords.splitlines() for value in line.split()[:2]})
    when, tempi = song.get_tempo_changes()
    beats: list[float] = []
    for begin, end in zip(edges, edges[1:]):
        middle = (begin + end) / 2
        period = 60 / tempi[max(0, int(np.searchsorted(when, middle)) - 1)]
        beats += list(np.linspace(begin, end, max(1, round((end - begin) / period)), endpoint=False))
    return np.array(beats)


def bands(root: Path, *, part: int, parts: int = 4, most: int = 20) -> list[Piece]:
    """Twenty seconds of game music with drums and bass: every `parts`-th file, from the tenth second on."""
    place = found(root, "multitrack-midi")
    if place.is_dir():
        held = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    else:
        with tarfile.open(place) as bundle:
            held = {
                member.name.partition("/")[2]: content.read()
                for member in bundle if member.isfile() and (content := bundle.extractfile(member))
            }  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(held["index.csv"].decode())))
    heavy = [row for row in rows if float(row["seconds"]) > 45 and int(row["drum_notes"]) > 3 * float(row["seconds"])]
    out = []
    for row in heavy[part::parts][:most]:
        song = _midi(held[f"{row['set']}/{row['file']}"])
        beats = song.get_beats()
        out.append(_piece(f"band {re.sub('[.]mid$', '', row['file'])}", song, beats, 10.0))
    return out


def _piece(name: str, song: pretty_midi.PrettyMIDI, beats: NDArray, begin: float) -> Piece:
    """An excerpt, played; notes that sound already are left out."""
    import pretty_midi

    from core.midi import sound

    rate, end = 22_050, begin + PIECE_SECONDS
    midi = pretty_midi.PrettyMIDI()
    for player in song.instruments:
        kept = pretty_midi.Instrument(player.program, player.is_drum)
        for note in player.notes:
            if begin <= note.start < end:
                kept.notes.append(
                    pretty_midi.Note(note.velocity, note.pitch, note.start - begin, min(note.end, end) - begin)
                )
        midi.instruments.append(kept)
    x = sound.render(midi, sample_rate_hz=rate).mean(axis=0)[: int(PIECE_SECONDS * rate)]
    inside = beats[(beats >= begin) & (beats < end)] - begin
    return Piece(name, x, rate, inside)


# --- Voices -----------------------------------------------------------------------------------------------------


def voices(paths: Sequence[Path]) -> list[Sung]:
    """Sentences by WORLD, analysed and synthesised again: float64 f0, exactly what the synthesiser was given.

    Source: Morise, Yokomori and Ozawa 2016, "WORLD" (IEICE Transactions E99-D).
    """
    import pyworld

    out = []
    for path in paths:
        x = levelled(read_mono(path))
        f0, at = pyworld.harvest(x, SAMPLE_RATE_HZ, f0_floor=60, f0_ceil=600, frame_period=5.0)
        envelope = pyworld.cheaptrick(x, f0, at, SAMPLE_RATE_HZ)
        noise = pyworld.d4c(x, f0, at, SAMPLE_RATE_HZ, threshold=0.85)
        # d4c with a threshold unvoices frames of its own: those have noise in every band.
        f0 = np.where((noise[:, 1:-1] > 0.999).all(axis=1), 0.0, f0)
        y = pyworld.synthesize(f0, envelope, noise, SAMPLE_RATE_HZ, frame_period=5.0)[: len(x)]
        every = HOP_SAMPLES * 200 // SAMPLE_RATE_HZ  # 5 ms frames to 10 ms
        kept = np.zeros(count(len(y)))
        kept[: len(f0[::every])] = f0[::every][: len(kept)]
        edge = np.zeros(len(kept), dtype=bool)  # within 20 ms of a change of voicing, either answer is right
        change = np.flatnonzero(np.diff(kept > 0))
        for near in (-1, 0, 1, 2):
            edge[np.clip(change + near, 0, len(kept) - 1)] = True
        out.append(Sung(path.stem, levelled(y), kept, ~edge))
    return out
