"""A post-filter for vocoders: the bands of a sound are brought to the levels that its mel asks for.

A network that draws sample after sample meets the levels of a mel only roughly, and hisses where the mel is silent.
But the mel is at hand. Here every frame of the sound is measured in the bands of the mel, every band gets the gain
that it lacks, and the frames are added up again. Frames overlap, so that one round does not bring them all right;
several rounds come closer. Phases, and what lies within a band, stay those of the sound. Where bands are as narrow as
the distance of two harmonics, even white noise gets a rough voice this way: a vocoder has to be better than that.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft
import scipy.signal
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from core.audio import HOP_SAMPLES, MEL_BANDS, MEL_FLOOR, WINDOW_SAMPLES, mel_filters
from core.errors import MelError

__all__ = ["MAX_ROUNDS", "ROUNDS", "PostFilter", "correct", "filtered_noise", "gains_db"]

ROUNDS = 8
MAX_ROUNDS = 30
MAX_GAIN_DB = 20.0  # of a band in one round, up or down
DECIBELS = 20 / np.log(10)  # from natural logarithms of magnitudes
HALF = WINDOW_SAMPLES // 2


class PostFilter:
    """A sound comes in pieces and goes out in pieces, each round one window (1,024 samples) later.

    Source: Griffin and Lim 1984, equation 6, for the adding up of changed frames, and for doing it again. They put
    known magnitudes into every bin; we know bands only, and multiply.

    Args:
        mel: float [80, F], natural logarithm, as from `core.audio.mel`: what the sound should have. A sound that is
            longer keeps to the last frame.
        rounds: 0 (nothing is changed) to 30.
    Raises:
        MelError: the mel has another shape or is not finite, or the rounds are out of range.
    """

    def __init__(self, mel: Tensor, *, rounds: int = ROUNDS) -> None:
        if mel.dim() != 2 or mel.shape[0] != MEL_BANDS or mel.shape[1] < 1:
            raise MelError(f"The mel must be [{MEL_BANDS}, frames] with 1 frame or more, got {list(mel.shape)}.")
        if not bool(torch.isfinite(mel).all()):
            raise MelError("The mel holds NaN or infinity: take the logarithm, as core.audio.mel does.")
        if not 0 <= rounds <= MAX_ROUNDS:
            raise MelError(f"The post-filter takes 0 to {MAX_ROUNDS} rounds, got {rounds}.")
        wanted = mel.detach().cpu().float().numpy().T
        self._rounds = [_Round(wanted) for _ in range(rounds)]

    def push(self, x: Tensor) -> Tensor:
        """Take the next samples, float [n]; give those that no later one can change, float32 [m], m maybe 0."""
        samples = x.detach().cpu().float().numpy()
        for one in self._rounds:
            samples = one.push(samples)
        return torch.from_numpy(samples)

    def finish(self) -> Tensor:
        """The rest, float32 [m]: all together are as many samples as were pushed."""
        rest = np.zeros(0, np.float32)
        for one in self._rounds:
            rest = np.concatenate([one.push(rest), one.finish()])
        return torch.from_numpy(rest)


def correct(x: Tensor, mel: Tensor, *, rounds: int = ROUNDS) -> Tensor:
    """A whole sound through a `PostFilter`.

    Args:
        x: float [T].  mel, rounds: as there.
    Returns:
        float32 [T]; a sound that is shorter than half a window (513 samples) comes back as it is.
    Raises:
        MelError: as there.
    """
    post = PostFilter(mel, rounds=rounds)
    return torch.cat([post.push(x), post.finish()])


def filtered_noise(mel: Tensor, samples: int, *, rounds: int = ROUNDS, seed: int = 0) -> Tensor:
    """White noise brought to the levels of a mel: what the filter makes of a sound that knows nothing.

    Args:
        mel: float [80, F].  samples: T.  rounds, MelError: as `PostFilter`.
    Returns:
        float32 [T] within [-1, 1].
    """
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(seed))
    return correct(0.1 * noise, mel, rounds=rounds).clamp(-1, 1)


def gains_db(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What one round multiplies: the levels that each band lacks, in decibels, within 20 of 0.

    Args:
        found, wanted: float [..., any shape], log-mels of what there is and of what there should be.
    """
    return np.clip((wanted - found) * DECIBELS, -MAX_GAIN_DB, MAX_GAIN_DB)


@functools.lru_cache(maxsize=1)
def _bands() -> tuple[np.ndarray, np.ndarray]:
    """The mel's triangles [513, 80], and what spreads the gains of bands over bins [80, 513]: its columns sum to 1."""
    filters = mel_filters().astype(np.float32)
    spread = filters.copy()
    spread[:, 0], spread[:, -1] = spread[:, 1], spread[:, -2]  # the outermost bins lie in no triangle
    return np.ascontiguousarray(filters.T), spread / spread.sum(axis=0)


class _Round:
    """One pass over a sound. Positions count from half a window before it, where the first frame begins.

    In NumPy: the pieces are small, and PyTorch's threads would wait for each other longer than they compute where
    something else keeps the cores busy (20 times longer was seen).
    """

    def __init__(self, wanted: np.ndarray) -> None:
        self._wanted = wanted  # [F, 80]
        self._window = np.asarray(scipy.signal.get_window("hann", WINDOW_SAMPLES), dtype=np.float32)
        self._waiting = np.zeros(0, np.float32)  # input from the next frame on; before the first frame, all of it
        self._sum = np.zeros(WINDOW_SAMPLES - HOP_SAMPLES, np.float32)  # output from there on, to be added to
        self._weight = np.zeros(WINDOW_SAMPLES - HOP_SAMPLES, np.float32)
        self._frame = 0
        self._came = self._went = 0
        self._begun = False

    def push(self, x: np.ndarray) -> np.ndarray:
        self._came += len(x)
        self._waiting = np.concatenate([self._waiting, x])
        if not self._begun:
            if len(self._waiting) <= HALF:
                return np.zeros(0, np.float32)
            self._waiting = np.concatenate([self._waiting[HALF:0:-1], self._waiting])
            self._begun = True
        return self._frames()

    def finish(self) -> np.ndarray:
        if not self._begun:
            return self._waiting
        self._waiting = np.concatenate([self._waiting, self._waiting[-2 : -HALF - 2 : -1]])
        out = self._frames()
        before = self._before()
        rest = slice(before, before + self._came - self._went)
        return np.concatenate([out, self._sum[rest] / np.maximum(self._weight[rest], 1e-8)])

    def _before(self) -> int:
        """How many samples, from the next frame's begin on, still lie before the sound."""
        return max(0, HALF - self._frame * HOP_SAMPLES)

    def _frames(self) -> np.ndarray:
        """Add up all frames whose samples are there; give what no later frame touches."""
        count = (len(self._waiting) - WINDOW_SAMPLES) // HOP_SAMPLES + 1
        if count < 1:
            return np.zeros(0, np.float32)
        filters, spread = _bands()
        frames = sliding_window_view(self._waiting, WINDOW_SAMPLES)[::HOP_SAMPLES] * self._window  # [count, 1024]
        spectra = scipy.fft.rfft(frames)  # [count, 513]
        found = np.log(np.maximum(np.abs(spectra) @ filters, MEL_FLOOR))  # [count, 80]
        at = np.minimum(np.arange(self._frame, self._frame + count), len(self._wanted) - 1)
        gains = np.exp(gains_db(found, self._wanted[at]) / DECIBELS @ spread)  # [count, 513]
        frames = scipy.fft.irfft(spectra * gains, n=WINDOW_SAMPLES) * self._window
        done = count * HOP_SAMPLES
        total = np.concatenate([self._sum, np.zeros(done, np.float32)])
        weight = np.concatenate([self._weight, np.zeros(done, np.float32)])
        for start, frame in zip(range(0, done, HOP_SAMPLES), frames):
            total[start : start + WINDOW_SAMPLES] += frame
            weight[start : start + WINDOW_SAMPLES] += self._window**2
        out = (total[:done] / np.maximum(weight[:done], 1e-8))[self._before() :]
        self._sum, self._weight, self._waiting = total[done:], weight[done:], self._waiting[done:]
        self._frame += count
        self._went += len(out)
        return out
