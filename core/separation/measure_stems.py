"""What four stems are worth on songs that the network has never heard, by museval (BSS Eval 4, SiSEC 2018).

Called by `core.separation.measure`. SDR is the median over frames of a second, as SiSEC's tables have it; frames in
which a stem is silent do not count.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.packages import imported
from core.separation import data, oracle
from core.separation.model import MMDenseLSTM
from core.separation.sample import separate
from core.voice_metrics import Metric, show

METRICS = ("SDR", "ISR", "SIR", "SAR")  # museval's order
SPEED_S = 60.0
DATA = [
    {
        "name": "Everything is Free, five songs (24 min); 5-rubidium held out; 45 s of 7-francium watched the training",
        "license": "CC0 1.0",
        "source": "Software-Entwicklungskit, github.com/ichbinsoftware/everythingisfree; as Vorbis q3",
    },
    {
        "name": "143 MIDI files of Freedoom and OpenMSX through FluidR3_GM, 48 s each, for remixing",
        "license": "BSD-3-Clause (Freedoom), GPL-2.0 (OpenMSX), MIT (soundfont)",
        "source": "github.com/freedoom/freedoom, github.com/OpenTTD/OpenMSX; core.separation.render",
    },
    {
        "name": "Loops by chance from one-shots of Sonic Pi, for remixing",
        "license": "CC0 1.0",
        "source": "github.com/sonic-pi-net/sonic-pi, etc/samples; core.separation.render",
    },
    {
        "name": "MIR-1K, voices of the published train part, for remixing",
        "license": "research use; the recordings may not be passed on, and are not here",
        "source": "Hsu and Jang 2010",
    },
]
FAILURES = [
    "Has heard five electronic songs by one band, and MIDI: guitars, strings, choirs and live drums are strangers.",
    "Kick drum and bass share the lowest octave and leak into each other.",
    "A stem that is much louder than the rest leaks into all others: see the held-out song as released, where the "
    "voice lies far below drums and bass, beside the same song with its stems equally loud.",
    "A mask keeps the mixture's phase: where stems are equally loud, a watery rest stays in both.",
]


def museval(parts: Tensor, found: Tensor, rate_hz: int) -> np.ndarray:
    """BSS Eval 4 of stems [S, C, N]: medians over frames of a second, float64 [4, S] in dB; NaN for a silent stem.

    Raises:
        PackageError: museval is not installed.
    """
    metrics = imported("museval.metrics")
    sounding = [i for i, part in enumerate(parts) if float(part.abs().max()) > 1e-4]
    out = np.full((len(METRICS), len(parts)), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = metrics.bss_eval(
            parts[sounding].transpose(1, 2).numpy(), found[sounding].transpose(1, 2).numpy(),
            window=rate_hz, hop=rate_hz, compute_permutation=False, framewise_filters=False,
            bsseval_sources_version=False,
        )  # SDR, ISR, SIR, SAR, permutation; [stems, frames] each  # fmt: skip
        for row, values in enumerate(frames[:4]):
            out[row, sounding] = np.nanmedian(np.where(np.isfinite(values), values, np.nan), axis=1)
    return out


def levelled(parts: Tensor, level_db: float = -24.0) -> Tensor:
    """Every stem at the same loudness where it sounds; float [S, C, N]."""
    loud = []
    for part in parts:
        blocks = part[:, : part.shape[1] // 4410 * 4410].unflatten(1, (-1, 4410)).square().mean(dim=(0, 2))
        sounding = blocks[blocks > 1e-6]
        loud.append(float(sounding.mean().sqrt()) if len(sounding) else 1.0)
    return parts * (10 ** (level_db / 20) / torch.tensor(loud))[:, None, None]


def measure(network: MMDenseLSTM, folder: Path, *, limit: int | None = None) -> list[Metric]:
    """All rows of the card. limit: only so many seconds of each song."""
    config = network.config
    tracks = data.load_stems(folder, config.sources, config.sample_rate_hz, part="test")
    found: list[Metric] = []
    for track in tracks:
        parts = data.whole(track).parts[..., : limit and limit * config.sample_rate_hz]
        for name, mixed in (("as released", parts), ("stems equally loud", levelled(parts))):
            found += of_song(network, mixed, f"{track.name}, {name}")
    return found + speed(network)


def of_song(network: MMDenseLSTM, parts: Tensor, split: str) -> list[Metric]:
    """SDR of the network, of an ideal ratio mask and of the mixture itself; the network's other figures."""
    mixture, rate = parts.sum(dim=0), network.config.sample_rate_hz
    methods = {
        "network": torch.stack(list(separate(mixture, rate, network=network).values())),
        "network, Wiener filter": torch.stack(list(separate(mixture, rate, network=network, wiener=True).values())),
        "ideal ratio mask": _in_pieces(parts, network),
        "mixture": mixture.expand_as(parts),
    }
    rows = []
    for name, estimate in methods.items():
        figures = museval(parts, estimate, rate)
        wanted = METRICS if name == "network" else METRICS[:1]
        for i, metric in enumerate(wanted):
            for source, value in zip(network.config.sources, figures[i]):
                if np.isfinite(value):
                    rows.append(Metric(f"{metric}, {source} (dB), {name}", float(value), split, "stems"))
    return show(rows)


def _in_pieces(parts: Tensor, network: MMDenseLSTM) -> Tensor:
    pieces: Sequence[Tensor] = parts.split(round(20 * network.config.sample_rate_hz), dim=-1)
    return torch.cat([oracle.oracle(piece, network.config, "IRM1") for piece in pieces], dim=-1)


def speed(network: MMDenseLSTM) -> list[Metric]:
    """Seconds of stereo that a second of one thread takes apart."""
    rate = network.config.sample_rate_hz
    noise = 0.1 * torch.randn(2, round(SPEED_S * rate), generator=torch.Generator().manual_seed(0))
    separate(noise[:, : 5 * rate], rate, network=network)
    started = time.process_time()
    separate(noise, rate, network=network)
    ratio = SPEED_S / (time.process_time() - started)
    return show([Metric("times real time, 1 thread", ratio, "stereo, 44.1 kHz", "stems")])
