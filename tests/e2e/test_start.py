"""`python -m benchmarks.start`: the site starts, and what is printed is the page that others get, too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request

import pytest

from benchmarks import start


def test_the_start_is_timed_up_to_a_whole_page(site, tmp_path, capsys, record_property) -> None:
    start.main(["--rounds", "1", "--json", str(tmp_path / "start.json")])
    (found,) = json.loads((tmp_path / "start.json").read_text())["rounds"]
    record_property("seconds from start to a served page", found["seconds"])
    record_property("KB transferred by a first request of the HTML", found["transferred_bytes"] / 1e3)
    html = urllib.request.urlopen(site).read()  # not compressed
    assert found["html_bytes"] == pytest.approx(len(html), rel=0.01)
    assert 0 < found["transferred_bytes"] < found["html_bytes"] / 2
    assert f"{found['seconds']:.1f} s" in capsys.readouterr().out


def test_a_site_that_does_not_start_is_told_with_its_words(tmp_path, monkeypatch) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('no tabs here')")
    monkeypatch.setattr(start, "ROOT", tmp_path)
    with pytest.raises(RuntimeError, match="no tabs here"):
        start.start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has 127.0.0.2 without being asked")
def test_on_a_space_app_py_answers_the_world_and_may_be_framed(tmp_path) -> None:
    """With what Spaces set, and one tab, so that it starts at once. A server on 127.0.0.1 refuses 127.0.0.2."""
    port = start.free_port()
    one_tab = "from demos import _tab, wavenet; _tab.discover = lambda: [wavenet.TAB]"
    command = [sys.executable, "-c", f"{one_tab}; import runpy; runpy.run_path('app.py', run_name='__main__')"]
    environment = {name: value for name, value in os.environ.items() if name != "SITE_HOST"}
    environment |= {"SPACE_ID": "school/audio", "SYSTEM": "spaces", "PORT": str(port), "HOME": str(tmp_path)}
    with (tmp_path / "log.txt").open("w") as log:
        site = subprocess.Popen(command, cwd=start.ROOT, env=environment, stdout=log, stderr=log)
    try:
        answer = None
        deadline = time.monotonic() + 120
        while answer is None and site.poll() is None and time.monotonic() < deadline:
            try:
                answer = urllib.request.urlopen(f"http://127.0.0.2:{port}/", timeout=30)
            except OSError:
                time.sleep(0.2)
        assert answer is not None, (tmp_path / "log.txt").read_text()[-3000:]
        assert "frame-ancestors 'self' https://huggingface.co" in answer.headers["content-security-policy"]
        page = answer.read()
        assert b"WaveNet" in page and b"school/audio" not in page  # by that name gradio asks others
    finally:
        site.terminate()
        site.wait(timeout=30)
