"""Two small networks: how long each phone lasts, and what the vocoder should do in each of its frames.

Source: Zen, Senior, Schuster 2013, "Statistical parametric speech synthesis using deep neural networks"; Wu, Watts,
King 2016, "Merlin: an open source neural network speech synthesis system", sections 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.parametric.vocoder import CEPSTRA

FEATURES = 319  # of a phone: core.text.context.features
STATIC = CEPSTRA + 2  # mel-cepstra, log F0, aperiodicity
DYNAMIC = 3 * STATIC  # and their deltas and delta-deltas
POSITIONS = 6


@dataclass(frozen=True)
class DurationModelConfig:
    """features: numbers a phone.  hidden: of the GRU, each way.  dropout: share of activations that training drops."""

    features: int = FEATURES
    hidden: int = 64
    dropout: float = 0.3


@dataclass(frozen=True)
class AcousticModelConfig:
    """hidden: of the GRU over phones, each way.  width, layers: of the layers over frames.  static: outputs."""

    features: int = FEATURES
    static: int = STATIC
    hidden: int = 128
    width: int = 384
    layers: int = 3
    dropout: float = 0.1


class PhoneEncoder(nn.Module):
    """Each phone in the light of its sentence: a layer of its own features, then a GRU in both directions."""

    def __init__(self, features: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.enter = nn.Linear(features, 2 * hidden)
        self.gru = nn.GRU(2 * hidden, hidden, batch_first=True, bidirectional=True)
        self.dropout = dropout

    def forward(self, features: Tensor, phones: Tensor) -> Tensor:
        """float [B, N, features], of which the first `phones` [B] of each row are real -> float [B, N, 2 hidden]."""
        x = F.dropout(self.enter(features).relu(), self.dropout, self.training)
        packed = nn.utils.rnn.pack_padded_sequence(x, phones.cpu(), batch_first=True, enforce_sorted=False)
        out, _ = self.gru(packed)
        return nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=features.shape[1])[0]


class DurationModel(nn.Module):
    """Phones -> how long each of them is expected to last.

    Trained by the likelihood of a gamma distribution with mean exp(output), whose errors are relative: 10 ms more
    matter in a stop, not in a pause. (Ishimatsu et al. 2001 have gamma durations in an HMM; Merlin has Gaussian ones.)
    """

    def __init__(self, config: DurationModelConfig = DurationModelConfig()) -> None:  # noqa: B008
        super().__init__()
        self.config = config
        self.encoder = PhoneEncoder(config.features, config.hidden, config.dropout)
        self.leave = nn.Linear(2 * config.hidden, 1)
        nn.init.constant_(self.leave.bias, 2.7)  # exp(2.7) = 15 frames = 75 ms

    def forward(self, features: Tensor, phones: Tensor) -> Tensor:
        """float [B, N, features], int [B] -> float [B, N], logarithm of the expected number of frames of 5 ms."""
        return self.leave(self.encoder(features, phones))[..., 0]

    @torch.no_grad()
    def predict(self, features: np.ndarray) -> np.ndarray:
        """One sentence: float [N, features] -> float64 [N], frames, not rounded."""
        x = torch.from_numpy(np.asarray(features, np.float32))[None]
        return self(x, torch.tensor([x.shape[1]]))[0].double().exp().numpy()


def positions(durations: Tensor) -> Tensor:
    """Where each frame lies in its phone.

    Args:
        durations: int64 [N], frames of each phone, their sum is F.
    Returns:
        float [F, 6]: share of the phone before the middle of the frame, share after it, their product; frames since
        the beginning and to the end, squashed to [0, 1) by n / (n + 10); a tenth of the logarithm of the duration.
    """
    length = durations.repeat_interleave(durations)  # [F]
    begin = (durations.cumsum(0) - durations).repeat_interleave(durations)  # [F]
    index = torch.arange(len(length), device=durations.device) - begin  # [F]: 0 … length - 1
    share = (index + 0.5) / length
    rest = length - 1 - index
    return torch.stack(
        [share, 1 - share, 4 * share * (1 - share), index / (index + 10), rest / (rest + 10), 0.1 * length.log()],
        dim=1,
    )


class FrameLayer(nn.Module):
    """x + relu(W x + b), normalised."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.mix = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """float [..., width] -> the same."""
        return self.norm(x + F.dropout(self.mix(x).relu(), self.dropout, self.training))


class AcousticModel(nn.Module):
    """Phones and their durations -> means of the vocoder's parameters and their dynamics, and voicing, by frame.

    The recurrent network runs over phones, of which there are twelve a second; what it says of a phone and the place
    within it are all that a frame's layers see. So frames do not depend on each other: training may take any share
    of them, and it is parameter generation (core.parametric.mlpg) that makes them hang together.

    Outputs are in units of the training data's standard deviation, around its mean; both are kept here, so that the
    weights alone can speak. `deviation` squared is the variance of each output, as in Merlin.
    Differs from Merlin: its network runs over frames, and gets the neighbouring phones as features alone.
    """

    mean: Tensor
    deviation: Tensor
    sentence_deviation: Tensor

    def __init__(self, config: AcousticModelConfig = AcousticModelConfig()) -> None:  # noqa: B008
        super().__init__()
        self.config = config
        self.encoder = PhoneEncoder(config.features, config.hidden, config.dropout)
        self.enter = nn.Linear(2 * config.hidden + POSITIONS, config.width)
        self.layers = nn.ModuleList(FrameLayer(config.width, config.dropout) for _ in range(config.layers))
        self.leave = nn.Linear(config.width, 3 * config.static + 1)
        self.register_buffer("mean", torch.zeros(3 * config.static))
        self.register_buffer("deviation", torch.ones(3 * config.static))
        self.register_buffer("sentence_deviation", torch.ones(config.static))  # root of the global variance

    def forward(self, features: Tensor, durations: Tensor, phones: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Predict frames.

        Args:
            features: float [B, N, features].  durations: int64 [B, N], 0 in the padding.  phones: int64 [B].
            chosen: int64 [C], which of the F frames of all sentences, end to end; None takes all.
        Returns:
            float [C or F, 3 static + 1]: standardised static, delta, delta-delta, then the logit of being voiced.
        """
        encoded = self.encoder(features, phones).flatten(0, 1)  # [B N, 2 hidden]
        flat = durations.flatten()  # [B N]
        phone = torch.arange(len(flat), device=flat.device).repeat_interleave(flat)  # [F]
        place = positions(flat)  # [F, 6]
        if chosen is not None:
            phone, place = phone[chosen], place[chosen]
        x = self.enter(torch.cat([encoded[phone], place], dim=1)).relu()  # [F, width]
        for layer in self.layers:
            x = layer(x)
        return self.leave(x)

    @torch.no_grad()
    def predict(self, features: np.ndarray, durations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One sentence in the vocoder's units.

        Args:
            features: float [N, features].  durations: int [N], F in all.
        Returns:
            means float64 [F, 3 static] and the probability of being voiced float64 [F].
        """
        x = torch.from_numpy(np.asarray(features, np.float32))[None]
        lasting = torch.from_numpy(np.asarray(durations, np.int64))[None]
        out = self(x, lasting, torch.tensor([x.shape[1]])).double()
        means = out[:, :-1] * self.deviation.double() + self.mean.double()
        return means.numpy(), out[:, -1].sigmoid().numpy()

    @property
    def variances(self) -> np.ndarray:
        """Of every output, for parameter generation: float64 [3 static]."""
        return self.deviation.double().square().numpy()

    @property
    def global_variance(self) -> np.ndarray:
        """Mean variance of each static dimension within a natural sentence's speech: float64 [static]."""
        return self.sentence_deviation.double().square().numpy()
