"""How loud a voice is, and a noise mixed to it at a wanted ratio."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.enhancement.spectrum import SAMPLE_RATE_HZ
from core.errors import AudioError

FRAME_SAMPLES = SAMPLE_RATE_HZ // 50  # 20 ms
ACTIVE_DB = 30.0  # a frame is speech if it is no further below the loudest one


def active_power(x: np.ndarray) -> float:
    """Mean square of a voice while it speaks: of the frames of 20 ms at most 30 dB below the loudest.

    Pauses do not make a voice softer. ITU-T P.56 follows the same idea with an envelope and a margin of 15.9 dB.

    Args:
        x: float [T].
    Returns:
        0 for silence.
    """
    if not len(x):
        return 0.0
    frames = x[: len(x) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    powers = np.einsum("ft,ft->f", frames, frames) / FRAME_SAMPLES if len(frames) else np.array([np.mean(x**2)])
    return float(powers[powers >= powers.max() * 10 ** (-ACTIVE_DB / 10)].mean())


def mix(voice: Tensor, noise: Tensor, snr_db: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A voice in a noise: 10 log10 (the voice's power while it speaks / the noise's power) is the wanted ratio.

    The noise begins at a place that the seed draws, and begins anew where it is shorter than the voice. If the sum
    would leave [-1, 1], both are made softer alike: the voice in the mixture is always mixture - noise.

    Args:
        voice: float [T].  noise: float [N].  snr_db: -20 to 60.  seed: of the noise's beginning.
    Returns:
        the mixture and the noise in it, each float32 [T].
    Raises:
        AudioError: not [T]; empty; not finite; silence; a ratio out of range.
    """
    if not -20 <= snr_db <= 60:
        raise AudioError(f"A signal-to-noise ratio of -20 to 60 dB can be mixed, got {snr_db}.")
    for x in (voice, noise):
        check(x)
        if float(x.abs().max()) < 1e-5:
            raise AudioError("The voice or the noise is silent: a ratio of the two needs both.")
    random = np.random.default_rng(seed)
    spare = len(noise) - len(voice)
    offset = int(random.integers(spare + 1 if spare >= 0 else len(noise)))
    part = looped(noise.float().numpy(), len(voice), offset=offset)
    wanted = active_power(voice.float().numpy()) / 10 ** (snr_db / 10)
    part *= (wanted / max(float(np.mean(part**2)), 1e-12)) ** 0.5
    scaled = torch.from_numpy(part)
    mixture = voice.float() + scaled
    gain = min(1.0, 0.99 / float(mixture.abs().max()))
    return mixture * gain, scaled * gain


def looped(x: np.ndarray, samples: int, *, offset: int = 0, fade: int = 800) -> np.ndarray:
    """A sound again and again: float32 [samples]. Its ends are faded over 50 ms, so that nothing clicks."""
    if len(x) < samples + offset:
        fade = min(fade, len(x) // 4)
        ramp = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32))
        x = np.concatenate([x[len(x) - fade :] * ramp[::-1] + x[:fade] * ramp, x[fade : len(x) - fade]])
    return np.resize(np.roll(x, -offset), samples).astype(np.float32)


def check(x: Tensor) -> None:
    """A sound as the enhancer takes it, or AudioError."""
    if x.dim() != 1 or not x.numel():
        raise AudioError(f"A sound of one channel, [samples], is wanted, got {list(x.shape)}.")
    if not bool(torch.isfinite(x).all()):
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
