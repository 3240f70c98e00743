"""The pitch clock: its phase against a tone whose phase is known, its packing, and F0 read off mels of known pitch."""

import math

import numpy as np
import pytest
import torch

from core import audio
from core.wavenet import data, pitch, pitch_train
from core.wavenet.model import PRESETS, WaveNet

RATE = 16_000


def gliding_voice(seconds=1.5, low=150.0, high=240.0, tail=0.3):
    """A voice-like tone that glides: samples, the phase of its fundamental and F0, then silence."""
    count = int(seconds * RATE)
    f0 = np.geomspace(low, high, count)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    x = sum(np.cos(k * phase + 0.7 * (k - 1)) / k for k in range(1, 12))
    quiet = np.zeros(int(tail * RATE))
    noise = 1e-4 * np.random.default_rng(0).standard_normal(count + len(quiet))
    return 0.15 * np.concatenate([x, quiet]) + noise, phase, f0


def test_the_true_hand_follows_the_fundamental_of_a_gliding_voice():
    x, phase, f0 = gliding_voice()
    found, hz, voiced = pitch_train.fundamental(x, step_samples=10)
    at = np.arange(len(found)) * 10
    inside = (at > 2000) & (at < len(phase) - 2000)
    error = np.angle(np.exp(1j * (found[inside] - phase[at[inside]])))
    assert np.abs(error).max() < 0.25 and abs(error.mean()) < 0.05  # radians
    assert np.abs(hz[inside] / f0[at[inside]] - 1).max() < 0.02
    assert voiced[inside].all() and not voiced[at > len(phase) + 1600].any()


def test_packing_is_undone_by_unpacking():
    rows = torch.arange(2 * 12 * 5.0).reshape(2, 12, 5)
    packed = pitch.pack(rows, 4)
    assert packed.shape == (2, 20, 3)
    assert packed[0, :5, 1].tolist() == rows[0, 4].tolist()  # a frame's channels begin with its first moment
    assert torch.equal(pitch.unpack(packed, 4), rows)


def test_between_draws_straight_lines_as_numpy_does():
    frames = torch.tensor([[[1.0], [3.0], [-1.0]]])
    wanted = np.interp(np.arange(12) / 4, [0, 1, 2], [1.0, 3.0, -1.0])
    np.testing.assert_allclose(pitch.between(frames, 4)[0, :, 0], wanted, atol=1e-6)


def test_sines_are_silent_where_nothing_is_voiced():
    phase = torch.tensor([[0.0, math.pi / 2, 1.0]])
    rows = pitch.sines(phase, torch.tensor([[True, True, False]]), 2)
    np.testing.assert_allclose(rows[0, 0], [1, 0, 1, 0, 1], atol=1e-6)
    np.testing.assert_allclose(rows[0, 1], [0, 1, -1, 0, 1], atol=1e-6)
    assert rows[0, 2].tolist() == [0] * 5


def test_the_clock_runs_at_f0(monkeypatch):
    """Against the integral of a frequency that changes along straight lines: a quadratic."""
    net = pitch.MelPitch(80)
    f0 = torch.tensor([[100.0, 200.0, 200.0]])
    monkeypatch.setattr(net, "f0", lambda mel: (f0, torch.tensor([[True, True, False]])))
    phase, voiced = net.clock(torch.zeros(1, 80, 3), hop=200, moments=20)
    turns = phase[0].double() / (2 * math.pi)
    seconds = 199 / RATE  # moment 20 counts the steps of moments 0 … 20
    wanted = 100 * seconds + 0.5 * 100 / (200 / RATE) * seconds**2
    assert float((turns[20] - wanted + 0.5) % 1 - 0.5) == pytest.approx(
        0, abs=0.13
    )  # a step of 200 Hz is 1/8 turn
    steps = (turns[21:40] - turns[20:39]) % 1
    np.testing.assert_allclose(steps, 200 * 10 / RATE, atol=1e-4)
    assert voiced[0].tolist() == [True] * 30 + [False] * 30


def test_a_little_fitting_reads_the_pitch_of_tones():
    """Voices of known F0: after some hundred steps the mel's pitch is theirs, from 110 to 320 Hz."""
    recordings = []
    for number, hz in enumerate(np.geomspace(110, 320, 24)):
        x = torch.from_numpy(gliding_voice(1.2, hz, hz * 1.06, tail=0.1)[0]).float()
        recordings.append(data.Recording(f"v{number}", x, audio.mu_law_encode(x).to(torch.uint8), audio.mel(x)))
    torch.manual_seed(0)
    net = pitch.MelPitch(80)
    pitch_train.fit(net, recordings[::2] + recordings[-1:], steps=250)
    assert not any(p.requires_grad for p in net.parameters())
    found = pitch_train.accuracy(net, recordings[1:-1:2])  # pitches that it has not heard
    assert found["gross pitch error"] < 0.05 and found["voicing error"] < 0.1
    assert found["fine pitch error (cents)"] < 60


def test_a_clocked_recording_has_the_mel_and_the_sines():
    x = torch.from_numpy(gliding_voice()[0]).float()
    recording = data.Recording("v", x, audio.mu_law_encode(x).to(torch.uint8), audio.mel(x))
    config = PRESETS["vocoder"]
    got = pitch_train.clocked(recording, config)
    assert got.mel.shape == (config.prepared_channels, recording.mel.shape[1])
    assert torch.equal(got.mel[:80], recording.mel)
    rows = pitch.unpack(got.mel[None, 80:], config.moments)[0]  # [moments of the whole sound, 5]
    crest = x[: len(x) // 10 * 10].reshape(-1, 10).abs().amax(1)
    on = rows[: len(crest), 4] > 0
    assert float(crest[on].mean()) > 20 * float(crest[~on].mean())
    torch.testing.assert_close(rows[on.nonzero()[:, 0], :2].norm(dim=1), torch.ones(int(on.sum())))


def test_preparing_a_mel_twice_changes_nothing():
    model = WaveNet(PRESETS["vocoder"])
    mel = torch.randn(1, 80, 7)
    once = model.condition.prepare(mel)
    assert once.shape == (1, model.config.prepared_channels, 7)
    assert model.condition.prepare(once) is once
    assert torch.equal(once[:, :80], mel)
