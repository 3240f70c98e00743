"""Source separation: MMDenseLSTM (arXiv:1805.02410) takes a song apart by masks on its spectrogram.

    from core.separation import separate
    stems = separate(audio, 44_100, model="separation-4stems")      # {"vocals": float32 [C, T], "drums": …}

The names are looked up on first use, so that modules that need no torch can be imported without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.separation.model import MMDenseLSTM, MMDenseLSTMConfig
    from core.separation.sample import separate, stream

__all__ = ["MMDenseLSTM", "MMDenseLSTMConfig", "separate", "stream"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from core.separation import model, sample

    return getattr(model if name.startswith("MM") else sample, name)
