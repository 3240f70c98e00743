"""A song is taken apart: stored at sight, live, from a file; its parts add up; bad files are explained."""

from __future__ import annotations

import io
import os
import socket
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browsing import bring, open_patiently
from playwright.sync_api import expect

from core import weights
from core.separation import excerpts
from demos._tab import LANGUAGES, strings

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not {"separation-vocals", "separation-4stems"} <= set(weights.names()), reason="the weights are not here yet"
    ),
]
in_both = pytest.mark.parametrize("language", LANGUAGES)
MIXER = "#apart-player .mixer"
RATE_HZ = 44_100


def run(page, state: str = "done") -> None:
    """Press the button and wait until another song than before has come to that state."""
    before = bring(page, MIXER).get_attribute("data-run")
    page.locator("#apart-run").click()
    page.wait_for_function(
        "([mixer, before, state]) => { const now = document.querySelector(mixer).dataset;"
        "return now.run !== before && now.state === state; }",
        arg=[MIXER, before, state],
    )


def links(page) -> dict[str, str]:
    """What can be downloaded: its name -> its address."""
    found = page.locator(f"{MIXER} a[download]").all()
    return {link.get_attribute("download"): link.get_attribute("href") for link in found}


def fetched(opener, address: str) -> bytes:
    with urllib.request.urlopen(opener.address + address, timeout=60) as answer:
        return answer.read()


def bring_own(page, path) -> None:
    """Give the page a file of one's own; the menu of songs says so."""
    page.locator("#apart-upload input[type=file]").first.set_input_files(path)
    name = strings("separation", page.locator("html").get_attribute("lang")).cell("apart")("song_own")
    page.wait_for_function(
        "name => document.querySelector('.link-song input').value === name", arg=name
    )


@pytest.fixture
def own(tmp_path):
    """A visitor's song: 14 s of mono at 22,050 Hz under a name that means harm."""
    x = 0.1 * np.random.default_rng(0).standard_normal(14 * 22_050)
    path = tmp_path / "<b>노래 & 🙂.wav"
    soundfile.write(path, x, 22_050)
    return path, x


@in_both
def test_an_excerpt_is_apart_at_sight_and_made_anew_live(opener, language) -> None:
    kind = {"en": "4stems", "ko": "vocals"}[language]
    page = open_patiently(opener, "separation", language, "apart", f"&kind={kind}&song=bridge")
    bring(page, MIXER)
    page.wait_for_selector(f"{MIXER}[data-state=done]")
    t = strings("separation", language)
    expect(page.locator("#apart-note")).to_contain_text("separation-" + kind)
    run(page)
    expect(page.locator(MIXER)).to_contain_text(t("excerpt_bridge"))
    found = links(page)
    wholes = [fetched(opener, address) for name, address in found.items() if name.endswith(".flac")]
    parts = [soundfile.read(io.BytesIO(whole))[0] for whole in wholes]
    assert len(parts) == (4 if kind == "4stems" else 2)
    mixture = sum(excerpts.load("bridge").values()).T.numpy()
    np.testing.assert_allclose(sum(parts), mixture, atol=2e-3)
    assert min(np.sqrt(np.mean(part**2)) for part in parts) > 1e-4
    archive = zipfile.ZipFile(io.BytesIO(fetched(opener, next(a for n, a in found.items() if n.endswith(".zip")))))
    assert sorted(archive.namelist()) == sorted(name for name in found if name.endswith(".flac"))


def test_a_song_of_ones_own_is_taken_apart_and_goes_when_its_owner_leaves(opener, own) -> None:
    path, x = own
    page = open_patiently(opener, "separation", "en", "apart", "&kind=vocals")
    bring_own(page, path)
    run(page)
    expect(page.locator("#apart-note")).to_contain_text("from 22050 Hz to 44100 Hz")
    found = links(page)
    assert all("<" not in name and "노래" in name for name in found) and page.locator(f"{MIXER} b b").count() == 0
    wav = next(address for name, address in found.items() if "accompaniment" in name and name.endswith(".wav"))
    sound, rate = soundfile.read(io.BytesIO(fetched(opener, wav)))
    assert rate == RATE_HZ and len(sound) == 14 * RATE_HZ
    bring(page, MIXER).get_by_role("button", name=strings("separation", "en")("mixer.play")).click()
    page.wait_for_function(f"Number(document.querySelector('{MIXER}').dataset.position) > 0.3")
    leave(opener, page)
    wait(lambda: gone(opener, wav))


def leave(opener, page) -> None:
    page.context.close()
    opener.contexts.remove(page.context)


def gone(opener, address: str) -> bool:
    try:
        fetched(opener, address)
    except urllib.error.HTTPError as error:
        return error.code == 404
    return False


def test_who_leaves_in_the_middle_stops_his_job(opener, tmp_path) -> None:
    """Ten minutes of stereo are begun and left; another visitor's excerpt is done long before they would be."""
    with soundfile.SoundFile(tmp_path / "long.flac", "w", RATE_HZ, 2) as sound:
        block = 0.1 * np.random.default_rng(0).standard_normal((10 * RATE_HZ, 2))
        for _ in range(60):
            sound.write(block)
    page = open_patiently(opener, "separation", "en", "apart", "&kind=wiener")
    bring_own(page, tmp_path / "long.flac")
    run(page, "running")
    leave(opener, page)
    other = open_patiently(opener, "separation", "en", "apart", "&kind=vocals")
    started = time.monotonic()
    run(other)
    assert time.monotonic() - started < 60


def test_an_upload_that_breaks_off_leaves_nothing(opener) -> None:
    """The server gets 3 of 50 MB, then the line is dead."""
    host, port = opener.address.removeprefix("http://").split(":")
    folder = Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir()) / "gradio")

    def large() -> set[Path]:
        return {path for path in folder.glob("tmp*") if path.is_file() and path.stat().st_size >= 3_000_000}

    before = large()
    part = b'--xyz\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    with socket.create_connection((host, int(port))) as line:
        line.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: site\r\nContent-Length: 50000000\r\n"
            b"Content-Type: multipart/form-data; boundary=xyz\r\n\r\n" + part + bytes(3_100_000)
        )
        wait(lambda: large() - before)
    wait(lambda: not large() - before)


def test_what_is_sung_into_the_microphone_is_taken_apart(opener) -> None:
    """Chromium's microphone of its own beeps once a second."""
    page = open_patiently(opener, "separation", "ko", "apart", "&kind=vocals")
    bring(page, "#apart-mic .record-button").click()
    page.wait_for_timeout(2500)
    page.locator("#apart-mic .stop-button").click()
    own = strings("separation", "ko").cell("apart")("song_own")
    page.wait_for_function("name => document.querySelector('.link-song input').value === name", arg=own)
    run(page)
    whole = [fetched(opener, address) for name, address in links(page).items() if name.endswith(".flac")]
    parts = [soundfile.read(io.BytesIO(part)) for part in whole]
    assert len(parts) == 2 and all(1 < len(x) / rate < 30 for x, rate in parts)
    assert np.abs(sum(x for x, _ in parts)).max() > 0.01


def test_two_visitors_with_one_file_name_hear_their_own_songs(opener, tmp_path) -> None:
    """Same name, other sound: each gets the parts of his own, and keeps them when the other leaves."""
    pages = []
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        x = 0.1 * np.random.default_rng(seed).standard_normal((RATE_HZ, 2))
        soundfile.write(tmp_path / str(seed) / "song.wav", x, RATE_HZ)
        page = open_patiently(opener, "separation", "en", "apart", "&kind=vocals")
        bring_own(page, tmp_path / str(seed) / "song.wav")
        pages.append((page, x))
    found = []
    for page, x in pages:
        run(page)
        found.append({name: address for name, address in links(page).items() if name.endswith(".flac")})
        parts = [soundfile.read(io.BytesIO(fetched(opener, address)))[0] for address in found[-1].values()]
        np.testing.assert_allclose(sum(parts), x - x.mean(axis=0), atol=2e-3)
    assert found[0].keys() == found[1].keys() and not set(found[0].values()) & set(found[1].values())
    leave(opener, pages[0][0])
    wait(lambda: gone(opener, next(iter(found[0].values()))))
    assert all(fetched(opener, address) for address in found[1].values())


def test_more_than_100_mb_are_refused_and_leave_nothing(opener) -> None:
    """The page says 100 MB; the server stops to take more, whatever the sender announces."""
    folder = Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir()) / "gradio")
    before = {path for path in folder.glob("tmp*") if path.is_file()}
    part = b'--xyz\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    body = part + bytes(106_000_000) + b"\r\n--xyz--\r\n"
    asked = urllib.request.Request(
        opener.address + "/gradio_api/upload", body, {"Content-Type": "multipart/form-data; boundary=xyz"}
    )
    with pytest.raises(urllib.error.URLError) as caught:
        urllib.request.urlopen(asked, timeout=60)
    if isinstance(caught.value, urllib.error.HTTPError):
        assert caught.value.code == 413
    else:  # it hung up while we were sending
        assert isinstance(caught.value.reason, (BrokenPipeError, ConnectionResetError))
    with urllib.request.urlopen(opener.address, timeout=60) as answer:
        assert answer.status == 200
    wait(lambda: not {path for path in folder.glob("tmp*") if path.is_file()} - before)


def wait(done) -> None:
    for _ in range(120):
        if done():
            return
        time.sleep(0.25)
    raise AssertionError("It did not happen within 30 s.")


def test_a_long_song_can_be_stopped_and_what_was_made_is_kept(opener, tmp_path) -> None:
    with soundfile.SoundFile(tmp_path / "long.flac", "w", RATE_HZ, 2) as sound:
        for i in range(60):
            sound.write(0.1 * np.random.default_rng(i).standard_normal((5 * RATE_HZ, 2)))
    page = open_patiently(opener, "separation", "ko", "apart", "&kind=4stems")
    bring_own(page, tmp_path / "long.flac")
    run(page, "running")
    page.wait_for_function(f"Number(document.querySelector('{MIXER}').dataset.made) > 0")
    page.locator("#apart-stop").click()
    page.wait_for_selector(f"{MIXER}[data-state=stopped]")
    made = float(page.locator(MIXER).get_attribute("data-made"))
    whole = next(address for name, address in links(page).items() if name.endswith("(drums).flac"))
    sound, rate = soundfile.read(io.BytesIO(fetched(opener, whole)))
    assert 0 < made < 300 and len(sound) / rate == pytest.approx(made, abs=0.01)


def test_files_that_are_no_songs_are_explained_and_nothing_is_lost(opener, tmp_path) -> None:
    good = tmp_path / "good.wav"
    soundfile.write(good, 0.1 * np.random.default_rng(0).standard_normal((RATE_HZ // 5, 8)), RATE_HZ)
    bad = {"empty.wav": b"", "text.wav": b"this is no sound", "cut.wav": good.read_bytes()[:20_000]}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    soundfile.write(tmp_path / "silent.flac", np.zeros((RATE_HZ, 2)), RATE_HZ)
    said = {"empty.wav": "0 bytes", "text.wav": "not a sound", "cut.wav": "cut off", "silent.flac": "silent"}
    page = open_patiently(opener, "separation", "en", "apart", "&kind=vocals")
    clear = page.locator("#apart-upload button[aria-label]").first
    bring_own(page, good)
    run(page)  # eight channels, 0.2 s
    expect(page.locator("#apart-note")).to_contain_text("8 channels were folded into two")
    made = links(page)
    for name, words in said.items():
        clear.click()
        bring_own(page, tmp_path / name)
        bring(page, "#apart-run").click()
        expect(page.locator(".toast-body").filter(has_text=words).first).to_be_visible()
        page.wait_for_selector(f"{MIXER}[data-state=done]")  # what was there is there again
        assert links(page) == made
    assert fetched(opener, next(iter(made.values())))
