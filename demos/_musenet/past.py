"""The past of a GPT-2: what a step reads and what it computes, what that takes and saves, and the race of both ways."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from demos import _models
from demos import _widgets as w
from demos._musenet.gpt2 import SIZES, config_of
from demos._tab import ROOT, Strings

CELL = "past"
STORED = ROOT / "assets/tables/gpt2-speed.json"
WEIGHTS = "musenet-composer"
TOKENS = 16  # of the small figure
POSITION = 512  # at first sight
RACE_TOKENS = 256
RACE_S = 12.0  # the longest that either way may take
ROW_S = 0.7  # between two pictures of a race
READ = ("without", "with", "query", "key", "keys", "now", "read", "earlier")


def build(t: Strings) -> None:
    """The cell `past`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        w.quiz(t, "keys")
        with w.controls(t):
            step = w.link("step-of-past", gr.Slider(1, TOKENS, 7, step=1, label=t("step"), info=t("step_info")))
        looks = w.figure(t, "looks", height=460)
        w.prose(t, "past-cost")
        w.quiz(t, "bytes")
        with w.controls(t):
            choices = [(t(f"gpt2.size_{size}"), size) for size in SIZES]
            size = w.link("size-of-past", gr.Radio(choices, value="small", label=t("gpt2.size")))
        growth = w.figure(t, "growth", height=380)
        table = w.note(t, "table", latex=False)
        w.prose(t, "past-race")
        with w.controls(t):
            run = w.button(t("run"), name="past-run")
        race = w.figure(t, "race", height=340)
        said = w.note(t, "said", t("race_hint"))
        w.code(t, "core.gpt2.model:attn", "core.gpt2.sample:BufferedPast", "core.gpt2.sample:WithoutPast",
               "core.gpt2.shapes:multiplications")  # fmt: skip
    w.on(t, looks.appear, partial(look, t), step, looks)
    w.on(t, step.change, partial(look, t), step, looks, trigger_mode="always_last")
    w.on(t, growth.appear, partial(cost, t), size, [growth, table])
    w.on(t, size.change, partial(cost, t), size, [growth, table])

    def point(event: gr.SelectData, chosen: str) -> Any:
        place = event.value.get("x")
        return bill(t, chosen, int(place)) if isinstance(place, int | float) else gr.skip()

    w.on(t, growth.select, point, size, table)
    w.on(t, race.appear, partial(stored, t), None, [race, said])
    w.on(t, run.click, partial(compete, t), None, [race, said], heavy=True)


def tokens() -> list[str]:
    """What the small figure reads: the beginning of a piece as the composer sees it."""
    return ("chopin +piano <start> v72 G4 wait C5 E5 wait ~G4 ~C5 ~E5 A4 wait C5 F5").split()


def look(t: Strings, step: float | None) -> Any:
    """One step without a past and with it."""
    from core.gpt2 import figures

    position = min(TOKENS, max(1, int(step or 1)))
    anew = position * (position + 1) // 2
    summary = t("looks_summary", step=position, keys=position, products=anew, read=position - 1)
    return w.plot(figures.looks(position, tokens(), {key: t(key) for key in READ}), summary)


def cost(t: Strings, size: str | None) -> tuple[Any, str]:
    """(multiplications by position, the bill of one position)."""
    from core.gpt2 import figures, shapes

    config = config_of(size)
    places = [place for place in (16, 128, POSITION, 1024) if place <= config.n_ctx]
    counts = {place: (shapes.counted(config, 1, place - 1), shapes.counted(config, place)) for place in places}
    words = {key: t(key) for key in ("without", "with", "counted", "position", "multiplications")}
    kept, anew = shapes.sums(config, config.n_ctx)
    summary = t(
        "growth_summary", tokens=f"{config.n_ctx:,}", kept=_short(kept), anew=_short(anew), ratio=f"{anew / kept:,.0f}"
    )
    return w.plot(figures.growth(config, counts, words), summary), bill(t, size, min(POSITION, config.n_ctx))


def bill(t: Strings, size: str | None, position: int) -> str:
    """Shape, bytes and operations of one position, as a table."""
    from core.gpt2 import shapes
    from core.gpt2.model import past_shape

    config = config_of(size)
    position = min(config.n_ctx, max(1, position))
    one = shapes.step(config, position)
    shape = past_shape(hparams=config, batch_size=1, sequence=position)
    rows = [
        (t("row_shape"), f"`[{', '.join(map(str, shape))}]`", t("none")),
        (t("row_bytes"), _bytes(one.past_bytes), "0"),
        (t("row_read"), _bytes(one.read_bytes), "0"),
        (t("row_written"), _bytes(one.written_bytes), "0"),
        (t("row_multiplications"), _short(one.multiplications), _short(one.multiplications_anew)),
        (t("row_saved"), f"{100 * (1 - one.multiplications / one.multiplications_anew):.1f} %", ""),
    ]
    head = f"| {t('at_position', position=f'{position:,}')} | {t('with')} | {t('without')} |\n|---|---|---|\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def stored(t: Strings) -> tuple[Any, Any]:
    """What the benchmark has measured, to look at before anything runs here; nothing where it has not been run."""
    from core.gpt2 import figures

    if not STORED.is_file():
        return gr.skip(), t("race_hint")
    found = json.loads(STORED.read_text(encoding="utf-8"))
    speeds = found["networks"]["composer"]["tokens_per_s"]
    rows = {"without": speeds["none"], "with": speeds["buffer float32"]}
    curves = {name: ([int(length) for length in row], list(row.values())) for name, row in rows.items()}
    words = {key: t(key) for key in ("without", "with", "position", "speed")}
    said = t("stored", processor=found["processor"], threads=found["threads"])
    return w.plot(figures.race(curves, words), t("race_summary")), said


def compete(t: Strings) -> Iterator[tuple[Any, str]]:
    """The shipped composer draws the same tokens twice, with its past and without; (speeds so far, what is seen)."""
    from core import weights

    if WEIGHTS not in weights.names():
        yield gr.skip(), t("absent")
        return
    network = _models.load(WEIGHTS)
    moments: dict[str, list[float]] = {}
    drawn: dict[str, list[int]] = {}
    for name, past in (("with", "buffer"), ("without", "none")):
        for moments[name], drawn[name] in _timed(network, past):
            yield _race(t, moments), t("racing", way=t(name), tokens=len(drawn[name]))
    shared = min(map(len, drawn.values()))
    took = {name: found[shared] - found[0] for name, found in moments.items()}
    yield _race(t, moments), t(
        "raced", tokens=shared, ratio=f"{took['without'] / took['with']:.1f}",
        kept=f"{shared / took['with']:,.0f}", anew=f"{shared / took['without']:,.0f}",
        same=t("same" if drawn["with"][:shared] == drawn["without"][:shared] else "different"),
    )  # fmt: skip


def _timed(network: Any, past: str) -> Iterator[tuple[list[float], list[int]]]:
    """Moments (s; the first is the start) and tokens so far, now and then and at the end."""
    import torch

    from core.gpt2.sample import generate
    from core.musenet import vocabulary as v
    from core.sampling import uniforms_of

    prompt = torch.tensor([[v.COMPOSER + v.COMPOSERS.index("chopin"), v.INSTRUMENT, v.START]])
    count = min(RACE_TOKENS, network.config.n_ctx - prompt.shape[1])
    moments, drawn = [time.perf_counter()], []
    told = moments[0]
    for token in generate(network, prompt, uniforms_of(0, count), past=past):
        moments.append(time.perf_counter())
        drawn.append(int(token))
        if moments[-1] - moments[0] > RACE_S:
            break
        if moments[-1] - told > ROW_S:
            yield moments, drawn
            told = time.perf_counter()
    yield moments, drawn


def _race(t: Strings, moments: dict[str, list[float]]) -> Any:
    from core.gpt2 import figures

    curves = {name: figures.speeds(found) for name, found in moments.items()}
    words = {key: t(key) for key in ("without", "with", "position", "speed")}
    return w.plot(figures.race(curves, words), t("race_summary"))


def _short(value: int) -> str:
    """12345678 -> 12.3 M."""
    for size, unit in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return str(value)


def _bytes(value: int) -> str:
    return f"{value / 2**20:.1f} MiB" if value >= 2**20 else f"{value / 2**10:.1f} KiB" if value else "0"
