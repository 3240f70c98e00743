"""Machines on which the CUDA kernel cannot run, and those that lend a GPU for one call: made up."""

import importlib
import pickle
import subprocess
import sys
import types

import on_cpu
import pytest
import torch
from test_wavenet_engines import CONFIGS, mel_for, network

from core.errors import EngineError, SamplingError
from core.wavenet import engines, generate, race, zero_gpu
from core.wavenet.engines import cuda_device, cuda_plan
from core.wavenet.engines.cuda import CudaEngine, CudaEngineFp32
from demos._jobs import translate

MODEL = network(CONFIGS["oddmel3"])


def a_gpu(monkeypatch, capability=(9, 0), free=70 << 30):
    """What PyTorch says where there is one."""
    monkeypatch.setattr(cuda_device, "nvrtc", lambda: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, 80 << 30))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)


def no_nvrtc(monkeypatch):
    def missing():
        raise cuda_device.CompileError(
            "NVRTC is not installed (ImportError); torch's CUDA wheels for Linux bring it."
        )

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(cuda_device, "nvrtc", missing)


def no_gpu(monkeypatch):
    a_gpu(monkeypatch)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def little_memory(monkeypatch):
    a_gpu(monkeypatch, free=10 << 20)


def old_gpu(monkeypatch):
    a_gpu(monkeypatch, capability=(7, 0))


def failing(monkeypatch, error):
    a_gpu(monkeypatch)

    def load(config, weight, index):
        raise error

    monkeypatch.setattr(cuda_device, "_gpu", load)


def failed_compile(monkeypatch):
    failing(
        monkeypatch, cuda_device.CompileError("NVRTC refused the kernel: generate.cu(7): error: no such thing.")
    )


def newer_than_nvrtc(monkeypatch):
    failing(monkeypatch, cuda_device.CompileError("NVRTC cannot compile for sm_130."))


def driver_error(monkeypatch):
    failing(monkeypatch, EngineError("The CUDA driver reports CUDA_ERROR_NO_BINARY_FOR_GPU."))


def crowded_gpu(monkeypatch):
    failing(monkeypatch, EngineError("The GPU cannot run all blocks of this network at once."))


MACHINES = {
    no_nvrtc: "NVRTC is not installed", no_gpu: "no NVIDIA GPU", little_memory: "10 MB of free memory",
    old_gpu: "sm_70; the kernel needs sm_75", failed_compile: "refused the kernel: generate.cu(7)",
    newer_than_nvrtc: "cannot compile for sm_130", driver_error: "NO_BINARY", crowded_gpu: "cannot run all blocks",
}  # fmt: skip


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.__name__)
def test_one_sentence_says_why_and_another_engine_draws(machine, monkeypatch):
    machine(monkeypatch)
    monkeypatch.setattr(engines, "_choices", {})
    reason = engines.why_not("cuda", MODEL)
    assert MACHINES[machine] in reason and reason.endswith(".") and reason.count(". ") == 0
    assert translate(reason, "ko") != reason
    with pytest.raises(EngineError, match="does not work here: ") as caught:
        generate(MODEL, mel_for(MODEL.config, 1, 30), 30, engine="cuda")
    assert reason in str(caught.value) and "cached" in str(caught.value)
    chosen, why = engines.best(MODEL)
    assert not chosen.startswith("cuda") and chosen in why
    mel, uniforms = mel_for(MODEL.config, 1, 30), torch.rand(1, 30)
    assert torch.equal(generate(MODEL, mel, 30, uniforms), generate(MODEL, mel, 30, uniforms, engine=chosen))


def test_weights_beyond_fp16_and_other_gates_have_their_sentences(monkeypatch):
    a_gpu(monkeypatch)
    monkeypatch.setattr(cuda_device, "_gpu", lambda *_: None)
    large = network(CONFIGS["small"])
    assert engines.why_not("cuda", large) == ""
    with torch.no_grad():
        large.head1.weight[0, 0] = 1e5
    assert "1e+05 do not fit in fp16" in engines.why_not("cuda", large)
    assert engines.why_not("cuda-bf16", large) == engines.why_not("cuda-fp32", large) == ""


# --- a GPU lent for one call -----------------------------------------------------------------------------------------


class Spaces(types.ModuleType):
    """Stands in for the package of ZeroGPU: notes what it wraps and for how long; carries arguments as it does."""

    def __init__(self):
        super().__init__("spaces")
        self.wrapped, self.durations, self.lent = [], [], False

    def GPU(self, *, duration):  # its name
        def wrap(work):
            self.wrapped.append(work.__name__)

            def borrowing(*args, **kwargs):
                self.durations.append(duration(*args, **kwargs))
                args, kwargs = pickle.loads(pickle.dumps((args, kwargs)))  # noqa: S301
                self.lent = True
                try:
                    for result in work(*args, **kwargs):
                        yield pickle.loads(pickle.dumps(result))  # noqa: S301
                finally:
                    self.lent = False

            return borrowing

        return wrap


@pytest.fixture
def spaces(monkeypatch):
    """A ZeroGPU Space: PyTorch pretends that there is a GPU, and the driver answers inside a lent call only."""
    stand_in = Spaces()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPACES_ZERO_GPU", "true")
        patch.setitem(sys.modules, "spaces", stand_in)
        importlib.reload(zero_gpu)
        a_gpu(patch)
        patch.setattr(engines, "_choices", {})

        def load(config, weight, index):
            if not stand_in.lent:
                raise EngineError("The CUDA driver reports CUDA_ERROR_NO_DEVICE.")
            plan = cuda_plan.Plan(config, weight=weight, per_stage=3, heads=2, chain=32, helpers=32)
            return on_cpu.CpuBackend(plan)

        patch.setattr(cuda_device, "_gpu", load)
        yield stand_in
    importlib.reload(zero_gpu)


def test_the_call_is_wrapped_and_its_duration_set(spaces):
    assert spaces.wrapped == ["_with_gpu"] and zero_gpu.lends()
    mel, uniforms = mel_for(MODEL.config, 1, 40), torch.rand(1, 40)
    blocks = list(generate.stream(MODEL, mel, 40, uniforms, engine="cuda-fp32", block=15))
    assert [block.shape[1] for block in blocks] == [15, 15, 10]
    assert torch.equal(torch.cat(blocks, dim=1), generate(MODEL, mel, 40, uniforms, engine="cached"))
    assert spaces.durations == [zero_gpu.START_S + 1] and not spaces.lent and zero_gpu.lends()
    assert zero_gpu.seconds_for(160_000) == zero_gpu.START_S + 10
    assert race.measure(MODEL, "cuda-fp32", seconds=0.01) > 0 and len(spaces.durations) == 2


def test_closing_gives_the_gpu_back(spaces):
    stream = generate.stream(MODEL, mel_for(MODEL.config, 1, 600), 600, engine="cuda-fp32", block=10)
    assert next(stream).shape == (1, 10) and spaces.lent
    stream.close()
    assert not spaces.lent and zero_gpu.lends()


def test_auto_stays_on_the_cpu_and_errors_keep_their_text(spaces, monkeypatch):
    assert engines.why_not("cuda", MODEL) == "" and not engines.best(MODEL)[0].startswith("cuda")
    with pytest.raises(SamplingError, match="no engine"):
        generate(MODEL, mel_for(MODEL.config, 1, 40), 40, engine="cuda-fp8")
    assert spaces.durations == []
    monkeypatch.setattr(cuda_device, "_gpu", lambda *_: (_ for _ in ()).throw(EngineError("The GPU is gone.")))
    with pytest.raises(EngineError, match=r"cuda-fp32 does not work here: The GPU is gone\."):
        generate(MODEL, mel_for(MODEL.config, 1, 40), 40, engine="cuda-fp32")
    assert len(spaces.durations) == 1 and zero_gpu.lends()


@pytest.mark.parametrize("package", [None, Spaces()], ids=["without the package", "with it"])
def test_elsewhere_nothing_is_wrapped(package, monkeypatch):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    monkeypatch.setitem(sys.modules, "spaces", package)
    importlib.reload(zero_gpu)
    assert not zero_gpu.lends() and (package is None or package.wrapped == [])
    assert zero_gpu.call(5, len, "four") == 4


def test_a_space_without_the_package_still_starts(monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setitem(sys.modules, "spaces", None)  # its import fails
    importlib.reload(zero_gpu)
    assert zero_gpu.lends() and zero_gpu.call(5, len, "four") == 4
    monkeypatch.undo()
    importlib.reload(zero_gpu)


def test_what_borrows_the_gpu_is_there_when_the_site_starts():
    """Without torch; ZeroGPU looks for wrapped functions at the launch."""
    code = "import sys, demos.wavenet; print('core.wavenet.zero_gpu' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=on_cpu.ROOT
    )
    assert done.stdout.split()[-2:] == ["True", "False"]


def test_the_engines_of_the_stand_in_are_the_real_ones():
    assert engines.engine_class("cuda") is CudaEngine and engines.engine_class("cuda-fp32") is CudaEngineFp32
