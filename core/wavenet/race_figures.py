"""Pictures of the race: operations so far, samples per second, cost by length. Numbers in, figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core import plots
from core.wavenet.race import cumulative

SAMPLE_RATE_HZ = 16_000


def operations(config: Any, *, samples: int, naive: str, cached: str, x_title: str, y_title: str,
               reach: str) -> go.Figure:  # fmt: skip
    """Multiply-adds of a whole sound against its length, both axes logarithmic.

    Args:
        config: sizes of a network.  samples: the longest sound.
        naive, cached: names of the two curves.  reach: label of the line at the receptive field.
    """
    lengths = np.unique(np.geomspace(1, samples, 60).round().astype(int))
    pairs = np.array([cumulative(config, int(n)) for n in lengths], dtype=float)
    figure = plots.lines(
        {naive: (lengths, pairs[:, 0]), cached: (lengths, pairs[:, 1])}, x_title=x_title, y_title=y_title,
        roles=("model", "reference"), log_x=True, log_y=True,
    )  # fmt: skip
    field = config.receptive_field_samples
    figure.add_vline(x=field, line={"color": plots.MUTED, "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=float(np.log10(field)), xref="x", y=1, yref="paper", text=reach, showarrow=False, xanchor="left",
        yanchor="top", xshift=5, font={"color": plots.MUTED},
    )  # fmt: skip
    return _powers_of_ten(figure)


def _powers_of_ten(figure: go.Figure) -> go.Figure:
    """Ticks at 1, 10, 100 …; plotly alone writes bare 2s and 5s between them."""
    figure.update_xaxes(dtick=1, selector={"type": "log"})
    return figure.update_yaxes(dtick=1, selector={"type": "log"})


def speeds(rows: Sequence[Mapping[str, Any]], *, x_title: str, real_time: str) -> go.Figure:
    """Bars of samples per second on a logarithmic axis, with the line of real time.

    Args:
        rows: for each engine, in order, "name", "speed" (samples/s; None when not measured), "label" (what to write
            beside the bar) and "chosen" (whether it is the one that auto takes).
    """
    figure = go.Figure()
    known = [row["speed"] for row in rows if row["speed"]]
    low = min([100.0, *known]) / 3
    near = [
        0.05 * SAMPLE_RATE_HZ < (row["speed"] or 0) < SAMPLE_RATE_HZ for row in rows
    ]  # the line crosses a label
    figure.add_bar(
        y=[row["name"] for row in rows], x=[float(row["speed"] or low) for row in rows], orientation="h",
        text=[row["label"] for row in rows], textposition=["inside" if inside else "outside" for inside in near],
        insidetextanchor="end", textangle=0, insidetextfont={"color": plots.SURFACE}, cliponaxis=False,
        hoverinfo="y+text",
        marker_color=[
            plots.RULE if not row["speed"] else plots.MODEL if row["chosen"] else plots.REFERENCE for row in rows
        ],
    )  # fmt: skip
    high = max([float(SAMPLE_RATE_HZ), *known]) * 12
    figure.add_vline(x=SAMPLE_RATE_HZ, line={"color": plots.ACCENT, "width": 2})
    figure.add_annotation(
        x=float(np.log10(SAMPLE_RATE_HZ)), xref="x", y=1, yref="paper", text=real_time, showarrow=False,
        xanchor="right", yanchor="bottom", font={"color": plots.ACCENT},
    )  # fmt: skip
    figure.update_xaxes(type="log", range=[float(np.log10(low)) - 0.1, float(np.log10(high))])
    figure.update_yaxes(autorange="reversed")
    return _powers_of_ten(plots.layout(figure, x_title=x_title, y_title=""))


def costs(curves: Mapping[str, Mapping[int, float]], *, title: str, x_title: str, y_title: str, reach: str,
          field: int) -> go.Figure:  # fmt: skip
    """Microseconds a sample costs after so many others, one line per engine; length 0 is drawn at 1.

    Args:
        title: which network, stands above.  reach: label of the line at its receptive field, `field` samples.
    """
    figure = plots.lines(
        {name: ([max(1, n) for n in points], list(points.values())) for name, points in curves.items()},
        x_title=x_title, y_title=y_title, markers=True, log_x=True, log_y=True,
    )  # fmt: skip
    figure.add_vline(x=field, line={"color": plots.MUTED, "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=float(np.log10(field)), xref="x", y=1, yref="paper", text=reach, showarrow=False, xanchor="right",
        yanchor="top", xshift=-5, font={"color": plots.MUTED},
    )  # fmt: skip
    known = [np.log10(us) for points in curves.values() for us in points.values()]
    figure.update_yaxes(range=[min(known) - 0.2, max(known) + 0.5])  # room for the label above the curves
    head = {
        "text": title,
        "font": {"size": 14},
        "x": 0,
        "xref": "paper",
        "y": 1,
        "yanchor": "top",
        "pad": {"t": 6},
    }
    figure.update_layout(title=head, margin={"t": 76})
    return _powers_of_ten(figure)
