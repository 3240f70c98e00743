"""The headers that tell a browser what to refuse, on pages, files, errors and streams."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient

from demos import _safety, _served


def run(what):
    """What a coroutine gives; in a thread of its own, for this process may have run the browser's tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, what).result()


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

    kind, *pieces = run(talk())
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


async def counts(request):
    """An endpoint that reads what it is sent, and makes 400 of whatever goes wrong, as FastAPI does."""
    try:
        return PlainTextResponse(str(len(await request.body())))
    except Exception:
        return PlainTextResponse("no body", 400)


@pytest.fixture
def post(monkeypatch):
    monkeypatch.setattr(_safety, "MAX_OTHER_BYTES", 1_000_000)
    monkeypatch.setattr(_safety, "MAX_BYTES", {"/gradio_api/upload": 3_000_000})
    routes = [Route("/gradio_api/upload", counts, methods=["POST"]), Route("/join", counts, methods=["POST"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(_safety.Safety)])).post


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(("path", "most"), [("/join", 1_000_000), ("/gradio_api/upload", 3_000_000)])
def test_a_body_that_is_too_large_is_refused_also_one_that_does_not_say_so(post, path, most, announced):
    pieces = [b"x" * 100_000] * (most // 100_000)

    def sent(content):
        return post(path, content=b"".join(content) if announced else iter(content))

    assert (sent(pieces).status_code, sent(pieces).text) == (200, str(most))
    refused = sent([*pieces, b"y"])
    assert refused.status_code == 413 and f"{most // 1_000_000} MB" in refused.text
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_a_body_that_lies_about_its_length_is_refused_unread(post):
    for length in ("9" * 30, "1000001"):
        assert post("/join", content=b"x", headers={"content-length": length}).status_code == 413
    assert post("/join", content=b"x", headers={"content-length": "-5"}).status_code == 200


def test_a_refusal_speaks_the_language_of_the_page(post):
    for referer, accepted, said in (
        ("http://x/ko?tab=map", "en-GB", "더 작은 파일을"), ("http://x/?tab=map", "ko-KR", "Send a smaller file"),
        (None, "ko-KR,ko;q=0.9", "더 작은 파일을"), (None, None, "Send a smaller file"),
        ("//[", "fr", "Send a smaller file"),
    ):  # fmt: skip
        headers = {"content-length": "1000000000", "referer": referer, "accept-language": accepted}
        answer = post("/join", content=b"x", headers={name: value for name, value in headers.items() if value})
        assert answer.status_code == 413 and said in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://127.0.0.1:9/", "/gradio_api/file=HTTPS://example.com/a.wav",
        "/gradio_api/proxy=http://169.254.169.254/", "/gradio_api/file=%68ttp://127.0.0.1/", "/gradio_api/file= http:x",
    ],
)  # fmt: skip
def test_no_address_is_fetched_for_anybody(path):
    reached = []

    async def fetches(request):
        reached.append(request.url)
        return PlainTextResponse("fetched")

    routes = [Route("/{rest:path}", fetches)]
    get = TestClient(Starlette(routes=routes, middleware=[Middleware(_safety.Safety)])).get
    assert get(path).status_code == 404 and not reached
    assert get("/gradio_api/file=/tmp/gradio/http/a.wav").text == "fetched"


def test_gradio_fetches_no_address_that_comes_in_place_of_a_file(monkeypatch):
    """What a page sends for a sound may name an address. Asked of gradio's own component; a server listens."""
    import http.server
    import threading

    import gradio as gr
    from gradio import processing_utils

    asked = []

    class Trap(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

    trap = http.server.HTTPServer(("127.0.0.1", 0), Trap)
    threading.Thread(target=trap.serve_forever, daemon=True).start()
    for name in ("async_ssrf_protected_get", "async_ssrf_protected_download"):
        monkeypatch.setattr(processing_utils, name, getattr(processing_utils, name))
    _safety.ask_nobody()
    with gr.Blocks(analytics_enabled=False):
        sound = gr.Audio(type="filepath")
    url = f"http://127.0.0.1:{trap.server_port}/a.wav"
    for sent in ({"path": url, "url": url, "meta": {"_type": "gradio.FileData"}},):
        with pytest.raises(ValueError, match="fetches nothing"):
            run(processing_utils.async_move_files_to_cache(sent, sound, check_in_upload_folder=True))
    with pytest.raises(ValueError, match="fetches nothing"):
        processing_utils.ssrf_protected_download(url, sound.GRADIO_CACHE)
    trap.shutdown()
    assert not asked


def test_addresses_and_headers_without_end_are_refused(post):
    assert post("/join", headers={"x": "y" * 60_000}).status_code == 200
    refused = post("/join", headers={f"x{k}": "y" * 900 for k in range(100)})
    assert refused.status_code == 431 and refused.headers["x-content-type-options"] == "nosniff"
    address = {"path": "/", "raw_path": b"/" * 40_000, "query_string": b"z" * 30_000}
    assert _safety._refused(address).status_code == 414
