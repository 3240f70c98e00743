"""What separators learn from: the data sets, a song in its parts on a mixing desk, and what random remixing makes."""

from __future__ import annotations

import functools
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.separation import datasets, excerpts
from demos import _widgets as w
from demos._separation import mixer
from demos._tab import Strings

if TYPE_CHECKING:
    from core.separation.remix_example import Example, Placed

CELL = "data"
SEED = 5
LOUDEST = 0.99


def build(t: Strings) -> None:
    """The cell `data`."""
    with w.cell(t, CELL) as t:
        w.prose(t)
        keys = list(datasets.everything())
        with w.controls(t):
            names = [(datasets.everything()[key].name, key) for key in keys]
            chosen = w.link("dataset", gr.Radio(names, value=keys[0], label=t("dataset")))
        hours = w.figure(t, "hours", height=380)
        w.note(t, "note", t("hours_note"))
        about = w.note(t, "about")
        w.prose(t, "data-desk")
        with w.controls(t):
            shipped = [(t(f"excerpt_{name}"), name) for name in excerpts.index()]
            excerpt = w.link("desk", gr.Radio(shipped, value="bridge", label=t("excerpt")))
        desk = mixer.mixer(t, "desk")
        w.prose(t, "data-remix")
        asked = w.quiz(t, "count")
        with w.reveal(t, asked):
            counts = w.figure(t, "counts", height=380)
        with w.controls(t):
            with w.row():
                seed = w.link("remix", gr.Slider(0, 999, SEED, step=1, label=t("seed")))
                run = w.button(t("remix"), name="data-remix")
        places = w.figure(t, "places", height=420)
        table = w.note(t, "table")
        player = w.player(t, "sounds")
        w.prose(t, "data-limits")
        w.code(t, "core.separation.remix:Remixer", "core.separation.remix_example:example")
    newest: dict[str, Any] = {"trigger_mode": "always_last"}
    w.on(t, hours.appear, partial(show_sets, t), chosen, [hours, about])
    w.on(t, chosen.change, partial(details, t), chosen, about, **newest)

    def point(event: gr.SelectData) -> str:
        return keys[int(event.index[1])]

    w.on(t, hours.select, point, None, chosen)
    w.on(t, desk.appear, partial(show_desk, t), excerpt, desk)
    w.on(t, excerpt.change, partial(show_desk, t), excerpt, desk, **newest)
    w.on(t, counts.appear, partial(show_counts, t), None, counts)
    shown = [places, table, player]
    w.on(t, places.appear, partial(show_remix, t), seed, shown, heavy=True)
    w.on(t, seed.change, partial(show_remix, t), seed, shown, heavy=True, **newest)
    w.on(t, run.click, lambda number: (int(number) + 1) % 1000, seed, seed)


def show_sets(t: Strings, key: str) -> tuple[dict[str, Any], str]:
    """The data sets in hours, and the chosen one's facts."""
    from core.separation import data_figures

    found = datasets.everything()
    names = {k: f"{one.name}<br>{t('stems_count', count=len(one.stems))}" for k, one in found.items()}
    words = {key: t(f"word_{key}") for key in ("train", "test", "hours", "pieces")}
    figure = data_figures.hours(list(found.values()), names, words)
    most = max(found.values(), key=lambda one: one.hours("train"))
    summary = t("hours_summary", name=most.name, hours=most.hours("train"), count=len(found))
    return w.plot(figure, summary), details(t, key)


def details(t: Strings, key: str) -> str:
    """A data set's facts in a table, and how it was made."""
    one = datasets.everything()[key]
    both = sum(one.hours(split) for split in datasets.SPLITS)
    kind = "clips" if key == "mir1k" else "songs"
    rows = {
        "row_songs": t(f"count_{kind}", train=one.songs["train"], test=one.songs["test"]),
        "row_hours": t("hours_about", hours=both),
        "row_stems": ", ".join(t(f"stem_{stem}") for stem in one.stems),
        "row_sound": t("sound", rate=one.sample_rate_hz / 1000, channels=t(f"channels_{one.channels}")),
        "row_source": f"{one.citation}; {one.where}",
    }
    genres = ", ".join(f"{genre} {count}" for genre, count in one.genres.items())
    year = "" if one.year is None else f" ({one.year})"
    lines = [f"### {one.name}{year}", "", t(f"about_{key}"), "", "| | |", "|---|---|"]
    lines += [f"| {t(name)} | {value} |" for name, value in rows.items()]
    return "\n".join(lines) + ("\n\n" + t("genres", genres=genres) if genres else "")


@functools.lru_cache(maxsize=4)
def _files(name: str) -> tuple[int, dict[str, str]]:
    """Samples of an excerpt, and the peaks of each of its parts that sounds."""
    import soundfile

    one = excerpts.index()[name]
    sounding = [part for part in excerpts.PARTS if one.levels_db[part] is not None]
    sounds = {part: soundfile.read(one.path(part), dtype="float32")[0].T for part in sounding}
    return next(iter(sounds.values())).shape[1], {p: mixer.peaks(x, one.sample_rate_hz) for p, x in sounds.items()}


def show_desk(t: Strings, name: str) -> dict[str, Any]:
    """The mixing desk with an excerpt's own parts."""
    samples, peaks = _files(name)
    rate = excerpts.index()[name].sample_rate_hz
    song = mixer.Song(
        t(f"excerpt_{name}"), {part: t(f"stem_{part}") for part in peaks}, sample_rate_hz=rate, samples=samples
    )
    urls = [f"/site/audio/separation/{excerpts.index()[name].path(part).name}" for part in peaks]
    song.add_segment(urls, samples=samples, peaks=list(peaks.values()))
    return song.end()


def show_counts(t: Strings) -> dict[str, Any]:
    """How many mixtures so many songs give."""
    from core.separation import data_figures

    found = datasets.everything()
    words = {key: t(f"word_{key}") for key in ("songs", "mixtures", "released", "remixed")}
    most = max(found.values(), key=lambda one: one.mixtures())
    said = t("counts_summary", name=most.name, songs=most.songs["train"], mixtures=most.mixtures())
    return w.plot(data_figures.mixtures(list(found.values()), words), said)


def show_remix(t: Strings, seed: float) -> tuple[dict[str, Any], str, list[dict[str, Any]]]:
    """(where its parts are from, the same as a table, sounds) of a training example."""
    from core.separation import data_figures, remix_example

    found = remix_example.example(int(seed))
    lengths = {name: excerpts.index()[name].seconds for name in excerpts.index()}
    names = {name: t(f"short_{name}") for name in lengths} | {part: t(f"stem_{part}") for part in excerpts.PARTS}
    words = {key: t(f"word_{key}") for key in ("time", "cut")}
    figure = data_figures.places(found.placed, lengths, names, words)
    said = t("together" if found.together else "remixed", count=len(lengths) ** len(excerpts.PARTS))
    return w.plot(figure, said), _table(t, found.placed), _sounds(t, found)


def _table(t: Strings, placed: tuple[Placed, ...]) -> str:
    heads = [t(f"head_{key}") for key in ("part", "from", "speed", "gain", "sign", "before", "level")]
    lines = [f"| {' | '.join(heads)} |", "|---|---|" + "---:|" * 5]
    for one in placed:
        levels = [t("silent") if x is None else f"{x:.1f} dBFS" for x in (one.level_before_db, one.level_db)]
        row = [
            t(f"stem_{one.part}"), t("place", excerpt=t(f"short_{one.excerpt}"), start=one.start_s, end=one.end_s),
            t("speed", speed=one.speed, semitones=one.semitones), f"{one.gain_db:+.1f} dB",
            "−" if one.sign < 0 else "+", *levels,
        ]  # fmt: skip
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def _sounds(t: Strings, found: Example) -> list[dict[str, Any]]:
    """The mixture, its voice, and the song as released; all turned down alike where one would clip."""
    sounds = {"heard": found.parts.sum(dim=0), "voice": found.parts[0], "released": found.released}
    loudest = max(float(x.abs().max()) for x in sounds.values())
    scale = min(1.0, LOUDEST / loudest)
    return [w.track(t(name), x * scale, found.sample_rate_hz) for name, x in sounds.items()]
