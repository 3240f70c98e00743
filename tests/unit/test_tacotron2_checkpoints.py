"""Weights in 8 bits: half a step of error at most, the right network comes back, nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load
from small_tacotron import SMALL

from core.errors import SamplingError
from core.packing import packed, unpacked
from core.tacotron2.checkpoints import CONTENT, at_step, content_based, kept_steps
from core.tacotron2.model import PRESETS, Tacotron2


def test_eight_bits_err_by_half_a_step_at_most_and_take_a_quarter_of_the_room():
    torch.manual_seed(0)
    tensors = Tacotron2(PRESETS["small"]).state_dict()
    content = packed(tensors)
    assert len(content) < 0.26 * sum(t.numel() * t.element_size() for t in tensors.values())
    found = unpacked(content)
    assert found.keys() == tensors.keys()
    assert all(t.dtype in (torch.int8, torch.float32, torch.float16, torch.int64) for t in load(content).values())
    for name, tensor in tensors.items():
        if tensor.dim() < 2:
            torch.testing.assert_close(found[name].float(), tensor.float(), atol=1e-3, rtol=1e-3)
            continue
        step = tensor.reshape(len(tensor), -1).abs().amax(dim=1) / 127
        error = (found[name] - tensor).reshape(len(tensor), -1).abs().amax(dim=1)
        assert bool((error <= 0.501 * step).all())


def test_a_row_of_zeros_stays_zeros():
    assert float(unpacked(packed({"w": torch.zeros(3, 4)}))["w"].abs().max()) == 0


def test_the_network_of_that_step_comes_back(tmp_path):
    torch.manual_seed(1)
    early, content, last = Tacotron2(SMALL), Tacotron2(replace(SMALL, attention="content")), Tacotron2(SMALL)
    files = {}
    for name, network in (("step-50.safetensors", early), (CONTENT, content)):
        files[name] = tmp_path / name
        files[name].write_bytes(packed(network.state_dict()))
    last.attach(files)
    assert kept_steps(last.others) == [50]
    for found, wanted in ((at_step(last, 50), early), (content_based(last), content)):
        assert not found.training
        weight, true = found.decoder_rnn.weight_hh_l0, wanted.decoder_rnn.weight_hh_l0
        assert (weight - true).abs().max().item() <= 0.51 * true.abs().max().item() / 127
    with pytest.raises(SamplingError, match="No weights of step 60 were kept; there are: 50"):
        at_step(last, 60)
    with pytest.raises(SamplingError, match="No weights of step 50 were kept; there are: none"):
        at_step(early, 50)
    with pytest.raises(SamplingError, match="content-based"):
        content_based(early)
