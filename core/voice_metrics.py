"""What the cards of all voices have in common: character error and DNSMOS of what they say, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from core import recognition_metrics

HARVARD = Path(__file__).resolve().parents[1] / "assets/tables/harvard.txt"


@dataclass(frozen=True)
class Metric:
    """One row of a card. part: the value of --only that prints it."""

    name: str
    value: float
    split: str
    part: str


def harvard(limit: int | None = None) -> list[str]:
    """The Harvard sentences, which none of the project's speakers recorded for us."""
    lines = [line.strip() for line in HARVARD.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")][:limit]


def judged(name: str, sounds: Sequence[Tensor], texts: Sequence[str], split: str, part: str) -> list[Metric]:
    """Character error in percent and DNSMOS of sounds that should say these texts; printed at once."""
    heard = [recognition_metrics.recognise(sound) for sound in sounds]
    wanted = [recognition_metrics.as_read(text) for text in texts]
    error = 100 * recognition_metrics.corpus_character_error(wanted, heard)
    opinion = float(np.mean([recognition_metrics.dnsmos(sound).overall for sound in sounds]))
    return show([
        Metric(f"character error (%), {name}", error, split, part),
        Metric(f"DNSMOS overall, {name}", opinion, split, part),
    ])  # fmt: skip


def show(rows: list[Metric]) -> list[Metric]:
    for row in rows:
        print(f"{row.name:58s} {row.value:10.3f}   ({row.split})", flush=True)
    return rows


def for_card(rows: Sequence[Metric], command: str) -> list[dict[str, Any]]:
    """Rows as `core.weights.save` takes them. command: what prints them, up to its `--only`."""
    return [
        {"name": row.name, "value": round(row.value, 3), "split": row.split, "command": f"{command} --only {row.part}"}
        for row in rows
    ]
