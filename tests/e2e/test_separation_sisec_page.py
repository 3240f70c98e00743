"""SiSEC's scores: the table opens methods, methods open songs, two methods are compared, and all of it is saved."""

from __future__ import annotations

import csv
import io

import pytest
from browsing import answer, drawn, open_cell
from playwright.sync_api import expect

from core.separation import sisec
from demos._tab import LANGUAGES, strings

pytestmark = pytest.mark.e2e


def click_point(page, name: str, **point) -> None:
    """What plotly reports when a point is clicked."""
    at = {"curveNumber": 0, "pointNumber": 0, **point}
    page.locator(f"#{name} .plot-host").evaluate("(plot, at) => plot.emit('plotly_click', {points: [at]})", at)


def saved(page, name: str, nth: int = 0) -> tuple[str, list[list[str]]]:
    """A downloaded table: its name, its rows."""
    link = page.locator(f"#{name} a").nth(nth)
    with page.expect_download() as download:
        link.click()
    text = download.value.path().read_text(encoding="utf-8")
    return download.value.suggested_filename, list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_the_table_to_one_song(opener, language) -> None:
    t = strings("separation", language).cell("sisec")
    page = open_cell(opener, language, "sisec", tab="separation")
    overview = drawn(page, "sisec-overview")
    assert overview.evaluate("plot => plot.data[0].y.length") == len(sisec.table().methods)
    expect(page.locator("#sisec-about")).to_contain_text("TAK1")
    expect(page.locator("#sisec-anchors")).to_contain_text("core.separation.musdb")

    click_point(page, "sisec-overview", x=t("target_drums"), y="TAU1", z=7)
    expect(page.locator("#sisec-about")).to_contain_text("TAU1")
    expect(page.locator("#sisec-boxes .plot-caption")).to_contain_text(t("target_drums").lower())
    drawn(page, "sisec-boxes")
    click_point(page, "sisec-boxes", x=1, y="UHL1", pointNumber=3)
    song = sisec.table().tracks[3]
    expect(page.locator("#sisec-track .plot-caption")).to_contain_text(song)
    expect(page.locator("#sisec-about")).to_contain_text("UHL1")
    drawn(page, "sisec-ease")
    click_point(page, "sisec-ease", x=1, y=9, pointNumber=0)
    expect(page.locator("#sisec-track .plot-caption")).not_to_contain_text(song)

    file, rows = saved(page, "sisec-csv", 1)
    assert file == "sisec2018-SDR-drums-tracks.csv" and len(rows) == 51 and "TAK1" in rows[0]


def test_filters_and_two_methods_compared(opener) -> None:
    link = "&sisec-group=extra_data&sisec-order=name&pair-a=TAK2&pair-b=TAK1"
    page = open_cell(opener, "ko", "sisec", link, tab="separation", width=390)
    overview = drawn(page, "sisec-overview")
    expect(page.locator("#sisec-overview .plot-caption")).to_contain_text("5가지")
    names = [label.split(" ")[0] for label in overview.evaluate("plot => Array.from(plot.data[0].y)")]
    assert names == ["STL1", "TAK2", "TAK3", "TAU1", "UHL3"]
    file, rows = saved(page, "sisec-csv")
    assert file == "sisec2018-SDR-medians.csv" and [row[0] for row in rows[1:]] == names

    answer(page, "sisec-chance", 0)
    drawn(page, "sisec-differences")
    pair = sisec.compare(sisec.table(), "TAK2", "TAK1", target="vocals", metric="SDR")
    expect(page.locator("#sisec-verdict")).to_contain_text("TAK2")
    expect(page.locator("#sisec-verdict")).to_contain_text(str(pair.first_better))
    click_point(page, "sisec-differences", x=1, y=1)
    expect(page.locator("#sisec-pair-track")).to_contain_text(sisec.table().tracks[pair.tracks[0]])
    file, rows = saved(page, "sisec-pair-csv")
    assert file == "sisec2018-SDR-vocals-TAK2-TAK1.csv"
    assert float(rows[1][3]) == pytest.approx(pair.differences[0], abs=1e-4)
