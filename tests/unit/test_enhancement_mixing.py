"""Levels, mixtures and the gate, against sounds whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.enhancement.gating import spectral_gating
from core.enhancement.mixing import active_power, looped, mix
from core.enhancement.peers import ideal_ratio_mask
from core.enhancement.train import compressed_distance, scale_invariant_ratio_db
from core.errors import AudioError


def tone(samples: int, hz: float = 500.0, amplitude: float = 0.3) -> torch.Tensor:
    return amplitude * torch.sin(2 * torch.pi * hz * torch.arange(samples) / 16_000)


def hiss(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.05 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


def test_pauses_do_not_make_a_voice_softer():
    voice = tone(16_000).numpy()
    assert active_power(voice) == pytest.approx(0.3**2 / 2, rel=1e-3)
    assert active_power(np.concatenate([voice, np.zeros(48_000, np.float32)])) == pytest.approx(0.045, rel=1e-3)
    assert active_power(np.zeros(1000, np.float32)) == 0 == active_power(np.zeros(0, np.float32))


@pytest.mark.parametrize("snr_db", [-5, 0, 7.5, 20])
@pytest.mark.parametrize("samples", [9_000, 16_000, 50_000])
def test_a_mixture_has_the_ratio_that_was_asked_for(snr_db, samples):
    voice = torch.cat([tone(16_000), torch.zeros(4_000)])  # a fifth of it is a pause
    mixture, noise = mix(voice, hiss(samples), snr_db, seed=3)
    said = mixture - noise
    ratio = 10 * np.log10(float(said[:16_000].square().mean() / noise.square().mean()))
    assert ratio == pytest.approx(snr_db, abs=0.05)
    assert float(mixture.abs().max()) <= 0.991
    torch.testing.assert_close(said / said.abs().max(), voice / voice.abs().max(), atol=1e-3, rtol=0)


def test_the_seed_chooses_where_the_noise_begins():
    first, again, other = (mix(tone(8_000), hiss(80_000), 0, seed)[1] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_short_noise_goes_on_without_clicks():
    wave = tone(1_600, hz=123.0).numpy()  # does not end where it began
    found = looped(wave, 16_000)
    assert len(found) == 16_000
    assert np.abs(np.diff(found)).max() < 2.2 * np.abs(np.diff(wave)).max()


@pytest.mark.parametrize("change", [
    lambda v, n: (v, n, 99), lambda v, n: (torch.zeros(100), n, 0), lambda v, n: (v, torch.zeros(100), 0),
    lambda v, n: (v[None], n, 0), lambda v, n: (v, n[:0], 0), lambda v, n: (v * float("inf"), n, 0),
])  # fmt: skip
def test_mixing_refuses_what_has_no_ratio(change):
    with pytest.raises(AudioError):
        mix(*change(tone(4_000), hiss(4_000)))


@pytest.mark.parametrize("known", [False, True])
def test_the_gate_takes_hiss_and_leaves_a_tone(known):
    noise, voice = hiss(32_000) / 5, torch.cat([torch.zeros(16_000), tone(16_000, hz=1000.0)])
    found, mask = spectral_gating(voice + noise, hiss(32_000, seed=9) / 5 if known else None)
    before, after = (float((x - voice)[1000:14_000].square().mean()) for x in (voice + noise, found))
    assert 10 * np.log10(after / before) < -8
    kept = float(found[18_000:30_000].square().mean() / voice[18_000:30_000].square().mean())
    assert 10 * np.log10(kept) == pytest.approx(0, abs=1.5)
    assert mask.shape == (126, 257) and 0.1 - 1e-6 <= float(mask.min()) and float(mask.max()) <= 1 + 1e-6


def test_the_ratio_is_scale_invariant_and_right():
    wanted, rest = tone(16_000, 500.0), tone(16_000, 1500.0, amplitude=0.03)  # orthogonal, 20 dB apart
    assert float(scale_invariant_ratio_db(wanted + rest, wanted)) == pytest.approx(20, abs=0.01)
    assert float(scale_invariant_ratio_db(0.1 * (wanted + rest), 7 * wanted)) == pytest.approx(20, abs=0.01)


def test_the_distance_is_that_of_compressed_spectra():
    """By NumPy from equation 3 of arXiv:2009.12286, frame by frame."""
    found, wanted = hiss(2048, 1), hiss(2048, 2)
    window = np.hanning(257)[:-1]
    total = []
    spectra = []
    for x in (found, wanted):
        padded = np.pad(x.double().numpy(), 128)
        spectra.append(np.stack([np.fft.rfft(padded[i : i + 256] * window) for i in range(0, 2048 + 1, 128)]))
    a, b = (abs(s) ** 0.3 * np.exp(1j * np.angle(s)) for s in spectra)
    total = 0.7 * np.mean((abs(a) - abs(b)) ** 2) + 0.3 * np.mean(abs(a - b) ** 2)
    assert float(compressed_distance(found[None], wanted[None], 256)[0]) == pytest.approx(total, rel=2e-3)


def test_the_ideal_mask_is_better_than_none():
    voice, noise = tone(16_000), hiss(16_000)
    found = ideal_ratio_mask(voice, noise)
    assert float(scale_invariant_ratio_db(found, voice)) > float(scale_invariant_ratio_db(voice + noise, voice)) + 10
