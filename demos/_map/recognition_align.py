"""Forced alignment in the cell `recognition`: when is each letter of a known text said?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from core import plots
from demos import _widgets as w
from demos._map import sound
from demos._map.recognition_heard import outputs_of, text_of, truth
from demos._tab import Strings

if TYPE_CHECKING:
    from torch import Tensor

    from core.recognition.sample import Alignment

HEATS = ("forward", "both")
MOST_LETTERS = 240  # that one can ask to align
NEAR_S = 0.12  # heard on either side of a letter; CTC's peaks are shorter than sounds


def letters_of(text: Any) -> str:
    """A visitor's text as the recogniser writes it; "" for none.

    Raises:
        TextError: nothing in it that can be written in its letters.
    """
    from core.errors import TextError
    from core.recognition_metrics import as_read

    typed = str(text or "").strip()[:MOST_LETTERS]
    if not typed:
        return ""
    try:
        found = "" if re.search("[가-힣ㄱ-ㅎㅏ-ㅣ]", typed) else as_read(typed)
    except TextError:
        found = ""
    if not found:
        raise TextError("The recogniser writes English, a to z: type the English words that are said in the sound.")
    return found


def wanted(path: str | None, start: Any, text: Any) -> tuple[str, str]:
    """The text to align, and where it comes from: "typed", "known" or "recognised".

    Raises:
        TextError: as `letters_of`.
    """
    if typed := letters_of(text):
        return typed, "typed"
    if known := letters_of(truth(path)):
        return known, "known"
    return text_of(path, start), "recognised"


def aligned(t: Strings, path: str | None, start: Any, text: Any, heat: Any) -> tuple:
    """(lattice, note, pieces) of the text; one that cannot be aligned is said to be so, and all else goes on."""
    from core.errors import TextError
    from core.recognition import ctc
    from core.recognition.model import encode_text
    from core.recognition.sample import align
    from demos._map import recognition_figures as figures

    x, outputs = sound.load(path, start), outputs_of(path, start)
    whole = w.track(t("whole"), x)
    try:
        chosen, origin = wanted(path, start, text)
        found = align(outputs, chosen)
    except TextError as error:
        empty = plots.layout(plots.go.Figure(), x_title=t("word_time"), y_title=t("word_text"))
        return w.plot(empty, t("lattice_none")), w.translate(str(error), t.language), [whole]
    numbers = encode_text(chosen)
    if heat == "forward":
        alpha = ctc.forward_variables(outputs, numbers)
        values = np.exp(alpha - alpha.max(axis=1, keepdims=True))
        values /= values.sum(axis=1, keepdims=True)
    else:
        values = ctc.occupancy(outputs, numbers)
    words = {key: t(f"word_{key}") for key in ("time", "text", "share", "path", "letters")}
    summary = t("lattice_summary", letters=len(numbers), states=2 * len(numbers) + 1, steps=len(outputs))
    return w.plot(figures.lattice(values, found, words=words), summary), written(t, found, origin), [whole]


def written(t: Strings, found: Alignment, origin: str) -> str:
    """Whose text it is, how probable, and when each word is said."""
    per_letter = found.text_log_probability / max(len(found.text), 1)
    lines = [t(f"text_{origin}", text=found.text),
             t("text_probability", log_p=f"{found.text_log_probability:.1f}", each=f"{per_letter:.2f}",
               best=f"{found.log_probability:.1f}")]  # fmt: skip
    times = [f"{one.text} {one.start_s:.2f}–{one.end_s:.2f}" for one in found.words]
    return "\n\n".join([*lines, t("times", words=" · ".join(times))])


def piece(t: Strings, path: str | None, start: Any, text: Any, at_s: float, *, curve: int = 0,
          place: int | None = None) -> tuple:  # fmt: skip
    """(note, player): the letter and the word that are said at a moment, cut out of the sound.

    Args:
        curve, place: of the click: where it went to the strip of letters (curve 2), the letter.
    Raises:
        TextError: as `wanted`, and where the text does not fit.
    """
    from core.recognition.sample import align

    x = sound.load(path, start)
    found = align(outputs_of(path, start), wanted(path, start, text)[0])
    spoken = [one for one in found.letters if one.text != " "]
    if curve == 2 and isinstance(place, int) and 0 <= place < len(spoken):
        letter = spoken[place]
    else:
        letter = min(spoken, key=lambda one: max(one.start_s - at_s, at_s - one.end_s))
    word = next(one for one in found.words if one.start_s <= letter.start_s and letter.end_s <= one.end_s)
    tracks = [
        w.track(t("piece", text=one.text), cut(x, one.start_s, one.end_s)) for one in (letter, word)
    ]  # fmt: skip
    note = t("piece_text", letter=letter.text, start=f"{letter.start_s:.3f}", end=f"{letter.end_s:.3f}",
             probability=f"{100 * letter.score:.0f}", word=word.text)  # fmt: skip
    return note, [*tracks, w.track(t("whole"), x)]


def cut(x: Tensor, start_s: float, end_s: float) -> Tensor:
    """From a little before to a little after."""
    first, last = (round(16_000 * at) for at in (start_s - NEAR_S, end_s + NEAR_S))
    return x[max(first, 0) : max(last, 1600)]
