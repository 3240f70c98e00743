"""The site: one page per language around the tabs, and how it is served."""

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
from demos import _kept, _memory, _notebook, _safety, _short, _start, _theme  # noqa: E402
from demos._links import Page, building, restore  # noqa: E402
from demos._tab import LANGUAGES, LESSONS, ROOT, SITE, Strings, Tab, read_toml, strings  # noqa: E402

PATHS = {"en": "", "ko": "ko"}
NAMES = {"en": "English", "ko": "한국어"}
ASSETS = ROOT / "assets"
DELETE_S = (600, 3000)  # gradio looks so often for uploads that are so old: all of them go within an hour
PLOTLY_JS = Path(plotly.__file__).parent / "package_data"


def site(tabs: list[Tab]) -> gr.Blocks:
    """The whole site: English at /, Korean at /ko, every tab built once for each."""
    title = strings("_site", "en")("title")
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=DELETE_S) as blocks:
        page(tabs, "en")
        blocks.unload(_left)
    for language in LANGUAGES[1:]:
        with blocks.route(NAMES[language], f"/{PATHS[language]}"):
            page(tabs, language)
        blocks.unload(_left)
    return blocks


def _left(request: gr.Request) -> None:
    """A visitor has closed the page."""
    _kept.forget(request.session_hash)


def page(tabs: list[Tab], language: str) -> None:
    """One language: top bar, contents list, and the tabs in a reading column."""
    t = strings("_site", language)
    registered = Page(language)
    gr.Navbar(visible=False, main_page_name=NAMES["en"])
    gr.HTML(_top_bar(t, language), elem_id="top-bar", apply_default_css=False)
    contents = gr.HTML(elem_id="contents", apply_default_css=False, js_on_load=_GO)
    with gr.Tabs(elem_id="tabs") as selector:
        slugs = [_start.SLUG]
        with gr.Tab(t("start"), id=_start.SLUG):
            _start.build(t, tabs)
        for tab in tabs:
            slugs.append(tab.slug)
            words = strings(tab.slug, language)
            with gr.Tab(words.heading("top"), id=tab.slug), building(registered):
                registered.tab = tab.slug
                tab.build(words)
    contents.value = _contents(t, registered, slugs)
    _wire(registered, slugs, selector, contents)


def _wire(registered: Page, slugs: list[str], selector: gr.Tabs, contents: gr.HTML) -> None:
    """Restore the URL's state on load; move to a tab when the contents list asks for it."""

    def from_link(request: gr.Request) -> Any:
        updates = restore(registered, slugs, dict(request.query_params))
        return updates if len(updates) > 1 else updates[0]  # one output takes a value, several take a list

    def go(event: gr.EventData) -> dict:
        slug = event.tab if event.tab in slugs else slugs[0]
        return gr.Tabs(selected=slug)

    blocks = gr.context.Context.root_block
    outputs = [selector, *registered.controls.values()]
    blocks.load(from_link, None, outputs, api_visibility="private", show_progress="hidden", queue=False).then(
        None, None, None, js="() => site.arrived()", queue=False
    )
    contents.go(go, None, selector, api_visibility="private", show_progress="hidden", queue=False)


_GO = "site.go = slug => trigger('go', {tab: slug}); element.addEventListener('click', site.follow);"


def _top_bar(t: Strings, language: str) -> str:
    other = next(name for name in LANGUAGES if name != language)
    return (
        f'<a class="skip" href="#tabs">{html.escape(t("skip"))}</a>'
        f'<header class="bar" data-language="{language}" data-title="{html.escape(t("title"))}">'
        f'<button type="button" class="menu" aria-expanded="false" aria-controls="contents">'
        f'{_theme.MENU}<span class="menu-word">{html.escape(t("contents"))}</span></button>'
        f'<a class="brand" href="?" data-tab="start">{_theme.MARK}<span>{html.escape(t("title"))}</span></a>'
        f'<nav><a class="language" href="/{PATHS[other]}" hreflang="{other}" lang="{other}" '
        f'title="{html.escape(t("language_hint"))}">{html.escape(t("language"))}</a>'
        f'<button type="button" class="theme" title="{html.escape(t("theme"))}" '
        f'aria-label="{html.escape(t("theme"))}">{_theme.SHADE}</button>'
        f'<button type="button" class="copy-link" title="{html.escape(t("classroom.copy_link"))}" '
        f'aria-label="{html.escape(t("classroom.copy_link"))}">{_theme.CHAIN}<span class="word"></span></button>'
        f'<button type="button" class="teach-mode" title="{html.escape(t("classroom.teach_hint"))}">'
        f'{_theme.SCREEN}<span class="word">{html.escape(t("classroom.teach"))}</span></button></nav></header>'
    )


def _contents(t: Strings, registered: Page, slugs: list[str]) -> str:
    """The contents list: tabs, and under the open one its steps."""
    parts = []
    for slug in slugs:
        name = t("start") if slug == _start.SLUG else strings(slug, registered.language).heading("top")
        steps = "".join(
            f'<li><a href="?tab={slug}&amp;step={step.anchor}" data-tab="{slug}" data-step="{step.anchor}">'
            f"{html.escape(step.heading)}</a></li>"
            for step in registered.steps.get(slug, [])
        )
        parts.append(
            f'<li data-tab="{slug}"><a href="?tab={slug}" data-tab="{slug}">{html.escape(name)}</a>'
            f"{f'<ol>{steps}</ol>' if steps else ''}</li>"
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


class Compressed:
    """Compress the pages themselves; gradio compresses files by their ending only. Streams are left alone."""

    def __init__(self, app: Any) -> None:
        from starlette.middleware.gzip import GZipMiddleware

        self.app, self.gzip = app, GZipMiddleware(Spoken(app), minimum_size=1000)
        self.paths = {"/" + path for path in PATHS.values()} | {"/config"}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        whole = scope["type"] == "http" and scope["path"] in self.paths
        await (self.gzip if whole else self.app)(scope, receive, send)


class Spoken:
    """Say in a page's first bytes which language it is in.

    Gradio chooses the language of its own widgets by `navigator.language`, before it runs the scripts of `head`. So
    the path decides it here: a Korean browser reads an English page in English, and the other way round.
    """

    def __init__(self, app: Any) -> None:
        self.app = app
        self.languages = {"/" + path: language for language, path in PATHS.items()}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        language = self.languages.get(scope.get("path"))
        if language is None or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start: dict = {}
        body = bytearray()

        async def collect(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            page = speaking(bytes(body), language)
            start["headers"] = [(name, value) for name, value in start["headers"] if name != b"content-length"]
            await send(start)
            await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, collect)


def speaking(page: bytes, language: str) -> bytes:
    """The HTML of a page with its language: the attribute of its root, and what gradio asks the browser for."""
    own = f"{{value: '{language}', configurable: true}}"
    script = f"<script>Object.defineProperty(navigator, 'language', {own})</script>"
    page = page.replace(b'lang="en"', f'lang="{language}"'.encode(), 1)
    return page.replace(b"<head>", b"<head>" + script.encode(), 1)


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
    _kept.clean_broken_uploads()
    networking.url_ok = _answers
    threading.Timer(2.0, warm).start()
    blocks = site(tabs)
    blocks.space_id = None  # or gradio's page would ask Google for fonts, and huggingface.co for a banner of the Space
    blocks.queue(max_size=60, default_concurrency_limit=8).launch(
        server_name=os.environ.get("SITE_HOST") or ("0.0.0.0" if on_spaces else "127.0.0.1"),
        server_port=int(os.environ.get("PORT", "7860")),
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        max_file_size="100mb",
        theme=_theme.theme(),
        head=head(),
        app_kwargs={"routes": routes, "middleware": [Middleware(_safety.Safety), Middleware(Compressed)]},
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
