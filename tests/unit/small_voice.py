"""A voice of six made-up recordings, which the tests of unit selection share."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from core import weights
from core.text import context, english
from core.text.alignment import Alignment, Segment
from core.unit_selection import data, prosody, train
from core.unit_selection.model import Voice

RATE_HZ = 16_000
TEXTS = (
    "The cat sat on the mat.", "A dog ran to the sea.", "Seven men sing, and then they stand.",
    "The man can see ten ants.", "Dan met Sam at noon.", "Did the rat sit on a seat?",
)  # fmt: skip


def tone(phone: str, samples: int, rng: np.random.Generator) -> np.ndarray:
    """A buzz of 200 Hz with two formants of the phone's own, hiss for consonants, faint noise for silence."""
    noise = rng.normal(0, 1, samples)
    if phone == "SIL":
        return 1e-3 * noise
    kind = sum(map(ord, phone.rstrip("012")))
    t = np.arange(samples) / RATE_HZ
    first, second = 300 + 70 * (kind % 7), 900 + 150 * (kind % 11)
    gains = [math.exp(-(((200 * k - f) / 150) ** 2)) for k in range(1, 20) for f in (first, second)]
    buzz = sum(g * np.sin(2 * np.pi * 200 * (1 + i // 2) * t) for i, g in enumerate(gains))
    return 0.1 * buzz + 0.02 * noise if phone[-1].isdigit() else 0.05 * noise + 0.03 * buzz


def utterance(name: str, text: str, seed: int) -> data.Utterance:
    rng = np.random.default_rng(seed)
    words = tuple(english.words(text))
    sentence = tuple(context.contexts(words))
    segments, sounds, at = [], [], 0.0
    for x in sentence:
        lasting = rng.integers(6, 14) / 100
        segments.append(Segment(x.phone, at, at + lasting, -1 if x.is_pause else x.word))
        sounds.append(tone(x.phone, round(lasting * RATE_HZ), rng))
        at = round(at + lasting, 4)
    return data.Utterance(
        name, text, np.concatenate(sounds).astype(np.float32), Alignment(words, tuple(segments)), sentence
    )


def recordings() -> list[data.Utterance]:
    return [utterance(f"r{i}", text, i) for i, text in enumerate(TEXTS)]


def shipped(utterances: list[data.Utterance], folder: Path) -> Voice:
    """Built, written and loaded as the real one is."""
    torch.manual_seed(0)
    built = train.assemble(utterances, [train.measure(u) for u in utterances], prosody.ProsodyModel().eval())
    train.encode(utterances, built.arrays["places"], folder, built.config.audio_files)
    files = {name: (folder / name).read_bytes() for name in built.config.audio_files}
    files["index.json"] = train.index(utterances).encode()
    metrics = [{"name": "m", "value": 1, "command": "c"}]
    weights.save(
        built, "small", description="d", sample_rate_hz=RATE_HZ, training_command="t", hours=0.0, data=train.DATA,
        metrics=metrics, known_failures=["f"], files=files, folder=folder, commit="0", seed=0, steps=0, device="CPU",
    )  # fmt: skip
    return weights.load("small", folder=folder)


def exactly(utterances: list[data.Utterance]):
    """A stand-in for `Voice.sound` that gives the sound as it was before the codec."""

    def sound(recording: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        x = utterances[recording].audio
        stop = len(x) if stop is None else stop
        padded = np.pad(x, (max(-start, 0), max(stop - len(x), 0)))
        return padded[max(start, 0) : max(start, 0) + stop - start]

    return sound
