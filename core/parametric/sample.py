"""A text, spoken by the two networks and the vocoder, with every step in between.

python -m core.parametric.sample "The birch canoe slid on the smooth planks." --out canoe.wav

text -> words -> phones in context -> durations -> means and variances -> trajectories -> global variance -> sound
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch

from core import weights
from core.audio import SAMPLE_RATE_HZ, Synthesis
from core.parametric import mlpg
from core.parametric.data import unpack
from core.parametric.model import AcousticModel, DurationModel
from core.parametric.vocoder import (
    CEPSTRA,
    FRAME_SECONDS,
    LIMITS,
    Parameters,
    change_f0,
    check_controls,
    synthesise,
)
from core.text import context, english
from core.text.context import PhoneContext
from core.text.english import Word

__all__ = ["ParametricSynthesis", "frames_of", "load", "synthesize", "trajectories"]

# Static columns that get their global variance back: mel-cepstra, c0 among them, and log F0. Without c0 the loudest
# syllables stick out less, but the recogniser errs more (13.7 instead of 12.6 % on the held-out prompts) and DNSMOS
# falls from 2.93 to 2.88.
SHARPENED = [*range(CEPSTRA), CEPSTRA]


@dataclass(frozen=True, eq=False)
class ParametricSynthesis(Synthesis):
    """What each stage of the synthesiser said. N phones and pauses, F frames of 5 ms.

    words: of the text, with their phones and the characters they came from.
    contexts: N phones with their places; `label()` of each is its full-context label.
    expected_s: float64 [N], seconds that the duration model expects, before the rate.
    durations: int64 [N], frames of each phone, the rate included.
    means: float64 [F, 126], 42 static columns (mel-cepstra, log F0, aperiodicity), their deltas, delta-deltas.
    deviations: float64 [126], of those means: the square roots of the variances in parameter generation.
    smooth: float64 [F, 42], the most likely trajectory.
    sharpened: float64 [F, 42], the same with the global variance of natural speech.
    voicing: float64 [F], probability of being voiced.
    spoken: what the vocoder was given: one of the two trajectories, its pitch changed as asked.
    """

    words: tuple[Word, ...]
    contexts: tuple[PhoneContext, ...]
    expected_s: np.ndarray
    durations: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    smooth: np.ndarray
    sharpened: np.ndarray
    voicing: np.ndarray
    spoken: Parameters

    @property
    def starts_s(self) -> np.ndarray:
        """When each phone begins: float64 [N]."""
        return (np.cumsum(self.durations) - self.durations) * FRAME_SECONDS


@functools.lru_cache(maxsize=1)
def load() -> tuple[DurationModel, AcousticModel]:
    """The shipped networks, read once.

    Raises:
        WeightsError: they are missing or damaged.
    """
    found = weights.load("parametric-duration"), weights.load("parametric-acoustic")
    return cast(DurationModel, found[0]), cast(AcousticModel, found[1])


def frames_of(expected: np.ndarray, rate: float = 1.0) -> np.ndarray:
    """Whole frames for each phone, at least one; what is lost or won by rounding is passed on to the next phone.

    Args:
        expected: float [N], frames.  rate: 2 is twice as fast.
    Returns:
        int64 [N]; their sum is that of expected / rate, rounded, unless that leaves less than a frame a phone.
    """
    ends = np.rint(np.cumsum(expected / rate)).astype(np.int64)
    out, at = [], 0
    for end in ends:
        out.append(max(1, int(end) - at))
        at += out[-1]
    return np.array(out, np.int64)


def trajectories(
    model: AcousticModel, features: np.ndarray, durations: np.ndarray, pauses: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What the acoustic model says of a sentence, and what parameter generation makes of it.

    Args:
        features: float [N, 319].  durations: int [N], F frames in all.  pauses: bool [N].
    Returns:
        means [F, 126], voicing [F], the smooth and the sharpened trajectory [F, 42], all float64.
    """
    means, voicing = model.predict(features, durations)
    smooth = mlpg.generate(means, model.variances)
    speech = ~np.repeat(pauses, durations)
    sharpened = smooth.copy()
    for column in SHARPENED:
        measured = speech & (voicing > 0.5) if column == CEPSTRA else speech
        sharpened[:, column] = mlpg.scale_variance(
            smooth[:, [column]], model.global_variance[[column]], speech=measured
        )[:, 0]
    return means, voicing, smooth, sharpened


def synthesize(
    text: str, *, rate: float = 1.0, f0_scale: float = 1.0, f0_shift_semitones: float = 0.0,
    formant_scale: float = 1.0, global_variance: bool = True,
    models: tuple[DurationModel, AcousticModel] | None = None,
) -> ParametricSynthesis:  # fmt: skip
    """Speak a text.

    Source: Zen, Tokuda, Black 2009, "Statistical parametric speech synthesis", with networks in place of decision
    trees (Zen, Senior, Schuster 2013).

    Args:
        text: English, at most 600 characters.
        rate: 2 is twice as fast; every phone is shortened alike.
        f0_scale: depth of the melody, 0 is flat.  f0_shift_semitones: 12 is an octave up.
        formant_scale: above 1 a shorter throat.
        global_variance: False leaves the trajectories as smooth as the statistics make them.
        models: others than the shipped ones.
    Returns:
        the sound and every stage; the same for the same text, for nothing is drawn at random but the vocoder's
        noise, which begins with the same seed.
    Raises:
        SamplingError: a control out of its limits.  TextError: nothing that can be said, too long.
        PackageError: a package is not installed.  WeightsError: no weights.
    """
    check_controls(
        rate=rate, f0_scale=f0_scale, f0_shift_semitones=f0_shift_semitones, formant_scale=formant_scale
    )  # fmt: skip
    words = english.words(text)
    lasting, acoustic = models or load()
    contexts = context.contexts(words)
    features = context.features(contexts)
    expected = lasting.predict(features)
    durations = frames_of(expected, rate)
    pauses = np.array([one.is_pause for one in contexts])
    means, voicing, smooth, sharpened = trajectories(acoustic, features, durations, pauses)
    chosen = sharpened if global_variance else smooth
    parts = unpack(chosen, (voicing > 0.5) & ~np.repeat(pauses, durations))
    parts = change_f0(parts, f0_scale=f0_scale, f0_shift_semitones=f0_shift_semitones)
    return ParametricSynthesis(
        torch.from_numpy(synthesise(parts, formant_scale=formant_scale)), SAMPLE_RATE_HZ,
        words=tuple(words), contexts=tuple(contexts), expected_s=expected * FRAME_SECONDS, durations=durations,
        means=means, deviations=np.sqrt(acoustic.variances), smooth=smooth, sharpened=sharpened, voicing=voicing,
        spoken=parts,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--out", type=Path, default=Path("speech.wav"))
    for name, (_, _, rest) in LIMITS.items():
        parser.add_argument("--" + name.replace("_", "-"), type=float, default=rest)
    parser.add_argument("--smooth", action="store_true", help="without global variance")
    options = parser.parse_args(arguments)
    controls = {name: getattr(options, name) for name in LIMITS}
    found = synthesize(options.text, **controls, global_variance=not options.smooth)
    options.out.write_bytes(found.wav())
    for one, lasting in zip(found.contexts, found.durations):
        print(f"{lasting * FRAME_SECONDS * 1000:5.0f} ms  {one.label()}")
    print(f"{found.seconds:.2f} s: {options.out}")


if __name__ == "__main__":
    main()
