"""Character error against counting by hand, the text against the front end, and sounds that cannot be judged."""

from __future__ import annotations

import importlib

import pytest
import torch

from core import recognition_metrics as metrics
from core.errors import AudioError, PackageError, TextError


def test_error_counts_edits_for_each_character() -> None:
    pytest.importorskip("jiwer")
    # "the cat sat" has 11 characters; "the cap sat" is one substitution away, "cat sat" four deletions.
    assert metrics.corpus_character_error(["the cat sat"], ["the cap sat"]) == pytest.approx(1 / 11)
    assert metrics.corpus_character_error(["the cat sat"] * 2, ["the cap sat", "cat sat"]) == pytest.approx(5 / 22)
    assert metrics.corpus_character_error(["abc"], [""]) == 1.0


def test_a_text_is_compared_as_it_is_read() -> None:
    assert metrics.as_read("Dr. O'Neil paid $5, twice!") == "doctor o'neil paid five dollars twice"
    with pytest.raises(TextError):
        metrics.as_read("...")


def test_the_same_sound_is_heard_and_judged_alike_whatever_came_before() -> None:
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("speechmos")
    noise = 0.05 * torch.randn(8_000, generator=torch.Generator().manual_seed(0))
    tone = 0.3 * torch.sin(torch.arange(8_000) * 0.1)
    first = metrics.recognise(noise)
    metrics.recognise(tone)
    assert metrics.recognise(noise) == first
    judged = metrics.dnsmos(noise)
    assert 1 <= judged.overall < 2.5 and metrics.dnsmos(noise) == judged


@pytest.mark.parametrize("sound", [torch.zeros(10), torch.zeros(2, 16_000), torch.full((16_000,), torch.nan)])
def test_sounds_that_cannot_be_judged(sound: torch.Tensor) -> None:
    with pytest.raises(AudioError):
        metrics.recognise(sound)
    with pytest.raises(AudioError):
        metrics.dnsmos(sound)


def test_a_missing_package_is_named(monkeypatch) -> None:
    def absent(name: str):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(PackageError, match="jiwer"):
        metrics.corpus_character_error(["a"], ["a"])
