"""The shipped recordings of the held-out prompts are those prompts, and no trained model has seen them."""

from __future__ import annotations

import numpy as np
import pytest

from core import audio, held_out
from core.errors import DataError
from core.wavenet import data
from demos import _widgets as w

pytestmark = pytest.mark.golden


def test_they_are_the_sixty_of_the_project():
    assert {f"arctic_{prompt}" for prompt in held_out.sentences()} == data.HELD_OUT


@pytest.mark.parametrize("prompt", sorted(w.SAMPLES))
def test_the_lossy_copy_is_the_lossless_recording(prompt):
    """The six that are shipped as FLAC, too, are the oracle: same words, same length, nearly the same mel."""
    assert held_out.sentences()[prompt] == w.SAMPLES[prompt]
    lossless, lossy = audio.load_voice(w.sample_path(prompt)), held_out.load(prompt)
    assert lossless.shape == lossy.shape
    x, y = audio.mel(lossless).numpy(), audio.mel(lossy).numpy()
    assert np.abs(x - y)[x > -5].mean() * 20 / np.log(10) < 1.5


def test_each_can_be_heard():
    for prompt in held_out.sentences():
        x = held_out.load(prompt)
        assert 16_000 < len(x) < 10 * 16_000 and 0.05 < float(x.square().mean().sqrt()) < 0.15, prompt


def test_other_texts_and_prompts_have_no_recording():
    assert held_out.find(" The task we set ourselves was threefold. ") == "b0481"
    assert held_out.find("The task we set ourselves was fourfold.") is None and held_out.find(None) is None
    with pytest.raises(DataError):
        held_out.load("../../b0481")
