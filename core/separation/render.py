"""Songs in parts that nobody had to record: MIDI files through a soundfont, and loops of one-shots.

    python -m core.separation.render --midi PATH --soundfont /usr/share/sounds/sf2/FluidR3_GM.sf2 --out runs/rendered
    python -m core.separation.render --samples PATH/drums-bass-cc0 --out runs/rendered

Writes OUT/<song>/{drums,bass,other}.flac, 44.1 kHz stereo, as `core.separation.data.load_stems` reads them. Needs
FluidSynth (apt install libfluidsynth3 fluid-soundfont-gm) and pyfluidsynth for the first.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import DataError
from core.packages import imported

RATE_HZ = 44_100
BASS_PROGRAMS = range(32, 40)  # General MIDI: acoustic bass to synth bass 2
STEMS = ("drums", "bass", "other")
PEAK = 0.9
# What a bar of sixteen steps is made of: (beginnings of file names, how likely on which steps).
KIT = {
    "kick": (("bd_", "drum_bass", "drum_heavy"), {0: 1.0, 8: 0.6, 4: 0.4, 6: 0.25, 10: 0.3, 12: 0.4, 14: 0.15}),
    "snare": (("sn_", "drum_snare", "elec_snare", "elec_hi_snare"), {4: 0.95, 12: 0.95, 7: 0.1, 15: 0.2}),
    "hat": (("drum_cymbal_closed", "drum_cymbal_pedal", "elec_tick", "perc_snap"), dict.fromkeys(range(0, 16, 2), 0.8)),
    "extra": (("drum_tom", "perc_", "tabla_", "drum_cymbal_open", "drum_cowbell"), dict.fromkeys(range(16), 0.07)),
}
SCALE = (0, 0, 0, 3, 5, 7, 7, 10, 12)  # of a bass line, in semitones


def stem_of(instrument: Any) -> str:
    """Which stem a pretty_midi.Instrument belongs to."""
    if instrument.is_drum:
        return "drums"
    return "bass" if instrument.program in BASS_PROGRAMS else "other"


def split(song: Any) -> dict[str, Any]:
    """A pretty_midi.PrettyMIDI as one for each stem that has notes; times, tempi and controllers stay."""
    found = {}
    for stem in STEMS:
        part = copy.deepcopy(song)
        part.instruments = [one for one in part.instruments if stem_of(one) == stem and one.notes]
        if part.instruments:
            found[stem] = part
    return found


def play(song: Any, soundfont: Path, seconds: float) -> np.ndarray:
    """A PrettyMIDI through FluidSynth: float32 [N, 2] at 44.1 kHz, with the synthesiser's own panorama and reverb."""
    fluidsynth = imported("fluidsynth")
    synth = fluidsynth.Synth(samplerate=float(RATE_HZ), gain=0.5)
    try:
        synth.sfload(str(soundfont))
        with tempfile.NamedTemporaryFile(suffix=".mid") as file:
            song.write(file.name)
            synth.play_midi_file(file.name)
            blocks = [synth.get_samples(RATE_HZ) for _ in range(round(seconds))]
    finally:
        synth.delete()
    return np.concatenate(blocks).reshape(-1, 2).astype(np.float32) / 32768


def rendered(path: Path, soundfont: Path, seconds: float) -> dict[str, np.ndarray]:
    """The stems of a MIDI file's first seconds after its first note; levelled together, so that the mix stays.

    Raises:
        DataError: not a MIDI file, or one without notes.
    """
    pretty_midi = imported("pretty_midi")
    try:
        song = pretty_midi.PrettyMIDI(str(path))
    except (OSError, ValueError, KeyError, EOFError, IndexError) as error:
        raise DataError(f"{path} is not a MIDI file that can be read ({type(error).__name__}).") from None
    starts = [note.start for instrument in song.instruments for note in instrument.notes]
    if not starts:
        raise DataError(f"{path} has no notes.")
    skip = int(min(starts) * RATE_HZ)
    length = min(seconds, song.get_end_time() - min(starts) + 1) + min(starts)
    sounds = {stem: play(part, soundfont, length + 1)[skip:] for stem, part in split(song).items()}
    loudest = max(float(np.abs(sum(sounds.values())).max()), 1e-3)
    return {stem: x * (PEAK / loudest) for stem, x in sounds.items()}


def machine(folder: Path, seconds: float, *, seed: int) -> dict[str, np.ndarray]:
    """A drum pattern and a bass line from one-shots, both by chance: [N, 2] each."""
    draw = np.random.default_rng(seed)
    step = int(RATE_HZ * 60 / draw.uniform(80, 150) / 4)
    drums = np.zeros((int(seconds * RATE_HZ), 2), dtype=np.float32)
    for names, odds in KIT.values():
        shot = _shot(folder, names, draw)
        bar = [i for i, share in odds.items() if draw.random() < share]
        pan, gain = draw.uniform(0.3, 0.7), draw.uniform(0.4, 1.0)
        for at in _steps(bar, step, len(drums)):
            _add(drums, shot * gain * draw.uniform(0.7, 1.0), at, pan)
    bass = np.zeros_like(drums)
    shot = _shot(folder, ("bass_",), draw)
    root, bar = int(draw.integers(-5, 7)), [i for i in range(16) if draw.random() < 0.35] or [0]
    for at in _steps(bar, step, len(bass)):
        _add(bass, _pitched(shot, root + int(draw.choice(SCALE)))[: 4 * step], at, 0.5)
    return {name: x * (0.5 / max(np.abs(x).max(), 1e-3)) for name, x in (("drums", drums), ("bass", bass))}


def _shot(folder: Path, names: tuple[str, ...], draw: np.random.Generator) -> np.ndarray:
    """One sample whose file's name begins so: [N] mono at 44.1 kHz."""
    files = sorted(path for path in folder.iterdir() if path.name.startswith(names) and path.suffix == ".ogg")
    if not files:
        raise DataError(f"{folder} has no samples called {', '.join(names)} …")
    return _mono(files[draw.integers(len(files))])


def _mono(path: Path) -> np.ndarray:
    import soundfile
    import soxr

    x, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(x.mean(axis=1), rate, RATE_HZ)


def _pitched(x: np.ndarray, semitones: int) -> np.ndarray:
    import soxr

    return soxr.resample(x, RATE_HZ, RATE_HZ / 2 ** (semitones / 12))


def _steps(bar: list[int], step: int, samples: int) -> Iterator[int]:
    yield from (at for at in (start + i * step for start in range(0, samples, 16 * step) for i in bar) if at < samples)


def _add(x: np.ndarray, shot: np.ndarray, at: int, pan: float) -> None:
    shot = shot[: len(x) - at]
    x[at : at + len(shot)] += shot[:, None] * np.array([1 - pan, pan], dtype=np.float32) * 2


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--midi", type=Path, help="a folder of MIDI files")
    parser.add_argument("--soundfont", type=Path)
    parser.add_argument("--samples", type=Path, help="a folder of one-shots: bd_*.ogg, sn_*.ogg, bass_*.ogg …")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=48.0, help="of each song")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args(arguments)
    if options.midi and not options.soundfont:
        raise SystemExit("--midi needs --soundfont.")
    if options.midi:
        for path in sorted(options.midi.rglob("*.mid"))[: options.limit]:
            try:
                write(options.out / path.stem, rendered(path, options.soundfont, options.seconds))
            except DataError as error:
                print(error)
    if options.samples:
        for seed in range(options.limit or 24):
            write(options.out / f"machine-{seed:02}", machine(options.samples, options.seconds, seed=seed))


def write(folder: Path, sounds: dict[str, np.ndarray]) -> None:
    """One FLAC file for each stem."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    for stem, x in sounds.items():
        soundfile.write(folder / f"{stem}.flac", x, RATE_HZ, subtype="PCM_16")
    print(folder, ", ".join(sounds), flush=True)


if __name__ == "__main__":
    main()
