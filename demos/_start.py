"""The start page: what is here at one glance, one card per tab with its picture, `assets/site/<slug>.svg`.

The picture is drawn from real arrays by a script of the tab (`python -m demos._wavenet.card`) and put into the page
as it stands, so that its strokes may use the site's colours: `var(--reference, #2c5c9e)`.
"""

from __future__ import annotations

import html

import gradio as gr

from demos._tab import ROOT, Strings, Tab, strings

SLUG = "start"


def build(t: Strings, tabs: list[Tab]) -> None:
    """Title, one paragraph, the cards."""
    cards = "".join(_card(strings(tab.slug, t.language)) for tab in tabs)
    gr.HTML(
        f'<section class="start"><h1>{html.escape(t("title"))}</h1><p class="lead">{html.escape(t("subtitle"))}</p>'
        f'<div class="cards">{cards}</div></section>',
        apply_default_css=False,
    )


def _card(t: Strings) -> str:
    path = ROOT / f"assets/site/{t.slug}.svg"
    picture = f'<span class="picture">{path.read_text(encoding="utf-8")}</span>' if path.exists() else ""
    return (
        f'<a class="card" href="?tab={t.slug}" data-tab="{t.slug}">{picture}<span class="text">'
        f'<span class="name">{html.escape(t.heading("top"))}</span><span>{html.escape(t("card"))}</span></span></a>'
    )
