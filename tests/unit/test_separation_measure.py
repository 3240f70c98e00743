"""The scores of the separators where they are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.separation import data, measure
from core.separation.model import PRESETS, MMDenseLSTM


def song(seconds: float = 1.0) -> data.Song:
    generator = torch.Generator().manual_seed(0)
    return data.Song("noise", torch.randn(2, 1, int(16_000 * seconds), generator=generator), 16_000)


def test_the_ratios_of_known_mistakes():
    """A tenth of the other source in amplitude is an interference of 20 dB; noise beside it, an artefact."""
    parts = song().parts[:, 0]
    leaks = torch.stack([parts[0] + 0.1 * parts[1], parts[1] + 0.1 * parts[0]])
    sdr, sir, sar = measure.bss_eval(parts, leaks)
    assert np.allclose(sir, 20, atol=1.0) and np.allclose(sdr, 20, atol=1.0) and (sar > 40).all()
    noisy = parts + 0.1 * torch.randn(parts.shape, generator=torch.Generator().manual_seed(1))
    sdr, sir, sar = measure.bss_eval(parts, noisy)
    assert np.allclose(sar, 20, atol=1.0) and (sir > 30).all()


def test_the_mixture_gains_nothing_and_more_of_a_long_song_counts_more(capsys):
    songs = [song(0.5), song(1.5)]
    rows = measure.scored("mixture", songs, lambda parts: parts.sum(dim=0).expand(2, 1, -1), "two")
    found = {row.name: row.value for row in rows}
    assert found["GNSDR, voice (dB), mixture"] == pytest.approx(0.0, abs=1e-6)
    assert found["GSIR, voice (dB), mixture"] == pytest.approx(0.0, abs=1.0)  # both are equally loud

    def good_for_the_long_one(parts):
        leak = 0.1 if parts.shape[-1] > 10_000 else 1.0
        return parts + leak * parts.flip(0)

    rows = measure.scored("one of two", songs, good_for_the_long_one, "two")
    gain = next(row.value for row in rows if row.name.startswith("GNSDR, voice"))
    assert gain == pytest.approx(0.25 * 0 + 0.75 * 20, abs=1.0)
    assert "GNSDR, voice (dB), mixture" in capsys.readouterr().out


def test_an_ideal_ratio_mask_adds_up_and_is_good():
    parts = song().parts
    found = measure.ideal_ratio_mask(parts, MMDenseLSTM(PRESETS["tiny"]))
    torch.testing.assert_close(found.sum(dim=0), parts.sum(dim=0), atol=1e-4, rtol=0)
    assert (measure.bss_eval(parts[:, 0], found[:, 0])[0] > 3).all()  # two white noises: half is guesswork
