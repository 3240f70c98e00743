"""Blur against SciPy's Gaussian filter, transposition against NumPy's interpolation and against real tones."""

from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from core import audio
from core.errors import MelError
from core.wavenet import mel_edit


def some_mel(frames: int = 60, seed: int = 0) -> torch.Tensor:
    return torch.randn(80, frames, generator=torch.Generator().manual_seed(seed)) * 2 - 5


@pytest.mark.parametrize("axis", [-2, -1])
@pytest.mark.parametrize("sigma", [0.5, 2.0, 13.0])
def test_blur_is_scipys_gaussian(axis, sigma):
    mel = some_mel()
    expected = gaussian_filter1d(mel.double().numpy(), sigma, axis=axis, mode="nearest", truncate=4.0)
    got = mel_edit.blur(mel, sigma, axis=axis).numpy()
    # SciPy ends its window at int(4 sigma + 0.5), we at ceil(4 sigma): weights there are below e^-8
    assert np.abs(got - expected).max() < 2e-3
    assert np.abs(expected - mel.numpy()).max() > 1  # it did blur


@given(semitones=st.floats(-12, 12), frames=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_transpose_looks_up_each_frequency_divided_by_the_ratio(semitones, frames):
    mel = some_mel(frames)
    centres = librosa.mel_frequencies(82, fmin=0, fmax=8000)[1:-1]
    ratio = 2 ** (semitones / 12)
    expected = np.stack(
        [np.interp(centres / ratio, centres, column, right=math.log(1e-5)) for column in mel.numpy().T], axis=1
    )
    got = mel_edit.transpose(mel, semitones).numpy()
    assert np.abs(got - expected).max() < 1e-3


@pytest.mark.parametrize("semitones", [-12, -5, 7, 12])
def test_a_transposed_tone_sounds_at_the_transposed_frequency(semitones):
    time = torch.arange(16_000) / 16_000
    tone, wanted = 1500.0, 1500.0 * 2 ** (semitones / 12)
    peaks = [
        mel_edit.edit(audio.mel(0.3 * torch.sin(2 * math.pi * tone * time)), semitones=semitones),
        audio.mel(0.3 * torch.sin(2 * math.pi * wanted * time)),
    ]
    ours, theirs = (int(mel[:, 40].argmax()) for mel in peaks)
    assert abs(ours - theirs) <= 1


def test_edit_of_nothing_is_nothing_and_leaves_its_input():
    mel = some_mel()
    before = mel.clone()
    assert torch.equal(mel_edit.edit(mel), mel)
    mel_edit.edit(mel, blur_bands=3, blur_ms=50, semitones=-4)
    assert torch.equal(mel, before)


def test_edit_takes_a_batch_and_blurs_a_constant_into_itself():
    mel = torch.full((2, 80, 30), -3.0)
    out = mel_edit.edit(mel, blur_bands=20, blur_ms=400)
    assert out.shape == mel.shape and torch.allclose(out, mel, atol=1e-5)
    batch = torch.stack([some_mel(seed=1), some_mel(seed=2)])
    one_by_one = torch.stack([mel_edit.edit(one, blur_bands=2, blur_ms=30, semitones=3) for one in batch])
    assert torch.allclose(mel_edit.edit(batch, blur_bands=2, blur_ms=30, semitones=3), one_by_one, atol=1e-5)


def test_blur_in_time_of_a_click_spreads_it_by_the_milliseconds_asked():
    mel = torch.zeros(80, 201)
    mel[:, 100] = 1.0
    row = mel_edit.edit(mel, blur_ms=50.0)[40].numpy()
    frames = np.arange(201)
    deviation_ms = 12.5 * math.sqrt((row * (frames - 100) ** 2).sum() / row.sum())
    assert deviation_ms == pytest.approx(50.0, rel=0.01)


@pytest.mark.parametrize(
    ("mel", "settings", "says"),
    [
        (torch.zeros(40, 9), {}, "80, frames"),
        (torch.zeros(80, 0), {}, "80, frames"),
        (torch.full((80, 9), math.nan), {}, "NaN"),
        (some_mel(), {"blur_bands": -1}, "blur_bands"),
        (some_mel(), {"blur_ms": math.nan}, "blur_ms"),
        (some_mel(), {"blur_ms": 4000}, "blur_ms"),
        (some_mel(), {"semitones": 12.5}, "semitones"),
    ],
)
def test_what_cannot_be_edited_is_refused(mel, settings, says):
    with pytest.raises(MelError, match=says):
        mel_edit.edit(mel, **settings)
