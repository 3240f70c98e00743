"""The autoencoder around the bottlenecks: shapes, what depends on what, bad input, and edits of codes."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core import audio, postfilter, weights
from core.errors import AudioError, MelError, SamplingError, WeightsError
from core.vqvae import grid, sample
from core.vqvae.model import PRESETS, VQVAE, Taps
from core.vqvae.sample import Coder
from core.wavenet import generate
from core.wavenet.model import PRESETS as WAVENETS
from core.wavenet.model import WaveNet

TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def coder():
    """Untrained, with codes that differ and a WaveNet that takes mels."""
    torch.manual_seed(0)
    front = VQVAE(TINY).eval()
    nn.init.normal_(front.quantiser.codebook)
    wavenet = WaveNet(replace(WAVENETS["tiny"], mel_channels=80, condition_channels=16)).eval()
    return Coder("tiny", front, wavenet)


def mel(frames=48, batch=2, seed=0):
    return torch.randn(batch, 80, frames, generator=torch.Generator().manual_seed(seed)) - 5


@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_taps_are_a_convolution(dilation):
    torch.manual_seed(0)
    taps, x = Taps(3, 5, dilation=dilation), torch.randn(2, 20, 3)
    weight = taps.linear.weight.view(5, 3, 3).permute(0, 2, 1)  # [O, width * C] -> [O, C, width]
    expected = nn.functional.conv1d(
        x.transpose(1, 2), weight, taps.linear.bias, padding=dilation, dilation=dilation
    ).transpose(1, 2)
    assert torch.allclose(taps(x), expected, atol=1e-5)


@pytest.mark.parametrize("quantiser", ["vq", "argmax"])
@pytest.mark.parametrize("frames_per_code", [1, 2, 4])
def test_a_code_covers_its_frames(quantiser, frames_per_code):
    model = VQVAE(replace(TINY, quantiser=quantiser, frames_per_code=frames_per_code)).eval()
    for frames in (1, 7, 16, 49):
        codes = model.encode(mel(frames))
        assert codes.shape == (2, math.ceil(frames / frames_per_code)) and codes.dtype == torch.int64
        assert model.frames(codes, "MC").shape == (2, 80, codes.shape[1] * frames_per_code)
        assert model(mel(frames), torch.tensor([0, 3])).frames.shape == (2, 80, frames)


def test_decoding_codes_is_what_forward_gives():
    model = VQVAE(TINY).eval()
    nn.init.normal_(model.quantiser.codebook)
    heard = model(mel(), torch.tensor([2, 2]))
    assert torch.equal(model.encode(mel()), heard.quantised.codes)
    assert torch.allclose(model.frames(heard.quantised.codes, 2), heard.frames, atol=1e-5)


def test_the_level_of_a_band_is_not_heard():
    """A microphone that makes bands louder or softer changes no code: the means are taken away."""
    model = VQVAE(TINY).eval()
    nn.init.normal_(model.quantiser.codebook)
    colour = torch.linspace(-3, 3, 80)[None, :, None]
    assert torch.equal(model.encode(mel() + colour), model.encode(mel()))


def test_a_part_with_its_utterances_mean_is_coded_as_within_the_utterance():
    model = VQVAE(replace(TINY, blocks=1)).eval()
    whole = mel(200, batch=1)
    z = model.encoder(model.centred(whole))
    part = model.encoder(model.centred(whole[:, :, 40:160], whole.mean(dim=2)))
    assert torch.allclose(part[:, 10:-10], z[:, 30:70], atol=1e-4)


def test_speakers_differ_and_are_found_by_name():
    model = VQVAE(TINY).eval()
    codes = model.encode(mel())
    assert torch.equal(model.frames(codes, "FB"), model.frames(codes, 2))
    assert torch.equal(model.frames(codes, torch.tensor([2, 2])), model.frames(codes, 2))
    assert not torch.allclose(model.frames(codes, 0), model.frames(codes, 1))


def test_a_changed_code_changes_only_its_neighbourhood():
    model = VQVAE(TINY).eval()
    nn.init.normal_(model.quantiser.codebook)
    codes = torch.zeros(1, 60, dtype=torch.int64)
    other = codes.clone()
    other[0, 30] = 5
    moved = (model.frames(codes) != model.frames(other)).any(dim=1)[0].nonzero()[:, 0]
    assert 60 in moved and 61 in moved
    assert int(moved.min()) >= 40 and int(moved.max()) < 82


@pytest.mark.parametrize("bad", [torch.zeros(80, 9), torch.zeros(1, 79, 9), torch.zeros(1, 80, 0)])
def test_mels_of_other_shapes_are_refused(bad):
    with pytest.raises(MelError, match="80"):
        VQVAE(TINY).encode(bad)


def test_other_bad_input_is_refused(coder):
    broken = mel()
    broken[0, 3, 3] = math.nan
    with pytest.raises(MelError, match="NaN"):
        coder.front.encode(broken)
    with pytest.raises(SamplingError, match="kathleen, FA, FB, MC"):
        coder.frames(torch.tensor([1, 2]), "<b>MD</b>")
    for speaker in (4, -1):
        with pytest.raises(SamplingError):
            coder.frames(torch.tensor([1, 2]), speaker)
    for codes in (torch.tensor([16]), torch.tensor([-1]), torch.zeros(0).long(), torch.zeros(5000).long(), mel()):
        with pytest.raises(SamplingError):
            coder.frames(codes)
    with pytest.raises(AudioError, match="too short"):
        coder.encode(torch.zeros(100))
    with pytest.raises(SamplingError):
        next(coder.stream(torch.tensor([1, 2]), temperature=0.0))
    with pytest.raises(ValueError, match="frames_per_code"):
        replace(TINY, frames_per_code=3)


class FromUniforms:
    """In place of the sampler: the codes are the uniforms', so that blocks can be told apart without drawing."""

    def stream(self, model, mel, samples, uniforms, seed, temperature, engine, *, block):
        assert mel.shape == (1, 80, samples // 200) and uniforms.shape == (1, samples)
        codes = (uniforms * 256).long()
        for start in range(0, samples, block):
            yield codes[:, start : start + block]


@pytest.mark.parametrize("correct", [True, False])
def test_a_stream_is_the_whole_sound_whatever_its_blocks(coder, correct, monkeypatch):
    monkeypatch.setattr(sample, "generate", FromUniforms())
    codes = torch.tensor([1, 7, 3, 3, 2])
    uniforms = torch.rand(1, 2000, generator=torch.Generator().manual_seed(1))
    whole = coder.speak(codes, "FA", uniforms=uniforms, correct=correct)
    assert len(whole.audio) == 5 * 2 * audio.HOP_SAMPLES and whole.speaker == "FA"
    blocks = list(coder.stream(codes, 1, uniforms=uniforms, block=377, correct=correct))
    assert torch.allclose(torch.cat([one.audio for one in blocks]), whole.audio, atol=1e-5)
    assert blocks[-1].drawn_s == pytest.approx(5 / 40)
    assert float(whole.audio.abs().max()) <= 1.0
    drawn = audio.mu_law_decode((uniforms[0] * 256).long())
    expected = postfilter.correct(drawn, coder.frames(codes, 1)).clamp(-1, 1) if correct else drawn
    assert torch.allclose(whole.audio, expected, atol=1e-5)


def test_the_network_draws_under_the_frames(coder):
    codes, uniforms = torch.tensor([5]), torch.rand(1, 400, generator=torch.Generator().manual_seed(1))
    drawn = generate(coder.wavenet, coder.frames(codes)[None], 400, uniforms, temperature=0.7, engine="cached")
    said = coder.speak(codes, uniforms=uniforms, engine="cached", correct=False)
    assert torch.allclose(said.audio, audio.mu_law_decode(drawn[0]))


def test_a_typical_frame_is_the_middle_of_a_repeated_code(coder):
    typical = coder.typical("FA", repeats=6)
    assert typical.shape == (16, 80)
    assert torch.allclose(typical[5], coder.frames(torch.full((6,), 5), "FA")[:, 6], atol=1e-4)


def test_occurrences_are_where_the_code_stands():
    sequences = [torch.tensor([1, 2, 1]), torch.tensor([3]), torch.tensor([2, 1])]
    assert sample.occurrences(sequences, 1) == [(0, 0), (0, 2), (2, 1)]
    assert sample.occurrences(sequences, 9) == []


def test_a_preview_lasts_as_long(coder):
    assert len(coder.preview(torch.tensor([1, 2, 3, 4]), 0, iterations=2)) == 7 * 200


def test_bits_a_second(coder):
    assert coder.codes_per_s == 40 and coder.bits_per_s == 160  # 16 codes
    assert Coder("x", VQVAE(replace(TINY, codes=512, frames_per_code=4)), coder.wavenet).bits_per_s == 180


def test_swapping_twice_changes_nothing():
    codes = torch.tensor([3, 1, 4, 1, 5])
    assert sample.swapped(codes, 1, 4).tolist() == [3, 4, 1, 4, 5]
    assert torch.equal(sample.swapped(sample.swapped(codes, 1, 4), 1, 4), codes)


def test_shuffling_keeps_pieces_whole():
    codes = torch.arange(23)
    out = sample.shuffled(codes, 5, seed=3)
    assert sorted(out.tolist()) == list(range(23)) and out[20:].tolist() == [20, 21, 22]
    assert all(np.diff(out[i : i + 5].numpy()).tolist() == [1] * 4 for i in range(0, 20, 5))
    assert not torch.equal(out, codes) and torch.equal(out, sample.shuffled(codes, 5, seed=3))


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5, 3])
def test_stretching_repeats_or_leaves_out(factor):
    codes = torch.arange(20)
    out = sample.stretched(codes, factor)
    assert len(out) == round(20 * factor)
    assert np.abs(out.numpy() - (np.arange(len(out)) + 0.5) / factor).max() <= 1.0
    assert (np.diff(out.numpy()) >= 0).all()


def test_edits_out_of_range_are_refused():
    codes = torch.arange(20)
    for factor in (0.0, 100, math.nan):
        with pytest.raises(SamplingError):
            sample.stretched(codes, factor)
    with pytest.raises(SamplingError):
        sample.shuffled(codes, 0)
    assert sample.excerpt(codes, 5, 3).tolist() == [5, 6, 7]
    for start, count in ((-1, 2), (0, 0), (18, 3)):
        with pytest.raises(SamplingError):
            sample.excerpt(codes, start, count)


@pytest.mark.parametrize("quantiser", ["vq", "argmax"])
def test_weights_are_kept_and_give_the_same_codes(tmp_path, quantiser):
    torch.manual_seed(1)
    model = VQVAE(replace(TINY, quantiser=quantiser, rank=quantiser == "argmax")).eval()
    fields = {"description": "d", "sample_rate_hz": 16000, "training_command": "c", "commit": "0", "seed": 0,
              "steps": 1, "device": "CPU", "hours": 0.0, "data": [], "metrics": [], "known_failures": []}  # fmt: skip
    weights.save(model, "vqvae-tiny", half=False, folder=tmp_path, **fields)
    loaded = weights.load("vqvae-tiny", folder=tmp_path)
    assert loaded.config == model.config
    assert torch.equal(loaded.encode(mel()), model.encode(mel()))


def test_absent_weights_say_what_there_is():
    with pytest.raises(WeightsError, match="no weights called vqvae-none"):
        sample.load("vqvae-none")


def test_the_grid_has_nine_names():
    assert len(set(grid.names())) == 9 and "vqvae-512-40" in grid.names()
