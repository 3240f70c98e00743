"""The post-filter against librosa's transforms, in pieces and whole, and what it can and cannot do."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from core import audio, postfilter, speech_metrics
from core.errors import MelError
from demos._wavenet import levels

RATE = 16_000


def voice(samples: int = 30_037) -> torch.Tensor:
    """Something with pitch, formants and pauses."""
    t = np.arange(samples) / RATE
    f0 = 180 + 40 * np.sin(2 * np.pi * 0.7 * t)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    x = sum(np.cos(k * phase) * np.exp(-(((k * 180 - 700) / 900) ** 2)) for k in range(1, 20))
    return audio.level_to(torch.from_numpy(x * (np.sin(2 * np.pi * 1.5 * t) > -0.3)).float())


def by_librosa(x: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """One round, written again with librosa's transforms, in float64."""
    filters = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=80, fmin=0.0, fmax=8000.0, dtype=np.float64)
    spectrum = librosa.stft(x.astype(np.float64), n_fft=1024, hop_length=200, pad_mode="reflect")
    found = np.maximum(filters @ np.abs(spectrum), 1e-5)
    lacking = np.clip(20 * np.log10(np.exp(wanted) / found), -20, 20)
    gain = np.ones(spectrum.shape)
    for k in range(513):
        row = filters[:, min(max(k, 1), 511)]
        gain[k] = 10 ** ((row / row.sum()) @ lacking / 20)
    return librosa.istft(spectrum * gain, hop_length=200, n_fft=1024, length=len(x))


def disturbed(x: torch.Tensor) -> torch.Tensor:
    return 0.5 * x + 0.02 * torch.randn(len(x), generator=torch.Generator().manual_seed(1))


def test_a_round_is_that_of_librosa():
    x = voice()
    wanted = audio.mel(x)
    ours = postfilter.correct(disturbed(x), wanted, rounds=1).numpy()
    theirs = by_librosa(disturbed(x).numpy(), wanted.numpy())
    assert ours.dtype == np.float32 and len(ours) == len(x)
    assert np.abs(ours - theirs).max() < 1e-4


@pytest.mark.parametrize("rounds", [1, 3, 6])
def test_in_pieces_it_is_the_same_and_late_by_a_window_a_round(rounds):
    x = disturbed(voice())
    wanted = audio.mel(voice())
    whole = postfilter.correct(x, wanted, rounds=rounds)
    post = postfilter.PostFilter(wanted, rounds=rounds)
    out, given, torn = [], 0, np.random.default_rng(0)
    while given < len(x):
        piece = x[given : given + int(torn.integers(1, 1500))]
        given += len(piece)
        out.append(post.push(piece))
        assert given - sum(map(len, out)) <= rounds * (1024 + 200)
    out.append(post.finish())
    assert torch.allclose(torch.cat(out), whole, atol=1e-5)


def test_it_brings_the_levels_and_every_round_brings_them_closer():
    x = voice()
    wanted = audio.mel(x)
    away = [
        speech_metrics.mel_distance_db(wanted, audio.mel(postfilter.correct(disturbed(x), wanted, rounds=n)))
        for n in (0, 1, 3, 6)
    ]
    assert away[0] > 6 and all(later < 0.8 * before for before, later in zip(away, away[1:]))


def test_a_sound_that_has_its_levels_is_left_alone():
    x = voice()
    once = postfilter.correct(x, audio.mel(x), rounds=6)
    assert float((once - x).square().mean() / x.square().mean()) < 1e-6


def test_what_the_mel_does_not_ask_for_falls_silent():
    x = voice()
    wanted = audio.mel(x).clone()
    wanted[:, 60:] = np.log(1e-5)
    out = audio.mel(postfilter.correct(disturbed(x), wanted, rounds=6))
    assert float(out[:, 62:].mean()) < float(audio.mel(disturbed(x))[:, 62:].mean()) - 3


def test_white_noise_gets_the_levels():
    """The control beside the vocoder: what levels alone make of a sound that knows nothing."""
    x = voice()
    noise = 0.1 * torch.randn(len(x), generator=torch.Generator().manual_seed(0))
    out = postfilter.filtered_noise(audio.mel(x), len(x))
    assert torch.equal(out, postfilter.correct(noise, audio.mel(x)).clamp(-1, 1))
    away = [speech_metrics.mel_distance_db(audio.mel(x), audio.mel(sound)) for sound in (noise, out)]
    assert away[1] < away[0] / 3
    assert speech_metrics.signal_to_noise_db(x, out) < 3  # its phases are not the voice's


@pytest.mark.parametrize("samples", [0, 1, 512])
def test_scraps_come_back(samples):
    x = torch.linspace(-0.5, 0.5, samples)
    assert torch.equal(postfilter.correct(x, torch.zeros(80, 1)), x)


@pytest.mark.parametrize("samples", [513, 1024, 1225])
def test_short_sounds_keep_their_length(samples):
    x = voice(samples)
    out = postfilter.correct(x, torch.full((80, 2), -4.0))
    assert len(out) == samples and bool(torch.isfinite(out).all())


def test_silence_stays_finite_and_quiet():
    out = postfilter.correct(torch.zeros(4000), torch.full((80, 21), 2.0))
    assert float(out.abs().max()) == 0.0


@pytest.mark.parametrize(
    ("mel", "rounds"),
    [(torch.zeros(79, 5), 1), (torch.zeros(80), 1), (torch.zeros(80, 0), 1), (torch.full((80, 5), float("nan")), 1),
     (torch.zeros(80, 5), -1), (torch.zeros(80, 5), 31)],
)  # fmt: skip
def test_bad_mels_and_rounds_are_refused(mel, rounds):
    with pytest.raises(MelError):
        postfilter.PostFilter(mel, rounds=rounds)


def test_the_page_offers_what_the_filter_takes():
    assert (levels.ROUNDS, levels.MAX_ROUNDS) == (postfilter.ROUNDS, postfilter.MAX_ROUNDS)
