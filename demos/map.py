"""The map of audio processing, cell by cell: each cell is a module of `demos/_map/`."""

from __future__ import annotations

from core import weights
from demos import _widgets as w
from demos._map import beats, enhancement, events, field, genre, pitch, recognition, tastes
from demos._map.answer import Task
from demos._tab import Strings, Tab

CELLS = (recognition, enhancement, events, pitch, beats, genre, tastes)


def row(name: str, metric: str, digits: int) -> str:
    """A number of a card, as the page writes it; a dash where it was not measured."""
    found = [one["value"] for one in weights.card(name)["metrics"] if one["name"] == metric]
    return f"{found[0]:.{digits}f}" if found else "–"


def synthesis() -> dict[str, str]:
    """Character errors of a recogniser, in percent."""
    name = "tacotron2-english"
    return {"tacotron": row(name, "character error (%), Tacotron 2, wavenet", 0),
            "natural": row(name, "character error (%), natural", 0)}  # fmt: skip


def generation() -> dict[str, str]:
    return {"bits": row("musenet-composer", "bits an event, mean over composers", 2)}


def separation() -> dict[str, str]:
    return {"gnsdr": row("separation-vocals", "GNSDR, voice (dB), network", 1)}


TASKS = {
    "recognition": recognition.TASK, "synthesis": Task(None, synthesis), "enhancement": enhancement.TASK,
    "events": events.TASK, "scenes": events.SCENE, "generation": Task(None, generation),
    "separation": Task(None, separation), "pitch": pitch.TASK, "genre": genre.TASK, "tempo": beats.TASK,
}  # fmt: skip


def build(t: Strings) -> None:
    """Header, the picture with the sound that all cells share, the cells, references."""
    w.header(t, badge="real", minutes=60)
    source = field.build(t, TASKS)
    for cell in CELLS:
        cell.build(t, source)
    w.references(t)


TAB = Tab(slug="map", order=10, build=build)

if __name__ == "__main__":
    from demos import _page

    _page.alone(TAB)
