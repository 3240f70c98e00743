"""SiSEC 2018: thirty methods on the fifty test tracks of MUSDB18, down to one track, and two of them compared."""

from __future__ import annotations

import base64
import html
from functools import partial
from typing import Any

import gradio as gr

from core.separation import sisec
from demos import _widgets as w
from demos._tab import Strings

CELL = "sisec"
METHOD, OTHER, TRACK = "TAK1", "UHL2", "Punkdisco - Oral Hygiene"
LEAST_DB, CHANCE = 0.2, 0.05  # of the exercise: a median that looks like a difference, p from which it may be none
ROWS_PX = 770  # of the figures that have a row for each method
PAPERS = {"lstm": "TAK1", "more": "TAK2", "net": "TAK3", "mixture": "MIX", "mask": "IRM1", "binary": "IBM1"}


def build(t: Strings) -> None:
    """The cell `sisec`."""
    names = sorted(method.name for method in sisec.table().methods)
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "oracle")
        controls = _overview_controls(t)
        overview = w.figure(t, "overview", height=ROWS_PX)
        about, anchors = w.note(t, "about"), w.note(t, "anchors")
        w.prose(t, "sisec-tracks")
        boxes = w.figure(t, "boxes", height=ROWS_PX)
        ease = w.figure(t, "ease", height=320)
        on_track = w.figure(t, "track", height=ROWS_PX)
        saved = gr.HTML(elem_id="sisec-csv", elem_classes=["out-cell", "player"], apply_default_css=False)
        w.prose(t, "sisec-pair")
        w.quiz(t, "chance")
        pair = _pair_controls(t, names)
        differences = w.figure(t, "differences", height=360)
        verdict = w.note(t, "verdict")
        pointed = w.note(t, "pair-track")
        pair_saved = gr.HTML(elem_id="sisec-pair-csv", elem_classes=["out-cell", "player"], apply_default_css=False)
        w.exercise(t, "doubt", doubt, pair)
        w.code(t, "core.separation.sisec:shown", "core.separation.sisec:by_ease", "core.separation.sisec:compare")
    shown = [overview, about, anchors, boxes, ease, on_track, saved]
    _wire_overview(t, controls, shown)
    _wire_pair(t, pair, [differences, verdict, pointed, pair_saved])


def _wire_overview(t: Strings, controls: list[Any], shown: list[Any]) -> None:
    overview, _, _, boxes, ease, on_track, _ = shown
    method, track = gr.State(METHOD), gr.State(TRACK)
    inputs = [*controls, method, track]

    def pick_cell(target: str, now: str, event: gr.SelectData) -> tuple[str, str]:
        texts = {t(f"target_{name}"): name for name in sisec.TARGETS}
        return texts.get(str(event.value.get("x")), target), _named(event, now)

    w.on(t, overview.appear, partial(show, t), inputs, shown)
    w.on(t, [one.change for one in inputs], partial(show, t), inputs, shown, trigger_mode="always_last")
    w.on(t, overview.select, pick_cell, [controls[1], method], [controls[1], method])
    w.on(t, boxes.select, _pick_box, [method, track], [method, track])
    w.on(t, ease.select, _pick_track, [*controls, track], track)
    w.on(t, on_track.select, _pick_method, method, method)


def _wire_pair(t: Strings, pair: list[Any], compared: list[Any]) -> None:
    differences, _, pointed, _ = compared

    def point(first: str, second: str, target: str, metric: str, event: gr.SelectData) -> Any:
        return one_track(t, first, second, target, metric, event.value.get("x"))

    w.on(t, differences.appear, partial(show_pair, t), pair, compared)
    w.on(t, [one.change for one in pair], partial(show_pair, t), pair, compared, trigger_mode="always_last")
    w.on(t, differences.select, point, pair, pointed)


def _overview_controls(t: Strings) -> list[Any]:
    """metric, target, order, group."""
    targets = [(t(f"target_{name}"), name) for name in sisec.TARGETS]
    orders = [*((t("order_by", target=text), name) for text, name in targets), (t("order_name"), "name")]
    groups = [(t(f"group_{name}"), name) for name in sisec.GROUPS]
    with w.controls(t):
        with w.row():
            metric = w.link("sisec-metric", gr.Radio(list(sisec.METRICS), value="SDR", label=t("metric")))
            target = w.link("sisec-target", gr.Radio(targets, value="vocals", label=t("target")))
        with w.row():
            order = w.link("sisec-order", gr.Dropdown(orders, value="vocals", label=t("order")))
            group = w.link("sisec-group", gr.Dropdown(groups, value="all", label=t("group")))
    return [metric, target, order, group]


def _pair_controls(t: Strings, names: list[str]) -> list[Any]:
    """first, second, target, metric."""
    targets = [(t(f"target_{name}"), name) for name in sisec.TARGETS]
    choices = [(f"{name} · {_about(t, name)}", name) for name in names]
    with w.controls(t):
        with w.row():
            first = w.link("pair-a", gr.Dropdown(choices, value=METHOD, label=t("first")))
            second = w.link("pair-b", gr.Dropdown(choices, value=OTHER, label=t("second")))
        with w.row():
            target = w.link("pair-target", gr.Radio(targets, value="vocals", label=t("target")))
            metric = w.link("pair-metric", gr.Radio(list(sisec.METRICS), value="SDR", label=t("metric")))
    return [first, second, target, metric]


def _about(t: Strings, name: str) -> str:
    """One line on a method, in the page's language."""
    scores = sisec.table()
    return t("about.ours") if scores.methods[scores.row(name)].ours else t(f"about.{name}")


def _words(t: Strings, *keys: str) -> dict[str, str]:
    return {key: t(key) for key in keys}


def show(t: Strings, metric: str, target: str, order: str, group: str, method: str, track: str) -> tuple[Any, ...]:
    """(overview, about the method, anchors, boxes, tracks by ease, one track, download) of what was chosen."""
    from core.separation import sisec_figures as figures

    scores = sisec.table()
    rows = sisec.shown(scores, group=group, order=order, metric=metric)
    methods, medians = [scores.methods[i] for i in rows], scores.medians(metric)[rows]
    values, column = scores.of(target, metric)[rows], sisec.TARGETS.index(target)
    words = {"decibels": f"{metric} (dB)"} | _words(t, "none", "here", "median", "ease")
    names = [one.name for one in methods]
    here, open_track = names.index(method) if method in names else -1, scores.tracks.index(track)
    targets = [t(f"target_{name}") for name in sisec.TARGETS]
    said = {"target": targets[column].lower(), "metric": metric}
    easy, quartiles = sisec.by_ease(scores, rows, target, metric)
    tracks = [scores.tracks[i] for i in easy]
    place = easy.index(open_track) if open_track in easy else -1
    return (
        w.plot(
            figures.overview(medians, methods, targets=targets, chosen=(here, column), words=words),
            t("overview_summary", methods=len(methods), **said),
        ),
        describe(t, method, target, metric),
        anchors(t),
        w.plot(
            figures.boxes(values, methods, tracks=scores.tracks, chosen=method, words=words),
            t("boxes_summary", method=method, **said) + (f" {t('boxes_far')}" if figures.left_end(values)[1] else ""),
        ),
        w.plot(
            figures.ease(quartiles, tracks, chosen=place, words=words),
            _say_ease(t, scores, easy, quartiles[1], metric, target),
        ),
        w.plot(
            figures.on_track(values[:, open_track], medians[:, column], methods, chosen=method, words=words),
            t("track_summary", track=track, place=place + 1, tracks=len(tracks), **said),
        ),
        _downloads(t, {
            f"sisec2018-{metric}-medians.csv": sisec.as_csv(
                ["method", "kind", "extra_training_data", *sisec.TARGETS],
                [[one.name, one.kind, one.extra, *row] for one, row in zip(methods, medians)],
            ),
            f"sisec2018-{metric}-{target}-tracks.csv": sisec.as_csv(
                ["track", *names], [[name, *row] for name, row in zip(scores.tracks, values.T)]
            ),
        }),
    )  # fmt: skip


def _say_ease(t: Strings, scores: sisec.Scores, easy: list[int], medians: Any, metric: str, target: str) -> str:
    """Which song is easy, which is hard, and whether it is the loudness of the target that decides."""
    if not easy:
        return t("none")
    said = {"easiest": scores.tracks[easy[0]], "hardest": scores.tracks[easy[-1]], "metric": metric}
    said["target"] = t(f"target_{target}").lower()
    mixture = scores.of(target, "SDR")[scores.row(sisec.MIXTURE), easy]
    return t("ease_summary", correlation=f"{sisec.rank_correlation(medians, mixture):.2f}", **said)


def describe(t: Strings, method: str, target: str, metric: str) -> str:
    """What a method is, and its numbers for one target."""
    import numpy as np

    scores = sisec.table()
    row = scores.row(method)
    one, values = scores.methods[row], scores.of(target, metric)[row]
    text = f"**{method}** · {_about(t, method)} · {t(f'kind_{one.kind}')}{t('kind_extra') if one.extra else ''}"
    text += f" · {one.authors}" if one.authors else ""
    there = values[~np.isnan(values)]
    numbers = {"target": t(f"target_{target}").lower(), "metric": metric, "tracks": len(scores.tracks)}
    if not len(there):
        return f"{text}\n\n{t('about_none', **numbers)}"
    low, middle, high = np.percentile(there, [25, 50, 75])
    numbers |= {"low": f"{low:.2f}", "median": f"{middle:.2f}", "high": f"{high:.2f}", "scored": len(there)}
    return f"{text}\n\n{t('about_numbers', **numbers)}"


def anchors(t: Strings) -> str:
    """Where MMDenseLSTM stands between floor and ceiling, and where our own network is; numbers from the table."""
    scores = sisec.table()
    vocals = scores.medians("SDR")[:, 0]
    numbers = {key: f"{vocals[scores.row(name)]:.2f}" for key, name in PAPERS.items()}
    plain = [i for i, method in enumerate(scores.methods) if method.within("musdb_only") and not method.ours]
    rank = 1 + sum(vocals[i] > vocals[scores.row("TAK1")] for i in plain)
    ours = [method.name for method in scores.methods if method.ours]
    last = t("ours_here", method=ours[0], value=f"{vocals[scores.row(ours[0])]:.2f}") if ours else t("ours_missing")
    return t("anchors_text", rank=rank, plain=len(plain), **numbers) + "\n\n" + last


def show_pair(t: Strings, first: str, second: str, target: str, metric: str) -> tuple[Any, ...]:
    """(differences, verdict, a hint, download) of two methods."""
    from core.separation import sisec_figures as figures

    scores = sisec.table()
    pair = sisec.compare(scores, first, second, target=target, metric=metric)
    words = _words(t, "median", "pair_tracks") | {"better": t("better", method="{method}")}
    words |= {"track": words["pair_tracks"], "difference": t("difference", metric=metric)}
    picture = figures.differences(pair, first=first, second=second, tracks=scores.tracks, words=words)
    said = {"first": first, "second": second, "metric": metric, "target": t(f"target_{target}").lower()}
    summary = t("differences_summary", tracks=len(pair.tracks), median=f"{pair.median:+.2f}", **said)
    values = scores.of(target, metric)
    one, other = values[scores.row(first)], values[scores.row(second)]
    table = sisec.as_csv(
        ["track", first, second, "difference"],
        [[scores.tracks[i], one[i], other[i], d] for i, d in zip(pair.tracks, pair.differences)],
    )
    name = f"sisec2018-{metric}-{target}-{first}-{second}.csv"
    return w.plot(picture, summary), verdict(t, pair, first, second), t("point_hint"), _downloads(t, {name: table})


def verdict(t: Strings, pair: sisec.Pair, first: str, second: str) -> str:
    """What the comparison says, in plain words."""
    count = len(pair.tracks)
    same = count - pair.first_better - pair.second_better
    numbers = {"first": first, "second": second, "count": count, "favour": pair.first_better,
               "against": pair.second_better, "same": same, "median": f"{pair.median:+.2f}"}  # fmt: skip
    parts = [t("verdict_counts", **numbers)]
    if pair.p != pair.p:
        parts.append(t("verdict_equal"))
    else:
        digits, _, power = f"{pair.p:.1e}".partition("e")
        p = f"{pair.p:.3f}" if pair.p >= 1e-3 else f"${digits} \\cdot 10^{{{int(power)}}}$"
        parts.append(t("verdict_differ" if pair.p < 0.05 else "verdict_open", p=p, **numbers))
    if pair.missing:
        parts.append(t("verdict_missing", missing=pair.missing))
    return " ".join(parts)


def doubt(first: Any, second: Any, target: Any, metric: Any) -> tuple[str, dict[str, Any]]:
    """The exercise: two methods whose scores differ by LEAST_DB, and yet it may be chance which of them wins.

    Raises:
        DataError: as `sisec.compare`.
    """
    scores = sisec.table()
    names = [method.name for method in scores.methods]
    first, second = first if first in names else METHOD, second if second in names else OTHER
    target, metric = target if target in sisec.TARGETS else "vocals", metric if metric in sisec.METRICS else "SDR"
    pair = sisec.compare(scores, first, second, target=target, metric=metric)
    values = {"first": first, "second": second, "median": f"{pair.median:+.2f}", "p": f"{pair.p:.2g}",
              "favour": pair.first_better, "against": pair.second_better, "count": len(pair.tracks),
              "least": LEAST_DB, "chance": CHANCE}  # fmt: skip
    if abs(pair.median) < LEAST_DB:
        return "small", values
    return ("right" if pair.p >= CHANCE else "sure"), values


def _downloads(t: Strings, tables: dict[str, str]) -> str:
    """Links that save tables as files."""
    links = []
    for name, text in tables.items():
        data = base64.b64encode(text.encode("utf-8")).decode("ascii")
        href = f"data:text/csv;charset=utf-8;base64,{data}"
        links.append(f'<a href="{href}" download="{html.escape(name)}">{html.escape(name)}</a>')
    return f'<span class="downloads">{html.escape(t("save"))} {" ".join(links)}</span>'


def one_track(t: Strings, first: str, second: str, target: str, metric: str, place: Any) -> Any:
    """The two scores on the track whose bar was clicked; places count from 1."""
    scores = sisec.table()
    pair = sisec.compare(scores, first, second, target=target, metric=metric)
    if not isinstance(place, int | float) or not 1 <= place <= len(pair.tracks):
        return gr.skip()
    i = pair.tracks[int(place) - 1]
    values = scores.of(target, metric)
    one, other = (f"{values[scores.row(name), i]:.2f}" for name in (first, second))
    names = {"first": first, "second": second, "track": html.escape(scores.tracks[i])}
    return t("pointed", one=one, other=other, metric=metric, **names)


def _pick_box(method: str, track: str, event: gr.SelectData) -> tuple[str, str]:
    tracks, point = sisec.table().tracks, event.index[1]
    here = isinstance(point, int) and 0 <= point < len(tracks)
    return _named(event, method), tracks[point] if here else track


def _pick_track(metric: str, target: str, order: str, group: str, track: str, event: gr.SelectData) -> str:
    scores, point = sisec.table(), event.index[1]
    easy, _ = sisec.by_ease(scores, sisec.shown(scores, group=group, order=order, metric=metric), target, metric)
    return scores.tracks[easy[point]] if isinstance(point, int) and 0 <= point < len(easy) else track


def _pick_method(method: str, event: gr.SelectData) -> str:
    return _named(event, method)


def _named(event: gr.SelectData, otherwise: str) -> str:
    """The method whose row was clicked."""
    name = str(event.value.get("y")).split(" · ")[0]
    return name if any(method.name == name for method in sisec.table().methods) else otherwise
