"""The clock's figure: the window opens in the longest voiced stretch, and shows what it says."""

import numpy as np
import pytest
import torch

from core.wavenet import pitch_figures
from core.wavenet.model import PRESETS, WaveNet

WORDS = {"time": "s", "f0": "Hz", "amplitude": "a", "clock": "clock", "sound": "network"}


def clock(frames=80):
    f0 = np.full(frames, np.nan)
    f0[5:10], f0[30:50] = 150.0, 200.0
    phase = 2 * np.pi * 200 * np.arange(frames * 20) * 10 / 16_000
    return pitch_figures.Clock(f0, np.cos(phase), 10)


def test_the_window_opens_in_the_middle_of_the_longest_voice():
    sound = np.sin(np.arange(80 * 200) / 5)
    figure, start, f0 = pitch_figures.view(clock(), sound, at_s=None, words=WORDS)
    assert start == pytest.approx(40 * 0.0125) and f0 == 200.0
    drawn = {trace.name: trace for trace in figure.data if trace.name}
    assert len(drawn["network"].x) == 640 and drawn["network"].x[0] == pytest.approx(start, abs=1e-4)
    np.testing.assert_allclose(drawn["clock"].y, np.cos(2 * np.pi * 200 * np.array(drawn["clock"].x)), atol=2e-2)
    assert list(figure.data[0].y[:6]) == [None] * 5 + [150.0]


def test_a_click_moves_the_window_and_stays_inside_the_sound():
    _, start, f0 = pitch_figures.view(clock(), None, at_s=0.9, words=WORDS)
    assert start == pytest.approx(0.9) and np.isnan(f0)
    _, start, _ = pitch_figures.view(clock(), None, at_s=99.0, words=WORDS)
    assert start == pytest.approx(1.0 - pitch_figures.WINDOW_S)


def test_a_network_without_a_clock_has_no_figure():
    assert pitch_figures.read(WaveNet(PRESETS["tiny"]), torch.zeros(80, 20)) is None
    got = pitch_figures.read(WaveNet(PRESETS["vocoder"]), torch.randn(80, 20))
    assert len(got.f0) == 20 and len(got.hand) == 400 and np.abs(got.hand).max() <= 1.0
