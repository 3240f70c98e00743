"""The site: a page for every tab in each language, and how they are served."""

from __future__ import annotations

import gzip
import html
import json
import logging
import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import brotli  # noqa: E402
import gradio as gr  # noqa: E402
import httpx  # noqa: E402
import plotly  # noqa: E402
from gradio import networking  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.routing import Mount, Route  # noqa: E402
from starlette.staticfiles import StaticFiles  # noqa: E402

from core import plots  # noqa: E402
from demos import _elsewhere, _kept, _memory, _notebook, _safety, _served, _sessions, _short, _start, _theme  # noqa: E402
from demos._links import Page, Step, building, restore  # noqa: E402
from demos._tab import LANGUAGES, LESSONS, ROOT, SITE, Strings, Tab, read_toml, strings  # noqa: E402
from demos._widgets import share_voices  # noqa: E402

ASSETS = ROOT / "assets"
DELETE_S = (600, 3000)  # gradio looks so often for uploads that are so old: all of them go within an hour
PLOTLY_JS = Path(plotly.__file__).parent / "package_data"


def site(tabs: list[Tab]) -> gr.Blocks:
    """The whole site: English at /, Korean at /ko. Every tab is a page of its own in each language, so that a browser
    builds only what it shows; `demos._served.Pages` leads `/ko?tab=wavenet` to it."""
    _elsewhere.begin()
    title = strings("_site", "en")("title")
    slugs = [_start.SLUG, *(tab.slug for tab in tabs)]
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=DELETE_S) as blocks:
        blocks.unload(_left)  # gradio calls it when a page is closed, whichever it is
        for language in LANGUAGES:
            pages = [page(tabs, tab, language) for tab in (None, *tabs)]
            steps = {registered.tab: registered.steps for registered, _ in pages}
            for _, contents in pages:
                contents.value = _contents(strings("_site", language), slugs, steps)
    return blocks


def _left(request: gr.Request) -> None:
    """A visitor has closed the page."""
    _kept.forget(request.session_hash)


def page(tabs: list[Tab], tab: Tab | None, language: str) -> tuple[Page, gr.HTML]:
    """One page: top bar, contents list, and a tab in the reading column; the start page without one.

    Returns:
        what its cells registered, and its contents list, whose value is set when the steps of all tabs are known.
    """
    slug = tab.slug if tab else _start.SLUG
    blocks = gr.context.Context.root_block
    _begin_page(blocks, _served.page_name(language, slug))
    t = strings("_site", language)
    gr.HTML(_top_bar(t, language, slug), elem_id="top-bar", apply_default_css=False)
    contents = gr.HTML(elem_id="contents", apply_default_css=False)
    registered = Page(language, slug)
    with gr.Column(elem_id="lesson"), building(registered):
        if tab:
            tab.build(strings(slug, language))
            share_voices(strings(slug, language), registered)
        else:
            _start.build(t, tabs)
    _wire(blocks, registered)
    return registered, contents


def _begin_page(blocks: gr.Blocks, name: str) -> None:
    """What `Blocks.route` does. That one cannot be called inside of the blocks, and outside of them each of its pages
    makes the whole application anew: 18 times, which takes longer than all the rest."""
    if name:
        blocks.pages.append((name, name, False))
    blocks.current_page = name


def _wire(blocks: gr.Blocks, registered: Page) -> None:
    """Restore the URL's state on load: controls, and where a menu names a sound, that too, or figures come twice."""
    controls, voices = list(registered.controls.values()), registered.voices

    def from_link(request: gr.Request) -> Any:
        updates = restore(registered, dict(request.query_params))
        chosen = [updates[controls.index(voice.menu)].get("value") for voice in voices]
        updates += [gr.update(value=voice.paths[key]) if key in list(voice.paths)[1:] else gr.skip()
                    for voice, key in zip(voices, chosen)]  # fmt: skip  (the first is there already)
        return updates if len(updates) > 1 else updates[0]  # one output takes a value, several take a list

    arrived = {"fn": None, "js": "() => site.arrived()", "queue": False}
    if not controls:
        blocks.load(**arrived)
        return
    outputs = [*controls, *(voice.sound for voice in voices)]
    blocks.load(
        from_link, None, outputs, api_visibility="private", show_progress="hidden", queue=False
    ).then(**arrived)  # fmt: skip


def _top_bar(t: Strings, language: str, slug: str) -> str:
    other = next(name for name in LANGUAGES if name != language)
    title = t("title") if slug == _start.SLUG else f"{strings(slug, language).heading('top')} · {t('title')}"
    return (
        f'<a class="skip" href="#lesson">{html.escape(t("skip"))}</a>'
        f'<header class="bar" data-language="{language}" data-tab="{slug}" data-title="{html.escape(title)}">'
        f'<button type="button" class="menu" aria-expanded="false" aria-controls="contents">'
        f'{_theme.MENU}<span class="menu-word">{html.escape(t("contents"))}</span></button>'
        f'<a class="brand" href="?" data-tab="start">{_theme.MARK}<span>{html.escape(t("title"))}</span></a>'
        f'<nav><a class="language" href="/{_served.PATHS[other]}" hreflang="{other}" lang="{other}" '
        f'title="{html.escape(t("language_hint"))}">{html.escape(t("language"))}</a>'
        f'<button type="button" class="theme" title="{html.escape(t("theme"))}" '
        f'aria-label="{html.escape(t("theme"))}">{_theme.SHADE}</button>'
        f'<button type="button" class="copy-link" title="{html.escape(t("classroom.copy_link"))}" '
        f'aria-label="{html.escape(t("classroom.copy_link"))}">{_theme.CHAIN}<span class="word"></span></button>'
        f'<button type="button" class="teach-mode" title="{html.escape(t("classroom.teach_hint"))}">'
        f'{_theme.SCREEN}<span class="word">{html.escape(t("classroom.teach"))}</span></button></nav></header>'
    )


def _contents(t: Strings, slugs: list[str], steps: dict[str, list[Step]]) -> str:
    """The contents list: tabs, and under the open one its steps."""
    parts = []
    for slug in slugs:
        start = slug == _start.SLUG
        name, href = (t("start"), "?") if start else (strings(slug, t.language).heading("top"), f"?tab={slug}")
        inside = "".join(
            f'<li><a href="?tab={slug}&amp;step={step.anchor}" data-tab="{slug}" data-step="{step.anchor}">'
            f"{html.escape(step.heading)}</a></li>"
            for step in steps[slug]
        )
        parts.append(
            f'<li data-tab="{slug}"><a href="{href}" data-tab="{slug}">{html.escape(name)}</a>'
            f"{f'<ol>{inside}</ol>' if inside else ''}</li>"
        )
    return f'<nav class="contents" aria-label="{html.escape(t("contents"))}"><ul>{"".join(parts)}</ul></nav>'


def head() -> str:
    """What every page has in its head: style, script, the colours that the script swaps in the dark."""
    data = {
        "plotly": plotly.__version__, "templates": plots.plotly_templates(), "swap": plots.DARK_FOR_LIGHT,
        "gradio": {language: gradio_texts(language) for language in LANGUAGES},
        "classroom": {language: strings(SITE, language).table("classroom") for language in LANGUAGES},
    }  # fmt: skip
    script = "".join((ASSETS / f"site/{name}.js").read_text(encoding="utf-8") for name in ("site", "classroom"))
    return (
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/site/fonts.css"><link rel="stylesheet" href="/site/site.css">'
        '<link rel="stylesheet" href="/site/classroom.css">'
        f"<script>window.siteData = {json.dumps(data)};\n{script}</script>"
    )


def gradio_texts(language: str) -> list[list[str]]:
    """What gradio says in English only, and how we say it: pairs of `lessons/_site/gradio.toml`."""
    texts = read_toml(LESSONS / SITE / "gradio.toml").get("text", [])
    return [[text["en"], text[language]] for text in texts if text.get(language, text["en"]) != text["en"]]


@lru_cache(maxsize=2)
def _plotly_js(encoding: str) -> bytes:
    """plotly.js, 4.8 MB, compressed once for all visitors: 1.2 MB by brotli, 1.5 MB by gzip."""
    script = (PLOTLY_JS / "plotly.min.js").read_bytes()
    return brotli.compress(script, quality=9) if encoding == "br" else gzip.compress(script, 6)


def plotly_js(request: Request) -> Response:
    """The script of the installed plotly, under a path without an ending, which gradio leaves as it is."""
    accepted = request.headers.get("accept-encoding", "")
    encoding = "br" if "br" in accepted else "gzip"
    headers = {"content-encoding": encoding, "cache-control": "public, max-age=86400", "vary": "accept-encoding"}
    return Response(_plotly_js(encoding), media_type="text/javascript", headers=headers)


def warm() -> None:
    """Load torch behind the first visitor's back: the page is served without it, the first sound needs it."""
    try:
        import torch  # noqa: F401

        from core import audio  # noqa: F401
    except ImportError:
        logging.getLogger("demos").exception("torch cannot be loaded; cells that compute will say so")


def serve(tabs: list[Tab], **options: Any) -> None:
    """Build and launch; host and port from SITE_HOST and PORT, 0.0.0.0 on Spaces."""
    from starlette.middleware import Middleware

    _memory.few_arenas()
    on_spaces = "SPACE_ID" in os.environ
    gr.set_static_paths([ASSETS / "audio"])
    routes = [
        Mount("/site/fonts", StaticFiles(directory=ASSETS / "fonts")),
        Mount("/site/audio", StaticFiles(directory=ASSETS / "audio")),
        _kept.ROUTE,
        *_short.ROUTES,
        _notebook.ROUTE,
        Route("/site/plotly", plotly_js),
        Mount("/site", StaticFiles(directory=ASSETS / "site")),
    ]
    middleware = [Middleware(_safety.Safety), Middleware(_served.Pages, tabs=[tab.slug for tab in tabs])]
    os.environ.setdefault("GRADIO_TEMP_DIR", str(_kept.uploads()))
    _kept.clean_broken_uploads()
    _safety.ask_nobody()
    _sessions.keep_state_only()
    networking.url_ok = _answers
    threading.Timer(2.0, warm).start()
    blocks = site(tabs)
    blocks.space_id = None  # or gradio's page would ask Google for fonts, and huggingface.co for a banner of the Space
    blocks.queue(max_size=60, default_concurrency_limit=8).launch(
        server_name=os.environ.get("SITE_HOST") or ("0.0.0.0" if on_spaces else "127.0.0.1"),
        server_port=int(os.environ.get("PORT", "7860")),
        ssr_mode=False,
        state_session_capacity=_sessions.CAPACITY,
        run_history=False,
        footer_links=[],
        max_file_size=_safety.MAX_UPLOAD,
        theme=_theme.theme(),
        head=head(),
        app_kwargs={"routes": routes, "middleware": middleware},
        **options,
    )


def _answers(url: str) -> bool:
    """Does the site answer? In place of gradio's question, which makes the whole first page and waits 3 s for it: a
    busy machine takes longer, and the site then would not start."""
    try:
        return httpx.head(url.rstrip("/") + "/site/site.css", timeout=60, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def alone(tab: Tab) -> None:
    """`python -m demos.<slug>`: the site with this one tab."""
    serve([tab])
