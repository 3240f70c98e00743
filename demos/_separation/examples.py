"""What the cell `apart` shows at sight: the parts that our own networks made of the shipped excerpts.

Stored by `python -m demos._separation.stored`.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import gradio as gr

from core import weights
from core.errors import WeightsError
from core.separation import excerpts, published
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
    return f"| {heads} |\n|---|---|---|---|\n" + "\n".join(rows) + beside_others(t)


def beside_others(t: Strings) -> str:
    """Two tables: MIR-1K beside what others published, and the stems of the held-out song."""
    try:
        voice, stems = (weights.card(KINDS[kind])["metrics"] for kind in ("vocals", "4stems"))
    except WeightsError:
        return ""
    found = {one["name"]: one for one in voice}
    figures = ("GNSDR", "GSIR", "GSAR")
    rows = dict(published.MIR1K_VOICE)
    for label, method in ((t("ours"), "network"), (t("ideal"), "ideal ratio mask")):
        rows[label] = tuple(found[f"{figure}, voice (dB), {method}"]["value"] for figure in figures)
    lines = [f"| {name} | {' | '.join(f'{value:.2f}' for value in row)} |" for name, row in rows.items()]
    count, total = re.findall(r"\d+", next(iter(found.values()))["split"])[:2]
    clips = t("clips", count=count, total=total)
    mir1k = f"\n\n{t('mir1k', clips=clips)}\n\n| | {' | '.join(figures)} |\n|---|---|---|---|\n" + "\n".join(lines)
    values = {one["name"]: one["value"] for one in stems if "equally loud" in one["split"]}
    if not values:
        return mir1k
    names = tuple(published.OPEN_UNMIX_SDR)
    methods = {"stem_mixture": "mixture", "ours": "network", "wiener_row": "network, Wiener filter",
               "ideal": "ideal ratio mask"}  # fmt: skip
    table = {t(label): [values.get(f"SDR, {name} (dB), {m}") for name in names] for label, m in methods.items()}
    table[t("umx")] = list(published.OPEN_UNMIX_SDR.values())
    lines = [
        f"| {label} | {' | '.join('–' if v is None else f'{v:.1f}' for v in row)} |" for label, row in table.items()
    ]
    heads = " | ".join(t(f"stem_{name}") for name in names)
    return f"{mir1k}\n\n{t('stems_table')}\n\n| | {heads} |\n|---|---|---|---|---|\n" + "\n".join(lines)
