"""The benchmark of the CUDA kernel on a made-up GPU: its order, what it says where something is absent, its file.

Every number here is invented; the file lies in a temporary folder and is what the page then shows.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace

import on_cpu
import pytest
import torch
from test_wavenet_engines import CONFIGS, network

from benchmarks import cuda_latency, wavenet_cuda
from core.errors import EngineError
from core.wavenet import cuda_timeline, engines, generate
from core.wavenet.engines import cuda_device, cuda_plan
from core.wavenet.engines.cuda import CudaEngineFp32
from core.wavenet.model import PRESETS
from demos._tab import strings
from demos._wavenet import gpu as cell

H100 = {"architecture": 90, "shared_limit": 232_448, "multiprocessors": 132}
STEP_SPEEDS = {"one stage": 11_000.0, "spread": 22_000.0, "resident": 33_000.0, "registers": 88_000.0}


class MadeUpGpu:
    """Has a layout, and runs nothing."""

    device, most_pipelines, architecture = torch.device("cpu"), 8, 90
    shared_limit, multiprocessors = H100["shared_limit"], H100["multiprocessors"]

    def __init__(self, config, weight="fp16", index=0, plan=None):
        self.plan = plan or cuda_plan.choose(config, weight=weight, **H100)


@pytest.fixture
def made_up(monkeypatch):
    """A GPU with made-up speeds, by layout and batch; compiling is left out."""
    monkeypatch.setattr(engines, "why_not", lambda name, model=None: "")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Abacus 9000")
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(cuda_device, "Gpu", MadeUpGpu)
    monkeypatch.setattr(cuda_device, "gpu_for", lambda model, weight: MadeUpGpu(model.config, weight))
    compiled = cuda_device.Compiled(b"", 99, 0, "")
    monkeypatch.setattr(cuda_device, "compile_kernel", lambda plan, architecture: compiled)
    monkeypatch.setattr(wavenet_cuda, "clock_hz", lambda: 1.5e9)
    monkeypatch.setattr(wavenet_cuda, "graph_samples_per_s", lambda model: 2_222.0)
    monkeypatch.setattr(wavenet_cuda, "nv_wavenet_samples_per_s", lambda binary, layers: 44_444.0)
    monkeypatch.setattr(cuda_latency, "measured", lambda: cuda_timeline.Latencies(4, 23, 25, 20))
    monkeypatch.setattr(wavenet_cuda, "tests", lambda: {"pytest -m gpu": "passed"})

    def speed(engine, batch):
        plan = engine.backend.plan
        for step, known in cuda_plan.steps(plan.config, **H100).items():
            if plan == known and step in STEP_SPEEDS:
                return STEP_SPEEDS[step]
        return 123_456.0 if batch < 64 else 70_000.0

    monkeypatch.setattr(wavenet_cuda, "kernel_samples_per_s", speed)


def test_one_command_measures_judges_and_writes_what_the_page_shows(made_up, monkeypatch, tmp_path, capsys):
    file = tmp_path / "cuda.json"
    wavenet_cuda.run(tmp_path / "nv_wavenet_perf", str(file))
    said, found = capsys.readouterr().out, json.loads(file.read_text())
    m = found["networks"]["M, 20 layers"]
    assert found["gpu"] == "Abacus 9000" and m["samples_per_s"]["cuda, batch 1"] == 123_456
    assert m["steps"] == STEP_SPEEDS | {"cluster": 123_456.0}
    products = 2 * 20 - 1  # gate and residual of each layer, the last without a residual
    cycles = products * (23 + 9 * 4 + 2 * (25 + 4) + 20)  # 64 inputs over 4 lanes: two words of 8
    assert m["floor"]["cycles"] == cycles and m["floor"]["share_reached"] == pytest.approx(
        123_456 * cycles / 1.5e9
    )
    assert "step registers" in said and "2.67 x the step before" in said and "nv-wavenet" in said
    verdicts = {verdict["what"]: verdict for verdict in found["targets"]}
    assert verdicts["M, 20 layers: at least 1.5 x nv-wavenet"] | {"what": ""} == {
        "what": "", "measured": "2.78 x", "reached": True,
    }  # fmt: skip
    (together,) = [verdict for what, verdict in verdicts.items() if "in all" in what]
    assert together["measured"] == "4,480,000 samples/s" and together["reached"]  # 64 times 70,000
    monkeypatch.setattr(cell, "MEASURED", file)
    for language in ("en", "ko"):
        t = strings("wavenet", language).cell("gpu")
        ladder, table = cell.climb(t)
        drawn = str(ladder)
        places = [drawn.index(rung) for rung in ("naive", "cached", "native", "cuda")]
        assert places == sorted(places)
        for piece in ("123,456", "44,444", "2,222", "Abacus 9000", "AMD EPYC"):
            assert piece in drawn.replace("\u202f", " "), piece
        for piece in ("Abacus 9000", "4,480,000", "88,000", "280,741", "44 %"):
            assert piece in table.replace("\u202f", " "), piece
        assert t("unmeasured") not in drawn + table
        assert t("stored") in table and t("stored") in ladder["summary"]
    file.write_text(json.dumps(found | {"gpu": "Abacus H100"}))
    for language in ("en", "ko"):
        t = strings("wavenet", language).cell("gpu")
        floor = cell.show(t, "m", "H100", 1)[-1]
        assert all(piece in floor for piece in ("Abacus H100", "123,456", "44 %", "1.500 GHz", "$p = 117$"))
        assert t("floor_assumed") not in floor
        assert t("floor_unmeasured") in cell.show(t, "m", "T4", 1)[-1]  # another GPU than the one measured
        assert t("floor_unmeasured") in cell.show(t, "speech", "H100", 1)[-1]  # another network


def test_targets_that_were_missed_are_called_so(made_up, monkeypatch, capsys):
    monkeypatch.setattr(wavenet_cuda, "kernel_samples_per_s", lambda engine, batch: 15_999.0)
    wavenet_cuda.run(None, None)
    said = capsys.readouterr().out
    assert said.count("MISSED") == 2 and "0 samples/s" in said  # no sound reaches 16 kHz
    assert "--nv-wavenet BINARY" in said


def test_what_cannot_be_measured_is_left_out_with_a_sentence(made_up, monkeypatch, capsys):
    class Crowded(MadeUpGpu):
        def __init__(self, config, weight="fp16", index=0, plan=None):
            super().__init__(config, weight, index, plan)
            if plan and plan.stages == 1:
                raise EngineError("The GPU cannot run all blocks of this network at once.")

    def broken():
        raise EngineError("The CUDA driver reports CUDA_ERROR_INVALID_IMAGE.")

    monkeypatch.setattr(cuda_device, "Gpu", Crowded)
    monkeypatch.setattr(cuda_latency, "measured", broken)
    monkeypatch.setattr(wavenet_cuda, "tests", lambda: {"pytest -m gpu": "FAILED (1)"})
    with pytest.raises(SystemExit, match="Some tests failed"):
        wavenet_cuda.run(None, None)
    said = capsys.readouterr().out
    assert "one stage: left out, The GPU cannot run all blocks" in said
    assert "could not be measured, and assumptions take their place: The CUDA driver reports" in said


def test_without_a_gpu_it_builds_and_says_what_is_left_out(monkeypatch, capsys):
    monkeypatch.setattr(cuda_device, "compile_kernel", lambda *_: cuda_device.Compiled(b"", 99, 0, ""))
    monkeypatch.setattr(engines, "why_not", lambda name, model=None: "there is no NVIDIA GPU here.")
    with pytest.raises(SystemExit) as ended:
        wavenet_cuda.run(None, None)
    for piece in ("was built", "no NVIDIA GPU here.", "Left out", "compute-sanitizer", "measurement"):
        assert piece in str(ended.value)
    said = capsys.readouterr().out
    assert all(f"sm_{architecture}: " in said for architecture in (75, 80, 90, 120)) and "99 registers" in said

    def missing(*_):
        raise cuda_device.CompileError(
            "NVRTC is not installed (ImportError); torch's CUDA wheels for Linux bring it."
        )

    monkeypatch.setattr(cuda_device, "compile_kernel", missing)
    with pytest.raises(SystemExit, match="cannot be built here: NVRTC is not installed"):
        wavenet_cuda.run(None, None)


def test_the_sanitizer_is_looked_for_on_the_path(monkeypatch, tmp_path, capsys):
    ran = []

    def note(command, **_):
        ran.append(command)
        return subprocess.CompletedProcess(command, 1 if "racecheck" in command else 0)

    monkeypatch.setattr(wavenet_cuda.subprocess, "run", note)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert wavenet_cuda.tests() == {
        "pytest -m gpu": "passed", "compute-sanitizer": "left out: not on PATH",
    }  # fmt: skip
    said = capsys.readouterr().out
    assert said.count(".\n") == 1 and "compute-sanitizer is not on PATH" in said
    assert ran[0][:5] == [sys.executable, "-m", "pytest", "-m", "gpu"]
    assert all((on_cpu.ROOT / name).is_file() for name in wavenet_cuda.GPU_TESTS)
    tool = tmp_path / "compute-sanitizer"
    tool.write_text("#!/bin/sh\n")
    os.chmod(tool, 0o755)
    ended = wavenet_cuda.tests()
    assert ended["compute-sanitizer racecheck"] == "FAILED (1)" and ended["compute-sanitizer memcheck"] == "passed"
    assert "left out" not in str(ended) and ran[2][0] == str(tool)


def test_the_code_under_the_sanitizer_runs(monkeypatch):
    """With another engine, and without the sanitizer."""
    codes = []
    monkeypatch.setattr(wavenet_cuda.shutil, "which", lambda name: name)
    monkeypatch.setattr(
        wavenet_cuda.subprocess, "run",
        lambda command, **_: codes.append(command[-1]) or subprocess.CompletedProcess(command, 0),
    )  # fmt: skip
    wavenet_cuda.tests()
    exec(codes[1].replace("'cuda'", "'cached'"), {})


# --- steps of optimisation -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [20, 30])
def test_each_step_has_one_idea_more_and_the_last_is_the_planners(layers):
    config = replace(PRESETS["m"], layers=layers)
    plans = cuda_plan.steps(config, **H100)
    assert list(plans) == ["one stage", "spread", "resident", "registers", "cluster"]
    ideas = [(p.stages > 1, p.resident, p.in_registers, p.cluster) for p in plans.values()]
    assert ideas == [tuple(k < done for k in range(4)) for done in range(5)]
    assert plans["cluster"] == cuda_plan.choose(config, **H100)
    for plan in plans.values():
        assert plan.shared_bytes(1) <= H100["shared_limit"] and plan.blocks <= H100["multiprocessors"]
    old = cuda_plan.steps(config, architecture=80, shared_limit=166_912, multiprocessors=108)
    assert list(old) == ["one stage", "spread", "resident", "registers"]
    assert old["registers"] == cuda_plan.choose(config, architecture=80, shared_limit=166_912, multiprocessors=108)


@pytest.mark.parametrize("step", ["one stage", "resident"])  # the others' forms are in test_cuda_kernel.py
def test_a_step_draws_as_the_cached_engine(step):
    model = network(replace(CONFIGS["small"], layers=10, layers_per_cycle=5))
    plan = replace(cuda_plan.steps(model.config, weight="fp32", **H100)[step], chain=32, helpers=32)
    engine = CudaEngineFp32(model, lambda *_: on_cpu.CpuBackend(plan))
    uniforms = torch.rand(2, 40)
    assert torch.equal(engine.session(2).draw(uniforms), generate(model, uniforms=uniforms, engine="cached"))


# --- the floor of latency --------------------------------------------------------------------------------------------


def test_the_floor_is_counted_from_the_layout():
    """64 inputs and rows over 256 threads: 4 lanes a row, 16 inputs a lane in 2 words of 8 side by side."""
    known = cuda_timeline.Latencies(multiply_add=4, shared_memory=30, shuffle=24, barrier=30)
    floor = cuda_timeline.floor(cuda_plan.choose(PRESETS["m"], **H100), known)
    assert (floor.products, floor.deep, floor.steps) == (39, 8 + 1, 2)
    assert floor.product_cycles == 30 + 9 * 4 + 2 * 28 and floor.cycles == 39 * (122 + 30)
    other = cuda_timeline.floor(cuda_plan.choose(replace(PRESETS["m"], layers=30), **H100), known)
    assert other.cycles == 59 * 152


@pytest.mark.parametrize("name", cell.GPUS)
@pytest.mark.parametrize("network", cell.NETWORKS)
def test_nothing_that_is_simulated_gets_below_the_floor(network, name):
    plan = cell.plan_for(network, name)
    tasks = cuda_timeline.simulate(plan, samples=3, sounds=1)
    assert cuda_timeline.floor(plan).cycles < cuda_timeline.cycles_per_sample(tasks)


@pytest.mark.parametrize("architecture", [75, 80, 90, 120])
def test_the_probe_of_latencies_compiles(architecture):
    try:
        compiled = cuda_device.compile_file(cuda_latency.SOURCE, architecture)
    except cuda_device.CompileError as error:
        pytest.skip(str(error))
    assert compiled.spill_bytes == 0 and compiled.image[:4] == b"\x7fELF"
