"""WaveNet (arXiv:1609.03499): the network, and the engines that generate with it.

    from core.wavenet import PRESETS, WaveNet, generate
    codes = generate(WaveNet(PRESETS["tiny"]), samples=1600, seed=0)  # int64 [1, 1600]
"""

from core.wavenet.model import PRESETS, WaveNet, WaveNetConfig
from core.wavenet.sample import generate

__all__ = ["PRESETS", "WaveNet", "WaveNetConfig", "generate"]
