"""Tacotron 2 (arXiv:1712.05884): text in, mel spectrogram out, by a decoder that looks back at the text with attention.

    from core.tacotron2 import synthesize
    said = synthesize("Will we ever forget it?", vocoder="griffin-lim")     said.audio float32 [T], said.alignment, ...

The names are looked up on first use, so that modules that need no torch can be imported without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.tacotron2.model import Tacotron2, Tacotron2Config
    from core.tacotron2.sample import TacotronSynthesis, stream, synthesize, vocode

__all__ = ["Tacotron2", "Tacotron2Config", "TacotronSynthesis", "stream", "synthesize", "vocode"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from core.tacotron2 import model, sample

    return getattr(model if name in ("Tacotron2", "Tacotron2Config") else sample, name)
