"""MMDenseLSTM against MMDenseNet: the three networks, and that they are trained and scored alike."""

import json

import pytest
import soundfile
import torch

from core import training
from core.separation import ablation, data, train
from core.separation.model import PRESETS, MMDenseLSTM, Scale
from demos._separation import architecture
from demos._tab import LANGUAGES, strings

RATE_HZ = 16_000


@pytest.fixture
def folder(tmp_path):
    """Five short clips, called as in MIR-1K: noise below on the left, a tone above on the right."""
    generator = torch.Generator().manual_seed(0)
    names = ["abjones_1_01", "amy_1_02", "amy_9_09", "annar_1_01", "bobon_2_03", "davidson_1_02"]
    for i, name in enumerate(names):
        time = torch.arange(RATE_HZ) / RATE_HZ
        noise = torch.randn(RATE_HZ, generator=generator).cumsum(0)
        noise = 0.1 * (noise - noise.mean()) / noise.std()
        tone = 0.2 * torch.sin(2 * torch.pi * (2000.0 + 150 * i) * time)
        soundfile.write(tmp_path / f"{name}.wav", torch.stack([noise, tone], dim=1).numpy(), RATE_HZ)
    return tmp_path


def count(config) -> int:
    return sum(p.numel() for p in MMDenseLSTM(config).parameters())


def lstms(config) -> int:
    return sum(module.lstm is not None for module in MMDenseLSTM(config).modules() if isinstance(module, Scale))


@pytest.mark.parametrize(("preset", "near"), [("vocals", 0.01), ("tiny", 0.2)])  # few maps make coarse steps
def test_the_networks_differ_in_their_lstm_blocks_alone(preset, near) -> None:
    full, bare, wide = ablation.networks(PRESETS[preset]).values()
    assert full == PRESETS[preset] and lstms(full) > 0 and lstms(bare) == lstms(wide) == 0
    for config in (bare, wide):
        assert [band.layers for band in config.bands] == [band.layers for band in full.bands]
        assert [band.bins for band in config.bands] == [band.bins for band in full.bands]
        assert config.full.layers == full.full.layers and config.sources == full.sources
    assert count(bare) < count(full)
    assert count(wide) == pytest.approx(count(full), rel=near)
    assert all(a >= b for a, b in zip(wide.full.growth, bare.full.growth))


def test_parameters_are_counted() -> None:
    assert ablation.parameters(PRESETS["tiny"]) == count(PRESETS["tiny"])


def test_the_command_trains_scores_and_writes(folder, tmp_path, monkeypatch) -> None:
    target = tmp_path / "tables" / "ablation.json"
    table = ablation.main([
        "--data", str(folder), "--preset", "tiny", "--steps", "3", "--batch", "2", "--seconds", "0.25", "--clips", "2",
        "--table", str(target),
    ])  # fmt: skip
    assert json.loads(target.read_text()) == json.loads(json.dumps(table))
    assert str(folder) not in target.read_text() and "--data PATH" in table["command"]
    monkeypatch.setattr(architecture, "TABLE", target)
    for language in LANGUAGES:  # the page reads what the command writes
        shown = architecture.measured(strings("separation", language).cell("architecture"))
        assert shown.count("\n|") == 4 and "--data PATH" in shown and f"{count(PRESETS['tiny']):,}" in shown
    assert table["validation"] == ["amy_9_09"] and table["test"] == ["annar_1_01", "bobon_2_03"]
    assert table["train_clips"] == 2
    runs = {one["network"]: one for one in table["runs"]}
    assert tuple(runs) == ablation.NETWORKS
    assert all(one["steps"] == 3 and one["seconds_per_step"] > 0 for one in runs.values())
    assert [one["lstm_parameters"] > 0 for one in runs.values()] == [True, False, False]
    for one in runs.values():
        assert one["parameters"] == count(ablation.networks(PRESETS["tiny"])[one["network"]])
        for part in ("validation", "test"):
            figures = {"SDR", "SDR gain"} | {
                f"{figure}, {source}" for figure in ("GNSDR", "GSIR", "GSAR") for source in ("voice", "accompaniment")
            }
            assert set(one[part]) == figures and all(abs(value) < 100 for value in one[part].values())


def test_a_run_is_the_trainer_s_own(folder) -> None:
    """Trained by hand with the same functions, batches and seed, the network scores the same."""
    songs = data.load_mir1k(folder, part="train")
    held_out = data.load_mir1k(folder, part="validation")
    schedule = training.Schedule(steps=4, learning_rate=2e-3, ema=0.9, log_every=2)
    config = PRESETS["tiny"]
    found = ablation.run(
        "MMDenseLSTM", config, songs=songs, validation=held_out, test=held_out, schedule=schedule, batch=2,
        samples=4000, seed=3,
    )  # fmt: skip
    model = ablation.build(config, songs, 4000, 3)
    training.fit(
        model, data.batches(songs, batch=2, samples=4000, seed=3), train.step_loss, schedule=schedule, seed=3,
        folder=folder / "run",
    )  # fmt: skip
    expected = train.evaluate(model.eval(), held_out)
    assert found["validation"]["SDR"] == pytest.approx(expected["held_out_sdr"], abs=2e-3)
    assert found["validation"] == found["test"]


def test_minutes_become_steps_and_clips_are_spread(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(ablation, "seconds_per_step", lambda *_: 2.0)
    monkeypatch.setattr(ablation, "run", lambda name, config, **kept: {"steps": kept["schedule"].steps})
    table = ablation.main(
        ["--data", str(folder), "--preset", "tiny", "--minutes", "0.5", "--table", str(tmp_path / "t.json")]
    )
    assert [one["steps"] for one in table["runs"]] == [5, 5, 5]  # half a minute, three networks of 2 s a step
    songs = data.load_mir1k(folder, part="test")
    assert [song.name for song in ablation.spread(songs * 4, 3)] == ["annar_1_01", "bobon_2_03", "davidson_1_02"]
    assert ablation.spread(songs, 9) == songs


def test_a_step_is_timed(folder) -> None:
    songs = data.load_mir1k(folder, part="train")
    assert 0 < ablation.seconds_per_step(PRESETS["tiny"], songs, 1, 2000) < 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_s_table_says_who_is_ahead(language, tmp_path, monkeypatch) -> None:
    """Made-up scores, in which the widened network is ahead by 0.5 dB."""
    t = strings("separation", language).cell("architecture")
    path = tmp_path / "table.json"
    monkeypatch.setattr(architecture, "TABLE", path)
    assert "core.separation.ablation" in architecture.measured(t) and "|" not in architecture.measured(t)
    gains = {"MMDenseLSTM": 7.0, "MMDenseNet": 5.0, "MMDenseNet, widened": 7.5}
    scores = dict.fromkeys(architecture.SCORES, 1.0)
    runs = [
        {"network": name, "parameters": 1234, "seconds_per_step": 0.5, "test": {**scores, "GNSDR, voice": gain}}
        for name, gain in gains.items()
    ]
    table = {
        "command": "python -m x", "device": "<CPU>", "steps": 2000, "batch": 4, "crop_seconds": 2.0,
        "train_minutes": 23.1, "test": ["a", "b"], "runs": runs,
    }  # fmt: skip
    path.write_text(json.dumps(table))
    shown = architecture.measured(t)
    assert [line.count("|") for line in shown.splitlines() if line.startswith("|")] == [9] * 5
    best, second = (t(architecture.NETWORKS[name]) for name in ("MMDenseNet, widened", "MMDenseLSTM"))
    assert t("better", best=best, second=second, gap=0.5) in shown
    assert "7.50 dB" in shown and "2,000" in shown and "&lt;CPU&gt;" in shown and "<CPU>" not in shown


def test_the_table_is_the_command_s() -> None:
    assert architecture.TABLE == ablation.TABLE and tuple(architecture.NETWORKS) == ablation.NETWORKS
