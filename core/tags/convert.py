"""The published weights of musicnn, put into our network and stored with a card.

    python -m core.tags.convert --data PATH/musicnn

PATH has MTT_musicnn.npz: the variables of the TensorFlow checkpoint in the package musicnn, "/" written as "__", or
the checkpoint's folder as the package has it is first read with TensorFlow's `load_checkpoint`. TensorFlow keeps
a convolution as [time, band, in, out] where PyTorch keeps [out, in, time, band], and a dense layer as [in, out].
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import weights
from core.errors import DataError
from core.tags.model import PRESETS, Musicnn, MusicnnConfig

NAME = "tags-musicnn"
FILE = "MTT_musicnn.npz"
DATA = [
    {
        "name": "MagnaTagATune: 25,863 clips of 29 s from the label Magnatune, and what players of a game said of them",
        "license": "research use; none of it is here, and it was not used here",
        "source": "Law et al. 2009, ISMIR; mirg.city.ac.uk/codeapps/the-magnatagatune-dataset",
    },
    {
        "name": "MTT_musicnn, the trained weights",
        "license": "ISC, Copyright (c) Music Technology Group, Universitat Pompeu Fabra 2019",
        "source": "Pons and Serra 2019 (arXiv:1909.06654), the package musicnn 0.1.0, github.com/jordipons/musicnn",
    },
    {
        "name": "for the output `music`: Everything is Free without Rubidium, MIR-1K's singers abjones and amy, ASAP",
        "license": "CC0 1.0; research use; CC BY-NC-SA 4.0; none of the latter two is here",
        "source": "github.com/ichbinsoftware/everythingisfree; Hsu and Jang 2010; github.com/fosfrancesco/asap-dataset",
    },
    {
        "name": "for the same, what is not music: Kathleen, TSP, ESC-10 without fold 3, UrbanSound8K's folds 1 and 2",
        "license": "CC0 1.0; Simplified BSD; CC BY 3.0 and CC0; CC BY-NC 3.0",
        "source": "the cards of wavenet-speech, vqvae-speech and events say where from",
    },
]
FAILURES = [
    "Knows the music of one label: classical, techno, electronic, rock, Indian and world music. Pop is scarce in it, "
    "and jazz, blues, reggae and hip-hop are not among the 50 tags.",
    "Names that mean the same compete (vocal, vocals, singing, voice): the players typed them freely.",
    "Gives tags to anything, speech and noise too: it has never heard what is not music. A siren is a flute to it.",
    "Whether a man or a woman sings it tells hardly better than a coin where the music is as loud as the voice.",
    "A piano played by a soundfont it often takes for a guitar.",
    "Several tags state an absence (no vocals, no vocal, no voice), as people wrote it.",
]


def tensors(found: Mapping[str, np.ndarray], config: MusicnnConfig) -> dict[str, Tensor]:
    """The state of a `Musicnn` from the variables of the TensorFlow graph, which numbers layers as they were made.

    Raises:
        DataError: a variable is missing.
    """
    out: dict[str, Tensor] = {}

    def take(name: str) -> Tensor:
        if name not in found:
            raise DataError(f"{name} is not among the variables: this is not MTT_musicnn of the package musicnn.")
        return torch.from_numpy(np.ascontiguousarray(found[name])).float()

    def norm(target: str, number: int) -> None:
        source = "batch_normalization" + (f"_{number}" if number else "")
        parts = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
        for ours, theirs in parts.items():
            out[f"{target}.{ours}"] = take(f"{source}__{theirs}")
        out[f"{target}.num_batches_tracked"] = torch.tensor(0)

    def convolution(target: str, number: int, shape: str) -> None:
        source = "conv2d" + (f"_{number}" if number else "")
        kernel = take(f"{source}__kernel").permute(3, 2, 0, 1)  # [out, in = 1, time, band]
        layouts = {"both": kernel, "time": kernel[:, :, :, 0], "features": kernel[:, 0].transpose(1, 2)}
        out[f"{target}.weight"], out[f"{target}.bias"] = layouts[shape].contiguous(), take(f"{source}__bias")

    norm("input_norm", 0)
    timbral, temporal = len(config.timbral_bands), len(config.temporal_frames)
    for i in range(timbral + temporal):
        target = f"timbral.{i}" if i < timbral else f"temporal.{i - timbral}"
        convolution(f"{target}.convolution", i, "both" if i < timbral else "time")
        norm(f"{target}.norm", i + 1)
    for i in range(config.layers):
        number = timbral + temporal + i
        convolution(f"middle.convolutions.{i}", number, "features")
        norm(f"middle.norms.{i}", number + 1)
    last = timbral + temporal + config.layers + 1
    norm("pooled_norm", last)
    norm("hidden_norm", last + 1)
    for target, source in (("hidden", "dense"), ("tags", "dense_1")):
        out[f"{target}.weight"] = take(f"{source}__kernel").T.contiguous()
        out[f"{target}.bias"] = take(f"{source}__bias")
    out["music.weight"], out["music.bias"] = torch.zeros(1, len(config.tags)), torch.zeros(1)
    return out


def convert(folder: Path) -> Musicnn:
    """The network with the published weights.

    Raises:
        DataError: no MTT_musicnn.npz there, or not the one.
    """
    path = folder / FILE
    if not path.is_file():
        raise DataError(f"There is no {FILE} in {folder}: point --data at the folder with musicnn's weights.")
    model = Musicnn(PRESETS["musicnn"])
    with np.load(path, allow_pickle=False) as found:
        model.load_state_dict(tensors(found, model.config))
    return model.eval()


def furthest(model: Musicnn, other: Musicnn, *, seed: int = 0) -> float:
    """The largest difference of a tag's probability between two networks, on pictures like music's."""
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    level = 3 * torch.rand(16, 1, config.bands, generator=generator)
    pictures = (level + torch.randn(16, config.window_frames, config.bands, generator=generator)).clamp(min=0)
    with torch.inference_mode():
        return float((model(pictures).sigmoid() - other(pictures).sigmoid()).abs().max())


def ship(model: Musicnn, metrics: list[dict[str, Any]], *, folder: Path | None = None) -> Path:
    """Write assets/weights/tags-musicnn with its card."""
    return weights.save(
        model, NAME, sample_rate_hz=model.config.sample_rate_hz,
        description="musicnn (arXiv:1909.06654): 50 tags of music, 12 of them genres. The network is ours, the weights "
        "are those that its authors published; they state ROC-AUC 0.907 and PR-AUC 0.383 on the test part of "
        "MagnaTagATune. One more output, whether it is music at all, was learned here.",
        training_command="python -m core.tags.convert --data PATH\n"
        "python -m core.tags.train --data PATH --speech PATH --noise PATH --events PATH",
        commit="trained by its authors", seed=0, steps=0, hours=0.0, device="their machine", data=DATA,
        metrics=metrics, known_failures=FAILURES, license="isc", bits=8, folder=folder,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {FILE}")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = convert(options.data)
    metrics = weights.card(NAME)["metrics"] if NAME in weights.names() else []
    place = ship(model, metrics)
    moved = furthest(model, weights.load(NAME))
    print(f"{place}: 8 bits move a tag by at most {moved:.4f}")


if __name__ == "__main__":
    main()
