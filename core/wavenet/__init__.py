"""WaveNet (arXiv:1609.03499): the network, and the engines that generate with it.

    from core.wavenet import PRESETS, WaveNet, generate
    codes = generate(WaveNet(PRESETS["tiny"]), samples=1600, seed=0)  # int64 [1, 1600]

The names are looked up on first use, so that modules that need no torch can be imported without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.wavenet.model import PRESETS, WaveNet, WaveNetConfig
    from core.wavenet.sample import generate

__all__ = ["PRESETS", "WaveNet", "WaveNetConfig", "generate"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from core.wavenet import model, sample

    return getattr(sample if name == "generate" else model, name)
