"""Tokens, the piano roll that they mean and their sound: a piece, an upload, a keyboard or a text goes in."""

from __future__ import annotations

import html
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from core.errors import MidiError
from demos import _kept, _numbers, _player
from demos import _widgets as w
from demos._links import within
from demos._tab import ROOT, Strings
from demos._transformer import pieces, playing

if TYPE_CHECKING:
    import numpy as np
    import pretty_midi

    from core.midi.files import Score

SLIDE = (
    "SET_VELOCITY<80> NOTE_ON<60> TIME_SHIFT<500> NOTE_ON<64> TIME_SHIFT<500> NOTE_ON<67> TIME_SHIFT<1000> "
    "NOTE_OFF<60> NOTE_OFF<64> NOTE_OFF<67> TIME_SHIFT<500> SET_VELOCITY<100> NOTE_ON<65> TIME_SHIFT<500> NOTE_OFF<65>"
)
EXAMPLE, CHOPIN = "slide", "chopin-nocturne-op9-2"
EXCERPT_S = 10.0
LONGEST_S = 120.0
MOST_TOKENS = 2000
MOST_NOTES = 400  # of the keyboard
RATE_HZ = 32_000
_LOAD = """
import('/site/transformer/tokens.js').then(m => m.start(element, props, trigger, watch));
// fires 'appear' and 'select'
"""
WORDS = (
    "label", "idle", "hint", "roll", "place", "is_on", "is_off", "is_shift", "is_velocity", "note", "first", "back",
    "next", "keys", "keys_hint", "lower", "higher", "again", "png", "txt",
)  # fmt: skip


def build(t: Strings) -> None:
    """The cell `tokens`."""
    with w.cell(t, "tokens") as t:
        w.prose(t)
        w.quiz(t, "pause")
        with w.controls(t):
            piece, own, where, pedal, upload = _source(t)
        view = gr.HTML(
            None, html_template="<div class='tokens-host'></div>", js_on_load=_LOAD, apply_default_css=False,
            words={key: t(f"view.{key}") for key in WORDS}, follows=["tokens-sound"],
            elem_id="tokens-view", elem_classes=["out-cell"],
        )  # fmt: skip
        sound = w.player(t, "sound")
        saved = gr.HTML(elem_id="tokens-midi", elem_classes=["out-cell", "player"], apply_default_css=False)
        note = w.note(t, "note", latex=False)
        w.prose(t, "tokens-edit")
        with w.controls(t):
            text = gr.Textbox(
                label=t("text"), info=t("text_info"), lines=6, max_lines=14, max_length=80_000, elem_id="tokens-text"
            )
            hear = w.button(t("hear"), name="tokens-hear")
        w.quiz(t, "chord")
        w.code(t, "core.midi.events:encode_notes", "core.midi.events:trace", "core.midi.grammar:problems")
    now = gr.State([])
    _wire(t, [piece, own, where, pedal], upload, text, hear, [view, text, note, now], [now, sound, saved])


def _wire(
    t: Strings, chosen: list, upload: gr.File, text: gr.Textbox, hear: gr.Button, shown: list, heard: list
) -> None:
    """What is shown comes at once; its sound waits in the line of the heavy work."""

    def adopt(path: str | None, request: gr.Request) -> None:
        _kept.adopt(request.session_hash, path)

    def bring(path: str | None) -> tuple:
        from core import midi

        if path is None:
            return gr.update(choices=_choices(t), value=EXAMPLE), None
        score = midi.read(path)
        return gr.update(choices=[(t("piece_own"), pieces.OWN), *_choices(t)], value=pieces.OWN), score

    def keyed(event: gr.SelectData) -> tuple:
        return from_keys(t, event.value)

    piece, own, where, pedal = chosen
    view, newest = shown[0], {"trigger_mode": "always_last"}
    of_piece = partial(from_piece, t)
    w.on(t, upload.upload, adopt, upload, None)
    brought = w.on(t, [upload.upload, upload.clear], bring, upload, [piece, own], heavy=True, show_progress="hidden")
    begun = [
        w.on(t, view.appear, of_piece, chosen, shown),
        w.on(t, [piece.input, where.release, pedal.input], of_piece, chosen, shown, **newest),
        w.on(t, brought.then, of_piece, chosen, shown),
        w.on(t, hear.click, partial(from_text, t), text, shown, **newest),
        w.on(t, view.select, keyed, None, shown, **newest),
    ]
    for event in begun:
        w.on(t, event.then, partial(sounded, t), heard[0], heard[1:], heavy=True, show_progress="hidden", **newest)


def _source(t: Strings) -> tuple[Any, ...]:
    """piece, the visitor's own file, where to begin, the pedal, the upload."""
    with w.row():
        piece = w.link("tokens-piece", gr.Dropdown(_choices(t), value=EXAMPLE, label=t("piece")))
        kinds = [".mid", ".midi", ".rmi"]
        upload = gr.File(label=t("upload"), file_types=kinds, type="filepath", elem_id="tokens-upload", height=170)
    with w.row():
        where = w.link("tokens-from", gr.Slider(0, 300, 0, step=1, label=t("where")))
        pedal = w.link("tokens-pedal", gr.Checkbox(True, label=t("pedal"), info=t("pedal_info")))
    return piece, gr.State(None), where, pedal, upload


def _choices(t: Strings) -> list[tuple[str, str]]:
    return [(t("piece_slide"), EXAMPLE), *pieces.choices(t), (t("piece_chopin"), CHOPIN)]


def from_piece(t: Strings, piece: Any, own: Score | None, where: Any, pedal: Any) -> tuple:
    """Ten seconds of a piece, or the slide's example.

    Raises:
        MidiError: nothing was uploaded, or no note begins there.
    """
    from core import midi
    from core.midi import grammar

    if piece in (EXAMPLE, None):
        return show(t, grammar.read_text(SLIDE))
    if piece == pieces.OWN and own is None:
        raise MidiError("There is no MIDI file: upload one or choose an example first.")
    score = own if own and piece == pieces.OWN else midi.read(_path(str(piece)))
    begin = min(within(where, 0, 300), max(0.0, score.seconds - 1))
    ids, left_out = excerpt(score.midi, begin, pedal=bool(pedal))
    said = [w.translate(one, t.language) for one in score.repairs]
    if said:
        said = [t("repairs", repairs=" ".join(said))]
    if left_out:
        said.append(t("left_out", most=MOST_TOKENS))
    return show(t, ids, " ".join(said))


def _path(piece: str) -> Path:
    return ROOT / f"assets/midi/{CHOPIN}.mid" if piece == CHOPIN else pieces.path(piece)


def excerpt(midi: pretty_midi.PrettyMIDI, begin_s: float, *, pedal: bool) -> tuple[np.ndarray, bool]:
    """The events of the notes that begin within EXCERPT_S, and whether there were too many of them.

    Raises:
        MidiError: no note begins there.
    """
    from core.midi import events
    from core.midi.pedal import played

    notes = played(midi, pedal=pedal)
    inside = (notes.start_s >= begin_s) & (notes.start_s < begin_s + EXCERPT_S)
    if not inside.any():
        raise MidiError(f"No note begins between {begin_s:.0f} and {begin_s + EXCERPT_S:.0f} s: choose another place.")
    start, end, pitch, velocity = (column[inside] for column in notes)
    ids = events.encode_notes(start - begin_s, end.clip(max=begin_s + EXCERPT_S + 4) - begin_s, pitch, velocity)
    return ids[:MOST_TOKENS], len(ids) > MOST_TOKENS


def from_text(t: Strings, text: str | None) -> tuple:
    """What the visitor wrote; its oddities are named.

    Raises:
        MidiError: a word that is no token, nothing written, too many tokens, too long a piece.
    """
    from core.midi import grammar

    ids = grammar.read_text(text or "")
    if len(ids) == 0:
        raise MidiError("There are no tokens: write some, such as NOTE_ON<60> TIME_SHIFT<500> NOTE_OFF<60>.")
    if len(ids) > MOST_TOKENS:
        raise MidiError(f"There are {len(ids)} tokens; at most {MOST_TOKENS} are shown here. Take some out.")
    return show(t, ids, edited=True)


def from_keys(t: Strings, played: Any) -> tuple:
    """What was played on the keyboard of the page: [start ms, end ms, pitch, velocity] of every note.

    Raises:
        MidiError: what came is no row of notes.
    """
    from core.midi import events

    return show(t, events.encode_notes(*_notes_of(played)))


def _notes_of(value: Any) -> list[list[float]]:
    """start_s, end_s, pitch, velocity of what a browser sent, which is to be trusted no more than an upload."""
    try:
        rows = [[float(x) for x in row] for row in value[:MOST_NOTES]]
        start, end, pitch, velocity = (list(column) for column in zip(*rows))
        return [[x / 1000 for x in start], [x / 1000 for x in end], [int(x) for x in pitch], [int(x) for x in velocity]]
    except (TypeError, ValueError, KeyError, OverflowError):
        raise MidiError("The keyboard sent no notes: play some again.") from None


def show(t: Strings, ids: np.ndarray, said: str = "", *, edited: bool = False) -> tuple:
    """(view, text, note, ids) for a row of tokens.

    Raises:
        MidiError: it would last too long.
    """
    from core.midi import events, grammar

    found = events.trace(ids)
    seconds = float(found.notes.end_s.max(initial=0.0))
    total = float(found.time_s[-1]) if len(ids) else 0.0
    if max(seconds, total) > LONGEST_S:
        raise MidiError(f"The tokens last {max(seconds, total):.0f} s; at most {LONGEST_S:.0f} s are played here.")
    odd: dict[int, str] = {}
    problems = [(one.place, w.translate(str(one), t.language)) for one in grammar.problems(ids)]
    for place, text in problems:
        odd[place] = f"{odd[place]} {text}" if place in odd else text
    kinds = [int(((ids >= first) & (ids < first + count)).sum()) for first, count, _, _ in events.KINDS.values()]
    facts = t("facts", tokens=len(ids), notes=len(found.on), seconds=f"{seconds:.1f}",
              **dict(zip(("on", "off", "shift", "velocity"), kinds)))  # fmt: skip
    value = {
        "run": _numbers.fresh(), "ids": ids.tolist(), "times": (found.time_s * 1000).round().astype(int).tolist(),
        "notes": _rows(found), "odd": {str(place): text for place, text in odd.items()}, "facts": facts,
    }  # fmt: skip
    if problems:
        said = f"{said} {t('odd')}\n\n" + "\n".join(f"- {html.escape(text)}" for _, text in problems[:12])
        said += f"\n- … (+{len(problems) - 12})" if len(problems) > 12 else ""
    elif edited:
        said = t("no_odd")
    return value, gr.skip() if edited else grammar.write_text(ids), said, ids.tolist()


def _rows(found: Any) -> list[list[int]]:
    """[start ms, end ms, pitch, velocity, place of the NOTE_ON, place of what ended it] of every note."""
    notes = zip(*(column.tolist() for column in (*found.notes, found.on, found.off)))
    return [[round(1000 * a), round(1000 * b), c, d, on, off] for a, b, c, d, on, off in notes]


def sounded(t: Strings, ids: list[int]) -> tuple:
    """The player's track, and below it the MIDI file and what made the sound."""
    from core import midi
    from core.midi.sound import synthesiser

    if not ids:  # nothing could be shown, and a message says why
        return gr.skip(), gr.skip()
    made = midi.render(midi.decode(ids), sample_rate_hz=RATE_HZ).mean(axis=0)
    word = html.escape(w.translate(synthesiser().note, t.language))
    saved = f'{playing.downloads(t, ids, "tokens.mid")} <span class="keys">{word}</span>'
    return [_player.stored(t("track"), made, RATE_HZ)], saved
