"""Handlers of the naive cell: stored results first, then the same computed anew."""

from __future__ import annotations

import functools
import html
import itertools
import json
from collections.abc import Iterator
from typing import Any

import gradio as gr

from core.errors import DataError
from core.wavenet import lecture_figures as figures
from demos import _widgets as w
from demos._tab import ROOT, Strings

CHECKS = ("future", "gate", "shift", "leak", "reach", "unused")
ROWS = ("gate", "shift", "leak", "reach", "unused")  # what differs; "future" is what both have
TABLES = ROOT / "assets/tables"
CHANGED = 40  # lecture_checks.CHANGED; a test compares them
LIVE_STEPS, UPDATE_EVERY = 64, 8


@functools.cache
def _table(name: str) -> dict[str, Any]:
    path = TABLES / f"{name}.json"
    if not path.exists():
        raise DataError(f"{path.name} is missing from assets/tables; the commands that make it are on the page.")
    return json.loads(path.read_text(encoding="utf-8"))


def stored(part: str) -> Any:
    """A part of assets/tables/wavenet-lecture.json."""
    return _table("wavenet-lecture")[part]


def table(t: Strings) -> str:
    """What differs from the paper, row by row, with what the stored check saw."""
    one, leak = stored("one"), stored("leak")
    found = {
        "gate": t("saw_gate", product=f"{_shut('multiply'):.4f}", sum=f"{_shut('add'):.2f}"),
        "shift": t("saw_shift", lecture=_moved(one["lecture"])[0], paper=_moved(one["paper"])[0], at=CHANGED),
        "leak": t("saw_leak", **leak_ends(leak)),
        "reach": t("saw_reach", lecture=len(_moved(one["lecture"])), paper=len(_moved(one["paper"]))),
        "unused": t("saw_unused", norm=f"{stored('unused')['lecture'][-1]:g}"),
    }
    heads = [t(f"head_{key}") for key in ("what", "paper", "lecture", "saw")]
    rows = [[t(f"row_{row}"), t(f"paper_{row}"), t(f"lecture_{row}"), found[row]] for row in ROWS]
    return table_html(heads, rows, t("differences"))


def table_html(heads: list[str], rows: list[list[str]], label: str, *, kind: str = "words") -> str:
    """A table whose first column names the rows. Where the page is narrow, one of words stacks, others scroll."""
    top = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in heads)
    body = ""
    for first, *rest in rows:
        named = zip(heads[1:], rest)
        cells = "".join(f'<td data-head="{html.escape(head)}">{html.escape(cell)}</td>' for head, cell in named)
        body += f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>'
    return (
        f'<div class="differences {kind}" tabindex="0" role="region" aria-label="{html.escape(label)}">'
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _moved(values: list[float]) -> list[int]:
    return [t for t, value in enumerate(values) if value > 0]


def _shut(kind: str) -> float:
    return stored("gate")[kind][0]


def leak_ends(leak: dict[str, Any], steps: int | None = None) -> dict[str, Any]:
    """Where both trainings stand after so many steps (after all of them): the means of the last 20."""
    steps = steps or len(leak["shifted"])
    last = {name: leak[name][max(0, steps - 20) : steps] for name in ("shifted", "leaking")}
    means = {name: sum(bits) / len(bits) for name, bits in last.items()}
    return {"steps": steps, "shifted": f"{means['shifted']:.2f}", "leaking": f"{means['leaking']:.3f}"}


def show_stored(t: Strings, check: str) -> dict[str, Any]:
    """The stored result of a check."""
    part = {"shift": "one", "reach": "one"}.get(check, check)
    return draw(t, check, stored(part), stored=True)


def run(t: Strings, check: str) -> Iterator[dict[str, Any]]:
    """The check itself; the training of the leak comes curve by curve."""
    if check == "leak":
        yield from run_leak(t)
    else:
        yield draw(t, check, compute(check))


def compute(check: str, changed: int = CHANGED) -> Any:
    """One of the checks that take no time."""
    from core.wavenet import lecture_checks

    if check == "gate":
        return lecture_checks.gate_curves()
    if check == "unused":
        return lecture_checks.residual_gradients()
    return lecture_checks.influence(only_one=check != "future", changed=changed)


def change_at(t: Strings, check: str, sample: float) -> Any:
    """A click on a sample changes that sample instead."""
    if check not in ("future", "shift", "reach"):
        return gr.skip()
    from core.wavenet.lecture_checks import SAMPLES

    changed = min(SAMPLES - 1, max(1, round(sample)))
    return draw(t, check, compute(check, changed), changed=changed)


def run_leak(t: Strings) -> Iterator[dict[str, Any]]:
    """Two short trainings side by side: the caller who shifts, and the one who forgets."""
    from core.wavenet.lecture_checks import leak_training, repeated, speech_codes
    from core.wavenet.race import one_torch_thread

    speech = speech_codes()
    both = [leak_training(speech, shift=shift, steps=LIVE_STEPS) for shift in (True, False)]
    bits: dict[str, Any] = {"shifted": [], "leaking": []}
    for _ in range(LIVE_STEPS // UPDATE_EVERY):
        with one_torch_thread():  # the network is so small that threads would wait for each other
            for shifted, leaking in itertools.islice(zip(*both), UPDATE_EVERY):  # (step, bits, network) each
                bits["shifted"].append(shifted[1])
                bits["leaking"].append(leaking[1])
        yield draw(t, "leak", bits)
    with one_torch_thread():
        bits["shifted_repeats"] = repeated(shifted[2], speech)
        bits["leaking_repeats"] = repeated(leaking[2], speech)
    bits["speech_repeats"] = float((speech[1:] == speech[:-1]).float().mean())
    yield draw(t, "leak", bits)


def draw(t: Strings, check: str, data: Any, *, changed: int = CHANGED, stored: bool = False) -> dict[str, Any]:
    """The figure of a check and its sentence."""
    names = {key: t(f"name_{key}") for key in ("lecture", "centred", "paper")}
    if check == "gate":
        shown = {key: t(f"gate_{key}") for key in ("multiply", "add")}
        figure = figures.gate(data, names=shown, x_title=t("gate_x"), y_title=t("gate_y"))
        shut, wide = f"{data['add'][0]:.2f}", f"{data['add'][-1]:.2f}"
        text = t("said_gate", product=f"{data['multiply'][0]:.4f}", sum=shut, open=wide)
    elif check == "unused":
        shown = {key: names[key] for key in ("lecture", "paper")}
        figure = figures.unused(data, names=shown, x_title=t("unused_x"), y_title=t("unused_y"))
        norms = data["lecture"]
        text = t("said_unused", layer=len(norms), norm=f"{norms[-1]:g}", first=f"{norms[0]:.4f}")
    elif check == "leak":
        shown = {key: t(f"leak_{key}") for key in ("shifted", "leaking")}
        figure = figures.leak(data, names=shown, x_title=t("step"), y_title=t("bits"))
        text = say_leak(t, data, stored)
    else:
        future = check == "future"
        shown = names if future else {key: names[key] for key in ("lecture", "paper")}
        figure = figures.influence(
            data, changed=changed, names=shown, mark=t("mark_future" if future else "mark_one"),
            x_title=t("influence_x"), y_title=t("influence_y"),
        )  # fmt: skip
        text = say_influence(t, check, data, changed)
    figure.update_layout(uirevision=check)  # zoom survives a second run, not another check
    return w.plot(figure, f"{text} {t('is_stored' if stored else 'is_live')}")


def say_leak(t: Strings, data: dict[str, Any], is_stored: bool) -> str:
    """Where the two curves stand, a live one beside the stored one, and what the leaking network says."""
    text = t("said_leak", **leak_ends(data))
    if not is_stored:
        leak = stored("leak")
        same, whole = leak_ends(leak, min(len(data["shifted"]), len(leak["shifted"]))), leak_ends(leak)
        text += " " + t("said_leak_stored", **same, **{f"all_{key}": value for key, value in whole.items()})
    if "leaking_repeats" in data:
        rates = {key: f"{100 * data[f'{key}_repeats']:.0f}" for key in ("leaking", "shifted", "speech")}
        text += " " + t("said_repeats", **rates)
    return text


def say_influence(t: Strings, check: str, data: dict[str, list[float]], changed: int) -> str:
    """Which logits moved."""
    where = {name: _moved(values) for name, values in data.items()}
    if check == "future":
        before = {name: sum(at < changed for at in moved) for name, moved in where.items()}
        return t("said_future", at=changed, **before)
    first = {name: moved[0] if moved else "–" for name, moved in where.items()}
    if check == "shift":
        return t("said_shift", at=changed, lecture=first["lecture"], paper=first["paper"])
    return t("said_reach", at=changed, lecture=len(where["lecture"]), paper=len(where["paper"]))


def ablation(t: Strings) -> dict[str, Any]:
    """The stored curves of the three gates."""
    data = _table("wavenet-ablation")
    figure = figures.ablation(
        data, names={key: t(f"gate_{key}") for key in ("multiply", "add", "relu")}, held_out=t("held_out"),
        training=t("training"), x_title=t("step"), y_title=t("bits"),
    )  # fmt: skip
    means = {key: f"{value:.3f}" for key, value in final_bits(data).items()}
    text = t("said_ablation", steps=data["runs"][0]["held_out"][-1][0], **means)
    return w.plot(figure, text)


def ends_by_seed(data: dict[str, Any]) -> dict[str, list[float]]:
    """Gate -> held-out bits per sample at the end, one value a seed, in the order of `data["seeds"]`."""
    ends = {(one["gate"], one["seed"]): one["held_out"][-1][1] for one in data["runs"]}
    return {gate: [ends[gate, seed] for seed in data["seeds"]] for gate in ("multiply", "add", "relu")}


def final_bits(data: dict[str, Any]) -> dict[str, float]:
    """Gate -> held-out bits per sample at the end, averaged over the seeds."""
    return {gate: sum(bits) / len(bits) for gate, bits in ends_by_seed(data).items()}


def ablation_table(t: Strings) -> str:
    """Every run: gate, seed, parameters, bits at the end."""
    heads = [t(f"ablation_{key}") for key in ("gate", "seed", "parameters", "train", "held_out")]
    rows = [
        [t("gate_" + one["gate"]), str(one["seed"]), f"{one['learning_parameters']:,}", f"{one['train'][-1][1]:.3f}",
         f"{one['held_out'][-1][1]:.3f}"]
        for one in _table("wavenet-ablation")["runs"]
    ]  # fmt: skip
    return table_html(heads, rows, t("ablation_table"), kind="numbers")


def ablation_found(t: Strings) -> str:
    """What the numbers say, beside what the paper says."""
    ends = ends_by_seed(_table("wavenet-ablation"))

    def signed(bits: float) -> str:
        return f"{bits:+.3f}".replace("-", "−")

    beside = {}
    for gate in ("add", "relu"):
        each = [bits - other for bits, other in zip(ends[gate], ends["multiply"])]
        beside |= {gate: signed(sum(each) / len(each)), f"{gate}_each": ", ".join(map(signed, each))}
    spread = max(max(bits) - min(bits) for bits in ends.values())
    return t("ablation_found", **beside, seeds=f"{spread:.3f}")


def ablation_made(t: Strings) -> str:
    """How the runs were made, and what they do not show."""
    data = _table("wavenet-ablation")
    return t(
        "ablation_made", command=data["command"], steps=data["steps"], batch=data["batch"], crop=data["crop_samples"],
        recordings=f"{data['training_recordings']:,}", held_out=len(data["held_out_recordings"]),
    )  # fmt: skip


def ablation_point(t: Strings, curve: int, step: float) -> str:
    """A click on a curve: that run at that step."""
    data = _table("wavenet-ablation")
    run = data["runs"][min(curve // 2, len(data["runs"]) - 1)]
    bits = dict(map(tuple, run["held_out"])).get(step)
    if bits is None:
        return ""
    others = []
    for one in data["runs"]:
        ends = dict(map(tuple, one["held_out"]))
        if one["seed"] == run["seed"] and step in ends:
            others.append(f"{t('gate_' + one['gate'])} {ends[step]:.3f}")
    gate = t("gate_" + run["gate"])
    return t("said_point", gate=gate, seed=run["seed"], step=step, bits=f"{bits:.3f}", all=", ".join(others))
