"""What the cards of the transformers say, as tables of the page; read when the page is built."""

from __future__ import annotations

from typing import Any

from demos._tab import Strings

NETWORKS = ("relative", "absolute")


def rows_of(name: str) -> dict[tuple[str, str], Any]:
    """(metric, split) -> value of a card; empty where there are no such weights."""
    from core import weights
    from core.errors import WeightsError

    try:
        return {(row["name"], row.get("split", "")): row["value"] for row in weights.card(name)["metrics"]}
    except WeightsError:
        return {}


def piano(t: Strings) -> str:
    """Held-out bits an event of both kinds of position, side by side."""
    cards = {name: rows_of(f"transformer-{name}") for name in NETWORKS}
    if not all(cards.values()):
        return t("measured_absent")
    lines = [f"| {t('measured_what')} | {t('network_relative')} | {t('network_absolute')} |", "|---|---:|---:|"]
    for name, split in cards["relative"]:
        values = [cards[network].get((name, split)) for network in NETWORKS]
        if not name.startswith("bits an event") or None in values:
            continue
        text = _said(t, name, split)
        cells = [f"{value:.3f}" for value in values]
        lines.append(f"| {text} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def _said(t: Strings, name: str, split: str) -> str:
    """A row's name in the page's language."""
    window = split.rpartition(" ")[2]
    rest = name.removeprefix("bits an event").strip(", ")
    if not rest:
        return t("row_all", window=window)
    if rest.startswith("second half"):
        return t("row_half", window=window)
    if rest.startswith("of "):
        return t("row_pairs" if "one before" in rest else "row_single")
    return rest
