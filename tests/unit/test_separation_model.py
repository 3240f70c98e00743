"""MMDenseLSTM against its papers: masks, shapes, sizes, what a dense block and an LSTM block see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import weights
from core.errors import AudioError
from core.separation.model import PRESETS, DenseBlock, LSTMBlock, MMDenseLSTM
from core.separation.spectrogram import analyse, synthesise

TINY = PRESETS["tiny"]


def network(config=TINY) -> MMDenseLSTM:
    torch.manual_seed(0)
    return MMDenseLSTM(config).eval()


@pytest.mark.parametrize("frames", [1, 7, 8, 33])
def test_masks_share_out_the_mixture(frames):
    masks = network()(torch.rand(2, 1, frames, 65))
    assert masks.shape == (2, 2, 1, frames, 65)
    assert bool((masks >= 0).all())
    torch.testing.assert_close(masks.sum(dim=1), torch.ones(2, 1, frames, 65))


def test_stereo_and_four_sources():
    config = replace(TINY, channels=2, sources=("vocals", "drums", "bass", "other"))
    assert network(config)(torch.rand(1, 2, 9, 65)).shape == (1, 4, 2, 9, 65)


def test_a_dense_block_is_the_papers_recursion():
    """x_l = H_l([x_{l-1}, …, x_0]) in NumPy, with batch normalisation, ReLU and a 3 x 3 correlation."""
    torch.manual_seed(1)
    block = DenseBlock(3, 2, 3).double().eval()
    for norm in block.norms:
        torch.nn.init.normal_(norm.weight), torch.nn.init.normal_(norm.bias), torch.nn.init.normal_(norm.running_mean)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
    x = torch.randn(1, 3, 4, 5, dtype=torch.double)
    seen = x[0].numpy()
    for norm, convolution in zip(block.norms, block.convolutions):
        w = {k: v.detach().numpy() for k, v in (*norm.state_dict().items(), ("kernel", convolution.weight))}
        shape = (-1, 1, 1)
        h = (seen - w["running_mean"].reshape(shape)) / np.sqrt(w["running_var"].reshape(shape) + norm.eps)
        h = np.maximum(h * w["weight"].reshape(shape) + w["bias"].reshape(shape), 0)
        padded = np.pad(h, ((0, 0), (1, 1), (1, 1)))
        out = np.zeros((2, 4, 5))
        for k in range(2):
            for i in range(4):
                for j in range(5):
                    out[k, i, j] = (w["kernel"][k] * padded[:, i : i + 3, j : j + 3]).sum()
        seen = np.concatenate([seen, out])
    np.testing.assert_allclose(block(x)[0].detach().numpy(), out, atol=1e-12)


def test_an_lstm_block_sees_all_time_and_a_dense_block_does_not():
    torch.manual_seed(0)
    x = torch.randn(1, 4, 12, 8)
    changed = x.clone()
    changed[:, :, 11] += 1.0
    recurrent, dense = LSTMBlock(4, 8, 16), DenseBlock(4, 3, 2).eval()
    with torch.no_grad():
        assert float((recurrent(x) - recurrent(changed))[:, :, 0].abs().max()) > 0
        moved = (dense(x) - dense(changed)).abs().amax(dim=(0, 1, 3))
    assert float(moved[:9].max()) == 0 and float(moved[9:].min()) > 0  # two layers of 3 x 3: two frames away


def test_the_papers_preset_has_about_its_parameters():
    """1.22 million in arXiv:1805.02410 for one source; ours gives four and matches the bands by 1 x 1."""
    count = sum(p.numel() for p in MMDenseLSTM(PRESETS["paper"]).parameters())
    assert 1.1e6 < count < 1.5e6


def test_other_shapes_are_refused():
    with pytest.raises(AudioError, match=r"\[B, 1, T, 65\]"):
        network()(torch.rand(1, 2, 9, 65))
    with pytest.raises(AudioError, match="add up to 65"):
        MMDenseLSTM(replace(TINY, bands=TINY.bands[:1]))


@pytest.mark.parametrize("samples", [1, 31, 1000])
def test_the_transform_has_an_inverse(samples):
    x = torch.randn(2, 1, samples, generator=torch.Generator().manual_seed(2))
    spectrum = analyse(x, TINY)
    assert spectrum.shape == (2, 1, 1 + samples // 32, 65)
    torch.testing.assert_close(synthesise(spectrum, samples, TINY), x, atol=1e-5, rtol=1e-4)


def test_a_sine_lies_in_its_bin():
    """4 over the root of the window, times half its sum: a full-scale sine at a bin's centre has 4 / 4 sqrt(W)."""
    n = torch.arange(4096)
    spectrum = analyse(torch.sin(2 * np.pi * 10 * n / 128)[None], TINY).abs()[0, 60]
    assert int(spectrum.argmax()) == 10
    assert float(spectrum[10]) == pytest.approx(4 / 128**0.5 * 128 / 4, rel=1e-3)


def test_weights_come_back_from_their_card(tmp_path):
    model = network()
    card = {
        "description": "tiny", "sample_rate_hz": 16_000, "training_command": "none", "commit": "none", "seed": 0,
        "steps": 1, "device": "none", "hours": 0.0, "metrics": [], "known_failures": [],
        "data": [{"name": "none", "license": "none", "source": "none"}],
    }  # fmt: skip
    weights.save(model, "separation-tiny", half=False, folder=tmp_path, **card)
    again = weights.load("separation-tiny", folder=tmp_path)
    assert again.config == TINY
    x = torch.rand(1, 1, 9, 65)
    torch.testing.assert_close(again(x), model(x))
