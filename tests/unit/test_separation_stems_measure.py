"""What is said of four stems: museval's figures, levels; the extra reference, with a network of ours in place."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import PackageError
from core.separation import hdemucs, measure_stems

RATE_HZ = 8_000


def stems() -> torch.Tensor:
    """[4, 2, N]: noises; the third is silent."""
    x = 0.1 * torch.randn(4, 2, 3 * RATE_HZ, generator=torch.Generator().manual_seed(0))
    x[2] = 0
    return x


def test_sdr_is_the_error_that_was_added():
    """White noise 20 dB below each stem, in each frame of a second: SDR is 20 dB; a silent stem has none."""
    pytest.importorskip("museval")
    parts = stems()
    error = 0.01 * torch.randn(parts.shape, generator=torch.Generator().manual_seed(1))
    figures = measure_stems.museval(parts, parts + error, RATE_HZ)
    assert figures.shape == (4, 4) and np.isnan(figures[:, 2]).all()
    np.testing.assert_allclose(figures[0, [0, 1, 3]], 20, atol=0.3)


def test_levelled_stems_are_equally_loud_where_they_sound():
    parts = stems() * torch.tensor([1.0, 0.1, 1.0, 0.5])[:, None, None]
    parts[1, :, RATE_HZ:] = 0  # sounds for a second only
    found = measure_stems.levelled(parts, -20.0)
    assert float(found[0].square().mean().sqrt()) == pytest.approx(0.1, rel=0.05)
    assert float(found[1, :, :4410].square().mean().sqrt()) == pytest.approx(0.1, rel=0.25)
    assert float(found[2].abs().max()) == 0


class Quarter(torch.nn.Module):
    """In Hybrid Demucs' order drums, bass, other, vocals: 1, 2, 3 and 4 tenths of the mixture."""

    def forward(self, x):
        return torch.stack([x * share for share in (0.1, 0.2, 0.3, 0.4)], dim=1)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_hybrid_demucs_is_cut_faded_and_named_rightly(monkeypatch, channels, rate):
    monkeypatch.setattr(hdemucs, "_network", [Quarter()])
    x = 0.1 * torch.randn(channels, 25 * rate, generator=torch.Generator().manual_seed(0))
    from core import audio

    x = audio.resample(audio.resample(x, rate, 22_050), 22_050, rate)[:, : 25 * rate]  # nothing that resampling loses
    pieces = list(hdemucs.stream(x, rate))
    whole = {name: torch.cat([piece[name] for piece in pieces], dim=1) for name in hdemucs.SOURCES}
    assert len(pieces) == 4 and all(part.shape == x.shape for part in whole.values())
    for name, share in zip(hdemucs.SOURCES, (0.4, 0.1, 0.2, 0.3)):
        inner = slice(1000, -1000)
        torch.testing.assert_close(whole[name][:, inner], share * x[:, inner], atol=3e-3, rtol=0)


def test_without_internet_the_extra_reference_says_so(monkeypatch):
    import torchaudio.pipelines

    class Bundle:
        def get_model(self):
            raise OSError("no route")

    monkeypatch.setattr(hdemucs, "_network", [])
    monkeypatch.setattr(torchaudio.pipelines, "HDEMUCS_HIGH_MUSDB_PLUS", Bundle())
    with pytest.raises(PackageError, match="could not be: choose another method"):
        hdemucs.load()
