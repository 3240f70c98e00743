"""What the separators learn from: MIR-1K's parts, random mixtures; and that they learn."""

from __future__ import annotations

import json

import pytest
import soundfile
import torch

from core.errors import DataError
from core.separation import data, train
from core.separation.model import PRESETS, MMDenseLSTM
from core.separation.spectrogram import analyse

RATE_HZ = 16_000


def clip(seed: int, seconds: float = 1.0) -> torch.Tensor:
    """[N, 2]: music low on the left, a voice high on the right."""
    n = torch.arange(int(seconds * RATE_HZ)) / RATE_HZ
    low, high = 200.0 + 20 * seed, 3000.0 + 100 * seed
    return torch.stack([0.2 * torch.sin(2 * torch.pi * f * n) for f in (low, high)], dim=1)


@pytest.fixture
def folder(tmp_path):
    names = ["abjones_1_01", "amy_1_02", "amy_9_09", "annar_1_01", "bobon_2_03"]
    for seed, name in enumerate(names):
        soundfile.write(tmp_path / f"{name}.wav", clip(seed).numpy(), RATE_HZ)
    return tmp_path


def test_the_parts_of_mir1k_are_those_of_its_singers(folder):
    parts = ("train", "validation", "test")
    names = {part: [song.name for song in data.load_mir1k(folder, part=part)] for part in parts}
    assert names == {
        "train": ["abjones_1_01", "amy_1_02"], "validation": ["amy_9_09"], "test": ["annar_1_01", "bobon_2_03"]
    }  # fmt: skip
    song = data.load_mir1k(folder, part="train", limit=1)[0]
    assert song.parts.shape == (2, 1, RATE_HZ) and song.sample_rate_hz == RATE_HZ
    torch.testing.assert_close(song.parts[0, 0], clip(0)[:, 1], atol=1e-4, rtol=0)  # the voice is on the right
    torch.testing.assert_close(song.parts[1, 0], clip(0)[:, 0], atol=1e-4, rtol=0)


def test_what_is_not_mir1k_is_refused(tmp_path):
    with pytest.raises(DataError, match="is not a folder"):
        data.load_mir1k(tmp_path / "none", part="train")
    with pytest.raises(DataError, match="No clips of the test part"):
        data.load_mir1k(tmp_path, part="test")
    soundfile.write(tmp_path / "amy_1_01.wav", clip(0)[:, 0].numpy(), RATE_HZ)
    with pytest.raises(DataError, match="1 channel"):
        data.load_mir1k(tmp_path, part="train")


def test_at_zero_db_both_have_the_same_energy():
    parts = data.at_zero_db(torch.randn(2, 1, 1000) * torch.tensor([0.1, 3.0])[:, None, None])
    energy = parts.square().sum(dim=(1, 2))
    assert float(energy[0]) == pytest.approx(float(energy[1]), rel=1e-4)


def test_random_mixtures_are_made_of_parts_that_are_there(folder):
    """Every source of every mixture is a tone of its own kind, and the seed decides."""
    songs = data.load_mir1k(folder, part="train")
    stream, again = (data.batches(songs, batch=3, samples=4000, seed=5) for _ in range(2))
    levels = []
    for _ in range(6):
        mixed = next(stream)
        assert mixed.shape == (3, 2, 1, 4000) and torch.equal(mixed, next(again))
        hertz = torch.fft.rfft(mixed[:, :, 0]).abs().argmax(dim=-1) * RATE_HZ / 4000
        assert bool((hertz[:, 0] > 2500).all()) and bool((hertz[:, 1] < 400).all())
        levels += mixed.sum(dim=1).square().mean(dim=(1, 2)).sqrt().tolist()
    assert min(levels) == pytest.approx(0.1, rel=1e-3) and max(levels) == pytest.approx(0.1, rel=1e-3)
    with pytest.raises(DataError, match="shorter"):
        next(data.batches(songs, batch=1, samples=10 * RATE_HZ))


def test_the_loss_is_zero_for_perfect_masks_and_counts_phase():
    """Sources that never overlap are separated perfectly by masks of 0 and 1; overlapping ones are not."""
    n = torch.arange(8000) / RATE_HZ
    parts = torch.stack([torch.sin(2 * torch.pi * f * n) for f in (500.0, 6000.0)])[None, :, None]

    class Ideal(MMDenseLSTM):
        def forward(self, magnitude):
            cut = torch.zeros(magnitude.shape).clone()
            cut[..., :32] = 1.0
            return torch.stack([cut, 1 - cut], dim=1)

    model = Ideal(PRESETS["tiny"])
    mean = float(analyse(parts, model.config).abs().mean())
    assert float(train.loss_of(model, parts)) < 0.02 * mean
    assert float(train.loss_of(model, parts.flip(1))) > 0.9 * mean


def test_two_steps_of_the_command(folder, tmp_path):
    run = tmp_path / "run"
    train.main(
        f"--preset tiny --data {folder} --run {run} --steps 2 --batch 2 --seconds 0.25 --evaluate-every 2".split()
    )
    state = json.loads((run / "state.json").read_text())
    assert state["step"] == 2 and {"held_out_sdr", "held_out_gain"} <= set(state["evaluation"])
    with pytest.raises(SystemExit, match="--minutes"):
        train.main(f"--preset tiny --data {folder}".split())


def test_one_batch_is_learnt(folder):
    """A low and a high tone can be told apart; the ratio of the mixture is 0 dB."""
    torch.manual_seed(0)
    songs = data.load_mir1k(folder, part="train")
    model = MMDenseLSTM(PRESETS["tiny"])
    train.statistics(model, next(data.batches(songs, batch=64, samples=4000, seed=1)))
    assert float(model.deviation.min()) >= 1e-3 and float(model.mean.max()) > 0.1
    batch = next(data.batches(songs, batch=4, samples=4000, seed=0))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = train.loss_of(model, batch).item()
    for _ in range(40):
        optimizer.zero_grad()
        last = train.step_loss(model.train(), batch)
        optimizer.step()
    assert last < 0.2 * first
