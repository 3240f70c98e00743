"""Music as events: the 388 tokens of Music Transformer (arXiv:1809.04281), MIDI files in and out, and their sound.

    from core import midi
    score = midi.read("piece.mid")              # Score(midi: PrettyMIDI, repairs: the named mendings)
    ids = midi.encode(score.midi)               # list of int in [0, 388)
    sound = midi.render(midi.decode(ids))       # float32 [2, T] at 44.1 kHz

The names are looked up on first use, so that a module can be run as a command.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.midi import events, files, sound
    from core.midi.events import VOCABULARY, decode, encode
    from core.midi.files import Score, read, to_bytes
    from core.midi.sound import render

__all__ = [
    "VOCABULARY", "Score", "decode", "encode", "events", "files", "read", "render", "sound", "to_bytes",
]  # fmt: skip

_HOME = {
    "VOCABULARY": "events", "encode": "events", "decode": "events",
    "Score": "files", "read": "files", "to_bytes": "files", "render": "sound",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _HOME:
        return getattr(import_module(f"core.midi.{_HOME[name]}"), name)
    return import_module(f"core.midi.{name}")
