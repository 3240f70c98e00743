"""Masks by somebody who knows the answer: how far masks on a mixture's spectrogram can go at all.

Definitions as in SiSEC 2018 (Stöter, Liutkus, Ito 2018): the ideal binary mask, ideal ratio masks of
magnitudes and of powers, and the multichannel Wiener filter with the true powers and covariances.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.separation.model import MMDenseLSTMConfig
from core.separation.spectrogram import analyse, synthesise

METHODS = ("IBM", "IRM1", "IRM2", "MWF")


def oracle(parts: Tensor, config: MMDenseLSTMConfig, method: str) -> Tensor:
    """The parts as an ideal method finds them in their sum.

    Args:
        parts: float [S, C, N], the truth.  method: of METHODS.
    Returns:
        float32 [S, C, N].
    Raises:
        ValueError: another method.
    """
    true = analyse(parts, config)  # [S, C, T, F]
    mixture = true.sum(dim=0)
    if method == "MWF":
        found = _multichannel_wiener(true, mixture)
    else:
        found = masks(true, method) * mixture
    return synthesise(found, parts.shape[-1], config)


def masks(true: Tensor, method: str) -> Tensor:
    """Ideal masks float [S, C, T, F] of complex spectra [S, C, T, F].

    IBM: 1 for the loudest source, else 0. IRM1: |s| over the sum of all |s|. IRM2: |s|^2 over the sum of all |s|^2.
    """
    magnitude = true.abs()
    if method == "IBM":
        return torch.zeros_like(magnitude).scatter_(0, magnitude.argmax(dim=0, keepdim=True), 1.0)
    powers = {"IRM1": 1, "IRM2": 2}
    if method not in powers:
        raise ValueError(f"The methods are {', '.join(METHODS)}, not {method!r}.")
    power = magnitude ** powers[method]
    return power / power.sum(dim=0).clamp(min=1e-10)


def _multichannel_wiener(true: Tensor, mixture: Tensor) -> Tensor:
    """y_j = v_j R_j (sum_k v_k R_k)^-1 x with v_j [T, F] the mean power over the channels, R_j [F, C, C] the
    covariance that the source has on average once its power is taken out."""
    x = true.permute(0, 2, 3, 1)  # [S, T, F, C]
    power = x.abs().square().mean(dim=-1).clamp(min=1e-10)  # [S, T, F]
    outer = torch.einsum("stfc,stfd->sfcd", x, x.conj())
    spatial = outer / power.sum(dim=1)[..., None, None]  # [S, F, C, C]
    channels = true.shape[1]
    eye = 1e-7 * torch.eye(channels)
    model = torch.einsum("stf,sfcd->tfcd", power.to(spatial.dtype), spatial) + eye
    whitened = torch.linalg.solve(model, mixture.permute(1, 2, 0)[..., None])[..., 0]  # [T, F, C]
    return torch.einsum("stf,sfcd,tfd->sctf", power.to(spatial.dtype), spatial, whitened)


def sdr(true: Tensor, found: Tensor) -> float:
    """10 log10 |s|^2 / |s - found|^2 in dB: what BSS Eval 4 calls SDR, over the whole piece; NaN for silence."""
    energy, error = float(true.double().square().sum()), float((true - found).double().square().sum())
    if energy < 1e-9:
        return float("nan")
    return float(10 * torch.log10(torch.tensor(energy / max(error, 1e-12))))
