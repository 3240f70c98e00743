"""SiSEC's table: what the data set's own page of numbers says, sorting, filters, and the paired test by hand."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import statistics

import numpy as np
import pytest
from PIL import ImageColor
from scipy.stats import spearmanr

from core import plots
from core.errors import DataError
from core.separation import sisec, sisec_figures
from demos._separation import sisec as cell
from demos._tab import LANGUAGES, strings

each_language = pytest.mark.parametrize("language", LANGUAGES)
# Median SDR over the tracks as published with the data: vocals, drums, bass, other, accompaniment.
PUBLISHED = {
    "TAK1": (6.60, 6.43, 5.16, 4.15, 12.83), "TAK2": (7.16, 6.81, 5.40, 4.80, 13.74),
    "MIX": (1.12, 1.33, 0.67, 1.16, 6.32), "IRM1": (8.52, 7.33, 6.18, 6.92, 14.50),
}  # fmt: skip


def raw() -> list[dict[str, str]]:
    with gzip.open(sisec.FOLDER / "scores.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def made_up(values) -> sisec.Scores:
    """Scores of vocals' SDR [methods, tracks]."""
    values = np.asarray(values, dtype=float)
    whole = np.full((*values.shape, len(sisec.TARGETS), len(sisec.METRICS)), np.nan)
    whole[:, :, 0, 0] = values
    methods = tuple(sisec.Method(name, "supervised") for name in "ABCDE"[: len(values)])
    return sisec.Scores(methods, tuple(f"song {i}" for i in range(values.shape[1])), whole)


def test_the_table_has_the_published_medians():
    scores = sisec.table()
    assert len(scores.methods) == 31 and len(scores.tracks) == 50
    for name, wanted in PUBLISHED.items():
        assert scores.medians("SDR")[scores.row(name)] == pytest.approx(wanted, abs=0.006), name
    assert np.count_nonzero(~np.isnan(scores.values)) == 24_200 == len(raw())


def test_medians_are_those_of_the_standard_library():
    scores = sisec.table()
    for name, target, metric in itertools.product(("UHL1", "REP2"), ("vocals", "bass"), ("SIR", "SAR")):
        chosen = [
            float(row["median_db"]) for row in raw()
            if (row["method"], row["target"], row["metric"]) == (name, target, metric)
        ]  # fmt: skip
        found = scores.medians(metric)[scores.row(name), sisec.TARGETS.index(target)]
        assert np.isnan(found) if not chosen else found == pytest.approx(statistics.median(chosen))


def test_methods_are_filtered_and_sorted():
    scores = sisec.table()
    names = lambda **how: [scores.methods[i].name for i in sisec.shown(scores, **how)]  # noqa: E731
    assert set(names(group="extra_data", order="name", metric="SDR")) == {"STL1", "TAK2", "TAK3", "TAU1", "UHL3"}
    assert set(names(group="oracle", order="name", metric="SDR")) == {"IBM1", "IBM2", "IRM1", "IRM2", "MWF", "MIX"}
    assert len(names(group="blind", order="name", metric="SDR")) == 7
    assert names(group="all", order="name", metric="SDR") == sorted(method.name for method in scores.methods)
    assert names(group="musdb_only", order="vocals", metric="SDR")[0] == "TAK1"
    for order, metric in itertools.product(sisec.TARGETS, sisec.METRICS):
        rows = sisec.shown(scores, group="all", order=order, metric=metric)
        medians = scores.medians(metric)[rows, sisec.TARGETS.index(order)]
        there = medians[~np.isnan(medians)]
        assert (np.diff(there) <= 0).all() and np.isnan(medians[len(there) :]).all()  # those without it come last
    real = set(names(group="blind_or_trained", order="name", metric="SDR"))
    assert real == set(names(group="supervised", order="name", metric="SDR")) | set(
        names(group="blind", order="name", metric="SDR")
    )


def test_tracks_from_easy_to_hard():
    scores = made_up([[1, 5, np.nan, 3], [2, 6, np.nan, np.nan], [3, 9, np.nan, 1]])
    easy, quartiles = sisec.by_ease(scores, [0, 1, 2], "vocals", "SDR")
    assert easy == [1, 0, 3]  # the third has no score at all, two methods have the fourth
    assert quartiles[1] == pytest.approx([6, 2, 2]) and quartiles[0] == pytest.approx([5.5, 1.5, 1.5])
    assert sisec.by_ease(scores, [0], "bass", "SDR")[0] == []


def exact_signed_rank_p(differences) -> float:
    """Wilcoxon's test by going through all signs."""
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    total = ranks.sum()
    found = ranks[np.asarray(differences) > 0].sum()
    far = abs(found - total / 2)
    sums = [sum(r for r, sign in zip(ranks, signs) if sign) for signs in itertools.product((0, 1), repeat=len(ranks))]
    return float(np.mean([abs(s - total / 2) >= far - 1e-9 for s in sums]))


def test_a_pair_is_compared_on_the_tracks_that_both_have():
    a = [3.0, 5.0, np.nan, 2.0, 1.0, 9.0, 4.0, 7.0, 2.5]
    b = [1.0, 5.5, 1.0, np.nan, 0.2, 4.0, 4.1, 3.3, 1.3]
    pair = sisec.compare(made_up([a, b]), "A", "B", target="vocals", metric="SDR")
    differences = [x - y for x, y in zip(a, b) if x == x and y == y]
    assert pair.differences == pytest.approx(sorted(differences, reverse=True))
    assert [a[i] - b[i] for i in pair.tracks] == pytest.approx(pair.differences)
    assert (pair.missing, pair.first_better, pair.second_better) == (2, 5, 2)
    assert pair.median == pytest.approx(statistics.median(differences))
    assert pair.p == pytest.approx(exact_signed_rank_p(differences))
    other = sisec.compare(made_up([a, b]), "B", "A", target="vocals", metric="SDR")
    assert other.p == pytest.approx(pair.p) and other.median == pytest.approx(-pair.median)


def test_pairs_that_cannot_be_compared():
    scores = made_up([[1, 2, 3], [1, 2, 3], [np.nan] * 3])
    same = sisec.compare(scores, "A", "B", target="vocals", metric="SDR")
    assert np.isnan(same.p) and same.first_better == same.second_better == 0
    with pytest.raises(DataError, match="two different"):
        sisec.compare(scores, "A", "A", target="vocals", metric="SDR")
    with pytest.raises(DataError, match="no track in common"):
        sisec.compare(scores, "A", "C", target="vocals", metric="SDR")
    with pytest.raises(DataError, match="no method"):
        sisec.compare(scores, "A", "X", target="vocals", metric="SDR")


def test_rank_correlation_is_spearman_s():
    generator = np.random.default_rng(1)
    a, b = generator.integers(0, 9, (2, 40)).astype(float)
    assert sisec.rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert np.isnan(sisec.rank_correlation(a, np.full(40, 2.0))) and np.isnan(sisec.rank_correlation(a[:2], b[:2]))


def test_tables_that_are_missing_or_strange_are_explained(tmp_path):
    with pytest.raises(DataError, match="missing"):
        sisec.read(tmp_path)
    (tmp_path / "scores.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with pytest.raises(DataError, match="columns"):
        sisec.read(tmp_path)


def test_our_own_row_joins_when_it_is_there(tmp_path):
    for name in ("scores.csv.gz", "methods.csv"):
        (tmp_path / name).write_bytes((sisec.FOLDER / name).read_bytes())
    track = sisec.table().tracks[0]
    text = sisec.as_csv(sisec.COLUMNS, [["mine", track, "bass", "SDR", 4.5, 100, 120]])
    (tmp_path / sisec.OURS).write_bytes(gzip.compress(text.encode()))
    scores = sisec.read(tmp_path)
    assert scores.methods[-1] == sisec.Method("mine", "supervised", ours=True)
    assert scores.of("bass", "SDR")[-1, 0] == 4.5 and np.count_nonzero(~np.isnan(scores.values[-1])) == 1


def test_csv_reads_back():
    text = sisec.as_csv(["name", "x"], [["a, b", 1.23456], ["c", float("nan")], ["d", np.float64(2)]])
    assert list(csv.reader(io.StringIO(text))) == [["name", "x"], ["a, b", "1.2346"], ["c", ""], ["d", "2.0000"]]


def test_boxes_axis_holds_the_whiskers_and_says_when_points_are_cut_off():
    even = np.arange(11.0)[None]
    assert sisec_figures.left_end(even) == (-1.0, False)
    assert sisec_figures.left_end(np.append(even, [[-60.0]], axis=1)) == (-1.0, True)
    assert sisec_figures.left_end(np.full((2, 3), np.nan)) == (0.0, False)


def test_figures_show_the_numbers():
    scores = sisec.table()
    rows = sisec.shown(scores, group="all", order="vocals", metric="SDR")
    methods, medians = [scores.methods[i] for i in rows], scores.medians("SDR")[rows]
    words = dict.fromkeys(("decibels", "none", "here", "median", "better", "track", "difference", "ease"), "w")
    figure = sisec_figures.overview(medians, methods, targets=sisec.TARGETS, chosen=(8, 0), words=words)
    assert figure.data[0].y[8] == "TAK1 · MMDenseLSTM" and figure.data[0].text[8][0] == "6.6"
    assert figure.data[0].customdata[-1][1] == "w"  # no drums
    values = scores.of("drums", "SDR")[rows]
    boxes = sisec_figures.boxes(values, methods, tracks=scores.tracks, chosen="TAK1", words=words)
    drums = int(np.count_nonzero(~np.isnan(scores.medians("SDR")[:, 1])))
    assert len(boxes.data) == drums and all(len(box.x) == 50 for box in boxes.data)
    track = sisec_figures.on_track(values[:, 3], medians[:, 1], methods, chosen="TAK1", words=words)
    points = list(track.data[1].x)
    assert points == sorted(points, reverse=True) and len(points) == drums
    pair = sisec.compare(scores, "TAK1", "UHL2", target="vocals", metric="SDR")
    bars = sisec_figures.differences(pair, first="TAK1", second="UHL2", tracks=scores.tracks, words=words)
    assert len(bars.data[0].y) == pair.first_better and len(bars.data[1].y) == pair.second_better


@each_language
def test_every_method_is_described_and_every_choice_works(language):
    t = strings("separation", language).cell("sisec")
    for method in sisec.table().methods:
        assert t(f"about.{method.name}") and t(f"kind_{method.kind}")
    for group, metric in zip(sisec.GROUPS, itertools.cycle(sisec.METRICS)):
        out = cell.show(t, metric, "drums", "name", group, "MDL1", cell.TRACK)
        assert all(out) and out[0]["summary"] and "nan" not in out[3]["summary"]
    assert t("about_none", target=t("target_drums").lower()) in cell.describe(t, "MDL1", "drums", "SDR")


@each_language
def test_words_come_from_the_table(language):
    t = strings("separation", language).cell("sisec")
    said = cell.anchors(t)
    for number in ("6.60", "7.16", "6.80", "1.12", "8.52", "7.67", " 13"):
        assert number in said
    assert "core.separation.musdb" in said
    bars, verdict, _, saved = cell.show_pair(t, "TAK1", "UHL2", "vocals", "SDR")
    assert "39" in verdict and "11" in verdict and "cdot 10^{-4}" in verdict and "TAK1" in bars["summary"]
    assert 'download="sisec2018-SDR-vocals-TAK1-UHL2.csv"' in saved
    *_, verdict_few, _, _ = cell.show_pair(t, "TAK2", "TAU1", "vocals", "SDR")
    assert t("verdict_open", p="@").split("@")[1][:20] in verdict_few


def test_numbers_on_any_colour_are_readable_in_both_themes():
    """WCAG 2.1 asks for 4.5; luminances by Pillow's conversion of what a browser would draw."""

    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear))

    def rgb(text):
        return [c / 255 for c in ImageColor.getrgb(text)]

    ends = np.linspace(0, 1, len(plots.LEVELS))
    for swap in ({}, plots.DARK_FOR_LIGHT):
        levels = np.array([rgb(swap.get(level, level)) for level in plots.LEVELS])
        for share in np.linspace(0, 1, 201):
            text = sisec_figures.readable(share)
            ground = luminance([np.interp(share, ends, levels[:, i]) for i in range(3)])
            ink = luminance(rgb(swap.get(text, text)))
            assert (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05) > 4.5, (share, text)
