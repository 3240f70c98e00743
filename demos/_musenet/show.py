"""A composition for eyes and ears: notes for the roll, sound for the player, files to keep, and who plays how much."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.musenet import encoding
from core.musenet import vocabulary as v
from core.musenet.encoding import Note
from demos import _kept, _player
from demos import _widgets as w
from demos._musenet.versions import LETTERS, Tree
from demos._tab import Strings
from demos._transformer.roll import Roll

RATE_HZ = 32_000
LEAD_S = 12.0  # of what was there before, shown and heard before what is new
COLUMNS = ("model", "reference", "accent", "olive")  # colours of the takes


@dataclass(frozen=True, eq=False)
class Shown:
    """What a visitor sees, and the files it needs."""

    roll: dict[str, Any] | None
    player: list[dict[str, Any]]
    links: str
    folder: _kept.Folder | None = None
    older: _kept.Folder | None = None  # of the view before, which a page may still be fetching


def columns(notes: Sequence[Note]) -> tuple[Any, list[int]]:
    """Notes as the piano roll takes them, and their parts: the numbers of their instruments."""
    from core.midi.events import Notes

    found = encoding.arrays(notes)
    return Notes(found["start_s"], found["end_s"], found["pitch"], found["velocity"]), found["instrument"].tolist()


def parts(t: Strings) -> list[str]:
    return [t(f"instrument_{name}") for name in v.NAMES]


def length_s(row: Iterable[int]) -> float:
    """How long a row's music is: all its waits."""
    return sum(token - v.WAIT + 1 for token in row if v.WAIT <= token < v.NOTE) * v.STEP_S


def end_s(notes: Sequence[Note]) -> float:
    return max((note.end_s for note in notes), default=0.0)


def from_(notes: Sequence[Note], start_s: float) -> list[Note]:
    """The notes from a time on; those that sound there begin with it."""
    return [
        note._replace(start_s=max(0.0, note.start_s - start_s), end_s=note.end_s - start_s)
        for note in notes
        if note.end_s > start_s
    ]


def excerpt(row: Sequence[int], split: int) -> tuple[list[Note], float]:
    """What is seen and heard of a row that is new from `split` on: with LEAD_S before it; and when the new begins."""
    new_s = length_s(row[:split])
    start_s = max(0.0, new_s - LEAD_S)
    return from_(encoding.decode_notes(row), start_s), new_s - start_s


def files(folder: _kept.Folder, name: str, called: str, notes: Sequence[Note], row: Sequence[int]) -> dict[str, str]:
    """A piece as files of a folder: "flac", "mid" of the whole row, and "wav", which is made when it is asked for.

    Args:
        name: of the files.  called: what a visitor keeps them as.  notes: what is heard.
    Returns:
        the address of each.
    """
    import soundfile

    from core import midi

    sound = midi.render(encoding.to_midi(notes), sample_rate_hz=RATE_HZ)  # [2, T]
    soundfile.write(folder.path / f"{name}.flac", sound.T, RATE_HZ, subtype="PCM_16")
    (folder.path / f"{name}.mid").write_bytes(midi.to_bytes(encoding.decode(row)))
    return {
        "flac": folder.offer(f"{name}.flac", f"{called}.flac"),
        "wav": folder.offer(f"{name}.wav", f"{called}.wav", ("wav", f"{name}.flac")),
        "mid": folder.offer(f"{name}.mid", f"{called}.mid"),
    }


def links(t: Strings, rows: Sequence[tuple[str, dict[str, str]]]) -> str:
    """Downloads as HTML: for each label its MIDI file and its sound."""
    found = []
    for label, urls in rows:
        for kind in ("mid", "wav"):
            if kind in urls:
                text = html.escape(f"{t('kind_' + kind)} {label}".strip())
                found.append(f'<a href="{html.escape(urls[kind])}" download>{text}</a>')
    head = html.escape(t("keep_files"))
    return f'<p class="composer-links"><span>{head}</span>{"".join(found)}</p>' if found else ""


def version(t: Strings, tree: Tree, session: str | None, facts: str = "") -> Shown:
    """The current version, whole."""
    now = tree.now
    notes = encoding.decode_notes(now.row)
    roll = Roll(parts(t), split_s=length_s(now.row[: now.split]) if now.split < len(now.row) else 0.0)
    if not notes:
        roll.show(*columns([]))
        return Shown(roll.end(t("empty_start")), [], "")
    roll.show(*columns(notes))
    folder = _kept.folder(session)
    urls = files(folder, "piece", t("file_piece"), notes, now.row)
    label = named(t, tree, tree.current)
    facts = facts or t("facts_version", seconds=f"{end_s(notes):.1f}", notes=len(notes))
    return Shown(roll.end(facts), [_player.linked(label, urls["flac"])], links(t, [("", urls)]), folder)


def offers(t: Strings, tree: Tree, roll: Roll, session: str | None, facts: str, *, stopped: bool) -> Shown:
    """The ways to go on, each as a track."""
    folder = _kept.folder(session)
    tracks, rows = [], []
    for letter, row in zip(LETTERS, tree.offers):
        notes, _ = excerpt(row, tree.split)
        urls = files(folder, letter, f"{t('file_piece')} {letter}", notes, row)
        tracks.append(_player.linked(t("take", letter=letter), urls["flac"]))
        rows.append((letter, urls))
    return Shown(roll.end(facts, stopped=stopped), tracks, links(t, rows), folder)


def named(t: Strings, tree: Tree, number: int) -> str:
    """A version in the list: its number, the way to it, its style and length."""
    one = tree.versions[number]
    composer = encoding.declared(one.row)[0] or v.COMPOSERS[-1]
    way = " · ".join(one.path) or t("beginning")
    return t("version_name", number=number, way=way, style=t(f"style_{composer}"), seconds=f"{length_s(one.row):.0f}")


def choices(t: Strings, tree: Tree) -> list[tuple[str, int]]:
    return [(named(t, tree, number), number) for number in range(len(tree.versions))]


def produced(t: Strings, instruments: Sequence[str], takes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Requested against produced: how many notes each instrument begins in each take.

    Args:
        instruments: what was asked for.  takes: letter -> the new tokens.
    """
    import plotly.graph_objects as go

    from core import plots

    found = [_counted(take) for take in takes.values()]
    ticks = [f"<b>{t(f'instrument_{n}')} ✓</b>" if n in instruments else t(f"instrument_{n}") for n in v.NAMES]
    figure = go.Figure()
    for letter, colour, counts in zip(takes, COLUMNS, found):
        heights = [counts.get(name, 0) for name in v.NAMES]
        figure.add_bar(x=ticks, y=heights, name=letter, marker_color=plots.ROLES[colour], marker_line_width=0)
    plots.layout(figure, x_title=t("produced_x"), y_title=t("produced_y"), barmode="group", bargap=0.25,
                 legend={"orientation": "h", "y": 1.15}, margin={"t": 40})  # fmt: skip
    return w.plot(figure, _who(t, instruments, found))


def _counted(tokens: Iterable[int]) -> dict[str, int]:
    """As `core.musenet.sample.produced`, without torch, for what is shown at sight."""
    counts = Counter(int(v.INSTRUMENT_OF[token]) for token in tokens if v.IS_ON[token])
    return {v.NAMES[number]: count for number, count in counts.items()}


def _who(t: Strings, instruments: Sequence[str], found: Sequence[dict[str, int]]) -> str:
    """What the bars say, in a sentence."""
    asked = [name for name in v.NAMES if name in instruments]
    played = [name for name in v.NAMES if any(counts.get(name) for counts in found)]
    words = lambda names: ", ".join(t(f"instrument_{name}") for name in names)  # noqa: E731
    silent = [name for name in asked if not all(counts.get(name) for counts in found)]
    strange = [name for name in played if name not in asked]
    lines = [t("produced_asked", names=words(asked))]
    if not found:
        return " ".join([*lines, t("produced_nothing")])
    if silent:
        lines.append(t("produced_silent", names=words(silent)))
    if strange:
        lines.append(t("produced_strange", names=words(strange)))
    return " ".join(lines if silent or strange else [*lines, t("produced_all")])
