"""The enhancer's spectrum, network and stream, against SciPy, torch's own layers and what causality demands."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import torch

from core.enhancement import spectrum as spectral
from core.enhancement.model import CRN, PRESETS, GroupedLSTM
from core.enhancement.sample import LATENCY_MS, Enhanced, Stream, enhance, has_speech, speech_share
from core.errors import AudioError


def noise(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.05 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def model() -> CRN:
    """With statistics that are not those of the beginning, so that batch normalisation does something."""
    torch.manual_seed(0)
    network = CRN(PRESETS["tiny"]).train()
    for seed in range(3):
        network(spectral.analyse(noise(8000, seed)[None]))
    return network.eval()


def test_the_spectrum_is_scipys():
    x = noise(4000).numpy()
    found = spectral.analyse(torch.from_numpy(x)).numpy()  # [F', 257]
    padded = np.pad(x, (256, 17 * 256 - 4000))
    window = np.sqrt(scipy.signal.get_window("hann", 512))
    transform = scipy.signal.ShortTimeFFT(window, 256, 16_000)
    wanted = transform.stft(padded, p0=1, p1=1 + len(found), k_offset=0).T  # frame p is centred on sample 256 p
    assert found.shape == (17, 257)
    # SciPy turns each frame by where its middle is: sizes agree, and so do phases after that turn.
    np.testing.assert_allclose(np.abs(found), np.abs(wanted), atol=2e-6)


@pytest.mark.parametrize("samples", [1, 255, 256, 1000, 16_000])
def test_a_spectrum_left_alone_gives_the_sound_back(samples):
    x = noise(samples)
    torch.testing.assert_close(spectral.synthesise(spectral.analyse(x), samples), x, atol=1e-6, rtol=0)


def test_every_bin_is_shared_out_among_the_bands():
    weights = spectral.band_weights()
    assert weights.shape == (129, 257) and bool((weights >= 0).all())
    torch.testing.assert_close(weights.sum(dim=0), torch.ones(257), atol=1e-5, rtol=0)
    assert bool((weights.sum(dim=1) > 0).all())
    assert float(spectral.erb_number(np.array([1000.0]))[0]) == pytest.approx(15.6, abs=0.1)  # Glasberg and Moore


def test_a_grouped_lstm_of_one_group_is_torchs():
    grouped = GroupedLSTM(12, groups=1, layers=1)
    x = torch.randn(2, 7, 12)
    with torch.no_grad():
        found, _ = grouped(x, torch.zeros(2, 1, 2, 12))
        wanted, _ = next(grouped.layers[0].children())(x)
        torch.testing.assert_close(found, torch.nn.functional.layer_norm(wanted, (12,)))


@pytest.mark.parametrize(("layers", "heard"), [(1, False), (2, True)])
def test_groups_hear_of_each_other_behind_the_first_layer(layers, heard):
    torch.manual_seed(1)
    grouped = GroupedLSTM(8, groups=2, layers=layers)
    grouped.norms = torch.nn.ModuleList(torch.nn.Identity() for _ in range(layers))  # which mix all features
    x = torch.randn(1, 3, 8)
    other = torch.cat([x[..., :4], torch.randn(1, 3, 4)], dim=-1)
    with torch.no_grad():
        a, b = (grouped(one, torch.zeros(2, 2 * layers, 1, 4))[0][..., :4] for one in (x, other))
    assert bool((a != b).any()) == heard


def test_the_mask_is_below_one_and_begins_by_letting_through(model):
    with torch.no_grad():
        mask, speech, _ = model(spectral.analyse(noise(4000)[None]))
    assert mask.shape == (1, 17, 257) and speech.shape == (1, 17)
    assert float(mask.abs().max()) < 1
    numbers = torch.zeros(1, 2, 1, 129)
    numbers[:, 0] = 1.0
    torch.testing.assert_close(model.mask(numbers).real, torch.full((1, 1, 257), float(np.tanh(1.0))))
    turned = model.mask(torch.full((1, 2, 1, 129), 0.3))  # 45 degrees
    torch.testing.assert_close(turned.angle(), torch.full((1, 1, 257), np.pi / 4, dtype=torch.float32))


@pytest.mark.parametrize("place", [5000, 8000, 8191])
def test_nothing_is_looked_at_more_than_32_ms_ahead(model, place):
    x = noise(16_000)
    changed = x.clone()
    changed[place] += 0.5
    difference = (enhance(model, x).audio - enhance(model, changed).audio).abs()
    first = int((difference > 1e-7).nonzero()[0])
    assert place - spectral.LOOK_AHEAD_SAMPLES <= first <= place
    assert float(difference[: place - spectral.LOOK_AHEAD_SAMPLES].max()) == 0
    assert LATENCY_MS == 32 <= 40


@pytest.mark.parametrize("sizes", [(160,), (1, 255, 513, 700), (4096,), (20_000,)])
def test_a_stream_gives_what_the_whole_sound_gives(model, sizes):
    x = noise(9001)
    stream, blocks, at, turn = Stream(model), [], 0, 0
    while at < len(x):
        block = x[at : at + sizes[turn % len(sizes)]]
        blocks.append(stream.push(block))
        at, turn = at + len(block), turn + 1
        assert at - sum(map(len, blocks)) < spectral.WINDOW_SAMPLES  # never later than promised
    blocks.append(stream.finish())
    torch.testing.assert_close(torch.cat(blocks), enhance(model, x).audio, atol=1e-5, rtol=0)


def test_bad_sounds_are_refused(model):
    for x in (torch.zeros(2, 100), torch.zeros(0), torch.full((100,), float("nan"))):
        with pytest.raises(AudioError):
            enhance(model, x)
        with pytest.raises(AudioError):
            Stream(model).push(x)
    with pytest.raises(AudioError, match="257"):
        model(torch.zeros(1, 3, 129, dtype=torch.complex64))


def test_silence_stays_silence(model):
    found = enhance(model, torch.zeros(3000))
    assert float(found.audio.abs().max()) == 0
    assert speech_share(found) == 0 and not has_speech(found)


def test_the_share_of_speech_counts_frames_that_sound():
    heard = torch.ones(10, 257, dtype=torch.complex64)
    heard[5:] = 1e-4  # 80 dB softer: pauses
    speech = torch.tensor([0.9, 0.9, 0.1, 0.6, 0.2] + [0.0] * 5)
    found = Enhanced(torch.zeros(2304), heard, heard, heard, speech)
    assert speech_share(found) == pytest.approx(3 / 5) and has_speech(found)
