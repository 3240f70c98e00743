"""What the Music Transformers look at in the piece that was played last: arcs, reach, surprise."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demos import _models
from demos import _widgets as w
from demos._links import within
from demos._tab import Strings
from demos._transformer.playing import NETWORKS, USUAL, seconds_of, stored_state
from demos._transformer.roll import Roll, with_arcs

EDGES = (1, 4, 16, 64, 256)
MOST_LOOK = 512  # events of a piece that the figures read


def look(t: Strings, made: Any, note: Any, layer: Any, network: Any) -> Any:
    """The roll with arcs from a note; without one, from a note in the middle of what the network played."""
    from core.midi.events import trace
    from core.transformer.look import note_arcs

    made = made or stored_state(t)
    if not made:
        return gr.skip()
    found = trace(made["ids"])
    count = len(found.on)
    if not count:
        return gr.skip()
    note = min(count - 1, int(note)) if note is not None else _striking(found, made["primer"])
    name = network if network in NETWORKS else USUAL[2]
    model = _models.load(f"transformer-{name}")
    layer = int(within(layer, 1, model.config.layers))
    arcs = note_arcs(model, made["ids"], note, layer - 1)
    roll = Roll(made["parts"], split_s=seconds_of(made["ids"][: made["primer"]]))
    roll.show(found.notes, made["owners"])
    text = t(
        "arcs_text", layer=layer, notes=len({j for j, _, _ in arcs.rows}), network=t(f"network_{name}"),
        share=f"{100 * sum(arcs.elsewhere) / len(arcs.elsewhere):.0f}",
    )  # fmt: skip
    return with_arcs(roll.end(text), note, arcs.rows, heads=model.config.heads, text="")


def _striking(found: Any, primer: int) -> int:
    """A note some seconds into what the network played, or the last of a short piece."""
    later = [i for i, on in enumerate(found.on) if on >= primer + 120]
    return later[0] if later else len(found.on) - 1


def inside(t: Strings, made: Any, layer: Any, network: Any) -> tuple:
    """(arcs, reach, surprise) of both networks on the piece above."""
    import numpy as np

    from core.midi.events import trace
    from core.transformer import figures
    from core.transformer import look as looking

    made = made or stored_state(t)
    if not made or len(made["ids"]) < 4:
        return gr.skip(), gr.skip(), gr.skip()
    ids = made["ids"][:MOST_LOOK]
    models = {name: _models.load(f"transformer-{name}") for name in NETWORKS}
    names = {name: t(f"network_{name}") for name in NETWORKS}
    bits = {name: looking.surprise(model, ids) for name, model in models.items()}
    shares = {name: looking.reach(model, ids, edges=EDGES) for name, model in models.items()}
    words = {key: t(f"axis_{key}") for key in ("seconds", "bits", "layer", "share", "distance")}
    far = {name: f"{100 * float(value[..., -2:].sum(axis=-1).mean()):.0f}" for name, value in shares.items()}
    means = {name: f"{float(np.mean(value)):.2f}" for name, value in bits.items()}
    running = {name: looking.running(value) for name, value in bits.items()}
    return (
        look(t, made, None, layer, network),
        w.plot(figures.reach(shares, edges=EDGES, names=names, words=words), t("reach_summary", edge=EDGES[-2], **far)),
        w.plot(
            figures.surprise(trace(ids).time_s[1:], running, names=names, words=words), t("surprise_summary", **means)
        ),
    )
