"""Shapes and values recorded inside the network: against the configuration, and against a second computation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core import audio
from core.errors import AudioError, SamplingError
from core.wavenet import WaveNet, WaveNetConfig, inside, shapes

SIZES = {"residual_channels": 6, "gate_channels": 10, "skip_channels": 7, "head_channels": 9, "layers": 5}


@pytest.fixture(params=[0, 80], ids=["unconditional", "mel"])
def model(request):
    torch.manual_seed(0)
    return WaveNet(WaveNetConfig(**SIZES, layers_per_cycle=3, mel_channels=request.param, condition_channels=8)).eval()


def test_shapes_are_those_of_the_configuration(model):
    got = shapes.record(model, batch=2, samples=450)
    assert got["codes"] == [2, 450] and got["previous"] == [2, 451]
    assert got["embedded"] == [2, 450, 6]
    assert got["layers.3.taps"] == [2, 450, 12]
    assert got["layers.3.pre"] == [2, 450, 10]
    assert got["layers.3.filter"] == got["layers.3.gate"] == got["layers.3.gated"] == [2, 450, 5]
    assert got["layers.3.residual"] == got["layers.3.output"] == [2, 450, 6]
    assert got["layers.3.skip"] == got["skip_sum"] == [2, 450, 7]
    assert got["hidden"] == [2, 450, 9] and got["scores"] == [2, 450, 256] and got["logits"] == [2, 256, 450]
    assert "layers.4.residual" not in got  # the last layer has none
    if model.config.mel_channels:
        assert got["mel"] == [2, 80, 3] and got["projected"] == [2, 3, 5 * 10]
        assert got["layers.0.condition"] == [2, 450, 10]


def test_watching_changes_nothing_and_leaves_no_hooks(model):
    codes = torch.randint(256, (1, 50), generator=torch.Generator().manual_seed(1))
    mel = torch.randn(1, 80, 1) if model.config.mel_channels else None
    with torch.no_grad():
        before = model(codes, mel)
        with shapes.watch(model) as seen:
            model(codes, mel)
    assert torch.equal(seen["logits"], before)
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("options", [{"batch": 0}, {"batch": 5}, {"samples": 0}, {"samples": 2001}])
def test_sizes_out_of_range_are_refused(model, options):
    with pytest.raises(SamplingError, match=r"1 to"):
        shapes.record(model, **options)


def test_parameters_add_up(model):
    counted = shapes.parameters(model)
    assert sum(n for name, n in counted.items() if "." not in name) == sum(p.numel() for p in model.parameters())
    assert counted["layers.0.dilated"] == (2 * 6 + 1) * 10  # K R weights and a bias for each of G outputs
    assert counted["layers.4.residual"] == 0
    assert counted["embedding"] == 2 * 256 * 6


@pytest.fixture(scope="module")
def voice():
    t = torch.arange(6000) / 16_000
    noise = torch.randn(6000, generator=torch.Generator().manual_seed(2))
    return 0.3 * torch.sin(2 * torch.pi * 220 * t) + 0.01 * noise


@pytest.mark.parametrize("moment_s", [0.0, 0.2, 99.0])
def test_a_look_equals_the_pass_over_the_whole_voice(model, voice, moment_s):
    """The look starts in the middle; equation 2 by NumPy from the whole pass must give the same gate."""
    got = inside.look(model, voice, moment_s=moment_s)
    at = slice(got["start"], got["start"] + got["window"])
    codes = audio.mu_law_encode(voice)[None]
    mel = audio.mel(voice[None]) if model.config.mel_channels else None
    with torch.no_grad():
        logits = model(codes, mel)[0, :, at]
    np.testing.assert_allclose(got["probabilities"].T, torch.softmax(logits, 0).numpy(), atol=1e-6)
    np.testing.assert_array_equal(got["codes"], codes[0, at].numpy())
    with torch.no_grad(), shapes.watch(model) as seen:
        model(codes, mel)
    for layer in range(5):
        tanh, sigmoid, product = inside.gate(got, layer)
        np.testing.assert_allclose(product, seen[f"layers.{layer}.gated"][0, at].numpy(), atol=1e-5)
        assert np.abs(tanh).max() <= 1 and sigmoid.min() >= 0 and sigmoid.max() <= 1
        weight = model.layers[layer].skip.weight.detach().numpy()
        np.testing.assert_allclose(got["skip_norm"][layer], np.linalg.norm(product @ weight.T, axis=1), atol=1e-4)
    assert got["update_rms"][4] == 0 < got["update_rms"][0]


def test_a_voice_shorter_than_the_window_is_refused(model):
    with pytest.raises(AudioError, match="needs at least"):
        inside.look(model, torch.zeros(100))


def test_stored_look_belongs_to_its_weights(model, tmp_path, monkeypatch):
    from core import weights

    monkeypatch.setattr(weights, "load", lambda name: model)
    monkeypatch.setattr(weights, "card", lambda name: {"sha256": "one"})
    monkeypatch.setattr(inside, "STORED_SAMPLES", 400)
    path = inside.write("wavenet-speech", folder=tmp_path)
    assert path.name == "wavenet-inside-speech.npz"
    look, facts = inside.stored("wavenet-speech", folder=tmp_path)
    fresh = inside.look(model, inside.sentence())
    np.testing.assert_allclose(look["pre"], fresh["pre"], atol=2e-3, rtol=2e-3)
    assert facts["shapes"]["codes"] == [1, 400] and facts["total"] == sum(p.numel() for p in model.parameters())
    monkeypatch.setattr(weights, "card", lambda name: {"sha256": "another"})
    assert inside.stored("wavenet-speech", folder=tmp_path) is None
    assert inside.stored("wavenet-vocoder", folder=tmp_path) is None  # no such file
