"""Four ways to spoil a stem, one for each kind of error that BSS Eval tells apart."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from core.separation import excerpts
from core.separation.scores import References

EXCERPT, START_S, SECONDS = "verse", 7.0, 6.0
TARGET, OTHERS = "vocals", ("drums", "bass")  # the excerpt's "other" is silent
WINDOW = 2048  # samples of a frame whose points the artefacts erase
DULL_TAPS, DULLEST, ASIDE = 256, 0.9, 0.9


@dataclass(frozen=True, eq=False)
class Scene:
    """A true stem and the sum of all others, float32 [2, N] each."""

    target: np.ndarray
    others: np.ndarray
    sample_rate_hz: int


@functools.lru_cache(maxsize=1)
def scene() -> Scene:
    """Six seconds of a shipped excerpt. Loads no torch."""
    import soundfile

    about = excerpts.index()[EXCERPT]
    start, samples = round(START_S * about.sample_rate_hz), round(SECONDS * about.sample_rate_hz)

    def read(part: str) -> np.ndarray:
        return soundfile.read(about.path(part), start=start, frames=samples, dtype="float32")[0].T.copy()

    others = np.sum([read(part) for part in OTHERS], axis=0)
    return Scene(read(TARGET), others, about.sample_rate_hz)


@functools.lru_cache(maxsize=1)
def references() -> References:
    """Of the scene, target first: made once, as they do not depend on the estimate."""
    return References(np.stack([scene().target, scene().others]))


def degrade(
    target: np.ndarray, others: np.ndarray, *, interference: float, artefacts: float, spatial: float, noise: float,
    seed: int = 0,
) -> np.ndarray:  # fmt: skip
    """A stem as a bad separator would give it: the four errors add up.

    Args:
        target, others: float [2, N].
        interference: amplitude of the other stems that is left in; at 1 the whole mixture is.
        artefacts: share of the points of the stem's spectrogram that are erased at random, one by one.
        spatial: how far the stem moves to the left (at 1 the right channel is at 0.1) and how dull it gets.
        noise: white noise, relative to the stem's root mean square.
    Returns:
        float32 [2, N].
    """
    generator = np.random.default_rng(seed)
    noises = generator.standard_normal(target.shape) * np.sqrt(np.mean(target**2))
    out = moved(target, spatial) + interference * others + noise * noises
    return (out + erased(target, artefacts, generator) - target).astype(np.float32)


def moved(x: np.ndarray, share: float) -> np.ndarray:
    """Filtered by a one-pole low-pass, cut off after 256 taps, and the right channel turned down: [2, N]."""
    pole = DULLEST * share
    taps = (1 - pole) * pole ** np.arange(DULL_TAPS)
    dull = np.stack([np.convolve(channel, taps)[: x.shape[1]] for channel in x])
    return dull * np.array([[1.0], [1.0 - ASIDE * share]])


def erased(x: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """A share of the points of the spectrogram set to zero, the same in both channels: [2, N]."""
    from scipy.signal import istft, stft

    if not share:
        return x
    spectrum = stft(x, nperseg=WINDOW)[2]  # [2, F, T]
    kept = generator.random(spectrum.shape[1:]) >= share
    return istft(spectrum * kept, nperseg=WINDOW)[1][:, : x.shape[1]]
