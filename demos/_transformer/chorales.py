"""A melody gets three more voices: by the network with relative position, by the one with absolute, and by Bach."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos import _models, _player
from demos import _widgets as w
from demos._tab import Strings
from demos._transformer.card import rows_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CELL = "chorales"
NETWORKS = ("relative", "absolute")
NAME = "transformer-chorales-"
VERSIONS = 4  # drawn at once; the likeliest is played
MOST_STEPS = 128
MOST_LETTERS = 1500
QUARTERS_PER_MINUTE = 72.0
RATE_HZ = 22_050
SPLIT = "test, 77 chorales"
PUBLIC = "public file, valid, 76 chorales"
ROWS = (
    ("row_test", "NLL (nats a token), {0}", SPLIT),
    ("row_moves", "NLL where a voice moves, {0}", SPLIT),
    ("row_stays", "NLL where a voice stays, {0}", SPLIT),
    ("row_public", "NLL (nats a token), {0}", PUBLIC),
)


def build(t: Strings) -> None:
    """The cell `chorales`."""
    from core.transformer import chorales, chorales_corpus

    shown = chorales_corpus.examples()
    lines = {one.name: chorales.line_text(one.steps[:64, 0]) for one in shown}
    first = shown[0].name
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "where")
        with w.controls(t):
            with w.row():
                titles = [(t(f"title_{one.name.replace('.', '_')}"), one.name) for one in shown]
                melody = w.link("chorale-melody", gr.Dropdown(titles, value=first, label=t("melody")))
                heat = w.link("chorale-temperature", gr.Slider(0.3, 1.5, 0.8, step=0.05, label=t("temperature")))
                seed = w.link("chorale-seed", gr.Slider(0, 999, 1, step=1, label=t("seed")))
            line = gr.Textbox(
                lines[first], label=t("line"), info=t("line_info"), lines=3, max_length=MOST_LETTERS,
                elem_id="chorales-line",
            )  # fmt: skip
            run = w.button(t("run"), name="chorales-run")
        picture = w.figure(t, "voices", height=640)
        sound = w.player(t, "sound")
        w.note(t, "measured", measured(t))
        w.code(t, "core.transformer.chorales:serialise", "core.transformer.chorales_sample:harmonise")
    asked, out = [line, heat, seed], [picture, sound]
    w.on(t, melody.change, lambda name: lines.get(name, lines[first]), melody, line)
    w.on(t, picture.appear, partial(by_bach, t), line, out)
    w.on(t, run.click, partial(harmonised, t), asked, out, heavy=True)


def measured(t: Strings) -> str:
    """Nats a token of both networks and of counting, beside the paper's."""
    from core.transformer.chorales import PUBLISHED

    cards = {name: rows_of(NAME + name) for name in NETWORKS}
    if not all(cards.values()):
        return t("measured_absent")
    heads = " | ".join(t(f"network_{name}") for name in NETWORKS)
    rows = [f"| {t('measured_what')} | {heads} |", "|---|---:|---:|"]
    for key, metric, split in ROWS:
        values = [cards[name].get((metric.format(name), split)) for name in NETWORKS]
        if None not in values:
            rows.append(f"| {t(key)} | {values[0]:.3f} | {values[1]:.3f} |")
    rows.append(f"| {t('row_paper')} | {PUBLISHED['relative']:.3f} | {PUBLISHED['absolute']:.3f} |")
    pairs = cards["relative"].get(("NLL (nats a token), counting pairs of a voice", SPLIT))
    if pairs is not None:
        rows.append(f"| {t('row_counting')} | {pairs:.3f} | {pairs:.3f} |")
    test = {name: cards[name].get((f"NLL (nats a token), {name}", SPLIT), 0.0) for name in NETWORKS}
    order = "order_as_paper" if test["relative"] < test["absolute"] else "order_reversed"
    return "\n".join(rows) + "\n\n" + t(order) + " " + t("measured_note", steps=f"{_steps():,}")


def _steps() -> int:
    from core import weights

    return int(weights.card(NAME + NETWORKS[0])["steps"])


def _line_of(text: Any) -> NDArray[np.int64]:
    from core.transformer import chorales

    return chorales.parse_line(str(text or "")[:MOST_LETTERS], most_steps=MOST_STEPS)


def _bach(line: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Bach's own setting, if the melody is the beginning of one that is shown."""
    import numpy as np

    from core.transformer import chorales_corpus

    for one in chorales_corpus.examples():
        steps = one.steps[: len(line)]
        if np.array_equal(steps[:, 0], line):
            return steps
    return None


def _words(t: Strings) -> dict[str, str]:
    return {key: t(key) for key in ("time", "pitch", "nats", "soprano", "alto", "tenor", "bass")}


def _track(label: str, steps: NDArray[np.int64]) -> dict[str, Any]:
    from core.midi.sound import render
    from core.transformer.chorales import to_midi

    played = render(to_midi(steps, quarters_per_minute=QUARTERS_PER_MINUTE), sample_rate_hz=RATE_HZ)
    return _player.stored(label, played.T, RATE_HZ)


def by_bach(t: Strings, text: Any) -> tuple:
    """At first sight: the melody as Bach set it; no network is needed."""
    from core.transformer import chorales_figures

    steps = _bach(_line_of(text))
    if steps is None:
        return gr.skip(), gr.skip()
    figure = chorales_figures.settings({t("by_bach"): (steps, None)}, words=_words(t))
    return w.plot(figure, t("summary_bach")), [_track(t("by_bach"), steps)]


def harmonised(t: Strings, text: Any, heat: Any, seed: Any) -> tuple:
    """The melody set by both networks, and by Bach where it is his: figure and sounds."""
    from core.sampling import Options, uniforms_of
    from core.transformer import chorales_figures, chorales_sample, chorales_train

    line = _line_of(text)
    options = Options(temperature=min(max(float(heat or 1), 0.3), 1.5))
    uniforms = uniforms_of(int(seed or 0), 3 * len(line), batch=VERSIONS)
    found, costs = {}, {}
    for name in NETWORKS:
        best = chorales_sample.harmonise(_models.load(NAME + name), line, uniforms, options=options)[0]
        found[t(f"network_{name}")] = (best.steps, best.nats)
        costs[name] = f"{float(best.nats[:, 1:].mean()):.2f}"
    said = t("summary", **costs)
    steps = _bach(line)
    if steps is not None:
        nats = chorales_train.nll_of(_models.load(NAME + "relative"), steps).numpy()
        found[t("by_bach")] = (steps, nats)
        said += " " + t("summary_costs", bach=f"{float(nats[:, 1:].mean()):.2f}")
    figure = chorales_figures.settings(found, words=_words(t))
    return w.plot(figure, said), [_track(label, one) for label, (one, _) in found.items()]
