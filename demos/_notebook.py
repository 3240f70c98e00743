"""Every lesson as a Jupyter notebook: the words of the page in its order, and code that calls the same `core`.

    lessons/<slug>/notebook.py     the code, in jupytext's percent format: `# %% mulaw` begins a cell of the section
                                   {#mulaw}; a section may have several
    lessons/_site/notebook.py      the cell that every notebook begins with

What stands between the code cells is noted while the tab is built (`demos/_outline.py`): prose, questions with their
answers folded away, and the source of the functions. The page offers each notebook under
/site/notebook/<slug>.<language>.ipynb, made when it is first asked for; `python -m demos._notebooks` writes them all.
"""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from demos import _code, _outline
from demos._tab import LANGUAGES, LESSONS, SITE, Strings, strings

if TYPE_CHECKING:
    from nbformat import NotebookNode

SITE_LINK = re.compile(r"\[([^\]]*)\]\([?#/][^)]*\)")  # [text](?tab=…) leads nowhere from a notebook
CODE_SPAN = re.compile(r"(`+[^`]*`+)")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def code_cells(path: Path) -> list[tuple[str, str]]:
    """The code cells of a file in the percent format, as (title, source); what stands before the first is dropped.

    An absent file has no cells.
    """
    import jupytext

    if not path.exists():
        return []
    cells = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent").cells
    return [(cell.metadata["title"], cell.source) for cell in cells if "title" in cell.metadata]


def notebook(slug: str, language: str) -> NotebookNode:
    """A lesson as a notebook without outputs: the same lesson files give the same bytes.

    Raises:
        KeyError: no such tab, or it has not been built.
        ValueError: its notebook.py has a cell for a section that the lesson does not have. One that the page leaves
            out, as long as its weights are not there, is left out here too.
    """
    from nbformat import v4

    t, parts = strings(slug, language), _outline.outline(slug)
    written: list[tuple[str, str, str]] = []  # name, kind, source
    waiting: dict[str, list[str]] = {}
    for title, source in code_cells(LESSONS / slug / "notebook.py"):
        waiting.setdefault(title, []).append(source)
    anchor = "top"

    def end_section() -> None:
        written.extend((anchor, "code", source) for source in waiting.pop(anchor, []))

    for part in parts:
        if part.kind == "prose":
            end_section()
            anchor = part.anchor
        if part.kind == "header":
            written.append(("top", "markdown", _header(t, *part.value)))
            written += [("top", "code", source) for _, source in code_cells(LESSONS / SITE / "notebook.py")]
        else:
            written.append((anchor, "markdown", _MARKDOWN[part.kind](t, part)))
    end_section()
    if unknown := [name for name in waiting if name not in t.lesson]:
        raise ValueError(f"lessons/{slug}/notebook.py has cells for {', '.join(unknown)}, which the lesson lacks.")
    made = v4.new_notebook(cells=_cells(written))
    made.metadata = {
        "kernelspec": KERNEL, "language_info": {"name": "python"}, "lesson": {"slug": slug, "language": language},
        "title": t.heading("top"),
    }  # fmt: skip
    return made


def _cells(written: Sequence[tuple[str, str, str]]) -> list[NotebookNode]:
    """Cells whose ids are the same every time: section, then a number."""
    from nbformat import v4

    numbers: dict[str, int] = {}
    cells = []
    for anchor, kind, source in written:
        numbers[anchor] = numbers.get(anchor, 0) + 1
        new = v4.new_code_cell if kind == "code" else v4.new_markdown_cell
        cells.append(new(source, id=f"{anchor}-{numbers[anchor]}"))
    return cells


def _header(t: Strings, badge: str, minutes: int) -> str:
    """What stands at the top of the tab, and how to run the notebook."""
    facts = [t(f"badge.{one}") for one in badge.split()] + [t("header.minutes", minutes=minutes)]
    return "\n\n".join(
        [f"# {t.heading('top')}", f"*{' · '.join(facts)}*", f"**{t('header.outcomes')}**", plain_links(t.prose("top")),
         t("notebook.how")]
    )  # fmt: skip


def _prose(t: Strings, part: _outline.Part) -> str:
    """A section with its heading; one of several of a cell has a smaller one, as on the page."""
    mark = "###" if part.value else "##"
    return f"{mark} {t.heading(part.anchor)}\n\n{plain_links(t.prose(part.anchor))}"


def _quiz(t: Strings, part: _outline.Part) -> str:
    """A question, with the answer and what there is to say about the others folded away."""
    table = _table(t, part.value)
    said = lambda value: literal(value[t.language])  # noqa: E731
    lines = [f"**{t('quiz.title')}.** {said(table['question'])}"]
    if "choice" in table:
        choices = table["choice"]
        lines.append("\n".join(f"{number}. {said(choice['text'])}" for number, choice in enumerate(choices, start=1)))
        answers = [
            f"{number}. {'**' + t('quiz.right') + '** ' if choice.get('right') else ''}{said(choice['feedback'])}"
            for number, choice in enumerate(choices, start=1)
        ]
    else:
        unit = f" {table['unit']}" if table.get("unit") else ""
        answers = [f"- **{table['answer']:g}{unit}** {said(table['feedback'])}"]
        answers += [f"- {one['value']:g}{unit}: {said(one['feedback'])}" for one in table.get("mistake", [])]
    return "\n\n".join([*lines, _folded(t("notebook.answer"), "\n".join(answers))])


def _exercise(t: Strings, part: _outline.Part) -> str:
    """What an exercise asks for; the page checks it, a notebook leaves that to its reader."""
    return f"**{t('exercise.title')}.** {literal(_table(t, part.value)['task'][t.language])}"


def _table(t: Strings, name: str) -> dict[str, Any]:
    """A table of quiz.toml by its dotted name."""
    found: Any = t.quizzes
    for key in name.split("."):
        found = found[key]
    return found


def _code_shown(t: Strings, part: _outline.Part) -> str:
    """The functions that the cell of the page shows, from the files that the cells below import."""
    blocks = []
    for reference in part.value:
        text, place = _code.source(reference)
        blocks.append(f"`{place}`\n\n````python\n{textwrap.dedent(text).rstrip()}\n````")
    return _folded(t("code.open"), "\n\n".join(blocks))


_MARKDOWN = {"prose": _prose, "quiz": _quiz, "exercise": _exercise, "code": _code_shown}


def _folded(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def plain_links(markdown: str) -> str:
    """Links within the site become their text; those to the outside stay."""
    return SITE_LINK.sub(r"\1", markdown)


def literal(text: str) -> str:
    """A question's Markdown, in which the page sees neither HTML nor formulas: `$` and `<` are what they are."""
    parts = CODE_SPAN.split(text.strip())
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;").replace("$", r"\$") for part in parts)


@functools.lru_cache(maxsize=64)
def text(slug: str, language: str) -> str:
    """The notebook as the text of an .ipynb file."""
    import nbformat

    return nbformat.writes(notebook(slug, language), version=nbformat.NO_CONVERT) + "\n"


def url(slug: str, language: str) -> str:
    """Where the page offers a notebook."""
    return f"/site/notebook/{slug}.{language}.ipynb"


async def serve(request: Request) -> Response:
    """GET /site/notebook/{slug}.{language}.ipynb"""
    slug, language = request.path_params["slug"], request.path_params["language"]
    if slug not in _outline.built() or language not in LANGUAGES:
        return PlainTextResponse("There is no such notebook.", status_code=404)
    body = await run_in_threadpool(text, slug, language)
    headers = {
        "content-disposition": f'attachment; filename="{slug}.{language}.ipynb"', "cache-control": "no-cache",
    }  # fmt: skip
    return Response(body, media_type="application/x-ipynb+json", headers=headers)


ROUTE = Route(url("{slug}", "{language}"), serve)
