"""What a tab's cells show at first sight, stored as JSON: `assets/site/<slug>/first.json.xz`.

Both languages are in one file, because they share their sounds, which its compression finds.

A cell that comes into view shows this at once; all is made anew as soon as anything is changed, or the button is
pressed. Each tab has a command that writes its own anew, `python -m demos._<slug>.stored`.
"""

from __future__ import annotations

import functools
import json
import lzma
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from demos._tab import ROOT, Strings


def path(slug: str) -> Path:
    return ROOT / "assets/site" / slug / "first.json.xz"


@functools.cache
def _kept(slug: str) -> dict[str, dict[str, list[Any]]]:
    """Language -> cell -> its outputs."""
    file = path(slug)
    return json.loads(lzma.decompress(file.read_bytes())) if file.exists() else {}


def first(t: Strings, asked: Sequence[Any], usual: Sequence[Any]) -> list[Any] | None:
    """The stored outputs of a cell, if what is asked for is what it was stored for; else None."""
    same = [Path(value).name if isinstance(value, str) and value.endswith(".flac") else value for value in asked]
    return _kept(t.slug).get(t.language, {}).get(t.scope) if same == list(usual) else None


def at_sight(t: Strings, usual: Sequence[Any], outputs: int) -> Callable[..., tuple]:
    """A handler that shows the stored outputs where they fit, and otherwise leaves all as it is."""

    def show(*asked: Any) -> tuple:
        return tuple(first(t, asked, usual) or [gr.skip()] * outputs)

    return show


def unless_stored(
    t: Strings, usual: Sequence[Any], fn: Callable[..., tuple], state: Callable[..., Any] | None = None
) -> Callable[..., tuple]:
    """A handler for what comes after `at_sight`: `fn` where nothing was stored.

    Args:
        fn: gives all outputs of the cell; with `state`, that of its hidden state first.
        state: what makes that state alone where the rest is stored; None for a cell that has none.
    """

    def make(*asked: Any) -> tuple:
        kept = first(t, asked, usual)
        if kept is None:
            return fn(*asked)
        hidden = () if state is None else (state(*asked),)
        return (*hidden, *[gr.skip()] * len(kept))

    return make


def write(t: Strings, cells: Mapping[str, Sequence[Any]], what: str) -> None:
    """Store the outputs of cells; the first figure of each says in its summary that it was stored."""
    for outputs in cells.values():
        figure = next((output for output in outputs if isinstance(output, dict) and "summary" in output), None)
        if figure is not None:
            figure["summary"] += " " + t("stored")
    _kept.cache_clear()
    every = {**_kept(t.slug), t.language: dict(cells)}
    _kept.cache_clear()
    content = json.dumps(every, ensure_ascii=False, separators=(",", ":"))
    file = path(t.slug)
    file.write_bytes(lzma.compress(content.encode()))
    print(f"{file.name}, {t.language}: {file.stat().st_size / 1e6:.2f} MB, of “{what}”")
