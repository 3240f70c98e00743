"""Trainers of the autoencoder, its prior and its second level: they learn, on generated voices; and causality."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from core import weights
from core.errors import DataError, SamplingError
from core.vqvae import cards, codebooks, conversion, data, hierarchy, measure, prior, sample, train
from core.vqvae.model import PRESETS, VQVAE
from core.wavenet.model import PRESETS as WAVENETS
from core.wavenet.model import WaveNet

TINY = PRESETS["tiny"]
SMALL_PRIOR = replace(prior.CONFIG, residual_channels=16, gate_channels=32, layers=4, layers_per_cycle=4)


def voice(path, hz, seconds=1.8):
    """A buzz whose pitch moves, in noise."""
    t = torch.arange(int(seconds * 16_000)) / 16_000
    phase = 2 * torch.pi * (hz * t + hz / 40 * torch.sin(6 * t))
    x = sum(torch.sin(k * phase) / k for k in range(1, 9)) + 0.05 * torch.randn(len(t))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (0.1 * x).numpy(), 16_000)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Kathleen's layout beside TSP's: FA with 8 sentences, so that 2 are left to train on, and MD."""
    folder = tmp_path_factory.mktemp("voices")
    torch.manual_seed(0)
    for number in range(4):
        voice(folder / "kathleen/wavs" / f"arctic_b{477 + number:04d}.wav", 200 + 10 * number)
    for number in range(8):
        voice(folder / "tsp/opus" / f"FA01_{number:02d}.wav", 220 + 5 * number)
    voice(folder / "tsp/opus" / "MD19_01.wav", 100)
    return folder / "kathleen", folder / "tsp"


def test_held_out_sentences_and_speakers_stay_out(corpora):
    training = data.load(*corpora, speakers=("kathleen", "FA"))
    held_out = data.load(*corpora, speakers=("kathleen", "FA"), held_out=True)
    names = {u.recording.name for u in training}
    assert names == {"arctic_b0477", "arctic_b0478", "arctic_b0479", "FA01_00", "FA01_01"}
    assert names.isdisjoint({u.recording.name for u in held_out}) and len(held_out) == 7
    assert {u.speaker for u in training} == {0, 1}
    assert [u.recording.name for u in data.unseen(corpora[1])] == ["MD19_01"]


def test_subfolders_name_speakers_too(tmp_path):
    for name in ("anna", "bo"):
        voice(tmp_path / name / "1.wav", 200, seconds=0.2)
    assert {name: len(paths) for name, paths in data.voices(tmp_path).items()} == {"anna": 1, "bo": 1}


def test_a_missing_speaker_is_named(corpora):
    with pytest.raises(DataError, match=r"no voice FB; it has FA, MD"):
        data.load(*corpora)


def test_no_warp_changes_nothing_and_a_warp_moves_the_peak():
    mel = torch.zeros(2, 80, 3)
    mel[:, 40] = 1.0
    out = data.warped(mel, torch.tensor([1.0, 1.1]))
    assert torch.allclose(out[0], mel[0], atol=1e-6)
    centres = data._centres_hz()
    assert centres[int(out[1, :, 0].argmax())] == pytest.approx(centres[40] / 1.1, rel=0.05)


def test_the_mean_of_a_warped_mel_is_its_warped_mean():
    mel, factors = torch.randn(3, 80, 50), torch.tensor([0.9, 1.0, 1.12])
    expected = data.warped(mel.mean(dim=2), factors)
    assert torch.allclose(data.warped(mel, factors).mean(dim=2), expected, atol=1e-5)


def test_crops_are_of_the_recording_they_name(corpora):
    utterances = data.load(*corpora, speakers=("kathleen", "FA"))
    batch = next(data.batches(utterances, batch=4, frames=40, warp=0.0))
    assert torch.allclose(batch.mel, batch.heard, atol=1e-5)
    for mel, mean, speaker in zip(batch.mel, batch.mean, batch.speaker.tolist()):
        [one] = [u for u in utterances if torch.equal(u.mean, mean)]
        windows = one.mel.unfold(1, 40, 1)  # [80, starts, 40]
        assert one.speaker == speaker and bool((windows == mel[:, None]).all(dim=2).all(dim=0).any())


def test_one_batch_is_learned_by_heart(corpora):
    torch.manual_seed(0)
    batch = next(data.batches(data.load(*corpora, speakers=("kathleen", "FA")), batch=4, frames=32, warp=0.0))
    for quantiser in ("vq", "argmax"):
        model = VQVAE(replace(TINY, quantiser=quantiser, commitment=0.02)).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
        errors = []
        for _ in range(100):
            optimizer.zero_grad()
            train.spectral_step(model, batch)
            optimizer.step()
            with torch.no_grad():
                errors.append(float(train.losses(model(batch.heard, batch.speaker), batch, None)["mel"]))
        assert errors[-1] < 0.6 * errors[10], quantiser
        assert len(model.encode(batch.heard).unique()) > 4


def test_the_waves_gradient_reaches_the_encoder(corpora):
    """Through the WaveNet, the frames, the codes: straight through."""
    torch.manual_seed(0)
    front = VQVAE(TINY).train()
    wavenet = WaveNet(replace(WAVENETS["tiny"], mel_channels=80, condition_channels=16, harmonics=1,
                              condition_hop_samples=10))  # fmt: skip
    joint = train.Joint({"one": front}, wavenet)
    utterances = data.load(*corpora, speakers=("kathleen", "FA"))
    from core.wavenet import pitch_train

    clocked = [data.with_mel(u, pitch_train.clocked(u.recording, wavenet.config).mel) for u in utterances[:2]]
    batch = next(data.wave_batches(clocked, batch=1, frames=4, context=8, listeners=3))
    assert batch.codes.shape == (1, 800) and len(batch.mel) == 3
    heard = train.listen(front, batch)
    train.wave_bits(heard, wavenet, batch).backward()
    assert float(front.encoder.first.linear.weight.grad.abs().max()) > 0
    assert float(wavenet.head2.weight.grad.abs().max()) > 0
    front.zero_grad()
    assert np.isfinite(train.wave_step(joint, batch))


def run(corpora, folder, *more):
    arguments = [
        "--data",
        str(corpora[0]),
        "--voices",
        str(corpora[1]),
        "--threads",
        "1",
        "--run",
        str(folder),
        *more,
    ]
    return arguments


def test_both_phases_prior_and_second_level_run_from_the_command_line(corpora, tmp_path, monkeypatch):
    """Each trainer a few steps, each fed with what the one before has left; then everything is shipped and loaded."""
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    tiny = WaveNet(replace(WAVENETS["tiny"], mel_channels=80, condition_channels=16, harmonics=1,
                           condition_hop_samples=10))  # fmt: skip
    state = {"seed": 0, "step": 1, "hours": 0.0}
    cards.ship("vqvae-decoder", tiny, state, []).rename(tmp_path / "weights/wavenet-vocoder")
    speakers = ["--speakers", "kathleen", "FA"]
    for name in ("vqvae-speech", "vqvae-argmax"):
        preset = ["--quantiser", "argmax"] if name.endswith("argmax") else []
        train.main(run(corpora, tmp_path / f"{name}-spectral", "--preset", "tiny", "--steps", "3", "--frames", "32",
                       *speakers, *preset))  # fmt: skip
    fronts = [str(tmp_path / f"vqvae-{kind}-spectral") for kind in ("speech", "argmax")]
    train.main(run(corpora, tmp_path / "wave", "--phase", "wave", "--steps", "2", "--frames", "4", *speakers,
                   "--fronts", *fronts))  # fmt: skip
    told = json.loads((tmp_path / "wave/vqvae_speech/state.json").read_text())
    assert told["step"] == 4 and len(told["former_commands"]) == 1
    for name, place in (
        ("vqvae-speech", "vqvae_speech"),
        ("vqvae-argmax", "vqvae_argmax"),
        ("vqvae-decoder", "decoder"),
    ):
        cards.ship(name, *cards.of_run(name, tmp_path / "wave" / place), [])
    prior.main(run(corpora, tmp_path / "prior", "--steps", "2", "--batch", "2"))
    hierarchy.main(run(corpora, tmp_path / "second", "--steps", "2", "--batch", "2"))
    for name in ("prior", "second"):
        cards.ship(f"vqvae-{name}", *cards.of_run(f"vqvae-{name}", tmp_path / name), [])
    second = weights.load("vqvae-second")
    codes = second.expand(second.draw(3, seed=1), seed=2)
    assert codes.shape == (24,) and int(codes.max()) < 16
    assert prior.draw(weights.load("vqvae-prior"), 5).shape == (5,)


def test_snapshots_of_codebooks(corpora, tmp_path):
    utterances = data.load(*corpora, speakers=("kathleen", "FA"))
    table = codebooks.watch(TINY, utterances, utterances[:2], tmp_path, steps=(0, 2))
    one = codebooks.Snapshots(**table)
    assert one.counts.shape == (2, 16) and one.codes.shape == (2, 16, 2)
    places = sum(-(-u.mel.shape[1] // 2) for u in utterances[:2])
    assert one.counts.sum(axis=1).tolist() == [places, places]
    assert one.dead.tolist() == (one.counts == 0).sum(axis=1).tolist()
    assert (one.perplexity >= 1).all() and (one.perplexity <= 16).all()
    with pytest.raises(DataError, match="git checkout"):
        codebooks.load(tmp_path / "none.npz")


def test_a_prior_sees_the_past_only():
    torch.manual_seed(0)
    model = prior.network(16, SMALL_PRIOR).eval()
    codes = torch.randint(0, 16, (1, 40))
    other = codes.clone()
    other[0, 20] = (other[0, 20] + 1) % 16
    before, after = model(codes), model(other)  # [1, 16, 40]
    assert torch.allclose(before[..., :21], after[..., :21], atol=1e-6)
    assert not torch.allclose(before[..., 21], after[..., 21], atol=1e-4)


def test_a_prior_learns_a_melody():
    """Codes that count up in steps of 3: after a minute of training it continues them."""
    torch.manual_seed(0)
    model = prior.network(16, SMALL_PRIOR).train()
    rows = torch.stack([(torch.arange(60) * 3 + start) % 16 for start in range(8)])
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(40):
        optimizer.zero_grad()
        prior.step(model, rows)
        optimizer.step()
    out = prior.draw(model.eval(), 10, prime=rows[3, :30], temperature=0.3)
    assert out.tolist() == rows[3, 30:40].tolist()


def test_counting_is_the_cross_entropy_of_counts():
    train_codes, held = [torch.tensor([0, 0, 1, 2])], [torch.tensor([0, 1])]
    p = (np.array([2, 1, 1, 0]) + 1) / 8  # one more of each
    assert prior.frequencies_bits(train_codes, held, 4) == pytest.approx(-np.log2(p[[0, 1]]).mean())
    after = (1 + 20 * p[1]) / (2 + 20)  # 0 was followed by 0 and by 1
    expected = -(np.log2(p[0]) + np.log2(after)) / 2
    assert prior.frequencies_bits(train_codes, held, 4, order=1) == pytest.approx(expected)


def test_sequences_begin_where_sentences_begin():
    versions = [[torch.arange(10) + 100 * k, torch.arange(10) + 100 * k + 50] for k in range(3)]
    rows = next(prior.sequences(versions, batch=6, length=25))
    assert rows.shape == (6, 25)
    assert all(int(row[0]) % 50 == 0 and int(row[10]) % 50 == 0 and int(row[24]) % 50 == 4 for row in rows)


def test_the_second_level_covers_eight_codes():
    model = hierarchy.SecondLevel(hierarchy.SecondLevelConfig(first_codes=16, first_channels=8, codes=4)).eval()
    assert model.encode(torch.randn(2, 43, 8)).shape == (2, 5)
    with pytest.raises(SamplingError, match="multiple of 8"):
        model(torch.randn(1, 12, 8))
    for bad in (torch.tensor([4]), torch.zeros(0).long(), torch.zeros(1000).long()):
        with pytest.raises(SamplingError):
            model.expand(bad)
    with pytest.raises(SamplingError):
        prior.draw(model.prior, 0)


def test_the_decoder_of_the_second_level_sees_its_code_and_the_past():
    torch.manual_seed(0)
    model = hierarchy.SecondLevel(hierarchy.SecondLevelConfig(first_codes=16, first_channels=8, codes=4)).eval()
    torch.nn.init.normal_(model.quantiser.codebook)
    draws = [model.expand(torch.tensor(codes), seed=1) for codes in ([0] * 8, [0] * 7 + [3])]
    assert torch.equal(draws[0][:32], draws[1][:32])  # the conditioner looks two codes ahead, not further
    assert model.config.decoder().receptive_field_samples == 32


def test_a_portrait_knows_pitch_and_spectrum():
    t = torch.arange(16_000) / 16_000
    noise = 0.01 * torch.randn(len(t), generator=torch.Generator().manual_seed(0))  # above the mel's floor
    buzz = [
        noise + sum(torch.sin(2 * torch.pi * k * hz * t) / k for k in range(1, 20)) * 0.1 for hz in (120.0, 240.0)
    ]
    low, high = (conversion.portrait([x]) for x in buzz)
    assert low.f0_hz == pytest.approx(120, abs=2) and high.f0_hz == pytest.approx(240, abs=4)
    assert conversion.distance_db(low, conversion.portrait([0.3 * buzz[0]])) < 0.2  # a level is no voice
    assert conversion.distance_db(low, high) > 1


def test_the_shipped_portraits_are_four():
    assert list(conversion.portraits()) == ["kathleen", "FA", "FB", "MC"]
    assert conversion.portraits()["MC"].f0_hz < conversion.portraits()["FB"].f0_hz


def test_a_folder_says_itself_what_is_held_out(tmp_path):
    for name in ("train/a", "train/b", "held-out/c"):
        voice(tmp_path / f"{name}.wav", 220, seconds=0.5)
    found = [[u.recording.name for u in data.load(tmp_path, held_out=part, speakers=("piano",))] for part in (0, 1)]
    assert found == [["a", "b"], ["c"]]


def test_a_wavenet_without_its_clock_is_the_one_that_hears_nothing_voiced():
    """Until either is trained on: a new network's upsampling is linear, as is the way from moment to moment."""
    torch.manual_seed(0)
    clocked = WaveNet(replace(WAVENETS["tiny"], mel_channels=80, condition_channels=16, harmonics=1,
                              condition_hop_samples=10)).eval()  # fmt: skip
    plain = train.without_clock(clocked).eval()
    codes, mel = torch.randint(0, 256, (1, 1000)), torch.randn(1, 80, 6) - 5
    unvoiced = torch.cat([mel, torch.zeros(1, clocked.config.prepared_channels - 80, 6)], dim=1)
    with torch.no_grad():
        assert torch.allclose(plain(codes, mel), clocked(codes, unvoiced), atol=1e-4)


def test_piano_goes_through_both_phases(tmp_path, monkeypatch):
    """No pitch is read, nothing is warped; the decoder that is left has no clock, and the pair plays."""
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    for name in ("train/a", "held-out/b"):
        voice(tmp_path / f"piano/{name}.wav", 220)
    clocked = WaveNet(replace(WAVENETS["tiny"], mel_channels=80, condition_channels=16, harmonics=1,
                              condition_hop_samples=10))  # fmt: skip
    cards.ship("vqvae-decoder", clocked, {"seed": 0, "step": 1, "hours": 0.0}, []).rename(
        tmp_path / "weights/wavenet-vocoder"
    )
    common = ["--preset", "piano", "--data", str(tmp_path / "piano"), "--threads", "1", "--batch", "2"]
    monkeypatch.setattr(train, "reader", lambda: pytest.fail("no pitch is to be read"))
    train.main([*common, "--run", str(tmp_path / "spectral"), "--steps", "1", "--frames", "32"])
    train.main([*common, "--phase", "wave", "--run", str(tmp_path / "wave"), "--steps", "1", "--frames", "4",
                "--fronts", str(tmp_path / "spectral")])  # fmt: skip
    for name, place in (("vqvae-piano", "spectral"), ("vqvae-piano-decoder", "decoder")):
        cards.ship(name, *cards.of_run(name, tmp_path / "wave" / place), [])
    coder = sample.load("vqvae-piano")
    assert coder.speakers == ("piano",) and coder.codes_per_s == 80 and coder.wavenet.config.harmonics == 0
    assert len(coder.speak(torch.tensor([3, 4]), seed=1).audio) == 400
    assert "CC BY-NC-SA" in weights.card("vqvae-piano")["data"][0]["license"]


def test_chroma_agrees_with_itself_and_an_octave_but_not_with_another_note():
    t = torch.arange(16_000) / 16_000
    c4, c5, fis = (torch.sin(2 * torch.pi * hz * t) * 0.2 for hz in (261.63, 523.25, 369.99))
    assert measure.chroma_agreement(c4, 0.3 * c4) == pytest.approx(1.0, abs=1e-3)
    assert measure.chroma_agreement(c4, c5) > 0.9 and measure.chroma_agreement(c4, fis) < 0.3
