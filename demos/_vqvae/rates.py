"""Bits a second against quality: nine small autoencoders and the two large ones, each heard at a click."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from core import plots
from demos import _player
from demos import _widgets as w
from demos._tab import Strings
from demos._vqvae import coders

METRICS = {
    "stoi": "STOI", "pesq": "PESQ (wide-band)", "mel": "log-mel distance (dB)",
    "cer": "character error of a recogniser",
}  # fmt: skip
PERFECT = {"stoi": 1.0, "mel": 0.0}  # of a sound beside itself
WAYS = ("WaveNet", "Griffin-Lim")
KEPT = 3
WANTED_STOI = 0.79  # of the exercise


def build(t: Strings, voice: gr.Audio) -> None:
    """The second half of the cell `codes`; the voice is that of the first half."""
    w.prose(t, "codes-rate")
    w.quiz(t, "halve")
    with w.controls(t), w.row():
        size = w.link("size", gr.Radio([(str(k), k) for k in coders.CODES], value=512, label=t("size")))
        rate = w.link("rate", gr.Radio([(str(r), r) for r in coders.RATES], value=40, label=t("rate")))
        choices = [(t(f"metric_{key}"), key) for key in METRICS]
        metric = w.link("metric", gr.Radio(choices, value="stoi", label=t("metric")))
    picture = w.figure(t, "rates", height=400)
    player = w.player(t, "fronts")
    w.exercise(t, "cheapest", cheapest, [size, rate])
    w.code(t, "core.vqvae.measure:use", "core.vqvae.measure:heard", "core.vqvae.quantiser:perplexity")
    heard = gr.State(None)  # (path of the voice, names heard last)

    def clicked(metric: Any, voice: Any, heard: Any, event: gr.SelectData) -> Iterator[tuple]:
        name = at(metric, event.index)
        if name is None:
            yield (gr.skip(),) * 5
            return
        grid = name in coders.grid()
        chosen = [int(v) for v in name.split("-")[1:]] if grid else [gr.skip(), gr.skip()]
        for tracks, kept in hear(t, voice, name, heard):
            yield *chosen, figure(t, metric, name), tracks, kept

    def asked(size: Any, rate: Any, metric: Any, voice: Any, heard: Any) -> Iterator[tuple]:
        name = coders.of_grid(size, rate)
        for tracks, kept in hear(t, voice, name, heard):
            yield figure(t, metric, name), tracks, kept

    heavy: dict[str, Any] = {"heavy": True, "trigger_mode": "always_last"}
    w.on(t, picture.appear, lambda size, rate, metric: figure(t, metric, coders.of_grid(size, rate)),
         [size, rate, metric], picture)  # fmt: skip
    w.on(t, player.appear, partial(at_sight, t), [size, rate, voice], [player, heard])
    w.on(t, metric.change, lambda size, rate, metric: figure(t, metric, coders.of_grid(size, rate)),
         [size, rate, metric], picture)  # fmt: skip
    w.on(t, [size.input, rate.input], asked, [size, rate, metric, voice, heard], [picture, player, heard], **heavy)
    w.on(t, picture.select, clicked, [metric, voice, heard], [size, rate, picture, player, heard], **heavy)


def points(metric: Any) -> list[tuple[str, list[tuple[str, float, float]]]]:
    """Curves of the figure: ("WaveNet", [(weights, bits a second, quality), …]), Griffin-Lim's, the large ones'."""
    key = METRICS.get(metric, METRICS["stoi"])
    curves = []
    for way in WAYS:
        found = [(name, coders.nominal(name), coders.measured(name).get(f"{key}, {way}")) for name in coders.grid()]
        curves.append((way, [(name, bits, value) for name, bits, value in found if value is not None]))
    for name in (coders.VQ, coders.ARGMAX):
        value = coders.measured(name).get(f"{key}, WaveNet")
        curves.append((name, [] if value is None else [(name, coders.nominal(name), value)]))
    return curves


def at(metric: Any, index: Any) -> str | None:
    """The weights behind a point that was clicked: index is [curve, point] of the figure."""
    drawn = [found for _, found in points(metric) if found]
    try:
        curve, point = (int(i) for i in index)
        return drawn[curve][point][0] if curve >= 0 and point >= 0 else None
    except (TypeError, ValueError, IndexError):
        return None


def figure(t: Strings, metric: Any, chosen: str) -> Any:
    """Quality over bits a second; the chosen one is ringed, 16-bit sound stands at the right."""
    metric = metric if metric in METRICS else "stoi"
    import plotly.graph_objects as go

    made = go.Figure()
    style = {"WaveNet": ("circle", plots.MODEL), "Griffin-Lim": ("square", plots.GREY)}
    style |= {coders.VQ: ("star", plots.REFERENCE), coders.ARGMAX: ("diamond", plots.ACCENT)}
    best: tuple[float, str, float] | None = None
    for name, found in points(metric):
        if not found:
            continue
        marker, colour = style[name]
        rings = [3 if one == chosen else 0 for one, _, _ in found]
        made.add_scatter(
            x=[round(bits, 1) for _, bits, _ in found], y=[value for *_, value in found], mode="markers",
            name=t(f"curve_{name}"), text=[described(t, one) for one, _, _ in found],
            hovertemplate="%{text}<br>%{x} bit/s<br>%{y}<extra></extra>",
            marker={"symbol": marker, "color": colour, "size": 14 if len(found) == 1 else 11,
                    "line": {"color": plots.INK, "width": rings}},
        )  # fmt: skip
        for one, bits, value in found:
            if name == "WaveNet" and one == chosen:
                best = (bits, one, value)
    if not made.data:
        return w.plot(_empty(t), t("rates_unmeasured"))
    if metric in PERFECT:
        made.add_scatter(x=[coders.PCM_BITS_PER_S], y=[PERFECT[metric]], mode="markers", name=t("curve_pcm"),
                         marker={"symbol": "x", "color": plots.INK, "size": 10})  # fmt: skip
    made.update_xaxes(type="log")
    plots.layout(made, x_title=t("bits_axis"), y_title=t(f"axis_{metric}"), hovermode="closest")
    plots.on_a_phone(made, {"legend.font.size": 10})
    if best is None:
        return w.plot(made, t("rates_summary"))
    chosen_text = t("rates_chosen", which=described(t, best[1]), bits=f"{best[0]:.0f}", metric=t(f"metric_{metric}"),
                    value=f"{best[2]:.3g}")  # fmt: skip
    return w.plot(made, chosen_text + " " + t("rates_summary"))


def cheapest(size: Any, rate: Any) -> tuple[str, dict[str, Any]]:
    """The exercise: the fewest bits a second with which the WaveNet is still understood as well as WANTED_STOI."""
    size, rate = size if size in coders.CODES else 512, rate if rate in coders.RATES else 40
    found = {name: (bits, stoi) for name, bits, stoi in dict(points("stoi"))["WaveNet"]}
    bits, stoi = found[coders.of_grid(size, rate)]
    least = min(bits for bits, stoi in found.values() if stoi >= WANTED_STOI)
    better = max(found.values(), key=lambda one: (one[0] <= bits, one[1]))  # the best for no more bits
    values = {"codes": size, "rate": rate, "bits": f"{bits:.0f}", "stoi": f"{stoi:.3f}", "wanted": WANTED_STOI,
              "other_bits": f"{better[0]:.0f}", "other": f"{better[1]:.3f}"}  # fmt: skip
    if stoi < WANTED_STOI:
        return ("lopsided" if bits > least else "poor"), values
    return ("costly" if bits > least else "right"), values


def _empty(t: Strings) -> Any:
    import plotly.graph_objects as go

    return plots.layout(go.Figure(), x_title=t("bits_axis"), y_title="")


def described(t: Strings, name: str) -> str:
    """An autoencoder in a few words."""
    if name in (coders.VQ, coders.ARGMAX):
        return t(f"curve_{name}")
    _, codes, rate = name.split("-")
    return t("described", codes=codes, rate=rate)


def at_sight(t: Strings, size: Any, rate: Any, voice: str | None) -> tuple:
    """(player, heard) from the store."""
    name = coders.of_grid(size, rate)
    tracks = stored_track(t, voice, name)
    if tracks is None:
        return gr.skip(), gr.skip()
    return [original(t, voice), tracks], (voice, [{"name": name, "track": tracks}])


def stored_track(t: Strings, voice: str | None, name: str) -> dict[str, Any] | None:
    """The stored sentence said by an autoencoder, or None."""
    from core.vqvae import examples

    sound = examples.index().get("fronts", {}).get(name)
    return _player.linked(described(t, name), examples.url(sound)) if sound and coders.is_stored(voice) else None


def original(t: Strings, voice: str | None) -> dict[str, Any]:
    """The voice itself as a track."""
    from core.vqvae import examples

    if coders.is_stored(voice):
        return _player.linked(t("original"), f"/site/audio/kathleen_{examples.SENTENCE}.flac")
    return w.track(t("original"), coders.voice(voice))


def hear(t: Strings, voice: str | None, name: str, heard: Any) -> Iterator[tuple]:
    """(player, heard): the voice through an autoencoder, beside those heard before it; a first listen by Griffin-Lim.

    Raises:
        AudioError: as `coders.voice`.  WeightsError: these weights are not there.
    """
    from core import audio

    before = [kept for kept in heard[1] if kept["name"] != name] if _same(heard, voice) else []
    mine = stored_track(t, voice, name)
    if mine is None:
        x = coders.voice(voice)
        coder = coders.load(name)
        codes = coder.encode(x)
        quick = w.track(described(t, name) + ", Griffin-Lim", audio.level_to(coder.preview(codes)))
        yield [original(t, voice), quick, *[kept["track"] for kept in before[: KEPT - 1]]], gr.skip()
        mine = w.track(described(t, name), audio.level_to(coder.speak(codes).audio))
    kept = [{"name": name, "track": mine}, *before][:KEPT]
    yield [original(t, voice), *[one["track"] for one in kept]], (voice, kept)


def _same(heard: Any, voice: str | None) -> bool:
    return bool(heard) and heard[0] == voice
