"""What the composer's card says, for the page: bits an event by composer, who is recognised, the rest as a table."""

from __future__ import annotations

import re
from typing import Any

import gradio as gr

from core import weights
from core.errors import WeightsError
from core.musenet import vocabulary as v
from demos import _widgets as w
from demos._musenet.making import MODEL
from demos._tab import Strings

ROWS = {  # what the table shows: our words -> the name in the card
    "bits": "bits an event, mean over composers",
    "unigram": "bits an event, knowing only how often tokens come",
    "recognised": "composer recognised, composed",
    "recognised_real": "composer recognised, real works",
    "chance": "composer recognised, chance",
    "pitches": "divergence of pitch classes, composed (bits)",
    "pitches_same": "divergence of pitch classes, the composer's other works (bits)",
    "pitches_others": "divergence of pitch classes, other composers' works (bits)",
    "intervals": "divergence of intervals, composed (bits)",
    "intervals_same": "divergence of intervals, the composer's other works (bits)",
    "intervals_others": "divergence of intervals, other composers' works (bits)",
    "faults": "tokens that break the grammar, in a thousand",
    "speed": "tokens a second",
}


def build(t: Strings) -> None:
    """Two figures and a table; the table alone where nothing has been measured."""
    if not {ROWS["bits"], ROWS["recognised"]} <= set(_metrics()):
        w.note(t, "measured", table(t))
        return
    bits = w.figure(t, "bits", height=320)
    judged = w.figure(t, "judged", height=320)
    w.note(t, "measured", table(t))
    w.on(t, bits.appear, lambda: bits_figure(t), None, bits)
    w.on(t, judged.appear, lambda: judged_figure(t), None, judged)


def _card() -> dict[str, Any] | None:
    try:
        return weights.card(MODEL)
    except WeightsError:
        return None


def _metrics() -> dict[str, dict[str, Any]]:
    card = _card()
    return {one["name"]: one for one in card["metrics"]} if card else {}


def table(t: Strings) -> str:
    """The card's figures as Markdown; a sentence where there are no weights."""
    card, found = _card(), _metrics()
    if card is None:
        return t("unmeasured")
    head = t("card", parameters=f"{card['parameters']:,}", context=card["config"]["n_ctx"],
             steps=f"{card['steps']:,}", hours=f"{card['hours']:.1f}", licence=card.get("license", ""))  # fmt: skip
    if not found:
        return head
    rows = [f"| {t(f'card_{key}')} | {found[name]['value']:.3g} |" for key, name in ROWS.items() if name in found]
    return f"{head}\n\n| {t('card_what')} | {t('card_value')} |\n|---|---|\n" + "\n".join(rows)


def bits_figure(t: Strings) -> Any:
    """Bits an event of held-out works, composer by composer."""
    found = _metrics()
    names = [name for name in v.COMPOSERS if f"bits an event, {name}" in found]
    if not names:
        return gr.skip()
    values = [found[f"bits an event, {name}"]["value"] for name in names]
    figure = _bars(t, names, {t("bits_bar"): values}, t("bits_y"))
    plain = found[ROWS["unigram"]]["value"]
    _line(figure, plain)
    best, worst = (names[values.index(extreme)] for extreme in (min(values), max(values)))
    return w.plot(figure, t("bits_summary", best=t(f"style_{best}"), low=f"{min(values):.2f}",
                            worst=t(f"style_{worst}"), high=f"{max(values):.2f}", plain=f"{plain:.2f}"))  # fmt: skip


def judged_figure(t: Strings) -> Any:
    """How often the classifier takes what was composed for the composer asked for, beside real works."""
    found = _metrics()
    names = [name for name in v.COMPOSERS if f"composer recognised, {name}" in found]
    if not names:
        return gr.skip()
    ours = [found[f"composer recognised, {name}"]["value"] for name in names]
    real = [_share(found[f"composer recognised, {name}"].get("split", "")) for name in names]
    figure = _bars(t, names, {t("judged_ours"): ours, t("judged_real"): real}, t("judged_y"))
    chance = found[ROWS["chance"]]["value"]
    _line(figure, chance)
    mean, mean_real = (found[ROWS[key]]["value"] for key in ("recognised", "recognised_real"))
    return w.plot(figure, t("judged_summary", ours=f"{100 * mean:.0f}", real=f"{100 * mean_real:.0f}",
                            chance=f"{100 * chance:.0f}"))  # fmt: skip


def _share(text: str) -> float | None:
    """The number in "real works: 0.45"."""
    number = re.search(r"\d+(?:\.\d+)?", text)
    return float(number[0]) if number else None


def _bars(t: Strings, names: list[str], rows: dict[str, list[Any]], y_title: str) -> Any:
    import plotly.graph_objects as go

    from core import plots

    figure = go.Figure()
    for (label, values), role in zip(rows.items(), ("model", "reference")):
        figure.add_bar(x=[t(f"style_{name}") for name in names], y=values, name=label,
                       marker_color=plots.ROLES[role], marker_line_width=0)  # fmt: skip
    return plots.layout(figure, x_title="", y_title=y_title, barmode="group", bargap=0.25, margin={"t": 40},
                        showlegend=len(rows) > 1, legend={"orientation": "h", "y": 1.15})  # fmt: skip


def _line(figure: Any, height: float) -> None:
    from core import plots

    figure.add_hline(height, line_dash="dash", line_color=plots.INK, line_width=1)
