r"""BSS Eval for stereo images, version 4: how far an estimate is from the true stem, and in which way.

The estimate is taken apart into what filters of the true signals can explain, and what they cannot:

    estimate = s_true + e_spat + e_interf + e_artif

    e_spat   = P_j(estimate) - s_true             P_j: projection on the true stem j, delayed by 0 … 511 samples
    e_interf = P(estimate) - P_j(estimate)        P: projection on all true stems, delayed likewise
    e_artif  = estimate - P(estimate)

The sum of the three errors is estimate - s_true, so that SDR is the plain signal-to-noise ratio and needs no filter.

Sources: Vincent, Gribonval, Févotte 2006, "Performance measurement in blind audio source separation", IEEE TASLP 14(4),
sections III (projections) and IV (figures); Vincent, Sawada, Bofill, Makino, Rosca 2007, "First stereo audio source
separation evaluation campaign", ICA (images and ISR); Stöter, Liutkus, Ito 2018, "The 2018 Signal Separation Evaluation
Campaign", LVA/ICA (version 4: filters of the whole track, figures of frames of one second). museval computes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from core.errors import AudioError

METRICS = ("SDR", "SIR", "ISR", "SAR")
PARTS = ("target", "spatial", "interference", "artefacts")
TAPS = 512


@dataclass(frozen=True, eq=False)
class Parts:
    """An estimate [C, N] taken apart; the four add up to it. float64 [C, N + taps - 1] each."""

    target: np.ndarray
    spatial: np.ndarray
    interference: np.ndarray
    artefacts: np.ndarray


def metrics_of(parts: Parts) -> dict[str, float]:
    """SDR, SIR, ISR and SAR in dB; infinite where there is no such error, NaN where the target is silent.

    Source: Vincent et al. 2007, the definitions of ISR, SIR, SAR and SDR.
    """
    s, spat, interf, artif = parts.target, parts.spatial, parts.interference, parts.artefacts
    return {
        "SDR": _decibels(s, spat + interf + artif),
        "SIR": _decibels(s + spat, interf),
        "ISR": _decibels(s, spat),
        "SAR": _decibels(s + spat + interf, artif),
    }


def _decibels(signal: np.ndarray, error: np.ndarray) -> float:
    top, bottom = float(np.sum(signal**2)), float(np.sum(error**2))
    if not top:
        return float("nan")
    return float(10 * np.log10(top / bottom)) if bottom else float("inf")


class References:
    """The true stems of an excerpt, and all that does not depend on the estimate.

    That is what costs: the Gram matrix of J * C * taps delayed signals and its Cholesky factor. An estimate then costs
    a few Fourier transforms.

    Args:
        stems: float [J, C, N], none of them silent.  taps: length of the filters in samples.
    Raises:
        AudioError: not [J, C, N], or a silent stem.
    """

    def __init__(self, stems: np.ndarray, *, taps: int = TAPS) -> None:
        from scipy.fft import next_fast_len, rfft

        stems = np.asarray(stems, dtype=np.float64)
        if stems.ndim != 3 or not stems.any(axis=(1, 2)).all():
            raise AudioError(f"BSS Eval takes stems [J, C, N], none of them silent, got {list(stems.shape)}.")
        self.stems, self.taps = stems, taps
        self.length = next_fast_len(stems.shape[2] + taps - 1, real=True)
        self.spectra = rfft(stems, self.length)  # [J, C, F]
        gram = self._gram()
        self.all_factor = _factor(gram)
        size = stems.shape[1] * taps
        self.own_factors = [_factor(gram[at : at + size, at : at + size]) for at in range(0, len(gram), size)]

    def _gram(self) -> np.ndarray:
        """Inner products of all delayed signals, float64 [J C taps, J C taps]: blocks that are Toeplitz."""
        from scipy.fft import irfft
        from scipy.linalg import toeplitz

        count, taps = self.stems.shape[0] * self.stems.shape[1], self.taps
        flat = self.spectra.reshape(count, -1)
        gram = np.empty((count, taps, count, taps))
        for a, b in product(range(count), repeat=2):
            if b < a:
                gram[a, :, b] = gram[b, :, a].T
                continue
            r = irfft(flat[a].conj() * flat[b], self.length)  # r[m] = sum over n of a[n] b[n + m]
            gram[a, :, b] = toeplitz(r[:taps], np.concatenate([r[:1], r[: -taps : -1]]))
        return gram.reshape(count * taps, count * taps)

    def filters(self, estimate: np.ndarray) -> np.ndarray:
        """The estimate's best explanation by the delayed stems, by all of them and by each alone.

        Args:
            estimate: float [C, N].
        Returns:
            float64 [1 + J, J, C, C, taps]: filters from a stem's channel (third) to one of the estimate's (fourth);
            index 0 by all stems, index 1 + j by stem j alone.
        Raises:
            AudioError: the estimate has another shape than the stems.
        """
        from scipy.fft import irfft, rfft

        stems, channels, _ = self.stems.shape
        if estimate.shape != self.stems.shape[1:]:
            wanted = list(self.stems.shape[1:])
            raise AudioError(f"The estimate must be {wanted} as the stems, got {list(estimate.shape)}.")
        heard = rfft(np.asarray(estimate, dtype=np.float64), self.length)  # [C, F]
        products = irfft(self.spectra[:, :, None].conj() * heard, self.length)[..., : self.taps]  # [J, C, C, taps]
        found = np.zeros((1 + stems, *products.shape))
        right = products.transpose(0, 1, 3, 2)  # [J, C, taps, C]
        shape = (stems, channels, self.taps, channels)
        found[0] = _solve(self.all_factor, right.reshape(-1, channels)).reshape(shape).transpose(0, 1, 3, 2)
        for j, factor in enumerate(self.own_factors):
            own = _solve(factor, right[j].reshape(-1, channels)).reshape(shape[1:])
            found[1 + j, j] = own.transpose(0, 2, 1)
        return found

    def decompose(
        self, estimate: np.ndarray, j: int, filters: np.ndarray, *, start: int = 0, samples: int | None = None
    ) -> Parts:
        """The four parts of a stretch of the estimate of stem j, as if all were silent outside of it.

        Args:
            estimate: float [C, N].  filters: of the whole estimate.  start, samples: the stretch, else all.
        """
        from scipy.fft import irfft, next_fast_len, rfft

        end = estimate.shape[1] if samples is None else start + samples
        stretch = self.stems[..., start:end]
        whole = stretch.shape[2] + self.taps - 1
        size = next_fast_len(whole, real=True)
        spectra = rfft(stretch, size)  # [J, C, F]
        chosen = rfft(filters[[0, 1 + j]], size)  # [2, J, C, C, F]
        by_all, by_own = irfft((chosen * spectra[:, :, None]).sum(axis=(1, 2)), size)[..., :whole]  # [C, whole] each
        padded = ((0, 0), (0, self.taps - 1))
        target, heard = np.pad(stretch[j], padded), np.pad(estimate[:, start:end], padded)
        return Parts(target, by_own - target, by_all - by_own, heard - by_all)

    def judge(self, estimate: np.ndarray, j: int) -> tuple[dict[str, float], Parts]:
        """The figures in dB of an estimate [C, N] of stem j as one frame, and its parts."""
        parts = self.decompose(estimate, j, self.filters(estimate))
        return metrics_of(parts), parts

    def frames(self, estimate: np.ndarray, j: int, *, frame_samples: int) -> dict[str, np.ndarray]:
        """The figures of every frame, as SiSEC 2018 has them: metric -> float64 [frames] in dB.

        The filters are those of the whole estimate. NaN where a stem or the estimate is silent for a whole frame.
        """
        filters = self.filters(estimate)
        rows = []
        for start in range(0, estimate.shape[1] - frame_samples + 1, frame_samples):
            frame = slice(start, start + frame_samples)
            if self.stems[..., frame].any(axis=(1, 2)).all() and estimate[:, frame].any():
                rows.append(metrics_of(self.decompose(estimate, j, filters, start=start, samples=frame_samples)))
            else:
                rows.append(dict.fromkeys(METRICS, float("nan")))
        return {name: np.array([row[name] for row in rows]) for name in METRICS}


def _factor(gram: np.ndarray) -> tuple[np.ndarray, bool]:
    """Cholesky factor; stems whose channels are equal make the matrix singular, and need a little on its diagonal."""
    from scipy.linalg import LinAlgError, cho_factor

    ridge = float(np.finfo(float).eps)
    while True:
        try:
            return cho_factor(gram + ridge * np.eye(len(gram)), lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            ridge = max(100 * ridge, 1e-14 * float(gram.diagonal().max()))


def _solve(factor: tuple[np.ndarray, bool], right: np.ndarray) -> np.ndarray:
    from scipy.linalg import cho_solve

    return cho_solve(factor, right, check_finite=False)
