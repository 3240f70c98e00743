"""From a sound to a text: greedy decoding, times by forced alignment, and how far to trust the result.

`beam` of core.recognition.beam is the third way to read the network's output; `recognise` does everything at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from core import audio
from core.errors import AudioError, TextError
from core.recognition import ctc
from core.recognition.beam import Beam, LanguageModel, Prefix, beam
from core.recognition.model import ALPHABET, BLANK, SECONDS_PER_STEP, decode_text, encode_text

if TYPE_CHECKING:
    from core.recognition.model import Recogniser

__all__ = ["Alignment", "Beam", "Greedy", "Prefix", "Recognition", "Timed", "align", "beam", "confidence", "greedy",
           "posteriors", "recognise", "signs"]  # fmt: skip

SURE = 0.5  # confidence below which a result should not be believed
BEAM = 16  # prefixes that `recognise` keeps
WEIGHT, BONUS = 0.45, 0.6  # of the language model, for each letter; found on the sentences that watch the training


@dataclass(frozen=True)
class Timed:
    """A letter or a word: from when to when, in seconds, and the mean probability of its letters, 0 to 1."""

    text: str
    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True)
class Greedy:
    """path: the most probable symbol of each step, T numbers.  merged: the same with repetitions as one.
    text: without the blanks.  log_probability: of this path alone."""

    path: tuple[int, ...]
    merged: tuple[int, ...]
    text: str
    log_probability: float


@dataclass(frozen=True, eq=False)
class Alignment:
    """letters, words: with their times.  states: int64 [T], the state of the lattice (`core.recognition.ctc`) at each
    step.  log_probability: of this path;  text_log_probability: of all paths that give the text."""

    text: str
    letters: tuple[Timed, ...]
    words: tuple[Timed, ...]
    states: np.ndarray
    log_probability: float
    text_log_probability: float


@dataclass(frozen=True, eq=False)
class Recognition:
    """What was heard.

    posteriors: float32 [T, K], the probability of each symbol of ALPHABET at each step, the blank first.
    text: a to z, apostrophes, spaces; "" if nothing was.  confidence: 0 to 1, the share of the letters that can be
    expected to be right.  words: with their times.
    """

    posteriors: np.ndarray
    text: str
    confidence: float
    words: tuple[Timed, ...]
    seconds_per_step: float = SECONDS_PER_STEP

    @property
    def is_sure(self) -> bool:
        """False for what is no speech, or speech that the network was not made for."""
        return self.confidence >= SURE and bool(self.text)


@torch.no_grad()
def posteriors(model: Recogniser, sound: Tensor | np.ndarray) -> np.ndarray:
    """What the network says of a sound: ln of the probability of each symbol at each step.

    Args:
        sound: float [T] at 16 kHz, of any level, at least 0.04 s.
    Returns:
        float32 [ceil((1 + T // 200) / 2), K].
    Raises:
        AudioError: too short, not [T], not finite.
    """
    x = torch.as_tensor(sound).float()
    if x.dim() != 1:
        raise AudioError(f"The recogniser takes one channel, float [T], got {list(x.shape)}.")
    return model(audio.mel(audio.level_to(x))[None])[0].numpy()


def greedy(log_probs: np.ndarray) -> Greedy:
    """Best path decoding: the most probable symbol of each step, then repetitions and blanks go.

    Source: Graves et al. 2006, section 3.2, "best path decoding": h(x) = B(argmax p(path | x)). Not always the most
    probable text, for a text may have many paths.

    Args:
        log_probs: float [T, K], the blank first.
    """
    path = np.asarray(log_probs).argmax(axis=1)
    merged = [int(symbol) for i, symbol in enumerate(path) if i == 0 or symbol != path[i - 1]]
    total = float(np.asarray(log_probs, np.float64).max(axis=1).sum())
    return Greedy(tuple(path.tolist()), tuple(merged), decode_text(merged), total)


def align(log_probs: np.ndarray, text: str) -> Alignment:
    """When each letter of a known text is said: the most probable path that gives it (forced alignment).

    A letter's steps are those at which the path is in its state; CTC needs no more than one, so letters are short
    peaks, and the blanks between them tell nothing about where a sound ends.

    Args:
        log_probs: float [T, K].  text: a to z, apostrophes and single spaces, at least one letter.
    Raises:
        TextError: nothing to align, another character, or a text that is too long for the sound.
    """
    if not text.strip():
        raise TextError("There is nothing to align: type what is said in the sound.")
    numbers = encode_text(text)
    path = ctc.best_path(log_probs, numbers)
    likely = np.exp(np.asarray(log_probs, np.float64))
    letters = []
    for place, number in enumerate(numbers):
        at = np.flatnonzero(path.states == 2 * place + 1)
        start, end = float(at[0] * SECONDS_PER_STEP), float((at[-1] + 1) * SECONDS_PER_STEP)
        letters.append(Timed(ALPHABET[number], start, end, float(likely[at, number].mean())))
    return Alignment(
        text, tuple(letters), words_of(letters), path.states, path.log_probability,
        ctc.log_probability(log_probs, numbers),
    )  # fmt: skip


def words_of(letters: Sequence[Timed]) -> tuple[Timed, ...]:
    """Letters with times -> words with times; spaces part them."""
    groups: list[list[Timed]] = [[]]
    for one in letters:
        if one.text == " ":
            groups.append([])
        else:
            groups[-1].append(one)
    return tuple(
        Timed("".join(one.text for one in g), g[0].start_s, g[-1].end_s, float(np.mean([one.score for one in g])))
        for g in groups if g
    )  # fmt: skip


def signs(log_probs: np.ndarray) -> np.ndarray:
    """What tells a good result from a bad one without knowing the text: float64 [4].

    How sure the network is of the letters that it writes (mean probability of greedy decoding's), how undecided it is
    for each of them (entropy of all steps in nats, over the number of letters), tens of letters a second, and how many
    letters there are at all, in tens, 1 at most: a short text may be chance.
    """
    rows = np.asarray(log_probs, np.float64)
    path = rows.argmax(axis=1)
    begins = (path != BLANK) & (path != np.concatenate([[BLANK], path[:-1]]))
    count = max(1, int(begins.sum()))
    sure = float(np.exp(rows.max(axis=1)[begins]).sum()) / count
    entropy = float(-(np.exp(rows) * rows).sum()) / count
    return np.array([sure, entropy, count / (len(rows) * SECONDS_PER_STEP) / 10, min(count, 10) / 10])


def confidence(model: Recogniser, log_probs: np.ndarray) -> float:
    """The share of the letters that can be expected to be right, 0 to 1: a logistic regression on four `signs`.

    Its five numbers come with the weights; `core.recognition.calibrate` finds them on held-out speech and on sounds
    without speech, for which everything is wrong.
    """
    found = signs(log_probs)
    if not greedy(log_probs).text.strip():
        return 0.0
    weights = model.calibration.double().numpy()  # [5], the constant last
    return float(1 / (1 + np.exp(-(found @ weights[:-1] + weights[-1]))))


def recognise(
    model: Recogniser, sound: Tensor | np.ndarray, *, width: int = BEAM, language_model: LanguageModel | None = None,
    weight: float = WEIGHT, bonus: float = BONUS,
) -> Recognition:  # fmt: skip
    """Listen to a sound: greedily, or by beam search where a language model is given.

    Args:
        sound: float [T] at 16 kHz, at least 0.04 s.  width, weight, bonus: of the beam search, see `beam`.
        language_model: such as `model.language_model`, which comes with the weights.
    Raises:
        AudioError: as `posteriors`.  SamplingError: as `beam`.
    """
    log_probs = posteriors(model, sound)
    if language_model is None:
        text = greedy(log_probs).text
    else:
        text = beam(log_probs, width, language_model, weight=weight, bonus=bonus).text
    text = " ".join(text.split())
    words = align(log_probs, text).words if text else ()
    return Recognition(np.exp(log_probs), text, confidence(model, log_probs), words)
