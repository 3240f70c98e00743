"""The code cell: the source of the very functions that a button runs, so that text and code cannot drift."""

from __future__ import annotations

import ast
import html
import inspect
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from demos._tab import ROOT

Reference = Callable | type | str


def source(reference: Reference) -> tuple[str, str]:
    """The source of a function or class, and where it stands.

    Args:
        reference: the object itself, or "core.audio:mu_law_encode", "core.wavenet.model:GatedLayer.forward" for code
            whose module must not be imported yet (torch). The text is the one `inspect.getsource` gives.
    Returns:
        (source, "core/audio.py:35").
    Raises:
        ValueError: there is no such module or name.
    """
    if not isinstance(reference, str):
        target = inspect.unwrap(reference) if callable(reference) else reference
        path = Path(inspect.getsourcefile(target) or "").resolve()
        return inspect.getsource(target), f"{_place(path)}:{inspect.getsourcelines(target)[1]}"
    module, _, qualname = reference.partition(":")
    stem = ROOT / module.replace(".", "/")  # by file name: looking a module up would import its parents
    path = next((file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()), None)
    if path is None or not qualname:
        raise ValueError(f"{reference!r} is not of the form 'package.module:name'.")
    text, tree = _parsed(path)
    node = _find(tree, qualname)
    if node is None:
        raise ValueError(f"{_place(path)} defines no {qualname!r}.")
    first = min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])
    lines = text.splitlines(keepends=True)[first - 1 : node.end_lineno]
    return "".join(lines), f"{_place(path)}:{first}"


@cache
def _parsed(path: Path) -> tuple[str, ast.Module]:
    """A file, read once: many cells of both languages show parts of the same."""
    text = path.read_text(encoding="utf-8")
    return text, ast.parse(text)


def _place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _find(tree: ast.AST, qualname: str) -> Definition | None:
    node: ast.AST | None = tree
    for name in qualname.split("."):
        body = getattr(node, "body", [])
        node = next((n for n in body if isinstance(n, Definition) and n.name == name), None)
        if node is None:
            return None
    return node if isinstance(node, Definition) else None


@cache
def _highlighted(text: str) -> str:
    return highlight(text, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip()


def code_html(references: tuple[Reference, ...], *, title: str, copy: str, copied: str, opened: bool) -> str:
    """The cell as HTML: a `<details>` with every source, highlighted."""
    blocks = []
    for reference in references:
        text, place = source(reference)
        blocks.append(
            f'<div class="code-place"><span>{html.escape(place)}</span>'
            f'<button type="button" class="code-copy" data-copied="{html.escape(copied)}">{html.escape(copy)}</button>'
            f'</div><pre class="code" tabindex="0"><code>{_highlighted(textwrap.dedent(text))}</code></pre>'
        )
    names = ", ".join(
        reference.partition(":")[2] if isinstance(reference, str) else inspect.unwrap(reference).__qualname__
        for reference in references
    )
    return (
        f'<details class="code-cell"{" open" if opened else ""}><summary><span class="label">In</span>'
        f"<span>{html.escape(title)}</span><small>{html.escape(names)}</small></summary>{''.join(blocks)}</details>"
    )
