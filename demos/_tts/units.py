"""Unit selection: the lattice of the sentence, both costs on sliders, every unit and the sentence it was cut from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.errors import SamplingError
from demos import _models
from demos import _widgets as w
from demos._links import within
from demos._tab import Strings
from demos._tts import sentence

if TYPE_CHECKING:
    from core.unit_selection.sample import UnitSynthesis

Said = tuple[str, "UnitSynthesis"]  # what was typed, and what became of it
VOICE = "unit-selection"
PRESETS = {"both": (1.0, 1.0), "no_join": (1.0, 0.0), "no_target": (0.0, 1.0)}
USUAL = (sentence.FIRST, 1, 1, 50)
MOST, NEAR = 100, 1.05  # of the exercise: candidates that stand for all, and how much dearer a path may be
PAD_S = 0.25  # of the sentence heard on either side of a unit that was clicked


def build(t: Strings, box: sentence.Box) -> None:
    """The cell `units`."""
    with w.cell(t, "units") as t:
        w.prose(t)
        w.quiz(t, "neighbours")
        with w.controls(t):
            with w.row():
                target = w.link("target-weight", gr.Slider(0, 3, 1, step=0.1, label=t("target_weight")))
                join = w.link("join-weight", gr.Slider(0, 3, 1, step=0.1, label=t("join_weight")))
                kept = w.link("candidates", gr.Slider(1, 100, 50, step=1, label=t("candidates")))
            with w.row():
                presets = {name: gr.Button(t(f"preset_{name}"), size="sm", min_width=120) for name in PRESETS}
            run = w.button(t("run"), name="units-run")
        player = w.player(t, "sound")
        facts = w.note(t, "facts", latex=False)
        lattice = w.figure(t, "lattice", height=560)
        chosen = w.note(t, "chosen")
        unit = w.player(t, "unit", empty=t("unit_empty"))
        seams = w.figure(t, "seams", height=420)
        w.exercise(t, "fewest", fewest, [box.text, target, join, kept])
        w.code(t, "core.unit_selection.model:viterbi", "core.unit_selection.search:join_matrix",
               "core.unit_selection.joins:concatenate", "core.unit_selection.sample:synthesize")  # fmt: skip
        w.prose(t, "units-corpus")
        coverage = w.figure(t, "coverage", height=640)
    said = gr.State(None)  # the text and its synthesis

    def pick(said: Any, event: gr.SelectData) -> tuple:
        return pick_candidate(t, said, float(event.value["x"]), float(event.value["y"]))

    def pick_time(said: Any, event: gr.SelectData) -> tuple:
        return pick_unit(t, said, float(event.value["x"]))

    results = [said, player, facts, lattice, seams, chosen, unit]
    inputs = [box.text, target, join, kept]
    sentence.connect(
        t, box, run, lattice, partial(speak, t), usual=USUAL, results=results[1:], controls=inputs[1:], said=said,
        say=search,
    )  # fmt: skip
    w.on(t, kept.release, partial(speak, t), inputs, results, heavy=True, trigger_mode="always_last")
    w.on(t, [target.release, join.release], partial(again, t), [said, *inputs], results, trigger_mode="always_last")
    for name, button in presets.items():
        values = list(PRESETS[name])
        pressed = button.click(None, None, [target, join], js=f"() => {values}", queue=False)
        w.on(t, pressed.then, partial(again, t), [said, *inputs], results)
    w.on(t, lattice.select, pick, said, [unit, chosen, seams])
    w.on(t, seams.select, pick_time, said, [unit, chosen, seams])
    w.on(t, coverage.appear, partial(draw_coverage, t), None, coverage)


def speak(t: Strings, text: str | None, target: Any, join: Any, kept: Any) -> tuple:
    """Say the sentence anew: (said, player, facts, lattice, seams, chosen, unit)."""
    said = search(text, target, join, kept)
    return show(t, said, float(target), float(join))


def search(text: str | None, target: Any, join: Any, kept: Any) -> Said:
    """Find the units of the sentence and join them; the text with its synthesis.

    Raises:
        SamplingError: a field is empty.  TextError: nothing that this voice can say.
    """
    from core.unit_selection.sample import synthesize

    if None in (target, join, kept):
        raise SamplingError("A field is empty: give both weights and the number of candidates.")
    said = synthesize(
        sentence.english_only(text), target_weight=float(target), join_weight=float(join), candidates=int(kept),
        speaker=_models.load(VOICE),
    )  # fmt: skip
    return (text or "").strip(), said


def fewest(text: str | None, target: Any, join: Any, kept: Any) -> tuple[str, dict[str, Any]]:
    """The exercise: the fewest candidates among which there is a path as cheap as NEAR times that among MOST.

    Raises:
        SamplingError, TextError: as `search`.
    """
    count = round(within(kept, 1, MOST, USUAL[3]))
    weights = within(target, 0, 3, USUAL[1]), within(join, 0, 3, USUAL[2])
    if not all(weights):
        return "alone", {}
    costs = {k: search(text, *weights, k)[1].path.total for k in {count, max(1, count - 1), MOST}}
    dearer = {k: cost / costs[MOST] for k, cost in costs.items()}
    values = {"count": count, "most": MOST, "cost": f"{costs[count]:.2f}", "least": f"{costs[MOST]:.2f}",
              "share": f"{100 * (dearer[count] - 1):.1f}", "fewer": f"{100 * (dearer[max(1, count - 1)] - 1):.1f}",
              "allowed": f"{100 * (NEAR - 1):.0f}"}  # fmt: skip
    if dearer[count] > NEAR:
        return "dear", values
    return ("more" if count > 1 and dearer[count - 1] <= NEAR else "right"), values


def again(t: Strings, said: Said | None, text: str | None, target: Any, join: Any, kept: Any) -> tuple:
    """Search the lattice that is there with other weights; if the sentence is another one by now, say that."""
    from core.unit_selection.sample import respeak

    if said is None or None in (target, join) or said[0] != (text or "").strip():
        return speak(t, text, target, join, kept)
    other = respeak(said[1], target_weight=float(target), join_weight=float(join), speaker=_models.load(VOICE))
    return show(t, (said[0], other), float(target), float(join))


def show(t: Strings, both: Said, target: float, join: float) -> tuple:
    """What one sees and hears of a sentence."""
    from core.unit_selection import figures

    text, said = both

    voice = _models.load(VOICE)
    tracks = [w.track(t("said"), said.audio)]
    natural = sentence.natural(text)
    if natural is not None:
        tracks.append(w.track(t("natural"), natural))
    figure = figures.lattice(
        said, voice, target_weight=target, join_weight=join, words=lattice_words(t)
    )  # fmt: skip
    count = len(said.units)
    summary = t("lattice_summary", columns=count, cost=f"{said.path.total:.1f}")
    off = [unit.label for unit in said.units if unit.backed_off]
    facts = t(
        "facts_text", text=sentence.quoted(text), units=count, pieces=len(said.joins) + 1,
        sources=len({u.recording for u in said.units}), joins=len(said.joins), seconds=f"{said.seconds:.1f}",
    ) + (" " + t("backed_off", units=", ".join(off)) if off else "")  # fmt: skip
    return both, tracks, facts, w.plot(figure, summary), draw_seams(t, said, None), t("click"), []


def lattice_words(t: Strings) -> dict[str, str]:
    from core.unit_selection.costs import TARGET_NAMES

    names = ("row", "target", "join", "continues", "joined", "path", "candidates", "survivors", "lacking", "for")
    return {name: t(f"word_{name}") for name in (*names, *TARGET_NAMES)}


def draw_seams(t: Strings, said: UnitSynthesis, mark: int | None) -> dict:
    """Waveform and mel with the joins."""
    from core.unit_selection import figures

    words = {"time": t("time"), "amplitude": t("amplitude"), "band": t("band"), "join": t("word_join")}
    worst = max(said.joins, key=lambda join: join.cost, default=None)
    summary = t("seams_none")
    if worst is not None:
        summary = t("seams_summary", joins=len(said.joins), time=f"{worst.at_s:.2f}", cost=f"{worst.cost:.2f}")
    return w.plot(figures.seams(said, words=words, mark=mark), summary)


def pick_candidate(t: Strings, both: Said | None, x: float, y: float) -> tuple:
    """A click on the lattice: hear the candidate, and the sentence it comes from."""
    from core.unit_selection import figures

    if both is None:
        return (gr.skip(),) * 3
    said = both[1]
    column = min(max(round(x), 0), len(said.units) - 1)
    rows = figures.shown_rows(said)[column]
    row = rows[min(max(round(y), 0), len(rows) - 1)]
    return hear(t, said, column, row)


def pick_unit(t: Strings, both: Said | None, at: float) -> tuple:
    """A click on the waveform: the unit that sounds there."""
    if both is None:
        return (gr.skip(),) * 3
    said = both[1]
    column = min(range(len(said.units)), key=lambda i: abs((said.units[i].at_s + said.units[i].until_s) / 2 - at))
    return hear(t, said, column, said.path.rows[column])


def hear(t: Strings, said: UnitSynthesis, column: int, row: int) -> tuple:
    """One candidate alone, in its surroundings, and its whole sentence: (player, note, seams)."""
    import torch

    from core.unit_selection.costs import TARGET_NAMES

    voice = _models.load(VOICE)
    place = said.lattice.columns[column]
    left, right = (int(voice.arrays["points"][int(ends[row])]) for ends in (place.left, place.right))
    owner = int(voice.arrays["owner"][int(place.right[row]) // 2])
    recording, pad = voice.recordings[owner], round(PAD_S * said.sample_rate_hz)
    tracks = [
        w.track(name, torch.from_numpy(voice.sound(owner, *ends)))
        for name, ends in (
            (t("unit_alone"), (left, right)), (t("unit_around"), (left - pad, right + pad)), (t("unit_sentence"), ()),
        )
    ]  # fmt: skip
    words = lattice_words(t)
    costs = ", ".join(f"{words[n]} {v:.2f}" for n, v in zip(TARGET_NAMES, place.parts[row]) if v > 0.005)
    note = t(
        "chosen_text", unit=place.label, rank=row + 1, of=len(place.total), name=recording.name, text=recording.text,
        cost=f"{float(place.total[row]):.2f}", parts=costs or "0",
    )  # fmt: skip
    on_path = said.path.rows[column] == row
    note += " " + t("on_path" if on_path else "off_path")
    return tracks, note, draw_seams(t, said, column)


def draw_coverage(t: Strings) -> dict:
    """How many times the corpus has each diphone."""
    from core.text.articulation import PHONES
    from core.unit_selection import figures

    counts = _models.load(VOICE).coverage()
    words = {"first": t("first_phone"), "second": t("second_phone")}
    there = int((counts > 0).sum())
    best = divmod(int(counts.argmax()), len(PHONES))
    return w.plot(
        figures.coverage(counts, PHONES, words=words),
        t("coverage_summary", there=there, all=counts.size, best="-".join(PHONES[i] for i in best),
          count=int(counts.max()), once=int((counts == 1).sum())),
    )  # fmt: skip
