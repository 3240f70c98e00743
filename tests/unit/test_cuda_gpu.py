"""The CUDA kernel on a GPU: what the CPU cannot show. Launcher, memory that both sides see, clusters, every layout.

All engines, these included, share the tests of test_wavenet_engines.py; the kernel's own logic is in
test_cuda_kernel.py, where it runs on the CPU.
"""

import threading
import time

import pytest
import torch
from test_wavenet_engines import CONFIGS, mel_for, network, relative_error

from core.errors import EngineError
from core.wavenet import PRESETS, WaveNet, engines, generate
from core.wavenet.conditioning import frames_between
from core.wavenet.engines import cuda_device, cuda_plan
from core.wavenet.engines.cuda import CudaEngineFp32

REASON = engines.why_not("cuda")
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(REASON), reason=REASON or "there is a GPU")]
STEPS = ("one stage", "spread", "resident", "registers", "cluster")


def engine_in(plan, model):
    """The fp32 engine in a given layout."""
    return CudaEngineFp32(model, lambda model, _: cuda_device.Gpu(model.config, "fp32", 0, plan))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("sizes", ["kernel3", "oddmel3"])
def test_every_step_of_the_optimisation_gives_the_networks_logits(step, sizes):
    model = network(CONFIGS[sizes])
    gpu = cuda_device.gpu_for(model, "fp32")
    plans = cuda_plan.steps(
        model.config, weight="fp32", architecture=gpu.architecture, shared_limit=gpu.shared_limit,
        multiprocessors=gpu.multiprocessors,
    )  # fmt: skip
    if step not in plans:
        pytest.skip("this GPU has no such step")
    codes, mel = torch.randint(0, model.config.levels, (2, 200)), mel_for(model.config, 2, 200)
    with torch.no_grad():
        wanted = model(codes, mel)
    assert relative_error(engine_in(plans[step], model).logits(codes, mel), wanted) <= 1e-4


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_a_vocoders_batch_draws_what_the_cached_engine_draws(batch):
    """Until rounding decides a draw otherwise: the first samples are equal."""
    torch.manual_seed(0)
    model = WaveNet(PRESETS["vocoder"]).eval()
    mel, uniforms = mel_for(model.config, batch, 100), torch.rand(batch, 100)
    wanted = generate(model, mel, 100, uniforms, engine="cached")
    assert (generate(model, mel, 100, uniforms, engine="cuda-fp32") == wanted).float().mean() > 0.99


def test_blocks_come_while_the_kernel_runs():
    torch.manual_seed(0)
    model = WaveNet(PRESETS["m"]).eval()
    generate(model, samples=10, engine="cuda")  # compile
    start = time.perf_counter()
    stream = generate.stream(model, samples=200_000, engine="cuda", block=1600)
    next(stream)
    first = time.perf_counter() - start
    rest = sum(block.shape[1] for block in stream)
    assert rest == 198_400 and first < 0.2 * (time.perf_counter() - start)


def test_a_closed_stream_ends_the_kernel_and_its_state_goes_on():
    model = network(CONFIGS["kernel3"])
    uniforms = torch.rand(1, 400_000)
    session = engines.create("cuda-fp32", model).session(1)
    stream = session.stream(uniforms, block=64)
    first = next(stream)
    stream.close()
    torch.cuda.synchronize()
    made = session.position
    assert 64 <= made < 400_000
    wanted = generate(model, uniforms=uniforms[:, :300], engine="cached")
    assert torch.equal(first, wanted[:, :64])
    assert session.draw(uniforms[:, made : made + 50]).shape == (1, 50)


def test_sessions_in_two_threads_do_not_disturb_each_other():
    model = network(CONFIGS["mel"])
    mel, uniforms = mel_for(model.config, 2, 400), torch.rand(2, 400)
    wanted, got = generate(model, mel, 400, uniforms, engine="cuda-fp32"), {}

    def draw(row):
        session = engines.create("cuda-fp32", model).session(1)
        got[row] = session.draw(uniforms[row : row + 1], frames_between(model, mel[row : row + 1], 0, 400))

    threads = [threading.Thread(target=draw, args=(row,)) for row in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torch.equal(torch.cat([got[0], got[1]]), wanted)


def test_a_batch_beyond_the_memory_is_a_typed_error(monkeypatch):
    session = engines.create("cuda-fp32", network(CONFIGS["small"]))

    def full(*_, **__):
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(torch, "zeros", full)
    with pytest.raises(EngineError, match="fewer sounds at once"):
        session.session(4)


def test_the_latencies_of_its_instructions_are_plausible():
    from benchmarks import cuda_latency

    found = cuda_latency.measured()
    assert 2 <= found.multiply_add <= 8 and 10 <= found.shared_memory <= 80
    assert 10 <= found.shuffle <= 60 and 5 <= found.barrier <= 120
