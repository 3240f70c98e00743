"""The lecture's way: for every new sample, run the network over its whole receptive field.

Nothing is remembered but the codes. Of all the values computed only one column is new; the rest was computed for
the sample before, and will be computed again for the next.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.wavenet.engines.contract import Engine
from core.wavenet.engines.stepwise import StepwiseSession
from core.wavenet.model import WaveNet


def next_logits(model: WaveNet, codes: Tensor, frames: Tensor | None = None) -> Tensor:
    """The logits of the sample after `codes`, from the last receptive field of them.

    Args:
        codes: int64 [B, t], everything so far; t may be 0.
        frames: float [B, f, L * G] for a conditioned network, from frame 0 on.
    Returns:
        float [B, levels].
    """
    config, time = model.config, codes.shape[1]
    start = max(0, time - config.receptive_field_samples)
    start -= start % config.condition_hop if frames is not None else 0  # begin with a whole frame
    seen = F.pad(codes[:, start:], (config.kernel_size, 0), value=config.levels // 2)  # silence before the start
    x = model.embedding(seen)  # [B, T, R] with T = time - start + 1
    gated = []
    for index, layer in enumerate(model.layers):
        local = None
        if frames is not None:
            near = frames[:, start // config.condition_hop : time // config.condition_hop + 2]
            local = model.condition.layer(near, index)[:, : x.shape[1]]  # [B, T, G]
        z = layer(x, local)  # [B, T, G / 2]
        gated.append(z[:, -1:])  # only the newest column is needed ...
        if layer.residual is not None:
            x = x + layer.residual(z)  # ... but the next layer looks back on all of them
    return model.head(gated)[:, 0]


class NaiveSession(StepwiseSession):
    def __init__(self, model: WaveNet, batch: int, temperature: float) -> None:
        super().__init__(model, batch, temperature)
        self.codes = torch.empty(batch, 0, dtype=torch.long, device=self.device)
        self.frames: Tensor | None = None

    def next_logits(self) -> Tensor:
        return next_logits(self.model, self.codes, self.frames)

    def append(self, codes: Tensor) -> None:
        self.codes = torch.cat([self.codes, codes[:, None]], dim=1)
        self.position += 1

    def take_frames(self, frames: Tensor | None) -> None:
        if frames is not None:
            frames = frames.to(self.device)
            known = self.position // self.model.config.condition_hop
            self.frames = frames.clone() if self.frames is None else torch.cat([self.frames[:, :known], frames], dim=1)


class NaiveEngine(Engine):
    name = "naive"

    def session(self, batch: int, temperature: float = 1.0) -> NaiveSession:
        return NaiveSession(self.model, batch, temperature)
