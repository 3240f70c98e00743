"""The exercise cell: something to do with the controls of a cell, and a check of what was reached.

`lessons/<slug>/quiz.toml`, one table per cell and exercise:

    [mulaw.fewest]
    task.en = "…"                           # what to reach, by which controls
    task.ko = "…"
    [mulaw.fewest.outcome.right]            # reached
    text.en = "…"                           # {name}: what the judge measured
    text.ko = "…"
    [mulaw.fewest.outcome.noisy]            # not yet: one table for each way of missing it, with what to try next
    text.en = "…"

The judge is a function of the cell: it gets what the controls say, computes with `core` what the cell computes, and
gives the name of the outcome and the values for its text: `("noisy", {"ratio": "12.3"})`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from markdown_it import MarkdownIt

from demos import _numbers
from demos._tab import ROOT, Strings

RIGHT = "right"
_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_SCRIPT = (ROOT / "assets/site/exercise.js").read_text(encoding="utf-8")

Judge = Callable[..., tuple[str, dict[str, Any]]]


def outcomes(t: Strings, name: str) -> dict[str, str]:
    """The texts of an exercise in the page's language, by outcome; "task" is what it asks for.

    Raises:
        KeyError: no such exercise, none of its outcomes is `right`, or a text without this language.
    """
    table = t.quizzes
    for part in (f"{t.scope}.{name}" if t.scope else name).split("."):
        table = table[part]
    found = {key: outcome["text"][t.language] for key, outcome in table["outcome"].items()}
    if RIGHT not in found:
        raise KeyError(f"The exercise {name!r} has no outcome {RIGHT!r}.")
    return {"task": table["task"][t.language], **found}


def exercise(t: Strings, name: str, /, **options: Any) -> gr.HTML:
    """The cell itself; `.check` fires when its button is pressed, and `judged` gives the value for it."""
    words = {key: t(f"exercise.{key}") for key in ("title", "check", "right", "not_yet")}
    value = {"task": _MARKDOWN.render(outcomes(t, name)["task"]), "tab": t.slug, "words": words}
    return gr.HTML(
        value, html_template="<div class='exercise'></div>", js_on_load=_SCRIPT, apply_default_css=False, **options
    )


def judged(t: Strings, name: str, judge: Judge) -> Callable[..., dict[str, Any]]:
    """The handler of `.check`: what the judge says about the controls, as the value of the cell."""

    def check(asked: dict[str, Any], *controls: Any) -> dict[str, Any]:
        outcome, values = judge(*controls)
        said = outcomes(t, name)[outcome].format(**values)
        kept = {key: asked[key] for key in ("task", "tab", "words")}
        return kept | {"said": _MARKDOWN.render(said), "right": outcome == RIGHT, "number": _numbers.fresh()}

    return check
