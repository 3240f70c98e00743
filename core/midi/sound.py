"""Notes to sound: FluidSynth with a General MIDI soundfont, or, where there is none, plain oscillators.

    render(midi)                       # float32 [2, T], never louder than the loudspeaker bears
    synthesiser()                      # what made it: Synthesiser("fluidsynth", soundfont=...)

A soundfont is a set of recordings of instruments, some notes of each; a synthesiser plays them at any pitch and
loudness. The environment variable SOUNDFONT may name another .sf2 file.
"""

from __future__ import annotations

import functools
import importlib.resources
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MidiError

if TYPE_CHECKING:
    import pretty_midi

LONGEST_S = 600.0
TAIL_S = 1.5  # after the last note, for its sound to die away
PEAK = 0.89  # -1 dBFS
GAIN = 0.3  # of FluidSynth, so that many loud notes together stay within 16 bits
LOUDER = 2.5  # at most, afterwards
SOUNDFONTS = (  # where packages put them, the better ones first
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/soundfonts/FluidR3_GM.sf2",
    "/usr/share/soundfonts/default.sf2",
    "/usr/share/sounds/sf2/default-GM.sf2",
)
CHANNELS = [channel for channel in range(256) if channel % 16 != 9]  # FluidSynth keeps the tenths for drums
# Loudness of the harmonics of the oscillator that stands in for a string.
HARMONICS = (1.0, 0.5, 0.25, 0.12, 0.06)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Synthesiser:
    """What makes the sound here."""

    name: str  # "fluidsynth" or "oscillators"
    soundfont: Path | None = None

    @property
    def note(self) -> str:
        """A sentence for the reader."""
        if self.soundfont is None:
            return (
                "Sound by plain oscillators, without drums: FluidSynth is not installed here "
                "(apt install libfluidsynth3 fluid-soundfont-gm, brew install fluid-synth)."
            )
        return f"Sound by FluidSynth with the soundfont {self.soundfont.name}."


@functools.lru_cache(maxsize=1)
def synthesiser() -> Synthesiser:
    """What `render` plays with on this machine."""
    font = _soundfont()
    if font is None or _fluidsynth() is None:
        return Synthesiser("oscillators")
    return Synthesiser("fluidsynth", font)


def render(
    midi: pretty_midi.PrettyMIDI, *, sample_rate_hz: int = 44_100, with_: Synthesiser | None = None
) -> NDArray[np.float32]:
    """Play a score: its instruments at once, with their pedals, bends and volumes.

    Args:
        midi: a score; what comes after 10 minutes is not played.
        sample_rate_hz: 8,000 to 96,000.
        with_: a synthesiser to use in place of `synthesiser()`.
    Returns:
        float32 [2, T], left and right, peak at most 0.89; half a second of silence if there are no notes.
    Raises:
        MidiError: another sample rate.
    """
    if not 8_000 <= sample_rate_hz <= 96_000:
        raise MidiError(f"Sound is made at 8000 to 96000 Hz, not at {sample_rate_hz}.")
    if not any(player.notes for player in midi.instruments):
        return np.zeros((2, sample_rate_hz // 2), np.float32)
    chosen = with_ or synthesiser()
    sound = None
    if chosen.soundfont is not None:
        try:
            sound = _by_fluidsynth(midi, sample_rate_hz, chosen.soundfont)
        except (OSError, AttributeError, RuntimeError, ValueError):  # a library of another version, a damaged font
            log.warning("FluidSynth failed; oscillators play instead", exc_info=True)
    if sound is None:
        sound = _by_oscillators(midi, sample_rate_hz)
    peak = float(np.abs(sound).max(initial=0.0))
    return (sound * min(LOUDER, PEAK / peak)).astype(np.float32) if peak > 0 else sound.astype(np.float32)


def _fluidsynth() -> Any:
    """The module, or None: without FluidSynth's own library its import fails."""
    try:
        import fluidsynth
    except (ImportError, OSError, AttributeError):
        return None
    return fluidsynth


def _soundfont() -> Path | None:
    """The best soundfont here; pretty_midi's wheel brings a small one."""
    wheel = importlib.resources.files("pretty_midi") / "TimGM6mb.sf2"
    named = os.environ.get("SOUNDFONT", "")
    for place in (named, *SOUNDFONTS, str(wheel)):
        if place and Path(place).is_file():
            return Path(place)
    return None


def _by_fluidsynth(midi: pretty_midi.PrettyMIDI, rate: int, font: Path) -> NDArray:
    """float [2, T]. One channel for each instrument, so that a pedal or a bend of one moves no other."""
    module = _fluidsynth()
    if module is None:
        raise OSError("FluidSynth's library is not here")
    players = [player for player in midi.instruments if player.notes]
    settings = {"synth.dynamic-sample-loading": 1, "synth.polyphony": 512, "synth.chorus.active": 0}
    synth = module.Synth(gain=GAIN, samplerate=rate, channels=256, **settings)
    try:
        loaded = synth.sfload(str(font))
        if loaded == -1:
            raise RuntimeError(f"{font} is not a soundfont")
        events: list[tuple[float, int, Any, tuple[int, ...]]] = []
        for channel, player in zip(CHANNELS, players):
            bank, program = (128, player.program) if player.is_drum else (0, player.program)
            if synth.program_select(channel, loaded, bank, program) == -1:
                synth.program_select(channel, loaded, bank, 0)
            events += [(note.end, 0, synth.noteoff, (channel, note.pitch)) for note in player.notes]
            events += [(c.time, 1, synth.cc, (channel, c.number, c.value)) for c in player.control_changes]
            events += [(b.time, 1, synth.pitch_bend, (channel, b.pitch)) for b in player.pitch_bends]
            events += [(n.start, 2, synth.noteon, (channel, n.pitch, n.velocity)) for n in player.notes]
        events.sort(key=lambda one: one[:2])
        return _played(synth, events, rate)
    finally:
        synth.delete()


def _played(synth: Any, events: list[tuple[float, int, Any, tuple[int, ...]]], rate: int) -> NDArray:
    """float [2, T]: the samples between the events, one stretch after another."""
    end = int((min(max(one[0] for one in events), LONGEST_S) + TAIL_S) * rate)
    parts, now = [], 0
    for when, _, act, values in events:
        if when > LONGEST_S:
            break
        there = int(when * rate)
        if there > now:
            parts.append(synth.get_samples(there - now))
            now = there
        act(*values)
    parts.append(synth.get_samples(end - now))
    return np.concatenate(parts).reshape(-1, 2).T / 32_768  # [2, T]


def _by_oscillators(midi: pretty_midi.PrettyMIDI, rate: int) -> NDArray:
    """float [2, T], both channels alike: pretty_midi's oscillators with a few harmonics; drums are silent."""

    def string(phase: NDArray) -> NDArray:
        return sum((loud * np.sin((n + 1) * phase) for n, loud in enumerate(HARMONICS)), np.zeros_like(phase))

    longest = max(min(note.end, LONGEST_S) for player in midi.instruments for note in player.notes)
    mono = np.zeros(int((longest + TAIL_S) * rate) + 1)
    for player in midi.instruments:
        short = type(player)(player.program, player.is_drum)
        short.notes = [note for note in player.notes if note.end <= LONGEST_S and note.end - note.start > 2 / rate]
        short.pitch_bends = [bend for bend in player.pitch_bends if bend.time < longest]
        if short.notes and not short.is_drum:
            sound = short.synthesize(fs=rate, wave=string)[: len(mono)]
            mono[: len(sound)] += sound
    return np.stack([mono, mono]) / 1000  # a velocity of 127 is 127 there
