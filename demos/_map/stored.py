"""What the cells of the map show at first sight; to be made anew after a network has been trained.

    python -m demos._map.stored

Writes assets/site/map/first.json.xz, of the sentence that stands at the top at first.
"""

from __future__ import annotations

from typing import Any

from demos import _stored, map
from demos._map import beats, enhancement, events, field, genre, pitch, recognition, sound
from demos._tab import LANGUAGES, Strings, strings

CELLS = (recognition, enhancement, events, pitch, beats, genre)


def everything(t: Strings) -> dict[str, Any]:
    """Cell -> its outputs for the first sound and the controls as they are at first."""
    source = (str(sound.EXAMPLES[sound.FIRST]), 0)
    answers = list(field.listen(t.cell(field.CELL), map.TASKS, *source))
    cells: dict[str, Any] = {field.CELL: (answers[-1][0], answers[0][1])}
    for cell in CELLS:
        cells[cell.CELL] = cell.show(t.cell(cell.CELL), *source, *cell.USUAL)
    return cells


def main() -> None:
    everything(strings("map", "en"))  # else its times are those of loading
    for language in LANGUAGES:
        t = strings("map", language)
        _stored.write(t, everything(t), t.cell(field.CELL)(f"example_{sound.FIRST}"))


if __name__ == "__main__":
    main()
