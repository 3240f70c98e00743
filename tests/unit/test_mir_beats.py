"""Onsets, tempo and beats against closed forms, brute force and librosa."""

import itertools

import numpy as np
import pytest

from core.errors import AudioError
from core.mir import beats, clicks, onsets, tempo

RATE = 16_000


def ticking(bpm, *, seconds=10.0, begin=0.3, seed=0):
    """Clicks over faint noise, and their times."""
    at = np.arange(begin, seconds - 0.1, 60 / bpm)
    x = 0.01 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return clicks.with_clicks(x, RATE, at, level=20), at


def test_flux_counts_rises_only():
    decibels = np.array([[0.0, 0.0], [3.0, -5.0], [1.0, 2.0]])
    assert onsets.flux(decibels).tolist() == [0, 3, 7]


def test_onsets_are_where_the_clicks_are():
    x, at = ticking(90)
    found = onsets.envelope(x, RATE)
    assert found.strength.std() == pytest.approx(1) and found.strength.min() >= 0
    peaks = onsets.peaks(found, above=2.0)
    assert len(peaks) == len(at) and np.abs(peaks - at).max() < 0.016
    assert found.mel.shape[1] == 40 and found.mel.max() == pytest.approx(0) and found.mel.min() >= -80


def test_silence_has_no_onset_and_no_beat():
    found = beats.beats(np.zeros(2 * RATE), RATE)
    assert not found.envelope.strength.any() and found.confidence == 0 and not found.steady
    assert len(found.beats_s) == 0
    with pytest.raises(AudioError):
        beats.beats(np.zeros(10), RATE)


@pytest.mark.parametrize("bpm", [63.0, 97.5, 128.0])
def test_tempo_of_clicks(bpm):
    x, _ = ticking(bpm)
    found = beats.beats(x, RATE)
    assert found.tempo.bpm == pytest.approx(bpm, rel=0.01) and found.bpm == pytest.approx(bpm, rel=0.02)
    envelope = found.envelope
    for gram in (found.tempogram, tempo.fourier_tempogram(envelope.strength, envelope.rate_hz)):
        middle = gram.strength[:, gram.strength.shape[1] // 2]
        near = np.abs(gram.bpm / bpm - 1) < 0.03
        assert middle[near].max() > 0.5 * middle.max() and gram.strength.max() <= 1 + 1e-9
    by_paper = tempo.estimate(envelope.strength, envelope.rate_hz, rule="ellis", start_bpm=120, octaves=1.4).bpm / bpm
    assert min(abs(by_paper / level - 1) for level in (0.5, 1, 2)) < 0.02


def test_autocorrelation_of_the_envelope_is_numpys():
    x = np.random.default_rng(1).random(300)
    y = x - x.mean()
    full = np.correlate(y, y, "full")[299:]
    np.testing.assert_allclose(tempo.autocorrelation(x, 250), full[:251] / full[0], atol=1e-12)
    assert tempo.prior(np.array([tempo.START_BPM])) == 1
    assert tempo.prior(np.array([220.0]), start_bpm=110, octaves=1.0) == pytest.approx(np.exp(-0.5))


def test_compiled_score_is_the_plain_one():
    strength = np.random.default_rng(2).random(200)
    for period, tightness in ((11.0, 1.0), (17.3, 100.0)):
        slow, back = beats.cumulative_score_by_definition(strength, period, tightness)
        fast, links = beats.cumulative_score(strength, period, tightness)
        np.testing.assert_allclose(fast, slow)
        assert np.array_equal(back, links)


@pytest.mark.parametrize("seed", range(4))
def test_dynamic_programming_finds_the_best_of_all_sequences(seed):
    rng = np.random.default_rng(seed)
    strength, period, tightness = rng.random(14), 3.5, [0.5, 2.0, 10.0, 50.0][seed]
    shortest, longest = beats.reach(period)
    best, winner = -np.inf, None
    for size in range(1, 8):
        for at in itertools.combinations(range(14), size):
            if at[-1] >= 14 - round(period) and all(shortest <= b - a <= longest for a, b in itertools.pairwise(at)):
                steps = np.diff(at)
                value = strength[list(at)].sum() - tightness * (np.log(steps / period) ** 2).sum()
                if value > best:
                    best, winner = value, at
    score, back = beats.cumulative_score(strength, period, tightness)
    found = beats.backtrace(score, back, period)
    assert tuple(found) == winner
    assert beats.total(strength, found, period, tightness) == pytest.approx(best) == pytest.approx(score[found[-1]])


def test_tightness_makes_beats_even():
    rng = np.random.default_rng(3)
    at = np.arange(0.3, 9.7, 0.5) + rng.uniform(-0.09, 0.09, 19)
    x = clicks.with_clicks(0.01 * rng.standard_normal(10 * RATE), RATE, at, level=20)
    loose, tight = (beats.beats(x, RATE, bpm=120, tightness=alpha) for alpha in (1.0, 3000.0))
    assert np.diff(loose.beats_s).std() > 2 * np.diff(tight.beats_s).std()
    near = np.abs(loose.beats_s[:, None] - at).min(axis=1)
    assert np.median(near) < 0.02


def test_clicks_beside_librosa():
    librosa = pytest.importorskip("librosa")
    x, at = ticking(112)
    ours = beats.beats(x, RATE).beats_s
    _, theirs = librosa.beat.beat_track(y=x, sr=RATE, units="time")
    assert np.abs(ours[:, None] - at).min(axis=1).max() < 0.02
    assert np.abs(at[:, None] - ours).min(axis=1).max() < 0.02
    assert np.median(np.abs(theirs[:, None] - ours).min(axis=1)) < 0.07


def test_a_beat_is_claimed_for_a_beat_and_not_for_noise():
    x, _ = ticking(100)
    assert beats.beats(x, RATE).confidence == 1
    rng = np.random.default_rng(4)
    assert not beats.beats(0.1 * rng.standard_normal(10 * RATE), RATE).steady
    at = np.cumsum(rng.uniform(0.12, 0.9, 18))  # as uneven as syllables and pauses
    assert not beats.beats(clicks.with_clicks(0.01 * rng.standard_normal(10 * RATE), RATE, at, level=20), RATE).steady


def test_clicks_begin_where_they_should_and_do_not_clip():
    x = np.zeros((2, RATE), dtype=np.float32)
    out = clicks.with_clicks(x, RATE, np.array([0.25, 0.99, 5.0]))
    assert out.shape == x.shape and not out[:, : RATE // 4].any() and out[0, RATE // 4 : RATE // 4 + 40].any()
    assert np.abs(clicks.with_clicks(np.ones(RATE), RATE, np.array([0.1]), level=1.0)).max() <= 0.9501
