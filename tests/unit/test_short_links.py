"""Short links lead to the state they were made of, on this site and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import zxingcpp
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demos import _short


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setenv("SITE_DATA", str(tmp_path))
    monkeypatch.delenv("SITE_HOST", raising=False)
    _short._memory.clear()
    with TestClient(Starlette(routes=_short.ROUTES), base_url="http://school.example:7860") as made:
        yield made
    _short._memory.clear()


def asked(client, state: str, page: str = "") -> dict:
    return client.get("/site/short", params={"page": page, "state": state}).json()


def test_a_short_link_leads_to_the_very_state(client):
    state = "tab=wavenet&step=mulaw&levels=37&text=%EC%95%88%EB%85%95+a%26b%3Dc"
    link = asked(client, state, "ko")["link"]
    assert link.startswith("http://school.example:7860/s/") and len(link.rpartition("/")[2]) == 5
    answer = client.get(link, follow_redirects=False)
    assert answer.status_code == 307 and answer.headers["location"] == f"/ko?{state}"
    assert asked(client, state, "ko")["link"] == link != asked(client, state)["link"]


def test_links_outlive_the_process_and_a_folder_that_cannot_be_written_does_no_harm(client, tmp_path, monkeypatch):
    link = asked(client, "tab=map")["link"]
    _short._memory.clear()  # another process
    assert client.get(link, follow_redirects=False).headers["location"] == "/?tab=map"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SITE_DATA", str(tmp_path / "file"))
    link = asked(client, "tab=tts")["link"]
    assert client.get(link, follow_redirects=False).headers["location"] == "/?tab=tts"


@pytest.mark.parametrize("code", ["aaaaa", "..", "%2e%2e%2fetc", "a" * 500, "k3f9a.", "/"])
def test_an_unknown_code_leads_to_the_start(client, code):
    answer = client.get(f"/s/{code}", follow_redirects=False)
    assert answer.status_code == 404 or answer.headers["location"] == "/"


@pytest.mark.parametrize("planted", ["https://evil.example/", "//evil.example?x", "/ko/../../x?y", "\xff"])
def test_a_file_that_somebody_changed_leads_nowhere_else(client, tmp_path, planted):
    (tmp_path / "links").mkdir()
    (tmp_path / "links/abcde").write_bytes(planted.encode("latin-1"))
    assert client.get("/s/abcde", follow_redirects=False).headers["location"] == "/"


def test_a_state_that_is_none_is_refused(client):
    assert client.get("/site/short", params={"page": "", "state": "a=" + "b" * 2000}).status_code == 400
    assert client.get("/site/short", params={"page": "//evil.example", "state": "a=b"}).status_code == 400


def test_two_states_with_the_same_beginning_of_their_hash_have_different_codes(client, tmp_path):
    code = asked(client, "tab=map")["link"].rpartition("/")[2]
    _short._memory[code] = "/?tab=other"
    longer = asked(client, "tab=map")["link"].rpartition("/")[2]
    assert longer[:5] == code and len(longer) == 6 and _short.find(longer) == "/?tab=map"


def test_no_more_than_so_many_links_are_kept(client, tmp_path, monkeypatch):
    monkeypatch.setattr(_short, "MAX_LINKS", 5)
    codes = [asked(client, f"tab=t{k}")["link"].rpartition("/")[2] for k in range(12)]
    assert len(list((tmp_path / "links").iterdir())) == 5 and len(_short._memory) <= 6
    assert _short.find(codes[-1]) == "/?tab=t11"


def test_the_qr_code_says_the_link(client):
    found = asked(client, "tab=map")
    drawn = _short.segno.make(found["link"], error="m", micro=False)
    assert found["qr"] == drawn.svg_inline(border=3, dark="#1e2428", light="#ffffff", omitsize=True)
    modules = np.array([list(row) for row in drawn.matrix], dtype=np.uint8)
    picture = np.kron(np.pad(255 * (1 - modules), 4, constant_values=255), np.ones((6, 6), dtype=np.uint8))
    assert [one.text for one in zxingcpp.read_barcodes(picture)] == [found["link"]]


@pytest.mark.parametrize(("headers", "starts"), [
    ({"x-forwarded-proto": "https"}, "https://school.example:7860/s/"),
    ({"x-forwarded-proto": "https", "host": "audio.school.kr"}, "https://audio.school.kr/s/"),
])  # fmt: skip
def test_behind_a_proxy_the_link_is_the_proxys(client, headers, starts):
    found = client.get("/site/short", params={"state": "tab=map"}, headers=headers).json()
    assert found["link"].startswith(starts) and found["reached"]


def test_an_address_that_only_this_computer_knows_is_replaced_or_said(client, monkeypatch):
    local = {"host": "127.0.0.1:7860"}
    found = client.get("/site/short", params={"state": "tab=map"}, headers=local).json()
    assert found["link"].startswith("http://127.0.0.1:7860/s/") and not found["reached"]
    monkeypatch.setenv("SITE_HOST", "0.0.0.0")
    monkeypatch.setattr(_short, "_own_address", lambda: "192.168.0.7")
    found = client.get("/site/short", params={"state": "tab=map"}, headers=local).json()
    assert found["link"].startswith("http://192.168.0.7:7860/s/") and found["reached"]
