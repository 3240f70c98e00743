"""Find weights of the sub-costs: python -m core.unit_selection.tune --data PATH

Sentences of the corpus are said without their own recordings, and what comes out is compared with these. A step
changes one weight by a factor and keeps the change if the mean `score` falls. The held-out prompts are not touched.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from core.text import alignment
from core.unit_selection import data, search
from core.unit_selection.costs import JoinWeights, TargetWeights
from core.unit_selection.data import Frames
from core.unit_selection.model import Voice
from core.unit_selection.sample import UnitSynthesis, synthesize, voice
from core.wavenet.data import read, sound_files

Weights = tuple[TargetWeights, JoinWeights]
F0_COUNTS = 5.0  # an error of 0.2 in log F0 is as bad as a distance of 1 between the cepstra
NAMES = ("cepstral distance", "log F0 error", "roughness")


def distance(a: Frames, b: Frames) -> tuple[float, float]:
    """How unlike two readings of a sentence are along the best alignment in time (dynamic time warping).

    Returns:
        mean distance of the mel cepstra, and root-mean-square difference of log F0 where both are voiced.
    """
    import librosa

    x, y = a.cepstra[::2], b.cepstra[::2]
    _, pairs = librosa.sequence.dtw(X=x.T, Y=y.T, metric="euclidean")
    one, other = pairs[:, 0], pairs[:, 1]
    cepstral = float(np.linalg.norm(x[one] - y[other], axis=1).mean())
    f0, f0_other = a.log_f0[::2][one], b.log_f0[::2][other]
    both = (f0 > 0) & (f0_other > 0)
    return cepstral, float(np.sqrt(np.mean((f0 - f0_other)[both] ** 2))) if both.any() else 0.0


def roughness(said: UnitSynthesis, speaker: Voice) -> float:
    """The jumps of spectrum, F0 and energy at the joins, in standard deviations, a unit of the sentence."""
    total, columns = 0.0, said.lattice.columns
    for join in said.joins:
        a, b = columns[join.column - 1], columns[join.column]
        rows = said.path.rows[join.column - 1], said.path.rows[join.column]
        total += float(search.join_parts(speaker, a, b)[:, rows[0], rows[1]].sum())
    return total / len(columns)


def score(speaker: Voice, chosen: Sequence[tuple[str, str, Frames]], weights: Weights) -> np.ndarray:
    """The mean over sentences (name, text, frames of the recording) of the three measures, as `NAMES`: [3]."""
    rows = []
    for name, text, recorded in chosen:
        said = synthesize(
            text, speaker=speaker, exclude={name}, target_weights=weights[0], join_weights=weights[1]
        )
        rows.append((*distance(recorded, data.frames(said.audio.numpy())), roughness(said, speaker)))
    return np.mean(rows, axis=0)


def total(measures: np.ndarray) -> float:
    """One number for the three, the smaller the better."""
    return float(measures @ (1.0, F0_COUNTS, 1.0))


def tune(speaker: Voice, chosen: Sequence[tuple[str, str, Frames]], *, rounds: int, factor: float) -> Weights:
    """Change one weight at a time, and keep what helps."""
    best: Weights = (TargetWeights(), JoinWeights())
    least = total(score(speaker, chosen, best))
    print(f"{'now':24s} {least:.4f}", flush=True)
    for _ in range(rounds):
        for part in (0, 1):
            for name in asdict(best[part]):
                for step in (factor, 1 / factor):
                    changed = replace(best[part], **{name: round(getattr(best[part], name) * step, 3)})
                    tried: Weights = (
                        (changed, best[1]) if isinstance(changed, TargetWeights) else (best[0], changed)
                    )
                    found = score(speaker, chosen, tried)
                    kept = total(found) < least
                    parts = "  ".join(f"{n} {v:.4f}" for n, v in zip(NAMES, found))
                    value = getattr(changed, name)
                    kind = ("target", "join")[part]
                    print(
                        f"{kind + ' ' + name:18s} {value:5.3f} {total(found):.4f}  {parts}  {'kept' * kept}",
                        flush=True,
                    )
                    if kept:
                        best, least = tried, total(found)
                        break
        factor = factor**0.5
    return best


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the corpus that the voice was built from")
    parser.add_argument("--sentences", type=int, default=60, help="of the corpus, evenly spread")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--factor", type=float, default=2.5, help="of the first round; the next takes its root")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    speaker, written = voice(), alignment.texts(options.data)
    known = {recording.name for recording in speaker.recordings}
    paths = [path for path in sound_files(options.data) if path.stem in known]
    paths = paths[7 :: max(1, len(paths) // options.sentences)][: options.sentences]
    chosen = [(path.stem, written[path.stem], data.frames(read(path).audio.numpy())) for path in paths]
    for found in tune(speaker, chosen, rounds=options.rounds, factor=options.factor):
        print(found)


if __name__ == "__main__":
    main()
