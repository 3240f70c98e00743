"""The figure of the architecture cell: how far each block sees, and where the parameters are."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from core import plots
from core.separation.shapes import Block, Facts

TRACES = 3  # of each part: a line above, two sorts of bars below


def by_part(facts: Facts) -> list[list[Block]]:
    """The blocks of each part in the order of the signal, which are the points of its traces in `reached`."""
    found: dict[str, list[Block]] = {}
    for block in facts.blocks.values():
        found.setdefault(block.part, []).append(block)
    return list(found.values())


def reached(facts: Facts, parts: Mapping[str, str], blocks: Mapping[str, str], words: Mapping[str, str]) -> go.Figure:
    """Over the scales, down and up: the receptive field by the convolutions alone, and the parameters.

    Args:
        parts, blocks: what to call each.  words: ms, parameters, scale, final, lstm (blocks), whole (said of blocks
            that see every frame).
    """
    deepest = max(block.step.bit_length() - 1 for block in facts.blocks.values())
    figure = go.Figure()
    for i, members in enumerate(by_part(facts)):
        name, colour = parts[members[0].part], plots.CYCLE[i % len(plots.CYCLE)]
        x = [_column(one, deepest) for one in members]
        said = [f"{blocks[one.name]}" + (f"<br>{words['whole']}" if one.whole else "") for one in members]
        figure.add_scatter(
            x=x, y=[round(facts.milliseconds(one.reach_frames), 1) for one in members], name=name, text=said,
            customdata=[round(facts.hertz(one.reach_bins)) for one in members], mode="lines+markers",
            line={"color": colour, "width": 1.5}, legendgroup=name, yaxis="y2",
            marker={"color": colour, "size": 10, "symbol": ["diamond" if one.whole else "circle" for one in members]},
            hovertemplate="%{text}<br>%{y:,.0f} ms × %{customdata:,} Hz<extra></extra>",
        )  # fmt: skip
        for lstm, sizes in enumerate(([one.parameters for one in members], [one.lstm_parameters for one in members])):
            label = f"<br>{words['lstm']}" if lstm else ""
            figure.add_bar(
                x=x, y=sizes, name=name, marker_color=colour, legendgroup=name, showlegend=False,
                text=[blocks[one.name] + label for one in members], textposition="none",
                marker_opacity=0.5 if lstm else 1,
                hovertemplate=f"%{{text}}<br>%{{y:,}} {words['parameters']}<extra></extra>",
            )  # fmt: skip
    ticks = ["1", *(f"1/{2**i}" for i in range(1, deepest + 1))]
    figure.update_xaxes(tickvals=list(range(2 * deepest + 2)), ticktext=[*ticks, *ticks[-2::-1], words["final"]])
    plots.layout(figure, x_title=words["scale"], y_title=words["parameters"], hovermode="closest", barmode="stack")
    figure.update_layout(
        yaxis={"domain": [0, 0.42]}, yaxis2={"domain": [0.52, 1], "type": "log", "dtick": 1, "title_text": words["ms"]},
        margin_t=50,
    )  # fmt: skip
    return plots.on_a_phone(figure, {"xaxis.tickangle": -60})


def _column(block: Block, deepest: int) -> int:
    """Where a block stands on the way down and up; scales that a part lacks are left out."""
    if block.name == "final":
        return 2 * deepest + 1
    level = block.step.bit_length() - 1
    return level if ".down." in block.name else 2 * deepest - level
