"""How what MelNet draws is judged: python -m core.melnet.listen [--write]

Speech is drawn at several temperatures, spoken by the WaveNet vocoder and by Griffin-Lim, and judged by DNSMOS, a
network that predicts listeners' opinions; beside it held-out recordings through the same two. DNSMOS hears a voice and
its background, not words: that nothing is said does not lower it.
"""

from __future__ import annotations

import argparse
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from core import audio, held_out, postfilter, weights
from core.melnet import sample
from core.melnet.model import MelNet
from core.recognition_metrics import dnsmos
from core.wavenet import generate
from core.wavenet.model import WaveNet

TEMPERATURES = (0.6, 0.8, 1.0)
SOUNDS = 5
FRAMES = 320  # 4 s
NAME = "melnet-speech"
COMMAND = "python -m core.melnet.listen"


def spoken(vocoder: WaveNet, mel: Tensor) -> Tensor:
    """A log-mel [80, F] said by the vocoder, as the pages play it: float32 [T]."""
    codes = generate(vocoder, mel=mel[None], seed=0, temperature=0.7)[0]
    return postfilter.correct(audio.mu_law_decode(codes), mel)


def judged(vocoder: WaveNet, mels: list[Tensor]) -> dict[str, float]:
    """Mean DNSMOS (overall, 1 to 5) of mels [80, F], by the two ways to sound."""
    return {
        "WaveNet": float(np.mean([dnsmos(spoken(vocoder, mel)).overall for mel in mels])),
        "Griffin-Lim": float(np.mean([dnsmos(audio.griffin_lim(mel)).overall for mel in mels])),
    }


def drawn(model: MelNet, temperature: float) -> list[Tensor]:
    """Sounds of so many seeds, [80, F] each."""
    found = []
    for seed in range(SOUNDS):
        merged = torch.zeros(0)
        for look in sample.generate(model, seed, temperature, frames=FRAMES):
            merged = look.merged
        found.append(merged.T.contiguous())
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="keep what was found in the card")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model, vocoder = cast(MelNet, weights.load(NAME)), cast(WaveNet, weights.load("wavenet-vocoder"))
    rows: list[dict[str, Any]] = []

    def row(what: str, found: dict[str, float], split: str) -> None:
        for by, value in found.items():
            print(f"DNSMOS of {what}, {by:12s} {value:6.2f}   ({split})", flush=True)
            rows.append(
                {"name": f"DNSMOS of {what}, {by}", "value": round(value, 2), "split": split, "command": COMMAND}
            )

    sentences = [audio.mel(held_out.load(prompt)) for prompt in list(held_out.sentences())[:SOUNDS]]
    row("recordings", judged(vocoder, sentences), f"{SOUNDS} held-out sentences")
    for temperature in TEMPERATURES:
        row(f"what is drawn at temperature {temperature}", judged(vocoder, drawn(model, temperature)),
            f"{SOUNDS} sounds of {FRAMES / 80:.0f} s")  # fmt: skip
    if options.write:
        print(weights.renew(NAME, rows, model=model))


if __name__ == "__main__":
    main()
