"""The spectrogram, the masks over it, a brush to change them; and masks by somebody who knows the answer."""

from __future__ import annotations

import base64
import functools
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from core.separation import excerpts
from demos import _models, _numbers, _stored
from demos import _widgets as w
from demos._separation.apart import OWN, Heard
from demos._tab import Strings

if TYPE_CHECKING:
    from torch import Tensor

    from core.separation.look import Look

CELL = "masks"
KINDS = {"4stems": "separation-4stems", "vocals": "separation-vocals"}
USUAL = ("verse", "4stems", 30)
MOST_STROKES = 200
WORDS = (
    "label", "views", "idle", "painting", "mixture", "mask", "erase", "give", "undo", "clear", "choose", "split",
    "band", "cell", "no_lstm",
)  # fmt: skip
_LOAD = """
import('/site/separation/masks.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear' and 'paint'
"""


def build(t: Strings, heard: Heard) -> None:
    """The cell `masks`; `heard`: the song of the first cell."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "zero")
        songs = [(t(f"excerpt_{name}"), name) for name in excerpts.index()]
        with w.controls(t):
            with w.row():
                song = w.link("mask-song", gr.Dropdown([*songs, (t("song_own"), OWN)], value=USUAL[0], label=t("song")))
                kinds = [(t(f"kind_{k}"), k) for k in KINDS]
                kind = w.link("mask-kind", gr.Radio(kinds, value=USUAL[1], label=t("kind")))
                where = w.link("where", gr.Slider(0, 100, USUAL[2], step=1, label=t("where")))
            run = w.button(t("run"), name="masks-run")
        view = gr.HTML(
            None, html_template="<div class='masks-host'></div>", js_on_load=_LOAD, apply_default_css=False,
            words={key: t(f"view.{key}") for key in WORDS}, follows=["masks-sounds"], elem_id="masks-view",
            elem_classes=["out-cell"],
        )  # fmt: skip
        player = w.player(t, "sounds")
        w.prose(t, "masks-oracle")
        w.quiz(t, "ceiling")
        table = w.note(t, "oracle")
        ideal = w.player(t, "ideal")
        w.code(t, "core.separation.look:look", "core.separation.look:painted", "core.separation.oracle:masks",
               "core.separation.oracle:sdr")  # fmt: skip

    def brushed(song: Any, own: Any, kind: Any, where: Any, event: gr.EventData) -> tuple:
        return paint(t, song, own, kind, where, event)

    asked, shown = [song, kind, where], [view, player, table, ideal]
    every = [song, heard.own, kind, where]
    seen = w.on(t, view.appear, _stored.at_sight(t, USUAL, 4), asked, shown)
    w.on(t, seen.then, unless_stored(t), every, shown, heavy=True)
    for event in (run.click, song.input, kind.input, where.release):
        w.on(t, event, partial(show, t), every, shown, heavy=True, trigger_mode="always_last")
    w.on(t, view.paint, brushed, every, [view, player], heavy=True, trigger_mode="always_last",
         show_progress="hidden")  # fmt: skip


def unless_stored(t: Strings) -> Any:
    """What comes after the stored result: nothing where it was shown."""

    def make(song: Any, own: Any, kind: Any, where: Any) -> tuple:
        if _stored.first(t, [song, kind, where], USUAL) is not None:
            return (gr.skip(),) * 4
        return show(t, song, own, kind, where)

    return make


@functools.lru_cache(maxsize=4)
def _seen(song: str, own: str | None, kind: str, where: float) -> tuple[Look, Tensor | None]:
    """A piece of a song as the network sees it, and its true parts where they are known."""
    from core import audio
    from core.separation import look
    from core.separation import song as songs

    network = _models.load(KINDS[kind])
    if song == OWN:
        loaded, truth = songs.load(own), None
        x, rate = loaded.x, loaded.sample_rate_hz
    else:
        parts = excerpts.load(song)
        rate = excerpts.index()[song].sample_rate_hz
        if kind == "vocals":
            parts = {"vocals": parts["vocals"], "accompaniment": parts["drums"] + parts["bass"] + parts["other"]}
        import torch

        truth = torch.stack([parts[name] for name in network.config.sources])
        x = truth.sum(dim=0)
    count = round(look.SECONDS * rate)
    start = int(max(0, x.shape[1] - count) * min(max(where, 0), 100) / 100)
    cut = slice(start, start + count)
    seen = look.look(x[:, cut], rate, network)
    if truth is not None:
        truth = audio.resample(truth[..., cut], rate, network.config.sample_rate_hz)
    return seen, truth


def _asked(song: Any, own: Any, kind: Any, where: Any) -> tuple[Look, Tensor | None]:
    song = song if song == OWN or song in excerpts.index() else USUAL[0]
    see = _seen.__wrapped__ if song == OWN else _seen  # nothing of a visitor's song is kept
    return see(song, own if song == OWN else None, kind if kind in KINDS else USUAL[1], float(where or 0))


def show(t: Strings, song: Any, own: Any, kind: Any, where: Any) -> tuple:
    """(view, player, table of oracles, player of oracles)."""
    seen, truth = _asked(song, own, kind, where)
    masks = seen.masks.float()
    first = sounds(t, seen, masks, truth, seen.config.sources[0])
    return (value(t, seen, masks, _numbers.fresh()), first, *oracles(t, seen, masks, truth))


def value(t: Strings, seen: Look, masks: Tensor, run: int) -> dict[str, Any]:
    """What assets/site/separation/masks.js draws."""
    from core.separation import look

    drawn = look.picture(seen, masks)
    shares = {name: float((m * drawn.mixture).sum() / drawn.mixture.sum()) for name, m in drawn.masks.items()}
    facts = ", ".join(f"{t(f'stem_{name}')} {100 * share:.0f} %" for name, share in shares.items())
    return {
        "run": run, "seconds": seen.seconds, "edges": [round(float(f), 2) for f in drawn.edges_hz],
        "columns": drawn.mixture.shape[1], "mixture": _packed(drawn.mixture),
        "masks": {name: _packed(mask) for name, mask in drawn.masks.items()},
        "stems": [{"key": name, "label": t(f"stem_{name}")} for name in seen.config.sources],
        "bands": [
            {"low": b.low_hz, "high": b.high_hz, "full": b.full, "cells": [list(c) for c in b.cells]}
            for b in look.bands(seen.config)
        ],
        "facts": t("facts", shares=facts),
    }  # fmt: skip


def _packed(levels: np.ndarray) -> str:
    """[R, T] in [0, 1] -> bytes, column by column, the lowest row first."""
    return base64.b64encode(np.round(levels.T.clip(0, 1) * 255).astype(np.uint8).tobytes()).decode("ascii")


def sounds(t: Strings, seen: Look, masks: Tensor, truth: Tensor | None, source: str) -> list[dict]:
    """One source: by these masks, as the network made it, as it truly is; and the mixture."""
    from core.separation import look

    rate, name = seen.config.sample_rate_hz, t(f"stem_{source}")
    painted = look.heard(seen, masks)[source]
    untouched = look.heard(seen, seen.masks.float())[source]
    tracks = [(t("sound_network", stem=name), untouched), (t("stem_mixture"), seen.x)]
    if float((painted - untouched).abs().max()) > 1e-6:
        tracks.insert(0, (t("sound_painted", stem=name), painted))
    if truth is not None:
        tracks.append((t("sound_truth", stem=name), truth[seen.config.sources.index(source)]))
    return [w.track(label, x, rate) for label, x in tracks]


def paint(t: Strings, song: Any, own: Any, kind: Any, where: Any, event: gr.EventData) -> tuple:
    """(view, player) after the strokes that the page sends: all of them, each time."""
    from core.separation import look

    seen, truth = _asked(song, own, kind, where)
    strokes = [_stroke(one, seen) for one in list(event.strokes)[:MOST_STROKES]]
    masks = look.painted(seen, strokes)
    source = strokes[-1].source if strokes else seen.config.sources[0]
    return value(t, seen, masks, event.run), sounds(t, seen, masks, truth, source)


def _stroke(sent: Any, seen: Look) -> Any:
    """A stroke as the browser sends it, which is to be trusted no more than an upload."""
    from core.errors import AudioError
    from core.separation import look

    try:
        source, *numbers = sent
        start, end, low, high, level = (float(number) for number in numbers)
        if not np.isfinite([start, end, low, high, level]).all():
            raise ValueError
    except (TypeError, ValueError):
        raise AudioError(
            f"A stroke sets one of {', '.join(seen.config.sources)} to a value between 0 and 1."
        ) from None
    return look.Stroke(str(source), start, end, low, high, level)


def oracles(t: Strings, seen: Look, masks: Tensor, truth: Tensor | None) -> tuple[str, list[dict]]:
    """SDR of the network and of ideal methods, source by source; how the first source sounds by each."""
    if truth is None:
        return t("oracle_unknown"), []
    from core.separation import look, oracle

    config = seen.config
    found = {"mixture": truth.sum(dim=0).expand_as(truth), "network": _stack(look.heard(seen, masks))}
    found |= {method: oracle.oracle(truth, config, method) for method in oracle.METHODS}
    heads = " | ".join(t(f"stem_{name}") for name in config.sources)
    lines = [f"| {t('head_method')} | {heads} |", "|---|" + "---|" * len(config.sources)]
    for method, parts in found.items():
        ratios = [oracle.sdr(true, part) for true, part in zip(truth, parts)]
        cells = " | ".join("–" if np.isnan(ratio) else f"{ratio:.1f} dB" for ratio in ratios)
        lines.append(f"| {t(f'oracle_{method}')} | {cells} |")
    tracks = [w.track(t(f"oracle_{m}"), found[m][0], config.sample_rate_hz) for m in ("network", "IBM", "IRM1", "MWF")]
    return "\n".join(lines), tracks


def _stack(parts: dict[str, Tensor]) -> Tensor:
    import torch

    return torch.stack(list(parts.values()))
