"""The lecture's WaveNet: the network as one writes it on a slide, with PyTorch's own convolutions.

It is here to be read beside `core.wavenet.model`, which follows the paper. What differs: the gate adds its two
halves, the input layer has one tap instead of K, and the shift between input and target is left to the caller.
The words before the colons in the comments are the names of the annotations on the page.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LectureWaveNet(nn.Module):
    """Embedding, dilated gated layers, residual and skip paths, logits; as on the lecture's slide.

    Source: the lecture, after van den Oord et al. 2016, figure 4.

    Differs from the paper: tanh and sigmoid are added, not multiplied; the embedding looks at one sample;
    logits[..., t] has seen codes[:, t], so the caller has to shift; the last residual convolution feeds nothing.
    """

    def __init__(
        self, *, levels: int = 256, residual: int = 32, skip: int = 32, layers: int = 4, kernel_size: int = 2
    ) -> None:
        super().__init__()
        self.dilations = [2**layer for layer in range(layers)]
        reach = [(kernel_size - 1) * d for d in self.dilations]
        pairs = list(zip(self.dilations, reach))
        self.embedding = nn.Embedding(levels, residual)  # table: one row of numbers for each code
        self.filter = nn.ModuleList(  # filters: what goes through tanh, padded by its reach
            nn.Conv1d(residual, residual, kernel_size, dilation=d, padding=p) for d, p in pairs
        )
        self.gate = nn.ModuleList(  # gates: what goes through the sigmoid, padded alike
            nn.Conv1d(residual, residual, kernel_size, dilation=d, padding=p) for d, p in pairs
        )
        self.residual = nn.ModuleList(  # residuals: 1x1, to the next layer
            nn.Conv1d(residual, residual, 1) for _ in pairs
        )
        self.skip = nn.ModuleList(  # skips: 1x1, to the output
            nn.Conv1d(residual, skip, 1) for _ in pairs
        )
        self.out1 = nn.Conv1d(skip, skip, 1)  # head1: two 1x1 layers ...
        self.out2 = nn.Conv1d(skip, levels, 1)  # head2: ... to one number a code

    def cut(self, y: Tensor, time: int) -> Tensor:
        """Drop what the padding added on the right, so that y[..., t] sees nothing after t."""
        return y[:, :, :time]

    def forward(self, codes: Tensor) -> Tensor:
        """int64 [B, T] -> logits [B, levels, T]. logits[..., t] has seen codes up to and including t."""
        time = codes.shape[1]
        x = self.embedding(codes)  # embedding: a row of the table for each sample
        x = x.transpose(1, 2)  # transpose: Conv1d wants channels before time
        skips = torch.zeros(1)
        for i in range(len(self.dilations)):
            f, g = self.filter[i](x), self.gate[i](x)  # padding: (K - 1) d zeros on both sides, so longer than T
            f, g = self.cut(f, time), self.cut(g, time)  # cut: keep the first T, and the convolution is causal
            z = torch.tanh(f) + torch.sigmoid(g)  # gated: the slide adds, the paper multiplies
            skips = skips + self.skip[i](z)  # skip: every layer has its say in the output
            x = x + self.residual[i](z)  # residual: and changes what the next layer sees
        y = F.relu(skips)  # relu: the output layers begin with a ReLU
        y = F.relu(self.out1(y))  # hidden: 1x1, ReLU
        return self.out2(y)  # logits: 1x1, one number for each of the 256 codes
