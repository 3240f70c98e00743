"""How well ten sounds of the city are told apart: which for which, fold by fold, and beside what was published."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from demos import _widgets as w
from demos._map import events_figures as figures
from demos._map.answer import table
from demos._tab import ROOT, Strings

TABLE = ROOT / "assets/tables/events.json"
CLASSES = (  # core.events.model.URBAN, which a page may not import: it loads torch
    "air_conditioner", "car_horn", "children_playing", "dog_bark", "drilling", "engine_idling", "gun_shot",
    "jackhammer", "siren", "street_music",
)  # fmt: skip
ALIKE = {  # classes that a listener confuses too, and why: the key of the sentence
    "machines": ("air_conditioner", "drilling", "engine_idling", "jackhammer"),
    "tones": ("car_horn", "children_playing", "siren", "street_music"),
    "bangs": ("dog_bark", "gun_shot", "car_horn", "jackhammer"),
}


def measured() -> dict[str, Any]:
    """What `core.events.measure` wrote: accuracies, confusions, published results."""
    return table(TABLE)


def draw_confusion(t: Strings) -> dict[str, Any]:
    test = measured()["test"]
    counts = np.array(test["confusion"])
    figure = figures.confusion(counts, [t(f"name_{name}") for name in CLASSES],
                               words={"was": t("was"), "said": t("said")})  # fmt: skip
    wrong = counts - np.diag(np.diag(counts))
    was, said = np.unravel_index(wrong.argmax(), wrong.shape)
    return w.plot(figure, t("confusion_summary", accuracy=f"{test['accuracy']:.0f}", clips=test["clips"],
                            was=t(f"name_{CLASSES[was]}"), said=t(f"name_{CLASSES[said]}"),
                            count=int(wrong.max())))  # fmt: skip


def explain(t: Strings, column: float, row: float) -> str:
    """A cell of the confusion matrix in words; column: what was said, row: what it was."""
    said, was = (min(max(round(place), 0), len(CLASSES) - 1) for place in (column, row))
    counts = measured()["test"]["confusion"][was]
    values = {"was": t(f"name_{CLASSES[was]}"), "said": t(f"name_{CLASSES[said]}"), "count": counts[said],
              "clips": sum(counts), "share": f"{100 * counts[said] / max(1, sum(counts)):.0f}"}  # fmt: skip
    if was == said:
        return t("cell_right", **values)
    why = next((key for key, alike in ALIKE.items() if {CLASSES[was], CLASSES[said]} <= set(alike)), "recordings")
    return t("cell_wrong", **values) + " " + t(f"why_{why}")


def table_text(t: Strings) -> str:
    """Accuracy fold by fold, beside what was published, and how often other sounds are refused."""
    found = measured()
    heads = " | ".join(t(f"head_{key}") for key in ("who", "accuracy", "learned", "tested"))
    test, rows = found["test"], [f"| {heads} |", "|---|---|---|---|"]
    rows.append(f"| {t('ours')} | **{test['accuracy']:.1f} %** | 1, 2 | 10 ({t('clips', clips=test['clips'])}) |")
    for fold, one in found["crossed"].items():
        if isinstance(one, dict):
            rows.append(f"| {t('ours')} | {one['accuracy']:.1f} % | {one['learned']} | "
                        f"{fold} ({t('clips', clips=one['clips'])}) |")  # fmt: skip
    for one in found["published"]:
        source = re.sub(r"(\d{4}).*", r"\1", one["source"])  # authors and year
        rows.append(f"| {one['name']} ({source}) | {one['accuracy']:.1f} % | {t('nine')} | {t('every')} |")
    rows.append(f"| {t('chance')} | {100 / len(CLASSES):.0f} % | – | – |")
    return "\n".join(rows) + "\n\n" + refused_text(t, found)


def refused_text(t: Strings, found: dict[str, Any]) -> str:
    """How often it is said that a sound is none of the ten, rightly and wrongly."""
    told = found["others_refused"]
    kinds = ", ".join(f"{t(f'kind_{kind}')} {value:.0f} %" for kind, value in refusals(found).items())
    text = t("refused", threshold=f"{100 * found['threshold']:.0f}", kinds=kinds, named=f"{told['named']:.0f}",
             balanced=f"{told['balanced']:.0f}", top3=f"{found['test']['top3']:.0f}")  # fmt: skip
    dogs = found.get("dogs")
    return text + (" " + t("dogs", accuracy=f"{dogs['accuracy']:.0f}", clips=dogs["clips"]) if dogs else "")


def quality() -> dict[str, str]:
    """Accuracy on the fold that was held out, what was published, and how often noises of no class are refused."""
    found = measured()
    published = [one["accuracy"] for one in found["published"]]
    values = {"accuracy": found["test"]["accuracy"], "low": min(published), "high": max(published), **refusals(found)}
    return {key: f"{values[key]:.0f}" for key in ("accuracy", "low", "high", "noise")}


def refusals(found: dict[str, Any]) -> dict[str, float]:
    """Percent of each kind of held-out sound that is refused, as it should be."""
    return {kind: share for kind, share in found["others_refused"].items() if kind not in ("named", "balanced")}
