"""Statistical parametric synthesis: from text to the parameters of a vocoder, by two small networks.

    from core.parametric import synthesize
    said = synthesize("Will we ever forget it?", rate=0.8)     said.audio float32 [T] at 16 kHz, said.durations, ...

Source: Zen, Tokuda, Black 2009, "Statistical parametric speech synthesis"; Wu, Watts, King 2016, "Merlin".
The names are looked up on first use, so that modules that need no torch can be imported without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.parametric.model import AcousticModel, DurationModel
    from core.parametric.sample import ParametricSynthesis, synthesize
    from core.parametric.vocoder import resynthesize

__all__ = ["AcousticModel", "DurationModel", "ParametricSynthesis", "resynthesize", "synthesize"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from core.parametric import model, sample, vocoder

    return getattr(next(one for one in (sample, model, vocoder) if hasattr(one, name)), name)
