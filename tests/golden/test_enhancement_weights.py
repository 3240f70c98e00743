"""The shipped enhancer: what its card says, and what it does to a voice and noises that it has never heard."""

from __future__ import annotations

import time

import pytest
import torch

from core import audio, held_out, speech_metrics, weights
from core.enhancement import clips
from core.enhancement.gating import spectral_gating
from core.enhancement.mixing import mix
from core.enhancement.sample import MODEL, Stream, enhance, has_speech, speech_share
from core.enhancement.train import scale_invariant_ratio_db

pytestmark = [
    pytest.mark.golden, pytest.mark.skipif(MODEL not in weights.names(), reason="the weights are not here yet")
]  # fmt: skip
PEERS = ("noisy", "spectral gating, ours", "noisereduce, stationary", "noisereduce, non-stationary", "RNNoise")


@pytest.fixture(scope="module")
def model():
    return weights.load(MODEL)


@pytest.fixture(scope="module")
def voice() -> torch.Tensor:
    """A speaker who is held out."""
    x, rate = audio.read("assets/audio/vqvae/md.flac")
    return audio.level_to(audio.resample(x[0], rate, 16_000), dbfs=-26)


def test_the_card_beside_its_peers():
    """On unheard voices and noises, in one run: SI-SDR above every peer's, PESQ above every gate's and level with
    RNNoise's; both below the mask that knows."""
    found = {one["name"]: one["value"] for one in weights.card(MODEL)["metrics"]}
    for figure in ("PESQ", "SI-SDR improvement (dB)"):
        ours = found[f"{figure}, ours"]
        near = 0.02 if figure == "PESQ" else 0.0
        assert all(ours + near > found[f"{figure}, {peer}"] for peer in PEERS if f"{figure}, {peer}" in found)
        assert ours < found[f"{figure}, ideal ratio mask"]
    assert found["latency (ms), by construction"] <= 40
    assert found["real-time factor, whole sound"] < 0.2


@pytest.mark.parametrize("name", ["rain", "sea", "clock", "helicopter", "chainsaw"])
def test_it_takes_noise_away(model, voice, name):
    """At 5 dB: decibels of SI-SDR and points of PESQ gained, and more than the gate gains."""
    mixture, noise = mix(voice, clips.load(name), 5.0, seed=1)
    found, gated = enhance(model, mixture), spectral_gating(mixture)[0]
    before, after, gate = (
        (float(scale_invariant_ratio_db(x, mixture - noise)), speech_metrics.pesq_wideband(mixture - noise, x))
        for x in (mixture, found.audio, gated)
    )
    assert after[0] > before[0] + FLOORS[0] and after[1] > before[1] + FLOORS[1]
    assert after[0] > gate[0] and after[1] > gate[1]
    assert has_speech(found)


FLOORS = (2.0, 0.03)


def test_it_knows_when_nobody_speaks(model):
    for name in ("rain", "sea", "clock", "helicopter", "chainsaw"):
        assert not has_speech(enhance(model, clips.load(name))), name
    for prompt in ("b0481", "b0513"):
        assert speech_share(enhance(model, held_out.load(prompt))) > 0.5


def test_the_stream_is_the_whole(model, voice):
    stream = Stream(model)
    blocks = [stream.push(block) for block in voice[:16_000].split(480)] + [stream.finish()]
    torch.testing.assert_close(torch.cat(blocks), enhance(model, voice[:16_000]).audio, atol=2e-5, rtol=0)


def test_ten_seconds_are_answered_within_two(model):
    x = 0.05 * torch.randn(160_000, generator=torch.Generator().manual_seed(0))
    started = time.process_time()
    enhance(model, x)
    assert time.process_time() - started < 2.0
