"""The notebooks of the lessons: complete, valid, the same code in both languages. They run in test_notebooks_run.py."""

from __future__ import annotations

import ast
import re

import gradio as gr
import nbformat
import pytest
from markdown_it import MarkdownIt
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demos import _notebook, _notebooks, _outline
from demos._links import Page, building
from demos._tab import LANGUAGES, LESSONS, discover, read_toml, strings

TABS = discover()
each = pytest.mark.parametrize("slug", [tab.slug for tab in TABS])
each_language = pytest.mark.parametrize("language", LANGUAGES)
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
UNTRAINED = ("piano",)
MATHS = re.compile(r"\$\$.*?\$\$|\$[^$\n]+?\$", re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    for tab in TABS:
        _notebooks.built(tab)


def read(slug: str, language: str) -> nbformat.NotebookNode:
    return nbformat.reads(_notebook.text(slug, language), as_version=4)


def markdown(slug: str, language: str) -> str:
    return "\n\n".join(cell.source for cell in read(slug, language).cells if cell.cell_type == "markdown")


def sentences(text: str) -> list[str]:
    """The text of every paragraph, heading and list item, without marks and without formulas."""
    parsed = MarkdownIt("commonmark").parse(MATHS.sub("", text))
    return [
        "".join(child.content for child in token.children if child.type in ("text", "code_inline"))
        for token in parsed if token.type == "inline"
    ]  # fmt: skip


@each
@each_language
def test_a_notebook_is_valid_and_always_the_same(slug: str, language: str) -> None:
    made = read(slug, language)
    nbformat.validate(made)
    assert (made.nbformat, made.nbformat_minor) == (4, 5) and made.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in made.cells}) == len(made.cells)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    before = _notebook.text(slug, language)
    _notebook.text.cache_clear()
    assert _notebook.text(slug, language) == before


@each
def test_the_code_is_the_same_in_both_languages(slug: str) -> None:
    english, korean = ([(cell.id, cell.cell_type) for cell in read(slug, language).cells] for language in LANGUAGES)
    assert english == korean
    english, korean = (
        [cell.source for cell in read(slug, language).cells if cell.cell_type == "code"] for language in LANGUAGES
    )
    assert english == korean and len(english) > 4
    assert re.search("[가-힣]", markdown(slug, "ko"))


@each
@each_language
def test_no_prose_is_lost(slug: str, language: str) -> None:
    page = (LESSONS / slug / f"{language}.md").read_text(encoding="utf-8")
    for absent in UNTRAINED:  # the page leaves it out until its weights are there
        if absent not in {part.anchor for part in _outline.outline(slug)}:
            page = re.sub(rf"^## [^\n]*{{#{absent}}}.*?(?=^## )", "", page, flags=re.MULTILINE | re.DOTALL)
    text = markdown(slug, language)
    found = set(sentences(text))
    assert [one for one in sentences(re.sub(r" *\{#[a-z0-9-]+\}", "", page)) if one not in found] == []
    assert [formula for formula in MATHS.findall(page) if formula not in text] == [] and "{#" not in text


def asked(table: dict) -> list[dict]:
    """The questions of a table, however deep."""
    if "question" in table:
        return [table]
    return [question for part in table.values() if isinstance(part, dict) for question in asked(part)]


@each
@each_language
def test_answers_are_folded(slug: str, language: str) -> None:
    said = " ".join(markdown(slug, language).split())
    shown = {part.anchor for part in _outline.outline(slug)}
    for cell, questions in read_toml(LESSONS / slug / "quiz.toml").items():
        if cell in UNTRAINED and cell not in shown:
            continue
        for question in asked(questions):
            text = _notebook.literal(question["question"][language])
            answers = question.get("choice", [question])
            assert " ".join(text.split()) in FOLDED.sub("", said)
            for answer in answers:
                feedback = " ".join(_notebook.literal(answer["feedback"][language]).split())
                assert feedback in said and feedback not in FOLDED.sub("", said)


@each
def test_every_step_runs_what_the_page_runs(slug: str) -> None:
    """A step of the page has code, and that names one of the functions that its code cell shows."""
    names: dict[str, set[str]] = {}
    shown: dict[str, set[str]] = {}
    cells: dict[str, str] = {}
    step = ""
    for part in _outline.outline(slug):
        if part.kind == "prose":
            step = step if part.value else part.anchor
            cells[part.anchor] = step
        if part.kind == "code":
            shown.setdefault(step, set()).update(
                one.partition(":")[2].split(".")[-1] if isinstance(one, str) else one.__name__ for one in part.value
            )
    for anchor, source in _notebook.code_cells(LESSONS / slug / "notebook.py"):
        if anchor in UNTRAINED and anchor not in cells:
            continue
        tree = ast.parse(source)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names.setdefault(cells[anchor], set()).update(used)
    assert set(names) == set(cells.values()) - {"references"}
    for step, functions in shown.items():
        assert functions & names[step], f"{step}: none of {functions}"


@each_language
def test_exercises_are_set(language: str) -> None:
    task = read_toml(LESSONS / "wavenet/quiz.toml")["mulaw"]["fewest"]["task"][language]
    assert _notebook.literal(task) in markdown("wavenet", language)


def test_links_of_the_site_become_text_and_others_stay() -> None:
    text = "See [the race](?tab=wavenet&step=race) and [the paper](https://x.org/a), $[a](h)$."
    assert _notebook.plain_links(text) == "See the race and [the paper](https://x.org/a), $[a](h)$."
    assert _notebook.literal("`a<b>` costs $5 <b>") == r"`a<b>` costs \$5 &lt;b>"


def test_the_page_links_its_notebook() -> None:
    tab = next(tab for tab in TABS if tab.slug == "musenet")
    with gr.Blocks(analytics_enabled=False) as blocks, building(Page("ko", tab.slug)):
        tab.build(strings(tab.slug, "ko"))
    shown = "".join(str(getattr(block, "value", "")) for block in blocks.blocks.values())
    assert f'<a href="{_notebook.url("musenet", "ko")}" download>' in shown


def test_the_notebook_is_made_on_request() -> None:
    client = TestClient(Starlette(routes=[_notebook.ROUTE]))
    slug = TABS[0].slug
    answer = client.get(_notebook.url(slug, "ko"))
    assert answer.status_code == 200 and answer.text == _notebook.text(slug, "ko")
    assert answer.headers["content-disposition"] == f'attachment; filename="{slug}.ko.ipynb"'
    for unknown in (_notebook.url(slug, "fr"), _notebook.url("nothing", "en"), "/site/notebook/..%2Fapp.en.ipynb"):
        assert client.get(unknown).status_code == 404
