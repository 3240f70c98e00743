"""The grammar mask, switched off and on: the same beginning, the same uniform numbers, and what goes wrong without."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from core.musenet import encoding
from core.musenet import vocabulary as v
from core.musenet.grammar import State
from demos import _kept, _models, _player
from demos import _widgets as w
from demos._musenet import show
from demos._musenet.making import MODEL, root
from demos._musenet.starts import Asked
from demos._tab import ROOT, Strings

TOKENS = 256
HEARD_S = 30.0
KINDS = ("silent", "sounding", "foreign", "volume", "wait", "header", "early")
STORED = ROOT / "assets/site/musenet/mask.json"


def build(t: Strings, asked: list[Any], own: gr.State) -> None:
    """The comparison; it takes its settings from the controls of the cell."""
    with w.controls(t):
        run = w.button(t("mask_run"), name="composer-mask-run")
    figure = w.figure(t, "mask", height=360)
    player = w.player(t, "mask-player")
    folder = gr.State(None, delete_callback=_kept.drop)

    def go(request: gr.Request, own: Any, last: Any, *asked: Any) -> tuple:
        found = compare(Asked(*asked), own)
        new = _kept.folder(request.session_hash)
        tracks = [_player.linked(t(f"mask_{key}"), urls["flac"]) for key, urls in _sounds(t, new, found).items()]
        _kept.drop(last)
        return picture(t, found), tracks, new

    w.on(t, run.click, go, [own, folder, *asked], [figure, player, folder], heavy=True)
    w.on(t, figure.appear, lambda: at_sight(t), None, [figure, player])


def compare(asked: Asked, own: str | None) -> dict[str, list[int]]:
    """The same beginning continued without and with the mask: "row", "off" and "on", the last two without the first.

    Raises:
        MidiError, SamplingError: as `demos._musenet.making.root`.
    """
    from core.musenet import sample

    network = _models.load(MODEL)
    settings = replace(asked.settings(TOKENS), seconds=None, ending=False)
    row = list(root(asked, own)[0].now.row)
    found = {"row": row}
    for key, grammar in (("off", False), ("on", True)):
        chosen = replace(settings, grammar=grammar)
        found[key] = list(sample.generate(network, row, chosen, seed=int(asked.seed)))
    return found


def faults(row: Sequence[int], new: Sequence[int]) -> Counter[str]:
    """How often each rule of the grammar is broken by tokens that go on from a row."""
    state, found = State(row), Counter()
    for token in new:
        if not state.allowed()[token]:
            found[kind(state, token)] += 1
        state.push(token)
    return found


def kind(state: State, token: int) -> str:
    """Which rule a token breaks that is not allowed after `state`."""
    if v.IS_OFF[token]:
        return "silent"
    if v.IS_ON[token]:
        return "foreign" if v.INSTRUMENT_OF[token] not in state.instruments else "sounding"
    if v.VOLUME <= token < v.WAIT:
        return "volume"
    if v.WAIT <= token < v.NOTE:
        return "wait"
    return "early" if token == v.END else "header"


def picture(t: Strings, found: dict[str, list[int]], more: str = "") -> dict[str, Any]:
    """Broken rules by kind, without and with the mask; the sentence says where the two part."""
    import plotly.graph_objects as go

    from core import plots

    counts = {key: faults(found["row"], found[key]) for key in ("off", "on")}
    figure = go.Figure()
    for key, role in (("off", "model"), ("on", "reference")):
        figure.add_bar(y=[t(f"fault_{one}") for one in KINDS], x=[counts[key][one] for one in KINDS], orientation="h",
                       name=t(f"mask_{key}"), marker_color=plots.ROLES[role], marker_line_width=0)  # fmt: skip
    plots.layout(figure, x_title=t("mask_y"), y_title="", barmode="group", bargap=0.25, margin={"t": 40},
                 legend={"orientation": "h", "y": 1.15}, yaxis={"autorange": "reversed"})  # fmt: skip
    total = len(found["off"])
    lines = [t("mask_summary", off=sum(counts["off"].values()), total=total, on=sum(counts["on"].values()))]
    pairs = zip(found["off"], found["on"])
    first = next((i for i, (off, on) in enumerate(pairs) if off != on), None)
    if first is None:
        lines.append(t("mask_same"))
    else:
        lines.append(t("mask_first", number=first + 1, off=v.name(found["off"][first]), on=v.name(found["on"][first])))
    return w.plot(figure, " ".join([*lines, more]).strip())


def _sounds(t: Strings, folder: _kept.Folder, found: dict[str, list[int]]) -> dict[str, dict[str, str]]:
    """The files of both, from what is heard before they part."""
    out = {}
    for key in ("off", "on"):
        row = found["row"] + found[key]
        out[key] = show.files(folder, key, t(f"mask_{key}"), heard(found, key), row)
    return out


def at_sight(t: Strings) -> tuple:
    """(figure, player) as `python -m demos._musenet.stored` left them; as they are where it was never run."""
    if not STORED.exists():
        return gr.skip(), gr.skip()
    found = json.loads(STORED.read_text(encoding="utf-8"))
    tracks = [_player.linked(t(f"mask_{key}"), f"/site/musenet/mask-{key}.ogg") for key in ("off", "on")]
    return picture(t, found, t("stored")), tracks


def heard(found: dict[str, list[int]], key: str) -> list[encoding.Note]:
    """The notes of one of the two, as they are heard: HEARD_S of them, for without the mask notes may hang for long."""
    notes = show.excerpt(found["row"] + found[key], len(found["row"]))[0]
    return [note._replace(end_s=min(note.end_s, HEARD_S)) for note in notes if note.start_s < HEARD_S]
