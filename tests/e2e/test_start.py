"""`python -m benchmarks.start`: the site starts, and what is printed is the page that others get, too."""

from __future__ import annotations

import json
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
