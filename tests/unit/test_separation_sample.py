"""Taking songs apart: the parts add up to the song, whatever its length, rate and channels; bad input is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.errors import AudioError
from core.separation import sample
from core.separation.model import PRESETS, MMDenseLSTM


class Third(MMDenseLSTM):
    """Gives the first source a third of everything, so that what comes out is known."""

    def forward(self, magnitude):
        masks = super().forward(magnitude)
        count = masks.shape[1]
        return torch.full_like(masks, 2 / 3 / (count - 1)).index_fill_(1, torch.tensor([0]), 1 / 3)


def network(kind=MMDenseLSTM, **changes) -> MMDenseLSTM:
    torch.manual_seed(0)
    return kind(replace(PRESETS["tiny"], **changes)).eval()


def noise(channels: int, samples: int) -> torch.Tensor:
    return 0.1 * torch.randn(channels, samples, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize(("rate", "seconds"), [(16_000, 0.2), (44_100, 1.5), (8_000, 25.0), (192_000, 0.3)])
def test_the_parts_add_up_to_the_song(channels, rate, seconds):
    x = noise(channels, round(rate * seconds))
    parts = sample.separate(x, rate, network=network())
    assert list(parts) == ["vocals", "accompaniment"]
    assert all(part.shape == x.shape for part in parts.values())
    torch.testing.assert_close(sum(parts.values()), x, atol=1e-5, rtol=0)
    assert min(float(part.square().mean()) for part in parts.values()) > 1e-6


def test_pieces_are_faded_into_each_other_without_a_trace():
    """A network that takes a third of everything takes it across the borders of pieces too."""
    x = noise(1, 16_000 * 30)
    vocals = sample.separate(x, 16_000, network=network(Third))["vocals"]
    torch.testing.assert_close(vocals, x / 3, atol=1e-5, rtol=0)


def test_a_stereo_network_takes_mono_and_stereo():
    config = {"channels": 2, "sources": ("vocals", "drums", "bass", "other")}
    for channels in (1, 2, 6):
        x = noise(channels, 20_000)
        parts = sample.separate(x, 16_000, network=network(Third, **config))
        assert list(parts) == list(config["sources"])
        torch.testing.assert_close(parts["vocals"], x / 3, atol=1e-5, rtol=0)
        torch.testing.assert_close(parts["drums"], x * 2 / 9, atol=1e-5, rtol=0)
        torch.testing.assert_close(sum(parts.values()), x, atol=1e-5, rtol=0)


def test_pieces_come_as_they_are_made_and_progress_is_told():
    x = noise(1, 16_000 * 30)
    pieces = list(sample.stream(x, 16_000, network=network()))
    assert [part["vocals"].shape[1] / 16_000 for part in pieces] == [4.5, 7.5, 7.5, 7.5, 3.0]
    told = []
    sample.separate(x, 16_000, network=network(), progress=told.append)
    assert told == pytest.approx([4.5 / 30, 12 / 30, 19.5 / 30, 27 / 30, 1.0])


def test_silence_is_nobodys():
    parts = sample.separate(torch.zeros(2, 5000), 44_100, network=network())
    assert all(float(part.abs().max()) == 0 for part in parts.values())


@pytest.mark.parametrize("x", [torch.zeros(5), torch.zeros(2, 0), torch.full((1, 9), float("nan"))])
def test_what_is_no_sound_is_refused(x):
    with pytest.raises(AudioError):
        sample.separate(x, 16_000, network=network())


def test_the_wiener_filter_knows_where_a_source_stands():
    """Two sources left and right, masks of a half each: the filter's covariances tell them apart, the masks cannot."""
    n = 16_000 * 2
    left, right = noise(1, n)[0], noise(1, 2 * n)[0, n:]
    x = torch.stack([left + 0.1 * right, right + 0.1 * left])

    class Leaning(MMDenseLSTM):
        def forward(self, magnitude):
            share = magnitude[:, :1].square() / magnitude.square().sum(dim=1, keepdim=True).clamp(min=1e-9)
            share = (0.5 + 0.6 * (share - 0.5)).expand_as(magnitude)
            return torch.stack([share, 1 - share], dim=1)

    model = network(Leaning, channels=2)
    wanted = torch.stack([left, 0.1 * left])

    def ratio(parts):
        error = parts["vocals"] - wanted
        return float(10 * torch.log10(wanted.square().sum() / error.square().sum()))

    plain, refined = (sample.separate(x, 16_000, network=model, wiener=on) for on in (False, True))
    assert ratio(refined) > ratio(plain) + 3
    torch.testing.assert_close(sum(refined.values()), x, atol=1e-5, rtol=0)


def test_one_channel_and_silence_survive_the_wiener_filter():
    for x in (noise(1, 8000), torch.zeros(2, 8000), torch.cat([noise(2, 8000), torch.zeros(2, 30_000)], dim=1)):
        parts = sample.separate(x, 16_000, network=network(), wiener=True)
        assert all(bool(torch.isfinite(part).all()) for part in parts.values())
        torch.testing.assert_close(sum(parts.values()), x, atol=1e-5, rtol=0)
