"""The quiz cell: a question asked before the reveal, with feedback for each wrong answer.

`lessons/<slug>/quiz.toml`, one table per cell and question:

    [mulaw.levels]                          # a choice
    question.en = "…"
    question.ko = "…"
    [[mulaw.levels.choice]]
    text.en = "…"
    text.ko = "…"
    right = true                            # exactly one
    feedback.en = "…"                       # every choice has its own
    feedback.ko = "…"

    [mulaw.decibels]                        # a number
    question.en = "…"
    answer = 6.02
    tolerance = 0.1
    unit = "dB"
    feedback.en = "…"                       # shown when right
    otherwise.en = "…"                      # shown for any other number
    [[mulaw.decibels.mistake]]              # wrong answers that we expect
    value = 3.01
    tolerance = 0.1
    feedback.en = "…"
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from markdown_it import MarkdownIt

from demos._tab import ROOT, Strings

_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_SCRIPT = (ROOT / "assets/site/quiz.js").read_text(encoding="utf-8")


def question(t: Strings, name: str) -> dict[str, Any]:
    """One question in the page's language, as the browser wants it.

    Raises:
        KeyError: no such question, or a text without this language.
        ValueError: not exactly one right choice, or neither choices nor an answer.
    """
    table = t.quizzes
    for part in (f"{t.scope}.{name}" if t.scope else name).split("."):
        table = table[part]
    text = lambda value: _MARKDOWN.render(value[t.language])  # noqa: E731
    out: dict[str, Any] = {"question": text(table["question"]), "tab": t.slug}
    if "choice" in table:
        if sum(bool(choice.get("right")) for choice in table["choice"]) != 1:
            raise ValueError(f"Question {name!r} needs exactly one right choice.")
        out["choices"] = [
            {"text": text(c["text"]), "right": bool(c.get("right")), "feedback": text(c["feedback"])}
            for c in table["choice"]
        ]
    elif "answer" in table:
        out |= {key: table[key] for key in ("answer", "tolerance")} | {"unit": table.get("unit", "")}
        out |= {"feedback": text(table["feedback"]), "otherwise": text(table["otherwise"])}
        out["mistakes"] = [
            {"value": m["value"], "tolerance": m.get("tolerance", table["tolerance"]), "feedback": text(m["feedback"])}
            for m in table.get("mistake", [])
        ]
    else:
        raise ValueError(f"Question {name!r} needs [[…choice]] tables or an answer.")
    words = ("check", "right", "wrong", "answer", "number", "not_a_number", "choose_one")
    out["words"] = {key: t(f"quiz.{key}") for key in words}
    return out


def ask(value: dict[str, Any], **options: Any) -> gr.HTML:
    """A question cell; `.answered` fires once, at the first answer, right or wrong."""
    return gr.HTML(
        value, html_template="<div class='quiz'></div>", js_on_load=_SCRIPT, apply_default_css=False, **options
    )
