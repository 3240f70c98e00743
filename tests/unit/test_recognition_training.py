"""The recogniser's corpora, augmentation, trainer and confidence, on generated sounds."""

import json
import math

import numpy as np
import pytest
import soundfile
import torch

from core import audio, weights
from core.errors import AudioError, DataError
from core.recognition import augment, calibrate, data, synthetic, train
from core.recognition.augment import Augmenter, Strength
from core.recognition.data import Sound, Utterance
from core.recognition.language import CharacterModel
from core.recognition.model import LANGUAGE_FILE, PRESETS, Recogniser, encode_text
from core.recognition.sample import confidence, posteriors, recognise, signs

STILL = Strength(speed=0, throat=0, noise=0, room=0, band=0, frequency_masks=0, time_masks=0, join=0)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Two threads would wait for each other at every step of so small a network."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tone(path, hz, seconds=1.0):
    t = torch.arange(int(seconds * 16_000)) / 16_000
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (0.1 * torch.sin(2 * torch.pi * hz * t) + 0.001 * torch.randn(len(t))).numpy(), 16_000)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    torch.manual_seed(0)
    for number in range(4):
        tone(folder / f"one/wavs/arctic_b{478 + number:04d}.wav", 200 + 50 * number)
    (folder / "one/metadata.csv").write_text("".join(f"arctic_b{n:04d}|Yes, {n}.|Yes.\n" for n in range(478, 482)))
    for name in ("7_theo_1", "7_george_1", "3_george_2"):
        tone(folder / f"digits/recordings/{name}.wav", 300, 0.4)
    for name in ("hello", "digits/4"):
        tone(folder / f"sounds/en/{name}.wav", 400, 0.6)
    (folder / "prompts.txt").write_text("; comment\nhello: Hello.\ndigits__4: four\nmissing: Gone\n")
    tone(folder / "noise/rain.wav", 100, 1.2)
    return folder


def utterance(text="ab", frames=120, source="sentences", seed=0):
    mel = torch.randn(80, frames, generator=torch.Generator().manual_seed(seed)) - 4
    return Utterance("u", source, "s", text, mel.half())


def test_held_out_speech_stays_out(corpora):
    sounds = data.sentences(corpora / "one")
    assert [one.name for one in data.of_part(sounds, "test")] == ["arctic_b0480", "arctic_b0481"]
    assert [one.name for one in data.of_part(sounds, "train")] == ["arctic_b0478", "arctic_b0479"]
    spoken = data.digits(corpora / "digits")
    assert [(one.name, one.text) for one in data.of_part(spoken, "test")] == [("7_theo_1", "seven")]
    assert [one.speaker for one in data.of_part(spoken, "train")] == ["george", "george"]
    many = [Sound(f"{i:03d}", "prompts", "prompts", "x", b"") for i in range(40)]
    assert [one.name for one in data.of_part(many, "test")] == ["019", "039"]
    tsp = [Sound(f"{who}01_{i:02d}", "voices", who, "x", b"") for who in ("FA", "MD") for i in range(8)]
    assert {one.speaker for one in data.of_part(tsp, "test")} == {"MD"}
    assert {one.speaker for one in data.of_part(tsp, "train")} == {"FA"}


def test_prompts_are_found_by_their_list(corpora):
    found = data.prompts(corpora / "sounds", corpora / "prompts.txt")
    assert [(one.name, one.text, one.at.name) for one in found] == [
        ("hello", "Hello.", "hello.wav"), ("digits__4", "four", "4.wav"),
    ]  # fmt: skip


@pytest.mark.parametrize("call", [
    lambda folder: data.sentences(folder / "nowhere"), lambda folder: data.digits(folder / "one"),
    lambda folder: data.prompts(folder / "one", folder / "prompts.txt"),
    lambda folder: synthetic.sentences_of(folder / "one"),
])  # fmt: skip
def test_a_corpus_that_is_not_there_is_named(corpora, call):
    with pytest.raises(DataError):
        call(corpora)


def test_what_is_kept_comes_back(tmp_path):
    first, second = utterance("one", 30, seed=1), utterance("two", 50, seed=2)
    data.keep(tmp_path / "kept", [first, second])
    again = data.kept(tmp_path / "kept")
    assert [one.text for one in again] == ["one", "two"]
    assert torch.equal(again[0].mel, first.mel) and torch.equal(again[1].mel, second.mel)


def test_stems_become_songs_without_their_voice(tmp_path):
    for stem, hz in (("drums", 100), ("bass", 200), ("other", 300), ("vocals", 1000)):
        tone(tmp_path / "song" / f"{stem}.wav", hz, 1.5)
    [(name, sound)] = list(data.noises(tmp_path))
    spectrum = np.abs(np.fft.rfft(sound.numpy()))
    level = lambda hz: spectrum[round(hz * len(sound) / 16_000)]
    assert name == "song-0" and min(level(100), level(200), level(300)) > 30 * level(1000)


def test_books_give_sentences_but_none_that_is_held_out(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "SKIP_LETTERS", 1)
    text = 'xIt was late. "Don\'t go back to the house," she said. Chapter 12 is next. No.\n'
    (tmp_path / "book.txt").write_text(text)
    assert synthetic.sentences_of(tmp_path) == ["it was late", "don't go back to the house she said"]
    assert synthetic.sentences_of(tmp_path, ["back to the house"]) == ["it was late"]


def test_the_synthesiser_says_what_it_is_told():
    [one] = synthetic.spoken(0.3, ["a plain sentence"], seed=4)
    assert one.source == "synthetic" and one.frames > 20
    assert set(one.text) <= set("abcdefghijklmnopqrstuvwxyz' ")


def test_another_pace_and_throat_by_sampling_a_known_function():
    """A mel that is a straight line in time and a bump in frequency: the line is sampled anew, the bump moves."""
    centres = augment._centres_hz()
    mel = (np.exp(-(((np.log(centres) - np.log(1000)) / 0.3) ** 2))[:, None] * np.ones(81)).astype(np.float32)
    moved = augment.moved(mel, speed=1.0, throat=1.2)
    assert centres[moved[:, 0].argmax()] == pytest.approx(1200, rel=0.04)
    line = np.tile(np.arange(81, dtype=np.float32), (80, 1))
    faster = augment.moved(line, speed=1.25, throat=1.0)
    assert faster.shape == (80, 65) and np.allclose(faster[0], np.linspace(0, 80, 65), atol=1e-4)


def test_noise_has_the_ratio_that_was_asked_for():
    generator = np.random.default_rng(0)
    speech, noise = (generator.standard_normal((80, 50)).astype(np.float32) for _ in range(2))
    sum_ = augment.with_noise(speech, noise, 6.0)
    added = np.exp(2.0 * sum_) - np.exp(2.0 * speech)
    assert 10 * math.log10(np.exp(2.0 * speech).mean() / added.mean()) == pytest.approx(6, abs=0.01)


def test_a_room_decays_by_sixty_decibels():
    mel = np.full((80, 120), -20.0, np.float32)
    mel[:, 10] = 0.0
    wet = augment.in_room(mel, decay_s=0.5, wet=1.0)[0]
    assert 20 * math.log10(math.e) * (wet[11] - wet[51]) == pytest.approx(60, abs=0.5)  # 40 frames are 0.5 s
    assert wet[10] == pytest.approx(0, abs=1e-3)  # nothing comes before the sound
    tail = np.exp(2 * wet[11:].astype(float)).sum()
    assert tail == pytest.approx(1.0, rel=0.02)  # as much energy as the direct sound


def test_masks_cover_whole_bands_and_frames():
    features = torch.ones(3, 80, 100)
    out = augment.masked(features, torch.tensor([100, 60, 20]), Strength(), torch.Generator().manual_seed(0))
    rest = out[0][out[0].any(dim=1)][:, out[0].any(dim=0)]
    assert 0 < rest.numel() < 8000 and bool((rest == 1).all())


def test_short_words_are_joined_and_batches_hold_what_was_drawn():
    words = [utterance("no", 30, "digits", seed) for seed in range(3)]
    augmenter = Augmenter(words, {"digits": 1.0}, strength=Strength(join=1.0), seed=1)
    texts = {augmenter.draw()[1] for _ in range(20)}
    assert max(map(len, texts)) > 5 and all(set(text.split()) == {"no"} for text in texts)
    batch = next(augment.batches(augmenter, seconds=8))
    assert batch.mel.shape[:2] == (len(batch.frames), 80) and int(batch.frames.max()) == batch.mel.shape[2]
    assert len(batch.targets) == int(batch.lengths.sum())
    assert batch.mel.shape[0] * batch.mel.shape[2] <= 8 * 80


def test_normalised_bands_by_the_formula_and_padding_changes_nothing():
    model = Recogniser(PRESETS["tiny"]).eval()
    model.set_statistics([torch.randn(80, 400) * 2 - 3])
    mel = torch.randn(1, 80, 40)
    n, n0 = 40, 80
    mean = (mel[0].sum(1) + n0 * model.mean) / (n + n0)
    var = ((mel[0] - mean[:, None]).square().sum(1) + n0 * model.variance) / (n + n0)
    wanted = (mel[0] - mean[:, None]) / var.sqrt()[:, None]
    assert torch.allclose(model.normalise(mel)[0], wanted, atol=1e-5)
    longer = torch.cat([mel, torch.randn(1, 80, 9)], dim=2)
    assert torch.allclose(model.normalise(longer, torch.tensor([40]))[0, :, :40], wanted, atol=1e-5)


def test_one_batch_overfits():
    torch.manual_seed(0)
    model = Recogniser(PRESETS["tiny"]).train()
    both = [utterance("ab", 24, seed=0), utterance("cad", 24, seed=1)]
    batch = augment.collate([(one.mel.float().numpy(), one.text) for one in both])
    step = train.step_loss(STILL, torch.Generator())
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(600):  # processors round differently: 150 were enough for one, not for another
        optimizer.zero_grad()
        loss = step(model, batch)
        optimizer.step()
        if loss < 0.05:
            break
    assert loss < 0.1
    model.eval()
    assert train.heard(model, both) == ["ab", "cad"]


def test_edits_are_jiwers():
    jiwer = pytest.importorskip("jiwer")
    wanted, found = ["the quick brown fox", "jumps"], ["a quack brown fx", "jump s"]
    assert train.edits(found, wanted) == pytest.approx(jiwer.cer(wanted, found))


def test_a_step_of_training_and_going_on_from_what_was_shipped(corpora, tmp_path, monkeypatch):
    synthetic_at = tmp_path / "synthetic"
    data.keep(synthetic_at, [utterance("spoken", 100, "synthetic")])
    run = ["--data", corpora / "one", "--digits", corpora / "digits", "--prompts", corpora / "sounds",
           "--prompt-texts", corpora / "prompts.txt", "--synthetic", synthetic_at, "--noise", corpora / "noise",
           "--steps", "1", "--preset", "tiny", "--batch-seconds", "4", "--run"]  # fmt: skip
    train.main([*map(str, run), str(tmp_path / "run")])
    state = json.loads((tmp_path / "run/state.json").read_text())
    assert state["step"] == 1 and str(corpora) not in state["command"] and "--prompt-texts PATH" in state["command"]
    assert "sentences_test_error" in state["evaluation"] and "digits_test_error" in state["evaluation"]

    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    model, letters = Recogniser(PRESETS["tiny"]), CharacterModel.learn([("one two", 1.0)], order=3)
    weights.save(
        model, "recognition-test", description="d", sample_rate_hz=16_000, training_command="first", commit="c", seed=0,
        steps=7, device="cpu", hours=0.1, data=[{"name": "n", "license": "l", "source": "s"}], metrics=[],
        known_failures=[], bits=8, files={LANGUAGE_FILE: letters.to_bytes()},
    )  # fmt: skip
    again = weights.load("recognition-test")
    assert again.language_model.probability("on", "e") == pytest.approx(letters.probability("on", "e"), rel=0.1)
    train.main([*map(str, run), str(tmp_path / "more"), "--resume", "recognition-test"])
    assert json.loads((tmp_path / "more/state.json").read_text())["step"] == 8


def test_a_logistic_regression_is_scipys():
    optimize = pytest.importorskip("scipy.optimize")
    random = np.random.default_rng(0)
    x, y, times = random.standard_normal((60, 2)), random.random(60), random.random(60)

    def loss(w):
        z = x @ w[:2] + w[2]
        return (times * (np.logaddexp(0, z) - y * z)).sum() + 0.25 * (w[:2] ** 2).sum()

    assert np.allclose(calibrate.logistic(x, y, times, ridge=0.5), optimize.minimize(loss, np.zeros(3)).x, atol=1e-3)


def test_signs_by_hand_and_confidence_of_nothing():
    rows = np.log(np.full((4, 29), 0.1 / 28))
    rows[[0, 1, 3], [0, 0, 0]] = rows[2, encode_text("e")[0]] = math.log(0.9)
    entropy = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1 / 28))
    assert np.allclose(signs(rows), [0.9, 4 * entropy, 1 / 0.1 / 10, 0.1])
    model = Recogniser(PRESETS["tiny"])
    assert 0 < confidence(model, rows) < 1
    assert confidence(model, rows[[0, 1, 3]]) == 0.0


def test_recognising_gives_everything_at_once():
    torch.manual_seed(1)
    model = Recogniser(PRESETS["tiny"]).eval()
    model.output.bias.data[0] = -3.0  # an untrained network would say nothing
    sound = 0.1 * torch.randn(16_000)
    found = recognise(model, sound, language_model=CharacterModel.learn([("abc", 1.0)], order=2), width=4)
    assert found.posteriors.shape == (41, 29) and np.allclose(found.posteriors.sum(axis=1), 1, atol=1e-5)
    assert found.seconds_per_step == audio.HOP_SAMPLES * 2 / 16_000
    assert [word.text for word in found.words] == found.text.split()
    quieter = posteriors(model, 0.2 * sound)
    assert np.allclose(quieter, posteriors(model, sound), atol=1e-3)  # of any level
    with pytest.raises(AudioError, match="one channel"):
        recognise(model, torch.zeros(2, 16_000))


def test_silence_gets_no_confidence():
    model = Recogniser(PRESETS["tiny"]).eval()
    model.output.bias.data[0] = 20.0
    found = recognise(model, torch.zeros(16_000))
    assert found.text == "" and found.confidence == 0 and not found.is_sure
