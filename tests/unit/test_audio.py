"""core.audio: the representations against NumPy, librosa, torchaudio and SciPy."""

import io
import math
import sys
import wave

import librosa
import numpy as np
import pytest
import torch
from sounds import speech_like, tone

from core import audio
from core.errors import AudioError, MelError

# --- representations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [2, 3, 16, 255, 256, 1024])
def test_mu_law_is_the_formula_of_the_paper(levels):
    x = np.linspace(-1, 1, 4001)
    mu = levels - 1
    f = np.sign(x) * np.log(1 + mu * np.abs(x)) / np.log(1 + mu)
    ours = audio.mu_law_encode(torch.from_numpy(x), levels=levels).numpy()
    exact = (f + 1) / 2 * mu  # the code before rounding
    assert np.abs(ours - exact).max() <= 0.5 + 1e-9  # the nearest code, always
    assert ours.min() == 0 and ours.max() == mu
    y = 2 * np.arange(levels) / mu - 1
    inverse = np.sign(y) * ((1 + mu) ** np.abs(y) - 1) / mu
    np.testing.assert_allclose(audio.mu_law_decode(torch.arange(levels), levels=levels), inverse, atol=2e-6)


def test_mu_law_agrees_with_torchaudio_in_every_code():
    torchaudio = pytest.importorskip("torchaudio")
    x = torch.linspace(-1, 1, 20_001)
    codes = audio.mu_law_encode(x)
    # torchaudio truncates where we take the floor; both are of positive numbers, so there is no difference.
    assert torch.equal(codes, torchaudio.functional.mu_law_encoding(x, 256))
    torch.testing.assert_close(
        audio.mu_law_decode(codes), torchaudio.functional.mu_law_decoding(codes, 256), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("levels", [2, 4, 256])
def test_mu_law_codes_survive_a_round_trip(levels):
    codes = torch.arange(levels)
    assert torch.equal(audio.mu_law_encode(audio.mu_law_decode(codes, levels=levels), levels=levels), codes)
    assert int(audio.mu_law_encode(torch.zeros(1), levels=levels)) == levels // 2


@pytest.mark.parametrize("bad", [[math.nan], [math.inf], [1.5], [-2.0]])
def test_mu_law_refuses_what_it_cannot_code(bad):
    with pytest.raises(AudioError):
        audio.mu_law_encode(torch.tensor(bad))
    with pytest.raises(AudioError, match="2 levels"):
        audio.mu_law_encode(torch.zeros(3), levels=1)


@pytest.mark.filterwarnings("ignore:n_fft=1024 is too large")
@pytest.mark.parametrize("samples", [513, 16_000, 16_199, 16_200])
def test_mel_is_librosas(samples):
    x = speech_like(2)[:samples]
    expected = librosa.feature.melspectrogram(
        y=x, sr=16_000, n_fft=1024, hop_length=200, n_mels=80, fmin=0, fmax=8000, power=1.0, pad_mode="reflect"
    )
    ours = audio.mel(torch.from_numpy(x))
    assert ours.shape == (80, 1 + samples // 200) == expected.shape
    np.testing.assert_allclose(ours, np.log(np.maximum(expected, 1e-5)), atol=2e-3)


def test_mel_of_a_batch_is_the_mel_of_each():
    x = torch.from_numpy(np.stack([speech_like(seed=1), speech_like(seed=2)]))
    torch.testing.assert_close(audio.mel(x)[1], audio.mel(x[1]))


def test_mel_of_silence_is_the_floor_and_bad_input_is_refused():
    assert float(audio.mel(torch.zeros(1000)).max()) == pytest.approx(math.log(1e-5))
    with pytest.raises(AudioError, match="too short"):
        audio.mel(torch.zeros(512))
    with pytest.raises(AudioError, match="NaN"):
        audio.mel(torch.full((1000,), math.nan))


def test_mel_without_torchaudio_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    audio._mel_transform.cache_clear()
    with pytest.raises(AudioError, match="make setup"):
        audio.mel(torch.zeros(1000))
    audio._mel_transform.cache_clear()


def test_level_to_sets_the_level_but_not_above_the_peak():
    loud = audio.level_to(torch.from_numpy(tone(amplitude=0.01)))
    assert float(loud.square().mean().sqrt()) == pytest.approx(0.1, rel=1e-4)  # -20 dBFS
    click = torch.zeros(16_000)
    click[0] = 0.001
    assert float(audio.level_to(click).abs().max()) == pytest.approx(0.95)
    assert (
        torch.equal(audio.level_to(torch.zeros(5)), torch.zeros(5)) and audio.level_to(torch.zeros(0)).numel() == 0
    )


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(16_000, 48_000), (48_000, 16_000), (44_100, 16_000), (8_000, 16_000)]
)
def test_resample_keeps_a_tone_and_its_place(from_hz, to_hz):
    x = torch.from_numpy(tone(1.0, from_hz, 440.0))
    y = audio.resample(x, from_hz, to_hz)
    assert y.shape == (to_hz,) and y.dtype == torch.float32
    middle = slice(to_hz // 10, -to_hz // 10)
    np.testing.assert_allclose(y.numpy()[middle], tone(1.0, to_hz, 440.0)[middle], atol=1e-3)


def test_resample_leaves_nothing_above_the_new_nyquist_frequency():
    y = audio.resample(torch.from_numpy(tone(1.0, 48_000, 9_000.0)), 48_000, 16_000)
    assert float(y[1600:-1600].abs().max()) < 1e-3


def test_resample_keeps_leading_axes():
    x = torch.randn(2, 3, 1000, generator=torch.Generator().manual_seed(0))
    y = audio.resample(x, 16_000, 8_000)
    assert y.shape == (2, 3, 500)
    torch.testing.assert_close(y[1, 2], audio.resample(x[1, 2], 16_000, 8_000))
    assert audio.resample(x, 16_000, 16_000) is x
    assert audio.resample(torch.zeros(2, 0), 16_000, 8_000).shape == (2, 0)
    with pytest.raises(AudioError, match="positive"):
        audio.resample(x, 0, 16_000)


def test_int16_is_rounded_and_clipped():
    x = torch.tensor([0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1 / 32767])
    got = audio.to_int16(x)
    assert got.dtype == np.int16
    np.testing.assert_array_equal(got, [0, 32767, -32767, 16384, 32767, -32767, 1])
    with pytest.raises(AudioError, match="NaN"):
        audio.to_int16(torch.tensor([math.nan]))


def test_wav_bytes_are_read_by_the_standard_library():
    x = torch.from_numpy(np.stack([tone(0.1), -tone(0.1)]))
    with wave.open(io.BytesIO(audio.wav_bytes(x, 22_050))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 22_050)
        frames = np.frombuffer(file.readframes(-1), dtype="<i2").reshape(-1, 2)
    np.testing.assert_array_equal(frames.T, np.round(x.numpy() * np.float32(32767)))
    with pytest.raises(AudioError, match="holds"):
        audio.wav_bytes(torch.zeros(1, 1, 5), 16_000)


def test_synthesis_is_frozen_and_checks_its_sound():
    made = audio.Synthesis(torch.zeros(8000), 16_000)
    assert made.seconds == 0.5 and made.wav()[:4] == b"RIFF"
    with pytest.raises(AttributeError):
        made.sample_rate_hz = 8000
    for bad in (torch.zeros(2, 5), torch.zeros(5, dtype=torch.float64), torch.zeros(5, dtype=torch.int16)):
        with pytest.raises(AudioError):
            audio.Synthesis(bad, 16_000)


# --- Griffin-Lim --------------------------------------------------------------------------------------------------


def test_magnitudes_have_the_mel_they_were_made_from():
    target = audio.mel(torch.from_numpy(speech_like()))
    found = audio.magnitudes(target)
    filters = librosa.filters.mel(sr=16_000, n_fft=1024, n_mels=80, fmin=0, fmax=8000)
    assert found.shape == (513, target.shape[1]) and found.min() >= 0
    ours = np.abs(np.log(filters @ found + 1e-9) - target.numpy()).mean()
    least_squares = np.maximum(np.linalg.pinv(filters) @ np.exp(target.numpy()), 0)
    assert ours < 0.02
    assert ours < np.abs(np.log(filters @ least_squares + 1e-9) - target.numpy()).mean()


def test_griffin_lim_comes_back_to_its_mel():
    target = audio.mel(torch.from_numpy(speech_like()))
    x = audio.griffin_lim(target)
    assert x.shape == ((target.shape[1] - 1) * 200,) and x.dtype == torch.float32
    # librosa's own mel as the judge; half a neper where the phases are random, a fifth of that after 60 iterations
    judge = librosa.feature.melspectrogram(
        y=x.numpy(), sr=16_000, n_fft=1024, hop_length=200, n_mels=80, fmax=8000, power=1.0, pad_mode="reflect"
    )
    assert np.abs(np.log(np.maximum(judge, 1e-5)) - target.numpy()).mean() < 0.2
    rough = audio.griffin_lim(target, iterations=1)
    assert (audio.mel(rough) - target).abs().mean() > 1.5 * (audio.mel(x) - target).abs().mean()


def test_griffin_lim_depends_on_its_seed_only():
    target = audio.mel(torch.from_numpy(speech_like(0.3)))
    first = audio.griffin_lim(target, iterations=3, seed=5)
    np.random.seed(0)
    torch.manual_seed(0)
    assert torch.equal(first, audio.griffin_lim(target, iterations=3, seed=5))
    assert not torch.equal(first, audio.griffin_lim(target, iterations=3, seed=6))


BAD_MELS = [
    torch.zeros(80), torch.zeros(79, 5), torch.zeros(80, 1), torch.zeros(1, 80, 5), torch.full((80, 5), math.nan),
    torch.full((80, 5), math.inf), torch.full((80, 5), 1000.0),
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_MELS)
def test_griffin_lim_refuses_what_is_no_mel(bad):
    with pytest.raises(MelError):
        audio.griffin_lim(bad)
