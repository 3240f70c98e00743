"""The WaveNet trainer: held-out data stays out, the fused gradients are those of autograd, it runs and resumes."""

import json
from dataclasses import replace

import pytest
import soundfile
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from core import audio, weights
from core.errors import DataError
from core.wavenet import data, fused, measure, train
from core.wavenet.model import PRESETS, WaveNet

SMALL = replace(PRESETS["tiny"], hop_samples=20, condition_channels=24)
CLOCK = {"harmonics": 2, "condition_hop_samples": 5}


def corpus(folder, names, seconds=0.6):
    """A corpus in LJSpeech's layout: a vibrating tone in noise for each name."""
    (folder / "wavs").mkdir(parents=True)
    time = torch.arange(int(seconds * 16_000)) / 16_000
    for number, name in enumerate(names):
        torch.manual_seed(number)
        x = 0.1 * torch.sin(2 * torch.pi * (200 + 10 * number) * time) + 0.01 * torch.randn(time.shape)
        soundfile.write(folder / "wavs" / f"{name}.wav", x.numpy(), 16_000)
    (folder / "metadata.csv").write_text("\n".join(f"{name}|words|words" for name in names))
    return folder


@pytest.mark.parametrize(("mel_channels", "clock"), [(0, {}), (80, {}), (80, CLOCK)])
@pytest.mark.parametrize("batch", [1, 3])
def test_fused_gradients_equal_automatic_differentiation(mel_channels, clock, batch):
    torch.manual_seed(0)
    config = replace(SMALL, mel_channels=mel_channels, **clock)
    model = WaveNet(config)
    samples = config.hop_samples * 5  # longer than the first dilations, shorter than the receptive field
    codes = torch.randint(0, 256, (batch, samples))
    mel = torch.randn(batch, 80, 7) if mel_channels else None
    if mel_channels:
        torch.nn.init.normal_(model.condition.upsample, std=0.3)
    results = []
    for forward in (model, lambda c, m: fused.forward(model, c, m)):
        model.zero_grad()
        loss = F.cross_entropy(forward(codes, mel), codes)
        loss.backward()
        learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
        results.append((loss.item(), {name: p.grad.clone() for name, p in learning.items()}))
    (plain, expected), (fast, found) = results
    assert fast == pytest.approx(plain, rel=1e-6)
    for name, gradient in expected.items():
        assert torch.allclose(found[name], gradient, rtol=1e-4, atol=2e-6), name
        assert gradient.abs().max() > 0, name  # every parameter learns


def test_tanh_of_the_fused_gate_is_tanh():
    x = torch.linspace(-12, 12, 4001)
    ours = torch.tensor([float(fused._tanh(value)) for value in x.numpy()])
    assert torch.allclose(ours, torch.tanh(x), atol=2e-6)


def test_held_out_sentences_are_never_trained_on(tmp_path):
    names = [f"arctic_b{number:04d}" for number in (479, 480, 500, 539)] + ["arctic_a0001"]
    folder = corpus(tmp_path / "voice", names)
    assert {r.name for r in data.load(folder)} == {"arctic_b0479", "arctic_a0001"}
    assert {r.name for r in data.load(folder, held_out=True)} == {"arctic_b0480", "arctic_b0500", "arctic_b0539"}


def test_another_corpus_holds_out_its_last_recordings(tmp_path):
    folder = corpus(tmp_path / "LJ", [f"LJ001-{number:04d}" for number in range(4)])
    training, held_out = data.load(folder), data.load(folder, held_out=True)
    assert [r.name for r in held_out] == ["LJ001-0003"]
    assert not {r.name for r in training} & {r.name for r in held_out}


def test_no_corpus_is_a_clear_error(tmp_path):
    with pytest.raises(DataError, match="--data"):
        data.load(tmp_path / "nowhere")
    with pytest.raises(DataError, match="No sound files"):
        data.load(tmp_path)


def test_crops_line_up_with_their_mel_frames(tmp_path):
    """Frame f of a crop is centred on sample f * 200 of it: the mel of the crop's own sound is the same inside."""
    recordings = data.load(corpus(tmp_path / "voice", ["a", "b", "c"], seconds=1.0))
    codes, mel = next(data.batches(recordings, batch=4, frames=40, seed=1))
    assert codes.shape == (4, 8000) and mel.shape == (4, 80, 42)
    again = audio.mel(audio.mu_law_decode(codes))
    inside = slice(4, 36)  # away from the reflected edges of the crop
    difference = (again[:, :, inside] - mel[:, :, inside]).abs().mean()
    shifted = (again[:, :, inside] - mel[:, :, 5:37]).abs().mean()
    assert difference < 0.25 and difference < shifted


def test_one_batch_overfits(tmp_path):
    torch.manual_seed(0)
    recordings = data.load(corpus(tmp_path / "voice", ["a", "b"]))
    model = WaveNet(replace(PRESETS["tiny"], mel_channels=80, condition_channels=16))
    batch = next(data.batches(recordings, batch=1, frames=8))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        losses.append(train.step_loss(model, batch))
        optimizer.step()
    assert losses[0] > 7.5  # log2(256) = 8 bits: it knows nothing
    assert losses[-1] < 0.55 * losses[0]


def test_a_disturbed_past_is_close_to_the_true_one_and_the_target_is_not_disturbed():
    torch.manual_seed(0)
    codes = torch.randint(20, 236, (200, 400))
    seen = train.disturbed(codes, 3.0)
    away = (seen - codes).double()
    assert seen.dtype == codes.dtype and abs(float(away.mean())) < 0.05
    rows = away.std(dim=1)  # uniform between 0 and 3, the rounding aside
    assert (
        float(rows.min()) < 0.2
        and 2.6 < float(rows.max()) < 3.5
        and float(rows.mean()) == pytest.approx(1.5, abs=0.15)
    )
    edges = torch.tensor([[0, 255] * 500])
    assert 0 <= int(train.disturbed(edges, 9.0).min()) and int(train.disturbed(edges, 9.0).max()) <= 255
    model = WaveNet(replace(PRESETS["tiny"]))
    quiet, loud = (train.step_loss(model, (codes[:2], codes[:2]), noise=noise) for noise in (0.0, 3.0))
    assert quiet == pytest.approx(8.0, abs=0.3) and loud == pytest.approx(8.0, abs=0.3)


def test_the_command_trains_resumes_and_evaluates(tmp_path, capsys):
    folder = corpus(tmp_path / "voice", ["a", "b", "c"])
    command = ["--preset", "tiny", "--data", str(folder), "--run", str(tmp_path / "run"), "--frames", "4"]
    train.main([*command, "--steps", "2"])
    train.main([*command, "--steps", "1"])
    printed = capsys.readouterr().out
    assert "continuing" in printed and '"step": 3' in printed
    assert "held_out_bits_per_sample" in printed


def test_shipped_weights_go_on_where_their_card_stops(tmp_path, monkeypatch, capsys):
    """--resume: the run begins with those weights, counts their steps and hours, and its card lists all commands."""
    voice = corpus(tmp_path / "voice", ["a", "b", "c"])
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    torch.manual_seed(5)
    shipped = WaveNet(PRESETS["tiny"])
    measure.ship("wavenet-tiny", shipped, {"step": 1000, "hours": 2.5, "seed": 7, "command": "the first"}, [])
    seeds, batches = [], data.batches
    monkeypatch.setattr(data, "batches", lambda *a, seed, **k: seeds.append(seed) or batches(*a, seed=seed, **k))
    command = ["--preset", "tiny", "--data", str(voice), "--run", str(tmp_path / "run"), "--frames", "4"]
    command += ["--resume", "wavenet-tiny", "--learning-rate", "1e-9"]
    train.main([*command, "--steps", "2"])
    state = json.loads((tmp_path / "run" / "state.json").read_text())
    assert state["step"] == 1002 and 2.5 < state["hours"] < 2.6
    for name, tensor in load_file(tmp_path / "run" / "average.safetensors").items():
        assert torch.allclose(tensor, shipped.state_dict()[name].half().float(), atol=1e-6), name
    train.main([*command, "--steps", "1"])
    assert seeds == [1000, 1002]  # neither run draws the crops of one before it
    assert "continuing" in capsys.readouterr().out
    model, state = measure.of_run(tmp_path / "run", "tiny")
    measure.ship("wavenet-tiny", model, state, [])
    card = weights.card("wavenet-tiny")
    assert card["steps"] == 1003 and 2.5 <= card["hours"] < 2.6
    first, second, third = card["training_command"].splitlines()
    assert first == "the first" and "--resume wavenet-tiny" in second and "--steps 2" in second and "--steps 1" in third
