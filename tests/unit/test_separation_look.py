"""What the page shows of a mask, strokes on it, and masks that know the answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import AudioError
from core.separation import look, oracle
from core.separation.model import PRESETS, MMDenseLSTM

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def seen() -> look.Look:
    torch.manual_seed(0)
    x = 0.1 * torch.randn(1, RATE_HZ, generator=torch.Generator().manual_seed(0))
    return look.look(x, RATE_HZ, MMDenseLSTM(PRESETS["tiny"]).eval())


def test_the_parts_of_unpainted_masks_are_the_song(seen):
    parts = look.heard(seen, look.painted(seen, []))
    torch.testing.assert_close(sum(parts.values()), seen.x, atol=1e-3, rtol=0)


def test_a_stroke_moves_sound_from_one_source_to_the_others(seen):
    """Between 1 and 3 kHz, from 0.3 to 0.6 s, all goes to the accompaniment; elsewhere nothing changes."""
    stroke = look.Stroke("vocals", 0.3, 0.6, 1000.0, 3000.0, 0.0)
    masks = look.painted(seen, [stroke])
    torch.testing.assert_close(masks.sum(dim=0), torch.ones_like(masks[0]), atol=2e-3, rtol=0)
    frames = [round(s / seen.frame_s) for s in (0.3, 0.6)]
    bins = [round(f / seen.bin_hz) for f in (1000, 3000)]
    inside = masks[0, 0, frames[0] : frames[1] + 1, bins[0] : bins[1] + 1]
    assert float(inside.max()) == 0
    changed = (masks != seen.masks.float())[0, 0]
    changed[frames[0] : frames[1] + 1, bins[0] : bins[1] + 1] = False
    assert not bool(changed.any())
    before, after = (look.heard(seen, m)["vocals"][0] for m in (seen.masks.float(), masks))
    cut = slice(round(0.35 * RATE_HZ), round(0.55 * RATE_HZ))
    spectra = [torch.fft.rfft(x[cut] * torch.hann_window(cut.stop - cut.start)).abs() for x in (before, after)]
    hertz = torch.fft.rfftfreq(cut.stop - cut.start, 1 / RATE_HZ)
    middle, above = (hertz > 1400) & (hertz < 2600), hertz > 5000
    assert float(spectra[1][middle].norm() / spectra[0][middle].norm()) < 0.05
    assert float(spectra[1][above].norm() / spectra[0][above].norm()) == pytest.approx(1, abs=0.05)


def test_strokes_lie_on_top_of_each_other_and_may_give(seen):
    strokes = [look.Stroke("vocals", 0, 1, 0, 8000, 0.0), look.Stroke("vocals", 0, 1, 0, 8000, 1.0)]
    parts = look.heard(seen, look.painted(seen, strokes))
    torch.testing.assert_close(parts["vocals"], seen.x, atol=1e-4, rtol=0)
    for wrong in (look.Stroke("flute", 0, 1, 0, 1, 0.0), look.Stroke("vocals", 0, 1, 0, 1, 2.0)):
        with pytest.raises(AudioError, match="A stroke sets one of"):
            look.painted(seen, [wrong])


def test_the_picture_has_a_tone_where_it_is():
    x = torch.sin(2 * torch.pi * 2000 * torch.arange(RATE_HZ) / RATE_HZ)[None]
    seen = look.look(x, RATE_HZ, MMDenseLSTM(PRESETS["tiny"]).eval())
    drawn = look.picture(seen, seen.masks)
    row = int(drawn.mixture.mean(axis=1).argmax())
    assert drawn.edges_hz[row] - 125 <= 2000 <= drawn.edges_hz[row + 1] + 125
    assert drawn.mixture.max() == 1 and drawn.mixture.min() >= 0
    both = sum(drawn.masks.values())
    np.testing.assert_allclose(both, 1, atol=2e-3)


def test_rows_are_even_on_the_mel_scale():
    edges = look.mel_edges(2049, 44_100 / 4096)
    assert edges[0] == 0 and edges[-1] == 2049 and (np.diff(edges) > 0).all()
    mels = 2595 * np.log10(1 + edges[80:] * 44_100 / 4096 / 700)
    assert np.diff(mels).max() < 1.6 * np.diff(mels).min()


def test_bands_and_the_cells_of_their_lstms():
    found = look.bands(PRESETS["vocals"])
    assert [band.full for band in found] == [False, False, True]
    assert found[0].high_hz == found[1].low_hz == 192 * 16_000 / 1024 and found[2].low_hz == 0
    assert found[0].cells == ((8 * 0.016, 8 * 15.625), (2 * 0.016, 2 * 15.625))  # scales 3 and, going up, 1


def overlapping() -> torch.Tensor:
    """[2, 2, N]: noise and noise, left-leaning and right-leaning, of unequal loudness over time."""
    noise = torch.randn(2, 1, RATE_HZ * 2, generator=torch.Generator().manual_seed(3))
    noise = noise * torch.linspace(0.05, 1, RATE_HZ * 2) ** torch.tensor([[[1.0]], [[-0.2]]])
    return 0.1 * noise * torch.tensor([[[1.0], [0.2]], [[0.3], [1.0]]])


def test_ideal_masks_are_those_of_their_definitions():
    true = torch.view_as_complex(torch.randn(3, 1, 4, 5, 2))
    magnitude = true.abs()
    binary, ratio, power = (oracle.masks(true, method) for method in ("IBM", "IRM1", "IRM2"))
    assert torch.equal(binary.sum(dim=0), torch.ones(1, 4, 5)) and set(binary.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(binary.argmax(dim=0), magnitude.argmax(dim=0))
    np.testing.assert_allclose(ratio, (magnitude / magnitude.sum(0)).numpy(), rtol=1e-5)
    np.testing.assert_allclose(power, (magnitude**2 / (magnitude**2).sum(0)).numpy(), rtol=1e-5)
    with pytest.raises(ValueError, match="methods"):
        oracle.masks(true, "best")


def test_the_multichannel_filter_beats_masks_where_sources_stand_apart():
    parts = overlapping()
    config = PRESETS["vocals"]
    found = {method: oracle.oracle(parts, config, method) for method in oracle.METHODS}
    ratios = {method: np.mean([oracle.sdr(p, f) for p, f in zip(parts, x)]) for method, x in found.items()}
    assert ratios["MWF"] > max(ratios["IBM"], ratios["IRM1"], ratios["IRM2"]) + 3
    assert min(ratios.values()) > np.mean([oracle.sdr(p, parts.sum(dim=0)) for p in parts])
    torch.testing.assert_close(found["IRM1"].sum(dim=0), parts.sum(dim=0), atol=1e-4, rtol=0)
    torch.testing.assert_close(found["MWF"].sum(dim=0), parts.sum(dim=0), atol=1e-2, rtol=0)


def test_sdr_is_that_of_museval():
    museval = pytest.importorskip("museval.metrics")
    parts = overlapping()
    found = parts + 0.02 * torch.randn(parts.shape, generator=torch.Generator().manual_seed(4))
    wanted = museval.bss_eval(
        parts.transpose(1, 2).numpy(), found.transpose(1, 2).numpy(), window=np.inf, hop=np.inf,
        compute_permutation=False, filters_len=1, framewise_filters=False, bsseval_sources_version=False,
    )[0][:, 0]  # fmt: skip
    for p, f, ratio in zip(parts, found, wanted):
        assert oracle.sdr(p, f) == pytest.approx(ratio, abs=0.01)
    assert np.isnan(oracle.sdr(torch.zeros(2, 10), torch.ones(2, 10)))
