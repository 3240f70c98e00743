"""How well a voice is understood by a recogniser, and how good a network finds it: character error and DNSMOS.

No reference recording is needed, only what was to be said; so these two judge speakers that never said it before.
They come from the packages `pocketsphinx`, `jiwer` and `speechmos`, which the tests need and the site does not:
without them the functions raise a `PackageError` that says what to install.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from core.audio import SAMPLE_RATE_HZ, to_int16
from core.errors import AudioError
from core.packages import imported

__all__ = ["DnsMos", "as_read", "character_error", "corpus_character_error", "dnsmos", "recognise"]

LEAST_SECONDS = 0.1


@dataclass(frozen=True)
class DnsMos:
    """Opinions from 1 (bad) to 5 (excellent) that listeners would have, by two networks.

    overall, signal, background: of P.835.  p808: one question about everything, of P.808.
    """

    overall: float
    signal: float
    background: float
    p808: float


def recognise(sound: Tensor) -> str:
    """What pocketsphinx hears: free decoding with its US English acoustic and language model.

    Args:
        sound: float [T] at 16 kHz, at least 0.1 s.
    Returns:
        lower-case words, "" if it hears none; the same for the same sound.
    Raises:
        PackageError: pocketsphinx is not installed.  AudioError: too short, not [T], not finite.
    """
    samples = to_int16(_checked(sound))
    decoder = _decoder()
    decoder.reinit_feat()  # forget the cepstral mean of the sound before
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr if found else ""


def as_read(text: str) -> str:
    """A text as a recogniser should write it: what is said, lower case, no punctuation. "$5" is "five dollars"."""
    from core.text import english

    return " ".join(re.sub(r"[^a-z' ]", " ", " ".join(word.text for word in english.words(text))).split())


def character_error(sound: Tensor, text: str) -> float:
    """Edits that turn what is heard into what was to be said, for each character of the latter (jiwer.cer).

    Args:
        sound: float [T] at 16 kHz.  text: what is said, as written.
    Returns:
        0 if every character is heard; above 1 if more is heard than was said.
    Raises:
        PackageError: pocketsphinx or jiwer is not installed.  AudioError: as `recognise`.  TextError: as the text.
    """
    return corpus_character_error([as_read(text)], [recognise(sound)])


def corpus_character_error(wanted: Sequence[str], heard: Sequence[str]) -> float:
    """Character error over many sentences: all edits for all characters, so that long sentences count more.

    Args:
        wanted: as from `as_read`.  heard: as from `recognise`, one each.
    """
    return float(imported("jiwer").cer(list(wanted), list(heard)))


def dnsmos(sound: Tensor) -> DnsMos:
    """Predicted opinion of listeners about speech, its background and both, without a reference.

    Source: Reddy, Gopal, Cutler 2022, "DNSMOS P.835" (arXiv:2110.01763), as the package `speechmos` implements it:
    a sound shorter than 9 s is repeated. Made for noisy recordings, so it forgives what a vocoder does to a voice
    more readily than it forgives noise.

    Args:
        sound: float [T] at 16 kHz within [-1, 1].
    Raises:
        PackageError: speechmos is not installed.  AudioError: as `recognise`.
    """
    found = _judge()(_checked(sound).numpy().clip(-1, 1), SAMPLE_RATE_HZ, False)
    return DnsMos(*(float(found[f"{key}_mos"]) for key in ("ovrl", "sig", "bak", "p808")))


@functools.lru_cache(maxsize=1)
def _decoder() -> Any:
    return imported("pocketsphinx").Decoder(loglevel="FATAL")


@functools.lru_cache(maxsize=1)
def _judge() -> Any:
    """speechmos's DNSMOS with its two networks in one thread each; by itself it takes every core of the machine."""
    from pathlib import Path

    module, runtime = imported("speechmos.dnsmos"), imported("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    folder = Path(str(module.__file__)).parent / "dnsmos_models"
    judge = module.DNSMOS.__new__(module.DNSMOS)
    for field, name in (("onnx_sess", "sig_bak_ovr.onnx"), ("p808_onnx_sess", "model_v8.onnx")):
        setattr(judge, field, runtime.InferenceSession(str(folder / name), options))
    return judge


def _checked(sound: Tensor) -> Tensor:
    """float32 [T] on the CPU, or a typed error."""
    if sound.dim() != 1 or len(sound) < LEAST_SECONDS * SAMPLE_RATE_HZ:
        raise AudioError(f"A recogniser takes at least {LEAST_SECONDS} s of sound [T], got {list(sound.shape)}.")
    x = sound.detach().cpu().float()
    if not np.isfinite(x.numpy()).all():
        raise AudioError("The sound contains NaN or infinity; export it again from the program that made it.")
    return x
