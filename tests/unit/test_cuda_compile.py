"""The CUDA kernel through NVRTC, for GPUs that are not here: it compiles, fits, and spills nothing."""

from dataclasses import replace

import pytest
import torch
from test_wavenet_engines import CONFIGS, network

from core.errors import EngineError
from core.wavenet import WaveNet, engines, generate
from core.wavenet.engines import cuda_device, cuda_plan
from core.wavenet.model import PRESETS

try:
    cuda_device.nvrtc()
    missing = ""
except cuda_device.CompileError as error:
    missing = str(error)
needs_nvrtc = pytest.mark.skipif(bool(missing), reason=missing)
GPUS = {  # architecture: (bytes of shared memory a block may have, multiprocessors)
    75: (65_536, 40),  # T4
    80: (166_912, 108),  # A100
    90: (232_448, 132),  # H100
    120: (101_376, 170),  # RTX 5090
}
NETWORKS = {"m": PRESETS["m"], "m, 30 layers": replace(PRESETS["m"], layers=30), "vocoder": PRESETS["vocoder"]}


def plan_for(config, architecture, weight="fp16"):
    shared, multiprocessors = GPUS[architecture]
    return cuda_plan.choose(
        config, weight=weight, architecture=architecture, shared_limit=shared, multiprocessors=multiprocessors
    )


@needs_nvrtc
@pytest.mark.parametrize("architecture", GPUS)
@pytest.mark.parametrize(
    ("sizes", "weight"), [*((name, "fp16") for name in NETWORKS), ("m", "bf16"), ("m", "fp32")]
)
def test_it_compiles_fits_and_spills_nothing(sizes, architecture, weight):
    plan = plan_for(NETWORKS[sizes], architecture, weight)
    compiled = cuda_device.compile_kernel(plan, architecture)
    assert compiled.image[:4] == b"\x7fELF"
    assert compiled.spill_bytes == 0
    assert 32 <= compiled.registers <= cuda_plan.REGISTERS // plan.threads
    assert plan.shared_bytes(1) <= GPUS[architecture][0]
    assert plan.blocks <= (cuda_plan.LARGEST_CLUSTER if plan.cluster else GPUS[architecture][1])


def test_on_an_h100_the_weights_are_resident():
    """In registers and shared memory of one cluster, at 20 and at 30 layers, as fp16."""
    for name in NETWORKS:
        plan = plan_for(NETWORKS[name], 90)
        assert plan.cluster and plan.in_registers and plan.resident, name


def test_networks_too_large_for_residency_still_have_a_plan():
    wide = replace(PRESETS["m"], residual_channels=256, gate_channels=512, skip_channels=1024, head_channels=1024)
    plan = plan_for(wide, 75)
    assert not plan.resident and plan.blocks <= GPUS[75][1]
    with pytest.raises(EngineError, match="too large"):
        cuda_plan.choose(wide, architecture=75, shared_limit=1000, multiprocessors=40)


@needs_nvrtc
def test_an_unknown_architecture_and_a_source_that_does_not_compile(monkeypatch, tmp_path):
    plan = plan_for(CONFIGS["small"], 90)
    with pytest.raises(cuda_device.CompileError, match="sm_70"):
        cuda_device.compile_kernel(plan, 70)
    for path in cuda_device.SOURCES.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "generate.cu").write_text("this is no program")
    monkeypatch.setattr(cuda_device, "SOURCES", tmp_path)
    with pytest.raises(cuda_device.CompileError, match="refused"):
        cuda_device.compile_kernel(plan, 90)


@needs_nvrtc
def test_compiled_code_is_kept_by_source_options_and_architecture(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plan, made = plan_for(CONFIGS["small"], 90), []
    compile_kernel = cuda_device.compile_kernel

    def counted(*arguments):
        made.append(arguments)
        return compile_kernel(*arguments)

    monkeypatch.setattr(cuda_device, "compile_kernel", counted)
    first = cuda_device.image_for(plan, 90)
    assert cuda_device.image_for(plan, 90) == first and len(made) == 1
    cuda_device.image_for(plan, 100)
    cuda_device.image_for(replace(plan, helpers=64), 90)
    assert len(made) == 3


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_sentence_says_so():
    model = WaveNet(CONFIGS["small"])
    for name in ("cuda", "cuda-bf16", "cuda-fp32"):
        reason = engines.why_not(name, model)
        assert reason.endswith(".") and reason.count(". ") == 0 and ("GPU" in reason or "NVRTC" in reason)
        with pytest.raises(EngineError, match="does not work here"):
            engines.create(name, model)
    assert not engines.best(model)[0].startswith("cuda")


def test_reasons_for_weak_gpus(monkeypatch):
    """Too old, or too little memory: said in a sentence, with the number."""
    if missing:
        pytest.skip(missing)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 0))
    assert "sm_70" in cuda_device.why_not(network(CONFIGS["small"]))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (10 << 20, 80 << 30))
    assert "10 MB of free memory" in cuda_device.why_not(network(CONFIGS["small"]))


@pytest.mark.parametrize(
    "rows, columns, threads, chunk", [(64, 64, 256, 8), (37, 24, 32, 8), (13, 16, 64, 4), (256, 64, 128, 8)]
)
def test_packing_puts_every_weight_where_its_thread_looks(rows, columns, threads, chunk):
    """Each thread's share, read as product.h says, sums to the matrix product."""
    shape = cuda_plan.Shape(rows, columns, threads, chunk)
    matrix, x = torch.randn(rows, columns).numpy(), torch.randn(columns).numpy()
    words = shape.pack(matrix)
    assert words.shape == (shape.words, chunk)
    sums = torch.zeros(shape.passes * shape.per_pass).numpy()
    chunks = columns // chunk // shape.lanes
    for p in range(shape.passes):
        for c in range(chunks):
            for thread in range(threads):
                first = (c * shape.lanes + thread % shape.lanes) * chunk
                word = words[(p * chunks + c) * threads + thread]
                sums[p * shape.per_pass + thread // shape.lanes] += word @ x[first : first + chunk]
    torch.testing.assert_close(torch.from_numpy(sums[:rows]), torch.from_numpy(matrix @ x), atol=1e-4, rtol=1e-4)
    assert not sums[rows:].any()


def test_the_peer_that_becomes_a_cuda_graph_draws_as_the_cached_engine():
    """Its step on the CPU, where it can be compared."""
    from benchmarks.wavenet_cuda import GraphStep

    model, uniforms = network(CONFIGS["kernel3"]), torch.rand(120)
    wanted = generate(model, uniforms=uniforms[None], engine="cached")
    step = GraphStep(model, torch.device("cpu"), uniforms)
    for _ in range(120):
        step()
    assert torch.equal(step.codes, wanted[0])
