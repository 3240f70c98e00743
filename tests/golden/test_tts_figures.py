"""The figures of text to speech on the shipped voices: they show the very numbers of the search and the networks."""

from __future__ import annotations

import numpy as np
import pytest

from core import weights
from core.parametric import figures as parametric_figures
from core.parametric.sample import synthesize as by_parameters
from core.unit_selection import figures as unit_figures
from core.unit_selection.costs import TARGET_NAMES
from core.unit_selection.sample import synthesize as by_units
from core.unit_selection.search import Column

pytestmark = pytest.mark.golden
TEXT = "The task we set ourselves was threefold."
NAMES = (
    "row", "target", "join", "continues", "joined", "path", "candidates", "survivors", "lacking", "for", *TARGET_NAMES,
)  # fmt: skip


@pytest.fixture(scope="module")
def said():
    return by_units(TEXT, speaker=weights.load("unit-selection"))


@pytest.fixture(scope="module")
def spoken():
    return by_parameters(TEXT)


def test_the_lattice_shows_the_chosen_path_and_its_costs(said):
    voice = weights.load("unit-selection")
    figure = unit_figures.lattice(
        said, voice, target_weight=1.0, join_weight=1.0, words={name: name for name in NAMES}
    )  # fmt: skip
    path = next(trace for trace in figure.data if trace.name == "path")
    rows = unit_figures.shown_rows(said)
    assert [kept[k] for kept, k in zip(rows, path.y)] == list(said.path.rows)
    others, edges = (trace for trace in figure.data if trace.showlegend is False)
    assert [float(text) for text in edges.text] == pytest.approx(said.path.join_costs, abs=0.006)
    back = unit_figures.survivors(said, target_weight=1.0, join_weight=1.0)
    assert [int(b[row]) for b, row in zip(back, said.path.rows[1:])] == list(said.path.rows[:-1])
    drawn = next(trace for trace in figure.data if trace.name == "survivors")
    segments = list(zip(drawn.x[::3], drawn.y[::3], drawn.y[1::3]))
    assert len(segments) == len(others.text) == len(others.x) > 10 * len(said.units) / 2
    for (i, above, below), cost in list(zip(segments, others.text))[::37]:
        join = said.lattice.joins[i][rows[i][above], rows[i + 1][below]]
        assert float(cost) == pytest.approx(float(join), abs=0.006)


def test_what_the_corpus_lacks_is_marked_in_the_lattice(said):
    """No recording begins with ZH, and none has AH before OW: four halves, and nothing else, are squares."""
    voice = weights.load("unit-selection")
    words = {name: name for name in NAMES}
    usual = unit_figures.lattice(said, voice, target_weight=1.0, join_weight=1.0, words=words)
    assert not any(trace.name == "lacking" for trace in usual.data)
    other = by_units("Zhuang said uh oh.", speaker=voice)
    figure = unit_figures.lattice(other, voice, target_weight=1.0, join_weight=1.0, words=words)
    marked = next(trace for trace in figure.data if trace.name == "lacking")
    halves = ["SIL-", "-ZH", "AH-", "-OW"]
    assert sorted({figure.layout.xaxis.ticktext[i] for i in marked.x}) == sorted(f"[{name}]" for name in halves)
    assert marked.marker.symbol == "square" and all(": lacking" in text for text in marked.text)
    dots = next(trace for trace in figure.data if trace.name == "candidates")
    assert not set(dots.x) & set(marked.x) and dots.marker.cmax == marked.marker.cmax
    assert set(dots.x) | set(marked.x) == set(range(len(other.units)))


def test_a_stand_in_is_named_in_the_hover():
    column = Column("diphone", ("HH", "OY"), ("HH", "AO"), 0, *[np.zeros(1)] * 4)
    assert unit_figures._named(column, {"lacking": "not there", "for": "for"}) == "HH-OY: not there, AO for OY"


def test_a_line_a_join(said):
    figure = unit_figures.seams(said, words={k: k for k in ("time", "amplitude", "band", "join")})
    marks = next(trace for trace in figure.select_traces({"type": "scatter", "mode": "markers"}))
    assert np.allclose(marks.x, [join.at_s for join in said.joins], atol=1e-3)


def test_coverage_counts_every_pair_of_the_corpus():
    voice = weights.load("unit-selection")
    owner = voice.arrays["owner"]
    assert voice.coverage().sum() == (owner[:-1] == owner[1:]).sum()


def test_bars_last_as_long_as_the_sound(spoken):
    figure = parametric_figures.durations(spoken, words={"milliseconds": "ms"})
    total = sum(sum(bars.x) for bars in figure.data)
    assert total == pytest.approx(1000 * spoken.seconds, abs=len(spoken.contexts))


def test_the_drawn_trajectories_are_the_synthesisers(spoken):
    words = {k: k for k in ("time", "f0", "value", "means", "smooth", "sharpened")}
    figure = parametric_figures.trajectories(spoken, coefficient=3, words=words)
    smooth = [trace for trace in figure.data if trace.name == "smooth"][1]
    np.testing.assert_allclose(np.array(smooth.y, float), spoken.smooth[:, 3], rtol=1e-4, atol=1e-6)


def test_the_labels_are_a_column_a_phone(spoken):
    """*task* is T AE1 S K, a stressed syllable; *ourselves* has its main stress on the second of two or three."""
    figure = parametric_figures.labels(spoken, words={name: name for name in parametric_figures.LABEL_ROWS})
    grid = figure.data[0]
    phones = list(figure.layout.xaxis.ticktext)
    assert np.array(grid.text).shape == (len(parametric_figures.LABEL_ROWS), len(phones)) == np.array(grid.z).shape
    at = phones.index("AE")
    assert phones[at - 1 : at + 3] == ["T", "AE", "S", "K"]
    row = {name: grid.text[i] for i, name in enumerate(parametric_figures.LABEL_ROWS)}
    assert [row["stress"][i] for i in range(at - 1, at + 3)] == [1] * 4
    assert [row["phone_in_syllable"][i] for i in range(at - 1, at + 3)] == [0, 1, 2, 3]
    assert max(row["syllable_in_word"]) >= 1 and set(np.unique(grid.z)) <= set(np.linspace(0, 1, 1001).round(3))
