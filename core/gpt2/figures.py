"""Figures of a GPT-2: where its parameters are, what a step computes and what it reads, how fast it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from core import plots
from core.gpt2.model import GPT2Config
from core.gpt2.shapes import parameters_by_part, step

COLOURS = {"wte": plots.REFERENCE, "wpe": plots.OLIVE, "attn": plots.MODEL, "mlp": plots.ACCENT, "norms": plots.GREY}
NOTHING, EARLIER, READ, NOW = range(4)  # what a cell of `looks` is at this step
STATES = {EARLIER: plots.RULE, READ: plots.REFERENCE, NOW: plots.MODEL}


def parameters(config: GPT2Config, words: Mapping[str, str]) -> go.Figure:
    """Parameters of every block, stacked by part; a point's x is the block's name.

    Args:
        words: wte, wpe, attn, mlp, norms, block, parameters.
    """
    blocks = parameters_by_part(config)
    figure = go.Figure()
    for part, colour in COLOURS.items():
        sizes = [parts.get(part, 0) + (parts.get("ln_f", 0) if part == "norms" else 0) for parts in blocks.values()]
        figure.add_bar(
            x=list(blocks), y=sizes, name=words[part], marker_color=colour, marker_line_width=0,
            hovertemplate=f"%{{x}}: {words[part]}<br>%{{y:,}} {words['parameters']}<extra></extra>",
        )  # fmt: skip
    plots.layout(figure, x_title=words["block"], y_title=words["parameters"], barmode="stack", bargap=0.15)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}, margin_t=60)
    return plots.on_a_phone(figure, {"xaxis.tickangle": -60})


def states(position: int, tokens: int, *, past: bool) -> tuple[list[list[int]], list[int]]:
    """What the step does whose newest token is number `position` (from 1): products [N][N], keys and values [N].

    products[i][j] is q_i k_j; a row is a query.
    """
    products, keys = [], []
    for i in range(tokens):
        state = NOTHING if i >= position else EARLIER if past and i < position - 1 else NOW
        products.append([state if j <= i else NOTHING for j in range(tokens)])
        keys.append(READ if state == EARLIER else state)
    return products, keys


def looks(position: int, tokens: Sequence[str], words: Mapping[str, str]) -> go.Figure:
    """One step without a past and with it: above, the products of queries and keys; below, the keys and values.

    Args:
        position: number of the newest token, from 1.
        words: without, with, query, key, keys, now, read, earlier.
    """
    names = [f"{i + 1} {token}" for i, token in enumerate(tokens)]
    said = {NOTHING: "", EARLIER: words["earlier"], READ: words["read"], NOW: words["now"]}
    figure = go.Figure()
    for side, past in enumerate((False, True)):
        products, keys = states(position, len(tokens), past=past)
        axes = {"xaxis": "x2" if past else "x"}
        for rows, y, yaxis in ((products, names, "y"), ([keys], [words["keys"]], "y2")):
            for state, colour in STATES.items():
                figure.add_heatmap(
                    z=[[1 if cell == state else None for cell in row] for row in rows], x=names, y=y, **axes,
                    yaxis=yaxis, colorscale=plots.scale((colour, colour)), showscale=False, xgap=2, ygap=2,
                    name=said[state], hovertemplate=f"%{{y}}<br>%{{x}}<br>{said[state]}<extra></extra>",
                    hoverongaps=False,
                )  # fmt: skip
        figure.add_annotation(
            text=words["with" if past else "without"], x=0.5 * side + 0.23, y=1.0, xref="paper", yref="paper",
            showarrow=False, yanchor="bottom", font={"size": 13},
        )  # fmt: skip
    for state in (NOW, READ, EARLIER):
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=said[state],
            marker={"symbol": "square", "size": 11, "color": STATES[state]},
        )  # fmt: skip
    plots.layout(figure, x_title=words["key"], y_title=words["query"], showlegend=True, hovermode="closest")
    plain = {"showgrid": False, "zeroline": False, "type": "category", "categoryarray": names, "tickangle": -60}
    figure.update_layout(
        xaxis={"domain": [0, 0.47], "anchor": "y2", **plain},
        xaxis2={"domain": [0.53, 1], "anchor": "y2", "title": {"text": words["key"]}, **plain},
        yaxis={"domain": [0.16, 1], "autorange": "reversed", "showgrid": False, "zeroline": False},
        yaxis2={"domain": [0, 0.08], "showgrid": False, "zeroline": False},
        legend={"orientation": "h", "y": 1.08, "yanchor": "bottom"}, margin_t=90,
    )  # fmt: skip
    hidden = {f"{axis}.showticklabels": False for axis in ("xaxis", "xaxis2", "yaxis", "yaxis2")}
    return plots.on_a_phone(figure, {**hidden, "yaxis.title.text": "", "xaxis.title.text": ""})


def growth(config: GPT2Config, counts: Mapping[int, tuple[int, int]], words: Mapping[str, str]) -> go.Figure:
    """Multiplications a token takes, by position, with a past and without; counted ones as crosses.

    Args:
        counts: position -> counted multiplications (with a past, without).
        words: with, without, counted, position, multiplications.
    """
    places = sorted({*range(1, config.n_ctx + 1, max(1, config.n_ctx // 128)), config.n_ctx})
    steps = [step(config, place) for place in places]
    figure = plots.lines(
        {words["without"]: (places, [one.multiplications_anew for one in steps]),
         words["with"]: (places, [one.multiplications for one in steps])},
        x_title=words["position"], y_title=words["multiplications"], roles=("reference", "model"), log_y=True,
    )  # fmt: skip
    figure.add_scatter(
        x=[place for place in counts for _ in range(2)], y=[value for pair in counts.values() for value in pair],
        mode="markers", name=words["counted"],
        marker={"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": plots.INK}},
    )  # fmt: skip
    figure.update_traces(hovertemplate=f"{words['position']} %{{x}}<br>%{{y:.3s}} {words['multiplications']}")
    figure.update_yaxes(exponentformat="SI")  # giga, not billion
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    return figure


def race(curves: Mapping[str, tuple[Sequence[int], Sequence[float]]], words: Mapping[str, str]) -> go.Figure:
    """Tokens a second by position, each way a line: without a past, with it.

    Args:
        curves: "without" and "with" -> (positions, tokens/s).  words: without, with, position, speed.
    """
    figure = plots.lines(
        {words[name]: points for name, points in curves.items()}, x_title=words["position"], y_title=words["speed"],
        roles=[{"without": "reference", "with": "model"}[name] for name in curves], log_y=True,
    )  # fmt: skip
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}, showlegend=True)
    return figure


def speeds(moments: Sequence[float], *, over: int = 8) -> tuple[list[int], list[float]]:
    """Moments (s) at which tokens came -> (number of each token, tokens/s over the last few before it)."""
    numbers = list(range(over, len(moments), max(1, over // 2)))
    return numbers, [over / max(1e-9, moments[i] - moments[i - over]) for i in numbers]
