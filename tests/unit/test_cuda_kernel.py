"""The CUDA kernel, run on the CPU: its logits against the network's, its draws against the cached engine's.

Every thread of the grid is a fiber, see cuda_on_cpu/device.h. What needs a GPU is in test_cuda_gpu.py.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import on_cpu
import pytest
import torch
from test_wavenet_engines import CONFIGS, SMALL, mel_for, network, relative_error

from core.errors import EngineError
from core.wavenet import engines, generate
from core.wavenet.conditioning import frames_between
from core.wavenet.engines import cuda, cuda_plan
from core.wavenet.engines.cuda import CudaEngine, CudaEngineBf16, CudaEngineFp32

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
LAYOUTS = {
    "cluster": {"per_stage": 3, "heads": 2},
    "through L2, weights in memory": {
        "per_stage": 2, "heads": 1, "cluster": False, "in_registers": False, "resident": False,
    },
    "one stage, four heads": {"per_stage": 30, "heads": 4, "in_registers": False},
}  # fmt: skip
LENGTHS = {
    "1 layer": replace(SMALL, layers=1),
    "2 layers": replace(SMALL, layers=2),
    "30 layers": replace(SMALL, layers=30, layers_per_cycle=10),
    "30 layers, mel": replace(SMALL, layers=30, layers_per_cycle=3, mel_channels=6, hop_samples=7),
}


def engine_for(config, kind=CudaEngineFp32, *, pipelines=2, shared_limit=1 << 24, seed=0, **layout):
    """An engine whose GPU is this CPU, with 32 threads in each group, and its network."""
    model = network(config, seed)

    def backend(_model, weight):
        plan = cuda_plan.Plan(config, weight=weight, chain=32, helpers=32, **{"heads": 1, **layout})
        return on_cpu.CpuBackend(plan, pipelines, shared_limit)

    return kind(model, backend), model


EVERY = [(sizes, "cluster") for sizes in (*CONFIGS, *LENGTHS)] + [
    (sizes, layout) for sizes in ("odd", "kernel3", "oddmel3", "30 layers") for layout in LAYOUTS if layout != "cluster"
]


@pytest.mark.parametrize(("sizes", "layout"), EVERY)
@pytest.mark.parametrize("batch", [1, 3])
def test_teacher_forced_logits_equal_the_network(sizes, layout, batch):
    config = (CONFIGS | LENGTHS)[sizes]
    engine, model = engine_for(config, **LAYOUTS[layout])
    codes, mel = torch.randint(0, config.levels, (batch, 30)), mel_for(config, batch, 30)
    with torch.no_grad():
        wanted = model(codes, mel)
    got = engine.logits(codes, mel)
    assert got.shape == wanted.shape and got.dtype == torch.float32
    assert relative_error(got, wanted) <= 1e-5


@pytest.mark.parametrize(("kind", "bound"), [(CudaEngine, 2e-3), (CudaEngineBf16, 2e-2)])
@pytest.mark.parametrize("sizes", ["odd", "mel"])
def test_half_precision_weights_are_what_they_say(kind, bound, sizes):
    """Close for any weights; exact for weights that the format holds."""
    config = CONFIGS[sizes]
    model = network(config)
    stored = torch.float16 if kind is CudaEngine else torch.bfloat16
    plan = cuda_plan.Plan(config, weight=kind.weight, per_stage=3, heads=2, chain=32, helpers=32)
    codes, mel = torch.randint(0, config.levels, (1, 30)), mel_for(config, 1, 30)

    def error():
        with torch.no_grad():
            return relative_error(
                kind(model, lambda *_: on_cpu.CpuBackend(plan)).logits(codes, mel), model(codes, mel)
            )

    assert 1e-5 < error() <= bound
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith("condition"):
                parameter.copy_(parameter.to(stored).float())
    assert error() <= 1e-5


@pytest.mark.parametrize("layout", ["cluster", "through L2, weights in memory"])
@pytest.mark.parametrize("sizes", ["odd", "kernel3", "mel", "30 layers"])
def test_same_uniforms_same_codes(sizes, layout):
    """As the cached engine draws them; three sounds in two pipelines, in blocks of a streamed launch."""
    config = (CONFIGS | LENGTHS)[sizes]
    engine, model = engine_for(config, **LAYOUTS[layout])
    count = 150 if config.layers < 10 else 60
    mel, uniforms = mel_for(config, 3, count), torch.rand(3, count)
    wanted = generate(model, mel, count, uniforms, engine="cached", temperature=0.9)
    frames = frames_between(model, mel, 0, count)
    session = engine.session(3, temperature=0.9)
    blocks = list(session.stream(uniforms, frames, block=40))
    assert torch.equal(torch.cat(blocks, dim=1), wanted)
    assert len(wanted.unique()) > 10 and session.position == count
    with torch.no_grad():
        last = torch.softmax(model(wanted, mel)[..., -1] / 0.9, dim=-1)
    torch.testing.assert_close(session.probabilities, last, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("sizes", ["kernel3", "oddmel3", "long"])
def test_state_lasts_from_launch_to_launch(sizes):
    config = CONFIGS[sizes]
    engine, model = engine_for(config, **LAYOUTS["cluster"])
    mel, uniforms = mel_for(config, 2, 120), torch.rand(2, 120)
    wanted = generate(model, mel, 120, uniforms, engine="cached")
    session, pieces = engine.session(2), []
    for start, end in [(0, 1), (1, 50), (50, 57), (57, 120)]:
        pieces.append(session.draw(uniforms[:, start:end], frames_between(model, mel, start, end - start)))
    assert torch.equal(torch.cat(pieces, dim=1), wanted)


def test_a_prime_is_fed_and_continued():
    config = CONFIGS["kernel3"]
    engine, model = engine_for(config, **LAYOUTS["cluster"])
    prime, uniforms = torch.randint(0, config.levels, (1, 40)), torch.rand(1, 60)
    wanted = generate(model, uniforms=uniforms, engine="cached", prime=prime)
    session = engine.session(1)
    assert session.feed(prime, logits=False) is None and session.position == 40
    assert torch.equal(session.draw(uniforms), wanted)


def test_a_batch_too_large_for_one_launch_goes_in_turns():
    config = CONFIGS["small"]
    plan = cuda_plan.Plan(config, weight="fp32", per_stage=3, heads=1, chain=32, helpers=32)
    limit = plan.shared_bytes(2)
    engine, model = engine_for(config, per_stage=3, pipelines=2, shared_limit=limit)
    session = engine.session(7)
    assert [group.batch for group in session.groups] == [4, 3]
    uniforms = torch.rand(7, 40)
    assert torch.equal(session.draw(uniforms), generate(model, uniforms=uniforms, engine="cached"))


def test_a_generation_can_be_stopped_and_goes_on():
    """Closing the stream ends the kernel early, and what comes later continues where it stopped."""
    config = replace(SMALL, layers=2)
    engine, model = engine_for(config, per_stage=1)
    uniforms = torch.rand(1, 4000)
    session = engine.session(1)
    stream = session.stream(uniforms, block=64)
    first = next(stream)
    stream.close()
    made = session.position
    assert first.shape[1] == 64 <= made < 4000 and made % 64 == 0
    wanted = generate(model, uniforms=uniforms[:, : made + 50], engine="cached")
    assert torch.equal(first, wanted[:, :64])
    assert torch.equal(session.draw(uniforms[:, made : made + 50]), wanted[:, made:])


def refuses(session, batch):
    for go_on in (session.draw, lambda uniforms: session.feed((uniforms * 16).long())):
        with pytest.raises(EngineError, match="different samples; begin a new one"):
            go_on(torch.rand(batch, 5))
    return True


@pytest.mark.parametrize("ahead", [None, 64], ids=["as it comes", "one pipeline ahead"])
def test_pipelines_that_stop_at_different_samples_are_not_continued(ahead, monkeypatch):
    """They hear of the stop one by one; only where all of them made as many samples can the session go on."""
    engine, model = engine_for(replace(SMALL, layers=2), per_stage=1)
    uniforms, stop, made = torch.rand(3, 6000), cuda.Launch.stop, []

    def stopped(launch):
        stop(launch)
        if ahead:
            launch.progress[1] = launch.progress[0] + ahead
        made.extend(launch.progress.tolist())

    monkeypatch.setattr(cuda.Launch, "stop", stopped)
    session = engine.session(3)
    stream = session.stream(uniforms, block=64)
    next(stream)
    stream.close()
    assert len(made) == 2 and session.position == min(made)
    if made[0] != made[1]:
        assert refuses(session, 3)
    else:
        assert ahead is None
        wanted = generate(model, uniforms=uniforms[:, : made[0] + 20], engine="cached")
        assert torch.equal(session.draw(uniforms[:, made[0] : made[0] + 20]), wanted[:, made[0] :])


def test_a_batch_in_turns_that_was_stopped_is_not_continued():
    """The first turn's sounds are finished, the last one's are not."""
    config = replace(SMALL, layers=2)
    limit = cuda_plan.Plan(config, weight="fp32", per_stage=1, heads=1, chain=32, helpers=32).shared_bytes(1)
    engine, _ = engine_for(config, per_stage=1, pipelines=1, shared_limit=limit)
    session = engine.session(2)
    assert len(session.groups) == 2
    stream = session.stream(torch.rand(2, 4000), block=64)
    next(stream)
    stream.close()
    assert session.groups[0].position == 4000 > session.groups[1].position == session.position
    assert refuses(session, 2)


def test_whatever_breaks_a_stream_off_stops_the_kernel(monkeypatch):
    """An interruption while the host waits, say: the kernel writes into memory that the host would give back."""
    engine, _ = engine_for(replace(SMALL, layers=2), per_stage=1)
    stop, stopped = cuda.Launch.stop, []

    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(cuda.time, "sleep", interrupted)
    monkeypatch.setattr(cuda.Launch, "stop", lambda launch: (stopped.append(launch), stop(launch)))
    with pytest.raises(KeyboardInterrupt):
        engine.session(1).draw(torch.rand(1, 4000))
    assert stopped[0].running.finished() and stopped[0].done() < 4000


def test_generate_makes_one_launch_and_streams_it(monkeypatch):
    """After a prime, with a mel; closing the generator stops the kernel."""
    config = CONFIGS["oddmel3"]
    engine, model = engine_for(config, **LAYOUTS["cluster"])
    launches, launch = [], engine.backend.launch

    def counted(arguments, sounds):
        launches.append(arguments.n)
        return launch(arguments, sounds)

    monkeypatch.setattr(engine.backend, "launch", counted)
    prime, mel = torch.randint(0, config.levels, (1, 20)), mel_for(config, 1, 220)
    wanted = generate(model, mel, 180, engine="cached", prime=prime)
    monkeypatch.setattr(engines, "create", lambda name, model: engine)
    blocks = list(generate.stream(model, mel, 180, prime=prime, block=50))
    assert [block.shape[1] for block in blocks] == [50, 50, 50, 30]
    assert torch.equal(torch.cat(blocks, dim=1), wanted)
    assert launches == [20, 180]


@pytest.mark.parametrize("sizes", ["odd", "oddmel3", "wide"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_planner_knows_the_kernels_sums(sizes, layout):
    engine, _ = engine_for(CONFIGS[sizes], **LAYOUTS[layout])
    library, plan = engine.backend.library, engine.backend.plan
    for sounds in (1, 2, 9):
        assert library.bytes_of_shared_memory(sounds) == plan.shared_bytes(sounds)
        assert library.words_of_inbox(sounds) == plan.inbox_words(sounds)


# --- under the thread sanitizer --------------------------------------------------------------------------------------

SANITIZED = """
import sys; sys.path[:0] = {path!r}
import torch, on_cpu
from pathlib import Path
from core.wavenet.engines import cuda_plan
from core.wavenet.engines.cuda import CudaEngineFp32
from test_wavenet_engines import CONFIGS, network, mel_for
config = CONFIGS["oddmel3"]
plan = cuda_plan.Plan(config, weight="fp32", per_stage=3, heads=2, chain=32, helpers=32)
backend = on_cpu.CpuBackend(plan, source=Path({source!r}), sanitized=True)
engine = CudaEngineFp32(network(config), lambda *_: backend)
session = engine.session(3)
frames = engine.model.condition.frames(mel_for(config, 3, 12)).detach()
session.draw(torch.rand(3, 6), frames)
print("finished")
"""


def sanitize(source: Path) -> subprocess.CompletedProcess:
    """Six samples of three sounds in two pipelines, every access to memory watched."""
    here = Path(__file__).resolve().parent
    library = subprocess.run(["g++", "-print-file-name=libtsan.so"], capture_output=True, text=True, check=True)
    library = library.stdout.strip()
    if not os.path.isabs(library):
        pytest.skip("libtsan is not installed")
    code = SANITIZED.format(path=[str(here.parent.parent), str(here)], source=str(source))
    environment = os.environ | {
        "LD_PRELOAD": os.path.realpath(library), "OMP_NUM_THREADS": "1",
        "TSAN_OPTIONS": "report_bugs=1 halt_on_error=1 exitcode=66 ignore_noninstrumented_modules=1",
    }  # fmt: skip
    command = [sys.executable, "-c", code]
    if shutil.which("setarch"):
        command = ["setarch", os.uname().machine, "-R", *command]  # it wants its addresses where they were
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)


def test_no_race_in_the_kernel():
    done = sanitize(on_cpu.KERNELS / "generate.cu")
    assert done.returncode == 0 and "finished" in done.stdout, done.stderr[-3000:]
    assert "data race" not in done.stderr


BARRIERS = {
    "the gated values are complete": "                group_barrier(0, CHAIN);\n                if (thread == 0)",
    "the next layer's input is complete": "                if (l + 1 < PER_STAGE) group_barrier(0, CHAIN);\n",
    "the skip sum is complete": "            block_barrier();\n            if (*stopped)",
}


@pytest.mark.parametrize("barrier", BARRIERS)
def test_a_missing_barrier_is_caught(barrier, tmp_path):
    text, place = (on_cpu.KERNELS / "generate.cu").read_text(), BARRIERS[barrier]
    assert text.count(place) == 1
    broken = tmp_path / "generate.cu"
    broken.write_text(text.replace(place, re.sub(r"\w+_barrier\([^)]*\);", ";", place)))
    done = sanitize(broken)
    assert done.returncode == 66 and "finished" not in done.stdout, (done.returncode, done.stderr[-2000:])
    summary = r"SUMMARY: ThreadSanitizer: data race \S*(generate.cu|product.h)"
    assert re.search(summary, done.stderr), done.stderr[-2000:]
