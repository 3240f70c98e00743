"""MelNet: a generative model of spectrograms, coarse to fine (Vasquez and Lewis 2019, arXiv:1906.01083).

`model` holds the network, `tiers` the splitting and interleaving, `mixture` the output distribution, `sample` draws.
"""

from core.melnet.model import MelNet, MelNetConfig
from core.melnet.tiers import interleave, split_tiers

__all__ = ["MelNet", "MelNetConfig", "interleave", "split_tiers"]
