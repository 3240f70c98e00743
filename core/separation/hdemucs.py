"""torchaudio's Hybrid Demucs, trained by its authors on MUSDB18 and 150 more songs: an extra reference, to be fetched.

Défossez 2021, "Hybrid spectrogram and waveform source separation" (arXiv:2111.03600). Not one of our models: its
weights, 300 MB, come from download.pytorch.org when it is first asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import torch
from torch import Tensor

from core import audio
from core.errors import PackageError

SOURCES = ("vocals", "drums", "bass", "other")
CHUNK_S, FADE_S = 10.0, 1.0
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


@torch.no_grad()
def stream(x: Tensor, sample_rate_hz: int) -> Iterator[dict[str, Tensor]]:
    """The parts piece by piece, as `core.separation.sample.stream` gives them; x: float [C, T].

    The network's order is its own (drums, bass, other, vocals); it makes waveforms, so its parts need not add up.
    """
    network = load()
    rate = 44_100
    low = audio.resample(x, sample_rate_hz, rate)
    stereo = low.expand(2, -1) if low.shape[0] == 1 else low[:2]
    mean, deviation = stereo.mean(), stereo.std().clamp(min=1e-6)
    size, fade = round(CHUNK_S * rate), round(FADE_S * rate)
    kept, start, given = None, 0, 0
    while True:
        end = min(start + size, stereo.shape[1])
        found = network(((stereo[:, start:end] - mean) / deviation)[None])[0] * deviation + mean / 4
        parts = found[[3, 0, 1, 2]][:, : x.shape[0]]  # [S, C, n]
        if kept is not None:
            up = torch.linspace(0, 1, kept.shape[2])
            parts[..., : kept.shape[2]] = up * parts[..., : kept.shape[2]] + (1 - up) * kept[..., : parts.shape[2]]
        last = end == stereo.shape[1]
        ready = audio.resample(parts if last else parts[..., :-fade], rate, sample_rate_hz)
        ready = ready[..., : x.shape[1] - given]
        given += ready.shape[2]
        yield dict(zip(SOURCES, ready))
        if last:
            return
        kept, start = parts[..., -fade:].clone(), end - fade
