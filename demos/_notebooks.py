"""Write every lesson as a Jupyter notebook, in English and Korean: python -m demos._notebooks --out FOLDER"""

from __future__ import annotations

import argparse
from pathlib import Path

import gradio as gr

from demos import _notebook
from demos._links import Page, building
from demos._tab import LANGUAGES, Tab, discover, strings


def built(tab: Tab) -> None:
    """Build a tab, so that its outline is known."""
    with gr.Blocks(analytics_enabled=False), building(Page(LANGUAGES[0], tab.slug)):
        tab.build(strings(tab.slug, LANGUAGES[0]))


def write(out: Path) -> list[Path]:
    """<slug>.<language>.ipynb of every lesson; returns the paths."""
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for tab in discover():
        built(tab)
        for language in LANGUAGES:
            paths.append(out / f"{tab.slug}.{language}.ipynb")
            paths[-1].write_text(_notebook.text(tab.slug, language), encoding="utf-8")
    return paths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/notebooks"), help="where they go (runs/notebooks)")
    for path in write(parser.parse_args().out):
        print(path)
