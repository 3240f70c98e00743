"""The headers that tell a browser what to refuse, on pages, files, errors and streams."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient

from demos import _safety, _served


def policy(text: str) -> dict[str, list[str]]:
    """A Content-Security-Policy, read as a browser reads it: directives divided by semicolons, sources by spaces."""
    parts = [part.split() for part in text.split(";")]
    assert len({part[0] for part in parts}) == len(parts)  # of two directives of one name, the second is ignored
    return {part[0]: part[1:] for part in parts}


def says(request):
    other = {"x-content-type-options": "maybe", "x-own": "1", "Content-Security-Policy": "default-src *"}
    return PlainTextResponse("said", headers=other)


def breaks(request):
    raise RuntimeError


async def echo(socket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


@pytest.fixture
def client():
    routes = [
        Route("/", says), Route("/breaks", breaks), WebSocketRoute("/socket", echo), Route("/kept/{name}", says),
        Route("/gradio_api/file={path:path}", says), Route("/site/kept/{name}", says),
    ]  # fmt: skip
    return TestClient(Starlette(routes=routes, middleware=[Middleware(_safety.Safety)]))


def test_a_page_may_use_only_this_site(client):
    answer = client.get("/")
    assert answer.text == "said" and answer.headers["x-own"] == "1"
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]  # in place of what the page said
    assert len(answer.headers.get_list("content-security-policy")) == 1
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "microphone=(self)" in answer.headers["permissions-policy"]
    rules = policy(answer.headers["content-security-policy"])
    assert rules["object-src"] == ["'none'"] and rules["default-src"] == rules["base-uri"] == ["'self'"]
    assert rules["frame-ancestors"] == ["'self'"] and "'self'" in rules["connect-src"]
    sources = {source for rule in rules.values() for source in rule}
    assert not [one for one in sources if "*" in one or one.startswith(("http", "ws"))]  # nowhere else


def test_what_is_not_there_has_them_too(client):
    assert client.get("/nothing").status_code == 404
    assert client.get("/nothing").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/kept/a.html", "/gradio_api/file=/tmp/gradio/a.svg"])
def test_a_visitors_file_cannot_run_as_a_page(client, path):
    rules = policy(client.get(path).headers["content-security-policy"])
    assert rules["sandbox"] == [] and rules["default-src"] == ["'none'"]
    assert "script-src" not in rules and rules["media-src"] == ["'self'", "data:"]  # it can still be heard


def test_files_of_the_site_are_no_visitors_files(client):
    assert "sandbox" not in policy(client.get("/site/kept/a.js").headers["content-security-policy"])


def test_a_space_may_be_framed_by_hugging_face_only(monkeypatch):
    here = policy(_safety.headers(environment={})["content-security-policy"])
    there = policy(_safety.headers(environment={"SPACE_ID": "school/audio"})["content-security-policy"])
    assert there.pop("frame-ancestors") == ["'self'", "https://huggingface.co", "https://*.huggingface.co"]
    assert here.pop("frame-ancestors") == ["'self'"] and here == there
    monkeypatch.setenv("SPACE_ID", "school/audio")
    assert dict(_safety.Safety(None).page)[b"content-security-policy"].endswith(b"https://*.huggingface.co")


def test_websockets_pass(client):
    with client.websocket_connect("/socket") as socket:
        socket.send_text("a")
        assert socket.receive_text() == "a"


def test_a_stream_is_handed_on_piece_by_piece():
    """The second event is made only after the first has arrived: a buffer in between would wait, and fail."""

    async def talk() -> list[bytes]:
        arrived, got = asyncio.Event(), []

        async def events():
            yield b"data: one\n\n"
            await asyncio.wait_for(arrived.wait(), 2)
            yield b"data: two\n\n"

        async def receive():
            await asyncio.sleep(60)

        async def send(message):
            if message["type"] == "http.response.start":
                got.append(dict(message["headers"])[b"content-type"])
            elif message["body"]:
                got.append(message["body"])
                arrived.set()

        stream = StreamingResponse(events(), media_type="text/event-stream")
        await _safety.Safety(stream)({"type": "http", "path": "/gradio_api/queue/data"}, receive, send)
        return got

    kind, *pieces = asyncio.run(talk())
    assert kind.startswith(b"text/event-stream") and pieces == [b"data: one\n\n", b"data: two\n\n"]


class NoSite:
    """In place of the site's blocks: keeps what it is launched with."""

    def queue(self, **options):
        return self

    def launch(self, **options):
        self.launched_with = options


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ({}, "127.0.0.1"),
        ({"SPACE_ID": "school/audio"}, "0.0.0.0"),
        ({"SITE_HOST": "10.0.0.5", "SPACE_ID": "a/b"}, "10.0.0.5"),
    ],
)
def test_the_site_is_served_with_them(monkeypatch, environment, host):
    """`serve` hands the middleware to gradio, outside of what compresses the pages; others are let in where asked."""
    from demos import _page

    for name in ("SITE_HOST", "SPACE_ID", "PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    blocks = NoSite()
    for name, stand_in in (("site", lambda tabs: blocks), ("head", lambda: ""), ("warm", lambda: None)):
        monkeypatch.setattr(_page, name, stand_in)
    monkeypatch.setattr(_page.networking, "url_ok", None)
    monkeypatch.setattr(_page._memory, "few_arenas", lambda: None)
    _page.serve([])
    handed = blocks.launched_with
    assert [one.cls for one in handed["app_kwargs"]["middleware"]] == [_safety.Safety, _served.Pages]
    assert (handed["server_name"], handed["server_port"], handed["max_file_size"]) == (host, 7860, "100mb")
