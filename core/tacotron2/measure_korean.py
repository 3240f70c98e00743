"""Measure the Korean Tacotron 2 on sentences it has never read, beside its teacher; and ship a training run.

    python -m core.tacotron2.measure_korean
    python -m core.tacotron2.measure_korean --run runs/tacotron2-korean --write

Prints, for the 60 unseen sentences of core.tacotron2.sentences_ko: jamo error by the listener that learned to write
down what the teacher says (core.tacotron2.listener) and DNSMOS, of the teacher, of the teacher's mels through both
vocoders, and of the network through both; how the sentences were read; distortion with dynamic time warping; speed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from core import audio, recognition_metrics, weights
from core.tacotron2 import sample, teacher
from core.tacotron2.listener import DATA, NAME, Listener, error
from core.tacotron2.measure import decoded, of_run, read_well, ship, speed, warped_distortion
from core.tacotron2.model import Tacotron2
from core.tacotron2.sentences_ko import UNSEEN
from core.voice_metrics import Metric, show

PARTS = ("unseen", "speed")
COMMAND = "python -m core.tacotron2.measure_korean"
FAILURES = [
    "The voice is a synthesiser's: it can sound no more natural than espeak-ng, its teacher.",
    "Reads letters as they sound: what core.text.korean pronounces wrongly, it says wrongly.",
    "Its vocoder has heard one American woman and no Korean.",
]


def unseen(model: Tacotron2, listener: Listener, *, limit: int | None = None) -> list[Metric]:
    """The sentences that neither network has met, by the teacher and by its pupil."""
    texts = list(UNSEEN)[:limit]
    split = f"{len(texts)} unseen sentences"
    lessons = [teacher.teach(text) for text in texts]
    said = decoded(texts, model)
    found = read_well(said, split, "unseen")
    ids = [torch.tensor(lesson.tokens.ids) for lesson in lessons]

    def judged(name: str, sounds: Sequence[Tensor]) -> list[Metric]:
        opinion = float(np.mean([recognition_metrics.dnsmos(sound).overall for sound in sounds]))
        return show([
            Metric(f"jamo error (%), {name}", error(listener, sounds, ids), split, "unseen"),
            Metric(f"DNSMOS overall, {name}", opinion, split, "unseen"),
        ])  # fmt: skip

    found += judged("teacher", [lesson.audio for lesson in lessons])
    for vocoder in reversed(sample.VOCODERS):
        copies = [sample.vocode(audio.mel(lesson.audio), vocoder=vocoder) for lesson in lessons]
        found += judged(f"teacher's mels, {vocoder}", copies)
        sounds = [sample.vocode(one.mel, vocoder=vocoder) for one in said]
        found += judged(f"Tacotron 2, {vocoder}", sounds)
        distances = [warped_distortion(x, lesson.audio) for x, lesson in zip(sounds, lessons)]
        name = f"mel-cepstral distortion, warped (dB), Tacotron 2, {vocoder}"
        found += show([Metric(name, float(np.mean(distances)), split, "unseen")])
    lengths = [len(sound) / len(lesson.audio) for sound, lesson in zip(sounds, lessons)]
    return found + show([Metric("length beside the teacher's", float(np.mean(lengths)), split, "unseen")])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be repeated")
    parser.add_argument("--limit", type=int, help="only so many sentences")
    parser.add_argument("--run", type=Path, help="measure this training run instead of the shipped weights")
    parser.add_argument("--name", default="tacotron2-korean", help="of the shipped weights")
    parser.add_argument("--write", action="store_true", help="with --run: ship it and write its card")
    options = parser.parse_args(arguments)
    parts = options.only or PARTS
    torch.set_num_threads(1)
    model, state = of_run(options.run, "ko") if options.run else (weights.load(options.name), {})
    found: list[Metric] = []
    if "unseen" in parts:
        found += unseen(model, cast(Listener, weights.load(NAME)), limit=options.limit)
    found += speed(model) if "speed" in parts else []
    if options.write and options.run:
        print(ship(model, options.name, state, found, data=DATA, failures=FAILURES, command=COMMAND))


if __name__ == "__main__":
    main()
