"""Notes to sound: pitch, time and loudness by measuring the sound; and sound where there is no FluidSynth."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from core import midi
from core.errors import MidiError
from core.midi import events, sound
from core.midi.sound import Synthesiser, render, synthesiser
from demos._jobs import translate

ROOT = Path(__file__).resolve().parents[2]
RATE = 22_050
OSCILLATORS = Synthesiser("oscillators")
EVERY = [OSCILLATORS]
if synthesiser().name == "fluidsynth":  # libfluidsynth is a program of the system; the soundfont of the wheel is here
    EVERY.append(Synthesiser("fluidsynth", Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"))
each = pytest.mark.parametrize("with_", EVERY, ids=lambda one: one.name)


def notes(*rows, **options):
    return events.decode(events.encode_notes(*map(list, zip(*rows))), **options)


def level(x, start, end):
    return float(np.sqrt(np.mean(x[:, int(start * RATE) : int(end * RATE)] ** 2)))


@each
def test_a_note_sounds_at_its_time_and_pitch(with_):
    x = render(notes((1, 2, 69, 100)), sample_rate_hz=RATE, with_=with_)
    assert x.dtype == np.float32 and x.shape[0] == 2 and abs(x.shape[1] / RATE - 3.5) < 0.1
    assert level(x, 0, 0.95) < 0.01 * level(x, 1.05, 1.5)
    part = x.mean(0)[int(1.1 * RATE) : int(1.9 * RATE)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 8 * len(part)))
    low = np.fft.rfftfreq(8 * len(part), 1 / RATE)
    fundamental = low[np.argmax(np.where((low > 300) & (low < 600), spectrum, 0))]
    assert fundamental == pytest.approx(440, rel=0.005)


@each
def test_many_loud_notes_stay_within_the_peak_and_soft_ones_stay_soft(with_):
    loud = render(notes(*[(0, 2, key, 127) for key in range(21, 109)]), sample_rate_hz=RATE, with_=with_)
    assert 0.5 < np.abs(loud).max() <= 0.8901
    if with_.soundfont:
        soft = render(notes((0, 1, 60, 20)), sample_rate_hz=RATE, with_=with_)
        hard = render(notes((0, 1, 60, 120)), sample_rate_hz=RATE, with_=with_)
        assert level(soft, 0, 1) < 0.5 * level(hard, 0, 1)


@each
def test_no_notes_are_silence(with_):
    assert not render(events.decode([]), sample_rate_hz=RATE, with_=with_).any()
    assert not render(pretty_midi.PrettyMIDI(), with_=with_).any()


@each
def test_what_comes_after_ten_minutes_is_not_played(with_):
    x = render(notes((599, 600, 60, 90), (3000, 3001, 60, 90)), sample_rate_hz=8000, with_=with_)
    assert x.shape[1] / 8000 < 603 and x.any()


@pytest.mark.skipif(len(EVERY) < 2, reason="libfluidsynth is not here")
def test_instruments_drums_pedal_and_many_channels():
    fluid = EVERY[1]
    score = pretty_midi.PrettyMIDI()
    drum = pretty_midi.Instrument(0, is_drum=True)
    drum.notes.append(pretty_midi.Note(110, 38, 0.0, 0.1))
    score.instruments.append(drum)
    assert render(score, sample_rate_hz=RATE, with_=fluid).any()
    piano, organ = (render(notes((0, 2, 72, 90), program=p), sample_rate_hz=RATE, with_=fluid) for p in (0, 19))
    ratio = [level(x, 1.6, 1.9) / level(x, 0.1, 0.4) for x in (piano, organ)]
    assert ratio[0] < 0.6 < 0.8 < ratio[1]  # a struck string dies away, a pipe does not
    score = notes((0, 0.2, 60, 90))
    dry = render(score, sample_rate_hz=RATE, with_=fluid)
    score.instruments[0].control_changes = [
        pretty_midi.ControlChange(64, 127, 0.0), pretty_midi.ControlChange(64, 0, 1.5)
    ]  # fmt: skip
    held = render(score, sample_rate_hz=RATE, with_=fluid)
    assert level(held, 0.8, 1.2) > 10 * level(dry, 0.8, 1.2)
    many = pretty_midi.PrettyMIDI()
    for k in range(40):
        player = pretty_midi.Instrument(k)
        player.notes.append(pretty_midi.Note(100, 60, k / 10, k / 10 + 0.1))
        many.instruments.append(player)
    x = render(many, sample_rate_hz=RATE, with_=fluid)
    assert all(level(x, k / 10 + 0.02, k / 10 + 0.1) > 1e-4 for k in range(40))


def test_a_damaged_soundfont_falls_back_to_oscillators(tmp_path, caplog):
    (tmp_path / "bad.sf2").write_bytes(b"RIFF" + bytes(99))
    x = render(notes((0, 1, 60, 90)), sample_rate_hz=RATE, with_=Synthesiser("fluidsynth", tmp_path / "bad.sf2"))
    np.testing.assert_allclose(x, render(notes((0, 1, 60, 90)), sample_rate_hz=RATE, with_=OSCILLATORS))


def test_a_note_says_what_plays():
    for one in (OSCILLATORS, Synthesiser("fluidsynth", Path("/x/FluidR3_GM.sf2"))):
        assert translate(one.note, "ko") != one.note
    assert "FluidR3_GM.sf2" in Synthesiser("fluidsynth", Path("/x/FluidR3_GM.sf2")).note


def test_sound_where_fluidsynth_is_not_installed():
    code = """
import sys, ctypes.util
ctypes.util.find_library = lambda name: None
from core import midi
from core.midi import events, sound
import core.midi
x = midi.render(events.decode(events.encode_notes([0], [1], [60], [90])), sample_rate_hz=8000)
print(sound.synthesiser().name, x.shape[0], x.any())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
        env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["oscillators", "2", "True"]


def test_the_environment_names_another_soundfont(monkeypatch, tmp_path):
    own = tmp_path / "own.sf2"
    own.write_bytes(b"x")
    monkeypatch.setenv("SOUNDFONT", str(own))
    assert sound._soundfont() == own
    monkeypatch.setenv("SOUNDFONT", str(tmp_path / "none.sf2"))
    assert sound._soundfont() not in (None, own)  # the wheel of pretty_midi always brings one


def test_odd_sample_rates_are_refused():
    for rate in (0, 4000, 200_000):
        with pytest.raises(MidiError):
            midi.render(notes((0, 1, 60, 90)), sample_rate_hz=rate)
