"""Pictures of what flows through each block of the network: a look (`core.wavenet.inside`) in, a figure out.

Figures take `words`, the axis titles in the reader's language: time, channel, code, layer, probability, size, and
tanh, sigmoid, product, stream, update, heard, mel, added, norm for the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import plots
from core.wavenet.inside import CONDITION_STEP, Look, gate

Words = Mapping[str, str]
RATE_KHZ = 16


def milliseconds(look: Look, step: int = 1) -> np.ndarray:
    """When each column of the window was heard, in ms from the beginning of the voice."""
    return (look["start"] + np.arange(0, look["window"], step)) / RATE_KHZ


def draw(block: str, look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    """The figure of one block of the diagram.

    Args:
        block: a key of FIGURES.  layer: the chosen layer.  sample: the chosen column of the window.
    Raises:
        KeyError: no such block.
    """
    return FIGURES[block](look, layer, sample, words)


def codes(look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    """The mu-law codes that are read, as a staircase."""
    x = milliseconds(look)
    figure = plots.lines(
        {words["code"]: (x, look["codes"])}, x_title=words["time"], y_title=words["code"], shape="hv",
        roles=("reference",),
    )  # fmt: skip
    figure.add_scatter(
        x=[float(x[sample])], y=[int(look["codes"][sample])], mode="markers", showlegend=False,
        marker={"size": 11, "color": plots.MODEL},
    )  # fmt: skip
    return figure


def embedding(look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    return _over_time(look, look["embedded"], words, signed=True)


def dilated(look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    """Both halves before their nonlinearities: the lower channels go to tanh, the upper to the sigmoid."""
    pre = look["pre"][layer]
    figure = _over_time(look, pre, words, signed=True)
    figure.add_hline(y=pre.shape[1] / 2 - 0.5, line={"color": plots.INK, "width": 1, "dash": "dot"})
    return figure


def gates(look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    """tanh, sigmoid and their product over time and channels."""
    parts = gate(look, layer)
    names = [words[key] for key in ("tanh", "sigmoid", "product")]
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=names)
    for row, (values, name) in enumerate(zip(parts, names), start=1):
        signed = row != 2
        figure.add_trace(_heatmap(look, values, signed=signed, low=-1 if signed else 0, high=1, name=name), row, 1)
        figure.data[-1].colorbar.update(len=0.3, y=(0.88, 0.5, 0.12)[row - 1])
        figure.update_yaxes(title_text=words["channel"], row=row, col=1)
    figure.update_xaxes(title_text=words["time"], row=3, col=1)
    return plots.layout(figure, x_title="", y_title=words["channel"])


def condition(look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    """The mel of the whole sentence with the window marked, and what it adds to this layer's gate."""
    mel = np.asarray(look["mel"], dtype=np.float32)
    names = [words["mel"], words["added"]]
    figure = make_subplots(rows=2, cols=1, vertical_spacing=0.22, subplot_titles=names)
    x = np.arange(mel.shape[1]) * 12.5
    figure.add_trace(_map(mel, x, name=words["mel"]), 1, 1)
    at = look["start"] / RATE_KHZ
    figure.add_vrect(
        x0=at, x1=at + look["window"] / RATE_KHZ, row=1, col=1, fillcolor=plots.MODEL, opacity=0.6, line_width=0
    )
    added = np.asarray(look["condition"][layer], dtype=np.float32).T  # [G, W / 20]
    figure.add_trace(_map(added, milliseconds(look, CONDITION_STEP), signed=True, name=words["added"]), 2, 1)
    for trace, y in zip(figure.data, (0.81, 0.19)):
        trace.colorbar.update(len=0.42, y=y)
    figure.update_yaxes(title_text=words["channel"], row=2, col=1)
    figure.update_xaxes(title_text=words["time"])
    return plots.layout(figure, x_title=words["time"], y_title=words["mel"])


def residual(look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    """How large the stream is that enters each layer, and what the layer adds to it."""
    layers = list(range(len(look["stream_rms"])))
    figure = go.Figure()
    for key, values, colour in (
        ("stream", look["stream_rms"], plots.REFERENCE), ("update", look["update_rms"], plots.MODEL)
    ):  # fmt: skip
        figure.add_bar(x=layers, y=_short(values), name=words[key], marker_color=colour)
    _mark(figure, layer)
    return plots.layout(figure, x_title=words["layer"], y_title=words["size"], barmode="group")


def skip(look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    """How much each layer contributes to the skip sum: on average, and over time."""
    norms = np.asarray(look["skip_norm"], dtype=np.float32)  # [L, W]
    figure = make_subplots(rows=2, cols=1, vertical_spacing=0.2)
    figure.add_bar(
        x=list(range(len(norms))), y=_short(norms.mean(axis=1)), row=1, col=1, showlegend=False,
        marker_color=[plots.MODEL if i == layer else plots.REFERENCE for i in range(len(norms))],
    )  # fmt: skip
    figure.add_trace(_map(norms, milliseconds(look), name=words["norm"]), 2, 1)
    figure.data[-1].colorbar.update(len=0.42, y=0.19)
    figure.update_xaxes(title_text=words["time"], row=2, col=1)
    figure.update_yaxes(title_text=words["layer"], row=2, col=1)
    return plots.layout(figure, x_title=words["layer"], y_title=words["norm"])


def head1(look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    return _over_time(look, look["skip_sum"], words, signed=False)


def head2(look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    return _over_time(look, look["hidden"], words, signed=False)


def softmax(look: Look, layer: int, sample: int, words: Words) -> go.Figure:
    """The distribution of every sample over the codes, the code that was spoken, and one sample's distribution."""
    probabilities = np.asarray(look["probabilities"], dtype=np.float32)  # [W, levels]
    heard = look["codes"]
    x = milliseconds(look)
    figure = make_subplots(rows=2, cols=1, vertical_spacing=0.2, row_heights=[0.58, 0.42])
    levels = probabilities.shape[1]
    seen = probabilities.reshape(len(x), levels // 2, 2).sum(axis=2) if levels % 2 == 0 else probabilities
    shown = np.sqrt(seen.T)  # [levels / 2, W]; the root lets small probabilities be seen
    trace = _map(shown, x, y=np.arange(len(shown)) * (levels / len(shown)), name=words["probability"])
    trace.update(showscale=False, hoverinfo="x+y")
    figure.add_trace(trace, 1, 1)
    figure.add_scatter(
        x=_short(x), y=heard.tolist(), mode="markers", name=words["heard"], row=1, col=1, hoverinfo="skip",
        marker={"size": 3, "color": plots.MODEL},
    )  # fmt: skip
    figure.add_vline(x=float(x[sample]), row=1, col=1, line={"color": plots.INK, "width": 1})
    figure.add_bar(
        x=list(range(levels)), y=_short(probabilities[sample], 5), row=2, col=1, showlegend=False, marker_line_width=0,
        marker_color=[plots.MODEL if i == heard[sample] else plots.ACCENT for i in range(levels)],
    )  # fmt: skip
    figure.update_xaxes(title_text=words["code"], row=2, col=1)
    figure.update_yaxes(title_text=words["probability"], row=2, col=1)
    return plots.layout(figure, x_title=words["time"], y_title=words["code"], bargap=0)


FIGURES: dict[str, Callable[[Look, int, int, Words], go.Figure]] = {
    "codes": codes, "embedding": embedding, "dilated": dilated, "condition": condition, "gate": gates,
    "residual": residual, "skip": skip, "head1": head1, "head2": head2, "softmax": softmax,
}  # fmt: skip


def numbers(block: str, look: Look, layer: int, sample: int) -> dict[str, float]:
    """What the sentence below a block's figure says: at most three numbers, `a`, `b`, `c`, from the look itself."""
    mean = lambda x: float(np.mean(np.asarray(x, dtype=np.float32)))  # noqa: E731
    tanh, sigmoid, product = gate(look, layer)
    heard = int(look["codes"][sample])
    probabilities = np.asarray(look["probabilities"], dtype=np.float32)
    at_heard = np.maximum(probabilities[np.arange(len(probabilities)), look["codes"]], 1e-7)
    norms = np.asarray(look["skip_norm"], dtype=np.float32).mean(axis=1)
    filter_, open_ = np.split(np.asarray(look["pre"][layer], dtype=np.float32), 2, axis=-1)
    table: dict[str, Callable[[], tuple[float, ...]]] = {
        "codes": lambda: (float(np.min(look["codes"])), float(np.max(look["codes"])), float(heard)),
        "embedding": lambda: (float(np.std(np.asarray(look["embedded"], dtype=np.float32))),),
        "dilated": lambda: (float(np.std(filter_)), float(np.std(open_))),
        "condition": lambda: (float(np.asarray(look["condition"][layer], np.float32).std()), float(filter_.std())),
        "gate": lambda: (100 * mean(sigmoid > 0.5), 100 * mean(np.abs(tanh) > 0.9), mean(np.abs(product))),
        "residual": lambda: (float(look["stream_rms"][layer]), float(look["update_rms"][layer])),
        "skip": lambda: (float(norms[layer]), float(norms.argmax()), float(norms.max())),
        "head1": lambda: (100 * mean(np.asarray(look["skip_sum"]) > 0),),
        "head2": lambda: (100 * mean(np.asarray(look["hidden"]) > 0),),
        "softmax": lambda: (float(heard), 100 * float(at_heard[sample]), mean(-np.log2(at_heard))),
    }
    return dict(zip("abc", table[block]()))


def shares(parameters: Mapping[str, int], names: Mapping[str, str], *, y_title: str) -> go.Figure:
    """Where the parameters are: one bar per block of `names` that has any."""
    blocks = [block for block in names if parameters.get(block)]
    figure = go.Figure()
    figure.add_bar(
        x=[parameters[block] for block in blocks], y=[names[block] for block in blocks], orientation="h",
        marker_color=plots.ACCENT, text=[f"{parameters[block]:,}" for block in blocks], textposition="auto",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    return plots.layout(figure, x_title=y_title, y_title="")


def _over_time(look: Look, values: np.ndarray, words: Words, *, signed: bool) -> go.Figure:
    figure = go.Figure(_heatmap(look, values, signed=signed))
    return plots.layout(figure, x_title=words["time"], y_title=words["channel"])


def _heatmap(look: Look, values: np.ndarray, **options: Any) -> go.Heatmap:
    """Values [W, C] with time to the right and channels upwards."""
    return _map(np.asarray(values, dtype=np.float32).T, milliseconds(look), **options)


def _map(values: np.ndarray, x: np.ndarray, *, y: np.ndarray | None = None, signed: bool = False,
         low: float | None = None, high: float | None = None, name: str = "") -> go.Heatmap:  # fmt: skip
    if signed and high is None:
        high = float(np.abs(values).max()) or 1.0
        low = -high
    return go.Heatmap(
        z=[_short(row, 2) for row in values], x=_short(x), y=None if y is None else _short(y), zmin=low, zmax=high,
        colorscale=plots.scale(plots.DIVERGING if signed else plots.LEVELS), name=name,
        colorbar={"thickness": 10, "outlinewidth": 0},
    )  # fmt: skip


def _mark(figure: go.Figure, layer: int) -> None:
    figure.add_vrect(x0=layer - 0.5, x1=layer + 0.5, fillcolor=plots.MODEL, opacity=0.15, line_width=0, layer="below")


def _short(values: Any, digits: int = 3) -> list[float]:
    return [round(float(v), digits) for v in np.asarray(values).reshape(-1)]
