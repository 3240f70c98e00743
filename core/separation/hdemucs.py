"""torchaudio's Hybrid Demucs, trained by its authors on MUSDB18 and 150 more songs: an extra reference, to be fetched.

Défossez 2021, "Hybrid spectrogram and waveform source separation" (arXiv:2111.03600). Not one of our models: its
weights, 300 MB, come from download.pytorch.org when it is first asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from core import audio
from core.errors import PackageError
from core.separation.sample import pieces

SOURCES = ("vocals", "drums", "bass", "other")
ORDER = ("drums", "bass", "other", "vocals")  # the network's own
RATE_HZ = 44_100
_lock = threading.Lock()
_network: list[torch.nn.Module] = []


def load() -> torch.nn.Module:
    """The network, fetched once.

    Raises:
        PackageError: it cannot be had: no internet, or no torchaudio.
    """
    with _lock:
        if not _network:
            try:
                from torchaudio.pipelines import HDEMUCS_HIGH_MUSDB_PLUS as bundle

                _network.append(bundle.get_model().eval())
            except Exception as error:
                raise PackageError(
                    "Hybrid Demucs has to be fetched from the internet (300 MB) and could not be: choose another "
                    f"method, or try again where there is internet ({type(error).__name__})."
                ) from error
        return _network[0]


def stream(x: Tensor, sample_rate_hz: int) -> Iterator[dict[str, Tensor]]:
    """The parts piece by piece, as `core.separation.sample.stream` gives them; x: float [1 or 2, T].

    The network makes waveforms, so its parts need not add up.
    """
    network = load()
    mean, deviation = float(x.mean()), max(float(x.std()), 1e-6)

    @torch.no_grad()
    def take_apart(piece: Tensor) -> Tensor:
        low = audio.resample((piece - mean) / deviation, sample_rate_hz, RATE_HZ)
        found = network(low.expand(2, -1)[None])[0] * deviation + mean / len(ORDER)  # [S, 2, m]
        found = found[:, : x.shape[0]] if x.shape[0] == 2 else found.mean(dim=1, keepdim=True)
        found = audio.resample(found[[ORDER.index(name) for name in SOURCES]], RATE_HZ, sample_rate_hz)
        return F.pad(found, (0, max(0, piece.shape[1] - found.shape[2])))[..., : piece.shape[1]]

    return pieces(x, sample_rate_hz, SOURCES, take_apart)
