"""The start page: what this is, what one can do in each tab, and the way of the lecture.

A tab's picture, `assets/site/<slug>.svg`, is drawn from real arrays by a script of the tab (`python -m
demos._wavenet.card`) and put into the page as it stands, so that its strokes may use the site's colours:
`var(--reference, #2c5c9e)`. What one will be able to do is the list at the top of the lesson. The way of the lecture
is `lessons/_site/map.toml`: a stop with a tab is a link, all others are only words.
"""

from __future__ import annotations

import html
from typing import Any

import gradio as gr
from markdown_it import MarkdownIt

from demos import _glossary
from demos._tab import LESSONS, ROOT, SITE, Strings, Tab, read_toml, strings

SLUG = "start"
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


def build(t: Strings, tabs: list[Tab]) -> None:
    """Title, three sentences, a card for each tab, the map, privacy, what needs the internet, and the glossary."""
    entries = "".join(_entry(t, strings(tab.slug, t.language)) for tab in tabs)
    gr.HTML(
        f'<section class="start"><h1>{html.escape(t("title"))}</h1><p class="lead">{html.escape(t("subtitle"))}</p>'
        f'<p class="about">{html.escape(t("about"))}</p>'
        f'<h2>{html.escape(t("sections"))}</h2><div class="entries">{entries}</div>'
        f'<h2>{html.escape(t("map"))}</h2><p class="map-note">{html.escape(t("map_note"))}</p>'
        f"{_map(t, tabs)}"
        f'<h2>{html.escape(t("privacy"))}</h2><p class="privacy">{html.escape(t("privacy_note"))}</p>'
        f'<h2>{html.escape(t("offline"))}</h2><p class="privacy">{html.escape(t("offline_note"))}</p>'
        f"{_glossary.section(t, tabs)}</section>",
        js_on_load=_glossary.SCRIPT,
        apply_default_css=False,
    )


def _entry(t: Strings, words: Strings) -> str:
    """One tab: its card, which is a link, and what one will be able to do after it."""
    return (
        f'<article class="entry">{_card(words)}<div class="able"><p>{html.escape(t("able"))}</p>'
        f"{_MARKDOWN.render(words.prose('top'))}</div></article>"
    )


def _card(t: Strings) -> str:
    path = ROOT / f"assets/site/{t.slug}.svg"
    picture = f'<span class="picture">{path.read_text(encoding="utf-8")}</span>' if path.exists() else ""
    return (
        f'<a class="card" href="?tab={t.slug}" data-tab="{t.slug}">{picture}<span class="text">'
        f'<span class="name">{html.escape(t.heading("top"))}</span><span>{html.escape(t("card"))}</span></span></a>'
    )


def stops(language: str, tabs: list[Tab]) -> list[tuple[str, list[dict[str, str]]]]:
    """The map: (name of a part, its stops with slug, name and line); tabs that no part names come last, by themselves.

    The slug of a stop without a tab is "".
    """
    here = {tab.slug for tab in tabs}
    named: set[str] = set()
    parts: list[tuple[str, list[dict[str, str]]]] = []
    for part in read_toml(LESSONS / SITE / "map.toml").get("part", []):
        named |= {stop["slug"] for stop in part["stop"]}
        parts.append((part["name"][language], [_stop(stop, language, here) for stop in part["stop"]]))
    others = [strings(tab.slug, language) for tab in tabs if tab.slug not in named]
    if others:
        parts.append(("", [{"slug": t.slug, "name": t.heading("top"), "line": t("card")} for t in others]))
    return parts


def _stop(stop: dict[str, Any], language: str, here: set[str]) -> dict[str, str]:
    slug = stop["slug"] if stop["slug"] in here else ""
    return {"slug": slug, "name": stop["name"][language], "line": stop["line"][language]}


def _map(t: Strings, tabs: list[Tab]) -> str:
    out = ""
    for name, found in stops(t.language, tabs):
        items = ""
        for stop in found:
            title = html.escape(stop["name"])
            if stop["slug"]:
                title = f'<a href="?tab={stop["slug"]}" data-tab="{stop["slug"]}">{title}</a>'
            kind = "here" if stop["slug"] else "spoken"
            items += f'<li class="{kind}"><b>{title}</b> <span>{html.escape(stop["line"])}</span></li>'
        out += f"<li><h3>{html.escape(name)}</h3><ol>{items}</ol></li>"
    return f'<ol class="map">{out}</ol>'
