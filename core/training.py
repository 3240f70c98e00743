"""The one training loop of the project: seed, device, resume, schedule, log, checkpoint.

A trainer brings a model, an endless iterator of batches and a function that computes the loss and the gradients;
`fit` does the rest. A run lives in a folder and continues from it; it may also begin from shipped weights.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import platform
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from core.team import Team

Batch = Any
TEAM = Team()  # the processes of this run; one, unless `accelerate launch` started more


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn: a warm-up, a plateau, then a straight line to zero.

    Give `steps` or `minutes` (of this run). decay: the last share of the run in which the rate falls.
    ema: decay of the moving average of the weights, which is what gets shipped.
    """

    steps: int | None = None
    minutes: float | None = None
    learning_rate: float = 2e-3
    warmup_steps: int = 100
    decay: float = 0.4
    ema: float = 0.999
    clip_norm: float = 1.0
    log_every: int = 50
    evaluate_every: int = 1000
    save_every: int = 500

    def progress(self, step: int, seconds: float) -> float:
        """Share of this run that is done, in [0, 1]."""
        parts = [0.0]
        if self.steps:
            parts.append(step / self.steps)
        if self.minutes:
            parts.append(seconds / 60 / self.minutes)
        return min(1.0, max(parts))

    def rate(self, step: int, progress: float) -> float:
        """Learning rate after `step` steps of this run."""
        return self.learning_rate * min(1.0, (step + 1) / self.warmup_steps, (1 - progress) / max(self.decay, 1e-9))


def prepare_cpu() -> None:
    """Two settings of this process that training on a CPU wants; call it before any thread starts.

    Numbers below 1e-38 become zero: momenta of units that no longer fire decay into such denormal numbers, and a
    matrix product of those takes many times as long. And glibc keeps freed blocks instead of returning them to the
    kernel: a step allocates and frees the same large activations again and again, and would pay for their pages
    anew. Each of the two made a step three times as long on the machine where this was written.
    """
    torch.set_flush_denormal(True)
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return  # not glibc: nothing to set
    libc.mallopt(-3, 2**25)  # M_MMAP_THRESHOLD: 32 MB is the most that glibc accepts
    libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def device_for(name: str = "auto") -> torch.device:
    """`auto` is the GPU where there is one; of several processes each has its own."""
    return TEAM.device(name)


def device_name(device: torch.device) -> str:
    """What a card says of the machine: the GPU's name, or the kind of CPU and the threads used."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        threads = torch.get_num_threads()
        name = f"{platform.machine()} CPU, {threads} thread{'s' if threads != 1 else ''}"
    return f"{TEAM.size} x {name}" if TEAM.size > 1 else name


def commit_hash() -> str:
    """Short hash of the code that trains, or "unknown" outside a git checkout."""
    run = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return run.stdout.strip() or "unknown"


class Checkpoint:
    """A run's folder: model, moving average and optimiser as safetensors, counters as JSON."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def steps(self) -> int:
        """Steps done so far; 0 if the folder holds no run."""
        path = self.folder / "state.json"
        return int(json.loads(path.read_text())["step"]) if path.exists() else 0

    def save(self, model: nn.Module, average: dict[str, Tensor], optimizer: torch.optim.Optimizer, state: dict) -> None:
        """Write everything beside the old files, then rename, so that a crash leaves whole files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        moments = {}
        for name, parameter in model.named_parameters():
            for key, value in optimizer.state.get(parameter, {}).items():
                moments[f"{name}|{key}"] = value.detach().clone().contiguous()
        tensors = {"model": model.state_dict(), "average": average, "optimizer": moments}
        for kind, values in tensors.items():
            save_file({k: v.contiguous() for k, v in values.items()}, self.folder / f"{kind}.part")
        (self.folder / "state.part").write_text(json.dumps(state, indent=1))
        for kind in tensors:
            os.replace(self.folder / f"{kind}.part", self.folder / f"{kind}.safetensors")
        os.replace(self.folder / "state.part", self.folder / "state.json")

    def load(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict] | None:
        """Restore the run in place; returns (average, state), or None if the folder holds none."""
        if not (self.folder / "state.json").exists():
            return None
        model.load_state_dict(load_file(self.folder / "model.safetensors"))
        moments = load_file(self.folder / "optimizer.safetensors")
        for name, parameter in model.named_parameters():
            found = {k.split("|")[1]: v for k, v in moments.items() if k.split("|")[0] == name}
            if found:
                optimizer.state[parameter] = {
                    k: v if k == "step" else v.to(parameter.device) for k, v in found.items()
                }
        device = next(model.parameters()).device
        average = {k: v.to(device) for k, v in load_file(self.folder / "average.safetensors").items()}
        return average, json.loads((self.folder / "state.json").read_text())


def run_options(parser: argparse.ArgumentParser) -> None:
    """What the command of every trainer takes that `opening` can open."""
    parser.add_argument("--resume", type=str, help="name of shipped weights to begin from")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")


def opening(options: argparse.Namespace) -> None:
    """How a trainer begins: its threads, its end, its seed; each of several processes draws batches of its own.

    Raises:
        SystemExit: neither steps nor minutes are given.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    if not (options.steps or options.minutes):
        raise SystemExit("Give --steps or --minutes.")
    torch.manual_seed(options.seed)
    options.seed += 1_000_003 * TEAM.rank


def begun_from(card: dict[str, Any]) -> dict[str, Any]:
    """The state in which a run begins from shipped weights: their steps and hours count, their commands are kept."""
    return {
        "step": int(card.get("steps", 0)), "hours": float(card.get("hours", 0.0)),
        "former_commands": str(card.get("training_command", "")).splitlines(),
    }  # fmt: skip


def commands(state: dict[str, Any]) -> str:
    """Every command that led to the state's weights, a line each, for the card."""
    return "\n".join(filter(None, [*state.get("former_commands", []), state.get("command", "")]))


def command_line(module: str, options: argparse.Namespace) -> str:
    """How to start such a run, for the card. A corpus is PATH; other folders, and --limit, are left out."""
    found = [f"accelerate launch --multi_gpu --num_processes {TEAM.size} -m" if TEAM.size > 1 else "python -m", module]
    corpora = ("data", "voices")
    for name, value in vars(options).items():
        folder = isinstance(value, Path) and name not in corpora
        if name == "limit" or folder or value is None or value is False or value == []:
            continue
        found.append("--" + name.replace("_", "-"))
        if isinstance(value, list):
            found += ["PATH"] if all(isinstance(one, Path) for one in value) else map(str, value)
        elif value is not True:
            found.append("PATH" if name in corpora else str(value))
    return " ".join(found)


def fit(
    model: nn.Module,
    batches: Iterator[Batch],
    step_loss: Callable[[Any, Batch], float],
    *,
    folder: Path,
    schedule: Schedule,
    evaluate: Callable[[Any], dict[str, float]] | None = None,
    seed: int = 0,
    optimizer: torch.optim.Optimizer | None = None,
    command: str = "",
    begun: dict[str, Any] | None = None,
    keep: Collection[int] = (),
) -> dict[str, Any]:
    """Train in place until the schedule ends or Ctrl-C, then leave the averaged weights in the model.

    Under `accelerate launch` all processes take each step together, with the mean of their gradients (core.team).

    Args:
        model: on its device already.
        batches: endless.
        step_loss: computes the loss, leaves the gradients in `.grad`, returns the loss as a number.
        folder: checkpoints and log.jsonl; a run found there is continued.
        evaluate: called with the averaged weights in place every `evaluate_every` steps and at the end.
        optimizer: Adam unless another is given; all its groups follow the schedule's rate.
        command: how to start such a run, for the card.
        begun: where a new run begins that goes on from other weights: `begun_from` their card.
        keep: steps whose averaged weights stay in the folder, as `step-N.safetensors`, in half precision.
    Returns:
        state: steps, hours and seed of all runs together, and the last evaluation.
    Raises:
        FloatingPointError: the loss is no longer finite.
    """
    prepare_cpu()
    torch.manual_seed(seed)
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=schedule.learning_rate, betas=(0.9, 0.99))
    checkpoint = Checkpoint(folder)
    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    state: dict[str, Any] = {"step": 0, "hours": 0.0, "seed": seed, **(begun or {})}
    restored = checkpoint.load(model, optimizer)
    if restored:
        average, state = restored
        print(f"continuing {folder} at step {state['step']}")
        if state.get("command") and state["command"] != command:
            state["former_commands"] = [*state.get("former_commands", []), state["command"]]
    state.update(command=command, commit=commit_hash(), device=device_name(next(model.parameters()).device))
    TEAM.begin_alike(model.state_dict(), average)
    folder.mkdir(parents=True, exist_ok=True)
    hours_before, local, started, recent = state["hours"], 0, time.perf_counter(), []
    evaluate = evaluate if TEAM.first else None
    if state["step"] in keep and TEAM.first:
        _keep(folder, state["step"], average)
    with _interrupt() as interrupted:
        while True:
            progress = TEAM.agreed(1.0 if interrupted else schedule.progress(local, time.perf_counter() - started))
            if progress >= 1:
                break
            rate = schedule.rate(local, progress)
            recent.append(_step(model, optimizer, step_loss, next(batches), rate, schedule.clip_norm))
            local += 1
            state["step"] += 1
            state["hours"] = hours_before + (time.perf_counter() - started) / 3600
            _average(average, model, min(schedule.ema, (1 + state["step"]) / (10 + state["step"])))
            if state["step"] in keep and TEAM.first:
                _keep(folder, state["step"], average)
            if state["step"] % schedule.log_every == 0:
                if TEAM.first:
                    _log(folder, state, {"loss": sum(recent) / len(recent), "rate": rate})
                recent.clear()
            if evaluate and state["step"] % schedule.evaluate_every == 0:
                state["evaluation"] = _with_average(model, average, evaluate)
                _log(folder, state, state["evaluation"])
            if state["step"] % schedule.save_every == 0 and TEAM.first:
                checkpoint.save(model, average, optimizer, state)
    if evaluate:
        state["evaluation"] = _with_average(model, average, evaluate)
        _log(folder, state, state["evaluation"])
    if TEAM.first:
        checkpoint.save(model, average, optimizer, state)
    model.load_state_dict(average)
    TEAM.leave()
    return state


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, step_loss: Callable, batch: Batch, rate: float, clip_norm: float
) -> float:
    """One update; returns the loss."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=False)
    loss: float = TEAM.mean(step_loss(model, batch))
    if not math.isfinite(loss):
        raise FloatingPointError(f"The loss is {loss}; continue from the last checkpoint with a lower learning rate.")
    TEAM.average_gradients(model.parameters())
    nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    return loss


@torch.no_grad()
def _average(average: dict[str, Tensor], model: nn.Module, decay: float) -> None:
    """average <- decay * average + (1 - decay) * weights (Polyak averaging)."""
    weights = model.state_dict()
    floats = [name for name, value in weights.items() if value.is_floating_point()]
    torch._foreach_lerp_([average[name] for name in floats], [weights[name] for name in floats], 1 - decay)
    for name in weights.keys() - set(floats):  # counters, such as those of batch normalisation
        average[name].copy_(weights[name])


@contextmanager
def _interrupt() -> Iterator[list[bool]]:
    """A list that is filled by Ctrl-C, so that a run ends between two steps."""
    pressed: list[bool] = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _with_average(model: nn.Module, average: dict[str, Tensor], evaluate: Callable) -> dict[str, float]:
    """Evaluate with the averaged weights, then put the learning ones back."""
    kept = {k: v.detach().clone() for k, v in model.state_dict().items()}
    model.load_state_dict(average)
    model.eval()
    with torch.no_grad():
        result = evaluate(model)
    model.train()
    model.load_state_dict(kept)
    return result


def _keep(folder: Path, step: int, average: dict[str, Tensor]) -> None:
    half = {k: v.half() if v.is_floating_point() else v for k, v in average.items()}
    save_file({k: v.contiguous() for k, v in half.items()}, folder / f"step-{step}.safetensors")


def _log(folder: Path, state: dict[str, Any], values: dict[str, float]) -> None:
    line = json.dumps({"step": state["step"], "hours": round(state["hours"], 4), **values})
    print(line, flush=True)
    with (folder / "log.jsonl").open("a") as file:
        file.write(line + "\n")
