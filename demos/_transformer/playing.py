"""The Music Transformer plays: primer or melody in; a roll that grows, its sound and its MIDI file out."""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from demos import _models, _player
from demos._links import within
from demos._tab import Strings
from demos._transformer import pieces
from demos._transformer.roll import Roll

if TYPE_CHECKING:
    from core.midi.events import Notes

NETWORKS = ("relative", "absolute")
MODES = ("continue", "accompany")
USUAL = (pieces.FIRST, "continue", "relative")
PRIMER_EVENTS = 256
MELODY_S = 40.0
RATE_HZ = 32_000
YIELD_S = 0.15


@dataclass(frozen=True)
class Wish:
    """What the controls ask for, within their ranges."""

    piece: str
    own: str | None
    mode: str
    network: str
    temperature: float
    top_p: float
    events: int
    seed: int
    grammar: bool

    @classmethod
    def of(cls, piece: Any, own: Any, mode: Any, network: Any, heat: Any, share: Any, length: Any, seed: Any,
           grammar: Any) -> Wish:  # fmt: skip
        """From raw values; what cannot be is replaced by what is usual, or by the nearest that can."""
        return cls(
            str(piece), own, mode if mode in MODES else USUAL[1], network if network in NETWORKS else USUAL[2],
            within(heat, 0.5, 1.5), within(share, 0.5, 1.0), int(within(length, 100, 2000)),
            int(within(seed, 0, 999)), bool(grammar),
        )  # fmt: skip


@dataclass(frozen=True)
class Take:
    """A piece under way: what was given, the events that will come, which note belongs to whom."""

    given: list[int]
    stream: Iterator[int]
    parts: Callable[[Any], list[int]]
    roll: Roll


def begin(t: Strings, wish: Wish, ids: list[int]) -> Take:
    """Ready the network for a primer or a melody."""
    from core.sampling import Options
    from core.transformer import sample

    model = _models.load(f"transformer-{wish.network}")
    options = Options(temperature=wish.temperature, top_p=wish.top_p)
    if wish.mode == "accompany":
        melody = melody_of(ids)
        stream = sample.accompany(model, melody, seed=wish.seed, options=options)
        return Take([], stream, partial(of_melody, melody), Roll((t("part_melody"), t("part_network"))))
    primer = ids[:PRIMER_EVENTS]
    stream = sample.generate(
        model, primer or [sample.START], events=wish.events, seed=wish.seed, options=options, grammar=wish.grammar
    )
    roll = Roll((t("part_primer"), t("part_network")), split_s=seconds_of(primer))
    return Take(primer, stream, partial(of_primer, len(primer)), roll)


def play(t: Strings, wish: Wish, last: Any, *, is_stopped: Callable[[], bool] = lambda: False) -> Iterator[tuple]:
    """(roll, player, downloads, note, made) again and again, while the network plays.

    last: what was made before; its sound stays in the player, to be compared.
    """
    from core.midi.events import trace

    skip = gr.skip()
    ids, said = pieces.events_of(t, wish.piece, wish.own)
    take = begin(t, wish, ids)
    made, stopped = list(take.given), False
    yield _draw(take, made), skip, skip, said, skip
    started = shown = time.monotonic()
    for event in take.stream:
        made.append(event)
        now = time.monotonic()
        if now - shown > YIELD_S:
            shown = now
            count = len(made) - len(take.given)
            facts = t("facts", events=count, speed=f"{count / (now - started):.0f}")
            yield _draw(take, made, facts), skip, skip, skip, skip
            if stopped := is_stopped():
                break
    count = len(made) - len(take.given)
    speed = f"{count / max(1e-3, time.monotonic() - started):.0f}"
    yield _draw(take, made, t("rendering")), skip, skip, skip, skip
    label = t("take_label", network=t(f"network_{wish.network}"), seed=wish.seed)
    track, word = sounded(t, label, made)
    tracks = [track, *(last["tracks"][:1] if last else [])]
    state = {
        "ids": made, "primer": len(take.given), "parts": take.roll.value["parts"], "owners": take.parts(trace(made)),
        "tracks": [track],
    }  # fmt: skip
    facts = t("done", events=count, speed=speed)
    yield take.roll.end(facts, stopped=stopped), tracks, downloads(t, made), f"{said} {word}".strip(), state


def _draw(take: Take, ids: list[int], facts: str = "") -> dict[str, Any]:
    from core.midi.events import trace

    found = trace(ids)
    return take.roll.show(found.notes, take.parts(found), facts)


def of_primer(count: int, found: Any) -> list[int]:
    """The part of every note: 0 for those of the first `count` events, 1 for the network's."""
    return [int(on >= count) for on in found.on]


def of_melody(melody: Notes, found: Any) -> list[int]:
    own = {(round(float(s) * 100), int(p)) for s, p in zip(melody.start_s, melody.pitch)}
    notes = found.notes
    return [int((round(float(s) * 100), int(p)) not in own) for s, p in zip(notes.start_s, notes.pitch)]


def melody_of(ids: list[int]) -> Notes:
    """The upper voice of the first MELODY_S seconds, on the grid of the events."""
    from core.midi.events import Notes, decode_notes, encode_notes
    from core.transformer.melody import skyline

    notes = decode_notes(ids)
    soon = notes.start_s < MELODY_S
    return decode_notes(encode_notes(*skyline(Notes(*(column[soon] for column in notes)))))


def seconds_of(ids: list[int]) -> float:
    """How long events last."""
    from core.midi.events import trace

    return float(trace(ids).time_s[-1]) if ids else 0.0


def sounded(t: Strings, label: str, ids: list[int]) -> tuple[dict[str, Any], str]:
    """A track of the player, and a word where no soundfont was at hand."""
    from core import midi
    from core.midi.sound import synthesiser

    made = midi.render(midi.decode(ids), sample_rate_hz=RATE_HZ).mean(axis=0)
    said = "" if synthesiser().name == "fluidsynth" else t("oscillators")
    return _player.stored(label, made, RATE_HZ), said


def downloads(t: Strings, ids: list[int], name: str = "transformer.mid") -> str:
    """A link that saves the piece as MIDI."""
    from core import midi

    data = base64.b64encode(midi.to_bytes(midi.decode(ids))).decode("ascii")
    link = f'<a href="data:audio/midi;base64,{data}" download="{html.escape(name)}">MIDI</a>'
    return f'<span class="downloads">{html.escape(t("save"))} {link}</span>'


def at_sight(t: Strings) -> tuple:
    """What was made beforehand, to be heard at once: one primer, continued by both networks."""
    from demos._transformer import stored

    kept = stored.music()
    if kept is None:
        return tuple(gr.skip() for _ in range(5))
    state = stored_state(t)
    ids, primer = state["ids"], state["primer"]
    roll = Roll((t("part_primer"), t("part_network")), split_s=seconds_of(ids[:primer]))
    _draw(Take([], iter(()), partial(of_primer, primer), roll), ids)
    tracks = [
        _player.linked(t("take_label", network=t(f"network_{name}"), seed=kept["seed"]), stored.sound_url(name))
        for name in NETWORKS
    ]
    state["tracks"] = tracks[:1]
    return roll.end(t("stored_facts", seed=kept["seed"])), tracks, downloads(t, ids), "", state


def stored_state(t: Strings) -> dict[str, Any] | None:
    """What stands for the piece that was played last, as long as the visitor has played none."""
    from core.midi.events import trace
    from demos._transformer import stored

    kept = stored.music()
    if kept is None:
        return None
    ids, primer = kept["relative"], kept["primer"]
    parts, owners = [t("part_primer"), t("part_network")], of_primer(primer, trace(ids))
    return {"ids": ids, "primer": primer, "parts": parts, "owners": owners, "tracks": []}
