"""The loop that the two PyTorch engines share: ask for the logits of one sample, draw it, remember it."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from core.wavenet.engines.contract import Session, inverse_cdf
from core.wavenet.model import WaveNet


class StepwiseSession(Session):
    """A session whose engine says only how one sample's logits come about."""

    def __init__(self, model: WaveNet, batch: int, temperature: float) -> None:
        self.model, self.temperature = model, temperature
        self.device = next(model.parameters()).device
        self.batch, self.position = batch, 0

    @abstractmethod
    def next_logits(self) -> Tensor:
        """The logits [B, levels] of sample `position`."""

    @abstractmethod
    def append(self, codes: Tensor) -> None:
        """Take int64 [B] as the codes of sample `position`, and move on."""

    @abstractmethod
    def take_frames(self, frames: Tensor | None) -> None:
        """Take the condition of the coming samples, from frame position // hop on."""

    @torch.no_grad()
    def draw(self, uniforms: Tensor, frames: Tensor | None = None) -> Tensor:
        self.take_frames(frames)
        codes = []
        for u in uniforms.to(self.device).unbind(dim=1):
            code, self.probabilities = inverse_cdf(self.next_logits(), u, self.temperature)
            self.append(code)
            codes.append(code)
        return torch.stack(codes, dim=1).cpu()  # [B, n]

    @torch.no_grad()
    def feed(self, codes: Tensor, frames: Tensor | None = None, *, logits: bool = True) -> Tensor | None:
        self.take_frames(frames)
        rows = []
        for code in codes.to(self.device).unbind(dim=1):
            row = self.next_logits()
            if logits:
                rows.append(row.cpu())
            self.append(code)
        return torch.stack(rows, dim=2) if logits else None  # [B, levels, n]
