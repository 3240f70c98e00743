"""The vocoder's other lessons: predicted mels that lie beside the sound they are predicted for; the command."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import soundfile
import torch
from small_tacotron import TEXT, network, spoken

from core import audio
from core.tacotron2 import data, sample, vocoder
from core.text.alignment import Alignment
from core.wavenet import data as corpus
from core.wavenet.model import WaveNet, WaveNetConfig


def recording(name: str, known: Alignment, seed: int) -> corpus.Recording:
    """Noise as long as the alignment says."""
    count = round(known.segments[-1].end_s * audio.SAMPLE_RATE_HZ)
    x = 0.1 * torch.randn(count, generator=torch.Generator().manual_seed(seed))
    return corpus.Recording(name, x, audio.mu_law_encode(x).to(torch.uint8), audio.mel(x))


@pytest.fixture
def two() -> tuple[list[corpus.Recording], dict[str, Alignment]]:
    known = {"slow": spoken(phone_s=0.12), "fast": spoken(phone_s=0.05)}
    return [recording(name, one, i) for i, (name, one) in enumerate(known.items())], known


def test_each_predicted_frame_belongs_to_its_moment(two, monkeypatch):
    """Where Tacotron 2 would predict perfectly, the pairs are those of the recording: its mel is that of its sound."""
    recordings, known = two

    def perfect(model, batch, *, own_attention):
        return replace(
            model.teach(batch.ids, batch.lengths, batch.mel, batch.alignment), after=batch.mel
        )  # fmt: skip

    monkeypatch.setattr(vocoder, "teacher_forced", perfect)
    made = list(vocoder.predicted(network(stop_bias=-5.0), recordings, known))
    assert [one.name for one in made] == ["fast", "slow"]
    for one in made:
        whole = next(r for r in recordings if r.name == one.name)
        assert len(one.audio) == len(one.codes) == (one.mel.shape[1] - 1) * audio.HOP_SAMPLES
        assert one.mel.shape[1] < whole.mel.shape[1] - 20  # silence of 0.25 and 0.5 s is cut to 0.1 and 0.2
        again = audio.mel(one.audio)
        assert again.shape == one.mel.shape
        inner = slice(4, -4)  # at the ends, the window sees what was cut off
        assert torch.allclose(again[:, inner], one.mel[:, inner], atol=1e-4)
        assert torch.equal(one.codes, audio.mu_law_encode(one.audio).to(torch.uint8))


def test_predictions_are_those_of_the_network_in_eval_mode(two):
    """A batch of one, without dropout: the same as the network called directly."""
    recordings, known = two
    model = network(stop_bias=-5.0)
    for own in (True, False):
        torch.manual_seed(1)
        one = next(vocoder.predicted(model, recordings[:1], known, own_attention=own))
        example = data.aligned(recordings[0], known["slow"])
        batch = data.collate([example], model.config.frames_per_step)
        torch.manual_seed(1)
        with torch.no_grad():
            out = (
                model(batch.ids, batch.lengths, batch.mel)
                if own
                else model.teach(batch.ids, batch.lengths, batch.mel, batch.alignment)
            )
        assert torch.equal(one.mel, out.after[0, :, : example.mel.shape[1]])


def test_recordings_without_an_alignment_are_left_out(two):
    recordings, known = two
    made = vocoder.predicted(network(stop_bias=-5.0), recordings, {"fast": known["fast"]})
    assert [one.name for one in made] == ["fast"]


def test_one_step_of_the_command(two, tmp_path, monkeypatch):
    """It begins from the shipped vocoder, counts on from its steps, and leaves a run that can be shipped."""
    recordings, known = two
    small = WaveNet(WaveNetConfig(
        residual_channels=8, gate_channels=16, skip_channels=8, head_channels=8, layers=4, layers_per_cycle=4,
        mel_channels=80, condition_channels=8,
    ))  # fmt: skip
    before = {name: tensor.clone() for name, tensor in small.state_dict().items()}
    monkeypatch.setattr(vocoder.weights, "load", lambda name: small)
    card = {"steps": 7, "hours": 1.0, "training_command": "python -m core.wavenet.train"}
    monkeypatch.setattr(vocoder.weights, "card", lambda name: card)
    monkeypatch.setattr(vocoder.alignment, "read", lambda path: known)
    monkeypatch.setattr(vocoder.sample, "load", lambda: network(stop_bias=-5.0))
    (tmp_path / "wavs").mkdir()
    for one in recordings:
        soundfile.write(tmp_path / "wavs" / f"{one.name}.wav", one.audio.numpy(), audio.SAMPLE_RATE_HZ)
    (tmp_path / "metadata.csv").write_text("".join(f"{name}|{TEXT}\n" for name in known))
    run = tmp_path / "run"
    vocoder.main(f"--data {tmp_path} --run {run} --steps 2 --batch 1 --frames 8 --evaluate-every 2".split())
    state = json.loads((run / "state.json").read_text())
    assert state["step"] == 9
    tuned, _ = vocoder.of_run(run)
    assert any(not torch.equal(before[name], tensor) for name, tensor in tuned.state_dict().items())


def test_without_a_length_or_a_question_there_is_nothing_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(sample, "load", lambda: None)
    with pytest.raises(SystemExit, match="--minutes"):
        vocoder.main(["--data", str(tmp_path)])
