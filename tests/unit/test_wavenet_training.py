"""The WaveNet trainer: held-out data stays out, the fused gradients are those of autograd, it runs and resumes."""

from dataclasses import replace

import pytest
import soundfile
import torch
import torch.nn.functional as F

from core import audio
from core.errors import DataError
from core.wavenet import data, fused, train
from core.wavenet.model import PRESETS, WaveNet

SMALL = replace(PRESETS["tiny"], hop_samples=20, condition_channels=24)


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


@pytest.mark.parametrize("mel_channels", [0, 80])
@pytest.mark.parametrize("batch", [1, 3])
def test_fused_gradients_equal_automatic_differentiation(mel_channels, batch):
    torch.manual_seed(0)
    config = replace(SMALL, mel_channels=mel_channels)
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
        results.append((loss.item(), {name: p.grad.clone() for name, p in model.named_parameters()}))
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


def test_the_command_trains_resumes_and_evaluates(tmp_path, capsys):
    folder = corpus(tmp_path / "voice", ["a", "b", "c"])
    command = ["--preset", "tiny", "--data", str(folder), "--run", str(tmp_path / "run"), "--frames", "4"]
    train.main([*command, "--steps", "2"])
    train.main([*command, "--steps", "1"])
    printed = capsys.readouterr().out
    assert "continuing" in printed and '"step": 3' in printed
    assert "held_out_bits_per_sample" in printed
