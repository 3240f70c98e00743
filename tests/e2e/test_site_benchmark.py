"""`python -m benchmarks.site` with one tab: its visitors see what a browser would ask for, and are counted right."""

from __future__ import annotations

import functools
import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks import site, start
from benchmarks.visitors import Outcome
from demos import _tab, wavenet


def test_percentiles_are_those_of_a_sorted_list() -> None:
    values = [float(k) for k in range(1, 101)]
    assert site.percentile(values, 0.5) == 50 and site.percentile(values, 0.95) == 95
    assert site.percentile([7.0], 0.95) == 7 and math.isnan(site.percentile([], 0.5))
    assert site.growth([(float(s), 100.0 if s < 30 else 150.0 + s) for s in range(121)]) == (194.5, pytest.approx(255))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_two_visitors_see_all_figures_of_a_tab_without_an_error(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(_tab, "discover", lambda: [wavenet.TAB])
    monkeypatch.setattr(start, "serving", functools.partial(start.serving, "-m", "demos.wavenet"))
    monkeypatch.setitem(site.MAIN_BUTTON, "wavenet", "mulaw-run")
    file = tmp_path / "site.json"
    few = ["--visitors", "2", "--minutes", "0.15", "--pace", "0.1", "--arrive", "0.1", "--browsers", "0"]
    with ThreadPoolExecutor(1) as pool:  # Playwright keeps a running loop in the thread of the browser's tests
        pool.submit(site.main, [*few, "--tabs", "wavenet", "--json", str(file)]).result()
    found = json.loads(file.read_text())
    said = capsys.readouterr().out
    (run,) = found["runs"]
    outcomes = [Outcome(**one) for one in run["outcomes"]]
    assert run["visitors"] == 2 and [one.error for one in outcomes if one.error] == [] == run["page_errors"]
    names = {one.name for one in outcomes}
    assert len(names) > 15 and any("from_link" in name for name in names)
    assert {one.heavy for one in outcomes} == {True, False} and all(one.seconds > 0 for one in outcomes)
    assert run["site_cpu_s"] > 0.1 and run["memory_mb"][0][1] > 100
    cost = found["cost"]["wavenet"]
    assert cost["errors"] == 0 and cost["cpu_s"] > 0 and cost["heavy"] >= 1 and "1,000 within one hour" in said
    heavy = [one for one in outcomes if one.heavy]
    assert f"{len(heavy):6}" in said
