"""The gate ablation: equal sizes, equal batches, one step of its trainer, and the table it left."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import soundfile
import torch

from core.wavenet import ablation, data
from core.wavenet.model import WaveNet, WaveNetConfig
from demos._tab import LANGUAGES, strings
from demos._wavenet import naive_checks

SMALL = WaveNetConfig(
    residual_channels=8, gate_channels=16, skip_channels=8, head_channels=8, layers=3, layers_per_cycle=3,
    condition_channels=8,
)  # fmt: skip


@pytest.fixture
def corpus(tmp_path):
    """Twelve short sounds that no network has heard."""
    random = np.random.default_rng(0)
    folder = tmp_path / "corpus/wavs"
    folder.mkdir(parents=True)
    for number in range(12):
        t = np.arange(8000) / 16_000
        x = 0.4 * np.sin(2 * np.pi * (200 + 40 * number) * t) + 0.01 * random.standard_normal(8000)
        soundfile.write(folder / f"s{number:02d}.wav", x, 16_000)
    return tmp_path / "corpus"


def moving(config: WaveNetConfig, mel: bool) -> int:
    """Numbers that learn, by experiment: those that some batch gives a gradient."""
    torch.manual_seed(0)
    model = WaveNet(config)
    codes = torch.arange(512).remainder(256)[torch.randperm(512)][None].repeat(3, 1)
    out = model(codes, torch.randn(3, config.mel_channels, 3) if mel else None)
    out.logsumexp(1).sub(out.gather(1, codes[:, None])[:, 0]).sum().backward()
    dead = 0
    for layer in model.layers:  # whole rows of the dilated convolution that never get a gradient
        still = (layer.dilated.weight.grad == 0).all(dim=1) & (layer.dilated.bias.grad == 0)
        dead += int(still.sum()) * (layer.dilated.weight.shape[1] + 1)
    if mel:
        still = (model.condition.project.weight.grad == 0).all(dim=1)
        dead += int(still.sum()) * (model.condition.project.weight.shape[1] + 1)
    return sum(p.numel() for p in model.parameters()) - dead


@pytest.mark.parametrize("mel", [0, 80])
def test_parameters_that_learn(mel):
    base = ablation.replace(SMALL, mel_channels=mel)
    for gate in ablation.GATES:
        config = ablation.config_for(gate, base)
        if gate == "relu":  # a hidden unit that is never on gets no gradient either: more inputs, fewer such units
            assert moving(config, bool(mel)) <= ablation.learning_parameters(config)
            assert moving(config, bool(mel)) > 0.9 * ablation.learning_parameters(config)
        else:
            assert moving(config, bool(mel)) == ablation.learning_parameters(config)


@pytest.mark.parametrize("base", [SMALL, ablation.BASE, ablation.replace(ablation.BASE, mel_channels=80)])
def test_the_three_networks_are_of_one_size(base):
    sizes = [ablation.learning_parameters(ablation.config_for(gate, base)) for gate in ablation.GATES]
    assert sizes[0] == sizes[1]
    assert sizes[2] == pytest.approx(sizes[0], rel=0.01)
    assert ablation.config_for("relu", base).gate_channels > base.gate_channels


def test_no_other_gate():
    with pytest.raises(ValueError, match="multiply, add, relu"):
        ablation.config_for("maxout")


def test_one_step_of_the_trainer(corpus, tmp_path):
    arguments = ["--data", str(corpus), "--steps", "1", "--seeds", "3", "--batch", "1", "--frames", "2"]
    table = ablation.main([*arguments, "--held-out", "1", "--table", str(tmp_path / "table.json")])
    assert json.loads((tmp_path / "table.json").read_text()) == table
    assert [run["gate"] for run in table["runs"]] == list(ablation.GATES)
    for run in table["runs"]:
        (step, bits) = run["held_out"][-1]
        assert step == 1 and math.isfinite(bits) and 6 < bits < 10  # untrained: about log2 of 256 codes
    assert str(corpus) not in table["command"]
    assert table["command"].endswith("--data PATH --steps 1 --batch 1 --frames 2 --held-out 1 --seeds 3")
    more = ablation.main([*arguments[:4], "--seeds", "4", "--batch", "1", "--frames", "2", "--held-out", "1",
                          "--gates", "add", "--add", "--table", str(tmp_path / "table.json")])  # fmt: skip
    assert more["seeds"] == [3, 4] and more["runs"][:3] == table["runs"] and more["runs"][3]["gate"] == "add"


def test_every_gate_gets_the_same_batches(corpus):
    recordings = data.load(corpus)
    streams = [data.batches(recordings, batch=2, frames=3, seed=5) for _ in range(2)]
    for _ in range(3):
        (codes, mel), (again, mel_again) = next(streams[0]), next(streams[1])
        assert torch.equal(codes, again) and torch.equal(mel, mel_again)


def test_training_lowers_the_loss(corpus):
    from core.training import Schedule

    recordings = data.load(corpus)
    schedule = Schedule(steps=40, learning_rate=1e-2, warmup_steps=5, ema=0.9, log_every=5, evaluate_every=20)
    out = ablation.run(
        "add", 0, recordings=recordings, held_out=recordings[:1], schedule=schedule, batch=2, frames=2, base=SMALL
    )
    assert out["train"][-1][1] < out["train"][0][1] - 0.5
    assert [step for step, _ in out["held_out"]] == [20, 40]


def test_the_shipped_table_is_whole():
    table = json.loads(ablation.TABLE.read_text())
    assert {(run["gate"], run["seed"]) for run in table["runs"]} == {
        (gate, seed) for gate in ablation.GATES for seed in table["seeds"]
    }
    base = WaveNetConfig(**table["base"])
    for run in table["runs"]:
        assert run["held_out"][-1][0] == run["train"][-1][0] == table["steps"]
        assert all(0 < bits < 9 for _, bits in run["train"] + run["held_out"])
        assert run["learning_parameters"] == ablation.learning_parameters(ablation.config_for(run["gate"], base))
    assert set(table["held_out_recordings"]) <= data.HELD_OUT
    bits, seeds = naive_checks.final_bits(table), naive_checks.ends_by_seed(table)
    between_seeds = max(max(ends) - min(ends) for ends in seeds.values())  # "differences this small order nothing"
    assert max(abs(bits[gate] - bits["multiply"]) for gate in ("add", "relu")) < between_seeds
    for language in LANGUAGES:  # the sentence under the figure carries the table's own numbers
        words = strings("wavenet", language).cell("naive")
        ends = [run["held_out"][-1][1] for run in table["runs"] if run["gate"] == "add"]
        assert f"{sum(ends) / len(ends):.3f}" in naive_checks.ablation(words)["summary"]
