"""The pictures of the cell `recognition`: arrays in, figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from core import plots

if TYPE_CHECKING:
    from core.recognition.beam import Prefix
    from core.recognition.sample import Alignment, Timed

STEP_S = 0.025
COLUMNS, ROWS = 200, 40  # most of a spectrogram
WIDE, NARROW = 40, 14  # steps of a strip that are seen at once, on a desk and on a phone
TREE_STEPS, TREE_NARROW, RANKS = 14, 7, 8
MOST_CELLS = 60_000  # of a lattice
LETTER_ROWS, LETTER_STEPS = 42, 160  # so many letters can stand below each other, beside each other
MONO = "ui-monospace, monospace"
SIGN = {"␣": "–", " ": "␣"}  # how the blank and the space are drawn


def shown(letter: str) -> str:
    """A symbol of `core.recognition.model.ALPHABET` as the pictures write it."""
    return SIGN.get(letter, letter)


def spaced(text: str) -> str:
    """A text whose spaces can be seen."""
    return text.replace(" ", "␣")


def posteriors(probabilities: np.ndarray, mel: np.ndarray, words: Sequence[Timed], alphabet: str, *, seconds: float,
               titles: Mapping[str, str]) -> go.Figure:  # fmt: skip
    """A spectrogram, and below it how probable each letter is at each step, over one time axis.

    Args:
        probabilities: float [T, K].  mel: float [80, F].  words: with their times.  seconds: length of the sound.
        titles: time, letter, band.
    """
    figure = go.Figure()
    parts = np.array_split(mel, min(COLUMNS, mel.shape[1]), axis=1)
    bands = np.stack([part.mean(axis=1) for part in parts], axis=1).reshape(ROWS, -1, len(parts)).mean(axis=1)
    figure.add_heatmap(
        z=np.round(bands, 1).tolist(), x=[round((i + 0.5) * seconds / len(parts), 4) for i in range(len(parts))],
        yaxis="y2", colorscale=plots.scale(plots.LEVELS), showscale=False, opacity=0.6, hoverinfo="skip",
    )  # fmt: skip
    steps = [round(i * STEP_S, 3) for i in range(len(probabilities))]
    figure.add_heatmap(
        z=np.round(100 * probabilities.T).astype(int).tolist(), x=steps, y=[shown(letter) for letter in alphabet],
        coloraxis="coloraxis", hovertemplate="%{x:.2f} s, %{y}: %{z} %<extra></extra>",
    )  # fmt: skip
    figure.update_layout(
        annotations=_labels(words), shapes=[_mark(one.start_s) for one in words], coloraxis=_percent("%", 0.68),
        yaxis={"domain": [0, 0.68], "autorange": "reversed", "type": "category", "dtick": 1,
               "tickfont": {"family": MONO, "size": 11}},
        yaxis2={"domain": [0.71, 0.93], "showticklabels": False, "ticks": "", "title": {"text": titles["band"]}},
        xaxis={"range": [0, seconds], "anchor": "y"},
    )  # fmt: skip
    plots.layout(figure, x_title=titles["time"], y_title=titles["letter"])
    small = {f"annotations.{i}.font.size": 9 for i in range(len(words))}
    narrow = {"yaxis.tickfont.size": 9, "margin.l": 34, "margin.r": 4, "coloraxis.showscale": False}
    return plots.on_a_phone(figure, narrow | small)


def _percent(title: str, tall: float) -> dict[str, Any]:
    """Colours from 0 to 100 %, with their bar beside the lowest part of the figure."""
    bar = {"title": {"text": title}, "thickness": 10, "outlinewidth": 0, "len": tall, "y": tall / 2}
    return {"colorscale": plots.scale(plots.LEVELS), "cmin": 0, "cmax": 100, "colorbar": bar}


def _labels(words: Sequence[Timed]) -> list[dict[str, Any]]:
    """Words above the spectrogram, in two rows where they stand close."""
    return [
        {"text": one.text, "x": round(one.start_s, 3), "y": 0.94 + 0.035 * (number % 2), "yref": "paper",
         "xanchor": "left", "yanchor": "bottom", "showarrow": False, "font": {"size": 12, "color": plots.MODEL}}
        for number, one in enumerate(words)
    ]  # fmt: skip


def _mark(at_s: float) -> dict[str, Any]:
    return {"type": "line", "x0": at_s, "x1": at_s, "y0": 0, "y1": 0.97, "yref": "paper",
            "line": {"color": plots.MODEL, "width": 1, "dash": "dot"}}  # fmt: skip


def strip(path: Sequence[int], probabilities: np.ndarray, alphabet: str, *, step: int,
          words: Mapping[str, str]) -> go.Figure:  # fmt: skip
    """Greedy decoding as three rows of cells: the path, without repetitions, without blanks.

    Args:
        path: the most probable symbol of each step.  step: the one that is looked at.  words: path, merged, text, step.
    """
    count = len(path)
    first = [i for i in range(count) if i == 0 or path[i] != path[i - 1]]
    written = [i for i in first if path[i] != 0]
    rows = ((2, range(count)), (1, first), (0, written))  # from the top
    figure = go.Figure()
    for y, there in rows:
        figure.add_bar(
            x=list(there), y=[0.84] * len(there), base=[y - 0.42] * len(there), width=0.9,
            marker={"color": [plots.GREY if path[i] == 0 else plots.ACCENT for i in there],
                    "opacity": [round(0.12 + 0.5 * float(probabilities[i, path[i]]), 2) for i in there],
                    "line": {"width": 0}},
            text=[shown(alphabet[path[i]]) for i in there], textposition="inside", insidetextanchor="middle",
            textangle=0, textfont={"family": MONO, "size": 13, "color": plots.INK}, constraintext="none",
            customdata=[round(100 * float(probabilities[i, path[i]])) for i in there],
            hovertemplate=words["step"] + " %{x}: %{text}, %{customdata} %<extra></extra>",
        )  # fmt: skip
    names = [words["text"], words["merged"], words["path"]]
    figure.update_layout(
        barmode="overlay", showlegend=False, dragmode="pan", shapes=[_cursor(step, 2.5)],
        yaxis={"tickvals": [0, 1, 2], "ticktext": names, "range": [-0.55, 2.55], "fixedrange": True,
               "showgrid": False, "zeroline": False},
        xaxis={"range": _window(step, count, WIDE), "uirevision": f"{step}/{count}", "showgrid": False,
               "zeroline": False},
    )  # fmt: skip
    plots.layout(figure, x_title=words["step"])
    return plots.on_a_phone(
        figure, {"xaxis.range": _window(step, count, NARROW), "yaxis.tickfont.size": 10, "margin.r": 4}
    )


def _window(step: int, count: int, wide: int) -> list[float]:
    """Steps around this one, as many as are seen at once."""
    left = min(max(step - wide / 2, 0), max(count - wide, 0))
    return [left - 0.5, left + wide - 0.5]


def _cursor(step: int, top: float) -> dict[str, Any]:
    return {"type": "rect", "x0": step - 0.5, "x1": step + 0.5, "y0": -0.5, "y1": top, "layer": "below",
            "line": {"color": plots.MODEL, "width": 2}}  # fmt: skip


def tree(steps: Sequence[Sequence[Prefix]], step: int, *, words: Mapping[str, str]) -> go.Figure:
    """Which texts the search held in the last steps, the best one on top, and what each came from.

    Args:
        steps: of a `Beam`.  words: step, added, same, empty.
    """
    first = max(0, step - TREE_STEPS + 1)
    columns = [list(one[:RANKS]) for one in steps[first : step + 1]]
    ranks = [{prefix.text: rank for rank, prefix in enumerate(column, start=1)} for column in columns]
    best = lineage(columns)
    lines: dict[bool, tuple[list, list]] = {False: ([], []), True: ([], [])}
    for number in range(1, len(columns)):
        for rank, prefix in enumerate(columns[number], start=1):
            if prefix.before in ranks[number - 1]:
                thick = (number, rank) in best and (number - 1, ranks[number - 1][prefix.before]) in best
                xs, ys = lines[thick]
                xs += [first + number - 1, first + number, None]
                ys += [ranks[number - 1][prefix.before], rank, None]
    figure = go.Figure()
    for thick, (xs, ys) in lines.items():
        line = {"color": plots.MODEL if thick else plots.GREY, "width": 3 if thick else 1}
        figure.add_scatter(x=xs, y=ys, mode="lines", hoverinfo="skip", showlegend=False, line=line)
    for grown in (False, True):
        _nodes(figure, columns, first, grown=grown, name=words["added" if grown else "same"])
    last = columns[-1]
    ends = {wide: [tail(one.text, wide, words["empty"]) for one in last] for wide in (16, 11)}
    figure.update_layout(
        yaxis={"side": "right", "autorange": False, "range": [RANKS + 0.6, 0.4], "showgrid": False, "zeroline": False,
               "tickvals": list(range(1, len(last) + 1)), "ticktext": ends[16],
               "tickfont": {"family": MONO, "size": 12}, "fixedrange": True},
        xaxis={"range": [step - TREE_STEPS + 0.5, step + 0.6], "dtick": 2, "fixedrange": True},
    )  # fmt: skip
    plots.layout(figure, x_title=words["step"], hovermode="closest", margin={"l": 16})
    return plots.on_a_phone(figure, {
        "xaxis.range": [step - TREE_NARROW + 0.5, step + 0.6], "yaxis.tickfont.size": 10, "legend.font.size": 10,
        "yaxis.ticktext": ends[11],
    })  # fmt: skip


def _nodes(figure: go.Figure, columns: Sequence[Sequence[Prefix]], first: int, *, grown: bool, name: str) -> None:
    """The texts as points: with their last letter where they have just got it."""
    chosen = [
        (first + number, rank, prefix)
        for number, column in enumerate(columns) for rank, prefix in enumerate(column, start=1)
        if (prefix.text != prefix.before) == grown
    ]  # fmt: skip
    figure.add_scatter(
        x=[x for x, _, _ in chosen], y=[rank for _, rank, _ in chosen], mode="markers+text" if grown else "markers",
        text=[shown(one.text[-1:]) for _, _, one in chosen] if grown else None, name=name,
        textfont={"family": MONO, "size": 13, "color": plots.SURFACE},
        marker={"color": plots.ACCENT if grown else plots.GREY, "size": 20 if grown else 8},
        customdata=[[spaced(one.text), round(one.log_probability, 2), round(one.score, 2)] for _, _, one in chosen],
        hovertemplate="%{customdata[0]}<br>ln p %{customdata[1]}, %{customdata[2]}<extra></extra>",
    )  # fmt: skip


def lineage(columns: Sequence[Sequence[Prefix]]) -> set[tuple[int, int]]:
    """(column, rank) of the best text of the last column and of what it came from, as far back as it is there."""
    found, text = set(), columns[-1][0].text
    for number in range(len(columns) - 1, -1, -1):
        place = next((rank for rank, one in enumerate(columns[number], start=1) if one.text == text), None)
        if place is None:
            break
        found.add((number, place))
        text = columns[number][place - 1].before
    return found


def tail(text: str, letters: int, empty: str) -> str:
    """The end of a text, with its spaces to be seen."""
    if not text:
        return empty
    return spaced(text) if len(text) <= letters else "…" + spaced(text[-letters + 1 :])


def lattice(values: np.ndarray, found: Alignment, *, words: Mapping[str, str]) -> go.Figure:
    """The states of a text over time, the best path through them, and above it when each letter is said.

    Args:
        values: float [T, S], 0 to 1.  words: time, text, share, path, letters.
    """
    every = -(-values.size // MOST_CELLS)
    thin = values[: len(values) // every * every].reshape(-1, every, values.shape[1]).max(axis=1)
    places = np.arange(len(thin)) * every * STEP_S
    figure = go.Figure()
    figure.add_heatmap(
        z=np.round(100 * thin.T).astype(int).tolist(), x=np.round(places, 3).tolist(), coloraxis="coloraxis",
        hovertemplate="%{x:.2f} s: %{z} %<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=np.round(np.arange(len(found.states)) * STEP_S, 3).tolist(), y=found.states.tolist(), mode="lines",
        name=words["path"], line={"color": plots.MODEL, "width": 2, "shape": "hvh"}, hoverinfo="skip",
    )  # fmt: skip
    spoken = [one for one in found.letters if one.text != " "]
    figure.add_bar(
        x=[max(one.end_s - one.start_s, STEP_S) for one in spoken], base=[round(one.start_s, 3) for one in spoken],
        y=[0] * len(spoken), orientation="h", yaxis="y2", name=words["letters"], showlegend=False,
        marker={"color": plots.ACCENT, "opacity": 0.45, "line": {"width": 0}},
        customdata=[[one.text, round(one.start_s, 3), round(one.end_s, 3), round(100 * one.score)] for one in spoken],
        hovertemplate="%{customdata[0]}: %{customdata[1]}–%{customdata[2]} s, %{customdata[3]} %<extra></extra>",
    )  # fmt: skip
    labels = _labels(found.words)
    letters = [
        {"text": one.text, "x": round((one.start_s + one.end_s) / 2, 3), "y": 0, "yref": "y2", "showarrow": False,
         "font": {"family": MONO, "size": 12}}
        for one in spoken if len(found.states) <= LETTER_STEPS
    ]  # fmt: skip
    ticks = row_labels(found.text)
    bare = {"showgrid": False, "zeroline": False}
    figure.update_layout(
        annotations=labels + letters, coloraxis=_percent(words["share"], 0.82),
        yaxis={"domain": [0, 0.82], "autorange": "reversed", "tickvals": [2 * i + 1 for i, _ in ticks],
               "ticktext": [label for _, label in ticks], "tickfont": {"family": MONO, "size": 9}, **bare},
        yaxis2={"domain": [0.85, 0.93], "showticklabels": False, "ticks": "", "range": [-0.5, 0.5], **bare},
        xaxis={"range": [0, len(found.states) * STEP_S], "anchor": "y"},
    )  # fmt: skip
    plots.layout(figure, x_title=words["time"], y_title=words["text"], showlegend=False)
    narrow = {"margin.l": 40, "margin.r": 4, "coloraxis.showscale": False, "annotations": labels}
    return plots.on_a_phone(figure, narrow)


def row_labels(text: str) -> list[tuple[int, str]]:
    """(place of a letter, what stands beside its row): every letter of a short text, of a long one every word."""
    if len(text) <= LETTER_ROWS:
        return [(place, shown(letter)) for place, letter in enumerate(text)]
    return [(place, text[place:].split(" ", 1)[0]) for place in range(len(text))
            if text[place] != " " and (place == 0 or text[place - 1] == " ")]  # fmt: skip
