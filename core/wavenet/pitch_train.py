"""What the pitch clock learns from: the fundamental of each recording, and the fitting of F0 to mels.

Source: as in core.wavenet.pitch; F0 of recordings by WORLD (Morise et al. 2016: DIO and StoneMask, pyworld).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core import audio
from core.wavenet.data import Recording
from core.wavenet.model import WaveNetConfig
from core.wavenet.pitch import BINS, BINS_PER_OCTAVE, LOWEST_HZ, SAMPLE_RATE_HZ, MelPitch, pack, sines

SMOOTHING_HZ = 40.0
SPEEDS = (0.55, 0.65, 0.8, 0.9, 1.12, 1.25, 1.5)  # lower and higher voices than the corpus has
CROP_FRAMES = 64


def fundamental(x: np.ndarray, *, step_samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The phase of a recording's fundamental, its F0 and where it is voiced: the clock's true hand.

    WORLD's F0 runs a first clock; the recording is turned back by it and smoothed, which leaves by how much the
    fundamental is ahead of that clock (complex demodulation).

    Args:
        x: float [T] at 16 kHz.  step_samples: from one value to the next.
    Returns:
        phase float64 [n] in radians, F0 float64 [n] in Hz, voiced bool [n], with n = 1 + T // step_samples.
    """
    import pyworld
    from scipy.signal import butter, sosfiltfilt

    x = x.astype(np.float64)
    rough, times = pyworld.dio(x, SAMPLE_RATE_HZ, f0_floor=LOWEST_HZ, f0_ceil=600.0, frame_period=5.0)
    f0 = pyworld.stonemask(x, rough, times, SAMPLE_RATE_HZ)
    on = f0 > 0
    at = np.minimum(np.arange(1 + len(x) // step_samples) * step_samples, len(x) - 1)
    if not on.any():
        return np.zeros(len(at)), np.full(len(at), 100.0), np.zeros(len(at), dtype=bool)
    hz = np.interp(np.arange(len(x)) / SAMPLE_RATE_HZ, times[on], f0[on])
    clock = 2 * np.pi * np.cumsum(hz) / SAMPLE_RATE_HZ
    low_pass = butter(2, SMOOTHING_HZ, fs=SAMPLE_RATE_HZ, output="sos")
    turned = x * np.exp(-1j * clock)
    ahead = sosfiltfilt(low_pass, turned.real) + 1j * sosfiltfilt(low_pass, turned.imag)
    nearest = np.minimum(np.rint(at / SAMPLE_RATE_HZ / 0.005).astype(int), len(f0) - 1)
    return (clock + np.angle(ahead))[at] % (2 * np.pi), hz[at], on[nearest]


def clocked(recording: Recording, config: WaveNetConfig) -> Recording:
    """The recording with the true clock's sines beside its mel: mel [prepared_channels, F]."""
    moments, frames = config.moments, recording.mel.shape[1]
    phase, _, voiced = fundamental(recording.audio.numpy(), step_samples=config.condition_hop)
    count = frames * moments
    phase, voiced = (np.pad(values[:count], (0, max(0, count - len(values)))) for values in (phase, voiced))
    rows = sines(torch.from_numpy(phase).float()[None], torch.from_numpy(voiced)[None], config.harmonics)
    return replace(recording, mel=torch.cat([recording.mel, pack(rows, moments)[0]]))


def pitch_loss(net: MelPitch, mel: Tensor, f0: Tensor, voiced: Tensor) -> Tensor:
    """Cross-entropy of the bins where a frame is voiced, and of being voiced everywhere.

    The target is a Gaussian of 25 cents around F0 (CREPE, equation 3).

    Args:
        mel: float [B, M, F].  f0: float [B, F] in Hz.  voiced: bool [B, F].
    """
    scores, voicing = net(mel)
    place = BINS_PER_OCTAVE * torch.log2(f0.clamp(min=1.0) / LOWEST_HZ)  # [B, F]
    inside = voiced & (place > 0) & (place < BINS - 1)
    width = 25 / (1200 / BINS_PER_OCTAVE)
    target = torch.softmax(-((torch.arange(BINS) - place[..., None]) ** 2) / (2 * width**2), dim=-1)
    pitch = -(target * torch.log_softmax(scores, dim=-1)).sum(dim=-1)
    said = F.binary_cross_entropy_with_logits(voicing, voiced.to(voicing))
    return (pitch * inside).sum() / inside.sum().clamp(min=1) + said


def examples(
    recordings: Sequence[Recording], speeds: Sequence[float] = (1.0,)
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """(mel [80, F], F0 [F], voiced [F]) of each recording, also played slower or faster: pitch and timbre move."""
    out = []
    for number, recording in enumerate(recordings):
        for speed in speeds if len(speeds) == 1 else (1.0, speeds[number % len(speeds)]):
            x = recording.audio
            if speed != 1.0:
                x = audio.resample(x, round(SAMPLE_RATE_HZ * speed), SAMPLE_RATE_HZ)
            mel = audio.mel(x)
            _, f0, voiced = fundamental(x.numpy(), step_samples=audio.HOP_SAMPLES)
            if mel.shape[1] >= CROP_FRAMES:
                out.append((mel, torch.from_numpy(f0).float(), torch.from_numpy(voiced)))
    return out


def fit(
    net: MelPitch, recordings: Sequence[Recording], *, steps: int = 3000, batch: int = 16, seed: int = 0
) -> None:
    """Train on crops of the recordings, in place, on the CPU; a minute for 3,000 steps, then frozen."""
    found = examples(recordings, SPEEDS)
    if not found:
        return
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(net.requires_grad_(True).parameters(), lr=2e-3)
    for step in range(steps):
        crops = []
        for pick in torch.randint(len(found), (batch,), generator=generator).tolist():
            mel, f0, voiced = found[pick]
            start = int(torch.randint(mel.shape[1] - CROP_FRAMES + 1, (1,), generator=generator))
            part = slice(start, start + CROP_FRAMES)
            crops.append((mel[:, part], f0[part], voiced[part]))
        optimizer.zero_grad()
        pitch_loss(net, *(torch.stack(column) for column in zip(*crops))).backward()
        optimizer.param_groups[0]["lr"] = 2e-3 * (1 - step / steps)
        optimizer.step()
    net.requires_grad_(False)


def accuracy(net: MelPitch, recordings: Sequence[Recording]) -> dict[str, float]:
    """Voicing error and, where both are voiced, gross pitch errors (beyond 20 %) and the mean fine error in cents."""
    wrong, gross, count, both, cents = 0, 0, 0, 0, 0.0
    for mel, f0, voiced in examples(recordings):
        found, said = (x[0] for x in net.f0(mel[None]))
        wrong, count = wrong + int((said != voiced).sum()), count + len(voiced)
        agree = said & voiced
        ratio = (found[agree] / f0[agree]).log2().abs() * 1200
        far = ratio > 1200 * np.log2(1.2)
        gross, both = gross + int(far.sum()), both + int(agree.sum())
        cents += float(ratio[~far].sum())
    return {
        "voicing error": wrong / count,
        "gross pitch error": gross / max(1, both),
        "fine pitch error (cents)": cents / max(1, both - gross),
    }
