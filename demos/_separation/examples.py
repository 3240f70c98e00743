"""What the cell `apart` shows at sight: the parts that our own networks made of the shipped excerpts.

Stored by `python -m demos._separation.stored`.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import gradio as gr

from core import weights
from core.errors import WeightsError
from core.separation import excerpts
from demos._separation import mixer
from demos._tab import Strings

STORED = excerpts.FOLDER / "stored"
KINDS = {"4stems": "separation-4stems", "vocals": "separation-vocals"}


@functools.lru_cache(maxsize=1)
def _index() -> dict[str, Any]:
    path = STORED / "index.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def nothing() -> dict[str, Any]:
    """An empty mixer."""
    return mixer.idle()


def at_sight(t: Strings, song: Any, kind: Any) -> tuple:
    """(mixer, note): the stored parts of an excerpt; left as it is for anything else."""
    stored = _index().get(f"{song}-{kind}")
    if stored is None:
        return gr.skip(), gr.skip()
    excerpt = excerpts.index()[song]
    stems = {name: t(f"stem_{name}") for name in stored["stems"]}
    samples = round(excerpt.seconds * excerpt.sample_rate_hz)
    value = mixer.Song(t(f"excerpt_{song}"), stems, sample_rate_hz=excerpt.sample_rate_hz, samples=samples)
    urls = [f"/site/audio/separation/stored/{song}-{kind}-{name}.ogg" for name in stems]
    value.add_segment(urls, samples=samples, peaks=[stored["stems"][name] for name in stems])
    return value.end(facts=t("stored_facts")), t("stored_by", model=KINDS[kind], steps=f"{stored['steps']:,}")


def measured(t: Strings) -> str:
    """What the cards say, as a table; a sentence where there are no weights."""
    rows = []
    for kind, name in KINDS.items():
        try:
            card = weights.card(name)
        except WeightsError:
            rows.append(f"| {t(f'kind_{kind}')} | {t('unmeasured')} | – | – |")
            continue
        speed = next((m["value"] for m in card["metrics"] if m["name"].startswith("times real time")), None)
        shown = "–" if speed is None else f"{speed:.1f}×"
        trained = f"{card['steps']:,} / {card['hours']:.1f} h"
        rows.append(f"| {t(f'kind_{kind}')} | {card['parameters'] / 1e6:.2f} M | {trained} | {shown} |")
    heads = " | ".join(t(f"head_{key}") for key in ("model", "size", "trained", "speed"))
    return f"| {heads} |\n|---|---|---|---|\n" + "\n".join(rows)
