"""The public scores of SiSEC 2018: 31 methods, the 50 test tracks of MUSDB18, five targets, four metrics.

Source: Stöter, Liutkus, Ito 2018, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA; assets/tables/sisec2018.
"""

from __future__ import annotations

import csv
import functools
import gzip
import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import DataError

FOLDER = Path(__file__).resolve().parents[2] / "assets/tables/sisec2018"
OURS = "ours.csv.gz"  # there once `python -m core.separation.musdb … --table` has measured our model on the same tracks
TARGETS = ("vocals", "drums", "bass", "other", "accompaniment")
METRICS = ("SDR", "SIR", "ISR", "SAR")
COLUMNS = ("method", "track", "target", "metric", "median_db", "n_valid", "n_frames")
MIXTURE = "MIX"  # the mixture itself as every estimate; methods.csv has it among the oracles
MMDENSE = {"TAK1": "MMDenseLSTM", "TAK2": "MMDenseLSTM", "TAK3": "MMDenseNet"}
GROUPS = ("all", "blind_or_trained", "supervised", "musdb_only", "extra_data", "blind", "oracle")


@dataclass(frozen=True)
class Method:
    """A row of methods.csv. kind: "supervised", "blind", "oracle" or "mixture"; extra: trained on more than MUSDB18."""

    name: str
    kind: str
    extra: bool = False
    authors: str = ""
    ours: bool = False

    def within(self, group: str) -> bool:
        """Whether a choice of GROUPS shows it; the mixture goes with the oracles, as floor and ceiling."""
        bound = self.kind in ("oracle", "mixture")
        return {
            "all": True, "blind_or_trained": not bound, "supervised": self.kind == "supervised",
            "musdb_only": self.kind == "supervised" and not self.extra, "extra_data": self.extra,
            "blind": self.kind == "blind", "oracle": bound,
        }[group]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Scores:
    """values: float64 [methods, tracks, targets, metrics], medians over frames in dB; NaN where there is no score."""

    methods: tuple[Method, ...]
    tracks: tuple[str, ...]
    values: np.ndarray

    def of(self, target: str, metric: str) -> np.ndarray:
        """float64 [methods, tracks]."""
        return self.values[:, :, TARGETS.index(target), METRICS.index(metric)]

    def medians(self, metric: str) -> np.ndarray:
        """Over the tracks: float64 [methods, targets], NaN where a method has no such target."""
        return _nanmedian(self.values[:, :, :, METRICS.index(metric)], axis=1)

    def row(self, name: str) -> int:
        """Where a method stands.

        Raises:
            DataError: no such method.
        """
        names = [method.name for method in self.methods]
        if name not in names:
            raise DataError(f"SiSEC 2018 has no method {name}: choose one from the menu.")
        return names.index(name)


@functools.lru_cache(maxsize=1)
def table() -> Scores:
    """The shipped scores, with our own model's if they are there. Read once."""
    return read(FOLDER)


def read(folder: Path) -> Scores:
    """The scores of a folder: scores.csv.gz, methods.csv, and ours.csv.gz if it is there.

    Raises:
        DataError: a table is missing or has other columns.
    """
    rows, ours = _rows(folder / "scores.csv.gz"), folder / OURS
    more = _rows(ours) if ours.exists() else []
    with (folder / "methods.csv").open(encoding="utf-8", newline="") as file:
        methods = [
            Method(
                one["method"], "mixture" if one["method"] == MIXTURE else one["kind"],
                one["additional_training_data"] == "True", one["authors"],
            )
            for one in csv.DictReader(file)
        ]  # fmt: skip
    methods += [Method(name, "supervised", ours=True) for name in dict.fromkeys(row[0] for row in more)]
    tracks = sorted({row[1] for row in rows})
    at = [{name: i for i, name in enumerate(names)} for names in
          ([method.name for method in methods], tracks, TARGETS, METRICS)]  # fmt: skip
    values = np.full([len(one) for one in at], np.nan)
    for row in rows + [row for row in more if row[1] in at[1]]:
        values[at[0][row[0]], at[1][row[1]], at[2][row[2]], at[3][row[3]]] = float(row[4] or "nan")
    return Scores(tuple(methods), tuple(tracks), values)


def _rows(path: Path) -> list[list[str]]:
    if not path.exists():
        raise DataError(f"{path.name} is missing from assets/tables/sisec2018: restore it with git checkout.")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    if tuple(head) != COLUMNS:
        raise DataError(f"{path.name} must have the columns {', '.join(COLUMNS)}.")
    return rows


def shown(scores: Scores, *, group: str, order: str, metric: str) -> list[int]:
    """Indices of the methods of a group, best first.

    Args:
        group: of GROUPS.  order: a target, by whose median they are sorted (those without it last), or "name".
    """
    chosen = [i for i, method in enumerate(scores.methods) if method.within(group)]
    if order == "name":
        return sorted(chosen, key=lambda i: scores.methods[i].name)
    medians = scores.medians(metric)[:, TARGETS.index(order)]
    last = np.where(np.isnan(medians), -np.inf, medians)
    return sorted(chosen, key=lambda i: (-last[i], scores.methods[i].name))


def by_ease(scores: Scores, rows: Sequence[int], target: str, metric: str) -> tuple[list[int], np.ndarray]:
    """Tracks from easy to hard, by the median over methods.

    Returns:
        indices of the tracks that any of the methods has; float64 [3, of those]: quartiles over the methods.
    """
    values = scores.of(target, metric)[list(rows)]
    there = np.flatnonzero(~np.isnan(values).all(axis=0)) if len(values) else np.array([], dtype=int)
    if not len(there):
        return [], np.zeros((3, 0))
    quartiles = np.nanpercentile(values[:, there], [25, 50, 75], axis=0)
    order = np.argsort(-quartiles[1], kind="stable")
    return there[order].tolist(), quartiles[:, order]


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, of the pairs that are there; NaN for fewer than three or where one does not vary."""
    there = ~(np.isnan(a) | np.isnan(b))
    if there.sum() < 3 or not np.ptp(a[there]) or not np.ptp(b[there]):
        return float("nan")
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(a[there]), rankdata(b[there]))[0, 1])


@dataclass(frozen=True, eq=False)
class Pair:
    """Two methods on the tracks where both have a score.

    tracks: their indices; differences: float64 [those], first less second in dB; missing: how many tracks lack a score.
    p: of Wilcoxon's signed-rank test, two-sided; NaN where it cannot be made.
    """

    tracks: list[int]
    differences: np.ndarray
    missing: int
    first_better: int
    second_better: int
    median: float
    p: float


def compare(scores: Scores, first: str, second: str, *, target: str, metric: str) -> Pair:
    """Two methods track by track, largest difference first.

    Source: Wilcoxon 1945, "Individual comparisons by ranking methods", Biometrics Bulletin 1(6); tracks without a
    difference are left out of the test, as there.

    Raises:
        DataError: the same method twice; no track where both have a score.
    """
    if first == second:
        raise DataError(f"Both methods are {first}: choose two different ones.")
    values = scores.of(target, metric)
    differences = values[scores.row(first)] - values[scores.row(second)]
    there = np.flatnonzero(~np.isnan(differences))
    if not len(there):
        raise DataError(f"{first} and {second} have no track in common for this target: choose another target.")
    there = there[np.argsort(-differences[there], kind="stable")]
    found = differences[there]
    return Pair(
        there.tolist(), found, len(scores.tracks) - len(there), int((found > 0).sum()), int((found < 0).sum()),
        float(np.median(found)), _signed_rank_p(found),
    )  # fmt: skip


def _signed_rank_p(differences: np.ndarray) -> float:
    from scipy.stats import wilcoxon

    if not differences.any():
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of few tracks
        return float(wilcoxon(differences, zero_method="wilcox", alternative="two-sided").pvalue)


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as text, numbers with four digits behind the point and nothing where there is none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, float | np.floating):
        return value
    return "" if np.isnan(value) else f"{value:.4f}"


def _nanmedian(values: np.ndarray, *, axis: int) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a method without this target
        return np.nanmedian(values, axis=axis)
