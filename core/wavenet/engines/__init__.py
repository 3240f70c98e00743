"""The engines of WaveNet generation, and which of them works here.

    naive          the whole receptive field at every step (the lecture's way)
    cached         PyTorch with ring buffers: the readable reference of fast generation
    numba          the same in compiled Python; for machines without a C++ compiler
    native         C++ compiled at first use, fp32 weights, one thread;  native-2: two threads
    native-fp16    the same with weights stored as fp16, arithmetic in fp32;  native-fp16-2: two threads
    cuda           one persistent CUDA kernel, fp16 weights;  cuda-bf16, cuda-fp32: other weights

A further engine is a module here with a subclass of `contract.Engine` whose class method `unavailable()` says why it
cannot work on this machine, and an entry in `ENGINES`.
Modules are imported on first use, so that a machine lacking one's requirements still has the others.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time

from core.errors import EngineError, SamplingError
from core.wavenet import zero_gpu
from core.wavenet.engines.contract import Engine
from core.wavenet.model import WaveNet

log = logging.getLogger(__name__)

ENGINES = {
    "naive": ("core.wavenet.engines.naive", "NaiveEngine"),
    "cached": ("core.wavenet.engines.cached", "CachedEngine"),
    "numba": ("core.wavenet.engines.numba_engine", "NumbaEngine"),
    "native": ("core.wavenet.engines.native", "NativeEngine"),
    "native-2": ("core.wavenet.engines.native", "NativeEngine2"),
    "native-fp16": ("core.wavenet.engines.native", "NativeHalfEngine"),
    "native-fp16-2": ("core.wavenet.engines.native", "NativeHalfEngine2"),
    "cuda": ("core.wavenet.engines.cuda", "CudaEngine"),
    "cuda-bf16": ("core.wavenet.engines.cuda", "CudaEngineBf16"),
    "cuda-fp32": ("core.wavenet.engines.cuda", "CudaEngineFp32"),
}
NATIVE = [name for name in ENGINES if name.startswith("native")]
PROBE_SAMPLES, PROBE_VALID_S = 128, 60.0
WARM_SAMPLES = 4

_choices: dict[object, tuple[float, str, str]] = {}  # network's sizes -> (when, name, sentence)
_warm: set[tuple[str, object]] = set()  # engines that have drawn for a network of these sizes
_logged: set[str] = set()
_lock = threading.Lock()


def engine_class(name: str) -> type[Engine]:
    """The class behind a name. Raises SamplingError for a name that does not exist."""
    if name not in ENGINES:
        raise SamplingError(f'There is no engine "{name}"; choose auto, {", ".join(ENGINES)}.')
    module, attribute = ENGINES[name]
    return getattr(importlib.import_module(module), attribute)


def why_not(name: str, model: WaveNet | None = None) -> str:
    """Why an engine does not work on this machine, or for this network; "" when it does."""
    try:
        return engine_class(name).unavailable(model)
    except ImportError as error:
        return f"its requirements are not installed ({error})"


def create(name: str, model: WaveNet) -> Engine:
    """The named engine, holding this model's weights as they are now; "auto" is the fastest that works.

    Raises:
        SamplingError: there is no engine of that name.
        EngineError: it does not work on this machine or for this network.
    """
    if name == "auto":
        name = best(model)[0]
    reason = why_not(name, model)
    if reason:
        usable = ", ".join(other for other in ENGINES if other != name and not why_not(other, model))
        raise EngineError(f"The engine {name} does not work here: {reason} Use auto, or one of {usable}.")
    return engine_class(name)(model)


def best(model: WaveNet) -> tuple[str, str]:
    """The name of the engine that "auto" takes for this network, and a sentence that says why.

    Native variants are timed for some hundred samples, because a second thread helps on two free cores and hurts
    on a shared one. The choice is kept for a minute. Any other engine draws a few samples, so that what it compiles
    at its first draw (numba, cuda) is compiled when the choice is known, and not when a visitor waits for a sound.
    """
    key = model.config
    with _lock:
        when, name, sentence = _choices.get(key, (float("-inf"), "", ""))
        if time.monotonic() - when > PROBE_VALID_S or why_not(name, model):
            name, sentence = _choose(model)
            if (name, key) not in _warm:
                _samples_per_s(name, model, WARM_SAMPLES, times=1)
            _choices[key] = (time.monotonic(), name, sentence)
        if sentence not in _logged:
            _logged.add(sentence)
            log.info(sentence)
    return name, sentence


def _choose(model: WaveNet) -> tuple[str, str]:
    if not why_not("cuda", model) and not zero_gpu.lends():
        return "cuda", "auto takes cuda: there is a GPU that can run the whole network."
    reasons = {name: why_not(name, model) for name in [*NATIVE, "numba"]}
    speeds = {name: _samples_per_s(name, model) for name in NATIVE if not reasons[name]}
    if speeds:
        name = max(speeds, key=lambda one: speeds[one])
        return name, f"auto takes {name}: {speeds[name]:,.0f} samples/s in a short probe, the fastest here."
    if not reasons["numba"]:
        return "numba", f"auto takes numba, because native does not work here: {reasons['native']}"
    return "cached", (
        f"auto takes cached, because native does not work here: {reasons['native']} And numba: {reasons['numba']}"
    )


def _samples_per_s(name: str, model: WaveNet, samples: int = PROBE_SAMPLES, times: int = 3) -> float:
    """The best of so many goes; afterwards the engine is warm."""
    import torch

    config = model.config
    session = engine_class(name)(model).session(1)
    frames = None
    if config.mel_channels:
        count = (times + 1) * samples // config.condition_hop + 2
        frames = torch.zeros(1, count, config.layers * config.gate_channels)
    fastest = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        session.draw(torch.full((1, samples), 0.5), _after(frames, session.position, config.condition_hop))
        fastest = min(fastest, time.perf_counter() - start)
    _warm.add((name, config))
    return samples / fastest


def _after(frames, position: int, hop: int):
    return None if frames is None else frames[:, position // hop :]
