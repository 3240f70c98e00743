"""Which page an address means, and what a browser gets for it: asked of gradio's own application, without a port."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import brotli
import gradio as gr
import pytest
from gradio.routes import App
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from demos import _served
from demos._page import _begin_page


@pytest.fixture(scope="module")
def pages():
    """A site of two tabs with one sentence each: the client, and how often gradio made a page."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        for language in ("en", "ko"):
            for slug in ("start", "one", "two"):
                _begin_page(blocks, _served.page_name(language, slug))
                with gr.Column():
                    gr.HTML(f"<p>{language} {slug}</p></script>&'")
    made = []

    class Counted:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            made.append(scope["path"])
            await self.app(scope, receive, send)

    middleware = [Middleware(_served.Pages, tabs=["one", "two"]), Middleware(Counted)]
    blocks.theme = gr.themes.Base()  # these two are what `launch` would do
    blocks.config = blocks.get_config_file()
    app = App.create_app(blocks, app_kwargs={"middleware": middleware}, mcp_server=False)
    return TestClient(app, base_url="http://school.example"), made


def config_of(text: str) -> dict:
    return json.loads(re.search(r"window\.gradio_config = (\{.*?\});</script>", text, re.DOTALL)[1])


@pytest.mark.parametrize(
    ("address", "said", "path"),
    [
        ("/", "en start", ""), ("/?tab=one", "en one", ""), ("/?step=x&tab=two&k=1", "en two", ""),
        ("/?tab=three", "en start", ""), ("/?tab=", "en start", ""), ("/?tab=../one", "en start", ""),
        ("/ko", "ko start", "ko"), ("/ko?tab=one", "ko one", "ko"), ("/ko/?tab=two", "ko two", "ko"),
        ("/?tab=one&tab=two", "en one", ""), ("/?deep_link=x", "en start", ""),
    ],
)  # fmt: skip
def test_an_address_is_answered_with_its_page_alone(pages, address, said, path):
    answer = pages[0].get(address)
    config = config_of(answer.text)
    (shown,) = [c["props"]["value"] for c in config["components"] if c["type"] == "html"]
    assert shown == f"<p>{said}</p></script>&'" and answer.status_code == 200
    # gradio's script takes the path for the name of the page, and looks for its layout there
    assert list(config["page"]) == [path] and config["current_page"] == path
    ids = {c["id"] for c in config["components"]}
    inside = re.findall(r'"id": (\d+)', json.dumps(config["page"][path]["layout"]["children"]))
    assert {int(one) for one in inside} == ids
    assert config["root"] == "http://school.example"
    assert "<base" not in answer.text, "links of the kind ?tab= stay on their path"
    assert f'lang="{said[:2]}"' in answer.text and answer.text.count("</script>") == answer.text.count("<script")


def test_a_page_is_made_once_for_all_visitors_who_know_the_site_by_one_name(pages):
    client, made = pages
    made.clear()
    for _ in range(5):
        client.get("/?tab=two", headers={"host": "first"})
    assert made == ["/en-two"]
    other = client.get("/?tab=two", headers={"host": "second"})
    assert made == ["/en-two"] * 2 and config_of(other.text)["root"] == "http://second"
    spaces = {"host": "second", "x-forwarded-host": "school.hf.space", "x-forwarded-proto": "https"}
    assert config_of(client.get("/?tab=two", headers=spaces).text)["root"] == "https://school.hf.space"
    assert config_of(client.get("/?tab=two", headers={"host": "first"}).text)["root"] == "http://first"
    assert len(made) == 3


def test_names_without_end_are_forgotten(pages):
    client, made = pages
    for k in range(_served.KEPT + 3):
        client.get("/", headers={"host": f"h{k}"})
    made.clear()
    client.get("/", headers={"host": "h5"})
    assert made == []
    client.get("/", headers={"host": "h0"})
    assert made == ["/"]


@pytest.mark.parametrize(
    ("accepted", "encoding", "opened"),
    [("gzip, deflate, br", "br", brotli.decompress), ("gzip", "gzip", gzip.decompress), ("", None, bytes)],
)
def test_it_is_compressed_as_the_browser_can(pages, accepted, encoding, opened):
    plain = pages[0].get("/?tab=one", headers={"accept-encoding": "identity"}).content
    with pages[0].stream("GET", "/?tab=one", headers={"accept-encoding": accepted or "identity"}) as answer:
        body = b"".join(answer.iter_raw())
        assert answer.headers.get("content-encoding") == encoding
        assert int(answer.headers["content-length"]) == len(body)
    assert opened(body) == plain


def test_a_browser_that_has_the_page_is_told_so(pages):
    first = pages[0].get("/?tab=one")
    again = pages[0].get("/?tab=one", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == first.headers["etag"]
    assert pages[0].get("/?tab=two", headers={"if-none-match": first.headers["etag"]}).status_code == 200


def test_gradios_own_names_lead_to_our_addresses(pages):
    for name, address in (("/en-one", "/?tab=one"), ("/ko-two", "/ko?tab=two"), ("/ko-two/", "/ko?tab=two")):
        answer = pages[0].get(name, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (307, address)


def test_gradios_scripts_are_kept_for_good_and_made_once(pages):
    client, made = pages
    script = re.search(r'src="\./(assets/[^"]+\.js)"', client.get("/").text)[1]
    made.clear()
    first = client.get(f"/{script}")
    own = (Path(gr.__file__).parent / "templates/frontend" / script).read_bytes()
    assert first.content == own and "immutable" in first.headers["cache-control"]
    assert "javascript" in first.headers["content-type"] and first.headers["content-encoding"] == "br"
    for accepted in ("gzip", "br", "identity"):
        assert client.get(f"/{script}", headers={"accept-encoding": accepted}).content == own
    assert made == [f"/{script}"]
    known = client.get(f"/{script}", headers={"if-none-match": first.headers["etag"]})
    assert known.status_code == 304 and not known.content
    assert client.head(f"/{script}").status_code in (200, 405)


def test_nothing_else_is_kept(pages):
    client, made = pages
    assert "immutable" not in client.get("/assets/none.js").headers.get("cache-control", "")
    assert client.get("/assets/none.js").status_code == 404 == client.get("/assets/../routes.py").status_code
    assert client.get("/").headers["cache-control"] == "no-cache"
    made.clear()
    assert client.get("/config").status_code == 200 and client.post("/").status_code == 405
    assert client.get("/config").status_code == 200 and made == ["/config", "/", "/config"]


def test_another_gradio_is_noticed():
    with pytest.raises(RuntimeError, match="6.31"):
        _served.placed(b"<html><script>window.config = {}</script>", "ko", "ko")
