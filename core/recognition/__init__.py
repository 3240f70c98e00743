"""Speech recognition: a deep bidirectional LSTM that learns from sentences without times, by CTC (Graves et al. 2006).

    from core import weights
    from core.recognition import recognise
    recognise(weights.load("recognition-english"), audio).text          # float32 [T] at 16 kHz -> "seven four two"

The names are looked up on first use, so that modules that need no torch can be imported without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.recognition.model import Recogniser, RecogniserConfig
    from core.recognition.sample import Recognition, align, beam, greedy, recognise

__all__ = ["Recogniser", "RecogniserConfig", "Recognition", "align", "beam", "greedy", "recognise"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from core.recognition import model, sample

    return getattr(model if name.startswith("Recogniser") else sample, name)
