"""Two processes under `accelerate launch` learn what one learns with batches twice as large."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from core import training
from core.team import Team

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = '''
import sys
from pathlib import Path
sys.path.insert(0, "tests/unit")
from test_team import learn
from core import training

folder, steps = Path(sys.argv[1]), int(sys.argv[2])
state = learn(folder, steps, rank=training.TEAM.rank, size=training.TEAM.size)
print("STATE", training.TEAM.rank, state["step"], state["device"])
'''
BATCH = 8


def learn(folder: Path, steps: int, *, rank: int, size: int) -> dict:
    """A small network on fixed batches, of which each process gets its share; it begins from numbers of its own."""
    torch.set_num_threads(1)
    training.opening(opened := type("Options", (), {"threads": 1, "steps": steps, "minutes": None, "seed": 0})())
    assert (opened.seed == 0) == (rank == 0)
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 2))
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=random) * 0.3 + rank)

    def batches():
        while True:
            x = torch.randn(BATCH, 5, generator=random)
            yield x[rank :: size], torch.stack([x.sum(1), x.prod(1)], 1)[rank :: size]

    def step(network, batch):
        loss = (network(batch[0]) - batch[1]).square().mean()
        loss.backward()
        return loss.item()

    often = {"log_every": 5, "evaluate_every": 5, "save_every": 5}
    schedule = training.Schedule(steps=steps, warmup_steps=2, clip_norm=0.5, **often)
    return training.fit(model, batches(), step, folder=folder, schedule=schedule, evaluate=lambda m: {"one": 1.0})


def launch(folder: Path, steps: int) -> str:
    program = folder.parent / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
               "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
               str(program), str(folder), str(steps)]  # several processes, on CPUs where there is no GPU  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_two_processes_give_what_one_gives(tmp_path):
    learn(tmp_path / "one", 12, rank=0, size=1)
    printed = launch(tmp_path / "two", 12)
    assert printed.count("STATE") == 2 and "STATE 1 12 2 x " in printed
    for kind in ("model", "average", "optimizer"):
        one, two = (load_file(tmp_path / name / f"{kind}.safetensors") for name in ("one", "two"))
        assert one.keys() == two.keys()
        for name, value in one.items():
            torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-6)
    logs = [[json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
            for name in ("one", "two")]  # fmt: skip
    assert len(logs[0]) == len(logs[1])  # written once, by the first process
    for first, second in zip(*logs, strict=True):
        assert abs(first.get("loss", 0) - second.get("loss", 0)) < 1e-5


def test_alone_nothing_of_accelerate_is_needed(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    team = Team()
    assert (team.size, team.rank, team.first, team.mean(2.5), team.agreed(0.25)) == (1, 0, True, 2.5, 0.25)
    layer = nn.Linear(2, 2)
    layer(torch.ones(1, 2)).sum().backward()
    before = layer.weight.grad.clone()
    team.average_gradients(layer.parameters())
    team.begin_alike(layer.state_dict())
    team.leave()
    assert torch.equal(layer.weight.grad, before) and team.device("cpu").type == "cpu"
