"""The vocoder WORLD: a voice becomes pitch, spectral envelope and aperiodicity, 200 times a second, and back.

    parts = analyse(samples)                          what the voice does, frame by frame
    sound = synthesise(parts, f0_scale=0.0)           the same words on one note
    resynthesize(audio, formant_scale=1.2).audio      both at once, with every intermediate result

Nothing here is trained: this is what speech costs by analysis and synthesis alone. The envelope is kept as a
mel-cepstrum, 40 numbers that say the shape of log |H| along a warped frequency axis.

Source: Morise, Yokomori, Ozawa 2016, "WORLD: a vocoder-based high-quality speech synthesis system"; its parts are
DIO and StoneMask (F0), CheapTrick (envelope), D4C (aperiodicity), as the package `pyworld` runs them.
"""

from __future__ import annotations

import functools
import importlib
import math
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from core.audio import SAMPLE_RATE_HZ, Synthesis
from core.errors import AudioError, PackageError, SamplingError

__all__ = [
    "CEPSTRA", "FFT_SIZE", "FRAME_SECONDS", "LIMITS", "Parameters", "Resynthesis", "analyse", "cepstrum", "change_f0",
    "check_controls", "envelope", "resynthesize", "stretch", "synthesise", "warp_envelope",
]  # fmt: skip

FRAME_MS = 5.0
FRAME_SECONDS = 0.005
FRAME_SAMPLES = 80
F0_FLOOR_HZ, F0_CEILING_HZ = 71.0, 600.0
FFT_SIZE = 1024  # what CheapTrick takes at 16 kHz for that floor: 2 ** (1 + floor(log2(3 * 16000 / 71 + 1)))
CEPSTRA = 40  # c_0 … c_39
WARPING = 0.42  # of the all-pass; at 16 kHz close to the mel scale
LIMITS = {  # control: (least, most, what it is at rest)
    "rate": (0.3, 3.0, 1.0),
    "f0_scale": (0.0, 3.0, 1.0),
    "f0_shift_semitones": (-24.0, 24.0, 0.0),
    "formant_scale": (0.6, 1.6, 1.0),
}
MAX_RESYNTHESIS_SECONDS = 30.0


@dataclass(frozen=True, eq=False)
class Parameters:
    """What WORLD says about a voice, one row every 5 ms; row f is centred on sample 80 f.

    log_f0: float64 [F], natural logarithm of Hz; in unvoiced frames a straight line between the voiced ones.
    voiced: bool [F].
    cepstra: float64 [F, 40], the mel-cepstrum of the envelope: log |H(w)| = sum over m of c_m cos(m warped(w)).
    aperiodicity: float64 [F, 1], share of noise in dB at 3 kHz, the one band that WORLD codes at 16 kHz: 0 is noise.
    """

    log_f0: np.ndarray
    voiced: np.ndarray
    cepstra: np.ndarray
    aperiodicity: np.ndarray

    @property
    def frames(self) -> int:
        return len(self.log_f0)

    @property
    def f0_hz(self) -> np.ndarray:
        """float64 [F], 0 where unvoiced."""
        return np.where(self.voiced, np.exp(self.log_f0), 0.0)


@dataclass(frozen=True, eq=False)
class Resynthesis(Synthesis):
    """A voice taken apart and put together again. before, after: its parameters as found and as changed."""

    before: Parameters
    after: Parameters


def world() -> ModuleType:
    """The package pyworld.

    Raises:
        PackageError: it is not installed.
    """
    try:
        return importlib.import_module("pyworld")
    except ImportError as error:
        raise PackageError("The package pyworld is not installed here: `make setup` brings it.") from error


@functools.lru_cache(maxsize=1)
def _warped() -> np.ndarray:
    """Where each bin lies on the warped axis: the phase of the all-pass (z^-1 - a) / (1 - a z^-1), float64 [513].

    Source: Tokuda et al. 1994, "Mel-generalized cepstral analysis", equation 4.
    """
    w = np.linspace(0, np.pi, FFT_SIZE // 2 + 1)
    return w + 2 * np.arctan2(WARPING * np.sin(w), 1 - WARPING * np.cos(w))


@functools.lru_cache(maxsize=1)
def _bases() -> tuple[np.ndarray, np.ndarray]:
    """The cosines [513, 40] that make a log envelope of cepstra, and the matrix [40, 513] that finds the cepstra.

    The second is the weighted least-squares inverse of the first: a bin counts as much as it takes up of the
    warped axis, which makes the cosines orthogonal but for rounding.
    """
    warped = _warped()
    cosines = np.cos(np.arange(CEPSTRA) * warped[:, None])  # [513, 40]
    weight = np.sqrt(np.gradient(warped))[:, None]  # [513, 1]
    return cosines, np.linalg.pinv(cosines * weight) * weight.T


def cepstrum(power: np.ndarray) -> np.ndarray:
    """Mel-cepstrum of a power envelope: float64 [F, 513] -> float64 [F, 40]."""
    return 0.5 * np.log(np.maximum(power, 1e-16)) @ _bases()[1].T


def envelope(cepstra: np.ndarray) -> np.ndarray:
    """Power envelope of mel-cepstra: float64 [F, 40] -> float64 [F, 513], |H|^2."""
    return np.exp(np.clip(2 * cepstra @ _bases()[0].T, -40.0, 20.0))


def analyse(samples: np.ndarray) -> Parameters:
    """A voice as WORLD's parameters.

    Args:
        samples: float [T] at 16 kHz, at least 0.1 s.
    Returns:
        F = 1 + T // 80 frames. A sound without any voiced frame gets log_f0 of 200 Hz throughout.
    Raises:
        AudioError: another shape, too short, not finite.  PackageError: pyworld is not installed.
    """
    x = np.ascontiguousarray(samples, dtype=np.float64)
    if x.ndim != 1 or len(x) < SAMPLE_RATE_HZ // 10:
        raise AudioError(f"WORLD takes at least 0.1 s of sound [T] at 16 kHz, got {list(x.shape)}.")
    if not np.isfinite(x).all():
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    pyworld = world()
    rough, times = pyworld.dio(
        x, SAMPLE_RATE_HZ, f0_floor=F0_FLOOR_HZ, f0_ceil=F0_CEILING_HZ, frame_period=FRAME_MS
    )  # fmt: skip
    f0 = pyworld.stonemask(x, rough, times, SAMPLE_RATE_HZ)  # [F]
    power = pyworld.cheaptrick(x, f0, times, SAMPLE_RATE_HZ, f0_floor=F0_FLOOR_HZ, fft_size=FFT_SIZE)  # [F, 513]
    noise = pyworld.d4c(x, f0, times, SAMPLE_RATE_HZ, fft_size=FFT_SIZE)  # [F, 513]
    voiced = f0 > 0
    log_f0 = np.full(len(f0), math.log(200.0))
    if voiced.any():
        log_f0 = np.interp(np.arange(len(f0)), np.flatnonzero(voiced), np.log(f0[voiced]))
    return Parameters(log_f0, voiced, cepstrum(power), pyworld.code_aperiodicity(noise, SAMPLE_RATE_HZ))


def synthesise(parts: Parameters, *, formant_scale: float = 1.0) -> np.ndarray:
    """The sound of parameters.

    Args:
        parts: F frames.  formant_scale: as in `warp_envelope`.
    Returns:
        float32 [80 F], within [-1, 1]: a louder sound is scaled down to a peak of 0.99.
    """
    pyworld = world()
    power = warp_envelope(envelope(parts.cepstra), formant_scale)
    coded = np.ascontiguousarray(np.minimum(parts.aperiodicity, 0.0), dtype=np.float64)
    noise = pyworld.decode_aperiodicity(coded, SAMPLE_RATE_HZ, FFT_SIZE)  # [F, 513]
    x = pyworld.synthesize(parts.f0_hz, np.ascontiguousarray(power), noise, SAMPLE_RATE_HZ, FRAME_MS)
    x = np.pad(x, (0, max(0, FRAME_SAMPLES * parts.frames - len(x))))[: FRAME_SAMPLES * parts.frames]
    return (x * min(1.0, 0.99 / max(float(np.abs(x).max()), 1e-9))).astype(np.float32)


def warp_envelope(power: np.ndarray, formant_scale: float) -> np.ndarray:
    """Move every resonance to `formant_scale` times its frequency: a shorter throat is above 1, a longer one below.

    The harmonics stay, so the pitch does too.

    Args:
        power: float64 [F, 513], |H|^2 from 0 to 8 kHz.
    Returns:
        float64 [F, 513]; below 1, the value at 8 kHz goes on above what is left.
    """
    if formant_scale == 1.0:
        return power
    bins = power.shape[1]
    at = np.minimum(np.arange(bins) / formant_scale, bins - 1)  # where each bin comes from
    low = np.minimum(at.astype(int), bins - 2)
    share = at - low
    log = np.log(power)
    return np.exp(log[:, low] * (1 - share) + log[:, low + 1] * share)


def change_f0(parts: Parameters, *, f0_scale: float = 1.0, f0_shift_semitones: float = 0.0) -> Parameters:
    """Change the melody: its depth around its mean, and its height.

    log f0' = mean + f0_scale (log f0 - mean) + f0_shift_semitones ln(2) / 12, the mean over the voiced frames.

    Args:
        f0_scale: 1 leaves the melody, 0 is flat, 2 goes up and down twice as far.
        f0_shift_semitones: 12 is an octave up.
    """
    mean = parts.log_f0[parts.voiced].mean() if parts.voiced.any() else parts.log_f0.mean()
    log_f0 = mean + f0_scale * (parts.log_f0 - mean) + f0_shift_semitones * math.log(2) / 12
    return replace(parts, log_f0=np.clip(log_f0, math.log(30.0), math.log(2000.0)))


def stretch(parts: Parameters, rate: float) -> Parameters:
    """The same frames at another speed: F / rate of them, each interpolated between two neighbours."""
    if rate == 1.0:
        return parts
    count = max(2, round(parts.frames / rate))
    at = np.linspace(0, parts.frames - 1, count)
    low = np.minimum(at.astype(int), parts.frames - 2)
    share = (at - low)[:, None]
    columns = (parts.log_f0[:, None], parts.cepstra, parts.aperiodicity)
    log_f0, cepstra, aperiodicity = (c[low] * (1 - share) + c[low + 1] * share for c in columns)
    return Parameters(log_f0[:, 0], parts.voiced[np.rint(at).astype(int)], cepstra, aperiodicity)


def check_controls(**controls: float) -> None:
    """Raise SamplingError unless every control (a name in `LIMITS`) is a number within its limits."""
    for name, value in controls.items():
        least, most, rest = LIMITS[name]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not least <= value <= most:
            raise SamplingError(
                f"{name} must be a number from {least:g} to {most:g}, got {value!r:.40}; {rest:g} changes nothing."
            )


def resynthesize(
    sound: Tensor, *, rate: float = 1.0, f0_scale: float = 1.0, f0_shift_semitones: float = 0.0,
    formant_scale: float = 1.0,
) -> Resynthesis:  # fmt: skip
    """Anybody's voice through the vocoder, with no model in between: what WORLD alone costs, and what it can change.

    Args:
        sound: float [T] at 16 kHz, as from `core.audio.load_voice`; 0.1 to 30 s.
        rate: 2 is twice as fast.  f0_scale, f0_shift_semitones: as in `change_f0`.
        formant_scale: as in `warp_envelope`.
    Returns:
        the sound, and the parameters before and after the change.
    Raises:
        SamplingError: a control out of its limits.  AudioError: a sound that cannot be used.
        PackageError: pyworld is not installed.
    """
    check_controls(
        rate=rate, f0_scale=f0_scale, f0_shift_semitones=f0_shift_semitones, formant_scale=formant_scale
    )  # fmt: skip
    if sound.dim() == 1 and len(sound) > MAX_RESYNTHESIS_SECONDS * SAMPLE_RATE_HZ:
        raise AudioError(
            f"The sound lasts {len(sound) / SAMPLE_RATE_HZ:.0f} s; at most {MAX_RESYNTHESIS_SECONDS:.0f} s are taken. "
            "Cut out the part you need."
        )
    before = analyse(sound.detach().cpu().double().numpy())
    after = change_f0(stretch(before, rate), f0_scale=f0_scale, f0_shift_semitones=f0_shift_semitones)
    x = torch.from_numpy(synthesise(after, formant_scale=formant_scale))
    return Resynthesis(x, SAMPLE_RATE_HZ, before, after)
