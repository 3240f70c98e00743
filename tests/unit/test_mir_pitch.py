"""Pitch against closed forms, brute force and librosa."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import beta

from core.errors import AudioError
from core.mir import autocorrelation, frames, notes, pyin, viterbi, yin
from core.mir.pitch import METHODS, pitch, pyin_lattice

RATE = 16_000


def harmonic(f0, *, seconds=None, partials=8):
    """Harmonics of a pitch: a number with a length, or a curve with a value a sample."""
    f0 = np.full(round(seconds * RATE), float(f0)) if seconds else np.asarray(f0)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    return 0.1 * sum(np.sin(k * phase) / k for k in range(1, partials + 1))


def cents(found, truth):
    return 1200 * np.log2(found / truth)


def test_autocorrelation_and_difference_are_their_definitions():
    rng = np.random.default_rng(1)
    cut = rng.standard_normal((4, 512 + 40))
    slow = np.array([[sum(x[j] * x[j + lag] for j in range(512)) for lag in range(41)] for x in cut])
    np.testing.assert_allclose(autocorrelation.autocorrelation(cut), slow, atol=1e-9)
    np.testing.assert_allclose([autocorrelation.autocorrelation_by_definition(x) for x in cut], slow, atol=1e-9)
    slow = np.array([[sum((x[j] - x[j + lag]) ** 2 for j in range(512)) for lag in range(41)] for x in cut])
    np.testing.assert_allclose(yin.difference(cut), slow, atol=1e-8)
    np.testing.assert_allclose([yin.difference_by_definition(x) for x in cut], slow, atol=1e-8)
    whole = np.array([np.correlate(x, x, "full")[len(x) - 1 :] for x in cut])
    np.testing.assert_allclose(autocorrelation.tapered(cut), whole, atol=1e-9)


def test_normalised_autocorrelation_is_a_correlation_and_survives_silence():
    x = np.random.default_rng(2).standard_normal((1, 552))
    expected = [x[0, :512] @ x[0, i : i + 512] / np.linalg.norm(x[0, :512]) / np.linalg.norm(x[0, i : i + 512])
                for i in range(41)]  # fmt: skip
    np.testing.assert_allclose(autocorrelation.normalised(x)[0], expected, atol=1e-9)
    assert not autocorrelation.normalised(np.zeros((1, 552))).any()


def test_cumulative_mean_normalised_by_hand():
    d = np.array([0.0, 2.0, 4.0, 0.0, 6.0])
    # means of d(1) … d(tau): 2, 3, 2, 3
    np.testing.assert_allclose(yin.cumulative_mean_normalised(d), [1, 1, 4 / 3, 0, 2])
    np.testing.assert_allclose(yin.cumulative_mean_normalised(np.zeros(5)), 1)


def test_threshold_takes_the_first_deep_dip_and_else_the_lowest():
    curve = np.array([1, 1, 0.5, 0.9, 0.12, 0.9, 0.02, 0.9, 1.0])
    assert yin.absolute_threshold(curve, 0.2, 1, 7) == 4
    assert yin.absolute_threshold(curve, 0.1, 1, 7) == 6
    assert yin.absolute_threshold(curve, 0.01, 1, 7) == 6
    assert yin.absolute_threshold(curve, 0.6, 1, 7) == 2


def test_parabola_is_exact_for_a_parabola():
    lag = np.arange(10.0)
    assert yin.parabolic((lag - 5.3) ** 2, 5) == pytest.approx(5.3)
    assert yin.parabolic(-lag, 5) == 5  # no dip


@pytest.mark.parametrize("f0", [70.0, 220.0, 523.25, 1318.5])
@pytest.mark.parametrize("method", ["autocorrelation", "yin", "pyin"])
def test_steady_tones(method, f0):
    found = pitch(harmonic(f0, seconds=0.5, partials=min(8, int(7000 / f0))), RATE, method=method)
    inner = slice(5, -5)
    assert found.voiced[inner].all() and found.verdict == "one"
    error = np.abs(cents(found.f0_hz[inner], f0))
    samples = 0.5 if method == "autocorrelation" else 0.06  # it answers in whole samples, the others between them
    assert error.max() < 1200 * math.log2(1 + samples * f0 / RATE) + 1


def test_each_step_of_yin_makes_a_glide_better():
    f0 = 150 * 2 ** (1.5 * np.linspace(0, 1, 2 * RATE))
    x = harmonic(f0) + 0.01 * np.random.default_rng(0).standard_normal(len(f0))
    cut = frames.pitch_frames(x)
    truth = np.interp(np.arange(len(cut)) * 160, np.arange(len(f0)), f0)
    error = [np.abs(cents(yin.track(cut, steps=step)[0], truth))[8:-8] for step in range(2, 7)]
    gross = [(one > 316).mean() for one in error]  # 20 %
    assert gross[0] > 0.01 and gross[1] > 0.01 and max(gross[2:]) == 0
    assert np.median(error[3]) < np.median(error[2])  # the parabola, between samples
    with pytest.raises(ValueError):
        yin.track(cut, steps=1)


def test_the_step_by_step_view_is_what_the_tracker_does():
    x = harmonic(np.linspace(180, 260, RATE)) + 0.02 * np.random.default_rng(3).standard_normal(RATE)
    f0, aperiodicity = yin.track(frames.pitch_frames(x))
    seen = yin.yin_steps(x, RATE, 0.5)
    assert seen.at_s == 0.5 and seen.f0_hz == pytest.approx(f0[50])
    assert seen.difference == pytest.approx(yin.difference_by_definition(seen.frame), abs=1e-9)
    assert seen.autocorrelation == pytest.approx(autocorrelation.autocorrelation_by_definition(seen.frame), abs=1e-9)
    assert seen.below and seen.aperiodicity == pytest.approx(seen.normalised[seen.dip])
    assert len(seen.neighbours_s) == 3 and aperiodicity.min() >= 0
    assert yin.yin_steps(x, RATE, 99.0).at_s == 1.0


def test_prior_is_the_beta_distribution():
    middles = (np.arange(100) + 0.5) / 100
    np.testing.assert_allclose(pyin.prior(2, 18), beta.pdf(middles, 2, 18) / 100, atol=1e-3)
    assert pyin.prior().sum() == pytest.approx(1)


def test_candidates_in_one_pass_are_those_of_a_hundred_thresholds():
    x = harmonic(180, seconds=0.3) + 0.15 * np.random.default_rng(4).standard_normal(4800)
    cut = frames.pitch_frames(x)
    shortest, longest = frames.lags()
    d = yin.difference(cut)
    normalised = yin.cumulative_mean_normalised(d)
    found = pyin.candidates(cut)
    many = 0
    for i in range(len(cut)):
        slow = pyin.candidates_by_definition(normalised[i], pyin.prior(), shortest, longest)
        expected = sorted((RATE / yin.parabolic(d[i], lag), p) for lag, p in slow.items() if p > pyin.NEGLIGIBLE)
        here = found.frame == i
        got = sorted(zip(found.f0_hz[here], found.probability[here]))
        np.testing.assert_allclose(got, expected, atol=1e-9)
        many += len(expected) > 1
    assert many > 5  # a test of single candidates would say little
    assert (found.voiced_probability() <= 1 + 1e-9).all()


def test_observations_sum_to_one():
    cut = frames.pitch_frames(np.random.default_rng(5).standard_normal(3200))
    np.testing.assert_allclose(pyin.observations(pyin.candidates(cut)).sum(axis=(1, 2)), 1)


def test_viterbi_is_the_best_of_all_paths():
    rng = np.random.default_rng(6)
    seen, moves, start = (np.log(rng.random(shape)) for shape in ((5, 3), (3, 3), (3,)))

    def score(path):
        return start[path[0]] + sum(seen[t, s] for t, s in enumerate(path)) + sum(
            moves[a, b] for a, b in itertools.pairwise(path)
        )

    best = max(itertools.product(range(3), repeat=5), key=score)
    path, value = viterbi.viterbi(seen, moves, start)
    assert tuple(path) == best and value == pytest.approx(score(best))


@pytest.mark.parametrize(("bins", "reach", "voicings"), [(7, 3, 2), (20, 5, 2), (9, 12, 1)])
def test_banded_viterbi_is_the_plain_one(bins, reach, voicings):
    rng = np.random.default_rng(bins)
    seen, switch, start = (np.log(rng.random(s)) for s in ((12, voicings, bins), (voicings,) * 2, (voicings, bins)))
    jump = viterbi.jumps(bins, reach)
    moves = np.full((voicings, bins, voicings, bins), -np.inf)
    for i, j in itertools.product(range(bins), repeat=2):
        if abs(j - i) < reach:
            row = sum(max(0, reach - abs(k - i)) for k in range(bins))
            moves[:, i, :, j] = switch + math.log((reach - abs(j - i)) / row)
    path, value = viterbi.viterbi(seen.reshape(12, -1), moves.reshape(voicings * bins, -1), start.ravel())
    v, m, total = viterbi.banded(seen, jump, switch, start)
    assert np.array_equal(v * bins + m, path) and total == pytest.approx(value)


def test_pyin_beside_librosa():
    librosa = pytest.importorskip("librosa")
    rest = np.zeros(RATE // 4)
    f0 = np.concatenate([220 * 2 ** (0.5 * np.sin(np.linspace(0, 9, RATE))), np.full(RATE // 2, 440.0)])
    x = np.concatenate([rest, harmonic(f0), rest]) + 0.004 * np.random.default_rng(7).standard_normal(2 * RATE)
    ours = pyin_lattice(x, RATE)
    theirs, voiced, _ = librosa.pyin(x, fmin=55, fmax=1760, sr=RATE, frame_length=1024, hop_length=160)
    both = ours.voiced & voiced
    assert (ours.voiced == voiced).mean() > 0.93 and both.sum() > 130
    assert np.median(np.abs(cents(ours.f0_hz[both], theirs[both]))) < 12
    wide = pyin_lattice(x, RATE, mean=0.3)
    assert wide.voiced_probability.mean() > ours.voiced_probability.mean()


@pytest.mark.parametrize("method", METHODS)
def test_noise_silence_and_chords_have_no_single_pitch(method):
    rng = np.random.default_rng(8)
    noise = pitch(0.1 * rng.standard_normal(RATE), RATE, method=method)
    assert noise.verdict == "none" and noise.certainty < 0.1 and not noise.notes()
    silence = pitch(np.zeros(RATE // 2), RATE, method=method)
    assert silence.verdict == "silence" and not silence.voiced.any() and silence.certainty == 0
    chord = sum(harmonic(f, seconds=1) for f in (220.0, 277.18, 329.63, 415.3))
    assert pitch(chord, RATE, method=method).certainty < 0.5


def test_voice_then_silence_is_voiced_only_where_it_sounds():
    x = np.concatenate([harmonic(200, seconds=0.5), 1e-6 * harmonic(200, seconds=0.5)])
    found = pitch(x, RATE, method="yin")
    assert found.voiced[5:45].all() and not found.voiced[56:].any()
    assert len(found.times_s) == len(found.f0_hz) == 101 and found.times_s[-1] == pytest.approx(1.0)


def test_other_rates_and_channels_say_the_same():
    t = np.arange(44_100) / 44_100
    stereo = np.stack([np.sin(2 * np.pi * 330 * t)] * 2)
    found = pitch(stereo, 44_100, method="yin")
    assert np.abs(cents(found.f0_hz[5:-5], 330)).max() < 3


@pytest.mark.parametrize("bad", [np.zeros(0), np.full(RATE, np.nan), np.zeros(100), np.zeros(61 * RATE)])
def test_bad_sounds_are_refused(bad):
    with pytest.raises(AudioError):
        pitch(bad, RATE)
    with pytest.raises(ValueError):
        pitch(np.zeros(RATE), RATE, method="ear")


def test_names_of_notes():
    assert [notes.name(f) for f in (440.0, 261.63, 466.16, 27.5, 0.0, math.nan)] == ["A4", "C4", "A♯4", "A0", "", ""]
    assert [notes.name(f, language="ko") for f in (440.0, 261.63, 369.99)] == ["라4", "도4", "파♯4"]
    assert notes.cents_off(440 * 2 ** (30 / 1200)) == pytest.approx(30)
    assert notes.cents_off(440 * 2 ** (-30 / 1200)) == pytest.approx(-30)
    assert notes.hz_of(notes.midi_of(123.4)) == pytest.approx(123.4)


def test_a_scale_becomes_its_notes():
    scale = [60, 62, 64, 65, 67]
    x = harmonic(np.repeat([notes.hz_of(m) for m in scale], RATE // 4))
    found = pitch(np.concatenate([x, np.zeros(RATE // 4), harmonic(notes.hz_of(72.2), seconds=0.3)]), RATE).notes()
    assert [one.midi for one in found] == [*scale, 72]
    assert [one.name("ko") for one in found[:3]] == ["도4", "레4", "미4"]
    assert found[-1].cents == pytest.approx(20, abs=3) and found[1].begin_s == pytest.approx(0.25, abs=0.04)


def test_a_note_struck_again_is_another_note():
    t = np.arange(RATE // 2) / RATE
    pluck = harmonic(330, seconds=0.5) * np.exp(-t / 0.12)
    found = pitch(np.concatenate([pluck] * 3), RATE)
    assert [one.midi for one in found.notes()] == [64, 64, 64]
    begins = [one.begin_s for one in found.notes()]
    assert begins == pytest.approx([0, 0.5, 1.0], abs=0.05)
    together = notes.notes(found.times_s, found.f0_hz, found.voiced)
    assert len(together) == 1 and notes.notes(found.times_s[:1], found.f0_hz[:1], found.voiced[:1]) == []
