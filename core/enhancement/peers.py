"""What the enhancer is compared with: noisereduce, RNNoise, and a mask that knows the answer."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from types import ModuleType

import numpy as np
import soxr
import torch
from torch import Tensor

from core.enhancement import spectrum as spectral
from core.errors import PackageError
from core.packages import imported

RNNOISE_RATE_HZ, RNNOISE_FRAME_SAMPLES, RNNOISE_DELAY_SAMPLES = 48_000, 480, 960
INT16 = 32768.0  # RNNoise wants the numbers of 16-bit samples


def noisereduce(audio: Tensor, *, stationary: bool) -> Tensor:
    """Spectral gating by the package noisereduce (Sainburg and others), as it is set out of the box: float [T] -> [T].

    Raises:
        PackageError: it is not installed.
    """
    try:
        package = imported("noisereduce")
    except PackageError:
        raise _missing("noisereduce") from None
    found = package.reduce_noise(y=audio.numpy(), sr=spectral.SAMPLE_RATE_HZ, stationary=stationary)
    return torch.from_numpy(np.asarray(found, np.float32))


def _missing(package: str) -> PackageError:
    return PackageError(
        f"The package {package} is not installed here: "
        "`pip install --no-deps -r benchmarks/requirements.txt` brings it."
    )


@functools.lru_cache(maxsize=1)
def _rnnoise() -> ModuleType:
    """The part of the package pyrnnoise that calls the C library; the rest of it wants packages that we do not."""
    place = importlib.util.find_spec("pyrnnoise")
    folder = next(iter(place.submodule_search_locations or []), None) if place else None
    if folder is None:
        raise _missing("pyrnnoise")
    spec = importlib.util.spec_from_file_location("pyrnnoise_library", f"{folder}/rnnoise.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rnnoise(audio: Tensor) -> Tensor:
    """RNNoise (Valin 2018, arXiv:1709.08243) as pyrnnoise 0.4.5 has it, at its 48 kHz: float [T] at 16 kHz -> [T].

    Its delay of 20 ms, where what comes out of it correlates best with a clean voice, is taken away, so that it is
    not punished for being late.

    Raises:
        PackageError: it is not installed.
    """
    delay = RNNOISE_DELAY_SAMPLES
    wide = soxr.resample(audio.numpy(), spectral.SAMPLE_RATE_HZ, RNNOISE_RATE_HZ)
    out = _rnnoise_frames(np.pad(wide, (0, delay)))[delay:]
    narrow = soxr.resample(out, RNNOISE_RATE_HZ, spectral.SAMPLE_RATE_HZ)
    return torch.from_numpy(np.resize(np.pad(narrow, (0, 8)), len(audio)).astype(np.float32))


def _rnnoise_frames(wide: np.ndarray) -> np.ndarray:
    """float [T] at 48 kHz -> the same, two frames late."""
    library = _rnnoise()
    state = library.create()
    frames = np.pad(wide, (0, -len(wide) % RNNOISE_FRAME_SAMPLES)).reshape(-1, RNNOISE_FRAME_SAMPLES)
    out = np.ascontiguousarray(frames * INT16, np.float32)
    for frame in out:
        pointer = frame.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        library.lib.rnnoise_process_frame(state, pointer, pointer)
    library.destroy(state)
    return out.reshape(-1)[: len(wide)] / np.float32(INT16)


def ideal_ratio_mask(voice: Tensor, noise: Tensor) -> Tensor:
    """The mixture under the mask (|S|^2 / (|S|^2 + |N|^2))^1/2, which knows voice and noise apart: float [T].

    Source: Wang, Narayanan, Wang 2014, "On training targets for supervised speech separation", equation 2.
    """
    s, n = spectral.analyse(voice), spectral.analyse(noise)
    mask = (s.abs().square() / (s.abs().square() + n.abs().square() + 1e-12)).sqrt()
    return spectral.synthesise(mask * (s + n), len(voice))
