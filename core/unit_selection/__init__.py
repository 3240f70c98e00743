"""Unit selection (Hunt and Black 1996): speech put together from pieces of recordings.

    from core.unit_selection import synthesize
    said = synthesize("Will we ever forget it?")     said.audio float32 [T] at 16 kHz, said.units, said.lattice

The names are looked up on first use, so that modules that need no torch can be imported without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.unit_selection.model import Voice, viterbi
    from core.unit_selection.sample import UnitSynthesis, respeak, synthesize, voice

__all__ = ["UnitSynthesis", "Voice", "respeak", "synthesize", "viterbi", "voice"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from core.unit_selection import model, sample

    return getattr(model if name in ("Voice", "viterbi") else sample, name)
