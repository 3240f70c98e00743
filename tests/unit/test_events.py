"""The event network: its picture, its map, its data and augmentation, what it says of a sound; and that it learns."""

from __future__ import annotations

import csv
import dataclasses
import json

import librosa
import numpy as np
import pytest
import soundfile
import torch

from core import audio, training, weights
from core.errors import AudioError, DataError
from core.events import augment, data, measure, sample, train
from core.events.model import NONE, PRESETS, URBAN, EventCNN
from core.events.spectrogram import Bands, edges_hz, log_mel, triangles

RATE_HZ = 16_000
TINY = PRESETS["tiny"]


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small are slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tone(hz: float, seconds: float = 1.0, level: float = 0.3) -> torch.Tensor:
    return level * torch.sin(2 * torch.pi * hz * torch.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def tiny(seed: int = 0, **changes) -> EventCNN:
    torch.manual_seed(seed)
    model = EventCNN(dataclasses.replace(TINY, **changes))
    model.train()
    model(log_mel(torch.randn(4, RATE_HZ) * 0.1, model.config.bands))  # statistics of the norms
    return model.eval()


def clips_of(count: int = 24, folds: tuple[int, ...] = (1, 2, 10)) -> data.Clips:
    """Tones: one pitch for each class, of several recordings, some of half a second."""
    sound, samples = np.zeros((count, data.SAMPLES), np.int16), np.zeros(count, np.int64)
    labels, where = np.arange(count) % 3, np.array([folds[i % len(folds)] for i in range(count)])
    for i in range(count):
        x = tone(300.0 * 3 ** labels[i], 4.0 if i % 2 else 0.5).numpy()
        sound[i, : len(x)], samples[i] = data.as_int16(x), len(x)
    return data.Clips(sound, samples, labels, where, tuple(f"r{i}" for i in range(count)))


def urban_folder(place, rows, public: bool):
    """A few clips in our layout or in the published one; rows are (file, fold, label, recording)."""
    for name, fold, _, _ in rows:
        path = place / (f"audio/fold{fold}/{name}.wav" if public else f"audio/{name}.wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(500, 0.2).numpy(), RATE_HZ)
    table = place / ("metadata/UrbanSound8K.csv" if public else "index.csv")
    table.parent.mkdir(exist_ok=True)
    with table.open("w", newline="") as file:
        out = csv.writer(file)
        if public:
            out.writerow(["slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class"])
            out.writerows([f"{n}.wav", r, 0, 1, 1, f, k, URBAN[k]] for n, f, k, r in rows)
        else:
            out.writerow(["file", "fold", "classID", "class", "freesound_id", "seconds"])
            out.writerows([f"audio/{n}.wav", f, k, URBAN[k], r, 0.2] for n, f, k, r in rows)
    return place


def test_triangles_are_those_of_htk():
    bands = Bands()
    ours = triangles(bands).T.numpy()
    theirs = librosa.filters.mel(
        sr=RATE_HZ, n_fft=bands.fft_samples, n_mels=bands.bands, fmin=bands.low_hz, fmax=bands.high_hz, htk=True,
        norm=None,
    )  # fmt: skip
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_sine_stands_in_its_band_and_higher_and_faster_move_it():
    """Read as an octave higher, a tone of 500 Hz lies where one of 1 kHz does; faster, the picture is shorter."""
    bands = Bands()
    centre = bands.centres_hz()
    x = torch.stack([tone(500.0), tone(1000.0)])
    plain = log_mel(x, bands)
    assert plain.shape == (2, bands.frames(RATE_HZ), bands.bands)
    loudest = plain[:, 30].argmax(dim=1)
    for row, hz in enumerate((500.0, 1000.0)):
        assert abs(float(centre[loudest[row]]) - hz) < float(edges_hz(bands).diff()[loudest[row]])
    octave = log_mel(x, bands, higher=torch.tensor([2.0, 1.0]))
    assert abs(int(octave[0, 30].argmax()) - int(loudest[1])) <= 1 and torch.equal(octave[1], plain[1])
    assert log_mel(x, bands, faster=1.25).shape[1] == 1 + RATE_HZ // 320
    assert float(log_mel(torch.zeros(8000), bands).max()) == bands.floor_db


def test_the_map_adds_up_to_the_logit():
    """In closed form: the mean of the features times the weights, plus the bias, is the sum of the map."""
    model = tiny()
    picture = log_mel(torch.randn(2, 9000) * 0.1, model.config.bands)  # frames that 8 does not divide
    with torch.no_grad():
        features = model.features(picture).double().numpy()  # [B, C, T', F']
        weight, bias = model.linear.weight.double().numpy(), model.linear.bias.double().numpy()
        wanted = features.mean(axis=(2, 3)) @ weight.T + bias
        np.testing.assert_allclose(model.activation_map(picture).sum(dim=(2, 3)).numpy(), wanted, atol=1e-5)
        np.testing.assert_allclose(model(picture).numpy(), wanted, atol=1e-5)
    assert features.shape[2] == -(-picture.shape[1] // model.config.shrink)


def test_a_window_of_the_answer_is_the_answer_to_that_window():
    model = tiny()
    x = torch.cat([tone(300, 2), tone(2500, 1.7), torch.zeros(RATE_HZ * 2), 0.02 * torch.randn(9000)])
    found = sample.identify(model, x)
    assert found.starts_s[:3] == (0.0, 1.0, 2.0) and found.starts_s[-1] == pytest.approx(found.seconds - 2)
    for start, shares, none in zip(found.starts_s, found.per_second, found.none_per_second):
        cut = x[round(start * RATE_HZ) :][: 2 * RATE_HZ]
        alone = sample.identify(model, cut)
        if alone.verdict == sample.SILENT:
            assert float(none) == 1.0 and float(shares.sum()) == 0.0
        else:
            torch.testing.assert_close(shares, alone.probabilities, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.scene, found.per_second.mean(dim=0))


@pytest.mark.parametrize("seconds", [0.1, 0.73, 2.0, 5.3, 31.0])
def test_any_length_is_named(seconds):
    model = tiny()
    x = 0.1 * torch.randn(round(seconds * RATE_HZ), generator=torch.Generator().manual_seed(0))
    found = sample.identify(model, x)
    assert len(found.top5) == 5 and found.classes == URBAN and found.top5[0][1] >= found.top5[1][1]
    assert float(found.probabilities.sum()) + found.none == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(found.cam.sum(dim=(1, 2)), found.logits, atol=1e-4, rtol=1e-4)
    assert found.log_mel.shape[0] >= seconds * 62 and bool(torch.isfinite(found.cam).all())


def test_the_verdict_knows_silence_and_doubt():
    model = tiny(threshold=0.0)
    assert sample.identify(model, torch.zeros(RATE_HZ)).verdict == sample.SILENT
    found = sample.identify(model, tone(440))
    assert found.verdict == found.top5[0][0]
    assert sample.identify(tiny(threshold=1.0), tone(440)).verdict == NONE
    louder, softer = (sample.identify(model, g * tone(440)).logits for g in (1.0, 0.05))
    torch.testing.assert_close(louder, softer, atol=1e-3, rtol=1e-3)  # the level does not matter


def test_what_cannot_be_named_is_refused():
    model = tiny()
    for x, text in ((torch.zeros(100), "lasts"), (torch.zeros(2, RATE_HZ), "of one channel"),
                    (torch.full((RATE_HZ,), torch.nan), "NaN"), (torch.zeros(601 * RATE_HZ), "at most")):  # fmt: skip
        with pytest.raises(AudioError, match=text):
            sample.identify(model, x)
    with pytest.raises(AudioError, match="EventCNN wants"):
        model(torch.zeros(1, 5, 7))


@pytest.mark.parametrize("public", [False, True])
def test_both_layouts_are_read_and_recordings_stay_in_their_fold(tmp_path, public):
    rows = [("100-3-0-0", 1, 3, "100"), ("100-3-0-1", 1, 3, "100"), ("200-9-0-0", 2, 9, "200"), ("3-0-0-0", 10, 0, "3")]
    folder = urban_folder(tmp_path / "good", rows, public)
    clips = data.load(folder, cache=tmp_path / "kept")
    again = data.load(folder, cache=tmp_path / "kept")
    assert np.array_equal(clips.sound, again.sound) and clips.samples.tolist() == [3200] * 4
    assert clips.labels.tolist() == [3, 3, 9, 0] and clips.folds.tolist() == [1, 1, 2, 10]
    learned, test = clips.of([1, 2]), clips.of([10])
    assert not set(learned.groups) & set(test.groups) and len(learned) + len(test) == len(clips)
    with pytest.raises(DataError, match="no clips of fold 7"):
        clips.of([7])
    leaked = urban_folder(tmp_path / "leaked", [*rows, ("100-3-0-9", 10, 3, "100")], public)
    with pytest.raises(DataError, match="Recording 100 is in folds 1 and 10"):
        data.load(leaked)
    with pytest.raises(DataError, match="is not UrbanSound8K"):
        data.load(tmp_path / "kept")


def test_other_sounds_are_halved_by_fold_and_held_out_by_name(tmp_path):
    for name in ("arctic_a0001", "arctic_a0006", "arctic_b0481"):
        soundfile.write(tmp_path / f"{name}.wav", tone(200, 1.0).numpy(), RATE_HZ)
    for name in ("FA01_01", "FB01_01", "MD01_01"):
        soundfile.write(tmp_path / f"{name}.wav", tone(300, 5.0).numpy(), RATE_HZ)
    learned = data.load_others(speech=tmp_path)
    assert learned.groups == ("speech",) * 3 and learned.folds.tolist() == [1, 1, 2]
    assert set(learned.labels.tolist()) == {URBAN.index(URBAN[-1]) + 1} and learned.samples.max() == data.SAMPLES
    held_out = data.load_others(speech=tmp_path, part="held-out")
    assert len(held_out) == 2 and set(held_out.folds.tolist()) == {10}
    assert data.load_others() is None


def test_augmentation_keeps_names_and_the_seed_decides():
    """Every row of the names sums to one, and without mixing it is the clip's own."""
    clips = clips_of()
    indices = np.arange(12)
    for strength in (augment.NO_CHANGE, augment.Strength(mixed=0.0), augment.Strength(mixed=1.0)):
        pictures, targets = augment.batch(clips, indices, TINY, np.random.default_rng(3), strength)
        again, _ = augment.batch(clips, indices, TINY, np.random.default_rng(3), strength)
        assert torch.equal(pictures, again) and bool(torch.isfinite(pictures).all())
        assert float(pictures.min()) >= TINY.bands.floor_db
        torch.testing.assert_close(targets.sum(dim=1), torch.ones(12))
        if strength.mixed == 0:
            assert targets.argmax(dim=1).tolist() == clips.labels[indices].tolist() and float(targets.max()) == 1
    plain, _ = augment.batch(clips, np.array([1, 3]), TINY, np.random.default_rng(0), augment.NO_CHANGE)
    wanted = log_mel(augment.whole(clips, np.array([1, 3]), data.SAMPLES), TINY.bands)
    torch.testing.assert_close(plain, wanted, atol=1e-3, rtol=0)


def test_mixing_adds_sounds_and_names_in_the_same_shares():
    x = augment.levelled(torch.stack([tone(400), tone(3000)]))
    both, targets = augment.mixed(x, torch.eye(2), np.random.default_rng(1))
    spectrum = torch.fft.rfft(both).abs()[:, [400, 3000]]
    order = spectrum.argmax(dim=1)
    assert order.tolist() == targets.argmax(dim=1).tolist()
    torch.testing.assert_close(spectrum / spectrum.sum(dim=1, keepdim=True), targets, atol=2e-3, rtol=0)


def test_noise_curves_and_stripes_change_what_they_should():
    random = np.random.default_rng(0)
    x = augment.levelled(torch.randn(6, 8000))  # the bank is of longer noises at the same level
    noisy = augment.with_noise(x, 1.0, random)
    ratio = 20 * torch.log10(x.norm(dim=1) / (noisy - x).norm(dim=1))
    assert 0 < float(ratio.min()) and float(ratio.max()) < 40  # a stretch is louder or softer than all of a noise
    assert torch.equal(augment.with_noise(x, 0.0, random), x)
    picture = torch.randn(6, 40, 16)
    curve = augment.equalised(picture, 6.0, random) - picture
    assert float(curve.std(dim=1).max()) < 1e-5 and 0 < float(curve.abs().max()) <= 6.0
    striped = augment.masked(picture, augment.Strength(masks=1, bands=0.25, frames=0.25), random)
    assert 0 < float((striped != picture).float().mean()) < 0.5
    assert torch.equal(augment.styled(picture, 0.0, random).round(decimals=3), picture.round(decimals=3))


def test_every_clip_is_drawn_as_often_as_another():
    """In batches of 8, 24 clips of one label come up once in three batches; others are added to each batch."""
    clips, others = clips_of(), clips_of(6)
    stream = augment.batches(clips, others, TINY, size=8, other_size=2, seed=0, strength=augment.NO_CHANGE)
    names = torch.cat([next(stream)[1][:8] for _ in range(3)])
    assert names.sum(dim=0)[:3].tolist() == [8.0, 8.0, 8.0]
    assert next(stream)[1].shape == (10, len(TINY.classes))


def test_one_batch_is_learned_by_heart():
    torch.manual_seed(0)
    model = EventCNN(dataclasses.replace(TINY, classes=("low", "middle", "high", NONE)))
    long = np.arange(1, 24, 2)
    pictures, names = augment.batch(clips_of(), long, model.config, np.random.default_rng(0), augment.NO_CHANGE)
    batch = (pictures[:, :48], names)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = train.loss_of(model, batch).item()
    for _ in range(40):
        optimizer.zero_grad()
        train.step_loss(model, batch)
        optimizer.step()
    assert first > 1.0 and train.loss_of(model, batch).item() < 0.35  # smoothing leaves 0.26
    assert bool((model(batch[0]).argmax(dim=1) == batch[1].argmax(dim=1)).all())


def test_the_trainer_and_the_measurement_run(tmp_path, monkeypatch):
    rows = [(f"{i}-{i % 10}-0-0", (1, 2, 10)[i % 3], i % 10, str(i)) for i in range(30)]
    folder = urban_folder(tmp_path / "urban", rows, public=False)
    speech = tmp_path / "speech"
    speech.mkdir()
    for name in ("arctic_a0001", "arctic_a0006", "arctic_b0481", "FA01_01", "MD01_01"):
        soundfile.write(speech / f"{name}.wav", tone(200, 1.0).numpy(), RATE_HZ)
    shared = ["--data", str(folder), "--speech", str(speech), "--cache", str(tmp_path / "cache")]
    runs = [tmp_path / name for name in ("both", "one", "two")]
    monkeypatch.setitem(measure.PRESETS, "urban", TINY)
    for run, folds in zip(runs, (["1", "2"], ["1"], ["2"])):
        watch = ["--watch", str(3 - int(folds[0]))] if len(folds) == 1 else []
        once = ["--preset", "tiny", "--steps", "1", "--batch", "4"]
        train.main([*shared, *once, "--run", str(run), "--folds", *folds, *watch])
    assert training.Checkpoint(runs[0]).steps() == 1
    state = json.loads((runs[1] / "state.json").read_text())
    assert 0 <= state["evaluation"]["accuracy"] <= 100 and "--speech PATH" in state["command"]
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    monkeypatch.setattr(measure, "TABLE", tmp_path / "events.json")
    measure.main([*shared, "--run", str(runs[0]), "--crossed", str(runs[1]), str(runs[2]), "--write"])
    table = json.loads((tmp_path / "events.json").read_text())
    assert np.array(table["test"]["confusion"]).sum() == 10 and set(table["crossed"]) >= {"1", "2", "threshold"}
    assert weights.load("events").config.threshold == pytest.approx(table["threshold"], abs=1e-3)


def test_confusions_and_thresholds_are_counted_right():
    table = measure.confusion(np.array([0, 0, 3]), np.array([0, 1, 3]))
    assert table[0, 0] == table[0, 1] == table[3, 3] == 1 and table.sum() == 3
    threshold, share = measure.best_threshold(np.array([0.9, 0.8, 0.4]), np.array([0.1, 0.2, 0.45, 0.5]))
    assert 0.5 < threshold <= 0.8 and share == pytest.approx((2 / 3 + 1) / 2)
    np.testing.assert_allclose(measure.shares(np.array([[0.0, np.log(3)]])), [[0.25, 0.75]])


def test_silence_stays_silence_when_levelled():
    both = augment.levelled(torch.stack([torch.zeros(100), 0.5 * torch.ones(100)]))
    assert float(both[0].abs().max()) == 0 and float(both[1].mean()) == pytest.approx(augment.LEVEL)
    assert audio.SAMPLE_RATE_HZ == RATE_HZ
