"""The start page: one card per tab, each with its picture, `assets/site/<slug>.svg`."""

from __future__ import annotations

import html

import gradio as gr

from demos._tab import ROOT, Strings, Tab, strings

SLUG = "start"


def always(tabs: list[Tab]) -> bool:
    """The start page stands before any number of tabs."""
    return bool(tabs)


def build(t: Strings, tabs: list[Tab]) -> None:
    """Title, one paragraph, and the cards."""
    cards = "".join(_card(strings(tab.slug, t.language)) for tab in tabs)
    gr.HTML(
        f'<section class="start"><h1>{html.escape(t("title"))}</h1><p class="lead">{html.escape(t("subtitle"))}</p>'
        f'<div class="cards">{cards}</div></section>',
        apply_default_css=False,
    )


def _card(t: Strings) -> str:
    picture = ROOT / f"assets/site/{t.slug}.svg"
    image = f'<img src="/site/{t.slug}.svg" alt="" width="640" height="360">' if picture.exists() else ""
    return (
        f'<a class="card" href="?tab={t.slug}" data-tab="{t.slug}">{image}'
        f"<h2>{html.escape(t.heading('top'))}</h2><p>{html.escape(t('card'))}</p></a>"
    )
