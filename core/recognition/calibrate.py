"""How the numbers of `core.recognition.sample.confidence` are found: a logistic regression, by Newton's method.

Each example is a sound; its target is the share of the letters that came out right, 1 - character error, and 0 for a
sound without speech. Speech is what watches the training, and digits of men who were trained on, as they are and from
other throats and in noise, so that there are results of every quality; sounds without speech are kinds that the
training never had.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.recognition import augment
from core.recognition.data import Utterance
from core.recognition.model import Recogniser
from core.recognition.sample import confidence, greedy, signs
from core.recognition.train import edits

OTHERS = 3
CONDITIONS = 5  # ways in which each watched sentence is heard


def logistic(
    inputs: np.ndarray, targets: np.ndarray, counts: np.ndarray | None = None, *, ridge: float = 0.05, steps: int = 50
) -> np.ndarray:  # fmt: skip
    """Weights that minimise cross-entropy to targets in [0, 1], plus ridge / 2 times their squares.

    Args:
        inputs: float [N, D].  targets: float [N].  counts: how often each example counts, float [N]; once, if None.
    Returns:
        float64 [D + 1], the constant last; it is not shrunk.
    """
    x = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    shrink = ridge * np.diag([1.0] * inputs.shape[1] + [1e-6])
    times = np.ones(len(x)) if counts is None else counts
    weights = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(x @ weights)))
        slope = x.T @ (times * (p - targets)) + shrink @ weights
        curvature = (x * (times * p * (1 - p))[:, None]).T @ x + shrink
        step = np.linalg.solve(curvature, slope)
        weights = weights - step / max(1.0, float(np.abs(step).max()))  # no step is longer than 1
    return weights


def right(found: str, wanted: str) -> float:
    """Share of the letters that are right: 1 - character error, at least 0."""
    return max(0.0, 1 - edits([found], [wanted]))


@torch.no_grad()
def examples(
    model: Recogniser, watched: Sequence[Utterance], noises: Sequence[Tensor], *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Signs [N, 4], targets [N], and which are speech, bool [N].

    Args:
        watched: speech that was not trained on.  noises: log-mels [80, F] of sounds without speech.
    """
    random = np.random.default_rng(seed)
    rows, targets, spoken = [], [], []

    def add(mel: np.ndarray, text: str | None) -> None:
        log_probs = model(torch.from_numpy(mel).float()[None])[0].numpy()
        found = greedy(log_probs).text
        if found.strip():  # for nothing at all, the confidence is 0 without a regression
            rows.append(signs(log_probs))
            targets.append(0.0 if text is None else right(found, text))
            spoken.append(text is not None)

    for one in watched:
        plain = one.mel.float().numpy()
        add(plain, one.text)
        for condition in range(1, CONDITIONS):
            throat, speed = random.uniform(0.75, 1.3), random.uniform(0.8, 1.25)
            mel = augment.moved(plain, speed=speed, throat=throat)
            if condition % 2:
                hiss = (-5 + 0.35 * random.standard_normal(mel.shape)).astype(np.float32)
                mel = augment.with_noise(mel, hiss, random.uniform(-5, 15))
            add(mel, one.text)
    for noise in noises:
        add(noise.float().numpy(), None)
    return np.stack(rows), np.array(targets), np.array(spoken)


def calibrate(model: Recogniser, watched: Sequence[Utterance], noises: Sequence[Tensor], *, seed: int = 0) -> None:
    """Set the model's `calibration` in place. Sounds without speech in which the network wrote something are few; they
    count as if every OTHERS-th of all results came from one."""
    inputs, targets, spoken = examples(model, watched, noises, seed=seed)
    counts = np.where(spoken, 1.0, spoken.sum() / max(1, (~spoken).sum()) / (OTHERS - 1))
    model.calibration.copy_(torch.from_numpy(logistic(inputs, targets, counts)))


def confidences(model: Recogniser, outputs: Sequence[np.ndarray]) -> np.ndarray:
    """Of each of the log-probabilities [T, K]: float64 [N]."""
    return np.array([confidence(model, log_probs) for log_probs in outputs])
