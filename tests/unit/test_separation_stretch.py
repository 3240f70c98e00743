"""Tempo without pitch, and its part in remixing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import AudioError
from core.separation import remix
from core.separation.stretch import stretch

RATE_HZ = 44_100


def strongest_hz(x: torch.Tensor) -> float:
    points = 1 << 18  # bins of 0.17 Hz
    x = x * torch.hann_window(x.shape[-1])
    return float(torch.fft.rfft(x, n=points).abs().argmax()) * RATE_HZ / points


@pytest.mark.parametrize("rate", [0.8, 0.9, 1.1, 1.25])
def test_tempo_moves_and_pitch_stays(rate):
    n = torch.arange(2 * RATE_HZ) / RATE_HZ
    left, right = torch.sin(2 * torch.pi * 440 * n), 0.3 * torch.sin(2 * torch.pi * 1234.5 * n)
    out = stretch(torch.stack([left, right]), rate)
    assert out.shape == (2, round(2 * RATE_HZ / rate))
    inner = out[:, RATE_HZ // 4 : -RATE_HZ // 4]
    assert [strongest_hz(x) for x in inner] == [pytest.approx(440, abs=0.5), pytest.approx(1234.5, abs=0.5)]
    heights = inner.square().mean(dim=1).sqrt() * 2**0.5
    np.testing.assert_allclose(heights, [1.0, 0.3], rtol=0.12)  # slowed down, neighbouring bins drift apart a little


@pytest.mark.parametrize("rate", [0.8, 1.25])
def test_events_lie_where_the_tempo_puts_them(rate):
    x = torch.zeros(1, 3 * RATE_HZ)
    burst = torch.randn(2000, generator=torch.Generator().manual_seed(0)) * torch.hann_window(2000)
    times = [0.5, 1.2, 2.4]
    for time in times:
        x[0, round(time * RATE_HZ) - 1000 :][:2000] = burst
    out = stretch(x, rate)[0].square().numpy()
    for time in times:
        at = round(time / rate * RATE_HZ)
        near = slice(at - 6000, at + 6000)
        centre = at - 6000 + np.average(np.arange(12_000), weights=out[near])
        assert centre / RATE_HZ == pytest.approx(time / rate, abs=0.01)


def test_a_rate_of_one_changes_nothing_and_none_is_refused():
    x = torch.randn(2, 5000)
    assert torch.equal(stretch(x, 1.0), x)
    assert stretch(torch.zeros(2, 1), 4.0).shape == (2, 0)
    for rate in (0.0, -1.0, float("nan")):
        with pytest.raises(AudioError, match="rate above zero"):
            stretch(x, rate)


def test_parts_get_pitch_and_tempo_of_their_own():
    """A tone that beats tells both: its frequency the pitch, its beats the tempo."""
    n = torch.arange(6 * RATE_HZ) / RATE_HZ
    x = (torch.sin(2 * torch.pi * 600 * n) * (1 + torch.cos(2 * torch.pi * 5 * n)))[None]
    track = remix.Track("a", (remix.Recording(x), remix.Recording(x)), RATE_HZ)
    remixer = remix.Remixer([track, track], 3 * RATE_HZ, seed=1, apart=1.0)
    seen = set()
    for _ in range(24):
        drawn = remixer.draw()
        for one, part in zip(drawn, remixer.render(drawn)):
            inner = part[0, RATE_HZ // 4 : -RATE_HZ // 4]
            assert strongest_hz(inner) == pytest.approx(600 * one.speed, abs=1)
            assert strongest_beat_hz(inner.abs()) == pytest.approx(5 * one.speed * one.stretch, abs=0.1)
            seen.add((one.speed, round(one.speed * one.stretch, 6)))
    assert seen == {(a, b) for a in remix.SPEEDS for b in remix.SPEEDS}


def strongest_beat_hz(x: torch.Tensor) -> float:
    """Of an envelope, between 3 and 8 Hz."""
    step, points = 441, 1 << 14  # 100 values a second; bins of 0.006 Hz
    slow = torch.nn.functional.avg_pool1d(x[None], step)[0]
    heights = torch.fft.rfft((slow - slow.mean()) * torch.hann_window(len(slow)), n=points).abs()
    bin_hz = RATE_HZ / step / points
    first, last = round(3 / bin_hz), round(8 / bin_hz)
    return (first + int(heights[first:last].argmax())) * bin_hz


def test_a_song_as_released_stays_together_and_without_it_nothing_is_stretched():
    x = torch.randn(1, 4 * RATE_HZ)
    tracks = [remix.Track(name, (remix.Recording(x), remix.Recording(x)), RATE_HZ) for name in "ab"]
    for apart in (0.0, 0.5):
        remixer = remix.Remixer(tracks, RATE_HZ, seed=0, apart=apart)
        stretched = 0
        for _ in range(60):
            drawn = remixer.draw()
            if not any(one.levelled for one in drawn):
                assert len({(one.track, one.start, one.speed, one.stretch) for one in drawn}) == 1
            stretched += sum(one.stretch != 1 for one in drawn)
        assert (stretched > 10) == (apart > 0)
