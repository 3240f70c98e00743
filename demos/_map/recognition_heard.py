"""What the recogniser makes of the tab's sound, kept for as long as the controls below it are moved."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demos import _models
from demos import _widgets as w
from demos._links import within
from demos._map import sound

if TYPE_CHECKING:
    import numpy as np

    from core.recognition.beam import Beam

NETWORK = "recognition-english"
PERCENT, WIDTHS, WEIGHTS = (0, 100), (1, 32), (0, 2)
FAR = 50  # what the controls say at first
WIDTH, WEIGHT = 16, 0.45  # those of core.recognition.sample, which needs torch


def outputs_of(path: str | None, start: Any) -> np.ndarray:
    """ln of the probability of each symbol at each step: float32 [T, K]."""
    sound.load(path, start)  # refuses what is no sound
    return _posteriors(str(path), os.path.getmtime(str(path)), float(start or 0))


@functools.lru_cache(maxsize=8)
def _posteriors(path: str, changed: float, start: float) -> np.ndarray:
    from core.recognition.sample import posteriors

    return posteriors(_models.load(NETWORK), sound.load(path, start))


@functools.lru_cache(maxsize=8)
def _searched(path: str, changed: float, start: float, width: int, weight: float) -> Beam:
    """The beam search; without weight for the language model there is no bonus for letters either."""
    from core.recognition.sample import BONUS, beam
    from core.recognition.sample import WEIGHT as SHIPPED

    model = _models.load(NETWORK).language_model if weight > 0 else None
    return beam(_posteriors(path, changed, start), width, model, weight=weight, bonus=BONUS * weight / SHIPPED)


def forget() -> None:
    """Keep nothing: the network is another one."""
    _posteriors.cache_clear()
    _searched.cache_clear()


def searched(path: str | None, start: Any, width: Any, weight: Any) -> Beam:
    """As the controls say.

    Raises:
        AudioError: as `sound.load`.
    """
    sound.load(path, start)
    return _searched(str(path), os.path.getmtime(str(path)), float(start or 0),
                     round(within(width, *WIDTHS, WIDTH)), within(weight, *WEIGHTS, WEIGHT))  # fmt: skip


def step_at(far: Any, count: int) -> int:
    """The step that is so many percent of the way through the sound."""
    return round(within(far, *PERCENT, FAR) / 100 * (count - 1))


def percent_of(step: int, count: int) -> float:
    """The place of a step (the nearest that there is) on the slider, whose steps are finer."""
    return round(400 * min(max(step, 0), count - 1) / max(count - 1, 1)) / 4


def text_of(path: str | None, start: Any) -> str:
    """What is recognised with beam and language model as they are at first."""
    return " ".join(searched(path, start, WIDTH, WEIGHT).text.split())


@functools.lru_cache(maxsize=1)
def _said() -> dict[str, str]:
    """What is said in the bundled sounds, by the name of their file."""
    spoken = json.loads((sound.FOLDER / "recognition.json").read_text(encoding="utf-8"))
    return {f"kathleen_{key}.flac": text for key, text in w.SAMPLES.items()} | {
        f"{name}.opus": one["text"] for name, one in spoken.items()
    }


def truth(path: str | None) -> str:
    """What is said in a bundled sound; "" where nobody knows."""
    return _said().get(Path(path or "").name, "")
