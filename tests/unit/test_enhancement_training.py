"""What the enhancer learns from: corpora in their own layouts, random mixtures; and that it learns."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
import soundfile
import torch
from sounds import speech_like

from core.enhancement import clips, corpora, data, measure, peers, train
from core.enhancement.mixing import active_power
from core.enhancement.model import CRN, PRESETS
from core.errors import DataError, PackageError

RATE_HZ = 16_000


def write(path, x, rate=RATE_HZ):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, x, rate)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Speech and noise in the layouts of TSP, the digits, VoiceBank, ESC-50, UrbanSound8K and our cut of ESC-10."""
    root = tmp_path_factory.mktemp("corpora")
    random = np.random.default_rng(0)
    for name in ("FA01_01", "FA06_01", "MC13_02", "MD19_01", "MD19_02", "MD19_03"):
        write(root / f"tsp/opus/{name}.wav", speech_like(1.0, seed=len(name)))
    (root / "tsp/metadata.csv").write_text("FA01_01|The birch canoe slid on the smooth planks.\n")
    for name in ("1_theo_7", "2_lucas_3", "2_lucas_9"):
        write(root / f"fsdd/recordings/{name}.wav", speech_like(0.6)[::2], 8_000)
    write(root / "clean_trainset_28spk_wav/p226_001.wav", speech_like(1.0))
    write(root / "clean_testset_wav/p232_001.wav", speech_like(1.0))
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in (1, 2, 5):
        rows.append(f"{fold}-1-A-0.wav,{fold},0,rain,True,1,A")
        write(root / f"ESC-50/audio/{fold}-1-A-0.wav", 0.1 * random.standard_normal(8_000))
    rows.append("3-9-A-0.wav,3,0,laughing,False,1,A")
    (root / "ESC-50/meta").mkdir()
    (root / "ESC-50/meta/esc50.csv").write_text("\n".join(rows))
    rows = ["slice_file_name,fsID,start,end,salience,fold,classID,class"]
    for source, fold in ((13, 1), (24, 2), (100, 10)):
        rows.append(f"{source}-4-0-0.wav,{source},0,1,1,{fold},4,drilling")
        write(root / f"us8k/audio/fold{fold}/{source}-4-0-0.wav", 0.1 * random.standard_normal(8_000))
    (root / "us8k/metadata").mkdir()
    (root / "us8k/metadata/UrbanSound8K.csv").write_text("\n".join(rows))
    rows = ["file|class|licence|author|source"]
    for i in range(6):
        rows.append(f"rain_{i}|rain|CC0|somebody|http://place/{i}")
        write(root / f"esc10/flac/rain_{i}.flac", 0.1 * random.standard_normal(8_000))
    (root / "esc10/metadata.csv").write_text("\n".join(rows))
    return root


def names(items, kind, part):
    return sorted(item.name for item in items if (item.kind, item.part) == (kind, part))


def test_nobody_is_in_two_parts(folder):
    items = corpora.found(folder)
    voices = {part: names(items, "voice", part) for part in ("train", "validation", "test")}
    assert voices == {
        "train": ["fsdd-lucas/2_lucas_9", "tsp-FA/FA01_01", "tsp-MC/MC13_02", "voicebank-p226/p226_001"],
        "validation": ["fsdd-lucas/2_lucas_3", "tsp-FA/FA06_01"],
        "test": [
            "fsdd-theo/1_theo_7", "tsp-MD/MD19_01", "tsp-MD/MD19_02", "tsp-MD/MD19_03", "voicebank-p232/p232_001"
        ],
    }  # fmt: skip
    assert names(items, "noise", "test") == ["drilling/100-4-0-0", "rain/5-1-A-0", "rain/rain_0", "rain/rain_5"]
    assert names(items, "noise", "validation") == ["drilling/24-4-0-0", "rain/rain_1"]
    assert "laughing/3-9-A-0" not in {item.name for item in items}


def test_a_corpus_without_a_part_to_watch_gives_up_some_of_it(folder, tmp_path):
    for i in range(30):
        write(tmp_path / f"clean_trainset_28spk_wav/p226_{i:03d}.wav", np.zeros(800))
    (tmp_path / "ESC-50").symlink_to(folder / "ESC-50")
    items = corpora.found(tmp_path)
    assert len(names(items, "voice", "validation")) == 2 and len(names(items, "voice", "train")) == 28


def test_a_folder_without_corpora_is_refused(tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        corpora.found(tmp_path / "nowhere")
    with pytest.raises(DataError, match="No corpus of voices"):
        corpora.found(tmp_path)


def test_prompts_are_a_speaker_a_folder(folder, tmp_path):
    for place in ("anna/digits/1.wav", "anna/a.wav", "bert/b.wav"):
        write(tmp_path / place, speech_like(0.3))
    items = corpora.found(folder, [tmp_path])
    assert {item.group for item in items} >= {"anna", "bert"}
    assert "anna/1" in names(items, "voice", "train")


def test_a_cache_gives_the_same_sounds(folder, tmp_path):
    items = [item for item in corpora.found(folder) if item.kind == "voice" and item.part == "train"]
    fresh, stored, read = data.load(items), data.load(items, tmp_path), data.load(items, tmp_path)
    for i, item in enumerate(items):
        np.testing.assert_array_equal(fresh[i], stored[i])
        np.testing.assert_array_equal(fresh[i], read[i])
        assert len(fresh[i]) == (9_600 if item.group.startswith("fsdd") else 16_000)  # the digits: from 8 kHz
    assert len(list(tmp_path.glob("*.npy"))) == 1


def mixer(folder, **recipe):
    sounds = data.parts(corpora.found(folder), "train")
    return data.Mixer(sounds, data.Recipe(seconds=1.5, **recipe), seed=0)


def test_mixtures_keep_to_their_recipe(folder):
    """The ratio is measured on what comes out; music is wanted but not there."""
    one = mixer(folder, snr_db=(6.0, 6.0), level_dbfs=(-30.0, -30.0), no_voice=0.0, no_noise=0.0)
    for _ in range(8):
        heard, voice = one.mixture()
        noise = heard - voice
        assert 10 * np.log10(active_power(voice) / np.mean(noise**2)) == pytest.approx(6, abs=0.05)
        assert 10 * np.log10(np.mean(heard**2)) == pytest.approx(-30, abs=0.05)
    silent = [float(np.abs(mixer(folder, no_voice=1.0).mixture()[1]).max()) for _ in range(2)]
    assert silent == [0.0, 0.0]


def test_mixtures_are_drawn_by_the_seed(folder):
    a, b = (next(data.batches(mixer(folder), batch=3)) for _ in range(2))
    assert torch.equal(a[0], b[0]) and a[0].shape == (3, 24_000) == a[1].shape
    assert not torch.equal(a[0][0], a[0][1])


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_coloured_noise_falls_as_it_should(exponent):
    x = data.coloured_noise(np.random.default_rng(0), 2**16, exponent)
    power = np.abs(np.fft.rfft(x)) ** 2
    hz = np.fft.rfftfreq(2**16, 1 / RATE_HZ)
    octaves = [power[(hz >= f) & (hz < 2 * f)].mean() for f in (250, 500, 1000, 2000)]
    slope = np.polyfit(range(4), 10 * np.log10(octaves), 1)[0]
    assert slope == pytest.approx(-3.01 * exponent, abs=0.4)  # dB an octave


def test_speaking_frames_are_those_with_a_voice():
    voice = torch.from_numpy(np.concatenate([np.zeros(8_000), speech_like(0.5), np.zeros(8_000)]).astype(np.float32))
    found = train.speaking(voice[None])[0]
    assert not found[:31].any() and found[33:62].all() and not found[65:].any()
    assert not train.speaking(torch.zeros(1, 4_000)).any()


def test_the_command_trains_a_step_and_goes_on(folder, tmp_path):
    options = ["--preset", "tiny", "--data", str(folder), "--run", str(tmp_path), "--steps", "1", "--batch", "2",
               "--seconds", "0.5", "--limit", "2", "--watch", "6"]  # fmt: skip
    train.main(options)
    train.main(options)
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["step"] == 2 and {"gain_db", "distance", "speech_right"} <= state["evaluation"].keys()
    assert measure.of_run(tmp_path, "tiny")[1]["step"] == 2


def test_one_batch_is_learned_by_heart(folder):
    torch.manual_seed(0)
    model = CRN(PRESETS["tiny"])
    heard, voice = next(data.batches(mixer(folder, snr_db=(0.0, 0.0), no_voice=0.0, no_noise=0.0), batch=2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        losses.append(train.step_loss(model, (heard, voice)))
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0]


def test_the_measurement_runs(folder):
    """Methods, the share of speech and speed on a handful of mixtures; no peers, which may not be installed."""
    model = CRN(PRESETS["tiny"]).eval()
    sounds = data.parts(corpora.found(folder), "test")
    tests = measure.mixtures(sounds, 1)
    assert [one.snr_db for one in tests] == list(measure.RATIOS_DB)
    assert all(one.speaker in ("tsp-MD", "fsdd-theo", "voicebank-p232") for one in tests)
    for one in tests:
        ratio = active_power(one.voice.numpy()) / float(one.noise.square().mean())
        assert 10 * np.log10(ratio) == pytest.approx(one.snr_db, abs=0.05)
    assert set(measure.shares(model, sounds, tests)) == {"a voice in noise", "a voice alone", "noise"}


def test_a_peer_that_is_missing_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    peers._rnnoise.cache_clear()
    with pytest.raises(PackageError, match="pip install"):
        peers.rnnoise(torch.zeros(1000))


def test_the_pages_noises_are_there_and_small():
    assert len(clips.names()) == 6
    for name in clips.names():
        x = clips.load(name)
        assert 79_000 < len(x) < 81_000 and 0.02 < float(x.square().mean().sqrt()) < 0.07
    assert sum(path.stat().st_size for path in clips.FOLDER.glob("noise-*.ogg")) < 150_000
    with pytest.raises(DataError, match="rain"):
        clips.load("wind")
