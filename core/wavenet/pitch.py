"""The pitch clock of the vocoder: F0 is read off the mel, and sines that run at F0 tell the network where it is.

A mel shows the pitch as the distance between its harmonics, but a network that makes one sample after the other has
to turn that into a *time*: now a period is over. The clock does this for it. In training its hand is set by the
recording (core.wavenet.pitch_train), so that a period always begins at the same hand; in generation it runs freely
at the F0 of the mel.

Source: Wang, Takaki and Yamagishi 2019, "Neural source-filter waveform models for statistical parametric speech
synthesis" (arXiv:1904.12088), section II-B: the source signal. F0 from a spectrum by classification into bins of
pitch: Kim et al. 2018, "CREPE" (arXiv:1802.06182), equations 1 to 3.
Differs from them: the source is read from the mel; its phase follows the recording's fundamental in training.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SAMPLE_RATE_HZ = 16_000
LOWEST_HZ, BINS, BINS_PER_OCTAVE = 60.0, 140, 40  # 60 to 667 Hz in steps of 30 cents
CHANNELS = 64
NEAR = 4  # bins on either side of the best that the mean is taken over


def pack(rows: Tensor, moments: int) -> Tensor:
    """[B, F * moments, E] -> [B, moments * E, F]: what belongs to one frame becomes its channels."""
    batch, count, width = rows.shape
    return rows.reshape(batch, count // moments, moments * width).transpose(1, 2)


def unpack(channels: Tensor, moments: int) -> Tensor:
    """[B, moments * E, F] -> [B, F * moments, E]: the inverse of `pack`."""
    batch, width, count = channels.shape
    return channels.transpose(1, 2).reshape(batch, count * moments, width // moments)


def between(frames: Tensor, moments: int) -> Tensor:
    """Straight lines from frame to frame: [B, F, C] -> [B, F * moments, C]; the last frame is held."""
    following = torch.cat([frames[:, 1:], frames[:, -1:]], dim=1)
    share = (torch.arange(moments, device=frames.device) / moments).to(frames)[:, None]  # [moments, 1]
    mixed = frames[:, :, None] + share * (following - frames)[:, :, None]  # [B, F, moments, C]
    return mixed.reshape(frames.shape[0], -1, frames.shape[2])


def sines(phase: Tensor, voiced: Tensor, harmonics: int) -> Tensor:
    """The clock as the network sees it: zero where nothing is voiced.

    Args:
        phase: float [B, n], radians.  voiced: bool [B, n].
    Returns:
        float [B, n, 2 * harmonics + 1]: cos and sin of each harmonic, then voicing as 0 or 1.
    """
    parts = [wave(k * phase) for k in range(1, harmonics + 1) for wave in (torch.cos, torch.sin)]
    on = voiced.to(phase)[..., None]
    return torch.cat([torch.stack(parts, dim=-1) * on, on], dim=-1)


class MelPitch(nn.Module):
    """Mel -> F0 and voicing, frame by frame: two convolutions over five frames, then bins of 30 cents."""

    def __init__(self, mel_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(mel_channels, CHANNELS, 3, padding=1)
        self.conv2 = nn.Conv1d(CHANNELS, CHANNELS, 3, padding=1)
        self.out = nn.Linear(CHANNELS, BINS + 1)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """float [B, M, F] -> scores of the bins [B, F, BINS] and of being voiced [B, F]."""
        x = (mel + 5.0) / 3.0
        x = torch.relu(self.conv2(torch.relu(self.conv1(x)))).transpose(1, 2)  # [B, F, C]
        scores = self.out(x)
        return scores[..., :BINS], scores[..., BINS]

    @torch.no_grad()
    def f0(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """float [B, M, F] -> F0 in Hz [B, F] and voiced, bool [B, F]. F0 is a guess where nothing is voiced.

        The mean of the bins around the best one, weighted by their probabilities, is finer than a bin.
        """
        scores, voicing = self(mel)
        best = scores.argmax(dim=-1, keepdim=True)  # [B, F, 1]
        bins = torch.arange(BINS, device=mel.device)
        near = (bins - best).abs() <= NEAR
        weight = torch.softmax(scores.masked_fill(~near, -math.inf), dim=-1)
        octaves = (weight * bins).sum(dim=-1) / BINS_PER_OCTAVE
        return LOWEST_HZ * 2.0**octaves, voicing > 0

    @torch.no_grad()
    def clock(self, mel: Tensor, *, hop: int, moments: int) -> tuple[Tensor, Tensor]:
        """Phase in radians and voiced, each [B, F * moments]: the clock runs at F0, straight from frame to frame."""
        f0, voiced = self.f0(mel)
        hz = between(f0[..., None], moments)[..., 0].double()
        phase = (2 * math.pi / SAMPLE_RATE_HZ * (hop // moments) * hz).cumsum(dim=1) % (2 * math.pi)
        # A moment belongs to the frame whose centre is nearest.
        place = (torch.arange(voiced.shape[1] * moments, device=mel.device) + moments // 2) // moments
        return phase.to(mel), voiced[:, place.clamp(max=voiced.shape[1] - 1)]
