"""The training loop against closed forms: schedule, averaging, resuming, and what a crash leaves behind."""

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from core import training


class Quadratic(nn.Module):
    """Its loss has the gradient w - 3."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(2))


def loss(model: Quadratic, batch: float) -> float:
    value = 0.5 * ((model.w - batch) ** 2).sum()
    value.backward()
    return value.item()


def run(folder, steps, model=None, **options):
    model = model or Quadratic()
    schedule = training.Schedule(steps=steps, warmup_steps=1, decay=0.0, log_every=1, **options)
    return model, training.fit(model, itertools.repeat(3.0), loss, folder=folder, schedule=schedule)


def test_the_rate_warms_up_stays_and_falls_to_zero():
    schedule = training.Schedule(steps=1000, learning_rate=1.0, warmup_steps=100, decay=0.5)
    rates = [schedule.rate(step, schedule.progress(step, 0.0)) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[99:501] == pytest.approx([1.0] * 402)
    assert rates[750] == pytest.approx(0.5)
    assert rates[999] == pytest.approx(0.002)


def test_minutes_count_as_well_as_steps():
    schedule = training.Schedule(steps=1000, minutes=1.0)
    assert schedule.progress(10, 30.0) == 0.5
    assert schedule.progress(900, 30.0) == 0.9
    assert schedule.progress(0, 61.0) == 1.0


def test_a_run_in_two_parts_equals_one_run(tmp_path):
    _, _ = run(tmp_path / "parts", 5)
    parts, state = run(tmp_path / "parts", 5)
    whole, _ = run(tmp_path / "whole", 10)
    assert state["step"] == 10
    assert torch.equal(parts.w, whole.w)  # weights, both Adam moments and the average were restored


def test_a_run_from_shipped_weights_goes_on_counting(tmp_path):
    card = {"steps": 20_000, "hours": 4.0, "training_command": "train --steps 15000\ntrain --resume it --steps 5000"}
    schedule = training.Schedule(steps=4, warmup_steps=1, decay=0.0, ema=0.9)

    def go_on():
        return training.fit(
            Quadratic(), itertools.repeat(3.0), loss, folder=tmp_path, schedule=schedule, command="train --resume it",
            begun=training.begun_from(card),
        )  # fmt: skip

    first = go_on()
    assert first["step"] == 20_004 and 4.0 < first["hours"] < 4.1
    second = go_on()  # the folder holds a run now, which has counted the shipped steps already
    assert second["step"] == 20_008 and first["hours"] < second["hours"] < 4.1
    assert json.loads((tmp_path / "state.json").read_text()) == second
    assert training.commands(second).splitlines() == [*card["training_command"].splitlines(), "train --resume it"]
    assert training.commands({"step": 1, "command": "train"}) == "train" and training.commands({}) == ""


def test_what_is_left_in_the_model_is_the_moving_average(tmp_path):
    seen = []

    def spy(model, batch):
        seen.append(model.w.detach().clone())
        return loss(model, batch)

    model = Quadratic()
    schedule = training.Schedule(steps=4, warmup_steps=1, decay=0.0, ema=0.5)
    training.fit(model, itertools.repeat(3.0), spy, folder=tmp_path, schedule=schedule)
    from safetensors.torch import load_file

    after = [*seen[1:], load_file(tmp_path / "model.safetensors")["w"]]
    average = torch.zeros(2)
    for step, w in enumerate(after, start=1):
        decay = min(0.5, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * w
    assert torch.allclose(model.w, average, atol=1e-6)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tmp_path):
    run(tmp_path, 3)
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(FloatingPointError, match="learning rate"):
        training.fit(
            Quadratic(), itertools.repeat(float("nan")), loss, folder=tmp_path, schedule=training.Schedule(steps=2)
        )
    assert (tmp_path / "model.safetensors").read_bytes() == before


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = ["tests/unit"]
from core import training
from test_training import run
whole = training.save_file
def half(tensors, path):
    whole(tensors, path)
    os.truncate(path, os.path.getsize(path) // 2)
    if path.name.startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
training.save_file = half
run(Path(sys.argv[1]), 4)
"""


def test_a_run_that_is_killed_while_it_writes_goes_on_from_the_checkpoint_before(tmp_path):
    killed, other = tmp_path / "killed", tmp_path / "other"
    run(killed, 3)
    done = subprocess.run([sys.executable, "-c", KILLED, str(killed), "optimizer"], check=False, timeout=120)
    assert done.returncode == -9 and (killed / "optimizer.part").exists()
    after, state = run(killed, 2)
    run(other, 3)
    undisturbed, _ = run(other, 2)
    assert state["step"] == 5 and torch.equal(undisturbed.w, after.w)


def test_the_log_has_a_line_for_each_report(tmp_path):
    run(tmp_path, 3)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert lines[0]["loss"] == pytest.approx(9.0)  # 2 x 0.5 x 3^2 at w = 0


def test_evaluation_sees_the_average_and_leaves_the_weights(tmp_path):
    values = []
    model = Quadratic()
    schedule = training.Schedule(steps=3, warmup_steps=1, decay=0.0, ema=0.9, evaluate_every=1)

    def evaluate(m):
        values.append(m.w.detach().clone())
        return {"w": float(m.w[0])}

    state = training.fit(model, itertools.repeat(3.0), loss, folder=tmp_path, schedule=schedule, evaluate=evaluate)
    assert torch.equal(values[-1], model.w)
    assert state["evaluation"]["w"] == pytest.approx(float(model.w[0]))


def test_training_flushes_denormal_numbers():
    """In a process of its own, since the setting stays: half of the smallest normal number becomes zero."""
    code = (
        "import torch; from core import training; x = torch.full((64,), 1.2e-38)\n"
        "before = float((x * 0.5).abs().sum()); training.prepare_cpu(); print(before > 0, float((x * 0.5).abs().sum()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "0.0"]


def test_the_command_of_a_card_names_no_folder_of_this_machine():
    options = argparse.Namespace(
        data=Path("/somebody/speech"), run=Path("/somebody/runs"), alignment=Path("/x.json"), minutes=2.5, steps=None,
        own_attention=True, quick=False, keep=[1, 20], nothing=[], limit=3, learning_rate=1e-3,
    )  # fmt: skip
    line = training.command_line("core.some.train", options)
    wanted = "python -m core.some.train --data PATH --minutes 2.5 --own-attention --keep 1 20 --learning-rate 0.001"
    assert line == wanted


def test_a_continued_run_keeps_the_commands_before_it(tmp_path):
    model = torch.nn.Linear(2, 1)

    def loss(model, _):
        value = model(torch.ones(1, 2)).square().sum()
        value.backward()
        return float(value)

    for command in ("first", "second", "second"):
        schedule = training.Schedule(steps=2)
        state = training.fit(
            model, iter(range(9)), loss, folder=tmp_path, schedule=schedule, command=command, keep=(1, 3)
        )
    assert training.commands(state).splitlines() == ["first", "second"] and state["step"] == 6
    kept = {path.name: load_file(path)["weight"] for path in tmp_path.glob("step-*.safetensors")}
    assert set(kept) == {"step-1.safetensors", "step-3.safetensors"}
    assert all(weight.dtype == torch.float16 for weight in kept.values())
