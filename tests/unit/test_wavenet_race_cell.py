"""What the race cell makes of stored measurements and of a live race, in both languages."""

from __future__ import annotations

import json

import pytest

from core.errors import EngineError
from core.wavenet import engines, race, race_figures
from demos._tab import LANGUAGES, strings
from demos._wavenet import race as cell

MEASURED = {
    "processor": "Abacus 3000",
    "networks": {
        "m": {"naive": {"samples_per_s": 40.0}, "cached": {"samples_per_s": 1000.0}, "native": {"samples_per_s": 32e3}},
        "vocoder": {"cached": {"samples_per_s": 1500.0}, "native-fp16-2": {"samples_per_s": 60e3}},
    },
    "microseconds_by_length": {"naive": {"0": 900.0, "2048": 24000.0}, "cached": {"0": 1000.0, "2048": 1010.0}},
}


def drawn(value):
    """The figure in the value of a figure cell."""
    return json.loads(value["figure"])


@pytest.fixture(params=LANGUAGES)
def t(request):
    return strings("wavenet", request.param).cell("race")


def test_stored_measurements_name_their_machine(t, tmp_path, monkeypatch):
    path = tmp_path / "speed.json"
    path.write_text(json.dumps(MEASURED))
    monkeypatch.setattr(race, "stored", lambda read=race.stored: read(path))
    bars, note, costs = cell.show_stored(t, "vocoder")
    assert list(drawn(bars)["data"][0]["y"]) == ["cached", "native-fp16-2"]
    for piece in ("Abacus 3000", "60,000", "40"):  # 60 000 / 1500 = 40 times
        assert piece in bars["summary"]
    assert "Abacus 3000" in note and "24,000" in costs["summary"]
    assert drawn(costs)["data"][0]["x"] == [1, 2048]
    only = t("costs_only", network=t("network.m"))
    assert t("network.m") in drawn(costs)["layout"]["title"]["text"]  # costs are stored of network M alone
    assert only in costs["summary"] and only not in cell.show_stored(t, "m")[2]["summary"]
    other, _, _ = cell.show_stored(t, "speech")  # not measured: the first network, by its name
    assert t("network.m") in other["summary"]


def test_no_label_lies_on_the_line_of_real_time():
    speeds = {"naive": 32.0, "cached": 946.0, "native": 10_158.0, "close": 15_900.0, "fast": 16_200.0, "none": None}
    rows = [{"name": n, "speed": v, "label": f"{v}", "chosen": False} for n, v in speeds.items()]
    bars = race_figures.speeds(rows, x_title="", real_time="").data[0]
    inside = [name for name, place in zip(speeds, bars.textposition) if place == "inside"]
    assert inside == ["cached", "native", "close"]  # a label has less than a decade of room before the line


def test_without_measurements_the_engines_wait(t, monkeypatch):
    monkeypatch.setattr(race, "stored", lambda: None)
    bars, note, _ = cell.show_stored(t, "vocoder")
    assert list(drawn(bars)["data"][0]["y"]) == list(engines.ENGINES)
    assert "benchmarks.wavenet" in note


def test_the_race_shows_every_engine_and_what_does_not_work(t, monkeypatch):
    reasons = dict.fromkeys(engines.ENGINES, "there is no compiler.") | {"naive": "", "cached": ""}
    monkeypatch.setattr(engines, "why_not", lambda name, model=None: reasons[name])
    monkeypatch.setattr(race, "measure", lambda model, name, seconds: {"naive": 50.0, "cached": 1000.0}[name])
    monkeypatch.setattr(race, "cost_by_length", lambda model, name: iter([(1, 10.0), (64, 20.0)]))
    results = list(cell.race(t, "s"))
    bars = [r[0] for r in results if isinstance(r[0], dict) and "figure" in r[0]]
    assert list(drawn(bars[-1])["data"][0]["x"])[:2] == [50.0, 1000.0]
    assert t("missing") in drawn(bars[-1])["data"][0]["text"]
    assert "20" in bars[-1]["summary"]  # cached makes 20 times as many as naive
    verdict = next(r[1] for r in results if isinstance(r[1], str) and race.processor() in r[1])
    assert "cached" in verdict and "there is no compiler." in verdict
    assert isinstance(results[-1][2], dict) and "20" in results[-1][2]["summary"]


def test_an_engine_that_breaks_is_a_typed_error(t, monkeypatch):
    def breaks(model, name, seconds):
        raise EngineError("The native engine could not start its second thread or lacks memory; take native.")

    monkeypatch.setattr(race, "measure", breaks)
    with pytest.raises(EngineError):
        list(cell.race(t, "s"))


def test_the_table_counts_every_network(t):
    chart, table = cell.count_up(t, "small")
    assert "98,816" in table and "16,128" in table  # the animated network: 18 moments against 1
    assert table.count("\n| ") == 6 and "17" in chart["summary"]
