"""Speaking live gives the samples of `generate`; entropy against SciPy; the prime against NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from core import audio
from core.errors import AudioError, SamplingError
from core.wavenet import PRESETS, WaveNet, generate, live

ENGINE = "cached"  # always there, and quick to begin


@pytest.fixture(scope="module")
def model() -> WaveNet:
    torch.manual_seed(0)
    return WaveNet(PRESETS["tiny"]).eval()


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    """The same code, a quarter of the samples."""
    monkeypatch.setattr(live, "BLOCK_SAMPLES", 100)
    monkeypatch.setattr(live, "FIRST_SAMPLES", 500)
    monkeypatch.setattr(live, "FIRST_S", 1e9)


@pytest.mark.parametrize("primed", [False, True])
def test_the_updates_together_are_what_generate_returns(model, primed):
    prime = torch.randint(0, 256, (60,), generator=torch.Generator().manual_seed(1)) if primed else None
    options = {"samples": 720, "seed": 3, "temperature": 0.8, "engine": ENGINE}
    updates = list(live.speak(model, prime=prime, update_s=0.0, **options))
    together = torch.cat([update.codes for update in updates])
    expected = generate(model, prime=None if prime is None else prime[None], **options)[0]
    assert torch.equal(together, expected)
    assert updates[-1].drawn == 720
    assert all(update.engine == ENGINE for update in updates)
    assert updates[-1].samples_per_s > 0


def test_the_kept_softmax_is_that_of_the_network_at_its_place(model):
    update = next(iter(live.speak(model, samples=live.BLOCK_SAMPLES, seed=5, temperature=0.7, engine=ENGINE)))
    assert update.positions == [live.BLOCK_SAMPLES - 1]
    with torch.no_grad():
        logits = model(update.codes[None])[0, :, -1]  # teacher forcing on what was drawn
    expected = torch.softmax(logits / 0.7, dim=0)
    assert torch.allclose(update.probabilities[0], expected, atol=1e-4)


def test_the_first_update_comes_by_sound_and_the_others_by_the_clock(model):
    updates = live.speak(model, samples=850, seed=0, engine=ENGINE, update_s=1e9)
    assert len(next(updates).codes) == live.FIRST_SAMPLES
    assert len(next(updates).codes) == 350  # the rest at once, as the clock asks for nothing before
    assert next(updates, None) is None


def test_closing_it_stops_the_network(model):
    updates = live.speak(model, samples=800_000, seed=0, engine=ENGINE, update_s=0.0)
    next(updates)
    updates.close()
    assert next(updates, None) is None


def test_entropy_is_scipys_and_has_its_limits():
    p = torch.softmax(torch.randn(50, 256, generator=torch.Generator().manual_seed(0)) * 3, dim=-1)
    assert np.allclose(live.entropy_bits(p).numpy(), entropy(p.double().numpy(), base=2, axis=-1), atol=1e-5)
    assert float(live.entropy_bits(torch.full((256,), 1 / 256))) == pytest.approx(8.0, abs=1e-5)
    assert float(live.entropy_bits(torch.eye(256)[3])) == 0.0


def test_the_prime_begins_where_the_voice_does():
    silence, voice = torch.zeros(8000), 0.5 * torch.sin(torch.arange(16_000) * 0.3)
    codes = live.prime_codes(torch.cat([silence, voice]), 0.5)
    first = int(np.flatnonzero(np.abs(torch.cat([silence, voice]).numpy()) > 0.025)[0])
    expected = audio.mu_law_encode(torch.cat([silence, voice])[first - 320 : first - 320 + 8000])
    assert torch.equal(codes, expected)
    assert len(live.prime_codes(voice, 0.1)) == 1600
    assert len(live.prime_codes(voice, 9.0)) == 16_000


@pytest.mark.parametrize(
    ("x", "seconds", "says"),
    [(torch.zeros(9), 1.0, "silent"), (torch.zeros(0), 1.0, "silent"), (torch.ones(9), 0.0, "longer than"),
     (torch.ones(9), math.nan, "longer than")],
)  # fmt: skip
def test_a_prime_that_is_none_is_refused(x, seconds, says):
    with pytest.raises(AudioError, match=says):
        live.prime_codes(x, seconds)


@pytest.mark.parametrize(
    "options", [{"temperature": 0.0}, {"temperature": -1.0}, {"samples": 0}, {"engine": "abacus"}]
)
def test_options_out_of_range_are_refused(model, options):
    with pytest.raises(SamplingError):
        list(live.speak(model, **{"samples": 10, "engine": ENGINE, **options}))
