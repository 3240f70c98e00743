"""How long each phone should last and how high it should be: a small network from the phone's context.

Source: the idea of predicting duration and F0 for the target cost is Hunt and Black 1996, section 2.1; a network of
two hidden layers per phone, as in Zen, Senior, Schuster 2013, stands for the trees of their time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core import training
from core.text import context
from core.text.articulation import INDEX, PHONES
from core.text.context import PhoneContext

__all__ = ["Prosody", "ProsodyModel", "train"]


LEAST_DEVIATION = 0.02  # of a logarithm: 2 %


@dataclass(frozen=True, eq=False)
class Prosody:
    """seconds: float32 [N], of each phone or pause.  f0_hz: float32 [N], 0 for sounds that have none."""

    seconds: np.ndarray
    f0_hz: np.ndarray


class ProsodyModel(nn.Module):
    """Context features -> log duration and log F0, in standard deviations from the mean of that phone."""

    mean: Tensor  # [40, 2] of each phone, log seconds and log hertz
    deviation: Tensor  # [40, 2]
    voiced: Tensor  # [40], share of its occurrences that have an F0

    def __init__(self, hidden: int = 96, dropout: float = 0.2) -> None:
        super().__init__()
        inputs = len(context.feature_names())
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 2),
        )  # fmt: skip
        self.register_buffer("mean", torch.zeros(len(PHONES), 2))
        self.register_buffer("deviation", torch.ones(len(PHONES), 2))
        self.register_buffer("voiced", torch.zeros(len(PHONES)))

    def forward(self, features: Tensor) -> Tensor:
        """float [B, 319] -> [B, 2], standardised log duration and log F0."""
        return self.layers(features)

    @torch.no_grad()
    def predict(self, sentence: Sequence[PhoneContext]) -> Prosody:
        """Durations and pitch of a sentence."""
        phones = [INDEX[x.c] for x in sentence]
        standard = self(torch.from_numpy(context.features(sentence)))  # [N, 2]
        seconds, f0 = (standard * self.deviation[phones] + self.mean[phones]).exp().numpy().T
        return Prosody(seconds, np.where(self.voiced[phones].numpy() > 0.3, f0, 0.0).astype(np.float32))


def statistics(phones: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and deviation [40, 2] of each phone's log duration and log F0, and the share that is voiced [40].

    Rare phones lean on the mean of all: as if they had been seen ten times more, like the others.

    Args:
        phones: int [N], indices into PHONES.  measured: [N, 2], as from `data.prosody_of`, log F0 0 if unvoiced.
    """
    there = np.stack([np.ones(len(measured), bool), measured[:, 1] > 0], axis=1)  # [N, 2]
    mean, deviation = np.zeros((2, len(PHONES), 2))
    for k in range(2):
        every = measured[there[:, k], k]
        for p in range(len(PHONES)):
            own = measured[there[:, k] & (phones == p), k]
            share = len(own) / (len(own) + 10)
            mean[p, k] = share * own.mean() + (1 - share) * every.mean() if len(own) else every.mean()
            spread = share * own.std() + (1 - share) * every.std() if len(own) else every.std()
            deviation[p, k] = max(spread, LEAST_DEVIATION)
    voiced = np.array([there[phones == p, 1].mean() if (phones == p).any() else 0.0 for p in range(len(PHONES))])
    return mean, deviation, voiced


def batches(
    inputs: Tensor, outputs: Tensor, there: Tensor, *, batch: int, seed: int
) -> Iterator[tuple[Tensor, ...]]:
    """Random phones without end: features [batch, 319], standardised values [batch, 2], which of them exist."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        picks = torch.randint(inputs.shape[0], (batch,), generator=generator)
        yield inputs[picks], outputs[picks], there[picks]


def step_loss(model: ProsodyModel, batch: tuple[Tensor, ...]) -> float:
    """Squared error of what exists: unvoiced phones have no F0 to learn from."""
    inputs, outputs, there = batch
    loss = ((model(inputs) - outputs).square() * there).sum() / there.sum()
    loss.backward()
    return loss.item()


@torch.no_grad()
def explained(model: ProsodyModel, inputs: Tensor, outputs: Tensor, there: Tensor) -> dict[str, float]:
    """Share of the variance within each phone that the network explains: 0 = the phone's mean, 1 = everything."""
    error, spread = (((value) * there).sum(0) for value in ((model(inputs) - outputs).square(), outputs.square()))
    duration, f0 = (1 - error / spread).tolist()
    return {"duration_explained": round(duration, 4), "f0_explained": round(f0, 4)}


def train(
    sentences: list[Sequence[PhoneContext]], measured: list[np.ndarray], *, folder: Path, steps: int = 1500,
    seed: int = 0,
) -> tuple[ProsodyModel, dict[str, Any]]:  # fmt: skip
    """A network for one voice; every twentieth sentence is kept aside to watch it.

    Args:
        sentences: contexts of each recording.  measured: of each, as from `data.prosody_of`.
    Returns:
        the network, in eval mode, and the state of its training.
    """
    phones = np.array([INDEX[x.c] for sentence in sentences for x in sentence])
    values = np.concatenate(measured)
    model = ProsodyModel()
    for name, value in zip(("mean", "deviation", "voiced"), statistics(phones, values)):
        getattr(model, name).copy_(torch.from_numpy(value))
    inputs = torch.from_numpy(np.concatenate([context.features(sentence) for sentence in sentences]))  # [N, 319]
    outputs = (torch.from_numpy(values).float() - model.mean[phones]) / model.deviation[phones]
    spoken = torch.tensor(
        [x.word >= 0 and not (x.is_pause and x.phrases_after == 0) for s in sentences for x in s]
    )
    there = torch.stack([spoken, torch.from_numpy(values[:, 1] > 0)], dim=1).float()  # [N, 2]
    aside = torch.tensor([i % 20 == 19 for i, sentence in enumerate(sentences) for _ in sentence])
    kept = tuple(x[~aside] for x in (inputs, outputs, there))
    watched = tuple(x[aside] for x in (inputs, outputs, there))
    state = training.fit(
        model, batches(*kept, batch=512, seed=seed), step_loss, folder=folder,
        schedule=training.Schedule(steps=steps, learning_rate=2e-3, evaluate_every=1000, log_every=500, ema=0.998),
        evaluate=functools.partial(_evaluate, watched=watched) if aside.any() else None, seed=seed,
    )  # fmt: skip
    return model.eval(), state


def _evaluate(model: ProsodyModel, *, watched: tuple[Tensor, ...]) -> dict[str, float]:
    return explained(model, *watched)
