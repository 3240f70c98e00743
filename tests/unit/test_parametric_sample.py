"""Speaking with untrained networks: the stages fit together, the controls do what they say, bad input is told why."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import SamplingError, TextError
from core.parametric import mlpg, sample
from core.parametric.model import AcousticModel, AcousticModelConfig, DurationModel, DurationModelConfig
from core.parametric.vocoder import CEPSTRA

pytest.importorskip("pyworld")
TEXT = "Will we ever forget it?"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def models() -> tuple[DurationModel, AcousticModel]:
    """Networks that know nothing, around a plausible voice of about 180 Hz."""
    torch.manual_seed(0)
    acoustic = AcousticModel(AcousticModelConfig(hidden=8, width=16, layers=1))
    acoustic.deviation.mul_(0.1)
    acoustic.mean[0], acoustic.mean[CEPSTRA], acoustic.mean[CEPSTRA + 1] = -5.0, math.log(180), -10.0
    acoustic.sentence_deviation.mul_(0.2)
    acoustic.leave.bias.data[-1] = 2.0  # voiced
    return DurationModel(DurationModelConfig(hidden=8)).eval(), acoustic.eval()


def test_rounding_keeps_the_length() -> None:
    expected = np.full(100, 3.4)
    assert sample.frames_of(expected).sum() == 340 and set(sample.frames_of(expected)) == {3, 4}
    assert sample.frames_of(expected, 2.0).sum() == 170
    assert sample.frames_of(np.full(10, 0.1)).tolist() == [1] * 10


def test_every_stage_has_its_shape(models) -> None:
    found = sample.synthesize(TEXT, models=models)
    n, frames = len(found.contexts), found.durations.sum()
    assert [word.text for word in found.words] == ["will", "we", "ever", "forget", "it"]
    assert found.expected_s.shape == found.durations.shape == found.starts_s.shape == (n,)
    assert found.means.shape == (frames, 126) and found.smooth.shape == found.sharpened.shape == (frames, 42)
    assert found.voicing.shape == (frames,) and found.spoken.frames == frames
    assert len(found.audio) == 80 * frames and found.seconds == pytest.approx(0.005 * frames)
    assert found.starts_s[-1] + 0.005 * found.durations[-1] == pytest.approx(found.seconds)
    assert np.allclose(found.smooth, mlpg.generate(found.means, found.deviations**2))
    assert not found.spoken.voiced[: found.durations[0]].any(), "a pause has no voice"


def test_global_variance_is_that_of_the_corpus(models) -> None:
    found = sample.synthesize(TEXT, models=models)
    pauses = np.repeat([c.is_pause for c in found.contexts], found.durations)
    assert np.allclose(found.sharpened[~pauses][:, 1:CEPSTRA].var(axis=0), 0.2**2, rtol=1e-3)
    assert np.array_equal(found.spoken.cepstra, found.sharpened[:, :CEPSTRA])
    smooth = sample.synthesize(TEXT, models=models, global_variance=False)
    assert np.array_equal(smooth.spoken.cepstra, found.smooth[:, :CEPSTRA])
    assert not torch.equal(smooth.audio, found.audio)


def test_controls(models) -> None:
    plain = sample.synthesize(TEXT, models=models)
    fast = sample.synthesize(TEXT, models=models, rate=2.0)
    assert fast.seconds == pytest.approx(plain.seconds / 2, abs=0.011)
    high = sample.synthesize(TEXT, models=models, f0_shift_semitones=12)
    assert np.allclose(high.spoken.f0_hz, 2 * plain.spoken.f0_hz)
    flat = sample.synthesize(TEXT, models=models, f0_scale=0)
    assert np.ptp(flat.spoken.log_f0) < 1e-9 < np.ptp(plain.spoken.log_f0)
    small = sample.synthesize(TEXT, models=models, formant_scale=1.3)
    assert len(small.audio) == len(plain.audio) and not torch.equal(small.audio, plain.audio)


def test_the_same_text_gives_the_same_sound(models) -> None:
    assert torch.equal(sample.synthesize(TEXT, models=models).audio, sample.synthesize(TEXT, models=models).audio)


@pytest.mark.parametrize(
    "text", ["", "   ", "?!...", "a" * 10_000, "word " * 2000, "😀🎉", "안녕하세요", "日本語"]
)
def test_texts_that_cannot_be_said(models, text: str) -> None:
    with pytest.raises(TextError):
        sample.synthesize(text, models=models)


@pytest.mark.parametrize(
    "text", ["42", "3.14159", "a", "I", "hm", "xyzzy qwrtp", "hello 😀", "A, b, c; d: e - f!", "ÉCOLE"]
)
def test_odd_texts_are_said(models, text: str) -> None:
    found = sample.synthesize(text, models=models)
    assert found.seconds > 0.02 and bool(torch.isfinite(found.audio).all())
    assert float(found.audio.abs().max()) <= 1.0


@pytest.mark.parametrize(
    "bad", [{"rate": 0}, {"rate": math.nan}, {"f0_scale": -1}, {"f0_shift_semitones": 99}, {"formant_scale": "big"}]
)  # fmt: skip
def test_controls_out_of_range(models, bad: dict) -> None:
    with pytest.raises(SamplingError, match="must be a number from"):
        sample.synthesize(TEXT, models=models, **bad)


def test_the_longest_text_at_the_slowest_rate(models) -> None:
    found = sample.synthesize("word " * 119, models=models, rate=0.3)
    assert bool(torch.isfinite(found.audio).all()) and found.seconds > 20


def test_the_program_writes_a_file(models, monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr(sample, "load", lambda: models)
    sample.main([TEXT, "--out", str(tmp_path / "a.wav"), "--rate", "1.5", "--smooth"])
    assert (tmp_path / "a.wav").stat().st_size > 1000
    assert "sil^sil-w+ih=l@0_2" in capsys.readouterr().out


def test_the_package_gives_its_names_without_loading_torch_for_the_rest():
    from core import parametric

    assert all(getattr(parametric, name).__name__ == name for name in parametric.__all__)
    assert parametric.synthesize is sample.synthesize
    with pytest.raises(AttributeError, match="no attribute 'speak'"):
        parametric.speak  # noqa: B018
    code = "import sys, core.parametric; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"
