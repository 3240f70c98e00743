"""musicnn against a forward pass in NumPy that reads the published layout; tags, genres and evidence over time."""

from __future__ import annotations

import argparse
import json

import librosa
import numpy as np
import pytest
import soundfile
import torch

from core import weights
from core.errors import AudioError, DataError
from core.tags import convert, measure, sample, train
from core.tags.data import log_mel, windows
from core.tags.model import PRESETS, TAGS, Musicnn, MusicnnConfig

RATE_HZ = 16_000
SMALL = MusicnnConfig(timbral=3, temporal=2, filters=4, hidden=5)  # all 50 tags, 96 bands, the published shapes


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def variables(config: MusicnnConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Random variables in TensorFlow's shapes and names, norms of both signs."""
    random = np.random.default_rng(seed)
    out: dict[str, np.ndarray] = {}

    def norm(number: int, channels: int) -> None:
        name = "batch_normalization" + (f"_{number}" if number else "")
        out[f"{name}__gamma"], out[f"{name}__beta"] = random.normal(size=(2, channels)).astype(np.float32)
        out[f"{name}__moving_mean"] = random.normal(size=channels).astype(np.float32)
        out[f"{name}__moving_variance"] = random.uniform(0.5, 2, channels).astype(np.float32)

    def layer(name: str, *shape: int) -> None:
        out[f"{name}__kernel"] = (random.normal(size=shape) / np.prod(shape[:-1]) ** 0.5).astype(np.float32)
        out[f"{name}__bias"] = random.normal(size=shape[-1]).astype(np.float32)

    norm(0, 1)
    heights = [int(share * config.bands) for share in config.timbral_bands]
    shapes = [(config.timbral_frames, height, 1, config.timbral) for height in heights]
    shapes += [(frames, 1, 1, config.temporal) for frames in config.temporal_frames]
    shapes += [(7, config.front, 1, config.filters)] + [(7, config.filters, 1, config.filters)] * 2
    for i, shape in enumerate(shapes):
        layer("conv2d" + (f"_{i}" if i else ""), *shape)
        norm(i + 1, shape[-1])
    pooled = 2 * (config.front + 3 * config.filters)
    norm(9, pooled)
    layer("dense", pooled, config.hidden)
    norm(10, config.hidden)
    layer("dense_1", config.hidden, len(config.tags))
    return out


def forward(v: dict[str, np.ndarray], picture: np.ndarray) -> np.ndarray:
    """The graph of the package musicnn (models.py: frontend, midend, backend) in NumPy: [T, F] -> 50 logits."""

    def norm(x: np.ndarray, number: int) -> np.ndarray:
        name = "batch_normalization" + (f"_{number}" if number else "")
        scaled = (x - v[f"{name}__moving_mean"]) / np.sqrt(v[f"{name}__moving_variance"] + 1e-3)
        return scaled * v[f"{name}__gamma"] + v[f"{name}__beta"]

    def convolution(x: np.ndarray, number: int, before: int, after: int) -> np.ndarray:
        name = "conv2d" + (f"_{number}" if number else "")
        kernel = v[f"{name}__kernel"][:, :, 0].astype(np.float64)  # [time, band, out]
        x = np.pad(x, ((before, after), (0, 0)))
        cut = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2])  # [T, F', time, band]
        found = np.tensordot(cut, kernel, axes=((2, 3), (0, 1))) + v[f"{name}__bias"]
        return norm(np.maximum(found, 0), number + 1)  # [T, F', out]

    x = norm(picture[..., None].astype(np.float64), 0)[..., 0]
    front = [convolution(x, i, 3, 3).max(axis=1) for i in (0, 1)]
    for i, frames in ((2, 128), (3, 64), (4, 32)):
        before = (frames - 1) // 2
        front.append(convolution(x, i, before, frames - 1 - before).max(axis=1))
    features = np.concatenate(front, axis=1)  # [T, 561 in the published size]
    first = convolution(features, 5, 3, 3)[:, 0]
    second = convolution(first, 6, 3, 3)[:, 0] + first
    third = convolution(second, 7, 3, 3)[:, 0] + second
    everything = np.concatenate([features, first, second, third], axis=1)
    pooled = np.stack([everything.max(axis=0), everything.mean(axis=0)], axis=1).reshape(-1)
    hidden = np.maximum(norm(pooled, 9) @ v["dense__kernel"] + v["dense__bias"], 0)
    return norm(hidden, 10) @ v["dense_1__kernel"] + v["dense_1__bias"]


def small(seed: int = 0) -> Musicnn:
    model = Musicnn(SMALL)
    model.load_state_dict(convert.tensors(variables(SMALL, seed), SMALL))
    return model.eval()


@pytest.mark.parametrize("frames", [187, 60])
def test_the_network_is_the_published_graph(frames):
    picture = np.abs(np.random.default_rng(1).normal(size=(frames, 96))).astype(np.float32)
    with torch.no_grad():
        ours = small()(torch.from_numpy(picture)[None])[0].numpy()
    np.testing.assert_allclose(ours, forward(variables(SMALL), picture), atol=2e-4)


def test_the_fast_maximum_is_the_plain_one():
    """Norms whose slope is negative have their maximum where the input is lowest."""
    from core.tags.model import highest, norm, normed_extremes

    torch.manual_seed(0)
    slopes = norm(5)
    slopes.weight.data, slopes.bias.data = torch.tensor([1.0, -1.0, 0.5, -2.0, 0.0]), torch.randn(5)
    slopes.running_mean.data = torch.randn(5)
    x = torch.randn(2, 5, 7, 9)
    plain = slopes.eval()(x.relu().flatten(2)).unflatten(2, (7, 9)).amax(dim=3)
    torch.testing.assert_close(highest(x, slopes), plain)
    torch.testing.assert_close(normed_extremes(x, slopes), plain)
    slopes.train()
    assert highest(x, slopes).shape == (2, 5, 7)


def test_the_picture_is_that_of_librosa():
    x = 0.3 * np.random.default_rng(0).normal(size=9000).astype(np.float32)
    ours = log_mel(torch.from_numpy(x), SMALL).numpy()
    power = librosa.feature.melspectrogram(y=x, sr=RATE_HZ, n_fft=512, hop_length=256, n_mels=96, pad_mode="constant").T
    np.testing.assert_allclose(ours, np.log10(10_000 * power + 1), atol=1e-4)


def test_windows_cover_the_sound_and_short_ones_are_repeated():
    picture = torch.arange(500.0)[:, None].expand(-1, 96)
    cut, starts = windows(picture, SMALL, 100)
    assert starts == [0, 100, 200, 300, 313] and cut.shape == (5, 187, 96)
    assert all(float(one[0, 0]) == start for one, start in zip(cut, starts))
    repeated, starts = windows(picture[:100], SMALL, 100)
    assert starts == [0] and torch.equal(repeated[0, 100:], picture[:87])


def test_tags_are_those_of_each_window():
    model = small()
    x = 0.2 * torch.randn(5 * RATE_HZ, generator=torch.Generator().manual_seed(0))
    found = sample.tags(model, x)
    picture = log_mel(x, SMALL)
    for row, middle in zip(found.over_time, found.seconds):
        start = round(middle * RATE_HZ / 256 - 187 / 2)
        wanted = 1 / (1 + np.exp(-forward(variables(SMALL), picture[start : start + 187].numpy())))
        np.testing.assert_allclose(row.numpy(), wanted, atol=1e-3)
    assert found.names == TAGS and len(found.top(7)) == 7 and found.top(1)[0][1] == float(found.mean.max())
    torch.testing.assert_close(found.mean, found.over_time.mean(dim=0))
    short = sample.tags(model, x[:2000])
    assert short.over_time.shape == (1, 50) and bool(torch.isfinite(short.mean).all())


def spoken(music: float, **likely: float) -> sample.Tags:
    """Tags of two windows of which these are likely."""
    over_time = torch.full((2, 50), 0.01)
    for name, value in likely.items():
        over_time[:, TAGS.index(name.replace("_", " "))] = value
    return sample.Tags(TAGS, over_time.mean(dim=0), over_time, (1.5, 2.5), torch.full((2,), music))


def test_the_verdict_is_the_likeliest_genre_or_doubt():
    model = small()
    assert sample.genre(model, spoken(0.9, techno=0.6, piano=0.9)).verdict == "techno"
    assert sample.genre(model, spoken(0.9, new_age=0.6)).verdict == "new age"
    assert sample.genre(model, spoken(0.9, classic=0.5)).verdict == "classical"  # two names, one genre
    assert sample.genre(model, spoken(0.9, piano=0.9)).verdict == sample.UNSURE
    assert sample.genre(model, spoken(0.2, techno=0.9)).verdict == sample.NOT_MUSIC
    silent = sample.genre(model, torch.zeros(RATE_HZ))
    assert silent.verdict == sample.NOT_MUSIC and silent.music == 0
    assert set(sample.GENRES) < set(TAGS) and silent.over_time.shape == (1, len(sample.GENRES))


def test_evidence_is_the_slope_times_the_energy():
    """Against central differences of the forward pass in NumPy."""
    v, tag = variables(SMALL), "piano"
    x = 0.2 * torch.randn(46_000, generator=torch.Generator().manual_seed(2))  # one window
    picture = log_mel(x, SMALL).double().numpy()
    found = sample.evidence(small(), x, tag)[:187]
    step, k = 1e-4, TAGS.index(tag)
    for frame, band in ((20, 5), (90, 40), (150, 90)):
        ends = []
        for sign in (1, -1):
            moved = picture[:187].copy()
            moved[frame, band] += sign * step
            ends.append(forward(v, moved)[k])
        slope = (ends[0] - ends[1]) / (2 * step)
        assert float(found[frame, band]) == pytest.approx(slope * picture[frame, band], abs=2e-4)
    assert sample.evidence(small(), x[:20_000], tag).shape == (79, 96)


def test_what_cannot_be_tagged_is_refused():
    model = small()
    for x, text in ((torch.zeros(100), "lasts"), (torch.zeros(2, RATE_HZ), "of one channel"),
                    (torch.full((RATE_HZ,), torch.nan), "NaN"), (torch.zeros(601 * RATE_HZ), "at most")):  # fmt: skip
        with pytest.raises(AudioError, match=text):
            sample.tags(model, x)
    with pytest.raises(AudioError, match="not one of the tags"):
        sample.evidence(model, torch.zeros(RATE_HZ), "bagpipe")
    with pytest.raises(AudioError, match="Musicnn wants"):
        model(torch.zeros(1, 5, 7))
    with pytest.raises(AudioError, match="no sound"):
        log_mel(torch.zeros(0), SMALL)


def test_weights_are_converted_stored_and_loaded(tmp_path, monkeypatch):
    monkeypatch.setitem(convert.PRESETS, "musicnn", SMALL)
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    with pytest.raises(DataError, match="no MTT_musicnn.npz"):
        convert.convert(tmp_path)
    found = variables(SMALL)
    np.savez(tmp_path / convert.FILE, **found)
    convert.main(["--data", str(tmp_path)])
    assert convert.furthest(convert.convert(tmp_path), weights.load(convert.NAME)) < 0.02
    del found["dense__bias"]
    np.savez(tmp_path / convert.FILE, **found)
    with pytest.raises(DataError, match="dense__bias is not among"):
        convert.convert(tmp_path)


def test_logistic_regression_finds_the_line():
    """Drawn from a known logistic model, and against the gradient being zero there."""
    random = np.random.default_rng(0)
    x = torch.from_numpy(random.normal(size=(4000, 3)).astype(np.float32))
    wanted = torch.tensor([2.0, -1.0, 0.0])
    y = torch.from_numpy((random.random(4000) < torch.sigmoid(x @ wanted + 0.5).numpy()).astype(np.float32))
    share = torch.full((4000,), 1 / 4000)
    w, b = train.regression(x, y, share, penalty=1e-6)
    torch.testing.assert_close(w, wanted, atol=0.2, rtol=0)
    error = torch.sigmoid(x @ w + b) - y
    assert float((x.T @ (error * share)).abs().max()) < 1e-3 and abs(float((error * share).sum())) < 1e-3


def test_the_network_can_learn_a_batch():
    """`forward` trains: two pictures, low and high, are told apart after some steps."""
    torch.manual_seed(0)
    model = Musicnn(PRESETS["tiny"]).train()
    pictures = torch.zeros(4, 20, 10)
    pictures[::2, :, :4], pictures[1::2, :, 6:] = 2.0, 2.0
    names = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).repeat(2, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(60):
        logits = model(pictures + 0.1 * torch.randn(4, 20, 10))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, names)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        norm.momentum = 0.5
    for _ in range(20):
        model(pictures)  # the statistics
    assert bool(((model.eval()(pictures) > 0) == (names > 0)).all())


def sounds(place):
    """A folder of music, of speech and of noises, each with held-out parts, as the trainer wants them."""
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    music, speech, noise = (place / name for name in ("music", "speech", "noise"))
    for song in ("1-hydrogen", "5-rubidium"):
        for stem, hz in (("vocals", 440), ("drums", 90), ("bass", 60), ("other", 600)):
            path = music / song / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            long = np.tile(0.1 * np.sin(2 * np.pi * hz * t), 6)
            soundfile.write(path, long, RATE_HZ)
    (music / "mir1k").mkdir()
    for name in ("amy_1_01", "annar_1_01", "bobon_1_01"):
        soundfile.write(music / "mir1k" / f"{name}.wav", 0.1 * np.sin(2 * np.pi * np.outer(t, (200, 400))), RATE_HZ)
    for folder, names in ((speech, ("arctic_a0001", "arctic_b0481")), (noise, ("rain_1-1-A", "rain_3-2-A"))):
        folder.mkdir()
        for i, name in enumerate(names):
            x = np.random.default_rng(i).normal(size=t.size)
            soundfile.write(folder / f"{name}.wav", 0.05 * x, RATE_HZ)
    return ["--data", str(music), "--speech", str(speech), "--noise", str(noise)]


def test_the_last_output_is_taught_and_everything_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    monkeypatch.setattr(measure, "TABLE", tmp_path / "tags.json")
    note = 0.1 * np.sin(np.arange(RATE_HZ) * 0.2).astype(np.float32)
    monkeypatch.setattr(train, "piano", lambda folder, part: [note])
    convert.ship(small(), [])
    options = sounds(tmp_path)
    train.main(options)
    model = weights.load(convert.NAME)
    assert bool(model.music.weight.any())
    measure.main([*options, "--write"])
    table = json.loads((tmp_path / "tags.json").read_text())
    assert table["counts"]["pop, sung"] == 2 and table["women"] == 1 and len(table["means"]["piano"]) == 50
    assert all(abs(sum(row.values()) - 100) < 0.1 for row in table["verdicts"].values())
    assert any("told apart" in row["name"] for row in weights.card(convert.NAME)["metrics"])
    logits = {"music": torch.randn(30, 50) + 1, "speech": torch.randn(30, 50) - 1}
    train.teach(model, logits)
    with torch.no_grad():
        assert bool((model.music(logits["music"]) > 0).all()) and bool((model.music(logits["speech"]) < 0).all())
    assert isinstance(train.parse(options), argparse.Namespace)
