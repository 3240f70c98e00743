"""Pitch by four methods on one time axis, and whether the sound has one pitch at all.

    found = pitch(audio, 16_000, method="pyin")
    found.f0_hz, found.voiced           # every 10 ms
    found.verdict, found.certainty      # "one", "several", "none" or "silence"; 0 to 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.mir import autocorrelation, pyin, yin
from core.mir.frames import LOWEST_HZ, SAMPLE_RATE_HZ, WINDOW_SAMPLES, mono, pitch_frames, times
from core.mir.notes import Note, notes
from core.mir.pyin import Lattice

__all__ = ["METHODS", "Pitch", "pitch", "pyin_lattice", "warm"]

METHODS = ("autocorrelation", "yin", "pyin", "crepe")
# Above it a frame counts as voiced: found on sounds other than those of the card.
VOICED = {"autocorrelation": 0.55, "yin": 0.6, "crepe": 0.35}
SILENT = 1e-4  # root mean square of a frame in which nothing is heard: -80 dBFS
QUIET = 0.01  # relative to the loud frames: -40 dB
# Mean probability of a pitch, weighted by energy. Found on voices, melodies, songs, ensembles and noises.
ONE_PITCH, SOME_PITCH = 0.42, 0.15


@dataclass(frozen=True, eq=False)
class Pitch:
    """times_s: float64 [F], every 10 ms.  f0_hz: float64 [F], a guess where not voiced.  voiced: bool [F].

    confidence: float64 [F], 0 to 1, the method's own: the correlation, one less the aperiodicity, the candidates'
    probability, the activation.
    level: float64 [F], root mean square of the frame.
    lattice: pYIN's, whichever method was asked for, as the verdict comes from it.
    activation: float32 [F, 360] of CREPE's bins (`core.mir.crepe.bins_hz`), else None.
    certainty: that the sound has one pitch at a time, 0 to 1; 0.5 is where the verdict changes.
    verdict: "one", "several" (something has a pitch, but more than one thing sounds), "none", "silence".
    """

    method: str
    times_s: NDArray
    f0_hz: NDArray
    voiced: NDArray
    confidence: NDArray
    level: NDArray
    lattice: Lattice
    activation: NDArray | None
    certainty: float
    verdict: str

    def notes(self) -> list[Note]:
        """The curve cut into notes; none where the sound has no single pitch."""
        return notes(self.times_s, self.f0_hz, self.voiced, self.level) if self.verdict == "one" else []


def pitch(audio: Any, sample_rate_hz: int, *, method: str = "pyin", threshold: float = yin.THRESHOLD,
          lowest_hz: float = LOWEST_HZ) -> Pitch:  # fmt: skip
    """The pitch of a sound every 10 ms.

    Args:
        audio: float [T] or [C, T], a tensor or an array, 0.1 to 60 s.
        method: one of `METHODS`.  threshold: of YIN's step 4.  lowest_hz: for all but CREPE, which begins at 32.
    Raises:
        AudioError: as `core.mir.frames.mono`.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}")
    x = mono(audio, sample_rate_hz)
    frames = pitch_frames(x, lowest_hz=lowest_hz)
    level = np.sqrt(np.mean(np.square(frames[:, :WINDOW_SAMPLES]), axis=1))
    lattice = pyin.lattice(frames, lowest_hz=lowest_hz)
    activation = None
    if method == "crepe":
        from core.mir import crepe

        heard = crepe.activation(x)
        f0, confidence, activation = heard.f0_hz, heard.confidence, heard.bins
    elif method == "pyin":
        f0, confidence = lattice.f0_hz, lattice.voiced_probability
    elif method == "yin":
        f0, aperiodicity = yin.track(frames, threshold=threshold, lowest_hz=lowest_hz)
        confidence = np.clip(1 - aperiodicity, 0, 1)
    else:
        f0, confidence = autocorrelation.track(frames, lowest_hz=lowest_hz)
        confidence = np.clip(confidence, 0, 1)
    audible = level > max(SILENT, QUIET * float(np.percentile(level, 95)))
    voiced = lattice.voiced if method == "pyin" else confidence >= VOICED[method]
    certainty, verdict = judged(lattice.voiced_probability, level)
    return Pitch(
        method, times(len(frames)), f0, voiced & audible, np.where(audible, confidence, 0.0), level, lattice,
        activation, certainty, verdict,
    )  # fmt: skip


def judged(probability: NDArray, level: NDArray) -> tuple[float, str]:
    """Certainty and verdict: two voices at once have no common period that YIN's threshold would pass.

    Args:
        probability: float [F], the candidates' of pYIN.  level: float [F], root mean squares.
    """
    energy = np.square(level)
    if float(level.max()) < SILENT:
        return 0.0, "silence"
    mean = float((probability * energy).sum() / energy.sum())
    verdict = "one" if mean >= ONE_PITCH else "several" if mean >= SOME_PITCH else "none"
    return min(1.0, 0.5 * mean / ONE_PITCH), verdict


def pyin_lattice(audio: Any, sample_rate_hz: int, *, mean: float | None = None) -> Lattice:
    """pYIN's candidates and path alone, for drawing; mean: of the thresholds' prior, between 0.05 and 0.5.

    Raises:
        AudioError: as `core.mir.frames.mono`.
    """
    weights = None if mean is None else pyin.prior(2.0, 2.0 / float(np.clip(mean, 0.05, 0.5)) - 2.0)
    return pyin.lattice(pitch_frames(mono(audio, sample_rate_hz)), weights=weights)


def warm() -> None:
    """Compile what numba compiles, and load CREPE, so that a visitor does not wait for it."""
    hum = 0.1 * np.sin(2 * np.pi * 220 * np.arange(SAMPLE_RATE_HZ // 4) / SAMPLE_RATE_HZ)
    for method in METHODS:
        pitch(hum, SAMPLE_RATE_HZ, method=method)
    yin.yin_steps(hum, SAMPLE_RATE_HZ, 0.1)
