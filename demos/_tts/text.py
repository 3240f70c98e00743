"""The front end: a sentence becomes words, sounds and ids, each under the characters it came from."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import gradio as gr

from demos import _widgets as w
from demos._tab import Strings
from demos._tts.sentence import Box, dropped, language_of

UNITS = ("sounds", "letters")  # of the radio; each language has its own names for them in core.text.tokens
_TABLES = {
    ("en", "sounds"): "phones", ("en", "letters"): "letters", ("ko", "sounds"): "sounds", ("ko", "letters"): "jamo",
}  # fmt: skip
STYLE = '<link rel="stylesheet" href="/site/tts/text.css">'


@dataclass(frozen=True)
class Piece:
    """What is said of one stretch of the text.

    said: one word or, in Korean, one group between spaces.  sounds: how it sounds where that differs in writing.
    tokens: (symbol, id).  source: where the pronunciation is from, "" in Korean.
    """

    said: str
    sounds: str
    tokens: tuple[tuple[str, int], ...]
    source: str = ""


@dataclass(frozen=True)
class Group:
    """Characters of the text, as written, and the pieces that they became."""

    written: str
    pieces: tuple[Piece, ...]


def build(t: Strings, box: Box) -> None:
    """The cell `text`."""
    with w.cell(t, "text") as t:
        w.prose(t)
        w.quiz(t, "five")
        with w.controls(t):
            unit = w.link("unit", gr.Radio([(t(name), name) for name in UNITS], value="sounds", label=t("unit")))
        first = show(t, box.text.value, "sounds")  # a tenth of a second, and there is something to see at once
        with w.output(t):
            shown = gr.HTML(first[0], elem_id="text-shown", apply_default_css=False)
        ids = w.note(t, "ids", first[1])
        w.prose(t, "text-korean")
        w.quiz(t, "nasal")
        w.code(t, "core.text.tokens:tokens", "core.text.english:words", "core.text.phones:syllables",
               "core.text.korean:pronounce", language_of)  # fmt: skip
    handler = partial(show, t)
    outputs = [shown, ids]
    w.on(t, box.text.change, handler, [box.text, unit], outputs, trigger_mode="always_last", show_progress="hidden")
    w.on(t, unit.change, handler, [box.text, unit], outputs, show_progress="hidden")


def show(t: Strings, text: str | None, unit: str | None) -> tuple[str, str]:
    """The groups and the ids as HTML, and a sentence about them; or what is wrong with the text, while it is typed."""
    from core.errors import LessonError
    from core.text.tokens import tokens

    text, language = text or "", language_of(text or "")
    table = _TABLES[language, unit if unit in UNITS else "sounds"]
    view = korean_groups if language == "ko" else english_groups
    try:
        found, groups, lost = tokens(text, language, unit=table), view(text, table), dropped(text, language)
    except LessonError as error:
        problem = w.translate(str(error), t.language)
        return f'{STYLE}<p class="problem" role="status">{html.escape(problem)}</p>', ""
    words = sum(len(group.pieces) for group in groups)
    said = t("counted", characters=len(text), words=words, ids=len(found), table=t(f"table_{table}"))
    said += " " + t("dropped", signs=" ".join(lost)) if lost else ""
    ids = f'<p class="ids">[{", ".join(map(str, found.ids))}]</p>'
    return STYLE + groups_html(t, groups) + ids, said


def english_groups(text: str, table: str) -> list[Group]:
    """Words by the stretch of text that they came from."""
    from core.text import english
    from core.text.tokens import table as symbols_of

    ids = {symbol: number for number, symbol in enumerate(symbols_of("en", table))}
    out = []
    for span, words in groupby(english.words(text), key=lambda word: word.span):
        pieces = []
        for word in words:
            symbols = word.phones if table == "phones" else tuple(c for c in word.text if c in ids)
            marks = (word.break_after,) if word.break_after else ()
            tokens = tuple((symbol, ids[symbol]) for symbol in (*symbols, *marks))
            pieces.append(Piece(word.text, "", tokens, word.source))
        out.append(Group(text[slice(*span)], tuple(pieces)))
    return out


def korean_groups(text: str, table: str) -> list[Group]:
    """What stands between spaces, as normalised and as it sounds."""
    from core.text import korean
    from core.text.tokens import table as symbols_of

    ids = {symbol: number for number, symbol in enumerate(symbols_of("ko", table))}
    hangul = korean.normalise(text)
    heard = korean.sounds(hangul.text)
    read = heard if table == "sounds" else hangul.text
    out, start = [], 0
    for part in hangul.text.split(" "):
        end = start + len(part)
        spans = hangul.spans[start:end]
        if part:
            tokens = tuple((symbol, ids[symbol]) for symbol, _ in korean.jamo(read[start:end]))
            sounds = heard[start:end]
            piece = Piece(part, sounds if sounds != part else "", tokens)
            out.append(Group(text[spans[0][0] : spans[-1][1]], (piece,)))
        start = end + 1
    return _joined(out)


def _joined(groups: list[Group]) -> list[Group]:
    """Neighbours that came from the very same characters (3개 -> 세 개) become one group."""
    out: list[Group] = []
    for group in groups:
        if out and out[-1].written == group.written:
            out[-1] = Group(group.written, out[-1].pieces + group.pieces)
        else:
            out.append(group)
    return out


def groups_html(t: Strings, groups: Sequence[Group]) -> str:
    """The groups side by side, wrapping; everything in them is escaped."""
    columns = "".join(
        f'<div class="group" tabindex="0"><span class="written">{html.escape(group.written)}</span>'
        f'<div class="pieces">{"".join(_piece_html(t, piece) for piece in group.pieces)}</div></div>'
        for group in groups
    )
    return f'<div class="front-end" role="group" aria-label="{html.escape(t("shown"))}">{columns}</div>'


def _piece_html(t: Strings, piece: Piece) -> str:
    from core.text.tokens import shown

    chips = "".join(
        f'<span class="token {_kind(symbol)}"><b>{html.escape(shown(symbol))}</b><i>{number}</i></span>'
        for symbol, number in piece.tokens
    )
    sounds = ""
    if piece.sounds:
        changed = "".join(
            f"<mark>{html.escape(b)}</mark>" if a != b else html.escape(b) for a, b in zip(piece.said, piece.sounds)
        )
        sounds = f'<span class="sounds">[{changed}]</span>'
    foreign = piece.source in ("espeak-ng", "letters")
    source = f'<span class="source">{html.escape(t(f"source_{piece.source}"))}</span>' if foreign else ""
    return (
        f'<div class="piece"><span class="said">{html.escape(piece.said)}{source}</span>{sounds}'
        f'<span class="tokens">{chips}</span></div>'
    )


def _kind(symbol: str) -> str:
    if symbol[-1] in "12" and len(symbol) > 1:
        return "stressed"
    if symbol[-1] == "0" or "\u1161" <= symbol <= "\u1175" or symbol in "aeiou":
        return "vowel"
    return "mark" if not symbol.isalpha() else "consonant"
