"""What the composer does when it is asked: begin a piece, go on in four ways, keep one, undo, branch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from core.errors import SamplingError
from core.musenet import encoding
from demos import _kept, _models
from demos._musenet import show
from demos._musenet.show import Shown
from demos._musenet.starts import OWN, Asked, said, score
from demos._musenet.versions import LETTERS, Tree, begun
from demos._tab import Strings
from demos._transformer.roll import Roll

MODEL = "musenet-composer"
EVERY_S = 0.2  # how often the roll gets the new notes
OUT = 9  # roll, player, links, keep, tree, versions, produced, state, shown: what every handler here writes to


def outputs(t: Strings, shown: Shown | None, tree: Tree | None, last: Shown | None, *, figure: Any = None) -> tuple:
    """All that the cell shows; what was shown before is deleted once it is two views old."""
    _kept.drop(last and last.older)
    shown = replace(shown or Shown(None, [], ""), older=last.folder if last else None)
    many = tree is not None and len(tree.versions) > 1
    versions = gr.update(choices=show.choices(t, tree), value=tree.current) if tree and many else gr.update()
    return (shown.roll, shown.player, shown.links, gr.update(visible=bool(tree and tree.offers)),
            gr.update(visible=many), versions, gr.skip() if figure is None else figure, tree, shown)  # fmt: skip


def noted(text: str) -> tuple:
    """What there is to say beside the outputs; out of sight where there is nothing."""
    return gr.update(visible=bool(text)), text


def root(asked: Asked, own: str | None) -> tuple[Tree, Any]:
    """A piece with only its beginning, and the score it was taken from.

    Raises:
        MidiError: the upload cannot be used; no instrument.
    """
    from core.musenet import sample

    found = score(asked.start, own)
    primer_s = min(max(float(asked.primer_s), 1.0), 30.0)
    row = sample.begin(asked.settings(1), found and found.midi, primer_s=primer_s)
    return begun(row), found


def open_(
    t: Strings, own: str | None, last: Shown | None, asked: Asked, session: str | None
) -> Iterator[tuple]:
    """(note, *outputs): first nothing, so that a bad file leaves nothing old behind; then the beginning."""
    yield *noted(""), *outputs(t, None, None, None)[:-1], gr.skip()
    if asked.start == OWN and not own:
        return
    tree, found = root(asked, own)
    yield *noted(said(t, asked.start, own, found)), *version(t, tree, last, session)


def version(t: Strings, tree: Tree, last: Shown | None, session: str | None) -> tuple:
    """The current version of a tree."""
    now = tree.now
    names = encoding.declared(now.row)[1]
    new = now.row[now.split :]
    figure = show.produced(t, names, {now.path[-1]: new} if new else {})
    return outputs(t, show.version(t, tree, session), tree, last, figure=figure)


def held(tree: Tree | None) -> Tree:
    """The tree, if there is one.

    Raises:
        SamplingError: nothing has been composed.
    """
    if tree is None:
        raise SamplingError("There is nothing to keep yet: compose first.")
    return tree


def compose(
    t: Strings, tree: Tree | None, own: str | None, last: Shown | None, asked: Asked, session: str | None, *,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[tuple]:  # fmt: skip
    """Go on from the current version in four ways at once: the roll again and again, at last all outputs."""
    from core.musenet import sample

    skipped, before = (gr.skip(),) * (OUT - 1), tree
    try:
        network = _models.load(MODEL)
        tree = root(asked, own)[0] if tree is None else Tree(tree.versions, tree.current)
        tree.check_room()
        settings = asked.settings(network.config.n_ctx // 2)
        row = sample.begin(settings, list(tree.now.row), primer_s=None)
        roll = Roll(show.parts(t), split_s=show.excerpt(row, len(row))[1])
        rows = [list(row) for _ in LETTERS]
        started = time.monotonic()
        stopped = False
        steps = sample.together(network, row, settings, seed=int(asked.seed), count=len(rows))
        hidden = (gr.skip(), gr.skip(), gr.update(visible=False), *skipped[3:])  # nothing is kept meanwhile
        for value in _streamed(t, roll, rows, steps, len(row)):
            yield value, *hidden
            if stopped := is_stopped():
                break
        tree = tree.offered(rows, len(row))
        new = [one[len(row) :] for one in rows]
        facts = _facts(t, new, time.monotonic() - started)
        roll.show_takes(_seen(rows, len(row)), LETTERS, facts)
        shown = show.offers(t, tree, roll, session, facts, stopped=stopped)
        figure = show.produced(t, settings.instruments, dict(zip(LETTERS, new)))
    except Exception:
        again = gr.update(visible=bool(before and before.offers))
        yield (last.roll if last else None), gr.skip(), gr.skip(), again, *skipped[3:]
        raise
    yield outputs(t, shown, tree, last, figure=figure)


def _seen(rows: list[list[int]], split: int) -> list[tuple]:
    return [show.columns(show.excerpt(one, split)[0]) for one in rows]


def _streamed(t: Strings, roll: Roll, rows: list[list[int]], steps: Iterator, split: int) -> Iterator[dict]:
    """Values of the roll while the rows grow, about five a second; fewer where showing them takes long."""
    yield roll.show_takes(_seen(rows, split), LETTERS, t("thinking"))
    started = shown = time.monotonic()
    pause = EVERY_S
    for drawn in steps:
        for one, token in zip(rows, drawn):
            if token is not None:
                one.append(token)
        now = time.monotonic()
        if now - shown >= pause:
            made = [one[split:] for one in rows]
            yield roll.show_takes(_seen(rows, split), LETTERS, _facts(t, made, now - started))
            shown = time.monotonic()
            pause = max(EVERY_S, 3 * (shown - now))


def _facts(t: Strings, new: list[list[int]], seconds: float) -> str:
    tokens = sum(len(one) for one in new)
    longest = max(show.length_s(one) for one in new)
    return t("facts_run", tokens=tokens, rate=f"{tokens / max(seconds, 1e-3):.0f}", seconds=f"{longest:.1f}")
